import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMemoryMessages } from '../../proof/memory-messages.ts';
import {
  DIRECTIONS,
  MESSAGE_STATUSES,
  type Message,
  messageIdOf,
  newMessage,
} from '../../shared/channels/message.ts';
import { createDynamoMessages, type Messages } from '../../shared/channels/messages.ts';
import { useDynamo } from '../support/store.ts';

const { connect, newTable } = useDynamo();

/** Sequences of verbs, each on an empty table. */
const SEQUENCES = Number(process.env.RELAY_CONTRACT_RUNS ?? 25);
const NOW = Date.UTC(2026, 0, 5, 12);
const DAY = 86_400_000;

/** Few values, so that they meet; times around the ends of a day and of a message's time on disk. */
const time = fc.constantFrom(0, 1, 59_999, 60_000, 61_000, DAY, 30 * DAY - 1, 30 * DAY).map((ms) => NOW + ms);
const contact = fc.constantFrom('+15551234567', 'joe');
const text = fc.constantFrom('one', 'двое');

const aMessage = fc
  .record({
    id: fc.constantFrom('1', '2'),
    contact,
    direction: fc.constantFrom(...DIRECTIONS.slice(0, 2)),
    at: time,
    text,
  })
  .map(({ id, direction, at, text: said, contact: of }) =>
    newMessage(
      { channel: 'chat', direction, content: { id, contact: of, type: 'text', text: said, attachments: [] } },
      at,
    ),
  );

/** What a decision may set on a row, and take away. */
const change: fc.Arbitrary<Partial<Message>> = fc.record(
  {
    status: fc.constantFrom(...MESSAGE_STATUSES),
    queuedAt: time,
    queuedNo: fc.constantFrom(1, 2),
    intent: text,
    partsDelivered: fc.constantFrom(0, 1),
    externalIds: fc.subarray(['x', 'y']),
    undelivered: fc.subarray([0, 1]),
    waits: fc.constantFrom(1, 2),
    notBefore: time,
    cuts: fc.constant([{ fromPart: 0, maxLength: 100 }]),
    history: fc.array(
      fc.record(
        { at: time, event: text, detail: text, times: fc.constantFrom(2, 3) },
        { requiredKeys: ['at', 'event'], noNullPrototype: true },
      ),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const removal = fc.subarray(['intent', 'undelivered', 'waits', 'notBefore', 'cuts'] as const);

interface Pair {
  both<Answer>(ask: (messages: Messages) => Promise<Answer>): Promise<Answer | undefined>;
  rows: Message[];
  clock: { now: number };
}
type Act = (pair: Pair) => Promise<unknown>;

/** The latest ones are mostly still as they were read. */
const pick = (rows: Message[], index: number): Message | undefined => rows.at(-1 - (index % rows.length));

const marks = fc.tuple(aMessage, fc.constantFrom(1, 1, 2)).map(
  ([message, times]): Act =>
    async (pair) => {
      for (let n = 0; n < times; n += 1) {
        const answer = await pair.both((messages) => messages.mark(message));
        if (answer) pair.rows.push(answer.row);
      }
    },
);
const writes = fc
  .record({ index: fc.nat(4), set: change, without: removal, times: fc.constantFrom(1, 1, 2) })
  .map(
    ({ index, set, without, times }): Act =>
      async (pair) => {
        const row = pick(pair.rows, index);
        if (row === undefined) return;
        const next: Message = { ...row, ...set };
        for (const name of without) Reflect.deleteProperty(next, name);
        // Its client makes a write again whose answer got lost.
        for (let n = 0; n < times; n += 1) {
          const answer = await pair.both((messages) => messages.write(row, next));
          if (answer) pair.rows.push(answer.row);
        }
      },
  );
const reads = fc.nat(4).map(
  (index): Act =>
    async (pair) => {
      const row = pick(pair.rows, index);
      const answer = row && (await pair.both((messages) => messages.read(messageIdOf(row))));
      if (answer) pair.rows.push(answer);
    },
);
const asks = fc
  .oneof(
    time.map((until) => (messages: Messages) => messages.due(until)),
    fc.constantFrom('2026-01-05', '2026-01-06').map((day) => (messages: Messages) => messages.list(day)),
    fc.tuple(contact, time, text).map(
      ([of, at, replyTo]) =>
        (messages: Messages) =>
          messages.rememberReplyTo({ channel: 'chat', contact: of, replyTo, at }),
    ),
    fc.tuple(contact, time).map(
      ([of, at]) =>
        (messages: Messages) =>
          messages.rememberLength({ channel: 'chat', contact: of, maxLength: 100, at }),
    ),
    contact.map((of) => (messages: Messages) => messages.known('chat', of)),
  )
  .map(
    (ask): Act =>
      (pair) =>
        pair.both<unknown>(async (messages) => unordered(await ask(messages))),
  );
const waits = time.map(
  (to): Act =>
    async ({ clock }) => {
      clock.now = Math.max(clock.now, to);
    },
);

/** Which of two that came at the same time stands first is nobody's promise. */
const unordered = (page: unknown) =>
  typeof page === 'object' && page !== null && 'items' in page && Array.isArray(page.items)
    ? { ...page, items: page.items.toSorted() }
    : page;

const acts = fc.array(
  fc.oneof(
    { arbitrary: marks, weight: 5 },
    { arbitrary: writes, weight: 8 },
    { arbitrary: reads, weight: 4 },
    { arbitrary: asks, weight: 6 },
    { arbitrary: waits, weight: 1 },
  ),
  { minLength: 10, maxLength: 40, size: 'max' },
);

/** The answer, or that it is an error. */
const heard = <Answer>(call: Promise<Answer>) =>
  call.then(
    (answer) => ({ answer }),
    (error: Error) => ({ threw: error.name }),
  );

it('whatever is done, the messages in memory answer as those on DynamoDB do', async () => {
  const client = connect();
  try {
    await fc.assert(
      fc.asyncProperty(acts, async (sequence) => {
        const clock = { now: NOW };
        const now = () => clock.now;
        const real = createDynamoMessages(client, await newTable(client), now);
        const memory = createMemoryMessages(now);
        const pair: Pair = {
          clock,
          rows: [],
          async both(ask) {
            const answer = await heard(ask(real));
            expect(await heard(ask(memory))).toEqual(answer);
            return 'answer' in answer ? answer.answer : undefined;
          },
        };
        for (const act of sequence) await act(pair);
      }),
      { numRuns: SEQUENCES, interruptAfterTimeLimit: 20_000 },
    );
  } finally {
    client.destroy();
  }
});
