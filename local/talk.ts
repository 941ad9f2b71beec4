import * as z from 'zod';
import { formatMoney } from '../shared/money.ts';
import { printableLine } from '../shared/printable.ts';
import { shellQuoted } from '../shared/shell.ts';

/** What is read here of a line of the log. Emails in it are masked already. */
const entrySchema = z.looseObject({
  time: z.iso.datetime(),
  level: z.string(),
  message: z.string(),
  key: z.string().optional(),
  email: z.string().optional(),
  credits: z.number().optional(),
  amount: z.number().optional(),
  currency: z.string().optional(),
  /** Of an answer, its HTTP status; of a message, what it is by now. */
  status: z.union([z.number(), z.string()]).optional(),
  outcome: z.string().optional(),
  word: z.string().optional(),
  phase: z.string().optional(),
  reason: z.string().optional(),
  detail: z.string().optional(),
  error: z.string().optional(),
  id: z.string().optional(),
  event: z.string().optional(),
  messageId: z.string().optional(),
  method: z.string().optional(),
  type: z.string().optional(),
  means: z.string().optional(),
  channel: z.string().optional(),
  direction: z.string().optional(),
  quarantine: z.string().optional(),
  /** How far a reply has come behind the chat system. */
  stages: z.string().optional(),
  waitMs: z.number().optional(),
});
type Entry = z.infer<typeof entrySchema>;

/** How a line stands out on a terminal. */
export type Tone = 'plain' | 'good' | 'bad' | 'alert' | 'quiet';

interface Told {
  /** Into the relay, out of it and back, or its own. */
  arrow: '-->' | '<--' | '---' | '!!!';
  what: string;
  answer: string;
  about: (string | undefined)[];
  tone: Tone;
  /** A command for what to do now. */
  next?: string;
}

/** What the outcomes of a recharge are answers to. The others say nothing that a person waits for. */
const ASKED: Record<string, string> = {
  payment: 'charge',
  grant: 'grant',
  refund: 'refund',
  grant_evidence: 'look-up',
  grants_listed: 'look-up',
  refused: 'guard',
  held: 'wait',
};

const GOOD = ['paid', 'granted', 'refunded', 'delivered'];
/** Not yet, and nobody has to do anything. */
const WAITS = ['pending', 'held', 'held_back', 'not_applied', 'not_attempted', 'client_goes', 'decided'];

/** The same fault comes again with every try: it is said once in this time. */
const SAID_AGAIN_MS = 30_000;
/** Different faults that are remembered. */
const MOST_FAULTS = 100;

interface TalkOptions {
  /** Takes a line that is printable already, but for what `paint` made of it. */
  say: (line: string) => void;
  paint: (tone: Tone, text: string) => string;
  /** How a command begins, so that it leads to this relay when it is pasted. */
  relay: string;
}

/**
 * Tells a person what the relay does, as it does it: a line for each webhook, charge, grant, message and alert. It
 * reads what the handlers log, so they need not know of it.
 *
 * @returns takes one line of the log.
 */
export function createTalk({ say, paint, relay }: TalkOptions): (line: string) => void {
  const faults = new Map<string, number>();
  const isNews = (text: string, at: number) => {
    const before = faults.get(text);
    if (before !== undefined && at - before < SAID_AGAIN_MS) return false;
    if (faults.size >= MOST_FAULTS) faults.clear();
    faults.set(text, at);
    return true;
  };
  return (line) => {
    // What cannot be told must not stop what is told of: the line is written from within a recharge.
    const { data: entry } = entrySchema.safeParse(JSON.parse(line));
    if (entry === undefined) return;
    const told = toldOf(entry, relay);
    if (told === undefined) return;
    const { arrow, what, answer, tone, next } = told;
    const about = told.about.filter((part) => part !== undefined && part !== '').join('  ');
    const text = printableLine(`${arrow} ${what.padEnd(8)} ${answer.padEnd(17)} ${about}`.trimEnd());
    if (entry.level === 'error' && !isNews(text, Date.parse(entry.time))) return;
    const time = entry.time.slice('2026-11-28T'.length, '2026-11-28T09:30:00'.length);
    say(`${paint('quiet', time)} ${paint(tone, text)}`);
    if (next !== undefined) say(`${' '.repeat(time.length + 5)}${paint('alert', printableLine(next))}`);
  };
}

function toldOf(entry: Entry, relay: string): Told | undefined {
  const { level, message, outcome = '' } = entry;
  if (level === 'alert') return alertOf(entry, relay);
  if (level === 'error') {
    const { error, key, id } = entry;
    return { arrow: '!!!', what: 'error', answer: message, about: [key, id, error], tone: 'bad' };
  }
  switch (message) {
    case 'webhook answered':
      return answerOf(entry, 'webhook', [entry.key, entry.email, creditsOf(entry)]);
    case 'means of payment kept':
    case 'means of payment taken away':
      return {
        arrow: '---',
        what: 'card',
        answer: message.replace('means of payment ', ''),
        about: [entry.email, entry.means],
        tone: 'plain',
      };
    case 'channel answered':
      return answerOf(entry, 'message', [wayOf(entry), entry.id, entry.stages]);
    case 'decided':
      return entry.channel === undefined ? decisionOf(entry, ASKED[outcome]) : deliveryOf(entry);
    case 'event of Stripe answered':
      return entry.word === 'ignored' ? undefined : answerOf(entry, 'stripe', [entry.type, entry.key]);
    case 'payment page answered':
      return entry.method === 'POST' ? answerOf(entry, 'page', [entry.key]) : undefined;
    case 'confirmed for the client': {
      const { word = '', key, email, detail } = entry;
      return { arrow: '<--', what: 'confirm', answer: word, about: [key, email, detail], tone: toneOf(word) };
    }
    case 'event posted':
      return {
        arrow: '<--',
        what: 'event',
        answer: String(entry.status),
        about: [entry.event, entry.id],
        tone: 'plain',
      };
    case 'charging goes on: a grant went through':
      return { arrow: '---', what: 'charging', answer: 'goes on', about: [], tone: 'good' };
    default:
      return undefined;
  }
}

/** An answer to a request that came. `reason` and `quarantine` are there where it was not taken. */
function answerOf(entry: Entry, what: string, about: (string | undefined)[]): Told {
  const { status = '', word = '', reason } = entry;
  const tone = Number(status) < 400 ? 'plain' : 'bad';
  return { arrow: '-->', what, answer: `${status} ${word}`, about: [...about, reason], tone };
}

function decisionOf(entry: Entry, what: string | undefined): Told | undefined {
  const { key, email, word = '', phase = '', reason } = entry;
  if (what === undefined) return undefined;
  const amount = what === 'grant' ? creditsOf(entry) : moneyOf(entry);
  const because = reason === undefined || reason === word ? undefined : `${phase}: ${reason}`;
  return { arrow: '<--', what, answer: word, about: [key, email, amount, because], tone: toneOf(word) };
}

function deliveryOf(entry: Entry): Told {
  const { id, outcome = '', status, waitMs } = entry;
  const waits = waitMs === undefined ? undefined : `again in ${Math.ceil(waitMs / 1_000)} s`;
  const ended = status === outcome ? undefined : String(status);
  return {
    arrow: '<--',
    what: 'message',
    answer: outcome,
    about: [wayOf(entry), id, waits ?? ended],
    tone: toneOf(outcome),
  };
}

function alertOf(entry: Entry, relay: string): Told {
  const { message: word, key, email, detail, reason } = entry;
  const about = [key, entry.id, email, wayOf(entry), detail ?? reason, `(RUNBOOK.md#${word})`];
  return {
    arrow: '!!!',
    what: 'ALERT',
    answer: word,
    about,
    tone: 'alert',
    next: `${relay} ${commandFor(entry)}`,
  };
}

/** What shows it. A masked email in a key leads nowhere: then all alerts are shown, which name it. */
function commandFor({ key, quarantine, id, channel }: Entry): string {
  if (quarantine !== undefined) return `quarantine show ${shellQuoted(quarantine)}`;
  if (channel !== undefined && id !== undefined) return `messages show ${shellQuoted(id)}`;
  if (key !== undefined && !key.includes('***')) return `recharges show ${shellQuoted(key)}`;
  return 'alerts';
}

function toneOf(word: string): Tone {
  if (GOOD.includes(word)) return 'good';
  return WAITS.includes(word) ? 'plain' : 'bad';
}

const wayOf = ({ channel, direction }: Entry) =>
  channel === undefined ? undefined : `${channel}/${direction}`;
const creditsOf = ({ credits }: Entry) => (credits === undefined ? undefined : `${credits} credits`);
const moneyOf = ({ amount, currency }: Entry) =>
  amount === undefined || currency === undefined ? undefined : formatMoney({ amount, currency });
