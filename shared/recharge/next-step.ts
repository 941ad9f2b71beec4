import type { HistoryEntry } from '../history.ts';
import { type DeclineWord, sentenceOfDecline } from '../payments/declines.ts';
import { shellQuoted } from '../shell.ts';
import {
  ANSWER_WORDS,
  type Answer,
  answersFor,
  settlesAt,
  stillOnItsWay,
  waitingAnswers,
} from './answers.ts';
import type { Pause } from './charging.ts';
import { LATE_LOOKS } from './machine/books.ts';
import { isGivingBack } from './machine/goodwill.ts';
import { LATE_GRANT } from './machine/grant.ts';
import { FOR_YOU } from './machine/moves.ts';
import { awaitsCounterparty } from './machine/parties.ts';
import type { Policy } from './policy.ts';
import { isErased, isFinished, type Recharge, type Refusal } from './recharge.ts';
import { STARTED_AGAIN } from './started.ts';

/** What a recharge's row does not say, and what is to be done depends on. */
export interface Circumstances {
  /** Unix milliseconds. */
  now: number;
  policy: Pick<Policy, 'settleMs' | 'notFoundFinalMs'>;
  /** The pause in force. */
  pause?: Pause | undefined;
}

/** `you`: who runs this relay. `provider`: whoever is behind the payment endpoint. */
export type Actor = 'you' | 'client' | 'provider' | 'nobody';

/** Who must do what, so that a recharge goes on, as of now. */
export interface NextStep {
  who: Actor;
  /** Sentences. What another side answered stands in them in its own words. */
  what: string;
  /** What can be done, each with a command to paste. Empty: nothing. */
  commands: { what: string; command: string }[];
}

/** Pure: the same row under the same circumstances needs the same. */
export function nextStepOf(row: Recharge, at: Circumstances): NextStep {
  const answers = answersFor(row);
  if (row.review !== undefined || awaitsCounterparty(row)) return { ...asked(row, at, answers), who: 'you' };
  if (isGivingBack(row) || row.phase === 'refunding') return goesOn(row, 'The money is being given back', at);
  if (isFinished(row)) return atTheEnd(row);
  switch (row.phase) {
    case 'charge_pending':
      return row.actionUrl === undefined
        ? step('provider', 'The payment is being processed: the provider decides, and is asked every hour.')
        : step('client', theClientActs(row), [stopIt(row)]);
    case 'granting':
      return step(
        'nobody',
        'The credits are being granted right now. If the process died, that is said by itself.',
      );
    case 'charged':
      return {
        ...goesOn(row, 'The credits are granted', at),
        commands: [retryIt(row), ...theAnswers(row, answers)],
      };
    default:
      return received(row, at);
  }
}

const step = (who: Actor, what: string, commands: NextStep['commands'] = []): NextStep => ({
  who,
  what,
  commands,
});

const relay = (words: string) => `npx relay ${words}`;
const iso = (time: number) => new Date(time).toISOString();
const NOTE = '--note "why"';
const keyed = (command: string, { key }: Recharge) =>
  relay(`recharges ${command} ${shellQuoted(key)} ${NOTE}`);
const stopIt = (row: Recharge) => ({ what: 'To stop it before it is charged', command: keyed('stop', row) });
const retryIt = (row: Recharge) => ({ what: 'To have it tried at once', command: keyed('retry', row) });

function received(row: Recharge, at: Circumstances): NextStep {
  if (row.stopped) {
    return step(
      'nobody',
      'A person has stopped it: no charge begins. A payment that was under way is kept, and granted.',
    );
  }
  const { pause } = at;
  if (pause?.until !== undefined) {
    const what = `Charging is paused until ${iso(pause.until)} (${pause.reason}), and then goes on by itself.`;
    return step('nobody', what, [{ what: 'To go on now', command: relay('resume') }, stopIt(row)]);
  }
  if (pause) {
    const what = `Charging is paused (${pause.reason}). It goes on by itself once charging does.`;
    return step('you', what, [{ what: 'To go on', command: relay('resume') }, stopIt(row)]);
  }
  const next = goesOn(row, 'The payment is asked for', at);
  return { ...next, commands: [...next.commands, stopIt(row)] };
}

/** What stood in the way when the row was last tried, in the words of whoever did. Undefined: nothing did. */
function obstacleOf({ history }: Recharge): string | undefined {
  const last = history.findLast(({ event }) => event !== 'reminded');
  return last?.event === 'waiting' ? last.detail : undefined;
}

function goesOn(row: Recharge, what: string, { now }: Circumstances): NextStep {
  const obstacle = obstacleOf(row);
  const due = row.notBefore ?? row.nextAttemptAt;
  const when = due === undefined || due <= now ? 'within a minute' : `at ${iso(due)}`;
  if (obstacle === undefined) return step('nobody', `${what}, by itself.`);
  const [why, mend] = whoseFault(obstacle);
  if (mend === undefined)
    return step('nobody', `${what} again ${when}, by itself. Last time: ${why}.`, [retryIt(row)]);
  return step('you', `${mend} Last time: ${why}. ${what} again ${when}, by itself.`, [retryIt(row)]);
}

/** @returns the obstacle without our own marks, and what only this relay's people can do about it. */
function whoseFault(obstacle: string): [why: string, mend?: string] {
  const why = obstacle.replace(FOR_YOU, '');
  if (obstacle.includes(FOR_YOU)) {
    return [
      why,
      'Mend your payment endpoint (RUNBOOK.md, payment_hook_misconfigured; `npx relay doctor` says what is wrong with it).',
    ];
  }
  if (obstacle.startsWith('not charged: account_'))
    return [why, 'The client must not be charged any more: see `npx relay accounts list`.'];
  if (obstacle === 'observe mode')
    return [why, 'The relay observes, and charges nobody: set "mode" to "live" in its configuration.'];
  return [why];
}

function theClientActs({ actionUrl, actBy }: Recharge): string {
  const until = actBy === undefined ? '' : ` until ${iso(actBy)}. After that the payment is cancelled`;
  return `Send the client this link, on which they confirm the payment${until}: ${actionUrl}`;
}

// ── A person is asked ────────────────────────────────────────────────────────────────────────────────

function asked(row: Recharge, at: Circumstances, answers: readonly Answer[]): Omit<NextStep, 'who'> {
  const settled = settlesAt(row, at);
  const tooEarly = settled !== undefined && at.now < settled ? settled : undefined;
  const waiting = waitingAnswers(row);
  const wait =
    tooEarly === undefined
      ? ''
      : ` Until ${iso(tooEarly)} the ${stillOnItsWay(row)} may still arrive: ${waiting.map((word) => `"${word}"`).join(' and ')} only after that.`;
  const why =
    awaitsCounterparty(row) && row.review === undefined
      ? AWAITS
      : `Find out what happened (RUNBOOK.md, ${row.review}), then say it.`;
  return { what: `${why}${saidBy(row)}${wait}`, commands: theAnswers(row, answers) };
}

const AWAITS =
  'It goes on by itself once the party it began with is configured again (RUNBOOK.md, other_counterparty). Or say what happened.';

/** What led to the review, in the words of the other side. */
function saidBy({ history, review }: Recharge): string {
  const detail = history.findLast(({ event }) => event === review)?.detail;
  return detail === undefined ? '' : ` What is known: ${detail}.`;
}

function theAnswers(row: Recharge, answers: readonly Answer[]): NextStep['commands'] {
  return answers.map((answer) => ({
    what: ANSWER_WORDS[answer],
    command: relay(
      `recharges resolve ${shellQuoted(row.key)} ${answer}${answer === 'confirm-charged' ? ' --payment-ref REF' : ''} ` +
        `--version ${row.version} --note "what you saw"`,
    ),
  }));
}

// ── The end ──────────────────────────────────────────────────────────────────────────────────────────

function atTheEnd(row: Recharge): NextStep {
  if (row.history.some(isGrantTooMany)) {
    const word = row.phase === 'completed' ? 'granted_twice' : 'granted_after_refund';
    return step('you', `It holds a grant too many (RUNBOOK.md, ${word}): only a person can make it good.`);
  }
  if (row.history.some(({ event }) => event === 'paid_late')) {
    return step(
      'you',
      'It was paid after its end (RUNBOOK.md, paid_after_end): give that payment back, or grant it.',
    );
  }
  const successor = row.history.findLast(({ event }) => event === STARTED_AGAIN)?.detail;
  if (successor !== undefined) return inItsPlace(successor);
  const again = startAgain(row);
  switch (row.phase) {
    case 'blocked':
      return ofBlocked(row, again);
    case 'declined':
      return step(
        'client',
        DECLINED.get(row.reason ?? '') ??
          `The payment was declined (${row.reason ?? 'no reason was given'}). To the client: ${sentenceOfDecline(row.reason)}`,
        [...askForAnother(row), ...again],
      );
    case 'completed':
      return step(
        'nobody',
        row.goodwillRefund === 'refunded' ? GIVEN_BACK : 'Nothing is left to do.',
        giveBack(row),
      );
    default:
      return step('nobody', 'Nothing is left to do.');
  }
}

/** Found by a late look, or said by the answer to a grant that nobody waited for any more. */
const isGrantTooMany = ({ event, detail }: HistoryEntry) =>
  event === LATE_LOOKS.some || (event === LATE_GRANT && (detail === 'granted' || detail === 'differs'));

const inItsPlace = (successor: string) =>
  step('nobody', `It was started again as ${successor}.`, [
    { what: 'What became of that', command: relay(`recharges show ${shellQuoted(successor)}`) },
  ]);

const GIVEN_BACK =
  'The money was given back. The credits stay with the client: only the platform can take them.';

const DECLINED = new Map<string, string>([
  ['expired', 'Nobody was asked for money for too long, so it was given up.'],
  ['confirmed_not_charged', 'A person said that nothing was charged.'],
  ['refunded_at_provider', 'The payment was given back at the provider, before any credits were granted.'],
]);

/** The reasons that only another card, or the same one saved anew, will mend. */
const NEEDS_ANOTHER: readonly string[] = [
  'expired_card',
  'card_details_wrong',
  'card_not_supported',
  'card_refused',
  'account_closed',
  'debit_not_authorized',
  'no_payment_method',
  'payment_method_gone',
] satisfies DeclineWord[];

function askForAnother(row: Recharge): NextStep['commands'] {
  const { reason = '', email } = row;
  if (isErased(row) || !NEEDS_ANOTHER.includes(reason)) return [];
  const command = relay(`accounts invite ${shellQuoted(email)}`);
  return [{ what: 'Where Stripe takes the money: a link for the client, to save another one', command }];
}

function giveBack(row: Recharge): NextStep['commands'] {
  if (row.prepaid || row.goodwillRefund !== undefined) return [];
  return [
    {
      what: 'To give the money back (goodwill, or a dispute); the credits stay',
      command: keyed('refund', row),
    },
  ];
}

/** Its key is burnt. */
function startAgain(row: Recharge): NextStep['commands'] {
  const { phase, email, key } = row;
  if ((phase !== 'blocked' && phase !== 'declined') || isErased(row)) return [];
  const command = relay(`recharges start ${shellQuoted(email)} --for ${shellQuoted(key)} ${NOTE}`);
  return [{ what: 'Its key stays burnt. To start it again, once the cause is mended', command }];
}

/** What to do first about each refusal; no command: it follows from something that is known. */
const REFUSED: Record<Refusal, [who: Actor, what: string, command?: (client: string) => string]> = {
  account_unknown: ['you', 'Nobody has set this client up.', (client) => relay(`accounts add ${client}`)],
  account_disabled: [
    'you',
    'The client is disabled.',
    (client) => relay(`accounts enable ${client} ${NOTE}`),
  ],
  account_suspended: [
    'you',
    'The client is suspended.',
    (client) => relay(`accounts enable ${client} ${NOTE}`),
  ],
  over_daily_count: [
    'you',
    'The client has had as many recharges today as are allowed a day.',
    (client) => relay(`accounts set ${client} --daily-count N`),
  ],
  over_monthly_amount: [
    'you',
    'With this recharge the client would be charged more than is allowed a month.',
    (client) => relay(`accounts set ${client} --monthly-cap AMOUNT`),
  ],
  amount_out_of_range: [
    'you',
    'So many credits are not sold: see "guard.credits" and the prices in the configuration.',
  ],
  unknown_on_platform: [
    'you',
    'The platform does not know the client: see whether the account there has another email.',
    (client) => relay(`accounts set ${client} --grant-email EMAIL`),
  ],
  cooldown: ['nobody', 'The client was recharged a moment before.'],
  unfinished_recharge: ['nobody', 'Another recharge of the client was not finished.'],
  stopped: ['nobody', 'A person has stopped it.'],
  too_many_at_once: ['nobody', 'Too many recharges of this client came at the same time.'],
  observe_only: ['nobody', 'The relay only observed.'],
};

const isRefusal = (word: string): word is Refusal => Object.hasOwn(REFUSED, word);

function ofBlocked(row: Recharge, again: NextStep['commands']): NextStep {
  const { email, reason = '' } = row;
  if (isErased(row)) return step('nobody', 'The client was erased since.');
  if (!isRefusal(reason)) return step('you', `It was refused: ${reason}.`, again);
  const refusal = stepOfRefusal(reason, email);
  return { ...refusal, commands: [...refusal.commands, ...again] };
}

/** Who must do what first, where a client is refused with this word, or would be. */
export function stepOfRefusal(word: Refusal, email: string): NextStep {
  const [who, what, command] = REFUSED[word];
  return step(who, what, command ? [{ what: 'To mend it', command: command(shellQuoted(email)) }] : []);
}

/** For texts. */
export const ACTORS: Record<Actor, string> = {
  you: 'You must act',
  client: 'The client must act',
  provider: 'The payment provider must act',
  nobody: 'Nobody needs to act',
};
