import * as z from 'zod';
import { createFaultSwitch, type FaultOrder, REFUSE_CONNECTIONS } from '../faults.ts';
import type { PaymentsEvent } from '../payments-ledger.ts';
import { createTimers, json, parseJson, startServer, text } from '../server.ts';
import { createApi, STRIPE_FAULTS } from './api.ts';
import { TEST_MEANS } from './cards.ts';
import { createCharges } from './charges.ts';
import { controlRoutes } from './control.ts';
import { createEvents } from './events.ts';
import {
  chargeObject,
  disputeObject,
  givenBack,
  intentObject,
  methodObject,
  refundObject,
  sessionObject,
  setupIntentObject,
} from './objects.ts';
import { bankPage, checkoutPage } from './pages.ts';
import { restrictedTo } from './rights.ts';
import {
  type Dispute,
  newId,
  openState,
  type PaymentMethod,
  type Refund,
  type StripeState,
} from './state.ts';

/** Of the process; it has the right time. */
export const stripeOptionsSchema = z.object({
  /** 0 for any free port. */
  port: z.int().nonnegative().default(0),
  /** `rk_test_…`, the one key it accepts. */
  apiKey: z.string().min(1),
  /** The one version of the API it speaks, which is that of the package. */
  apiVersion: z.string().min(1),
  /** Where events go, and the secret that signs them, `whsec_…`. */
  webhook: z.object({ url: z.url().optional(), secret: z.string() }).optional(),
  /** Keeps what it knows over the end of the process. */
  stateFile: z.string().optional(),
});

export interface SandboxStripeOptions extends z.input<typeof stripeOptionsSchema> {
  /** Unix milliseconds; keys are forgotten by this clock. */
  now?: () => number;
  /** Those of the key, as of a restricted one: `rak_customer_write`. Default: it may do everything. */
  rights?: readonly string[];
}

export interface SandboxStripe {
  url: string;
  port: number;
  /** What really happened to the money. */
  books: readonly PaymentsEvent[];
  state: StripeState;
  /** Every try to deliver an event. */
  sent: readonly { type: string; status: number | 'no answer' }[];
  /** @throws Error with the valid names. */
  fault(order: FaultOrder): void;
  /** A client with a saved means of payment. @param number one of Stripe's test numbers. */
  saveMeans(email: string, number?: string): { customer: string; paymentMethod: PaymentMethod };
  /** A client's bank takes the money of a payment back, until the dispute is won. @param ref the payment. */
  dispute(ref: string, status?: Dispute['status']): Dispute;
  /** Somebody gives money back in Stripe's dashboard. @param ref the payment. @param amount default: all of it. */
  refundByHand(ref: string, amount?: number): Refund;
  /** Somebody takes a means of payment away, in the dashboard or as the client. */
  detach(id: string): void;
  /** A bank gave its client a new card, and told Stripe. @param number the new one. */
  renew(id: string, number: string): void;
  emit(type: string, object: unknown, before?: object): void;
  close(): Promise<void>;
}

/** Stripe's API, to try and test the relay against: true books, real idempotency, and every way to fail. */
export async function createSandboxStripe({
  port = 0,
  apiKey,
  apiVersion,
  webhook,
  now = Date.now,
  stateFile,
  rights,
}: SandboxStripeOptions): Promise<SandboxStripe> {
  const timers = createTimers();
  const state = openState(stateFile);
  let eventsUrl = webhook?.url;
  let pagesUrl: string | undefined;
  const events = createEvents({
    url: () => eventsUrl,
    secret: webhook?.secret ?? '',
    apiVersion,
    now,
    sleep: timers.sleep,
  });
  const urlOf = (page: 'checkout' | 'bank', id: string) => `${pagesUrl ?? server.url}/${page}/${id}`;
  const charges = createCharges(state, now, (type, object) => {
    if ('customer' in object)
      return events.emit(type, intentObject(state, object, [], urlOf('bank', object.id)));
    const intent = state.intents.get(object.intent);
    events.emit(type, refundObject(object, intent?.currency ?? ''));
    if (intent && type === 'refund.created') events.emit('charge.refunded', chargeObject(state, intent));
  });
  const faults = createFaultSwitch(
    {
      ...Object.fromEntries(Object.entries(STRIPE_FAULTS).map(([name, table]) => [name, Object.keys(table)])),
      charge: [...Object.keys(STRIPE_FAULTS.charge), REFUSE_CONNECTIONS],
    },
    timers,
    (ms) => server.refuseConnections(ms),
  );

  function saveMethod(customer: string, number: string): PaymentMethod {
    const means = TEST_MEANS[number];
    if (!means) throw new Error(`The sandbox knows these: ${Object.keys(TEST_MEANS).join(', ')}.`);
    const method: PaymentMethod = {
      id: newId('pm'),
      customer,
      type: means.type,
      ...(means.brand === undefined ? {} : { brand: means.brand }),
      last4: number.slice(-4),
      expMonth: 12,
      expYear: new Date(now()).getUTCFullYear() + 3,
      fingerprint: `fp_${number.slice(-6)}`,
      behaviour: means.behaviour,
      created: Math.floor(now() / 1_000),
    };
    state.paymentMethods.set(method.id, method);
    return method;
  }

  const intentOf = (ref: string) => found(state.intents, ref);
  const methodOf = (id: string) => found(state.paymentMethods, id);
  function saveMeans(email: string, number = '4242424242424242') {
    const known = [...state.customers.values()].find((customer) => customer.email === email);
    const customer = known ?? { id: newId('cus'), email, created: Math.floor(now() / 1_000) };
    state.customers.set(customer.id, customer);
    const paymentMethod = saveMethod(customer.id, number);
    state.save();
    return { customer: customer.id, paymentMethod };
  }

  const chargeOf = (id: string) =>
    [...state.intents.values()].findLast(({ metadata }) => metadata.relay_charge_id === id);

  const api = createApi({ state, charges, faults, keys: { api: apiKey, version: apiVersion }, now, urlOf });
  function dispute(ref: string, status: Dispute['status'] = 'needs_response'): Dispute {
    const intent = intentOf(ref);
    const dispute = {
      ...{ id: newId('dp'), intent: ref, amount: intent.amount, status },
      created: Math.floor(now() / 1_000),
    };
    state.disputes.set(dispute.id, dispute);
    state.save();
    events.emit('charge.dispute.created', disputeObject(dispute, intent));
    return dispute;
  }

  function refundByHand(ref: string, amount?: number): Refund {
    const intent = intentOf(ref);
    const refund = charges.refund(intent, amount ?? intent.amount, {});
    if (!refund) throw new Error(`So much of ${ref} cannot be given back.`);
    state.save();
    return refund;
  }

  const server = await startServer(
    {
      ...(rights === undefined ? api : restrictedTo(rights, api)),
      ...faults.routes,
      ...controlRoutes({
        state,
        saveMeans,
        reachedAt({ events, pages }) {
          eventsUrl = events;
          pagesUrl = pages;
        },
      }),
      'GET /health': () => json(200, { status: 'ok' }),
      'GET /sandbox/books': () => json(200, { events: state.books }),
      'POST /sandbox/charges/{charge_id}/settle': ({ param, body }) => {
        const { outcome } = Object(parseJson(body));
        const intent = chargeOf(param);
        if (!intent) return json(404, { error: 'No such charge.' });
        const refund = [...state.refunds.values()].find(
          (one) => one.intent === intent.id && one.status === 'pending',
        );
        const settled =
          outcome === 'refunded'
            ? refund !== undefined && charges.settleRefund(refund)
            : (outcome === 'paid' || outcome === 'declined') && charges.settle(intent, outcome);
        state.save();
        return settled ? json(200, {}) : json(409, { error: 'Nothing is pending that could be so.' });
      },
      'POST /sandbox/charges/{charge_id}/dispute': ({ param }) => {
        const intent = chargeOf(param);
        return intent?.charge ? json(200, dispute(intent.id)) : json(404, { error: 'No such payment.' });
      },
      'POST /sandbox/charges/{charge_id}/refund': ({ param }) => {
        const intent = chargeOf(param);
        return intent?.status === 'succeeded' && givenBack(state, intent.id) === 0
          ? json(200, refundByHand(intent.id))
          : json(409, { error: 'Nothing was paid that could be given back.' });
      },
      'GET /checkout/{session}': ({ param }) => {
        const session = state.sessions.get(param);
        return session
          ? checkoutPage(session, state.customers.get(session.customer)?.email ?? '')
          : text(404, 'No such session.');
      },
      'POST /checkout/{session}': ({ param, body }) => {
        const session = state.sessions.get(param);
        if (session?.status !== 'open') return text(404, 'No such session.');
        const number = new URLSearchParams(body).get('number')?.replaceAll(' ', '') ?? '';
        if (!(number in TEST_MEANS))
          return text(400, `The sandbox knows these: ${Object.keys(TEST_MEANS).join(', ')}.`);
        const method = saveMethod(session.customer, number);
        session.status = 'complete';
        session.paymentMethod = method.id;
        state.save();
        events.emit('payment_method.attached', methodObject(method));
        events.emit('setup_intent.succeeded', setupIntentObject(session));
        events.emit('checkout.session.completed', sessionObject(session, ''));
        return seeOther(session.successUrl);
      },
      'GET /bank/{intent}': ({ param }) => {
        const intent = state.intents.get(param);
        return intent ? bankPage(intent) : text(404, 'No such payment.');
      },
      'POST /bank/{intent}': ({ param, body }) => {
        const intent = state.intents.get(param);
        if (!intent) return text(404, 'No such payment.');
        charges.authenticated(intent, new URLSearchParams(body).get('answer') === 'confirm');
        state.save();
        return seeOther(intent.returnUrl ?? '/');
      },
    },
    port,
    timers,
  );

  return {
    url: server.url,
    port: server.port,
    books: state.books,
    state,
    sent: events.sent,
    fault: faults.add,
    saveMeans,
    dispute,
    refundByHand,
    detach(id) {
      const method = methodOf(id);
      const { customer } = method;
      method.customer = null;
      state.save();
      events.emit('payment_method.detached', methodObject(method), { customer });
    },
    renew(id, number) {
      const method = methodOf(id);
      const before = methodObject(method);
      Object.assign(method, {
        last4: number.slice(-4),
        expYear: method.expYear + 3,
        fingerprint: `fp_${number.slice(-6)}`,
      });
      state.save();
      events.emit('payment_method.automatically_updated', methodObject(method), before);
    },
    emit: events.emit,
    close: server.close,
  };
}

/** @throws where there is no such object. */
function found<Row>(rows: Map<string, Row>, id: string): Row {
  const row = rows.get(id);
  if (row === undefined) throw new Error(`The sandbox has no ${id}.`);
  return row;
}

const seeOther = (url: string) => ({
  kind: 'answer' as const,
  status: 303,
  headers: { location: url },
  body: '',
});
