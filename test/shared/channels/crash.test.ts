import { describe, expect, it } from 'vitest';
import type { Message } from '../../../shared/channels/message.ts';
import {
  ANSWER_LOST,
  ASKS_FOR_A_DAY,
  type ChatProcess,
  type ChatWorld,
  type ChatWorldOptions,
  CONTACT,
  chatWorldInMemory,
  NOT_NOW,
  REFUSED,
} from '../../support/chat-world.ts';
import { useChatWorlds } from '../../support/chat-worlds.ts';
import { type Misfortune, type Mishap, unluckyAround } from '../../support/ports.ts';

const onEngine = useChatWorlds();

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

// ── Ways that messages go ────────────────────────────────────────────────────────────────────────────

const OTHER = '+447700900123';

interface Path {
  options: ChatWorldOptions;
  /** Who writes what, in this order. */
  says: [contact: string, text: string][];
  /** What is given up, whatever happens. */
  failed: string[];
}

const PATHS = {
  'safe to repeat, of two contacts, with a wait and a lost answer': {
    options: { fates: { one: [NOT_NOW], two: [ANSWER_LOST] } },
    says: [
      [CONTACT, 'one'],
      [CONTACT, 'two'],
      [OTHER, 'other'],
    ],
    failed: [],
  },
  // Of one contact: where two go side by side, a process that stops in the middle of one leaves the other there, too.
  'not safe to repeat, in parts, with a long wait and a refusal': {
    options: {
      direction: 'send',
      parts: { one: 2 },
      fates: { 'one/2': [ASKS_FOR_A_DAY], two: [REFUSED] },
    },
    says: [
      [CONTACT, 'one'],
      [CONTACT, 'two'],
      [CONTACT, 'three'],
    ],
    failed: ['two'],
  },
} satisfies Record<string, Path>;
const pathNames = Object.keys(PATHS) as (keyof typeof PATHS)[];

/** For whoever looks at the beginning of the way only. */
const SHORT_PATHS = {
  'safe to repeat, with a place for replies': {
    options: { replyTo: 'C1:17.2' },
    says: [
      [CONTACT, 'one'],
      [CONTACT, 'two'],
    ],
    failed: [],
  },
  'not safe to repeat': {
    options: { direction: 'send' },
    says: [
      [CONTACT, 'one'],
      [CONTACT, 'two'],
    ],
    failed: [],
  },
} satisfies Record<string, Path>;
const shortPathNames = Object.keys(SHORT_PATHS) as (keyof typeof SHORT_PATHS)[];

const ALL_PATHS = { ...PATHS, ...SHORT_PATHS };
type PathName = keyof typeof ALL_PATHS;

// ── A life: who writes, the queue, and one process after the other ───────────────────────────────────

const WRITES = ['messages.mark', 'messages.write'];

/** A process to which one thing happens. */
function unlucky(world: ChatWorld, misfortune: Misfortune = {}) {
  const { around, ...met } = unluckyAround(misfortune, WRITES);
  return { ...met, process: world.start(around) };
}
type Unlucky = ReturnType<typeof unlucky>;

/** More than any path takes, however it is disturbed. */
const MOST_TURNS = 60;

/** After how long a sender that got no 2xx writes again; or never, and then there is the sweeper. */
type Again = number | 'never';

class Life {
  readonly world: ChatWorld;
  readonly path: Path;
  /** When the sender got its answer to each text, in that order. */
  readonly answered: string[] = [];
  readonly again: Again;
  #sweepAt: number;
  #unlucky: Unlucky;
  #left: { contact: string; text: string; at: number }[];
  #interrupted: Promise<unknown> | undefined;

  constructor(world: ChatWorld, path: Path, first: Unlucky, again: Again) {
    this.world = world;
    this.path = path;
    this.#unlucky = first;
    this.again = again;
    this.#sweepAt = world.now() + MINUTE;
    this.#left = path.says.map(([contact, text]) => ({ contact, text, at: world.now() }));
  }

  async onlyMark(): Promise<void> {
    for (const { text, contact } of this.#left.splice(0)) await this.world.mark(text, contact);
  }

  /**
   * Until all is said, the queue is empty and nothing waits for the sweeper; or until a process stopped, or a time
   * has come.
   */
  async goOn({ untilStopped = false, until = Number.MAX_SAFE_INTEGER } = {}): Promise<void> {
    const { world } = this;
    for (let turn = 0; turn < MOST_TURNS; turn += 1) {
      const toSay = this.#toSay();
      const first = toSay.find(({ at }) => at <= world.now());
      const sweepAt = await this.#nextSweep();
      if (first) await this.#say(first);
      else if (sweepAt !== undefined && sweepAt <= world.now()) {
        this.#sweepAt = world.now() + MINUTE;
        await this.#act((process) => process.sweeper());
      } else if (world.fifo.length > 0 && world.fifo.nextAt() <= world.now()) {
        await this.#act((process) => process.worker());
      } else {
        const times = toSay.map(({ at }) => at);
        if (world.fifo.length > 0) times.push(world.fifo.nextAt());
        if (sweepAt !== undefined) times.push(sweepAt);
        if (times.length === 0) return;
        const next = Math.min(...times);
        if (next > until) return world.moveTo(until);
        world.moveTo(next);
      }
      if (untilStopped && this.#interrupted) return;
    }
    throw new Error('It does not come to rest.');
  }

  async wake(stopped: Unlucky): Promise<void> {
    stopped.wake();
    await this.#interrupted;
  }

  /** Of each contact the next text: it comes only after the answer to the one before. */
  #toSay() {
    return this.#left.filter(
      ({ contact }, index) => !this.#left.slice(0, index).some((before) => before.contact === contact),
    );
  }

  async #say(said: { contact: string; text: string; at: number }): Promise<void> {
    const status = await this.#act((process) => process.webhook(said.text, said.contact));
    if (status !== undefined && status >= 200 && status < 300) {
      this.answered.push(said.text);
      this.#left = this.#left.filter((other) => other !== said);
    } else if (this.again === 'never') this.#left = this.#left.filter((other) => other !== said);
    else said.at = this.world.now() + this.again;
  }

  /** Where a sender repeats itself, all must go well without the sweeper. */
  async #nextSweep(): Promise<number | undefined> {
    if (this.again !== 'never') return undefined;
    const { items } = await this.world.messages.due(Number.MAX_SAFE_INTEGER);
    return items.length > 0 ? this.#sweepAt : undefined;
  }

  /** A process that stops is followed by a new one. */
  async #act<T>(work: (process: ChatProcess) => Promise<T>): Promise<T | undefined> {
    const { process, stopped } = this.#unlucky;
    const working = work(process).catch(() => undefined);
    const result = await Promise.race([working, stopped]);
    if (result !== 'stopped') return result;
    this.#interrupted = working;
    this.#unlucky = unlucky(this.world);
    return undefined;
  }
}

// ── What must be true whatever happened ──────────────────────────────────────────────────────────────

async function storedOf(world: ChatWorld, { says }: Path): Promise<{ text: string; row: Message }[]> {
  const rows = await Promise.all(says.map(([, text]) => world.messages.read(world.idOf(text))));
  return says.flatMap(([, text], index) => {
    const row = rows[index];
    return row ? [{ text, row }] : [];
  });
}

/** @returns the texts that a person must look at. */
async function expectToAgree({ world, path, answered, again }: Life): Promise<string[]> {
  const { direction = 'incoming', parts = {} } = path.options;
  const rows = await storedOf(world, path);
  const stored = rows.map(({ text }) => text);
  const texts = (status: string) => rows.filter(({ row }) => row.status === status).map(({ text }) => text);
  const arrived = world.arrived.map(({ what }) => what);
  const partsOf = (text: string): string[] => {
    const count = parts[text] ?? 1;
    return count === 1 ? [text] : Array.from({ length: count }, (_, part) => `${text}/${part + 1}`);
  };

  // Every message came to an end, and nothing is left behind it.
  expect(stored).toEqual(expect.arrayContaining(answered));
  if (again !== 'never') expect(answered.toSorted()).toEqual(path.says.map(([, text]) => text).toSorted());
  expect(rows.filter(({ row }) => !['delivered', 'failed', 'parked'].includes(row.status))).toEqual([]);
  expect(world.fifo.bodies()).toEqual([]);
  // Nothing arrived twice; what is said to be delivered is there, and what is said to have failed is not.
  expect(arrived).toEqual([...new Set(arrived)]);
  expect(arrived).toEqual(expect.arrayContaining(texts('delivered').flatMap(partsOf)));
  const refused = path.failed.filter((text) => stored.includes(text) && !texts('parked').includes(text));
  expect(texts('failed')).toEqual(refused);
  expect(arrived.filter((what) => texts('failed').includes(what))).toEqual([]);
  if (direction === 'incoming') expect(texts('parked')).toEqual([]);
  // Each contact's came in the order in which they were answered.
  for (const contact of [CONTACT, OTHER]) {
    const order = answered.flatMap(partsOf);
    const came = world.arrived
      .filter((event) => event.contact === contact && order.includes(event.what))
      .map(({ what }) => what);
    expect(came).toEqual(came.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)));
  }
  // A person hears of every bad end, and of no other.
  for (const [status, word] of [
    ['failed', 'message_failed'],
    ['parked', 'message_parked'],
  ] as const) {
    const told = world.lines().filter(({ level, message }) => level === 'alert' && message === word);
    const ids = new Set(told.map(({ id }) => id));
    // What was parked may turn out to be delivered, where its process lives after all.
    for (const text of texts('delivered')) if (status === 'parked') ids.delete(world.idOf(text));
    expect([...ids].toSorted()).toEqual(texts(status).map(world.idOf).toSorted());
  }
  expect([...new Set(world.dead)].toSorted()).toEqual(
    texts('failed')
      .map((text) => JSON.stringify({ message: world.idOf(text) }))
      .toSorted(),
  );
  expect(world.lines().filter(({ message }) => message === 'newer_row')).toEqual([]);
  return texts('parked');
}

interface Lived extends Misfortune {
  again?: Again;
  /** All was said before, and each time the process ended right after the mark. */
  onlyMarked?: boolean;
  /** It happens before a worker is there. */
  beforeWorker?: boolean;
}

async function inALife<T>(
  name: PathName,
  { again = SECOND, onlyMarked = false, ...misfortune }: Lived,
  live: (life: Life, first: Unlucky) => Promise<T>,
  worldWith = chatWorldInMemory,
): Promise<T> {
  const path: Path = ALL_PATHS[name];
  const world = worldWith(path.options);
  const first = unlucky(world, misfortune);
  const life = new Life(world, path, first, again);
  if (onlyMarked) await life.onlyMark();
  return live(life, first);
}

/** The ports that are called where nothing happens, one after the other. */
async function callsOf(
  name: PathName,
  { beforeWorker, mishap: _, ...lived }: Lived = {},
  worldWith = chatWorldInMemory,
): Promise<string[]> {
  return inALife(
    name,
    lived,
    async (life, { calls }) => {
      await life.goOn();
      expect(await expectToAgree(life)).toEqual([]);
      // A worker begins with one read.
      return beforeWorker ? calls.slice(0, calls.indexOf('target.prepare') - 1) : calls;
    },
    worldWith,
  );
}

/**
 * Tries something at every call. Contacts go side by side, so which port a number meets may differ.
 *
 * @returns the ports at which somebody must look.
 */
async function atEveryCall(
  name: PathName,
  misfortune: Lived,
  live: (life: Life, first: Unlucky, usualPort: string | undefined) => Promise<void>,
): Promise<string[]> {
  const calls = await callsOf(name, misfortune);
  const asked = new Set<string>();
  for (const [index, usualPort] of calls.entries()) {
    await inALife(name, { ...misfortune, n: index + 1 }, async (life, first) => {
      const port = () => first.calls[index] ?? 'none';
      try {
        await live(life, first, usualPort);
        if ((await expectToAgree(life)).length > 0) asked.add(port());
      } catch (error) {
        throw new Error(`at call ${index + 1}, ${port()}`, { cause: error });
      }
    });
  }
  return [...asked].toSorted();
}

const isSafe = (name: PathName) => !('direction' in ALL_PATHS[name].options);

// ── Tests ────────────────────────────────────────────────────────────────────────────────────────────

const ACCEPTED = ['messages.mark', 'queue.send', 'messages.write'];
const REPEATED = ['messages.read', 'target.prepare', 'target.send', 'messages.write'];

describe('messages that nothing disturbs', () => {
  it.each([...pathNames, ...shortPathNames])('go their way, on the engine as in memory: %s', async (name) => {
    expect((await callsOf(name, {}, onEngine)).toSorted()).toEqual((await callsOf(name)).toSorted());
  });

  it('are marked, queued and told of, one after the other, then read, sent and told of', async () => {
    const path = { options: {}, says: [[CONTACT, 'one']], failed: [] } satisfies Path;
    const world = onEngine(path.options);
    const first = unlucky(world);
    await new Life(world, path, first, SECOND).goOn();
    expect(first.calls).toEqual([...ACCEPTED, ...REPEATED]);
  });
});

/** Where a message is left of which nobody can say whether it arrived: after its intent, before its outcome. */
const LEAVES_UNKNOWN: Record<Mishap, string[]> = {
  before: ['messages.write', 'target.send'],
  after: ['messages.write', 'target.send'],
  'answer lost': [],
  'throws before': ['target.send'],
  'throws after': ['target.send'],
};

const MISHAPS = [
  ['stops before any one of its calls', 'before'],
  ['stops after any one of its calls', 'after'],
  ['loses the answer to any one of its writes, and finds the write made', 'answer lost'],
  ['has any one of its calls fail, not made', 'throws before'],
  ['has any one of its calls fail, though it is made', 'throws after'],
] as const;

describe.each(MISHAPS)('where a process %s, no message is lost, doubled or overtaken:', (_, mishap) => {
  it.each(pathNames)('%s', async (name) => {
    const asked = await atEveryCall(name, { mishap }, (life) => life.goOn());
    expect(asked).toEqual(isSafe(name) ? [] : LEAVES_UNKNOWN[mishap]);
  });
});

describe('a sender that writes again when the queue no longer knows the first time (5 minutes)', () => {
  it.each(pathNames)('changes nothing: %s', async (name) => {
    for (const mishap of ['before', 'after'] as const) {
      const asked = await atEveryCall(name, { mishap, again: 6 * MINUTE }, (life) => life.goOn());
      expect(asked).toEqual(isSafe(name) ? [] : LEAVES_UNKNOWN[mishap]);
    }
  });
});

describe.each(MISHAPS)(
  'where a process %s, nobody writes again, and the sweeper alone comes after it,',
  (_, mishap) => {
    /** @param stored how many messages are, before whoever stopped wakes: the queue no longer knows what it was sent. */
    const goOn = async (life: Life, first: Unlucky, stored: number) => {
      const { world, path } = life;
      await life.goOn();
      expect(await storedOf(world, path)).toHaveLength(stored);
      expect((await world.messages.known(world.channel, CONTACT)).replyTo).toBe(path.options.replyTo);
      expect(await expectToAgree(life)).toEqual([]);
      if (mishap !== 'before' && mishap !== 'after') return;
      world.advance(6 * MINUTE);
      await life.wake(first);
      await life.goOn();
    };

    it.each(shortPathNames)('what a webhook has marked arrives once: %s', async (name) => {
      const lived = { mishap, again: 'never', beforeWorker: true } as const;
      const asked = await atEveryCall(name, lived, async (life, first, port) => {
        const neverMarked = port === 'messages.mark' && mishap.endsWith('before');
        await goOn(life, first, neverMarked ? 1 : 2);
      });
      expect(asked).toEqual([]);
    });

    it.each(shortPathNames)('what a sweeper finds arrives once: %s', async (name) => {
      const lived = { mishap, again: 'never', onlyMarked: true, beforeWorker: true } as const;
      expect(await atEveryCall(name, lived, (life, first) => goOn(life, first, 2))).toEqual([]);
    });
  },
);

describe('a process that sleeps at any call, while others go on, and does not know it:', () => {
  const everyZombie = (name: PathName, mishap: 'before' | 'after', sleepsMs: number) =>
    // Nothing is awaited between its last look at the clock and the request.
    atEveryCall(
      name,
      { mishap, ...(mishap === 'before' ? { spared: 'target.send' } : {}) },
      async (life, first) => {
        await life.goOn({ untilStopped: true });
        await life.goOn({ until: life.world.now() + sleepsMs });
        await life.wake(first);
        await life.goOn();
      },
    );

  it.each(pathNames)('within its time it changes nothing, and nobody is asked: %s', async (name) => {
    expect(await everyZombie(name, 'before', 20 * SECOND)).toEqual([]);
    expect(await everyZombie(name, 'after', 20 * SECOND)).toEqual([]);
  });

  it.each(pathNames)('beyond its time it sends nothing, and still says what it knows: %s', async (name) => {
    // A person is asked where it did not arrive, be it unsent or refused: later messages have gone on meanwhile.
    // Where it arrived, the sleeper itself says so.
    const asked = (...ports: string[]) => (isSafe(name) ? [] : ports);
    expect(await everyZombie(name, 'before', 7 * MINUTE)).toEqual(asked('messages.write'));
    expect(await everyZombie(name, 'after', 7 * MINUTE)).toEqual(asked('messages.write', 'target.send'));
  });
});
