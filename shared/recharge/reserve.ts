import type { Logger } from '../logger.ts';
import type { PlatformClient } from '../platform/client.ts';
import { shellQuoted } from '../shell.ts';
import type { Account, Reservation } from './account.ts';
import type { Charging } from './charging.ts';
import { type Counterparties, idOf } from './counterparty.ts';
import { withDecline, withoutDeclinesBefore } from './declines-in-a-row.ts';
import {
  capWarning,
  type GuardSettings,
  isClosed,
  judge,
  type Verdict,
  withEntry,
  withEntryGivenBack,
  withRelease,
} from './guard.ts';
import type { Ledger } from './ledger.ts';
import type { Outcome, Released } from './machine/outcome.ts';
import { withinChargeWindow } from './machine/payment.ts';
import type { Policy } from './policy.ts';
import { isErased, isFinished, type Recharge, reservationNameOf } from './recharge.ts';

export interface ReserveDeps {
  ledger: Ledger;
  platform: Pick<PlatformClient, 'subAccount'>;
  charging: Charging;
  guard: GuardSettings;
  /** Ask the platform for the sub-account before money moves. */
  preflight: boolean;
  parties: Counterparties;
  policy: Policy;
  logger: Logger;
  now: () => number;
}

/**
 * Writes the intent to charge on the client's account row, with every parameter of the call, or else the
 * refusal. The two exclude each other on one item, and whoever finds an entry obeys it.
 *
 * @returns `reserved` (fresh or found), `refused`, what a released entry proves, or why nothing was done.
 */
export async function reserveAttempt(row: Recharge, deps: ReserveDeps): Promise<Outcome> {
  const { ledger, guard, logger, now } = deps;
  // It may be old. What is judged by an old one is not written, for the write asks for the account that was read; and
  // whatever else follows from an account is only said of one that is known to be new.
  let account = await ledger.readAccount(row.email, 'eventual');
  let isNew = false;
  for (;;) {
    const outcome = await withoutJudging(row, account, deps);
    if (outcome && isNew) return outcome;
    if (outcome) {
      account = await ledger.readAccount(row.email);
      isNew = true;
      continue;
    }

    const other = account.last?.key === row.key ? undefined : account.last?.key;
    const last = other === undefined ? undefined : await readLast(other, deps);
    const asked =
      judge(row, account, last, guard, now()).kind === 'reserve' ? await preflight(row, account, deps) : {};
    if ('held' in asked) return { kind: 'held', why: asked.held };

    // Judged and entered at one time: the day that is counted is the day that was judged. The webhook's clock may be
    // ahead of ours, and no entry is older than its attempt.
    const at = Math.max(now(), row.attemptStartedAt);
    const judged = judge(row, account, last, guard, at);
    const verdict: Verdict =
      judged.kind === 'reserve' && 'unknown' in asked
        ? { ...judged, kind: 'refuse', word: 'unknown_on_platform' }
        : judged;
    const entry = entryOf(
      account,
      row,
      verdict,
      'balance' in asked ? asked.balance : undefined,
      at,
      deps.parties,
    );
    const next = withEntry(withoutDeclinesBefore(account, last), row, entry);
    const written = await ledger.writeAccount(account, next);
    if (written.kind === 'written') {
      const warning = capWarning(account, entry, guard);
      if (warning) logger.alert(warning, { key: row.key, email: row.email });
      return outcomeOf(row, account, entry, true);
    }
    account = written.row;
    isNew = true;
  }
}

/** What an account says of an attempt that is not to be judged: any more, or now. */
async function withoutJudging(
  row: Recharge,
  account: Account,
  { charging, policy, now }: ReserveDeps,
): Promise<Outcome | undefined> {
  const found = account.reservations[reservationNameOf(row)];
  if (found) return outcomeOf(row, account, found, false);
  if (isClosed(account, row)) return { kind: 'refused', attempt: row.attempt, word: 'too_many_at_once' };
  if (row.stopped) return undefined;
  if (!withinChargeWindow(row, { now: now(), policy })) return { kind: 'not_reserved', attempt: row.attempt };
  if (await charging.paused()) return { kind: 'held', why: 'charging is paused', switchedOff: true };
  return undefined;
}

/** An end is final: an old answer that has it says what a new one says. Any other answer must be new. */
async function readLast(key: string, { ledger }: ReserveDeps): Promise<Recharge | undefined> {
  const last = await ledger.read(key, 'eventual');
  return last && isFinished(last) ? last : ledger.read(key);
}

/**
 * Writes a person's word that this recharge is granted without a charge, on the client's account row: the machine
 * grants nothing on the word of a recharge's own row, which the internet-facing function may write.
 *
 * @returns a sentence that says why not, where it must not be.
 */
export async function reserveWithoutCharge(
  row: Recharge,
  { ledger }: Pick<ReserveDeps, 'ledger'>,
): Promise<{ refused: string } | undefined> {
  let account = await ledger.readAccount(row.email);
  for (;;) {
    const found = account.reservations[reservationNameOf(row)];
    if (found?.state === 'reserved' && found.prepaid) return undefined;
    if (found) return { refused: `Recharge ${row.key} was begun with a charge. Nothing was written.` };
    const last = account.last && (await ledger.read(account.last.key));
    const refused = whyNoGrant(account, last);
    if (refused !== undefined) return { refused };
    const { platformId } = account;
    const entry: Reservation = {
      state: 'reserved',
      at: row.receivedAt,
      prepaid: true,
      credits: row.credits,
      ...(platformId === undefined ? {} : { platformId }),
    };
    const next = withEntry(withoutDeclinesBefore(account, last), row, entry);
    const written = await ledger.writeAccount(account, next);
    if (written.kind === 'written') return undefined;
    account = written.row;
  }
}

/** One that is set up and active, and has no other recharge under way: the guard's rules, but for those about money. */
function whyNoGrant({ email, status }: Account, last: Recharge | undefined): string | undefined {
  if (status === undefined)
    return `No client ${email} is set up: npx relay accounts add ${shellQuoted(email)}`;
  if (status !== 'active')
    return `The client ${email} is ${status}: npx relay accounts enable ${shellQuoted(email)} --note "why"`;
  return last && !isFinished(last)
    ? `The client ${email} has an unfinished recharge, ${last.key}, which is ${last.phase}: a client has one at a time.`
    : undefined;
}

/**
 * Gives a reserved amount back: once, whoever asks however often. Says aloud if that suspends the client. Should the
 * process end before, the event of the account's row still says it.
 */
export async function releaseAttempt(
  row: Recharge,
  released: Released,
  { ledger, guard, logger, now }: Pick<ReserveDeps, 'ledger' | 'guard' | 'logger' | 'now'>,
): Promise<void> {
  // Who was erased has no month to give an amount back to.
  if (isErased(row)) return;
  let account = await ledger.readAccount(row.email);
  for (;;) {
    const given = withRelease(withEntryGivenBack(account, row, now()), row, released);
    if (!given) return;
    const next = withDecline(given, row, guard, now());
    const written = await ledger.writeAccount(account, next);
    if (written.kind === 'written') {
      const { statusChange } = next;
      if (statusChange?.forDeclines && next.status !== account.status)
        logger.alert('client_suspended', { key: row.key, email: row.email, detail: statusChange.note });
      return;
    }
    account = written.row;
  }
}

/** The client's address towards the platform: as the agency says, else as the platform's webhook spelt it. */
const grantEmailOf = (account: Account, row: Recharge) => account.grantEmail ?? row.grantEmail ?? row.email;

type Asked = { balance?: number } | { unknown: true } | { held: string };

/** Where the platform can be asked: no money is taken for a sub-account it does not know. */
async function preflight(row: Recharge, account: Account, deps: ReserveDeps): Promise<Asked> {
  if (!deps.preflight) return {};
  const found = await deps.platform
    .subAccount(grantEmailOf(account, row))
    .catch((error: unknown) => ({ kind: 'no_answer' as const, detail: String(error) }));
  switch (found.kind) {
    case 'found':
      return found.balance === undefined ? {} : { balance: found.balance };
    case 'not_found':
      return { unknown: true };
    case 'no_answer':
      return { held: `the platform gave no answer about the sub-account: ${found.detail}` };
  }
}

function entryOf(
  account: Account,
  { credits }: Recharge,
  verdict: Verdict,
  balance: number | undefined,
  at: number,
  parties: Counterparties,
): Reservation {
  if (verdict.kind === 'refuse') {
    const { word, money } = verdict;
    return { state: 'refused', at, word, ...(money === undefined ? {} : { money }) };
  }
  return {
    state: 'reserved',
    at,
    money: verdict.money,
    credits,
    ...(account.customer === undefined ? {} : { customer: account.customer }),
    ...(account.paymentMethod === undefined ? {} : { paymentMethod: account.paymentMethod.id }),
    ...(account.platformId === undefined ? {} : { platformId: account.platformId }),
    ...(balance === undefined ? {} : { balanceBefore: balance }),
    payment: idOf(parties.payment),
    platform: idOf(parties.platform),
  };
}

function outcomeOf(row: Recharge, account: Account, entry: Reservation, fresh: boolean): Outcome {
  const { attempt } = row;
  const { money, customer, paymentMethod, platformId, balanceBefore, payment, platform } = entry;
  switch (entry.state) {
    case 'reserved':
      if (!money && !entry.prepaid)
        throw new Error(`Bug! Recharge ${row.key} is reserved without an amount.`);
      return {
        kind: 'reserved',
        attempt,
        fresh,
        at: entry.at,
        frozen: {
          ...(money ? { money } : { prepaid: true }),
          grantEmail: grantEmailOf(account, row),
          ...(customer === undefined ? {} : { customer }),
          ...(paymentMethod === undefined ? {} : { paymentMethod }),
          ...(platformId === undefined ? {} : { platformId }),
          ...(balanceBefore === undefined ? {} : { balanceBefore }),
          ...(payment === undefined ? {} : { paymentParty: payment }),
          ...(platform === undefined ? {} : { platformParty: platform }),
        },
      };
    case 'refused':
      return { kind: 'refused', attempt, word: entry.word, ...(money === undefined ? {} : { money }) };
    case 'released':
      return {
        kind: 'payment',
        attempt,
        asked: 'lookup',
        result: { kind: 'declined', reason: entry.reason, retryable: entry.retryable },
      };
  }
}
