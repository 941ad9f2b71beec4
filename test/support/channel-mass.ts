import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { createSandboxChat } from '../../local/sandbox/chat.ts';
import { DIALECTS, type DialectName, dialectNameSchema } from '../../local/sandbox/dialects/index.ts';
import type { Message } from '../../shared/channels/message.ts';
import {
  aMinutePasses,
  byContact,
  type ChannelParties,
  inQueue,
  itemsOf,
  repliesTo,
  rowsOf,
  twelveSecondsPass,
} from './channel-relay.ts';
import { eventually, type RunningRelay } from './relay-process.ts';

/** `npm run test:mass` sends 1,000 messages of 50 contacts through every adapter; `npm test` has seconds. */
const IS_WHOLE = process.env.RELAY_TEST_MASS === 'whole';
export const [PEOPLE, ANSWERED, EACH] = IS_WHOLE ? [50, 10, 20] : [2, 2, 5];

const NAMES = dialectNameSchema.options;
/** The engine of the tests takes the longer for a write the more rows there are: 1,000 messages have a table alone. */
export const TOGETHER = IS_WHOLE ? NAMES.map((name) => [name]) : [NAMES];
/** The text of one who is silent tells the bot to say nothing. */
const PERSONS = Array.from({ length: PEOPLE }, (_, index) =>
  index < ANSWERED ? `contact-${index + 1}` : `silent-${index + 1}`,
);
const textOf = (person: string, number: number) => `${person} question ${number}`;
const numberIn = (text: string) => Number(text.split(' ').at(-1));
const ofEach = Array.from({ length: EACH }, (_, index) => index + 1);
export const happens = (condition: () => boolean) =>
  vi.waitFor(() => expect(condition()).toBe(true), {
    timeout: IS_WHOLE ? 600_000 : 60_000,
    interval: IS_WHOLE ? 500 : 20,
  });

interface Trouble {
  /** The channels, each called as its adapter. */
  names: DialectName[];
  parties: ChannelParties;
  relay: RunningRelay;
  restart: () => Promise<RunningRelay>;
}

/**
 * Everybody writes, calls fail, and the relay is killed and started again. Then books, table, queues and log are asked what
 * became of each message. At the end the parties fail no more.
 */
export async function throughTrouble({ names, parties, restart, ...of }: Trouble): Promise<void> {
  let { relay } = of;
  const all = names.length * PEOPLE * EACH;
  await expectNoForgery(names, relay);
  failOneCallInFive(parties);
  everybodyWrites(parties);

  await happens(() => takenOf(parties) >= all / 2 && relayedOf(parties) >= all / 4);
  await relay.end('SIGKILL');
  expect(relayedOf(parties)).toBeLessThan(all);
  expect(await twelveSecondsPass(relay)).toBeGreaterThan(0);
  // What was only marked is sent again. Without an id, that is another message, and the mark is the sweeper's.
  if (names.includes('respondio')) await aMinutePasses(relay, 'respondio');
  relay = await restart();
  connect(parties, relay);

  // What the last of them had to wait would be all that is measured.
  await happens(() => relayedOf(parties) >= 0.9 * all);
  await mend(parties);
  await allIsOver(all, parties, relay);
  const rows = await rowsOf(relay);
  for (const name of names) {
    expectIncoming(name, parties, rows);
    expectReplies(name, parties, rows);
  }
  await expectNothingElse(relay, rows);

  // A person decides what nobody knows. Then nothing is lost.
  await relay.json('messages', 'replay-all', '--status', 'parked', '--yes');
  await eventually(async () => {
    const left = (await rowsOf(relay)).filter(({ status }) => status !== 'delivered');
    expect(left.map(({ channel, status, content }) => [channel, status, content.text])).toEqual([]);
  });
  for (const name of names) {
    const had = byContact(parties.delivered(name));
    for (const person of PERSONS.slice(0, ANSWERED)) {
      const numbers = new Set(had[person]?.map(numberIn));
      expect([name, person, [...numbers].toSorted((a, b) => a - b)]).toEqual([name, person, ofEach]);
    }
  }
}

export function connect({ platform, chats }: ChannelParties, relay: RunningRelay): void {
  for (const [name, chat] of Object.entries(chats)) chat.setRelay(`${relay.url}/channels/${name}/incoming`);
  repliesTo(platform, relay);
}

/** Each of five kinds so often that one call in five fails. */
const SHARE = 1 - 0.8 ** (1 / 5);
const HALF_DONE = [
  { fault: 'error_after' },
  { fault: 'reset_after' },
  { fault: 'error_before' },
  { fault: 'hang_after', ms: 100 },
];
/** Would hold back all calls for as long as it asks. */
const LIMITED = { fault: 'rate_limited', ms: 0 };

function failOneCallInFive({ platform, chats }: ChannelParties): void {
  // At the first call, while the others wait for theirs.
  platform.fault({ operation: 'incoming', fault: 'rate_limited', ms: 1_000 });
  const always = { times: 'always', share: SHARE } as const;
  for (const how of [{}, always]) {
    // Each once for certain, then by chance.
    for (const kind of [...HALF_DONE, LIMITED]) {
      platform.fault({ operation: 'incoming', ...kind, ...how });
      for (const chat of Object.values(chats)) chat.fault({ operation: 'deliver', ...kind, ...how });
    }
  }
  platform.fault({ operation: 'reply', fault: 'twice', times: 'always', share: 0.2 });
  for (const chat of Object.values(chats)) {
    chat.fault({ operation: 'relay', fault: 'twice', times: 'always', share: 0.2 });
    chat.fault({ operation: 'relay', fault: 'lost', times: 'always', share: 0.1 });
  }
}

/** Parties without faults again. */
async function mend({ platform, chats }: ChannelParties): Promise<void> {
  const all = [platform, ...Object.values(chats)];
  await Promise.all(all.map(({ url }) => fetch(`${url}/sandbox/faults`, { method: 'DELETE' })));
}

/** All at once, each in their order; some of it comes once more, behind what was written since. */
function everybodyWrites({ chats }: ChannelParties): void {
  for (const [name, chat] of Object.entries(chats)) {
    for (const person of PERSONS) {
      const ids: string[] = [];
      for (const number of ofEach) {
        ids.push(chat.say(person, textOf(person, number)).id);
        // Without an id, it would be another message.
        if (number % 5 === 0 && name !== 'respondio') chat.repeat(ids.at(-4) ?? '');
      }
    }
  }
}

/** Whoever knows the address, and not the secret, is let in nowhere. */
async function expectNoForgery(names: DialectName[], relay: RunningRelay): Promise<void> {
  for (const name of names) {
    const relayUrl = `${relay.url}/channels/${name}/incoming`;
    const forger = await createSandboxChat({
      dialect: name,
      secret: 'guessed',
      relayUrl,
      retryMs: [600_000],
    });
    const statuses = () =>
      forger.books.flatMap((event) => (event.kind === 'relay_delivery' ? [event.status] : []));
    for (const person of PERSONS) forger.say(person, 'forged');
    await happens(() => statuses().length === PEOPLE);
    await forger.close();
    expect([name, ...new Set(statuses())]).toEqual([name, 401]);
  }
}

const isAccepted = (status: unknown) => status === 200 || status === 202;

/** Messages that the relay has taken from the chats. */
function takenOf({ chats }: ChannelParties): number {
  const taken = Object.values(chats).map(
    ({ books }) =>
      new Set(
        books.flatMap((event) =>
          event.kind === 'relay_delivery' && isAccepted(event.status) ? [event.id] : [],
        ),
      ).size,
  );
  return taken.reduce((sum, count) => sum + count, 0);
}

/** Messages that the platform has. */
const relayedOf = ({ platform }: ChannelParties) =>
  platform.books.filter(({ kind }) => kind === 'received').length;

/** Chats and platform have told all, and the relay has neither anything to do nor anything to wait for. */
async function allIsOver(all: number, parties: ChannelParties, relay: RunningRelay): Promise<void> {
  await happens(() => takenOf(parties) === all);
  await eventually(async () => {
    expect(await inQueue(relay)).toMatchObject({ ready: [], inflight: [] });
    const listed = await fetch(`${parties.platform.url}/sandbox/messages`);
    const { messages }: { messages: { delivery?: string }[] } = JSON.parse(await listed.text());
    expect(messages.filter(({ delivery }) => delivery === 'pending')).toEqual([]);
    expect((await rowsOf(relay)).filter(({ status }) => status === 'received')).toEqual([]);
  });
}

/** Every message is at the platform once and in its order. */
function expectIncoming(name: DialectName, { chats, received }: ChannelParties, rows: Message[]) {
  const own = rows.filter(({ channel, direction }) => channel === name && direction === 'incoming');
  expect(own.filter(({ status }) => status !== 'delivered')).toEqual([]);
  const had = byContact(received(name));
  expect(own).toHaveLength(Object.values(had).flat().length);
  // What has no id is another message each time, so there may be as many as the chat has tried.
  const tries = name === 'respondio' ? triesOf(chats[name]?.books ?? []) : () => ({ least: 1, most: 1 });
  for (const person of PERSONS) {
    const numbers = (had[DIALECTS[name].addressOf(person).contact] ?? []).map(numberIn);
    // A try that the chat no longer waits for may come after what was written next.
    expect([name, person, [...new Set(numbers)]]).toEqual([name, person, ofEach]);
    for (const number of ofEach) {
      const times = numbers.filter((one) => one === number).length;
      const { least, most } = tries(textOf(person, number));
      expect([name, person, number, times >= least && times <= most]).toEqual([name, person, number, true]);
    }
  }
}

/** By the books of the chat: a try that was answered was stored, one that was not may have been. */
function triesOf(books: ChannelParties['chat']['books']) {
  const texts = new Map(books.flatMap((event) => (event.kind === 'said' ? [[event.id, event.text]] : [])));
  const statuses = Map.groupBy(
    books.filter((event) => event.kind === 'relay_delivery'),
    ({ id }) => texts.get(id),
  );
  return (text: string) => {
    const tried = statuses.get(text) ?? [];
    const least = tried.filter(({ status }) => isAccepted(status)).length;
    return { least, most: tried.filter(({ status }) => status !== 'lost').length };
  };
}

/** Every reply is at the chat once and in its order, or parked where nobody can know. */
function expectReplies(name: DialectName, { platform, delivered }: ChannelParties, rows: Message[]) {
  const own = rows.filter(({ channel, direction }) => channel === name && direction === 'outgoing');
  const replies = platform.books.flatMap((event) =>
    event.kind === 'reply' && event.channel === name ? [event] : [],
  );
  expect(own).toHaveLength(replies.length);
  const ended = name === 'webhook' ? ['delivered'] : ['delivered', 'parked'];
  expect(own.filter(({ status }) => !ended.includes(status))).toEqual([]);
  const had = byContact(delivered(name));
  for (const person of PERSONS) {
    const { contact } = DIALECTS[name].addressOf(person);
    const numbers = (had[person] ?? []).map(numberIn);
    const asked = replies.flatMap(({ contactId, body }) => (contactId === contact ? [numberIn(body)] : []));
    expect([name, person, numbers]).toEqual([name, person, inTheOrderOf(asked, numbers)]);
    for (const number of ofEach) {
      const text = `You said: ${textOf(person, number)}`;
      const told = own.filter(({ content }) => content.contact === contact && content.text === text);
      const least = told.filter(({ status }) => status === 'delivered').length;
      const times = numbers.filter((one) => one === number).length;
      expect([name, text, times >= least && times <= told.length]).toEqual([name, text, true]);
    }
  }
}

/** Of the numbers those that stand in the order of `all`, each as often as there, from the first one on. */
function inTheOrderOf(all: number[], numbers: number[]): number[] {
  let from = 0;
  return numbers.filter((number) => {
    const at = all.indexOf(number, from);
    if (at >= 0) from = at + 1;
    return at >= 0;
  });
}

/** By the table, the queues and the log. */
async function expectNothingElse(relay: RunningRelay, rows: Message[]): Promise<void> {
  const items = await itemsOf(relay);
  const expected = /^(MESSAGE#|CONTACT#|RECEIPT#|WAIT#|ALERT#|CONTROL#(refused|sweep))/;
  expect(items.map(({ pk }) => `${pk}`).filter((pk) => !expected.test(pk))).toEqual([]);
  expect(JSON.stringify(items)).not.toContain('forged');
  const log = readFileSync(join(relay.folder, 'relay.log'), 'utf8');
  for (const said of [' question ', 'forged', 'secret-of-']) {
    expect(log.split('\n').filter((line) => line.includes(said))).toEqual([]);
  }
  // The faults were met, each kind of them.
  const details = rows.flatMap(({ direction, history }) =>
    history.flatMap(({ event, detail = '', times = 1 }) =>
      event === 'waiting' || event === 'parked' ? Array<string>(times).fill(`${direction}: ${detail}`) : [],
    ),
  );
  expect(details.length).toBeGreaterThan(rows.length / 10);
  for (const met of [
    /^incoming: .+ no answer: ECONNRESET/,
    /^incoming: .+ status 500/,
    /^incoming: .+ status 429/,
    /^outgoing: HTTP (429|500)/,
    /^outgoing: ECONNRESET/,
  ])
    expect(details).toContainEqual(expect.stringMatching(met));
}
