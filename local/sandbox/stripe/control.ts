import * as z from 'zod';
import { json, parseJson, type Routes } from '../server.ts';
import type { PaymentMethod, StripeState } from './state.ts';

const relaySchema = z.strictObject({ events: z.url(), pages: z.url() });
const clientsSchema = z.strictObject({
  clients: z.array(z.strictObject({ email: z.string(), number: z.string().optional() })),
});

/** What a person or a test may do to this Stripe besides calling its API. */
export function controlRoutes({
  state,
  saveMeans,
  reachedAt,
}: {
  state: StripeState;
  saveMeans(email: string, number?: string): { customer: string; paymentMethod: PaymentMethod };
  /** Where events go, and where a browser finds this Stripe's pages. */
  reachedAt(relay: z.infer<typeof relaySchema>): void;
}): Routes {
  return {
    'POST /sandbox/relay': ({ body }) => {
      const { data } = relaySchema.safeParse(parseJson(body));
      if (!data) return json(400, { error: 'It takes {events, pages}, both addresses.' });
      reachedAt(data);
      return json(200, data);
    },

    /** Clients with a saved card. One who has any keeps it, so it can be asked for again. */
    'POST /sandbox/clients': ({ body }) => {
      const { data } = clientsSchema.safeParse(parseJson(body));
      if (!data) return json(400, { error: 'It takes {clients: [{email, number?}]}.' });
      return json(200, {
        clients: data.clients.map(({ email, number }) => savedOf(email, state) ?? saveMeans(email, number)),
      });
    },
  };
}

function savedOf(email: string, { customers, paymentMethods }: StripeState) {
  const customer = [...customers.values()].find((one) => one.email === email)?.id;
  const paymentMethod = [...paymentMethods.values()].findLast((one) => one.customer === customer);
  return customer === undefined || paymentMethod === undefined ? undefined : { customer, paymentMethod };
}
