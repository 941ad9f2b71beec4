import { describe, expect, it } from 'vitest';
import {
  answer,
  counted,
  events,
  GRANTED,
  MINUTE,
  nextRun,
  once,
  PAID,
  SECOND,
} from '../../../support/course.ts';
import { unlucky } from '../../../support/life.ts';
import type { Around, Mishap } from '../../../support/ports.ts';
import { KEY, type World, type WorldOptions } from '../../../support/world.ts';
import { type GrantToFind, grantByHand, listedLate, lookWith, useUnknownGrants } from './looking.ts';

const { worldWith, unknownGrant } = useUnknownGrants();

describe('before a grant that a person called not made is made anew', () => {
  /** What one run calls that looks and then grants. */
  const LOOKS_AND_GRANTS = [
    'ledger.read',
    'platform.findGrant',
    'ledger.write',
    'ledger.readAccount',
    'platform.prepareGrant',
    'platform.grant',
    'ledger.write',
    'charging.grantWentThrough',
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

  it('a grant that then bounces is looked for in its turn before it is tried again', async () => {
    const world = await calledNotMade('error_before');
    world.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    const { around, times } = counted();
    expect(await nextRun(world, around)).toMatchObject({ phase: 'charged', grantNo: 2 });
    expect(await nextRun(world, around)).toMatchObject({ phase: 'completed', grantNo: 3 });
    expect(times('platform.findGrant')).toBe(2);
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
      const slow = once('platform.findGrant', { after: () => world.advance(lookMs) });
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
    expect(calls).toEqual(LOOKS_AND_GRANTS.filter((port) => port !== 'platform.findGrant'));
    expect(events(row).slice(2)).toEqual(['grant_unknown', 'confirm-not-granted', 'granted']);
  });

  it('a recharge whose grant was answered as not applied pays a look', async () => {
    const answered = await worldWith();
    answered.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    const asked = counted();
    await answered.start(asked.around).run();
    expect(await nextRun(answered, asked.around)).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(asked.times('platform.findGrant')).toBe(1);
  });

  it('all its grants are looked for: one of two before, whose line came late, ends in review and in no third', async () => {
    const world = await worldWith();
    const lying: Around = async <T>(port: string, work: () => Promise<T>) => {
      const result = await work();
      return port === 'platform.grant' ? ({ kind: 'not_applied', detail: 'status 429' } as T) : result;
    };
    const unsent: Around = async <T>(port: string, work: () => Promise<T>) => {
      if (port === 'platform.findGrant') return { kind: 'not_found' } as T;
      return port === 'platform.grant'
        ? ({ kind: 'not_applied', detail: 'not sent: no such host', unsent: true } as T)
        : work();
    };
    await world.start(lying).run();
    expect(await nextRun(world, unsent)).toMatchObject({ phase: 'charged', grantNo: 2 });
    expect(await nextRun(world)).toMatchObject({
      phase: 'needs_review',
      review: 'grant_differs',
      grantNo: 2,
    });
    expect(world.books()).toEqual(GRANTED);
  });

  it('a recharge whose grant was never sent pays no look', async () => {
    const world = await worldWith();
    const unsent: Around = async <T>(port: string, work: () => Promise<T>) =>
      port === 'platform.grant'
        ? ({ kind: 'not_applied', detail: 'not sent: no such host', unsent: true } as T)
        : work();
    await world.start(unsent).run();
    const { around, times } = counted();
    expect(await nextRun(world, around)).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(times('platform.findGrant')).toBe(0);
  });

  it('two processes that look at once grant once', async () => {
    const world = await calledNotMade('error_before');
    const bothLooked = Promise.withResolvers<void>();
    let looked = 0;
    const together = () =>
      once('platform.findGrant', {
        after() {
          looked += 1;
          if (looked === 2) bothLooked.resolve();
          return bothLooked.promise;
        },
      });
    await Promise.all([world.start(together()).run(), world.start(together()).run()]);
    expect(await world.row()).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(world.books()).toEqual(GRANTED);
    expect(world.alerts()).toEqual(['grant_unknown']);
  });

  it('a look of before the person’s word begins no grant when its process wakes', async () => {
    const world = await unknownGrant('error_after');
    const asleep = once('platform.findGrant', { after: () => answer(world, 'confirm-not-granted') });
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
