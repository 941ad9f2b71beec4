import { MEANING_OF, meaningOf, runbookSection } from '../alert-words.ts';
import { maskEmails } from '../logger.ts';
import { formatMoney } from '../money.ts';
import { printableLine } from '../printable.ts';
import { REVIEW_REASONS } from '../recharge/recharge.ts';
import { shellQuoted } from '../shell.ts';
import type { RelayEvent } from './event.ts';

/** What stands in messages of a relay. */
export interface Relay {
  /** In the commands; absent on one's own machine. */
  stack?: string | undefined;
  /** Where the operator can read RUNBOOK.md. */
  runbookUrl?: string | undefined;
}

/** What is said to the agency's operator, where a person must act. */
export interface Message {
  /** One line of ASCII, at most 100 characters: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
  subject: string;
  text: string;
}

/** What an event of its own tells, from the row itself: their alerts are not said a second time. */
const TOLD_BY_EVENTS: readonly string[] = [...REVIEW_REASONS, 'client_must_act'];

/**
 * What a person must do for an event: what happened, to which recharge and client, and the command to paste. Undefined
 * where nobody must do anything. Emails are masked: this goes by mail.
 */
function sayingOf(event: RelayEvent, relay: Relay): Message | undefined {
  switch (event.type) {
    case 'recharge.needs_review': {
      const { data } = event;
      const reason = data.reason ?? 'needs_review';
      return messageOf(relay, {
        word: reason,
        means: meaningOf(reason) ?? 'A person must say what happened.',
        facts: rechargeFacts(data),
        key: data.key,
      });
    }
    case 'payment.action_required': {
      const { data } = event;
      return messageOf(relay, {
        word: 'client_must_act',
        means: MEANING_OF.client_must_act,
        facts: [...rechargeFacts(data), ['its page', data.action_url], ['until', data.act_by]],
        key: data.key,
      });
    }
    case 'alert.raised': {
      const { word, subject, key, email, detail, times, first_at } = event.data;
      if (TOLD_BY_EVENTS.includes(word)) return undefined;
      return messageOf(relay, {
        word,
        means: meaningOf(word) ?? 'An alert was raised.',
        facts: [
          ['about', key === undefined && subject !== email ? maskEmails(subject) : undefined],
          ['recharge', key],
          ['client', email && maskEmails(email)],
          ['detail', detail && maskEmails(detail)],
          ['raised', times > 1 ? `${times} times since ${first_at}` : first_at],
        ],
        ...(key === undefined ? {} : { key }),
      });
    }
    default:
      return undefined;
  }
}

type Facts = [name: string, value: string | undefined][];

const rechargeFacts = (data: Extract<RelayEvent, { type: 'recharge.needs_review' }>['data']): Facts => [
  ['recharge', data.key],
  ['client', maskEmails(data.email)],
  ['credits', String(data.credits)],
  [
    'price',
    data.amount === undefined || data.currency === undefined
      ? undefined
      : formatMoney({ amount: data.amount, currency: data.currency }),
  ],
  ['payment', data.payment_ref],
  ['grant mark', data.grant_mark],
];

interface Said {
  word: string;
  means: string;
  facts: Facts;
  /** The recharge to look at. */
  key?: string;
}

function messageOf(relay: Relay, { word, means, facts, key }: Said): Message {
  const { stack, runbookUrl } = relay;
  const shown = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`  ${name.padEnd(12)}${printableLine(value)}`],
  );
  const command = key === undefined ? 'alerts' : `recharges show ${shellQuoted(printableLine(key))}`;
  const text = [
    means,
    '',
    ...shown,
    '',
    'To look at it, and to see what can be done:',
    `  npx relay ${stack === undefined ? '' : `--stack ${stack} `}${command}`,
    '',
    `What to do: ${runbookSection(word, runbookUrl)}`,
  ].join('\n');
  return { subject: subjectLine(relay, key === undefined ? word : `${word}: ${key}`), text };
}

const MOST_CHARACTERS = 99;

const subjectLine = ({ stack }: Relay, said: string) =>
  `${stack ?? 'Recharge Relay'}: ${said}`.replaceAll(/[^ -~]/g, '?').slice(0, MOST_CHARACTERS);

/**
 * One message for all of these events, so that whatever comes at once is one mail. Undefined where nobody must act.
 */
export function messageFor(events: readonly RelayEvent[], relay: Relay): Message | undefined {
  const said = events.flatMap((event) => sayingOf(event, relay) ?? []);
  const [first] = said;
  if (first === undefined || said.length === 1) return first;
  const text = said.map((one) => one.text).join(`\n\n${'-'.repeat(60)}\n\n`);
  return { subject: subjectLine(relay, `${said.length} things wait for a person`), text };
}
