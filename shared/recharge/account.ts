import * as z from 'zod/mini';
import type { Money } from '../money.ts';
import type { PaymentMethod } from '../payments/payment-method.ts';
import type { Pricing } from './pricing.ts';
import type { Refusal } from './recharge.ts';

/** What the guard holds a client to. An absent limit does not limit. */
export const limitsSchema = z.strictObject({
  /** Reservations per UTC day. */
  dailyCount: z.exactOptional(z.int().check(z.minimum(0))),
  /** Minor units per UTC month, in the account's currency. */
  monthlyAmount: z.exactOptional(z.int().check(z.minimum(0))),
  /** From one reservation to the next. */
  cooldownSeconds: z.exactOptional(z.int().check(z.minimum(0))),
});
export type Limits = z.infer<typeof limitsSchema>;

/**
 * `active` is charged. `suspended` is not, until somebody enables the client again. `disabled` says the same: an
 * earlier version had two words for it. It is still read, and its rows are still refused under its own word.
 */
export const ACCOUNT_STATUSES = ['active', 'disabled', 'suspended'] as const;

/** One attempt's entry on the account row: the intent to charge, with every parameter of the call. */
export type Reservation = {
  at: number;
  /** Absent only where a refusal came before there was a price. */
  money?: Money;
  customer?: string;
  /** The provider's id of the saved card or bank account. */
  paymentMethod?: string;
  platformId?: string;
  balanceBefore?: number;
  /** The payment endpoint and the platform that the attempt belongs to, by `idOf` of a counterparty. */
  payment?: string;
  platform?: string;
} & (
  | {
      state: 'reserved';
      /** What is paid for. Absent in what an earlier version reserved. */
      credits?: number;
      /** A person has said that nothing is to be charged: there is no price, and no call of the payment endpoint. */
      prepaid?: true;
    }
  | { state: 'refused'; word: Refusal }
  /** A tombstone: it proves that this attempt took no money, and gives its amount back only once. */
  | { state: 'released'; reason: string; retryable: boolean }
);

/** A client of the agency. The row also exists, without `status`, where an unknown client was refused. */
export interface Account {
  /** Trimmed and lower-cased: the row's key. */
  email: string;
  /** +1 with every write that decides about money; 0 where there is no row. */
  revision: number;
  /** Absent: the agency does not know this client. */
  status?: (typeof ACCOUNT_STATUSES)[number];
  /** The last change of the status: when, by whom where that is known, and why. */
  statusChange?: StatusChange;
  /** The address as the platform spells it, where that differs from `email`. */
  grantEmail?: string;
  platformId?: string;
  /** What the payment hook knows this client by. */
  customer?: string;
  paymentMethod?: PaymentMethod;
  /** When the client or a person chose that means of payment, in Unix milliseconds. What was chosen before is no news. */
  meansChosenAt?: number;
  pricing?: Pricing;
  limits: Limits;
  /** The recharge reserved last: at most one of a client's recharges is unfinished. */
  last?: { key: string; at: number };
  /** Reservations by UTC day, `2026-01-05`. */
  counts: Record<string, number>;
  /** Minor units by UTC month and currency, `2026-01_USD`. */
  spent: Record<string, number>;
  /** By `reservationNameOf`. Those of the last recharge, and a bounded number of others. */
  reservations: Record<string, Reservation>;
  /** Since the last payment that was paid, as far as the client's next recharge has noted it. */
  declines?: Declines;
  /** What was said aloud of this client on a UTC day, so that it is said once a day. */
  told?: { day: string; words: string[] };
  /**
   * When the youngest of the entries was made that are not kept any more. An attempt that began by then, has no entry
   * and is not the last recharge's is refused: its own may have been among them.
   */
  closedTo?: number;
  /**
   * When storage may forget the row, in Unix seconds. Only where nothing was ever reserved, and nobody set the client
   * up: the row then holds refusals alone, which exclude nothing after 25 hours.
   */
  expiresAt?: number;
}

export interface StatusChange {
  at: number;
  note: string;
  by?: string;
  /** The relay itself has suspended the client, for declines in a row. */
  forDeclines?: true;
}

/** Payments that were declined in a row. */
export interface Declines {
  times: number;
  /** Which card or bank account: its `cardOf`. Absent where the relay knows none, as of an agency's own endpoint. */
  card?: string;
  /** Those for which the client was suspended before, each ended by another one: oldest first, five at most. */
  suspendedFor?: string[];
}

/** What tells a saved card or bank account from others. The provider's id is another one each time it is saved. */
export const cardOf = ({ fingerprint, id }: PaymentMethod): string => fingerprint ?? id;

const SUSPENDED_FOR_KEPT = 5;

/**
 * What follows from the means of payment that is saved now, where the relay suspends clients for declines in a row. A
 * suspension ends with another card or bank account than the declined one. It comes back with that one, if nothing was paid
 * since: else a client would only have to save another card in between. Where the provider gives no fingerprint, nobody can
 * tell cards apart, and an operator enables the client.
 *
 * @param before the account as it stands, its declines counted as of now.
 * @param after the account with what is saved now.
 */
export function suspensionBy(
  before: Account,
  after: Pick<Account, 'paymentMethod'>,
): 'ends' | 'comes_back' | undefined {
  const { status, statusChange, declines } = before;
  const saved = after.paymentMethod?.fingerprint;
  if (saved === undefined) return undefined;
  const wasDeclined = declines?.suspendedFor?.includes(saved) === true;
  if (status === 'active') return wasDeclined ? 'comes_back' : undefined;
  const ends =
    status === 'suspended' && statusChange?.forDeclines && saved !== declines?.card && !wasDeclined;
  return ends ? 'ends' : undefined;
}

/** What is remembered of declines once another card has ended the suspension: for which cards it would come back. */
export function declinesBehind({ declines }: Account): Declines | undefined {
  const { card, suspendedFor = [] } = declines ?? {};
  const cards = [...suspendedFor.filter((one) => one !== card), ...(card === undefined ? [] : [card])];
  return cards.length === 0 ? undefined : { times: 0, suspendedFor: cards.slice(-SUSPENDED_FOR_KEPT) };
}

export function unknownAccount(email: string): Account {
  return { email, revision: 0, limits: {}, counts: {}, spent: {}, reservations: {} };
}

/** UTC day of a time, `2026-01-05`. */
export const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10);

/** The counter a reservation's amount belongs to: the UTC month it was made in, and its currency. */
export const spentNameOf = (time: number, currency: string) => `${dayOf(time).slice(0, 7)}_${currency}`;
