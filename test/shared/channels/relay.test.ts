import { describe, expect, it } from 'vitest';
import type { Message } from '../../../shared/channels/message.ts';
import { type Left, relayMessage } from '../../../shared/channels/relay.ts';
import { utc } from '../../support/builders.ts';
import {
  ANSWER_LOST,
  type ChatWorld,
  type ChatWorldOptions,
  HANGS,
  NOT_NOW,
  REFUSED,
} from '../../support/chat-world.ts';
import { useChatWorlds } from '../../support/chat-worlds.ts';

const worldWith = useChatWorlds();

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** A world in which `hello` was received and is queued. */
async function received(options?: ChatWorldOptions) {
  const world = worldWith(options);
  const process = world.start();
  expect(await process.webhook('hello')).toBeLessThan(300);
  const run = (leftMs = 60 * SECOND): Promise<Left | undefined> =>
    relayMessage(world.idOf('hello'), world.now() + leftMs, process.deps);
  return { world, process, run };
}

const told = ({ history }: Message) =>
  history.map(({ event, detail, times }) => [event, detail, times].filter((part) => part !== undefined));

const DELIVERED = { kind: 'ended', status: 'delivered' };
const FAILED = { kind: 'ended', status: 'failed' };
const PARKED = { kind: 'ended', status: 'parked' };
const waited = (least: number, most: number) => (left: Left | undefined) => {
  if (left?.kind !== 'waits') throw new Error(`It does not wait: ${JSON.stringify(left)}`);
  expect(left.ms).toBeGreaterThanOrEqual(least);
  expect(left.ms).toBeLessThanOrEqual(most);
};

describe('a message that arrives', () => {
  it('is delivered, says so, and is not sent a second time', async () => {
    const { world, run } = await received();
    expect(await world.row('hello')).toMatchObject({ status: 'queued', version: 2, queuedNo: 1 });
    expect(await run()).toEqual(DELIVERED);
    const row = await world.row('hello');
    expect(row).toMatchObject({ status: 'delivered', version: 3, partsDelivered: 1, externalIds: [] });
    expect(told(row)).toEqual([['received'], ['delivered']]);
    expect(await run()).toEqual(DELIVERED);
    expect(world.requests).toEqual(['hello']);
    expect(await world.row('hello')).toEqual(row);
    expect(world.alerts()).toEqual([]);
    expect(world.lines()).toContainEqual(
      expect.objectContaining({
        message: 'decided',
        id: world.idOf('hello'),
        outcome: 'delivered',
        messages_delivered: 1,
      }),
    );
  });

  it('keeps what the receiver calls it', async () => {
    const says = { kind: 'delivered', externalId: 'their-7' } as const;
    const { world, run } = await received({ fates: { hello: [{ arrives: true, says }] } });
    await run();
    expect(await world.row('hello')).toMatchObject({ status: 'delivered', externalIds: ['their-7'] });
  });

  it('in parts is one write a part', async () => {
    const says = (externalId: string) =>
      ({ arrives: true, says: { kind: 'delivered', externalId } }) as const;
    const { world, run } = await received({
      parts: { hello: 3 },
      fates: { 'hello/1': [says('a')], 'hello/3': [says('c')] },
    });
    expect(await run()).toEqual(DELIVERED);
    const row = await world.row('hello');
    expect(row).toMatchObject({ partsDelivered: 3, externalIds: ['a', 'c'], version: 5 });
    expect(told(row).slice(1)).toEqual([
      ['delivered', 'part 1 of 3'],
      ['delivered', 'part 2 of 3'],
      ['delivered', 'part 3 of 3'],
    ]);
    expect(world.requests).toEqual(['hello/1', 'hello/2', 'hello/3']);
  });

  it('is noted by its names once that is on disk, and again where a process was killed before; it needs no note to be delivered', async () => {
    const says = (externalId: string) =>
      ({ arrives: true, says: { kind: 'delivered', externalId } }) as const;
    const fates = { 'hello/1': [says('a')], 'hello/2': [says('b')] };
    const { world, process } = await received({ parts: { hello: 2 }, fates });
    const noted: unknown[] = [];
    const link = async ({ externalIds }: Message) => {
      noted.push([externalIds, (await world.row('hello')).status]);
      if (noted.length === 1) throw new Error('storage is away');
    };
    const deps = { ...process.deps, targets: { ...process.deps.targets, link } };
    const run = () => relayMessage(world.idOf('hello'), world.now() + 60 * SECOND, deps);
    expect([await run(), await run()]).toEqual([DELIVERED, DELIVERED]);
    expect(noted).toEqual(Array(2).fill([['a', 'b'], 'delivered']));
    expect(world.lines().filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'what becomes of a message will not be known', id: world.idOf('hello') },
    ]);
  });

  it('is told to whoever handed it to us once that is on disk, and again where a process ended before the queue knew', async () => {
    const { world, process } = await received();
    const heard: string[] = [];
    const answers = ['HTTP 403'];
    const report = async ({ status }: Message) => {
      heard.push(`${status}, ${(await world.row('hello')).status}`);
      return answers.shift();
    };
    const deps = { ...process.deps, targets: { ...process.deps.targets, report } };
    const run = (leftMs = 60 * SECOND) => relayMessage(world.idOf('hello'), world.now() + leftMs, deps);
    expect(await run()).toEqual(DELIVERED);
    expect(await run()).toEqual(DELIVERED);
    // There is no time for another request.
    expect(await run(10 * SECOND)).toEqual(DELIVERED);
    expect(heard).toEqual(['delivered, delivered', 'delivered, delivered']);
    expect(
      world.lines().flatMap(({ message, detail }) => (/receipt/.test(`${message}`) ? [detail] : [])),
    ).toEqual(['HTTP 403']);
  });

  it('waits between its parts and then goes on, with none sent twice', async () => {
    const { world, run } = await received({ parts: { hello: 3 }, fates: { 'hello/2': [NOT_NOW] } });
    waited(1 * SECOND, 2 * SECOND)(await run());
    expect(await world.row('hello')).toMatchObject({ status: 'queued', partsDelivered: 1 });
    expect(await run()).toEqual(DELIVERED);
    expect(world.arrived.map(({ what }) => what)).toEqual(['hello/1', 'hello/2', 'hello/3']);
  });

  it('is complete where the receiver takes longer texts by now', async () => {
    const parts = { hello: 3 };
    const { world, run } = await received({ parts, fates: { 'hello/2': [NOT_NOW] } });
    await run();
    parts.hello = 1;
    expect(await run()).toEqual(DELIVERED);
    expect(world.requests).toEqual(['hello/1', 'hello/2']);
  });
});

describe('what the receiver says decides:', () => {
  it('not applied waits, refused fails with an alert, and both may be repeated without harm', async () => {
    const { world, run } = await received({ fates: { hello: [NOT_NOW, REFUSED] } });
    waited(1 * SECOND, 2 * SECOND)(await run());
    expect(told(await world.row('hello')).at(-1)).toEqual(['waiting', 'HTTP 429']);
    expect(await run()).toEqual(FAILED);
    expect(told(await world.row('hello')).at(-1)).toEqual(['failed', 'no such contact']);
    expect(world.alerts()).toEqual(['message_failed']);
    expect(world.lines().find(({ level }) => level === 'alert')).toMatchObject({
      message: 'message_failed',
      id: world.idOf('hello'),
      channel: world.channel,
      direction: 'incoming',
      detail: 'no such contact',
    });
    expect(world.arrived).toEqual([]);
  });

  it('unknown waits where the receiver knows it again, and it arrives once', async () => {
    const { world, run } = await received({ fates: { hello: [ANSWER_LOST, HANGS] } });
    waited(1 * SECOND, 2 * SECOND)(await run());
    waited(1 * SECOND, 4 * SECOND)(await run());
    expect(await run()).toEqual(DELIVERED);
    expect(world.arrived).toHaveLength(1);
    expect(told(await world.row('hello'))).toEqual([
      ['received'],
      ['waiting', 'no answer in time', 2],
      ['delivered'],
    ]);
  });

  it.each([
    ['it arrived', ANSWER_LOST, 1],
    ['it did not arrive', HANGS, 0],
  ])('unknown is parked with an alert where it would be a second message (%s)', async (_, fate, arrived) => {
    const { world, run } = await received({ direction: 'send', fates: { hello: [fate] } });
    expect(await run()).toEqual(PARKED);
    expect(world.alerts()).toEqual(['message_parked']);
    expect(await run()).toEqual(PARKED);
    expect(world.requests).toEqual(['hello']);
    expect(world.arrived).toHaveLength(arrived);
  });

  it('unknown is repeated where the agency prefers two messages to none', async () => {
    const options = { direction: 'send', unknown: 'repeat', fates: { hello: [HANGS] } } as const;
    const { world, run } = await received({ ...options, fates: { hello: [HANGS] } });
    waited(1 * SECOND, 2 * SECOND)(await run());
    expect(await run()).toEqual(DELIVERED);
    expect(world.arrived).toHaveLength(1);
  });

  it('what cannot be looked up is no leave to send', async () => {
    const heldUntil = () => {
      throw new Error('no answer');
    };
    const { world, run } = await received({ direction: 'send', heldUntil });
    waited(1 * SECOND, 2 * SECOND)(await run());
    expect(told(await world.row('hello')).at(-1)).toEqual(['waiting', 'not prepared: Error: no answer']);
    expect(world.requests).toEqual([]);
  });

  it('nothing to send is a refusal, and what cannot be prepared waits', async () => {
    const none = await received({ parts: { hello: 0 } });
    expect(await none.run()).toEqual(FAILED);

    const { world, process } = await received();
    const deps = { ...process.deps };
    deps.targets = {
      ...deps.targets,
      prepare: async () => {
        throw new Error('the secret "outbound" could not be read');
      },
    };
    waited(1 * SECOND, 2 * SECOND)(await relayMessage(world.idOf('hello'), world.now() + MINUTE, deps));
    expect(told(await world.row('hello')).at(-1)).toEqual([
      'waiting',
      'not prepared: Error: the secret "outbound" could not be read',
    ]);
    expect(world.requests).toEqual([]);
  });
});

describe('a wait', () => {
  const asks = (retryAfterMs: number) => ({ ...NOT_NOW, says: { ...NOT_NOW.says, retryAfterMs } }) as const;

  it('doubles its ceiling each time, with jitter, up to 15 minutes, and is one entry of the history', async () => {
    const { world, run } = await received({ fates: { hello: Array(40).fill(NOT_NOW) } });
    const waits: number[] = [];
    for (let times = 0; times < 40; times += 1) {
      const left = await run();
      waited(1 * SECOND, Math.min(15 * MINUTE, 2 * SECOND * 2 ** times))(left);
      waits.push(left?.kind === 'waits' ? left.ms : 0);
    }
    expect(told(await world.row('hello'))).toEqual([['received'], ['waiting', 'HTTP 429', 40]]);
    // Of 30 draws up to 15 minutes, none above 5 is as likely as 1 in 190,000.
    expect(Math.max(...waits)).toBeGreaterThan(5 * MINUTE);
    expect(new Set(waits).size).toBeGreaterThan(20);
  });

  it('grows as much where each has another reason, and the history has lost its middle', async () => {
    const because = (_: unknown, index: number) =>
      ({
        ...NOT_NOW,
        says: { ...NOT_NOW.says, detail: `${index} ${'a reason of its own, '.repeat(7)}` },
      }) as const;
    const { world, run } = await received({ fates: { hello: Array.from({ length: 40 }, because) } });
    const waits: number[] = [];
    for (let times = 0; times < 40; times += 1) {
      const left = await run();
      waits.push(left?.kind === 'waits' ? left.ms : 0);
    }
    expect(told(await world.row('hello'))).toContainEqual(['left_out', expect.any(Number)]);
    expect(await world.row('hello')).toMatchObject({ status: 'queued', waits: 40 });
    // Short waits would use up the 1,000 receives of the queue within hours, and the message with them.
    expect(Math.max(...waits)).toBeGreaterThan(5 * MINUTE);
  });

  it('tells how old the message is by now', async () => {
    const { world, run } = await received({ fates: { hello: [NOT_NOW, NOT_NOW] } });
    await run();
    world.advance(31 * MINUTE + 999);
    await run();
    await run();
    const told = world.lines().map(({ oldest_message_seconds: seconds }) => seconds);
    expect(told.filter((seconds) => seconds !== undefined)).toEqual([0, 31 * 60]);
  });

  it('is as long as the receiver asks for, however long that is, and nothing is sent before', async () => {
    const { world, run } = await received({
      fates: { hello: [asks(90 * SECOND), asks(30 * HOUR), asks(0)] },
    });
    expect(await run()).toEqual({ kind: 'waits', ms: 90 * SECOND });
    world.advance(90 * SECOND);
    expect(await run()).toEqual({ kind: 'waits', ms: 30 * HOUR });
    const row = await world.row('hello');
    expect(row).toMatchObject({ waits: 2, notBefore: world.now() + 30 * HOUR });
    // The queue hides nothing for longer than 11 hours, so it comes back in between.
    world.advance(11 * HOUR);
    expect(await run()).toEqual({ kind: 'waits', ms: 19 * HOUR });
    expect(await world.row('hello')).toEqual(row);
    expect(world.requests).toHaveLength(2);
    world.advance(19 * HOUR);
    waited(1 * SECOND, 8 * SECOND)(await run());
    expect(told(await world.row('hello'))).toEqual([
      ['received'],
      ['waiting', 'HTTP 429; it asks for 90 s'],
      ['waiting', 'HTTP 429; it asks for 30 h'],
      ['waiting', 'HTTP 429'],
    ]);
    expect(await run()).toEqual(DELIVERED);
    expect(await world.row('hello')).not.toHaveProperty('notBefore');
  });

  it('that is longer than the message is worth ends when it is given up, unsent', async () => {
    const { world, run } = await received({ fates: { hello: [asks(100 * HOUR)] } });
    expect(await run()).toEqual({ kind: 'waits', ms: 72 * HOUR });
    world.advance(72 * HOUR);
    expect(await run()).toEqual(FAILED);
    expect(world.requests).toEqual(['hello']);
  });

  it('that no clock can tell is no longer than that', async () => {
    for (const absurd of [Number.POSITIVE_INFINITY, 1e18]) {
      const { world, run } = await received({ fates: { hello: [asks(absurd)] } });
      expect(await run()).toEqual({ kind: 'waits', ms: 72 * HOUR });
      expect(told(await world.row('hello')).at(-1)).toEqual(['waiting', 'HTTP 429; it asks for 72 h']);
    }
  });

  it('is forgotten by a replay: a person wants it sent now', async () => {
    const { world, process, run } = await received({ fates: { hello: [asks(100 * HOUR)] } });
    await run();
    world.advance(72 * HOUR);
    await run();
    expect((await process.replay('hello')).kind).toBe('replayed');
    expect(await world.row('hello')).not.toHaveProperty('notBefore');
    expect(await run()).toEqual(DELIVERED);
  });

  it('that another message was asked for holds for this one, without a request of its own', async () => {
    const until = utc('2026-01-05 12:30:00');
    const { world, run } = await received({ direction: 'send', heldUntil: () => until });
    // It comes back at that time or a little later, for others wait for the same.
    waited(30 * MINUTE, 31 * MINUTE)(await run());
    const row = await world.row('hello');
    expect(row).toMatchObject({ status: 'queued', notBefore: until });
    expect(row).not.toHaveProperty('waits');
    expect(row).not.toHaveProperty('intent');
    expect(told(row).at(-1)).toEqual(['waiting', 'told to wait until 2026-01-05T12:30:00.000Z']);
    world.advance(10 * MINUTE);
    expect(await run()).toEqual({ kind: 'waits', ms: 20 * MINUTE });
    expect(await world.row('hello')).toEqual(row);
    expect(world.requests).toEqual([]);
    world.advance(20 * MINUTE);
    expect(await run()).toEqual(DELIVERED);
  });

  it('begins small again after a part that arrived', async () => {
    const fates = { 'hello/1': Array(10).fill(NOT_NOW), 'hello/2': [NOT_NOW] };
    const { run } = await received({ parts: { hello: 2 }, fates });
    for (let times = 0; times < 10; times += 1) await run();
    waited(1 * SECOND, 2 * SECOND)(await run());
  });

  it('begins small again after a replay', async () => {
    const fates = { hello: [...Array(10).fill(NOT_NOW), REFUSED, NOT_NOW] };
    const { world, process, run } = await received({ fates });
    for (let times = 0; times < 11; times += 1) await run();
    expect((await process.replay('hello')).kind).toBe('replayed');
    waited(1 * SECOND, 2 * SECOND)(await run());
    expect(await world.row('hello')).toMatchObject({ status: 'queued', waits: 1 });
  });

  it('ends after 72 hours: the message is given up, unsent', async () => {
    const { world, run } = await received({ fates: { hello: Array(9).fill(NOT_NOW) } });
    await run();
    world.advance(72 * HOUR - 1);
    expect(await run()).toMatchObject({ kind: 'waits' });
    world.advance(1);
    expect(await run()).toEqual(FAILED);
    expect(world.requests).toHaveLength(2);
    expect(told(await world.row('hello')).at(-1)).toEqual(['failed', 'not delivered within 72 hours']);
    expect(world.alerts()).toEqual(['message_failed']);
  });
});

describe('a remedy that the receiver names', () => {
  it('is a new place: the message goes on after a moment, and says where', async () => {
    const says = { kind: 'moved', detail: 'HTTP 400: upgraded', replyTo: '-100' } as const;
    const fates = { hello: [{ arrives: false, says }] };
    const { world, run } = await received({ direction: 'send', fates });
    waited(1 * SECOND, 2 * SECOND)(await run());
    expect(told(await world.row('hello')).at(-1)).toEqual(['moved', 'HTTP 400: upgraded, to -100']);
    expect(await run()).toEqual(DELIVERED);
    expect(world.arrived).toHaveLength(1);
  });

  it('is a shorter text: the parts that arrived stay as they are, and the rest is cut anew', async () => {
    const cuts = [
      { fromPart: 0, maxLength: 4_000 },
      { fromPart: 1, maxLength: 1_000 },
    ];
    const says = { kind: 'shortened', detail: 'too long', cuts } as const;
    const { world, run } = await received({
      direction: 'send',
      parts: { hello: 2 },
      fates: { 'hello/2': [{ arrives: false, says }] },
    });
    waited(1 * SECOND, 2 * SECOND)(await run());
    const row = await world.row('hello');
    expect(row).toMatchObject({ status: 'queued', partsDelivered: 1, cuts });
    expect(row).not.toHaveProperty('intent');
    expect(told(row).at(-1)).toEqual(['shortened', 'too long; at most 1000 characters a part from here on']);
    expect(await run()).toEqual(DELIVERED);
    expect(world.requests).toEqual(['hello/1', 'hello/2', 'hello/2']);
  });
});

describe('a run', () => {
  it('begins nothing it may not see the end of, and writes nothing then', async () => {
    const { world, run } = await received({ direction: 'send' });
    const before = await world.row('hello');
    expect(await run(24_999)).toEqual({ kind: 'waits', ms: 0 });
    expect(await world.row('hello')).toEqual(before);
    expect(await run(25_000)).toEqual(DELIVERED);
  });

  it('stops between two parts where its time is up', async () => {
    const slow = { arrives: true, says: { kind: 'delivered' }, takesMs: 10 * SECOND } as const;
    const fates = { 'hello/1': [slow], 'hello/2': [slow], 'hello/3': [slow] };
    const { world, run } = await received({ direction: 'send', parts: { hello: 3 }, fates });
    expect(await run(35 * SECOND)).toEqual({ kind: 'waits', ms: 0 });
    expect(await world.row('hello')).toMatchObject({ status: 'queued', partsDelivered: 2 });
    expect(await run()).toEqual(DELIVERED);
    expect(world.arrived.map(({ what }) => what)).toEqual(['hello/1', 'hello/2', 'hello/3']);
  });

  it('has the intent on disk before the request, where a repetition would be a second message', async () => {
    const { world, process } = await received({ direction: 'send', parts: { hello: 2 } });
    const seen: Partial<Message>[] = [];
    const { targets } = process.deps;
    const deps = {
      ...process.deps,
      targets: {
        ...targets,
        prepare: async (message: Message) => {
          const prepared = await targets.prepare(message);
          return {
            ...prepared,
            async send(part: number) {
              seen.push(await world.row('hello'));
              return prepared.send(part);
            },
          };
        },
      },
    };
    expect(await relayMessage(world.idOf('hello'), world.now() + MINUTE, deps)).toEqual(DELIVERED);
    expect(seen).toMatchObject([
      { status: 'delivering', partsDelivered: 0, intent: expect.stringMatching(/^[\w-]{12}$/) },
      { status: 'delivering', partsDelivered: 1, intent: expect.stringMatching(/^[\w-]{12}$/) },
    ]);
    expect(seen[0]?.intent).not.toBe(seen[1]?.intent);
    expect(await world.row('hello')).not.toHaveProperty('intent');
  });

  it('does not send after an intent that took too long to write', async () => {
    const { world, process, run } = await received({ direction: 'send' });
    const { messages } = process.deps;
    const deps = {
      ...process.deps,
      messages: {
        ...messages,
        async write(read: Message, next: Message) {
          if (next.status === 'delivering') world.advance(46 * SECOND);
          return messages.write(read, next);
        },
      },
    };
    expect(await relayMessage(world.idOf('hello'), world.now() + MINUTE, deps)).toEqual({
      kind: 'waits',
      ms: 0,
    });
    expect(world.requests).toEqual([]);
    expect(await world.row('hello')).toMatchObject({ status: 'queued' });
    expect(await world.row('hello')).not.toHaveProperty('intent');
    expect(await run()).toEqual(DELIVERED);
  });

  it('finds no such message', async () => {
    const world = worldWith();
    const { deps } = world.start();
    expect(await relayMessage('rrm-000000000000000000000000', world.now() + MINUTE, deps)).toBeUndefined();
  });
});

describe('a message found in the middle of a delivery', () => {
  const delivering = async (world: ChatWorld) => {
    const row = await world.row('hello');
    await world.messages.write(row, { ...row, status: 'delivering', intent: 'of-another' });
  };

  it('is parked, for it may have arrived, and its process may still say that it did', async () => {
    const { world, run } = await received({ direction: 'send' });
    await delivering(world);
    expect(await run()).toEqual(PARKED);
    expect(world.requests).toEqual([]);
    expect(told(await world.row('hello')).at(-1)).toEqual([
      'parked',
      'a process ended without saying what became of it',
    ]);
    expect(await world.row('hello')).toMatchObject({ intent: 'of-another' });
  });

  it('is sent again where the policy says so, after a wait', async () => {
    const { world, run } = await received({ direction: 'send', unknown: 'repeat' });
    await delivering(world);
    waited(1 * SECOND, 2 * SECOND)(await run());
    expect(await run()).toEqual(DELIVERED);
  });

  it('is left to its process where that one lives: it was not so when this run began', async () => {
    const { world, process } = await received({ direction: 'send' });
    const { messages } = process.deps;
    let quicker = true;
    const deps = {
      ...process.deps,
      messages: {
        ...messages,
        async write(read: Message, next: Message) {
          if (quicker) await delivering(world);
          quicker = false;
          return messages.write(read, next);
        },
      },
    };
    expect(await relayMessage(world.idOf('hello'), world.now() + MINUTE, deps)).toEqual({
      kind: 'waits',
      ms: 60 * SECOND,
    });
    expect(world.requests).toEqual([]);
    expect(await world.row('hello')).toMatchObject({ status: 'delivering', intent: 'of-another' });
  });
});

describe('a replay', () => {
  async function parked(parts = 1) {
    const what = parts > 1 ? 'hello/2' : 'hello';
    const started = await received({
      direction: 'send',
      parts: { hello: parts },
      fates: { [what]: [HANGS] },
    });
    await started.process.worker();
    expect((await started.world.row('hello')).status).toBe('parked');
    expect(started.world.fifo.length).toBe(0);
    return started;
  }

  it('sends a parked message again, at once and as a new message of the queue', async () => {
    const { world, process } = await parked();
    expect(await process.replay('hello')).toMatchObject({
      kind: 'replayed',
      row: { status: 'queued', queuedNo: 2 },
    });
    expect(await world.row('hello')).not.toHaveProperty('intent');
    expect(world.fifo.length).toBe(1);
    await process.worker();
    expect(await world.row('hello')).toMatchObject({ status: 'delivered', queuedNo: 2 });
    expect(world.arrived).toHaveLength(1);
  });

  it('sends only the parts that did not arrive', async () => {
    const { world, process } = await parked(3);
    await process.replay('hello');
    await process.worker();
    expect(world.requests).toEqual(['hello/1', 'hello/2', 'hello/2', 'hello/3']);
    expect(await world.row('hello')).toMatchObject({ status: 'delivered', partsDelivered: 3 });
  });

  it('gives a message that was given up another 72 hours', async () => {
    const { world, process } = await received({ fates: { hello: [REFUSED, NOT_NOW] } });
    await process.worker();
    world.advance(100 * HOUR);
    expect((await process.replay('hello')).kind).toBe('replayed');
    await process.worker();
    expect((await world.row('hello')).status).toBe('queued');
    world.advance(71 * HOUR);
    await process.worker();
    expect((await world.row('hello')).status).toBe('delivered');
  });

  it.each([
    ['is still on its way', 0, 'queued', 'it is still on its way'],
    ['waits for days', 73 * HOUR - 1, 'queued', 'it is still on its way'],
    ['is being delivered', HOUR, 'delivering', 'it is still on its way'],
    [
      'was just received',
      5 * MINUTE - 1,
      'received',
      'it was received or replayed less than 5 minutes ago, and goes on by itself',
    ],
    ['is delivered', 90 * HOUR, 'delivered', 'it is delivered'],
  ] as const)('is refused for one that %s', async (_, afterMs, status, why) => {
    const { world, process } = await received();
    const row = await world.row('hello');
    await world.messages.write(row, { ...row, status });
    world.advance(afterMs);
    expect(await process.replay('hello')).toEqual({ kind: 'refused', why });
    expect(world.fifo.length).toBe(1);
  });

  it.each([
    ['was marked and never queued', 5 * MINUTE, 'received'],
    ['waits in no queue any more', 73 * HOUR, 'queued'],
    ['was left in the middle', 73 * HOUR, 'delivering'],
  ] as const)('helps one that %s', async (_, afterMs, status) => {
    const { world, process } = await received();
    await process.worker([]);
    for (const { receiptHandle } of world.fifo.receive()) world.fifo.delete(receiptHandle);
    const row = await world.row('hello');
    await world.messages.write(row, { ...row, status });
    world.advance(afterMs);
    expect((await process.replay('hello')).kind).toBe('replayed');
    await process.worker();
    expect(await world.row('hello')).toMatchObject({ status: 'delivered', queuedNo: 2 });
  });

  it('finds none, or one that changed meanwhile', async () => {
    const { world, process } = await parked();
    expect(await process.replay('another')).toEqual({ kind: 'not_stored' });
    const other = world.start(async (port, work) => {
      if (port === 'messages.write') await process.replay('hello');
      return work();
    });
    expect(await other.replay('hello')).toMatchObject({ kind: 'changed', row: { queuedNo: 2 } });
    expect(world.fifo.length).toBe(1);
  });
});
