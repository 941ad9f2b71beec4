import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { beforeAll, expect } from 'vitest';
import { type Answer, applyAnswer, settlesAt } from '../../shared/recharge/answers.ts';
import { isFinished, type Phase, type Recharge } from '../../shared/recharge/recharge.ts';
import { DAY, HOUR, MINUTE } from './course.ts';
import { type Mishap, unluckyAround } from './ports.ts';
import { useDynamo } from './store.ts';
import { createWorld, KEY, type Process, type World, type WorldOptions } from './world.ts';

// ── The ways a recharge goes ─────────────────────────────────────────────────────────────────────────

/** What the other parties do, and how the recharge must then end, wherever a process was stopped. */
interface Path {
  options?: WorldOptions;
  faults?(world: World): void;
  /** The provider decides about what is pending, this long after the webhook. */
  settles?: { afterMs: number; outcome: 'paid' | 'refunded' };
  /** What a person does about a grant that was not made. */
  notGranted?: 'refund';
  ends: {
    phase: Phase;
    books: { captures: number; refunds: number; grants: number };
    /** Minor units of January with the 7_000 from before, and the state of each attempt's reservation. */
    spent: number;
    reservations: string[];
  };
  /** The port calls of a process that nothing stops. */
  calls: string[];
}

const CLAIM = ['ledger.claim', 'queue.send'];
const RESERVE = ['ledger.read', 'ledger.readAccount', 'charging.paused', 'ledger.writeAccount'];
const CHARGE = ['charging.paused', 'payments.prepareCharge', 'payments.charge'];
const GRANT = ['ledger.write', 'platform.prepareGrant', 'platform.grant', 'ledger.write'];
/** An alert that is said once a day. */
const TELL = ['ledger.readAccount', 'ledger.writeAccount'];
/** In a run that did not reserve, the account is read first, to see that this attempt was reserved. */
const GRANT_OF_AN_EARLIER_CHARGE = [
  'ledger.write',
  'ledger.readAccount',
  'platform.prepareGrant',
  'platform.grant',
  'ledger.write',
];
const RELEASE = ['ledger.readAccount', 'ledger.writeAccount', 'ledger.write'];
/** What waits for its time, what waits for a person, and how much of that there is. */
const SWEEP = ['ledger.due', 'ledger.postpone', 'queue.send', 'ledger.due', 'ledger.due'];
const LOOK_UP = ['ledger.read', 'payments.lookup'];
/** Of what waits for a person: its reminder, or another look for its grant. Those who wait are read to be counted. */
const SWEEP_REVIEW = [
  'ledger.due',
  'ledger.due',
  'ledger.postpone',
  'queue.send',
  'ledger.due',
  'ledger.read',
];
const LOOK_UP_GRANT = ['ledger.read', 'platform.findGrant'];

const GRANTED: Path['ends'] = {
  phase: 'completed',
  books: { captures: 1, refunds: 0, grants: 1 },
  spent: 12_000,
  reservations: ['reserved'],
};
const DECLINED: Path['ends'] = {
  phase: 'declined',
  books: { captures: 0, refunds: 0, grants: 0 },
  spent: 7_000,
  reservations: ['released'],
};
const REFUNDED: Path['ends'] = {
  phase: 'refunded',
  books: { captures: 1, refunds: 1, grants: 0 },
  spent: 7_000,
  reservations: ['released'],
};

export const PATHS = {
  granted: {
    options: { preflight: true },
    ends: GRANTED,
    calls: [
      ...CLAIM,
      'ledger.read',
      'ledger.readAccount',
      'charging.paused',
      'platform.subAccount',
      'ledger.writeAccount',
      ...CHARGE,
      ...GRANT,
      'charging.grantWentThrough',
    ],
  },
  'unknown, and found in the usage export': {
    options: { listsGrants: true },
    faults: ({ platform }) => platform.fault({ operation: 'grant', fault: 'error_after' }),
    ends: GRANTED,
    calls: [
      ...CLAIM,
      ...RESERVE,
      ...CHARGE,
      ...GRANT,
      'charging.grantFailed',
      ...SWEEP_REVIEW,
      ...LOOK_UP_GRANT,
      'ledger.write',
    ],
  },
  declined: {
    faults: ({ payments }) => payments.fault({ operation: 'charge', fault: 'decline' }),
    ends: DECLINED,
    calls: [...CLAIM, ...RESERVE, ...CHARGE, ...RELEASE],
  },
  'declined, and paid by the second attempt': {
    options: { recharge: { declineRetries: 1 } },
    faults: ({ payments }) => payments.fault({ operation: 'charge', fault: 'decline_retryable' }),
    ends: { ...GRANTED, reservations: ['released', 'reserved'] },
    calls: [
      ...CLAIM,
      ...RESERVE,
      ...CHARGE,
      ...RELEASE,
      ...SWEEP,
      ...RESERVE,
      ...CHARGE,
      ...GRANT,
      'charging.grantWentThrough',
    ],
  },
  'pending, then paid': {
    faults: ({ payments }) => payments.fault({ operation: 'charge', fault: 'pending' }),
    settles: { afterMs: 90 * MINUTE, outcome: 'paid' },
    ends: GRANTED,
    calls: [
      ...CLAIM,
      ...RESERVE,
      ...CHARGE,
      'ledger.write',
      ...SWEEP,
      ...LOOK_UP,
      'ledger.write',
      ...SWEEP,
      ...LOOK_UP,
      ...GRANT_OF_AN_EARLIER_CHARGE,
      'charging.grantWentThrough',
    ],
  },
  'pending, and cancelled since the client did not act': {
    options: { policy: { pending: { askMs: HOUR, wokenMs: 5_000, clientActsMs: HOUR, giveUpMs: DAY } } },
    faults: ({ payments }) => payments.fault({ operation: 'charge', fault: 'pending_action' }),
    ends: DECLINED,
    calls: [
      ...CLAIM,
      ...RESERVE,
      ...CHARGE,
      'ledger.write',
      ...TELL,
      ...SWEEP,
      'ledger.read',
      'payments.cancel',
      ...RELEASE,
    ],
  },
  'refused, and refunded as a person says': {
    faults: ({ platform }) => platform.fault({ operation: 'grant', fault: 'not_found', times: 'always' }),
    notGranted: 'refund',
    ends: REFUNDED,
    calls: [
      ...CLAIM,
      ...RESERVE,
      ...CHARGE,
      ...GRANT,
      'charging.grantFailed',
      ...SWEEP,
      ...LOOK_UP,
      'payments.refund',
      ...RELEASE,
    ],
  },
  'refused, and refunded automatically in two days': {
    options: { recharge: { refundAutomatically: true } },
    faults({ platform, payments }) {
      platform.fault({ operation: 'grant', fault: 'not_found', times: 'always' });
      payments.fault({ operation: 'refund', fault: 'pending' });
    },
    settles: { afterMs: 20 * HOUR, outcome: 'refunded' },
    notGranted: 'refund',
    ends: REFUNDED,
    calls: [
      ...CLAIM,
      ...RESERVE,
      ...CHARGE,
      ...GRANT,
      'charging.grantFailed',
      ...SWEEP,
      ...LOOK_UP,
      'payments.refund',
      'ledger.write',
      ...SWEEP,
      ...LOOK_UP,
      ...RELEASE,
    ],
  },
} satisfies Record<string, Path>;
export type PathName = keyof typeof PATHS;
export const pathNames = Object.keys(PATHS) as PathName[];

// ── A life: the platform, the queue, the clock's sweeper, and a person ───────────────────────────────

export const WRITES = ['ledger.claim', 'ledger.write', 'ledger.writeAccount', 'ledger.postpone'];

/** A process to which one thing happens, at the n-th of its port calls. */
export function unlucky(world: World, mishap?: Mishap, n = 0) {
  const { around, ...met } = unluckyAround({ ...(mishap === undefined ? {} : { mishap }), n }, WRITES);
  return { ...met, ...world.start(around) };
}
type Unlucky = ReturnType<typeof unlucky>;

/** More than any path takes, however it is disturbed. */
const MOST_SWEEPS = 60;

/** Drives one recharge with one process after the other until it rests for good. */
export class Life {
  readonly world: World;
  readonly path: Path;
  readonly #startedAt: number;
  #process: Unlucky;
  #accepted = false;
  /** What the process that stopped was doing. */
  #interrupted: Promise<unknown> = Promise.resolve();
  stopped: Unlucky | undefined;
  /** What a person was asked. */
  readonly asked: string[] = [];

  constructor(world: World, path: Path, first: Unlucky) {
    this.world = world;
    this.path = path;
    this.#startedAt = world.now();
    this.#process = first;
  }

  /** On to the end, or to a time, or to the moment the first process stops. */
  async goOn({ until = Number.POSITIVE_INFINITY, untilStopped = false } = {}): Promise<void> {
    const { world } = this;
    const enough = () => untilStopped && this.stopped !== undefined;
    while (!this.#accepted && !enough()) await this.#deliverWebhook();
    for (let sweeps = 0; sweeps < MOST_SWEEPS; sweeps += 1) {
      await this.#deliverMessages();
      if (enough()) return;
      const row = await world.row();
      const { nextAttemptAt } = row;
      // What ended may still be looked at late.
      if (nextAttemptAt === undefined) {
        expect(row).toSatisfy(isFinished);
        return until < Number.POSITIVE_INFINITY ? world.moveTo(until) : undefined;
      }
      const next = Math.min(nextAttemptAt, settlesAt(row, world) ?? nextAttemptAt);
      if (next > until) return world.moveTo(until);
      world.moveTo(next);
      await this.#othersAct(row);
      await this.#act((process) => process.sweeper());
    }
    throw new Error(`it does not end: ${JSON.stringify(await world.row())}`);
  }

  /** The message comes to a second process while the first one has neither ended nor been ended. */
  async redeliver(): Promise<void> {
    if ((await this.world.ledger.read(KEY)) === undefined) return;
    this.world.queued.push(KEY);
    await this.#deliverMessages();
  }

  /** The platform heard no answer, and does not send its webhook again. */
  forgetWebhook(): void {
    this.#accepted = true;
  }

  async wake(): Promise<void> {
    this.stopped?.wake();
    await this.#interrupted;
  }

  /** The platform sends its webhook again until it is accepted. */
  async #deliverWebhook(): Promise<void> {
    const status = await this.#act((process) => process.webhook());
    this.#accepted = status !== undefined && status < 300;
  }

  /** A message is delivered once: what its process does not finish, the sweeper must bring back. */
  async #deliverMessages(): Promise<void> {
    for (let key = this.world.queued.shift(); key !== undefined; key = this.world.queued.shift()) {
      const delivered = key;
      await this.#act((process) => process.worker(delivered));
    }
  }

  async #othersAct(row: Recharge): Promise<void> {
    const { world } = this;
    const { settles } = this.path;
    if (settles && world.now() >= this.#startedAt + settles.afterMs) await world.settle(settles.outcome);
    const settled = settlesAt(row, world) ?? 0;
    if (row.phase !== 'needs_review' || world.now() < settled) return;
    this.asked.push(row.review ?? '');
    const statement = { answer: this.#truth(row), note: 'looked into both books' };
    const said = applyAnswer(row, statement, { now: world.now(), policy: world.policy });
    if ('refused' in said) throw new Error(said.refused);
    await world.ledger.write(row, said.next);
  }

  #truth({ review }: Recharge): Answer {
    const { grants } = this.world.books();
    if (grants > 0) return 'confirm-granted';
    if (this.path.notGranted) return this.path.notGranted;
    return review === 'grant_unknown' ? 'confirm-not-granted' : 'retry-grant';
  }

  /** A process that stops is followed by a new one. One that throws is not. */
  async #act<T>(work: (process: Process) => Promise<T>): Promise<T | undefined> {
    const process = this.#process;
    const working = work(process).catch(() => undefined);
    const result = await Promise.race([working, process.stopped]);
    if (result !== 'stopped') return result;
    this.stopped = process;
    this.#interrupted = working;
    this.#process = unlucky(this.world);
    return undefined;
  }
}

/** Whatever happened: the books, the row and the account say the same, and nothing is left to do. */
export async function expectToAgree({ world, path: { ends } }: Life): Promise<void> {
  const row = await world.row();
  const account = await world.account();
  expect({
    phase: row.phase,
    books: world.books(),
    spent: account.spent['2026-01_USD'],
    reservations: Object.entries(account.reservations)
      .sort()
      .map(([, { state }]) => state),
  }).toEqual(ends);
  expect(account.counts).toEqual(
    ends.reservations.length === 2 ? { '2026-01-05': 1, '2026-01-06': 1 } : { '2026-01-05': 1 },
  );
  expect(await world.unfinished()).toEqual([]);
  expect(world.queued).toEqual([]);
  const losses = ['granted_twice', 'granted_after_refund', 'paid_after_end', 'no_progress', 'newer_row'];
  expect(world.alerts().filter((word) => losses.includes(word))).toEqual([]);
}

// ── One life after the other ─────────────────────────────────────────────────────────────────────────

/**
 * One engine for the tests of a file.
 *
 * @returns lives a path in a world of its own. `n` counts the port calls of the first process from 1.
 */
export function useLives() {
  const { connect, newTable } = useDynamo();
  let client: DynamoDBDocumentClient | undefined;
  /** For what webhooks keep besides recharges. */
  let shared: Promise<string> | undefined;
  beforeAll(() => {
    client = connect();
    return () => client?.destroy();
  });

  return async <T>(
    { name, mishap, n }: { name: PathName; mishap?: Mishap; n?: number },
    live: (life: Life, first: Unlucky) => Promise<T>,
  ): Promise<T> => {
    if (!client) throw new Error('Bug! The engine was not started.');
    const path: Path = PATHS[name];
    // On the table each way is gone once, undisturbed. Disturbances at all its calls meet a ledger in memory.
    const inMemory = mishap !== undefined;
    shared ??= newTable(client);
    const table = inMemory ? await shared : await newTable(client);
    // Something was spent before, or an amount given back twice would not show.
    const account = { spent: { '2026-01_USD': 7_000 } };
    const world = await createWorld({ client, table }, { ...path.options, account, inMemory });
    try {
      path.faults?.(world);
      const first = unlucky(world, mishap, n);
      return await live(new Life(world, path, first), first);
    } finally {
      await world.close();
    }
  };
}

/** Worlds at a time: their waits overlap. */
const AT_A_TIME = 12;

/** Tries something at every port call of a path. @returns what was found, in the order of the calls. */
export async function atEveryCall<T>(
  name: PathName,
  attempt: (n: number) => Promise<T>,
  only: (port: string, n: number) => boolean = () => true,
): Promise<{ port: string; found: T }[]> {
  const points = PATHS[name].calls.map((port, index) => ({ port, n: index + 1 }));
  const left = points.filter(({ port, n }) => only(port, n));
  const found = new Map<number, { port: string; found: T }>();
  const one = async () => {
    for (let point = left.shift(); point; point = left.shift()) {
      const { port, n } = point;
      try {
        found.set(n, { port, found: await attempt(n) });
      } catch (error) {
        throw new Error(`at call ${n}, ${port}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, one));
  return [...found].sort(([a], [b]) => a - b).map(([, at]) => at);
}
