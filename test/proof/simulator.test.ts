import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FOUND_BY_SIMULATOR } from '../../proof/plants.ts';
import { wrongWordsOf } from '../../proof/simulator/coverage.ts';
import { type Part, simulatedSchema } from '../../proof/simulator/simulated.ts';
import { sorted } from '../../proof/transitions.ts';

/** Seconds are a few; a machine that has other work takes longer. */
const PATIENCE_MS = 120_000;

/** What the short run comes to. */
const REACHED = [
  ...['received', 'charge_pending', 'granting', 'charged', 'needs_review', 'refunding'].map(
    (of) => `phase ${of}`,
  ),
  ...['completed', 'declined', 'blocked', 'refunded'].map((of) => `phase ${of}`),
  ...['charge_unknown', 'grant_unknown', 'grant_differs', 'grant_refused'].map((of) => `review ${of}`),
  ...['grant_expired', 'refund_unknown', 'refund_failed'].map((of) => `review ${of}`),
  ...['cooldown', 'unfinished_recharge', 'over_monthly_amount', 'over_daily_count'].map(
    (of) => `blocked ${of}`,
  ),
  ...['paid', 'declined', 'retryable', 'processing', 'acting', 'not attempted'].map(
    (of) => `payments.charge: ${of}`,
  ),
  ...['not made', 'made', 'made later'].map((of) => `payments.charge: unknown, ${of}`),
  ...['granted', 'refused', 'differs, made', 'too many', 'empty pool', 'unauthorized'].map(
    (of) => `platform.grant: ${of}`,
  ),
  ...['not made', 'made', 'made later'].map((of) => `platform.grant: unknown, ${of}`),
  ...['throws, made', 'throws, not made', 'made twice'].map((of) => `ledger.write: ${of}`),
  ...['a charge lands late', 'a grant lands late', 'a message comes twice', 'a message is late'],
  ...[
    'a later version writes a row',
    'a row of the version before is found',
    'the index is read as it was',
    'is ended by its runtime',
  ],
  ...['webhook changed', 'webhook forged', 'webhook duplicate', 'webhook first again'],
  ...['under way', 'that has ended', 'that is none of ours'].map((of) => `a wake, of a recharge ${of}`),
  ...['a wake comes twice', 'a wake is late'],
];

/** As `npm run simulate` does: in a process of its own, which simulates one part after the other. */
const startChild = () => fork(new URL('../../proof/simulator/child.ts', import.meta.url));

async function simulated(child: ChildProcess, from: number, to: number, wrongShare = 0): Promise<Part> {
  child.send({ from, to, wrongShare });
  const [part]: unknown[] = await once(child, 'message');
  return simulatedSchema.parse(part);
}

let child: ChildProcess;
beforeAll(() => {
  child = startChild();
});
afterAll(() => child.disconnect());

describe('fifty times two weeks of trouble, and the quiet after them', () => {
  let part: Part;
  beforeAll(async () => {
    part = await simulated(child, 1, 51);
  }, PATIENCE_MS);

  it('nothing is violated', () => {
    expect(part.violations).toEqual([]);
    expect(part.seeds).toBe(50);
  });

  it('the machine is asked nothing that it cannot be asked', () => {
    expect(part.seen.length).toBeGreaterThan(50);
    expect(sorted(new Set(part.seen)).wrong).toEqual([]);
  });

  it('each phase, review, outcome and fault occurs', () => {
    expect(REACHED.filter((what) => part.counts[what] === undefined)).toEqual([]);
  });
});

it(
  'what people say wrongly harms the recharge of which they say it, and no other',
  async () => {
    const { violations, counts } = await simulated(child, 1, 11, 0.5);
    expect(violations).toEqual([]);
    const table = wrongWordsOf({ counts }).join('\n');
    expect(table).toMatch(/confirm-granted, of grant_unknown .* I4: completed, and nothing was granted/);
    expect(table).toMatch(/refund, of grant_unknown .* I3: granted, and the money given back/);
  },
  PATIENCE_MS,
);

it(
  'a seed is the same weeks whenever it is simulated, and whatever was simulated before',
  async () => {
    const fresh = startChild();
    try {
      const [one, other] = await Promise.all([simulated(fresh, 17, 18), simulated(child, 17, 18)]);
      expect(one.steps).toBeGreaterThan(500);
      expect(other).toEqual(one);
    } finally {
      fresh.disconnect();
    }
  },
  PATIENCE_MS,
);

describe('a bug that is planted into the code is found:', () => {
  const names = [
    'no answer to a grant is believed to mean not granted',
    'no answer to a charge is believed to mean declined',
    'each charge has a key of its own',
    'the guard is not asked for the cap',
    'an amount is given back as often as somebody asks',
    'a claimed row does not come back by itself',
    ...FOUND_BY_SIMULATOR.map(({ name }) => name),
  ];
  /** The first seed shows it. */
  const again = 'no answer to a charge is believed to mean declined';
  type Violation = Part['violations'][number];
  const found: [name: string, first: Violation | undefined][] = [];
  beforeAll(async () => {
    const url = new URL('../support/simulator-worker.ts', import.meta.url);
    const worker = new Worker(url, { workerData: { names: [...names, again], seeds: 20 } });
    worker.on('message', (posted: [string, Violation | undefined]) => found.push(posted));
    await once(worker, 'exit');
  }, PATIENCE_MS);

  it.each(names)('%s', (name) => {
    const [, first] = found.find(([of]) => of === name) ?? [];
    expect(first).toMatchObject({ seed: expect.any(Number), what: expect.any(String) });
    // Of its own recharge alone, from the first webhook on.
    expect(first?.story.find((line) => line.includes('the platform sends the webhook'))).toBeDefined();
  });

  it('and comes again with its seed, to the letter', () => {
    expect(found.at(-1)).toEqual(found.find(([of]) => of === again));
    expect(found.at(-1)?.[1]?.story.length).toBeGreaterThan(5);
  });
});
