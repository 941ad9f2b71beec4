import { readFile } from 'node:fs/promises';
import { createEndpointBooks } from '../../shared/payments/endpoint-books.ts';
import type { PaymentBooks } from '../../shared/payments/payment-books.ts';
import { createStripeBooks } from '../../shared/payments/stripe/stripe-books.ts';
import { prepareCall } from '../../shared/platform/call.ts';
import { dayOf } from '../../shared/recharge/account.ts';
import type { Counterparty } from '../../shared/recharge/counterparty.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import { partiesOf } from '../../shared/settings/config-in-use.ts';
import { configInForce } from '../config-in-force.ts';
import { DAY_MS } from '../days.ts';
import { OperateError } from '../error.ts';
import { findPaymentEndpoint } from '../payments/endpoint.ts';
import { callOptions, createPatience, findPlatform } from '../platform.ts';
import { askStripe, findStripe } from '../stripe.ts';
import type { Target } from '../target.ts';
import { readListedGrants } from './grants.ts';
import type { ListedGrants } from './reconcile.ts';

/**
 * The books of the payment provider through which a relay charges.
 *
 * @throws an OperateError that says what to set, start or deploy, if it cannot be asked.
 */
export async function findPaymentBooks(
  target: Target,
  now: () => number,
): Promise<{ provider: PaymentBooks; party: Counterparty }> {
  const config = configInForce(target);
  const party = partiesOf(config).payment;
  if (config.payment.type === 'http') {
    const { url, key } = await findPaymentEndpoint(target);
    const provider = createEndpointBooks({ url, key, timeoutMs: productionPolicy.chargeCallMs, now });
    return { provider, party };
  }
  const client = await findStripe(target);
  const { name, list, look } = createStripeBooks(client);
  return {
    party,
    provider: {
      name,
      list: async (range) => (list ? askStripe(client, () => list(range)) : []),
      look: (charge) =>
        askStripe(client, () => look(charge)).catch((error: unknown) => {
          if (error instanceof OperateError) return { kind: 'no_answer', detail: error.message };
          throw error;
        }),
    },
  };
}

/**
 * Grants of a usage export that was saved to a file.
 *
 * @throws an OperateError, `refused`, if the file is none.
 */
export async function grantsOfFile(file: string): Promise<ListedGrants> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new OperateError('refused', `The file ${file} cannot be read (${error.code}).`);
  });
  const grants = await readListedGrants(text);
  if (grants) return { kind: 'listed', grants };
  throw new OperateError(
    'refused',
    `The file ${file} is not the platform's usage export: a CSV with the columns Sub Account Email, Amount and Description.`,
  );
}

/** As the platform's client reads it: 100,000 actions. */
const MAX_EXPORT_BYTES = 16 * 1024 * 1024;

/** Grants of the usage export of a month, from the platform itself, where that lists grants. */
export async function grantsOfPlatform(
  target: Target,
  { from, to }: { from: number; to: number },
  {
    tell,
    sleep,
    now,
  }: { tell: (said: string) => void; sleep: (ms: number) => Promise<unknown>; now: number },
): Promise<ListedGrants> {
  const why = 'Save it as a file, and give it: --export FILE.';
  try {
    const platform = await findPlatform(target);
    const { keyPlacement, usageExport } = platform.profile;
    if (!usageExport.listsGrants) {
      return {
        kind: 'left_out',
        why: 'platform.usageExport.listsGrants is not set. If the export of your platform lists grants, give it: --export FILE.',
      };
    }
    const patience = createPatience(tell, sleep);
    const ask = async () =>
      (
        await prepareCall(callOptions(platform, patience.pace), {
          method: 'GET',
          path: '/agencies/usage/export',
          keyIn: keyPlacement.usageExport,
          // A day more on either side: its days may be cut otherwise.
          query: { from: dayOf(from - DAY_MS), to: dayOf(Math.min(to, now) + DAY_MS) },
          accept: 'text/csv, application/json',
          maxAnswerBytes: MAX_EXPORT_BYTES,
        })
      )();
    const { answer, detail } = await patience.patiently(ask);
    if (answer.kind !== 'response' || answer.status !== 200)
      return { kind: 'unreadable', why: `the platform gave no usage export (${detail}). ${why}` };
    const grants = await readListedGrants(answer.body);
    if (grants) return { kind: 'listed', grants };
    return { kind: 'unreadable', why: `the platform's usage export is not the documented CSV. ${why}` };
  } catch (error) {
    if (error instanceof OperateError) return { kind: 'unreadable', why: error.message };
    throw error;
  }
}
