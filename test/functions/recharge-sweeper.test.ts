import { DeleteQueueCommand } from '@aws-sdk/client-sqs';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { createRechargeSweeperHandler } from '../../functions/recharge-sweeper/handler.ts';
import { type Message, messageIdOf, newMessage } from '../../shared/channels/message.ts';
import { createDynamoMessages, type Messages } from '../../shared/channels/messages.ts';
import type { MessageQueue } from '../../shared/channels/queue.ts';
import { createLogger } from '../../shared/logger.ts';
import type { DueRecharge, Ledger } from '../../shared/recharge/ledger.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import { LATEST_VERSION, newRecharge } from '../../shared/recharge/recharge.ts';
import { createSweeps, type Sweeps } from '../../shared/sweeps.ts';
import { useQueue } from '../support/queue.ts';
import { meter, useLedger } from '../support/store.ts';

const store = useLedger();
const queue = useQueue();

const NOW = Date.UTC(2026, 0, 5, 9, 30);
/** Of the function's 50 seconds, 5 are kept back. */
const CONTEXT = { getRemainingTimeInMillis: () => 50_000 };
const LATER = NOW + 180_000;

const messagesAt = (now: () => number) => createDynamoMessages(store().client, store().table, now);

function aSweeper({
  ledger = store().ledger,
  now = () => NOW,
  messages,
  send = async () => {},
  sweeps = createSweeps(store().client, store().table),
}: {
  ledger?: Ledger;
  now?: () => number;
  messages?: Partial<Messages>;
  send?: MessageQueue['send'];
  sweeps?: Pick<Sweeps, 'note'>;
} = {}) {
  const lines: Record<string, unknown>[] = [];
  const sent: string[] = [];
  const handler = createRechargeSweeperHandler({
    ledger,
    queue: queue().queue,
    messages: { ...messagesAt(now), ...messages },
    messageQueue: {
      async send(message) {
        await send(message);
        sent.push(`${message.content.text}, ${message.queuedNo}`);
      },
    },
    sweeps,
    policy: productionPolicy,
    logger: createLogger((line) => lines.push(JSON.parse(line))),
    now,
  });
  return {
    lines,
    /** What each message says that was queued, and its number in the queue. */
    sent,
    alerts: () => lines.filter(({ level }) => level === 'alert'),
    sweep: () => handler({}, CONTEXT),
  };
}

/** Rows `k-000`, `k-001`… that are due: the first one longest. */
async function claimed(count: number, dueAt = NOW): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, index) => `k-${String(index).padStart(3, '0')}`);
  await Promise.all(
    keys.map((key, index) => {
      const order = { key, email: 'jane@example.com', credits: 500 };
      return store().ledger.claim(newRecharge(order, NOW - 500_000, dueAt - count + 1 + index));
    }),
  );
  return keys;
}

const bodies = (keys: string[]) => keys.map((key) => `{"key":"${key}"}`);

async function allDue(now: number): Promise<DueRecharge[]> {
  const items: DueRecharge[] = [];
  let cursor: string | undefined;
  do {
    const page = await store().ledger.due('time', now, cursor);
    items.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return items;
}

it('leaves word that it ran, of a run that failed, too: at most once a minute', async () => {
  const { client, table } = store();
  const last = () => createSweeps(client, table).last();
  let time = NOW;
  const now = () => time;
  expect(await last()).toBeUndefined();
  await claimed(2);
  const { sweep } = aSweeper({ now });
  await sweep();
  expect(await last()).toEqual({ sweptAt: NOW, queued: 2, failed: false });
  time += 1_000;
  await sweep();
  expect(await last()).toMatchObject({ sweptAt: NOW });
  time += 60_000;
  const due = () => Promise.reject(new Error('no answer'));
  await expect(aSweeper({ now, ledger: { ...store().ledger, due } }).sweep()).rejects.toThrow('no answer');
  expect(await last()).toEqual({ sweptAt: time, queued: 0, failed: true });
});

it('that cannot leave word has swept all the same', async () => {
  await claimed(1);
  const note = () => Promise.reject(new Error('no answer'));
  const { sweep, lines } = aSweeper({ sweeps: { note } });
  expect(await sweep()).toEqual({ queued: 1 });
  expect(lines).toContainEqual(expect.objectContaining({ message: 'a sweep could not be noted' }));
});

describe('a sweep', () => {
  it('of nothing does nothing, and counts nobody who waits for a person', async () => {
    const { sweep, lines } = aSweeper();
    expect(await sweep()).toEqual({ queued: 0 });
    expect(lines).toEqual([expect.objectContaining({ needs_review: 0, oldest_review_seconds: 0 })]);
  });

  it('queues each due recharge once and moves it on by three minutes, page after page', async () => {
    const keys = await claimed(250);
    const { sweep, lines } = aSweeper();
    expect(await sweep()).toEqual({ queued: 250 });
    expect(await queue().taken()).toEqual(bodies(keys));
    expect(lines).toEqual([
      expect.objectContaining({ level: 'info', message: 'swept', queued: 250, complete: true }),
      expect.objectContaining({ message: 'reviews waiting' }),
    ]);
    expect(await allDue(LATER - 1)).toEqual([]);
    const moved = await allDue(LATER);
    expect(moved).toHaveLength(250);
    expect(new Set(moved.map(({ nextAttemptAt }) => nextAttemptAt))).toEqual(new Set([LATER]));
    expect(await sweep()).toEqual({ queued: 0 });
    expect(await queue().taken()).toEqual([]);
  });

  it('takes what is due now, and leaves what is due a millisecond later', async () => {
    await claimed(1, NOW);
    const later = newRecharge({ key: 'later', email: 'jane@example.com', credits: 500 }, NOW, NOW + 1);
    await store().ledger.claim(later);
    expect(await aSweeper().sweep()).toEqual({ queued: 1 });
    expect(await queue().taken()).toEqual(bodies(['k-000']));
    expect(await store().ledger.read('later')).toEqual(later);
  });

  it('also brings back what waits for a person or a provider, and nothing that has ended', async () => {
    const { ledger } = store();
    const phases = [
      'received',
      'charge_pending',
      'granting',
      'charged',
      'needs_review',
      'refunding',
    ] as const;
    const ends = ['completed', 'declined', 'blocked', 'refunded'] as const;
    const dueNow = (key: string) => newRecharge({ key, email: 'jane@example.com', credits: 500 }, NOW, NOW);
    for (const phase of phases) await ledger.claim({ ...dueNow(phase), phase });
    for (const phase of ends) {
      const { nextAttemptAt: _, ...ended } = dueNow(phase);
      await ledger.claim({ ...ended, phase });
    }
    expect(await aSweeper().sweep()).toEqual({ queued: 6 });
    expect(await queue().taken()).toEqual(bodies([...phases].sort()));
  });

  it('changes nothing else on the row', async () => {
    await claimed(1);
    const before = await store().ledger.read('k-000');
    await aSweeper().sweep();
    expect(await store().ledger.read('k-000')).toEqual({ ...before, nextAttemptAt: LATER, swept: 1 });
  });
});

describe('two sweeps at once', () => {
  it('queue each recharge once between them', async () => {
    const keys = await claimed(120);
    const counts = await Promise.all([aSweeper().sweep(), aSweeper().sweep(), aSweeper().sweep()]);
    expect(counts.reduce((sum, { queued }) => sum + queued, 0)).toBe(120);
    expect(await queue().taken()).toEqual(bodies(keys));
  });

  it('leave alone what moved since the list was read', async () => {
    const { ledger } = store();
    await claimed(3);
    const raced: Ledger = {
      ...ledger,
      async due(waitsFor, until, cursor) {
        const page = await ledger.due(waitsFor, until, cursor);
        const second = page.items[1];
        if (second) await ledger.postpone(second, NOW + 60_000);
        return page;
      },
    };
    expect(await aSweeper({ ledger: raced }).sweep()).toEqual({ queued: 2 });
    expect(await queue().taken()).toEqual(bodies(['k-000', 'k-002']));
    expect(await ledger.read('k-001')).toMatchObject({ nextAttemptAt: NOW + 60_000, swept: 1 });
  });
});

describe('a sweep that fails', () => {
  it('for the queue is down loses nothing: every row is due again', async () => {
    const keys = await claimed(25);
    const { client, url } = queue();
    await client.send(new DeleteQueueCommand({ QueueUrl: url }));
    await expect(aSweeper().sweep()).rejects.toThrow();
    expect((await allDue(LATER)).map(({ key }) => key).sort()).toEqual(keys);

    await queue().restore();
    expect(await aSweeper({ now: () => LATER }).sweep()).toEqual({ queued: 25 });
    expect(await queue().taken()).toEqual(bodies(keys));
  });

  it('for the table does not answer in its midst loses nothing either', async () => {
    const { ledger } = store();
    const keys = await claimed(25);
    let postponed = 0;
    const failing: Ledger = {
      ...ledger,
      postpone: async (due, to) => {
        postponed += 1;
        if (postponed === 13) throw new Error('no answer');
        return ledger.postpone(due, to);
      },
    };
    await expect(aSweeper({ ledger: failing }).sweep()).rejects.toThrow('no answer');
    // The 13th is tried again with the next sweep, and no other waits for it.
    expect(await queue().taken()).toEqual(bodies(keys.toSpliced(12, 1)));
    expect(await allDue(LATER)).toHaveLength(25);
  });
});

describe('rows of a later version', () => {
  it('stay as they are, are told of once a sweep, and keep no other from being brought back', async () => {
    const keys = await claimed(25);
    const { client, table, ledger } = store();
    for (const key of keys.slice(0, 15)) {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: { pk: `RECHARGE#${key}` },
          UpdateExpression: 'SET v = :v',
          ExpressionAttributeValues: { ':v': LATEST_VERSION + 1 },
        }),
      );
    }
    const { sweep, alerts } = aSweeper();
    expect(await sweep()).toEqual({ queued: 10 });
    expect(await queue().taken()).toEqual(bodies(keys.slice(15)));
    expect(alerts()).toEqual([
      expect.objectContaining({
        message: 'newer_row',
        rows: 15,
        detail: expect.stringContaining(`schema version ${LATEST_VERSION + 1}`),
      }),
    ]);
    expect((await ledger.due('time', NOW)).items.map(({ key }) => key)).toEqual(keys.slice(0, 15));
  });
});

describe('a recharge that makes no progress', () => {
  it('is an alert at the 20th and the 40th sweep, and at no other', async () => {
    await claimed(1);
    let now = NOW;
    const { sweep, alerts } = aSweeper({ now: () => now });
    const alertedAt: number[] = [];
    for (let swept = 1; swept <= 41; swept += 1) {
      const before = alerts().length;
      await sweep();
      if (alerts().length > before) alertedAt.push(swept);
      now += 180_000;
    }
    expect(alertedAt).toEqual([20, 40]);
    expect(alerts()).toEqual([
      expect.objectContaining({ message: 'no_progress', key: 'k-000', swept: 20 }),
      expect.objectContaining({ message: 'no_progress', key: 'k-000', swept: 40 }),
    ]);
  });
});

describe('a sweep whose time is out', () => {
  /** Ten rows cost nine seconds, 50 the 45 that a sweep has. */
  function slowly(clock: { now: number }): Ledger {
    const { ledger } = store();
    return {
      ...ledger,
      postpone(due, to) {
        clock.now += 900;
        return ledger.postpone(due, to);
      },
    };
  }

  it('ends 5 s before its process does, and the next one goes on', async () => {
    const keys = await claimed(130);
    const clock = { now: NOW };
    const { sweep, lines } = aSweeper({ ledger: slowly(clock), now: () => clock.now });
    expect(await sweep()).toEqual({ queued: 50 });
    expect(clock.now).toBe(NOW + 45_000);
    expect(await queue().taken()).toEqual(bodies(keys.slice(0, 50)));
    expect(await sweep()).toEqual({ queued: 50 });
    expect(await queue().taken()).toEqual(bodies(keys.slice(50, 100)));
    expect(await sweep()).toEqual({ queued: 30 });
    expect(await queue().taken()).toEqual(bodies(keys.slice(100)));
    const swept = lines.filter(({ message }) => message === 'swept');
    expect(swept.map(({ complete }) => complete)).toEqual([false, false, true]);
  });

  it('says that it did not complete also where it stood on the last page', async () => {
    await claimed(60);
    const clock = { now: NOW };
    const { sweep, lines } = aSweeper({ ledger: slowly(clock), now: () => clock.now });
    expect(await sweep()).toEqual({ queued: 50 });
    expect(lines).toEqual([expect.objectContaining({ message: 'swept', queued: 50, complete: false })]);
  });
});

describe('recharges that wait for a person', () => {
  const DAY = 86_400_000;
  async function inReview(key: string, since: number, remindAt: number): Promise<void> {
    const { ledger } = store();
    const order = { key, email: 'jane@example.com', credits: 500 };
    const { row } = await ledger.claim(newRecharge(order, since - 1_000, since));
    await ledger.write(row, {
      ...row,
      phase: 'needs_review',
      review: 'grant_unknown',
      nextAttemptAt: remindAt,
      history: [...row.history, { at: since, event: 'grant_unknown', detail: 'status 500' }],
    });
  }

  it('are brought back for their reminder when it is due, and not before', async () => {
    await inReview('due', NOW - DAY, NOW);
    await inReview('later', NOW - DAY, NOW + 1);
    expect(await aSweeper().sweep()).toEqual({ queued: 1 });
    expect(await queue().taken()).toEqual(bodies(['due']));
  });

  it('are counted once a minute, with the age of the oldest', async () => {
    await inReview('old', NOW - 2 * DAY, NOW + DAY);
    await inReview('new', NOW - 60_000, NOW + DAY);
    let now = NOW;
    const { sweep, lines } = aSweeper({ now: () => now });
    await sweep();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ needs_review: 2, oldest_review_seconds: 172_800, stage: 'local' });
    now += 30_000;
    await sweep();
    expect(lines).toHaveLength(1);
    now += 30_000;
    await sweep();
    expect(lines[1]).toMatchObject({ needs_review: 2, oldest_review_seconds: 172_860 });
  });
});

describe('a sweep of messages', () => {
  const MINUTE = 60_000;

  /** Marked, and nothing else: its webhook ended, or its queue did not answer, a minute ago unless told otherwise. */
  async function marked(text: string, of: { contact?: string; replyTo?: string; at?: number } = {}) {
    const { contact = 'jane', at = NOW - MINUTE, ...place } = of;
    const content = { id: text, contact, type: 'text' as const, text, attachments: [], ...place };
    const row = newMessage({ channel: 'support', direction: 'incoming', content }, at);
    await messagesAt(() => at).mark(row);
    return row;
  }
  const read = (row: Message, now = NOW) => messagesAt(() => now).read(messageIdOf(row));
  const reset = (row: Message, attributes: Record<string, unknown>) =>
    store().client.send(
      new UpdateCommand({
        TableName: store().table,
        Key: { pk: `MESSAGE#${messageIdOf(row)}` },
        UpdateExpression: `SET ${Object.keys(attributes).map((name) => `#${name} = :${name}`)}`,
        ExpressionAttributeNames: Object.fromEntries(
          Object.keys(attributes).map((name) => [`#${name}`, name]),
        ),
        ExpressionAttributeValues: Object.fromEntries(
          Object.entries(attributes).map(([name, value]) => [`:${name}`, value]),
        ),
      }),
    );

  it('queues what was marked a minute ago and not queued, the oldest first, and says so in its history', async () => {
    const rows = [await marked('two', { at: NOW - 2 * MINUTE }), await marked('three')];
    rows.unshift(await marked('one', { at: NOW - 3 * MINUTE }));
    await marked('too early', { at: NOW - MINUTE + 1 });
    const { sweep, sent, lines } = aSweeper();
    expect(await sweep()).toEqual({ queued: 3 });
    expect(sent).toEqual(['one, 1', 'two, 1', 'three, 1']);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'info', message: 'messages swept', queued: 3, failed: 0 }),
    );
    for (const row of rows) {
      const { history, ...rest } = row;
      expect(await read(row)).toEqual({
        ...rest,
        status: 'queued',
        version: 2,
        history: [
          ...history,
          { at: NOW, event: 'swept', detail: 'stored, and not known to be in the queue' },
        ],
      });
    }
    expect(await sweep()).toEqual({ queued: 0 });
    expect(sent).toHaveLength(3);
  });

  it('goes on past one page', async () => {
    const texts = Array.from({ length: 105 }, (_, index) => `text ${index}`);
    for (const [index, text] of texts.entries()) await marked(text, { at: NOW - 2 * MINUTE + index });
    const { sweep, sent } = aSweeper();
    expect(await sweep()).toEqual({ queued: 105 });
    expect(sent).toEqual(texts.map((text) => `${text}, 1`));
  });

  it('remembers where the chat takes replies before it queues, and not over what a newer message says', async () => {
    const { known, rememberReplyTo } = messagesAt(() => NOW);
    await marked('one', { replyTo: 'C1:1' });
    await marked('older', { contact: 'john', replyTo: 'C1:2' });
    const newer = { channel: 'support', contact: 'john', replyTo: 'C1:3', at: NOW };
    await rememberReplyTo(newer);
    const seen: unknown[] = [];
    const { sweep } = aSweeper({
      send: async ({ content: { contact } }) => void seen.push((await known('support', contact)).replyTo),
    });
    await sweep();
    expect(seen.toSorted()).toEqual(['C1:1', 'C1:3']);
  });

  it('brings back a replay that died between row and queue, under its new number', async () => {
    const row = await marked('replayed', { at: NOW - 9 * MINUTE });
    const { write } = messagesAt(() => NOW);
    const failed = await write(row, { ...row, status: 'failed' });
    await write(failed.row, { ...failed.row, status: 'received', queuedNo: 2, queuedAt: NOW - MINUTE });
    const { sweep, sent } = aSweeper();
    expect(await sweep()).toEqual({ queued: 1 });
    expect(sent).toEqual(['replayed, 2']);
  });

  it.each([
    ['queued', 1],
    ['delivering', 1],
    ['delivered', 0],
    ['failed', 0],
    ['parked', 0],
  ] as const)(
    'leaves alone what is %s, though the index still names it; and it names %d of it afterwards',
    async (status, named) => {
      const row = await marked('moved on');
      const { write } = messagesAt(() => NOW);
      const moved = await write(row, { ...row, status });
      await reset(row, { open: 'message', nextAttemptAt: NOW });
      const { sweep, sent } = aSweeper();
      expect(await sweep()).toEqual({ queued: 0 });
      expect(sent).toEqual([]);
      const { version: _, ...its } = moved.row;
      expect(await read(row)).toMatchObject(its);
      // Nobody else would ever write what has ended.
      expect((await messagesAt(() => NOW).due(NOW)).items).toHaveLength(named);
    },
  );

  it('leaves alone what the worker ends meanwhile: what it wrote stands', async () => {
    const row = await marked('quick');
    const { sweep, sent, lines } = aSweeper({
      send: async () => {
        await messagesAt(() => NOW).write(row, { ...row, status: 'delivered' });
      },
    });
    expect(await sweep()).toEqual({ queued: 1 });
    expect(sent).toEqual(['quick, 1']);
    expect(await read(row)).toMatchObject({ status: 'delivered', version: 2 });
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('that meets a queue that does not answer fails, changes nothing, and the next one goes on', async () => {
    const rows = [await marked('one', { at: NOW - 2 * MINUTE }), await marked('two')];
    let answers = false;
    const { sweep, sent, lines } = aSweeper({
      send: async () => {
        if (!answers) throw new Error('no answer');
      },
    });
    await expect(sweep()).rejects.toThrow('2 messages could not be brought on their way');
    for (const row of rows) expect(await read(row)).toEqual(row);
    expect(lines.filter(({ level }) => level === 'error')).toEqual(
      rows.map((row) =>
        expect.objectContaining({
          message: 'a message could not be brought on its way',
          id: messageIdOf(row),
          error: expect.stringContaining('no answer'),
        }),
      ),
    );
    answers = true;
    expect(await sweep()).toEqual({ queued: 2 });
    expect(sent).toEqual(['one, 1', 'two, 1']);
  });

  it('is held up neither by one message that fails, nor by recharges that do; and the run fails', async () => {
    const { ledger } = store();
    await marked('one', { at: NOW - 2 * MINUTE });
    await marked('two');
    await claimed(1);
    const one = async ({ content: { text } }: Message) => {
      if (text === 'one') throw new Error('not this one');
    };
    const first = aSweeper({ send: one });
    await expect(first.sweep()).rejects.toThrow('1 messages could not be brought on their way');
    expect(first.sent).toEqual(['two, 1']);
    // The recharges came first.
    expect(await queue().taken()).toEqual(bodies(['k-000']));

    const failing: Ledger = { ...ledger, due: () => Promise.reject(new Error('no index')) };
    const second = aSweeper({ ledger: failing });
    await expect(second.sweep()).rejects.toThrow('no index');
    expect(second.sent).toEqual(['one, 1']);
    expect(second.lines).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'recharges could not be swept' }),
    );

    await marked('three');
    const third = aSweeper({
      ledger: failing,
      messages: { due: () => Promise.reject(new Error('neither')) },
    });
    await expect(third.sweep()).rejects.toThrow('neither');
    expect(third.lines).toContainEqual(
      expect.objectContaining({ level: 'error', error: expect.stringContaining('no index') }),
    );
  });

  it('leaves a row of a later version alone, with an alert, and goes on', async () => {
    const newer = await marked('newer', { at: NOW - 2 * MINUTE });
    await reset(newer, { v: 99 });
    await marked('known');
    const { sweep, sent, alerts } = aSweeper();
    expect(await sweep()).toEqual({ queued: 1 });
    expect(sent).toEqual(['known, 1']);
    expect(alerts()).toEqual([
      expect.objectContaining({ message: 'newer_row', id: messageIdOf(newer), newer_row: 1 }),
    ]);
  });

  it('whose time is out ends 5 s before its process does, and the next one goes on', async () => {
    const texts = Array.from({ length: 60 }, (_, index) => `text ${index}`);
    for (const [index, text] of texts.entries()) await marked(text, { at: NOW - 2 * MINUTE + index });
    const clock = { now: NOW };
    const { sweep, sent } = aSweeper({
      now: () => clock.now,
      send: async () => {
        clock.now += 900;
      },
    });
    expect(await sweep()).toEqual({ queued: 50 });
    expect(clock.now).toBe(NOW + 45_000);
    expect(await sweep()).toEqual({ queued: 10 });
    expect(sent).toEqual(texts.map((text) => `${text}, 1`));
  });

  it('costs a query where there is nothing, and a read, a write and its two units for each it finds', async () => {
    const { sweep } = aSweeper();
    await sweep();
    const counted = meter(store().client);
    await sweep();
    expect(counted).toMatchObject({ requests: 3, writeUnits: 0 });
    await marked('one');
    counted.reset();
    await sweep();
    expect(counted).toMatchObject({ requests: 5, writeUnits: 2 });
  });
});
