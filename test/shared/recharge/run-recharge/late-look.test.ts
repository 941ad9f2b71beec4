import { describe, expect, it } from 'vitest';
import { productionPolicy } from '../../../../shared/recharge/policy.ts';
import { type RunDeps, runRecharge } from '../../../../shared/recharge/run-recharge.ts';
import { utc } from '../../../support/builders.ts';
import { answer, counted, DAY, events, GRANTED, nextRun, SECOND } from '../../../support/course.ts';
import { unlucky } from '../../../support/life.ts';
import type { Around, Mishap } from '../../../support/ports.ts';
import { KEY, type World } from '../../../support/world.ts';
import { GRANTED_TWICE, LOST_BOTH, listedLate, twoAtOnce, useUnknownGrants } from './looking.ts';

const { worldWith, unknownGrant } = useUnknownGrants();

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
  async function bounced(): Promise<World> {
    const world = await worldWith();
    world.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    expect(await world.start().run()).toMatchObject({ phase: 'charged', grantNo: 1 });
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

  /** A platform that grants, and says that it did not. */
  const lying: Around = async <T>(port: string, work: () => Promise<T>) => {
    const result = await work();
    return port === 'platform.grant' ? ({ kind: 'not_applied', detail: 'status 429' } as T) : result;
  };

  it('one that was made though the platform said 429 is found before there is another', async () => {
    const world = await worldWith();
    expect(await world.start(lying).run()).toMatchObject({ phase: 'charged', grantNo: 1 });
    expect(await nextRun(world)).toMatchObject({ phase: 'completed', grantNo: 1 });
    expect(world.books()).toEqual(GRANTED);
    expect(world.alerts()).toEqual([]);
  });

  it('one that was made though the platform said 429, and whose line came late, is found as well', async () => {
    const world = await worldWith();
    await world.start(lying).run();
    expect(await nextRun(world, listedLate())).toMatchObject({ phase: 'completed', grantNo: 2 });
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
    const world = await worldWith({ account: { platformId: 'sub-demo-example-com' } });
    world.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    world.advance(10 * SECOND);
    await world.start().run();
    await nextRun(world, listedLate());
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
        platformId: 'sub-demo-example-com',
        since: utc('2026-01-05 12:00:10'),
      },
    ]);
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
