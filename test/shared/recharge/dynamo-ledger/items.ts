import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { expect } from 'vitest';
import { type Account, type Reservation, unknownAccount } from '../../../../shared/recharge/account.ts';
import type { DueRecharge, Ledger, WaitsFor } from '../../../../shared/recharge/ledger.ts';
import { newRecharge, type Recharge } from '../../../../shared/recharge/recharge.ts';
import type { Store } from '../../../support/store.ts';

export const NOW = Date.UTC(2026, 0, 5, 9, 30, 0, 123);
export const EMAIL = 'jane@example.com';

/** A row as the webhook claims it, due three minutes later. */
export const received = (over: Partial<Recharge> = {}): Recharge => ({
  ...newRecharge({ key: 'key-1', email: EMAIL, credits: 500 }, NOW, NOW + 180_000),
  ...over,
});

/** Every field there is: the compiler misses none. */
export const FULL_RECHARGE: Required<Recharge> = {
  v: 2,
  key: 'a key with # and / and ü',
  email: EMAIL,
  credits: 500,
  receivedAt: NOW,
  phase: 'needs_review',
  version: 1,
  attempt: 2,
  attemptStartedAt: NOW + 86_400_000,
  nextAttemptAt: NOW + 90_000_000,
  wokenAt: NOW + 88_000_000,
  notBefore: NOW + 89_000_000,
  stopped: true,
  prepaid: true,
  swept: 3,
  amount: 5_000,
  currency: 'USD',
  paymentRef: 'pi_3MtwBwLkdIwHu7ix28a3tqPa',
  paidAt: NOW + 1_500,
  paymentParty: 'acme-payments',
  platformParty: '~89abcdef',
  actionUrl: 'https://pay.example.com/act?a=1&b=2',
  actBy: NOW + 259_200_000,
  grantEmail: 'Jane@Example.com',
  platformId: 'sub-7',
  balanceBefore: 12.5,
  grantNo: 2,
  grantToken: 'tok_abc',
  grantDeadline: NOW + 120_000,
  unsent: true,
  notApplied: 3,
  phaseDeadline: NOW + 300_000,
  refundStartedAt: NOW + 200_000,
  refundedAt: NOW + 250_000,
  refundRef: 're_1',
  goodwillRefund: 'refunded',
  newBalance: 0,
  review: 'grant_unknown',
  sayAgain: 'granted_twice',
  reason: 'over_daily_count',
  history: [
    { at: NOW, event: 'received' },
    { at: NOW + 1, event: 'waiting', detail: 'payment unknown: timeout "ü" \u0000', times: 7 },
    { at: NOW + 2, event: 'left_out', times: 2 },
    { at: NOW + 3, event: 'paid', detail: '' },
  ],
};

export const reserved = (at: number, amount = 5_000): Reservation => ({
  state: 'reserved',
  at,
  money: { amount, currency: 'USD' },
});

export const FULL_ACCOUNT: Required<Account> = {
  email: EMAIL,
  revision: 0,
  status: 'suspended',
  statusChange: { at: NOW, note: 'three declines', by: 'jane', forDeclines: true },
  declines: { times: 3, card: 'Xt5EWLLDS7FJjR1c', suspendedFor: ['Qz3PVMAAK9ZTwR7d'] },
  meansChosenAt: NOW,
  expiresAt: 1_767_787_200,
  grantEmail: 'Jane@Example.com',
  platformId: 'sub_1',
  customer: 'cus_1',
  paymentMethod: {
    id: 'pm_1',
    type: 'card',
    brand: 'visa',
    last4: '4242',
    expires: '2027-03',
    fingerprint: 'Xt5EWLLDS7FJjR1c',
  },
  pricing: {
    currency: 'USD',
    tiers: [{ upTo: 1_000, perCredit: '0.10' }, { perCredit: '0.08' }],
    minimumCharge: '5.00',
  },
  limits: { dailyCount: 0, monthlyAmount: 50_000, cooldownSeconds: 600 },
  last: { key: 'key-#-last', at: NOW },
  told: { day: '2026-01-05', words: ['recharge_blocked account_suspended'] },
  counts: { '2026-01-04': 2, '2026-01-05': 1 },
  closedTo: NOW - 600_000,
  spent: { '2025-12_USD': 15_000, '2026-01_JPY': 0, '2026-01_USD': 5_000 },
  reservations: {
    r_00000000000000a1_1: {
      ...reserved(NOW),
      state: 'reserved',
      credits: 500,
      customer: 'cus_1',
      platformId: 'sub_1',
      balanceBefore: 12.5,
      payment: 'acme-payments',
      platform: '~89abcdef',
    },
    r_00000000000000a2_1: reserved(NOW + 1),
    r_00000000000000a6_1: { state: 'reserved', at: NOW + 6, prepaid: true, platformId: 'sub_1' },
    r_00000000000000a3_1: { state: 'refused', at: NOW + 2, word: 'account_unknown' },
    r_00000000000000a4_1: { ...reserved(NOW + 3), state: 'refused', word: 'cooldown' },
    r_00000000000000a5_1: {
      ...reserved(NOW + 4),
      state: 'released',
      reason: 'card_declined',
      retryable: true,
    },
    r_00000000000000a5_2: { ...reserved(NOW + 5), state: 'released', reason: '', retryable: false },
  },
};

/** The account as others wrote it so far; the client is known from here on. */
export async function knownAccount(ledger: Ledger, over: Partial<Account> = {}): Promise<Account> {
  const written = await ledger.writeAccount(unknownAccount(EMAIL), {
    ...unknownAccount(EMAIL),
    status: 'active',
    ...over,
  });
  expect(written.kind).toBe('written');
  return written.row;
}

export async function rawItem({ client, table }: Store, pk: string): Promise<Record<string, unknown>> {
  const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk }, ConsistentRead: true }));
  if (!Item) throw new Error(`There is no item ${pk}.`);
  return Item;
}

/** What a later version of this program would leave behind. */
export async function makeNewer(
  { client, table }: Store,
  key: string,
  pk = `RECHARGE#${key}`,
): Promise<void> {
  await client.send(
    new UpdateCommand({
      TableName: table,
      Key: { pk },
      UpdateExpression: 'SET v = :v, phase = :phase',
      ExpressionAttributeValues: { ':v': 4, ':phase': 'a_phase_of_the_future' },
    }),
  );
}

export async function allDue(
  ledger: Ledger,
  now: number,
  waitsFor: WaitsFor = 'time',
): Promise<DueRecharge[][]> {
  const pages: DueRecharge[][] = [];
  let cursor: string | undefined;
  do {
    const page = await ledger.due(waitsFor, now, cursor);
    pages.push(page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return pages;
}
