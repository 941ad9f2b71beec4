import type { Money } from '../money.ts';
import { type Account, dayOf, type Limits, type Reservation, spentNameOf } from './account.ts';
import type { Released } from './machine/outcome.ts';
import { type Pricing, priceOf } from './pricing.ts';
import {
  isFinished,
  moneyOf,
  type Recharge,
  type Refusal,
  reservationNameOf,
  reservationPrefixOf,
} from './recharge.ts';

export interface GuardSettings {
  /** `observe`: everything runs and nothing is charged. */
  mode: 'live' | 'observe';
  unknownAccounts: 'refuse' | 'allow';
  credits: { min: number; max: number };
  limits: Limits;
  suspendAfterDeclines: number;
  pricing: Pricing;
}

export type Verdict = { kind: 'reserve'; money: Money } | { kind: 'refuse'; word: Refusal; money?: Money };

/**
 * Whether this recharge may charge this client now. Pure; the verdict counts only once it is written to
 * the account row on condition that the row is still the one judged here.
 *
 * @param last the client's recharge that was reserved last, where there is another one than this.
 */
export function judge(
  recharge: Recharge,
  account: Account,
  last: Recharge | undefined,
  settings: GuardSettings,
  now: number,
): Verdict {
  const refuse = (word: Refusal): Verdict => ({ kind: 'refuse', word });
  if (recharge.stopped) return refuse('stopped');
  const barred = barredBy(account, settings);
  if (barred) return refuse(barred);

  const { min, max } = settings.credits;
  const money = priceOf(recharge.credits, account.pricing ?? settings.pricing);
  if (recharge.credits < min || recharge.credits > max || !money || !isChargeable(money)) {
    return refuse('amount_out_of_range');
  }

  const {
    cooldownSeconds = 0,
    dailyCount = Infinity,
    monthlyAmount = Infinity,
  } = limitsOf(account, settings);
  const cooldownEndsAt = (account.last?.at ?? Number.NEGATIVE_INFINITY) + cooldownSeconds * 1_000;
  const count = account.counts[dayOf(now)] ?? 0;
  const spent = account.spent[spentNameOf(now, money.currency)] ?? 0;
  const word = ((): Refusal | undefined => {
    if (last && !isFinished(last)) return 'unfinished_recharge';
    if (now < cooldownEndsAt) return 'cooldown';
    if (count >= dailyCount) return 'over_daily_count';
    if (spent + money.amount > monthlyAmount) return 'over_monthly_amount';
    // Last, so that an observed recharge shows the word it would really have had.
    return settings.mode === 'observe' ? 'observe_only' : undefined;
  })();
  return word === undefined ? { kind: 'reserve', money } : { kind: 'refuse', word, money };
}

/** Why this client may not be charged at all, whatever is asked for. Looked at again before a call that is repeated. */
export function barredBy(
  { status }: Pick<Account, 'status'>,
  { unknownAccounts }: Pick<GuardSettings, 'unknownAccounts'>,
): Refusal | undefined {
  if (status === undefined) return unknownAccounts === 'refuse' ? 'account_unknown' : undefined;
  if (status === 'disabled') return 'account_disabled';
  return status === 'suspended' ? 'account_suspended' : undefined;
}

/** At least one minor unit, and small enough for a number to hold it exactly. */
export const isChargeable = ({ amount }: Money) => amount > 0 && Number.isSafeInteger(amount);

export function limitsOf(account: Account, settings: Pick<GuardSettings, 'limits'>): Limits {
  return { ...settings.limits, ...account.limits };
}

/**
 * The account with this attempt's entry. A reservation is counted and becomes the client's last; a refusal
 * only stands there, so that from now on nobody can reserve the attempt. Old entries are dropped on the way.
 */
export function withEntry(account: Account, recharge: Recharge, entry: Reservation): Account {
  const { expiresAt: _, ...kept } = withoutOldEntries(account, entry.at);
  const next = { ...kept, reservations: { ...kept.reservations, [reservationNameOf(recharge)]: entry } };
  if (entry.state !== 'reserved') return forgettable(next, entry.at);
  const last = { key: recharge.key, at: entry.at };
  if (!entry.money) return { ...next, last };
  const day = dayOf(entry.at);
  const month = spentNameOf(entry.at, entry.money.currency);
  return {
    ...next,
    last,
    counts: { ...kept.counts, [day]: (kept.counts[day] ?? 0) + 1 },
    spent: { ...kept.spent, [month]: (kept.spent[month] ?? 0) + entry.money.amount },
  };
}

/** Longer than any entry excludes anything. DynamoDB then takes up to two days more to clear the row away. */
const FORGOTTEN_AFTER_MS = 48 * 3_600_000;

/** The account, with the time when storage may forget it, where nobody set the client up and nothing was reserved. */
export function forgettable(account: Account, now: number): Account {
  if (account.status !== undefined || account.last !== undefined) return account;
  return { ...account, expiresAt: Math.ceil((now + FORGOTTEN_AFTER_MS) / 1_000) };
}

/** The warning a reservation sets off: its amount reaches 80 % or all of the monthly cap. */
export function capWarning(
  before: Account,
  entry: Reservation,
  settings: Pick<GuardSettings, 'limits'>,
): 'monthly_cap_near' | 'monthly_cap_reached' | undefined {
  const { monthlyAmount: cap = Infinity } = limitsOf(before, settings);
  if (entry.state !== 'reserved' || !entry.money) return undefined;
  const { amount, currency } = entry.money;
  const spent = before.spent[spentNameOf(entry.at, currency)] ?? 0;
  return capCrossed(cap, spent, spent + amount);
}

/** Where a client's amount of a month, minor units, came to 80 % or all of its cap. */
export function capCrossed(
  cap: number,
  before: number,
  after: number,
): 'monthly_cap_near' | 'monthly_cap_reached' | undefined {
  const reaches = (limit: number) => before < limit && after >= limit;
  if (reaches(cap)) return 'monthly_cap_reached';
  return reaches(cap * 0.8) ? 'monthly_cap_near' : undefined;
}

/**
 * The account with this attempt's amount given back, to the month it was taken from. The day's count and
 * the cooldown stay: they limit how often a card is tried.
 *
 * @returns undefined where there is nothing to give back: never reserved, released before, or pruned.
 */
export function withRelease(
  account: Account,
  recharge: Recharge,
  { reason, retryable }: Released,
): Account | undefined {
  const name = reservationNameOf(recharge);
  const entry = account.reservations[name];
  if (entry?.state !== 'reserved') return undefined;
  // A tombstone says how it ended, not what would have been paid for: storage keeps no more of it.
  const { state: _, credits: __, prepaid: ___, ...rest } = entry;
  const released: Reservation = { ...rest, state: 'released', reason: reason.slice(0, 100), retryable };
  const reservations = { ...account.reservations, [name]: released };
  if (!entry.money) return { ...account, reservations };
  const month = spentNameOf(entry.at, entry.money.currency);
  const spent = Math.max(0, (account.spent[month] ?? 0) - entry.money.amount);
  return { ...account, reservations, spent: { ...account.spent, [month]: spent } };
}

/**
 * Whether this attempt is refused for having no entry of its own: it began before the youngest of those that are not
 * kept any more was made. The last recharge is exempt, for its entries are all kept.
 */
export function isClosed(
  { last, closedTo = Number.NEGATIVE_INFINITY }: Account,
  { key, attemptStartedAt }: Pick<Recharge, 'key' | 'attemptStartedAt'>,
): boolean {
  return key !== last?.key && attemptStartedAt <= closedTo;
}

/**
 * The account with the entry of a completed recharge that is given back. That is days later, when the entry is long gone,
 * but the row knows what was reserved. It is made anew, as of now, so that what is released stays on the account row until
 * the recharge says so, too. Only the running month matters. What was attempted in it was reserved in it; of an attempt
 * that began before, nothing is given back: the cap errs on the strict side.
 */
export function withEntryGivenBack(account: Account, recharge: Recharge, now: number): Account {
  const { goodwillRefund, attemptStartedAt } = recharge;
  const money = moneyOf(recharge);
  const name = reservationNameOf(recharge);
  const isGone = account.reservations[name] === undefined;
  if (goodwillRefund !== 'under_way' || !isGone || money === undefined) return account;
  const monthOf = (at: number) => spentNameOf(at, money.currency);
  if (monthOf(attemptStartedAt) !== monthOf(now)) return account;
  const kept = withoutOldEntries(account, now);
  const entry: Reservation = { state: 'reserved', at: now, money };
  return { ...kept, reservations: { ...kept.reservations, [name]: entry } };
}

const DAY_MS = 24 * 3_600_000;
/** Nothing is reserved later than 23 h after its attempt began: an entry of 25 h no longer excludes anything. */
const ENTRY_KEPT_MS = 25 * 3_600_000;
/**
 * How many entries of recharges before the last are kept, for a person to read. With these the row stays under 1 KB,
 * and a write of it costs one unit.
 */
const OTHERS_KEPT = 5;
/**
 * How many entries of the last ten minutes are kept. So recharges that come together are told apart, each with its
 * own word. The row then has up to 6 KB.
 */
const YOUNG_KEPT = 50;
const YOUNG_MS = 10 * 60_000;
/**
 * One update's expression may have 4 KB. So a row that an earlier version let grow shrinks by this many entries a
 * write.
 */
const DROPPED_AT_ONCE = 100;

/**
 * The account with a bounded number of entries, whatever came. Those of the last recharge stay: it may be unfinished for
 * weeks, and its entry has its price. All others belong to recharges that have ended, or that were refused; of these some
 * are kept, and the rest are dropped.
 *
 * Dropping one never lets a refused attempt be reserved, by whoever judged it earlier or comes to it later. An entry is
 * made no earlier than its attempt begins, so the attempt began by `closedTo`, which is raised in the same write and never
 * lowered. A reservation is written on condition that the account is still the one that was judged: either that is before
 * the drop, and it had met the entry, or after it, and `isClosed` refuses.
 */
function withoutOldEntries(account: Account, now: number): Account {
  const ofLast = account.last && reservationPrefixOf({ key: account.last.key, email: account.email });
  const others = Object.entries(account.reservations)
    .filter(([name]) => ofLast === undefined || !name.startsWith(ofLast))
    .sort(([, a], [, b]) => b.at - a.at);
  const dropped = others
    .filter(([, { at }], rank) => {
      const isSurplus = rank >= (at > now - YOUNG_MS ? YOUNG_KEPT : OTHERS_KEPT);
      return isSurplus || at <= now - ENTRY_KEPT_MS;
    })
    .slice(-DROPPED_AT_ONCE);
  const names = new Set(dropped.map(([name]) => name));
  const from = (record: Record<string, number>, oldest: string) =>
    Object.fromEntries(Object.entries(record).filter(([name]) => name >= oldest));
  const reservations = Object.entries(account.reservations).filter(([name]) => !names.has(name));
  const [youngest] = dropped;
  return {
    ...account,
    reservations: Object.fromEntries(reservations),
    ...(youngest === undefined ? {} : { closedTo: Math.max(account.closedTo ?? 0, youngest[1].at) }),
    counts: from(account.counts, dayOf(now - DAY_MS)),
    // The month before stays, for a release that comes late.
    spent: from(account.spent, dayOf(now - 32 * DAY_MS).slice(0, 7)),
  };
}
