import { describe, expect, it, onTestFinished } from 'vitest';
import type { Connection } from '../../../../operate/connection.ts';
import { listRecharges } from '../../../../operate/recharges.ts';
import { type Answer, applyAnswer, settlesAt } from '../../../../shared/recharge/answers.ts';
import { productionPolicy } from '../../../../shared/recharge/policy.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { type RunDeps, runRecharge } from '../../../../shared/recharge/run-recharge.ts';
import { utc } from '../../../support/builders.ts';
import { type Mishap, unlucky } from '../../../support/life.ts';
import { useLedger } from '../../../support/store.ts';
import {
  type Around,
  createWorld,
  EMAIL,
  KEY,
  type World,
  type WorldOptions,
} from '../../../support/world.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const store = useLedger();

const PAID = { captures: 1, refunds: 0, grants: 0 };
const GRANTED = { captures: 1, refunds: 0, grants: 1 };
const GRANTED_TWICE = { captures: 1, refunds: 0, grants: 2 };
const LOST_BOTH = { captures: 1, refunds: 1, grants: 1 };

/** Short, where a call is left without an answer: real time passes then. */
const IMPATIENT = { callTimeoutMs: 500 };

type GrantToFind = Parameters<RunDeps['platform']['findGrant']>[0];

/** A world in which grants stand in the usage export, and one claimed recharge. */
async function aWorld(options: WorldOptions = {}): Promise<World> {
  const world = await createWorld(store(), { listsGrants: true, ...options });
  onTestFinished(world.close);
  await world.claim();
  return world;
}

/** The grant was sent and met a fault: it is made or not, and nobody heard. */
async function unknownGrant(fault: string, options: WorldOptions = {}): Promise<World> {
  const world = await aWorld(options);
  world.platform.fault({ operation: 'grant', fault });
  expect(await world.start().run()).toMatchObject({ phase: 'needs_review', review: 'grant_unknown' });
  return world;
}

/** The sweeper finds the row due, and a new process is woken for it. */
async function nextRun(world: World, around?: Around): Promise<Recharge> {
  world.moveTo((await world.row()).nextAttemptAt ?? 0);
  await world.start().sweeper();
  return world.start(around).run();
}

/** A person answers as soon as they may. */
async function answer(world: World, word: Answer): Promise<void> {
  const row = await world.row();
  world.moveTo(settlesAt(row, world) ?? 0);
  // The command line, which reads no profile, does not know whether grants stand in the export.
  const said = applyAnswer(
    row,
    { answer: word, note: 'seen' },
    { now: world.now(), policy: productionPolicy },
  );
  if ('refused' in said) throw new Error(said.refused);
  expect((await world.ledger.write(row, said.next)).kind).toBe('written');
}

/** Does something just after the first call of a port. */
function afterFirst(port: string, then: () => unknown): Around {
  let done = false;
  return async (called, work) => {
    const result = await work();
    if (called === port && !done) {
      done = true;
      await then();
    }
    return result;
  };
}

function counted() {
  const calls: string[] = [];
  const around: Around = (port, work) => {
    calls.push(port);
    return work();
  };
  return { around, times: (port: string) => calls.filter((call) => call === port).length };
}

/** The export does not list the grant yet, for the first so many looks of a process. */
function listedLate(looks = Number.POSITIVE_INFINITY): Around {
  let left = looks;
  return async <T>(port: string, work: () => Promise<T>) => {
    if (port !== 'platform.findGrant' || left === 0) return work();
    left -= 1;
    return { kind: 'not_found' } as T;
  };
}

/** Grants some credits by hand, under the mark of the recharge's own grant. */
async function grantByHand(world: World, mark: string, credits: number): Promise<void> {
  const { platform } = world.start().deps;
  const call = await platform.prepareGrant({ email: EMAIL, credits, description: `${mark} by hand` });
  expect(await call.send()).toMatchObject({ kind: 'granted' });
}

const events = ({ history }: Recharge) => history.map(({ event }) => event);
const markOf = (world: World) => {
  const grant = world.platform.books.find(({ kind }) => kind === 'grant');
  if (grant?.kind !== 'grant') throw new Error('Nothing was granted.');
  return grant.description?.split(' ')[0] ?? '';
};

/**
 * Two processes look when the row is due. Both have their answer before either writes; the second one writes once
 * the first has.
 */
async function twoAtOnce(world: World, look: string): Promise<void> {
  world.moveTo((await world.row()).nextAttemptAt ?? 0);
  await world.start().sweeper();
  const bothAsked = Promise.withResolvers<void>();
  const firstWrote = Promise.withResolvers<void>();
  let arrived = 0;
  const together: Around = async (port, work) => {
    const result = await work();
    if (port === 'ledger.write') firstWrote.resolve();
    if (port !== look) return result;
    arrived += 1;
    if (arrived < 2) {
      await bothAsked.promise;
      return result;
    }
    bothAsked.resolve();
    await firstWrote.promise;
    // What two processes write in one millisecond would be equal to the letter.
    world.advance(1);
    return result;
  };
  await Promise.all([world.start(together).run(), world.start(together).run()]);
}

describe('an unknown grant that was made', () => {
  it.each(['error_after', 'hang_after', 'reset_after', 'huge'])(
    'and met "%s", is found in the usage export five minutes later: completed, and nobody was asked',
    async (fault) => {
      const world = await unknownGrant(fault, IMPATIENT);
      expect(await world.row()).toMatchObject({ nextAttemptAt: utc('2026-01-05 12:05:00') });
      const row = await nextRun(world);
      expect(row).toMatchObject({ phase: 'completed', grantNo: 1 });
      expect(row).not.toHaveProperty('review');
      expect(row.history.at(-1)).toEqual({
        at: utc('2026-01-05 12:05:00'),
        event: 'granted',
        detail: 'found in the usage export',
      });
      expect(world.books()).toEqual(GRANTED);
      expect(world.alerts()).toEqual(['grant_unknown']);
      expect(await world.unfinished()).toEqual([]);
    },
  );

  it('counts among the credits that were granted, once', async () => {
    const world = await unknownGrant('error_after');
    await nextRun(world);
    const told = world.lines().filter((line) => line.credits_granted !== undefined);
    expect(told).toEqual([
      expect.objectContaining({
        outcome: 'grant_evidence',
        word: 'found',
        credits_granted: 500,
        recharges_completed: 1,
      }),
    ]);
  });

  it('and lands late, is found by a later look', async () => {
    const world = await aWorld(IMPATIENT);
    world.platform.fault({ operation: 'grant', fault: 'late', ms: 2_500 });
    await world.start().run();
    const looked = await nextRun(world);
    expect(looked).toMatchObject({ review: 'grant_unknown', nextAttemptAt: utc('2026-01-05 13:05:00') });
    expect(events(looked).at(-1)).toBe('not_in_export');
    await expect.poll(() => world.books().grants, { timeout: 5_000 }).toBe(1);
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
    expect(world.alerts()).toEqual(['grant_unknown']);
  });

  it('is looked for until it is found, whatever the export answers meanwhile; new charges go on', async () => {
    const world = await unknownGrant('error_after', IMPATIENT);
    const faults = ['error_before', 'hang_before', 'garbage', 'unauthorized', 'rate_limited', 'not_found'];
    for (const fault of faults) {
      world.platform.fault({ operation: 'export', fault });
      const row = await nextRun(world);
      expect(row).toMatchObject({ phase: 'needs_review', review: 'grant_unknown' });
      expect(events(row)).toEqual(['received', 'paid', 'grant_unknown', 'export_silent']);
    }
    expect((await world.row()).history.at(-1)).toMatchObject({ times: 6 });
    expect(await world.start().deps.charging.paused()).toBeUndefined();
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
    expect(world.alerts()).toEqual(['grant_unknown']);
  });

  it('is not lost sight of where the platform key cannot be read', async () => {
    const world = await unknownGrant('error_after');
    const unreadable: Around = async (port, work) => {
      if (port === 'platform.findGrant') throw new Error('the secret store does not answer');
      return work();
    };
    expect((await nextRun(world, unreadable)).history.at(-1)).toMatchObject({
      event: 'export_silent',
      detail: 'Error: the secret store does not answer',
    });
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
  });

  it('but stands there twice, is left to a person, who is told', async () => {
    const world = await unknownGrant('error_after');
    await grantByHand(world, markOf(world), 500);
    const row = await nextRun(world);
    expect(row).toMatchObject({ phase: 'needs_review', review: 'grant_unknown' });
    expect(row.history.at(-1)).toMatchObject({
      event: 'export_differs',
      detail: expect.stringContaining('2'),
    });
    await nextRun(world);
    expect(world.alerts()).toEqual(['grant_unknown', 'grant_differs']);
  });
});

describe('an unknown grant that was not made', () => {
  it('stays with a person, who is reminded once a day', async () => {
    const world = await unknownGrant('error_before');
    const until = world.now() + 2 * DAY;
    while (((await world.row()).nextAttemptAt ?? 0) <= until) await nextRun(world);
    const row = await world.row();
    expect(row).toMatchObject({ phase: 'needs_review', review: 'grant_unknown' });
    expect(row.history.slice(-2)).toMatchObject([
      { event: 'not_in_export', times: 49 },
      { event: 'reminded', times: 2, at: utc('2026-01-07 12:00:00') },
    ]);
    expect(world.alerts()).toEqual(['grant_unknown', 'review_waiting', 'review_waiting']);
    expect(world.books()).toEqual(PAID);
  });

  it('is made anew by a person’s word, and the mark of the new one is looked for, not that of the old one', async () => {
    const world = await unknownGrant('error_before');
    await nextRun(world);
    await answer(world, 'confirm-not-granted');
    world.platform.fault({ operation: 'grant', fault: 'error_after' });
    expect(await nextRun(world)).toMatchObject({ review: 'grant_unknown', grantNo: 2 });
    expect(markOf(world)).toMatch(/-2$/);
    expect(await nextRun(world)).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(world.books()).toEqual(GRANTED);
  });

  it('is not settled by another grant of as many credits', async () => {
    const world = await unknownGrant('error_before');
    await grantByHand(world, 'rr-000000000000-1', 500);
    expect(await nextRun(world)).toMatchObject({ review: 'grant_unknown' });
    expect(world.alerts()).toEqual(['grant_unknown']);
  });

  it('is not settled by the same mark with other credits', async () => {
    const world = await unknownGrant('error_before');
    const asked: GrantToFind[] = [];
    await lookWith(world, async (grant) => {
      asked.push(grant);
      return { kind: 'not_found' };
    });
    await grantByHand(world, asked[0]?.mark ?? '', 400);
    const row = await nextRun(world);
    expect(row.history.at(-1)).toMatchObject({
      event: 'export_differs',
      detail: 'the export does not say 500 credits, but 400',
    });
    expect(world.alerts()).toEqual(['grant_unknown', 'grant_differs']);
  });
});

/** One look by a process whose export answers as given. */
async function lookWith(world: World, findGrant: RunDeps['platform']['findGrant']): Promise<void> {
  world.moveTo((await world.row()).nextAttemptAt ?? 0);
  const { deps, sweeper } = world.start();
  await sweeper();
  const looking = { ...deps, platform: { ...deps.platform, findGrant } };
  await runRecharge(KEY, world.now() + world.policy.runMs, looking);
}

describe('the look', () => {
  it('names mark, address and credits of the grant, the time it began, and the sub-account that was reserved', async () => {
    const world = await aWorld({ account: { grantEmail: 'Demo@example.com', platformId: 'sub-7' } });
    world.platform.fault({ operation: 'grant', fault: 'error_before' });
    world.advance(10 * SECOND);
    await world.start().run();
    const account = await world.account();
    await world.ledger.writeAccount(account, { ...account, platformId: 'sub-8' });
    const asked: GrantToFind[] = [];
    await lookWith(world, async (grant) => {
      asked.push(grant);
      return { kind: 'not_found' };
    });
    expect(asked).toEqual([
      {
        mark: expect.stringMatching(/^rr-[0-9a-f]{12}-1$/),
        email: 'Demo@example.com',
        credits: 500,
        platformId: 'sub-7',
        since: utc('2026-01-05 12:00:10'),
      },
    ]);
  });

  it('names the client’s own address, and no sub-account, where nothing else is known', async () => {
    const world = await unknownGrant('error_before');
    const asked: GrantToFind[] = [];
    await lookWith(world, async (grant) => {
      asked.push(grant);
      return { kind: 'not_found' };
    });
    expect(asked[0]).toMatchObject({ email: EMAIL });
    expect(asked[0]).not.toHaveProperty('platformId');
  });

  it('is not made on the happy path, nor where grants are not known to stand in the export', async () => {
    const happy = await aWorld();
    const { around, times } = counted();
    expect(await happy.start(around).run()).toMatchObject({ phase: 'completed' });

    const blind = await createWorld(store(), { listsGrants: false });
    onTestFinished(blind.close);
    await blind.claim({ key: 'key-2' });
    blind.platform.fault({ operation: 'grant', fault: 'error_after' });
    await blind.start(around).run('key-2');
    expect(await blind.row('key-2')).toMatchObject({ nextAttemptAt: utc('2026-01-06 12:00:00') });
    blind.advance(DAY);
    await blind.start().sweeper();
    expect(await blind.start(around).run('key-2')).toMatchObject({ review: 'grant_unknown' });
    expect(blind.alerts()).toEqual(['grant_unknown', 'review_waiting']);
    expect(times('platform.findGrant')).toBe(0);
  });

  it.each([
    [14_999, 0, 'needs_review'],
    [15_000, 1, 'completed'],
  ])('is not begun without time to end: with %d ms left, %d of them', async (leftMs, looks, phase) => {
    const world = await unknownGrant('error_after');
    const { around, times } = counted();
    world.moveTo(utc('2026-01-05 12:05:00'));
    await world.start().sweeper();
    expect(await world.start(around).run(KEY, leftMs)).toMatchObject({ phase });
    expect(times('platform.findGrant')).toBe(looks);
    expect(times('ledger.write')).toBe(looks);
    // Three minutes later, as the sweeper left it.
    if (looks === 0) expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
  });

  it('counts the time that storage took as well', async () => {
    const world = await unknownGrant('error_after');
    const { around, times } = counted();
    const slow = afterFirst('ledger.read', () => world.advance(45_001));
    await nextRun(world, (port, work) => around(port, () => slow(port, work)));
    expect(times('platform.findGrant')).toBe(0);
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
  });
});

describe('evidence that comes after a person has answered', () => {
  /** A look is under way; its answer comes when the person, and what follows from their word, is through. */
  async function lateLook(fault: string, meanwhile: (world: World) => Promise<unknown>) {
    const world = await unknownGrant(fault);
    const row = await nextRun(
      world,
      afterFirst('platform.findGrant', () => meanwhile(world)),
    );
    expect(await world.row()).toEqual(row);
    return { world, row };
  }

  it.each(['error_after', 'error_before'])('"granted" changes nothing (%s)', async (fault) => {
    const { world, row } = await lateLook(fault, (during) => answer(during, 'confirm-granted'));
    expect(row.phase).toBe('completed');
    expect(events(row)).toEqual(['received', 'paid', 'grant_unknown', 'confirm-granted']);
    expect(world.alerts()).toEqual(['grant_unknown']);
  });

  it('"not granted", truly, changes nothing: the next grant is made', async () => {
    const { world, row } = await lateLook('error_before', (during) => answer(during, 'confirm-not-granted'));
    expect(row).toMatchObject({ phase: 'charged', grantNo: 1 });
    expect(await nextRun(world)).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(world.books()).toEqual(GRANTED);
  });

  it('"not granted", in error, completes the recharge before it is granted a second time', async () => {
    const { world, row } = await lateLook('error_after', (during) => answer(during, 'confirm-not-granted'));
    expect(row).toMatchObject({ phase: 'completed', grantNo: 1 });
    expect(world.books()).toEqual(GRANTED);
    expect(world.alerts()).toEqual(['grant_unknown']);
  });

  it('"not granted", in error, says the loss where the next grant was made: it settles its own grant alone', async () => {
    const { world, row } = await lateLook('error_after', async (during) => {
      await answer(during, 'confirm-not-granted');
      during.platform.fault({ operation: 'grant', fault: 'error_before' });
      expect(await nextRun(during, listedLate())).toMatchObject({ review: 'grant_unknown', grantNo: 2 });
    });
    expect(row).toMatchObject({ phase: 'needs_review', review: 'grant_unknown', grantNo: 2 });
    expect(world.alerts()).toEqual(['grant_unknown', 'grant_unknown', 'granted_twice']);
    expect(await nextRun(world)).toMatchObject({ review: 'grant_unknown', grantNo: 2 });
    expect(world.books()).toEqual(GRANTED);
  });

  it('"not granted", in error, says the loss where the next grant completed the recharge', async () => {
    const { world, row } = await lateLook('error_after', async (during) => {
      await answer(during, 'confirm-not-granted');
      expect(await nextRun(during, listedLate())).toMatchObject({ phase: 'completed', grantNo: 2 });
    });
    expect(row).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(world.books()).toEqual(GRANTED_TWICE);
    expect(world.alerts()).toEqual(['grant_unknown', 'granted_twice']);
  });

  it.each([
    ['refunding', async () => {}],
    ['refunded', nextRun],
  ])('"refund", in error, says the loss: %s', async (phase, goesOn) => {
    const { world, row } = await lateLook('error_after', async (during) => {
      await answer(during, 'refund');
      await goesOn(during);
    });
    expect(row.phase).toBe(phase);
    expect(events(row).at(-1)).toBe('late_grant_answer');
    expect(world.alerts()).toEqual(['grant_unknown', 'granted_after_refund']);
    if (phase === 'refunding') expect(await nextRun(world)).toMatchObject({ phase: 'refunded' });
    expect(world.books()).toEqual(LOST_BOTH);
  });

  it('"refund", truly, changes nothing', async () => {
    const { world, row } = await lateLook('error_before', (during) => answer(during, 'refund'));
    expect(row.phase).toBe('refunding');
    expect(world.alerts()).toEqual(['grant_unknown']);
  });
});

describe('before a grant that a person called not made is made anew', () => {
  /** What one run calls that looks and then grants. */
  const LOOKS_AND_GRANTS = [
    'ledger.read',
    'platform.findGrant',
    'ledger.write',
    'platform.prepareGrant',
    'platform.grant',
    'ledger.write',
    'charging.countGrant',
  ];

  /** Unknown; not in the export so far; and called not made, rightly (`error_before`) or in error (`error_after`). */
  async function calledNotMade(fault: string, options: WorldOptions = {}): Promise<World> {
    const world = await unknownGrant(fault, options);
    await nextRun(world, listedLate());
    await answer(world, 'confirm-not-granted');
    return world;
  }

  it('the export is asked once, in the run that grants', async () => {
    const world = await calledNotMade('error_before');
    const calls: string[] = [];
    const row = await nextRun(world, (port, work) => {
      calls.push(port);
      return work();
    });
    expect(calls).toEqual(LOOKS_AND_GRANTS);
    expect(row).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(events(row).slice(2)).toEqual([
      'grant_unknown',
      'not_in_export',
      'confirm-not-granted',
      'granting_again',
      'granted',
    ]);
    expect(world.books()).toEqual(GRANTED);
  });

  it('one that was made is found: the person erred, and nothing is granted a second time', async () => {
    const world = await calledNotMade('error_after');
    const { around, times } = counted();
    expect(await nextRun(world, around)).toMatchObject({ phase: 'completed', grantNo: 1 });
    expect([times('platform.findGrant'), times('platform.prepareGrant')]).toEqual([1, 0]);
    expect(world.books()).toEqual(GRANTED);
    expect(world.alerts()).toEqual(['grant_unknown']);
    expect(await world.unfinished()).toEqual([]);
  });

  it('one that stands there with other credits stops it: a person looks again', async () => {
    const world = await calledNotMade('error_before');
    const asked: GrantToFind[] = [];
    await lookWith(world, async (grant) => {
      asked.push(grant);
      return { kind: 'no_answer', detail: 'status 502' };
    });
    await grantByHand(world, asked[0]?.mark ?? '', 400);
    expect(await nextRun(world)).toMatchObject({ review: 'grant_differs', grantNo: 1 });
    expect(world.alerts()).toEqual(['grant_unknown', 'grant_differs']);
  });

  it('a silent export holds it back, and new charges go on', async () => {
    const world = await calledNotMade('error_after');
    for (const fault of ['error_before', 'garbage', 'unauthorized', 'rate_limited', 'not_found']) {
      world.platform.fault({ operation: 'export', fault });
      expect(await nextRun(world)).toMatchObject({ phase: 'charged', grantNo: 1 });
    }
    expect((await world.row()).history.at(-1)).toMatchObject({
      event: 'waiting',
      detail: expect.stringMatching(/^not granted: no answer from the usage export: /),
    });
    expect(await world.start().deps.charging.paused()).toBeUndefined();
    expect(await nextRun(world)).toMatchObject({ phase: 'completed', grantNo: 1 });
    expect(world.books()).toEqual(GRANTED);
    expect(world.alerts()).toEqual(['grant_unknown']);
  });

  it('an export that stays silent gives the grant up in three days, with nothing granted', async () => {
    const silent: Around = async (port, work) => {
      if (port === 'platform.findGrant') throw new Error('the export is down');
      return work();
    };
    const world = await calledNotMade('error_before');
    const { phaseDeadline = Number.NaN } = await world.row();
    await nextRun(world, silent);
    world.moveTo(phaseDeadline);
    expect(await nextRun(world, silent)).toMatchObject({ review: 'grant_expired', grantNo: 1 });
    expect(world.books()).toEqual(PAID);
    await answer(world, 'retry-grant');
    expect(await nextRun(world)).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(world.books()).toEqual(GRANTED);
  });

  it('a grant that then bounces is tried again without another look', async () => {
    const world = await calledNotMade('error_before');
    world.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    const { around, times } = counted();
    expect(await nextRun(world, around)).toMatchObject({ phase: 'charged', grantNo: 2 });
    expect(await nextRun(world, around)).toMatchObject({ phase: 'completed', grantNo: 3 });
    expect(times('platform.findGrant')).toBe(1);
    expect(world.books()).toEqual(GRANTED);
  });

  it.each([
    [24_999, 0, 0, 'charged'],
    [25_000, 0, 1, 'completed'],
    [60_000, 35_001, 1, 'charged'],
    [60_000, 35_000, 1, 'completed'],
  ])(
    'with %d ms left and a look that takes %d of them: %d looks, then %s',
    async (leftMs, lookMs, looks, phase) => {
      const world = await calledNotMade('error_before');
      const { around, times } = counted();
      const slow = afterFirst('platform.findGrant', () => world.advance(lookMs));
      world.moveTo((await world.row()).nextAttemptAt ?? 0);
      await world.start().sweeper();
      const process = world.start((port, work) => around(port, () => slow(port, work)));
      expect(await process.run(KEY, leftMs)).toMatchObject({ phase });
      expect(times('platform.findGrant')).toBe(looks);
      expect(times('platform.prepareGrant')).toBe(phase === 'completed' ? 1 : 0);
      if (phase === 'charged') expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
      expect(world.books()).toEqual(GRANTED);
    },
  );

  it('nothing else is asked or written where grants do not stand in the export', async () => {
    const world = await unknownGrant('error_before', { listsGrants: false });
    await answer(world, 'confirm-not-granted');
    const calls: string[] = [];
    const row = await nextRun(world, (port, work) => {
      calls.push(port);
      return work();
    });
    const looks = ['ledger.readAccount', 'platform.findGrant'];
    expect(calls).toEqual(LOOKS_AND_GRANTS.filter((port) => !looks.includes(port)));
    expect(events(row).slice(2)).toEqual(['grant_unknown', 'confirm-not-granted', 'granted']);
  });

  it('a recharge whose grant was never unknown pays no look', async () => {
    const world = await aWorld();
    world.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    const { around, times } = counted();
    await world.start(around).run();
    expect(await nextRun(world, around)).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(times('platform.findGrant')).toBe(0);
    expect(times('ledger.readAccount')).toBe(1);
  });

  it('two processes that look at once grant once', async () => {
    const world = await calledNotMade('error_before');
    const bothLooked = Promise.withResolvers<void>();
    let looked = 0;
    const together = () =>
      afterFirst('platform.findGrant', () => {
        looked += 1;
        if (looked === 2) bothLooked.resolve();
        return bothLooked.promise;
      });
    await Promise.all([world.start(together()).run(), world.start(together()).run()]);
    expect(await world.row()).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(world.books()).toEqual(GRANTED);
    expect(world.alerts()).toEqual(['grant_unknown']);
  });

  it('a look of before the person’s word begins no grant when its process wakes', async () => {
    const world = await unknownGrant('error_after');
    const asleep = afterFirst('platform.findGrant', () => answer(world, 'confirm-not-granted'));
    const late = listedLate();
    const row = await nextRun(world, (port, work) => asleep(port, () => late(port, work)));
    expect(row).toMatchObject({ phase: 'charged', grantNo: 1 });
    expect(events(row).at(-1)).toBe('confirm-not-granted');
    expect(await nextRun(world)).toMatchObject({ phase: 'completed', grantNo: 1 });
    expect(world.books()).toEqual(GRANTED);
  });

  const STOPS: Mishap[] = ['before', 'after'];
  const LOSSES = ['granted_twice', 'granted_after_refund', 'grant_differs'];

  /** The process that looks and grants meets a mishap; others go on, meanwhile if it sleeps, until the row ends. */
  async function disturbed(fault: string, mishap: Mishap, n: number, sleepsMs?: number): Promise<void> {
    const world = await calledNotMade(fault);
    world.moveTo((await world.row()).nextAttemptAt ?? 0);
    await world.start().sweeper();
    const process = unlucky(world, mishap, n);
    const running = process.run().catch(() => 'failed');
    const stopped = (await Promise.race([running, process.stopped])) === 'stopped';
    expect([process.calls[n - 1], stopped]).toEqual([LOOKS_AND_GRANTS[n - 1], STOPS.includes(mishap)]);
    if (sleepsMs !== undefined) {
      // The message comes to a second process at once, and to a third one by the sweep.
      await world.start().run();
      world.advance(sleepsMs);
      await world.start().sweeper();
      await world.start().run();
      process.wake();
      await running;
    }
    for (let runs = 0; (await world.row()).phase !== 'completed'; runs += 1) {
      if (runs === 10) throw new Error(`it does not end: ${JSON.stringify(await world.row())}`);
      const row = await nextRun(world);
      if (row.phase !== 'needs_review') continue;
      await answer(world, world.books().grants > 0 ? 'confirm-granted' : 'confirm-not-granted');
    }
    expect(world.books()).toEqual(GRANTED);
    expect(world.alerts().filter((word) => LOSSES.includes(word))).toEqual([]);
  }

  const CALLS = LOOKS_AND_GRANTS.map((port, index) => ({ port, n: index + 1 }));
  const LOOK = CALLS.filter(({ port }) => port === 'platform.findGrant');
  const met = (calls: typeof CALLS, ...mishaps: Mishap[]) =>
    mishaps.flatMap((mishap) => calls.map((call) => ({ ...call, mishap })));

  it.each([
    ...met(CALLS, ...STOPS),
    ...met(CALLS.slice(2, 6), 'throws before', 'throws after'),
    ...met(
      [CALLS[3], CALLS[6]].filter((call) => call !== undefined),
      'answer lost',
    ),
  ])('whatever its process meets, it is made once: $mishap call $n, $port', ({ mishap, n }) =>
    disturbed('error_before', mishap, n),
  );

  it.each(met(LOOK, ...STOPS, 'throws before', 'throws after'))(
    'and, where the person erred, not a second time: $mishap call $n, $port',
    ({ mishap, n }) => disturbed('error_after', mishap, n),
  );

  it.each(
    met(CALLS.slice(2, 7), 'after').flatMap((call) =>
      [10 * SECOND, 4 * MINUTE].map((ms) => ({ ...call, ms })),
    ),
  )(
    'by a process that slept after call $n, $port, for $ms ms, or by another one, it is made once',
    ({ mishap, n, ms }) => disturbed('error_before', mishap, n, ms),
  );
});

describe('after the end, where a grant may have been one too many', () => {
  const punctual = { policy: { evidence: { ...productionPolicy.evidence, lateSpreadMs: 0 } } };

  /** Unknown though made, not listed yet, called not made, and made anew. */
  async function grantedTwice(): Promise<World> {
    const world = await unknownGrant('error_after', punctual);
    await nextRun(world, listedLate());
    await answer(world, 'confirm-not-granted');
    expect(await nextRun(world, listedLate())).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(world.books()).toEqual(GRANTED_TWICE);
    expect(world.alerts()).toEqual(['grant_unknown']);
    return world;
  }

  /** The first grant met a 429 and was made by the second one. */
  async function bounced(around?: Around): Promise<World> {
    const world = await aWorld();
    if (around === undefined) world.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    expect(await world.start(around).run()).toMatchObject({ phase: 'charged', grantNo: 1 });
    expect(await nextRun(world)).toMatchObject({ phase: 'completed', grantNo: 2 });
    return world;
  }

  it('it is found a day later, and told on two days', async () => {
    const world = await grantedTwice();
    const { history } = await nextRun(world);
    expect(history.at(-1)).toEqual({
      at: utc('2026-01-06 12:17:00'),
      event: 'grant_too_many',
      detail: expect.stringMatching(/^usage export: (rr-[0-9a-f]{12})-1, \1-2$/),
    });
    expect(await nextRun(world)).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(world.alerts()).toEqual(['grant_unknown', 'granted_twice', 'granted_twice']);
    expect(await world.unfinished()).toEqual([]);
    expect(world.books()).toEqual(GRANTED_TWICE);
  });

  it('it is found a week later, where its line came so late', async () => {
    const world = await grantedTwice();
    const onlyTheSecond: Around = async <T>(port: string, work: () => Promise<T>) =>
      port === 'platform.listGrants' ? ({ kind: 'listed', marks: ['rr-0-2'] } as T) : work();
    expect(events(await nextRun(world, onlyTheSecond)).at(-1)).toBe('no_grant_too_many');
    expect(world.alerts()).toEqual(['grant_unknown']);
    await nextRun(world);
    expect(world.now()).toBe(utc('2026-01-12 12:17:00'));
    expect(world.alerts()).toEqual(['grant_unknown', 'granted_twice']);
  });

  it('one that was made though the platform said 429 is found as well', async () => {
    const lying: Around = async <T>(port: string, work: () => Promise<T>) => {
      const result = await work();
      return port === 'platform.grant' ? ({ kind: 'not_applied', detail: 'status 429' } as T) : result;
    };
    const world = await bounced(lying);
    await nextRun(world);
    expect(world.books()).toEqual(GRANTED_TWICE);
    expect(world.alerts()).toEqual(['granted_twice']);
  });

  it('one of two that a person called made is found as well', async () => {
    const world = await unknownGrant('error_after');
    await nextRun(world, listedLate());
    await answer(world, 'confirm-not-granted');
    world.platform.fault({ operation: 'grant', fault: 'error_after' });
    expect(await nextRun(world, listedLate())).toMatchObject({ review: 'grant_unknown', grantNo: 2 });
    await answer(world, 'confirm-granted');
    expect(await world.row()).toMatchObject({ phase: 'completed', grantNo: 2 });
    await nextRun(world);
    expect(world.books()).toEqual(GRANTED_TWICE);
    expect(world.alerts()).toEqual(['grant_unknown', 'grant_unknown', 'granted_twice']);
  });

  it('one that a person ended is not looked at where grants do not stand in the export', async () => {
    const world = await unknownGrant('error_before', { listsGrants: false });
    await answer(world, 'confirm-not-granted');
    world.platform.fault({ operation: 'grant', fault: 'error_after' });
    await nextRun(world);
    await answer(world, 'confirm-granted');
    const { around, times } = counted();
    expect(await nextRun(world, around)).toMatchObject({ phase: 'completed' });
    expect(await world.unfinished()).toEqual([]);
    expect(times('platform.listGrants')).toBe(0);
  });

  it('one that was refunded, and granted after all, is found as well', async () => {
    const world = await unknownGrant('error_after');
    await answer(world, 'refund');
    expect(await nextRun(world)).toMatchObject({ phase: 'refunded' });
    expect(world.alerts()).toEqual(['grant_unknown']);
    expect(await nextRun(world)).toMatchObject({ phase: 'refunded' });
    expect(world.alerts()).toEqual(['grant_unknown', 'granted_after_refund']);
    expect(world.books()).toEqual(LOST_BOTH);
  });

  it('nothing is told where nothing is one too many: two looks, then none', async () => {
    const world = await bounced();
    const { around, times } = counted();
    for (let looks = 0; (await world.unfinished()).length > 0; looks += 1) {
      if (looks === 5) throw new Error('it is looked at for ever');
      await nextRun(world, around);
    }
    expect(times('platform.listGrants')).toBe(2);
    expect(times('platform.prepareGrant')).toBe(0);
    expect((await world.row()).history.at(-1)).toMatchObject({
      event: 'no_grant_too_many',
      detail: expect.stringMatching(/^usage export: rr-[0-9a-f]{12}-2$/),
      times: 2,
    });
    expect(world.alerts()).toEqual([]);
  });

  it('a refund that nobody doubts is looked at twice, too', async () => {
    const world = await unknownGrant('error_before');
    await answer(world, 'refund');
    await nextRun(world);
    await nextRun(world);
    expect((await nextRun(world)).history.at(-1)).toMatchObject({
      detail: 'usage export: no grant',
      times: 2,
    });
    expect(await world.unfinished()).toEqual([]);
    expect(world.alerts()).toEqual(['grant_unknown']);
  });

  it('a silent export is asked ever less often, until a day after the last look; that it was silent stays', async () => {
    const world = await bounced();
    const silent: Around = async (port, work) => {
      if (port === 'platform.listGrants') throw new Error('the export is down');
      return work();
    };
    let looks = 0;
    for (; (await world.unfinished()).length > 0; looks += 1) {
      if (looks === 200) throw new Error('it is looked at for ever');
      await nextRun(world, silent);
    }
    const late = world.now() - utc('2026-01-13 12:00:00');
    expect(late).toBeGreaterThan(0);
    expect(late).toBeLessThan(DAY + world.policy.evidence.lateSpreadMs);
    // Once an hour it would be 170 times.
    expect(looks).toBeLessThan(60);
    expect((await world.row()).history.at(-1)).toMatchObject({
      event: 'export_silent',
      detail: 'Error: the export is down',
      times: looks,
    });
    expect(world.alerts()).toEqual([]);
  });

  it('it is asked for all grants since the payment, of the sub-account that was reserved', async () => {
    const world = await aWorld({ account: { platformId: 'sub-7' } });
    world.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    world.advance(10 * SECOND);
    await world.start().run();
    await nextRun(world);
    world.moveTo((await world.row()).nextAttemptAt ?? 0);
    const { deps, sweeper } = world.start();
    await sweeper();
    const asked: unknown[] = [];
    const listGrants: RunDeps['platform']['listGrants'] = async (grants) => {
      asked.push(grants);
      return { kind: 'listed', marks: [] };
    };
    const listing = { ...deps, platform: { ...deps.platform, listGrants } };
    await runRecharge(KEY, world.now() + world.policy.runMs, listing);
    expect(asked).toEqual([
      {
        markPrefix: expect.stringMatching(/^rr-[0-9a-f]{12}-$/),
        platformId: 'sub-7',
        since: utc('2026-01-05 12:00:10'),
      },
    ]);
  });

  it('it is listed among the recharges of its day, and among the older ones only while it is unfinished', async () => {
    const world = await unknownGrant('error_before');
    const listed = async (days = 1) => {
      const connection = { ledger: world.ledger, now: world.now } as Connection;
      return (await listRecharges(connection, { days })).map(({ key }) => key);
    };
    world.advance(2 * DAY);
    expect(await listed()).toEqual([KEY]);
    await answer(world, 'refund');
    expect(await nextRun(world)).toMatchObject({ phase: 'refunded' });
    expect(await world.unfinished()).toEqual([KEY]);
    expect(await listed()).toEqual([]);
    expect(await listed(5)).toEqual([KEY]);
  });

  it('a message that comes again asks the export nothing', async () => {
    const world = await grantedTwice();
    const { around, times } = counted();
    world.advance(3 * DAY);
    await world.start(around).run();
    expect(times('platform.listGrants')).toBe(0);
  });

  it('two processes that look at once tell it once', async () => {
    const world = await grantedTwice();
    await twoAtOnce(world, 'platform.listGrants');
    expect(world.alerts()).toEqual(['grant_unknown', 'granted_twice']);
    expect((await world.row()).history.at(-1)).not.toHaveProperty('times');
  });

  const LOOK = ['ledger.read', 'platform.listGrants', 'ledger.write'];
  const mishaps: Mishap[] = ['before', 'after', 'throws before', 'throws after', 'answer lost'];
  const met = LOOK.flatMap((port, index) => mishaps.map((mishap) => ({ port, mishap, n: index + 1 })));

  it.each(met.filter(({ port, mishap }) => mishap !== 'answer lost' || port === 'ledger.write'))(
    'whatever the process that looks meets, it is told: $mishap call $n, $port',
    async ({ mishap, n }) => {
      const world = await grantedTwice();
      world.moveTo((await world.row()).nextAttemptAt ?? 0);
      await world.start().sweeper();
      const process = unlucky(world, mishap, n);
      await Promise.race([process.run().catch(() => 'failed'), process.stopped]);
      expect(process.calls[n - 1]).toBe(LOOK[n - 1]);
      for (let looks = 0; (await world.unfinished()).length > 0; looks += 1) {
        if (looks === 5) throw new Error('it is looked at for ever');
        await nextRun(world);
      }
      expect(world.alerts()).toContain('granted_twice');
      expect(world.books()).toEqual(GRANTED_TWICE);
    },
  );
});

describe('two processes that look at once', () => {
  async function bothLook(fault: string): Promise<World> {
    const world = await unknownGrant(fault);
    await twoAtOnce(world, 'platform.findGrant');
    return world;
  }

  it('complete it once', async () => {
    const world = await bothLook('error_after');
    expect(events(await world.row())).toEqual(['received', 'paid', 'grant_unknown', 'granted']);
    expect(world.alerts()).toEqual(['grant_unknown']);
    expect(world.lines().filter((line) => line.credits_granted !== undefined)).toHaveLength(1);
  });

  it('write down once what is not there', async () => {
    const world = await bothLook('error_before');
    const row = await world.row();
    expect(row).toMatchObject({ review: 'grant_unknown', nextAttemptAt: utc('2026-01-05 13:05:00') });
    expect(row.history.at(-1)).toEqual({ at: utc('2026-01-05 12:05:00'), event: 'not_in_export' });
  });
});

describe('a message that comes again while a person is waited for', () => {
  it('asks the export nothing, and leaves the version that was shown', async () => {
    const world = await unknownGrant('error_after');
    const shown = await world.row();
    const { around, times } = counted();
    world.advance(HOUR);
    await world.start(around).run();
    expect(await world.row()).toEqual(shown);
    expect(times('platform.findGrant')).toBe(0);
  });
});

describe('unknown grants in a row', () => {
  const CLIENTS = ['a@example.com', 'b@example.com', 'c@example.com'];

  it('stop new charges also where each was found meanwhile: the platform still does not answer', async () => {
    const world = await createWorld(store(), { listsGrants: true, clients: CLIENTS });
    onTestFinished(world.close);
    for (const email of CLIENTS) {
      const key = email.slice(0, 1);
      world.platform.fault({ operation: 'grant', fault: 'error_after', email });
      await world.claim({ key, email });
      await world.start().run(key);
      if (key === 'c') continue;
      world.moveTo((await world.row(key)).nextAttemptAt ?? 0);
      await world.start().sweeper();
      expect(await world.start().run(key)).toMatchObject({ phase: 'completed' });
    }
    expect(world.alerts()).toEqual(['grant_unknown', 'grant_unknown', 'grant_unknown', 'charging_paused']);
  });
});
