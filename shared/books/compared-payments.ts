import { formatMoney, type Money } from '../money.ts';
import type { BookAnswer, BookedPayment } from '../payments/payment-books.ts';
import { isGivingBack } from '../recharge/machine/goodwill.ts';
import { chargeIdPrefixOf, isFinished, type Recharge } from '../recharge/recharge.ts';
import { shellQuoted } from '../shell.ts';
import type { Difference } from './difference.ts';
import { movesOf } from './money-moves.ts';

/** A payment as the ledger has it: all that moved of it, whenever that was. */
export interface Claim {
  row: Recharge;
  chargeId: string;
  ref?: string;
  /** Absent where a person confirmed the payment, and nobody knows how much it was. */
  money?: Money;
  /** In the unit of `money`. */
  refunded: number;
}

/** What the ledger says was paid for a recharge: at most one payment, unless one came after its end. */
export function claimsOf(row: Recharge): Claim[] {
  const moves = movesOf(row);
  return moves
    .filter(({ kind }) => kind === 'charge')
    .map(({ attempt, ref, money, attention }) => {
      // A payment that came after the end is given back by hand, and the ledger does not hear of it.
      const refund =
        attention === 'paid_after_end' ? undefined : moves.find(({ kind }) => kind === 'refund')?.money;
      return {
        row,
        chargeId: chargeIdPrefixOf(row) + attempt,
        ...(ref === undefined ? {} : { ref }),
        ...(money === undefined ? {} : { money }),
        refunded: refund?.amount ?? 0,
      };
    });
}

/** The provider has it as well: whether both say the same of it. @param at the provider, as it stands in a sentence. */
export function comparedPayment(claim: Claim, payment: BookedPayment, at: string): Difference[] {
  const { row, money } = claim;
  const about = aboutOf(claim, payment.ref);
  const { taken } = payment;
  // An endpoint that was not told an amount has none to say.
  if (taken === undefined) return payment.status === 'paid' ? [] : [missing(claim, payment.status, at)];
  if (payment.chargeId !== '' && !payment.chargeId.startsWith(chargeIdPrefixOf(row)))
    return [ofAnother(claim, payment, at)];
  if (money === undefined) {
    const todo = `Add ${formatMoney(taken)} to the books by hand: the relay does not know what a person has confirmed.`;
    const word = 'payment_amount_unknown';
    return [
      {
        ...about,
        word,
        ledger: 'paid, by the word of a person',
        there: formatMoney(taken),
        more: taken,
        todo,
      },
    ];
  }
  const differs: Difference[] = [];
  const isSame = taken.amount === money.amount && taken.currency === money.currency;
  if (!isSame || (claim.ref !== undefined && claim.ref !== payment.ref)) {
    const more =
      taken.currency === money.currency
        ? { amount: taken.amount - money.amount, currency: taken.currency }
        : undefined;
    differs.push({
      ...about,
      word: 'payment_differs',
      ledger: `${formatMoney(money)}${claim.ref === undefined ? '' : ` as ${claim.ref}`}`,
      there: `${formatMoney(taken)} as ${payment.ref}`,
      ...(more === undefined ? {} : { more }),
      todo: `Look at both: npx relay recharges show ${shellQuoted(row.key)}. Give back at ${at} what was taken too much.`,
    });
  }
  return [...differs, ...comparedRefund(claim, payment, at), ...disputesOf(claim, payment, at)];
}

/** A person has confirmed the recharge by the reference of a payment that another one has. */
const ofAnother = (claim: Claim, { ref, rechargeKey, chargeId }: BookedPayment, at: string): Difference => ({
  ...aboutOf(claim, ref),
  word: 'payment_differs',
  ledger: claim.money === undefined ? 'paid' : formatMoney(claim.money),
  there: `the payment of another recharge, ${rechargeKey ?? chargeId}`,
  ...(claim.money === undefined
    ? {}
    : { more: { ...claim.money, amount: claim.refunded - claim.money.amount } }),
  todo:
    `One payment stands in the books twice. Look for the other one at ${at} (${claim.chargeId}): if there is none, ` +
    `nobody has paid for this recharge.`,
});

const aboutOf = ({ row }: Pick<Claim, 'row'>, ref: string) => ({ key: row.key, email: row.email, ref });

function comparedRefund(claim: Claim, payment: BookedPayment, at: string): Difference[] {
  const { row, money, refunded } = claim;
  const currency = money?.currency ?? payment.taken?.currency ?? '';
  const text = (amount: number) => (amount === 0 ? 'nothing' : formatMoney({ amount, currency }));
  const isUnderWay = row.phase === 'refunding' || (isGivingBack(row) && row.review === undefined);
  if (payment.refunded === refunded || isUnderWay) return [];
  const { refundRefs, refundPending } = payment;
  const pending = refundPending === 0 ? '' : `, and ${text(refundPending)} that is pending`;
  const common = {
    ...aboutOf(claim, refundRefs.at(-1) ?? payment.ref),
    ledger: `${text(refunded)} given back`,
    there: `${text(payment.refunded)} given back${pending}`,
    more: { amount: refunded - payment.refunded, currency },
  };
  if (payment.refunded > refunded) {
    const todo =
      row.review === undefined
        ? 'It was given back there, and not by the relay: the client keeps the credits. Book the refund by hand. Next time: ' +
          `npx relay recharges refund ${shellQuoted(row.key)}`
        : `The recharge waits for an answer: npx relay recharges show ${shellQuoted(row.key)} prints which.`;
    return [{ ...common, word: 'refund_not_booked', todo }];
  }
  const todo =
    refundPending > 0
      ? 'It is under way: reconcile again in some days.'
      : `A refund that fails comes back to your balance. Look at it at ${at}, and give the money back another way if the client is still owed it.`;
  return [{ ...common, word: 'refund_missing', todo }];
}

const disputesOf = (claim: Claim, { disputes }: BookedPayment, at: string): Difference[] =>
  disputes.map(({ ref, money, status }) => ({
    ...aboutOf(claim, ref),
    word: 'payment_disputed',
    ledger: 'paid',
    there: `${formatMoney(money)} disputed (${status})`,
    more: { ...money, amount: -money.amount },
    todo:
      status === 'lost'
        ? 'Book the loss by hand. The client keeps the credits.'
        : `Answer it at ${at} before its time is over. Meanwhile: npx relay accounts suspend ${shellQuoted(claim.row.email)} --note "disputed a payment"`,
  }));

/** What the provider answered where it was asked about one payment. */
export function comparedAnswer(
  claim: Claim,
  answer: Exclude<BookAnswer, { kind: 'no_answer' }>,
  at: string,
): Difference[] {
  switch (answer.kind) {
    case 'found':
      return comparedPayment(claim, answer.payment, at);
    case 'not_paid':
      return [missing(claim, answer.status, at)];
    case 'differs':
      return [
        {
          ...aboutOf(claim, claim.ref ?? claim.chargeId),
          word: 'payment_differs',
          ledger: claim.money === undefined ? 'paid' : formatMoney(claim.money),
          there: answer.detail,
          todo: `Look there for ${claim.chargeId}: is it the payment that the ledger has?`,
        },
      ];
  }
}

const statusText = (status: string) => status.replaceAll('_', ' ');

function missing(claim: Claim, status: string, at: string): Difference {
  const { money, refunded, row } = claim;
  return {
    ...aboutOf(claim, claim.ref ?? claim.chargeId),
    word: 'payment_missing',
    ledger: money === undefined ? 'paid, by the word of a person' : formatMoney(money),
    there: statusText(status),
    ...(money === undefined ? {} : { more: { ...money, amount: refunded - money.amount } }),
    todo:
      `Look for it at ${at} (${claim.chargeId}). Is the relay's key that of another account? If nothing was paid, the client ` +
      `has the credits for nothing: npx relay recharges show ${shellQuoted(row.key)}`,
  };
}

/**
 * The provider has taken money of which the ledger has no payment.
 *
 * @param row the recharge that the payment names; undefined where there is none.
 */
export function notBooked(row: Recharge | undefined, payment: BookedPayment, at: string): Difference[] {
  const { taken, ref, rechargeKey, refunded } = payment;
  if (taken === undefined || refunded >= taken.amount) return [];
  const kept = { ...taken, amount: taken.amount - refunded };
  const there = formatMoney(kept);
  if (row === undefined) {
    return [
      {
        word: 'payment_unknown_here',
        ...(rechargeKey === undefined ? {} : { key: rechargeKey }),
        ref,
        ledger: 'no such recharge',
        there,
        more: kept,
        todo:
          `Does another relay, or another stage, charge through this account? Then this is its own. If not, find out who ` +
          `made the payment, and give it back at ${at}.`,
      },
    ];
  }
  const reason = row.review ?? row.reason;
  return [
    {
      ...aboutOf({ row }, ref),
      word: 'payment_not_booked',
      ledger: `${statusText(row.phase)}${reason === undefined ? '' : ` (${reason})`}`,
      there,
      more: kept,
      todo: todoOfUnbooked(row, ref, at),
    },
  ];
}

function todoOfUnbooked(row: Recharge, ref: string, at: string): string {
  const key = shellQuoted(row.key);
  if (row.review === 'charge_unknown')
    return `The recharge waits for the answer confirm-charged --payment-ref ${ref}: npx relay recharges show ${key}`;
  if (!isFinished(row) && row.review === undefined)
    return `The relay still asks for it. To have it asked now: npx relay recharges retry ${key}`;
  return (
    `Nothing was granted for this payment. Give it back at ${at}, or grant it: npx relay recharges start ` +
    `${shellQuoted(row.email)} --credits ${row.credits} --no-charge --note "paid as ${ref}"`
  );
}
