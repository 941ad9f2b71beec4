import { readFile } from 'node:fs/promises';
import { readListedGrants } from '../shared/books/compared-grants.ts';
import { exportedGrants } from '../shared/books/exported-grants.ts';
import { reconcile } from '../shared/books/reconcile.ts';
import type { ListedGrants, Reconciliation } from '../shared/books/reconciliation.ts';
import { createEndpointBooks } from '../shared/payments/endpoint-books.ts';
import type { PaymentBooks } from '../shared/payments/payment-books.ts';
import { createStripeBooks } from '../shared/payments/stripe/stripe-books.ts';
import type { Counterparty } from '../shared/recharge/counterparty.ts';
import { productionPolicy } from '../shared/recharge/policy.ts';
import { partiesOf } from '../shared/settings/config-in-use.ts';
import { configInForce } from './config-in-force.ts';
import type { Connection } from './connection.ts';
import { monthOf } from './days.ts';
import { OperateError } from './error.ts';
import { findPaymentEndpoint } from './payments/endpoint.ts';
import { callOptions, createPatience, findPlatform } from './platform.ts';
import { askStripe, findStripe } from './stripe.ts';
import type { Target } from './target.ts';

export interface ReconcileDeed {
  /** `2026-10`, in UTC. */
  month: string;
  /** The platform's usage export of that month. Without it the platform is asked, if it lists grants there. */
  exportFile?: string;
  lookBackDays?: number;
  mostAsked?: number;
  /** Hears how far it is. */
  looked: (said: string) => void;
  /** Hears what is waited for. */
  waits: (said: string) => void;
  sleep: (ms: number) => Promise<unknown>;
}

/**
 * Holds the ledger's books of a month against those of the payment provider and of the platform (shared/books/reconcile.ts
 * says how). Changes nothing.
 *
 * @throws an OperateError, `refused`, if it is no month, or has not begun, or the file is no export; `not_ready`, if the
 *   provider cannot be asked.
 */
export async function reconcileMonth(
  connection: Pick<Connection, 'ledger' | 'rows' | 'table' | 'now'>,
  target: Target,
  { month, exportFile, looked, waits, sleep, ...bounds }: ReconcileDeed,
): Promise<Reconciliation> {
  const { table, now } = connection;
  const ofMonth = { month, ...monthOf(month, now()) };
  const ofFile = exportFile === undefined ? undefined : await grantsOfFile(exportFile);
  return reconcile(connection, {
    ...(await findPaymentBooks(target, now)),
    ...bounds,
    table,
    month: ofMonth,
    grants: async () => ofFile ?? grantsOfPlatform(target, ofMonth, { waits, sleep }),
    tell: looked,
    sleep,
  });
}

/**
 * The books of the payment provider through which a relay charges.
 *
 * @throws an OperateError that says what to set, start or deploy, if it cannot be asked.
 */
async function findPaymentBooks(
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
async function grantsOfFile(file: string): Promise<ListedGrants> {
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

/** Grants of the usage export of a month, from the platform itself, where that lists grants. */
async function grantsOfPlatform(
  target: Target,
  month: { from: number; to: number },
  { waits, sleep }: Pick<ReconcileDeed, 'waits' | 'sleep'>,
): Promise<ListedGrants> {
  try {
    const platform = await findPlatform(target);
    const { pace, patiently } = createPatience(waits, sleep);
    return await patiently(() => exportedGrants(callOptions(platform, pace), month));
  } catch (error) {
    if (error instanceof OperateError) return { kind: 'unreadable', why: error.message };
    throw error;
  }
}
