import { formatMoney } from '../shared/money.ts';
import {
  ANSWER_WORDS,
  type Answer,
  answersFor,
  settlesAt,
  waitingAnswers,
} from '../shared/recharge/answers.ts';
import { applyGoodwillRefund, applyRetry, applyStop } from '../shared/recharge/deeds.ts';
import type { Policy } from '../shared/recharge/policy.ts';
import { isErased, moneyOf, type Recharge } from '../shared/recharge/recharge.ts';
import { STARTED_AGAIN } from '../shared/recharge/started.ts';

/** What a person can do to a recharge now, and what each of it does. */
export interface PossibleDeed {
  deed: 'resolve' | 'retry' | 'stop' | 'refund' | 'start_again';
  /** Of `resolve`. */
  answer?: Answer;
  /** What the person says or wants, in a few words. */
  label: string;
  /** What becomes of the money and the credits then. */
  follows: string;
  /** Unix milliseconds: it is taken only from then on; absent: now. */
  notBefore?: number;
  /** Whether the payment's reference must be given. */
  needsPaymentRef?: true;
}

/** What a person wishes beside the answers. */
export const WISH_WORDS = {
  retry: 'Try it at once',
  stop: 'Stop it',
  refund: 'Give the money back',
  start_again: 'Start it again',
} as const;

interface Said {
  price: string;
  credits: string;
  client: string;
}

/** What follows from each answer. */
const FOLLOWS: Record<Answer, (said: Said) => string> = {
  'confirm-charged': ({ credits, client }) => `${credits} credits are granted to ${client} within a minute.`,
  'confirm-not-charged': () => 'It ends as declined. Nothing is granted.',
  'confirm-granted': () => 'It ends as completed. Nothing more is granted.',
  'confirm-not-granted': ({ credits, client }) =>
    `${credits} credits are granted to ${client} once more, under a new mark.`,
  'retry-grant': ({ credits, client }) =>
    `${credits} credits are granted to ${client}, with all the tries of a first grant.`,
  refund: ({ price, client }) => `${price} go back to ${client}. Nothing is granted any more.`,
  'confirm-refunded': () => 'It ends as refunded. No refund is asked for any more.',
};

/** What a person said with an answer, in the words of its button; undefined for everything else that happens. */
export const saidWith = (event: string): string | undefined =>
  new Map<string, string>(Object.entries(ANSWER_WORDS)).get(event);

/** All of them, the likely ones first. Whether one is taken is decided again when it is done. */
export function possibleDeeds(row: Recharge, at: { now: number; policy: Policy }): PossibleDeed[] {
  const money = moneyOf(row);
  const price = row.prepaid
    ? 'Nothing was charged: no money'
    : money
      ? formatMoney(money)
      : 'The whole amount';
  const said = { price, credits: row.credits.toLocaleString('en'), client: row.email };
  const settled = settlesAt(row, at);
  const waiting = waitingAnswers(row);
  const answers = answersFor(row).map((answer): PossibleDeed => {
    const early = settled !== undefined && at.now < settled && waiting.includes(answer);
    return {
      deed: 'resolve',
      answer,
      label: ANSWER_WORDS[answer],
      follows: FOLLOWS[answer](said),
      ...(early ? { notBefore: settled } : {}),
      ...(answer === 'confirm-charged' ? { needsPaymentRef: true } : {}),
    };
  });
  return [...answers, ...wishes(row, at, said)];
}

const NOTE = 'asked whether it may be';

function wishes(
  row: Recharge,
  at: { now: number; policy: Policy },
  { price, credits, client }: Said,
): PossibleDeed[] {
  const can = (applied: object) => 'next' in applied;
  const wishes: [boolean, PossibleDeed][] = [
    [
      can(applyRetry(row, NOTE, at)),
      { deed: 'retry', label: WISH_WORDS.retry, follows: 'Its next step is done within a minute.' },
    ],
    [
      can(applyStop(row, NOTE, at)),
      {
        deed: 'stop',
        label: WISH_WORDS.stop,
        follows: 'No charge of it begins any more. A payment that was under way is kept, and granted.',
      },
    ],
    [
      can(applyGoodwillRefund(row, NOTE, at)),
      {
        deed: 'refund',
        label: WISH_WORDS.refund,
        follows: `${price} go back to ${client}. The ${credits} credits stay with the client.`,
      },
    ],
    [
      (row.phase === 'blocked' || row.phase === 'declined') &&
        !isErased(row) &&
        !row.history.some(({ event }) => event === STARTED_AGAIN),
      {
        deed: 'start_again',
        label: WISH_WORDS.start_again,
        follows: `${client} is charged for ${credits} credits, under a new key, with the price and the limits of now.`,
      },
    ],
  ];
  return wishes.flatMap(([possible, deed]) => (possible ? [deed] : []));
}
