import { describe, expect, it, onTestFinished } from 'vitest';
import { utc } from '../../../support/builders.ts';
import {
  answer,
  counted,
  DAY,
  events,
  GRANTED,
  HOUR,
  IMPATIENT,
  nextRun,
  once,
  PAID,
  SECOND,
} from '../../../support/course.ts';
import type { Around } from '../../../support/ports.ts';
import { createWorld, EMAIL, KEY, type World } from '../../../support/world.ts';
import {
  GRANTED_TWICE,
  type GrantToFind,
  grantByHand,
  LOST_BOTH,
  listedLate,
  lookWith,
  twoAtOnce,
  useUnknownGrants,
} from './looking.ts';

const { store, worldWith, unknownGrant } = useUnknownGrants();

const markOf = (world: World) => {
  const grant = world.platform.books.find(({ kind }) => kind === 'grant');
  if (grant?.kind !== 'grant') throw new Error('Nothing was granted.');
  return grant.description?.split(' ')[0] ?? '';
};

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
    const world = await worldWith(IMPATIENT);
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

describe('the look', () => {
  it('names mark, address and credits of the grant, the time it began, and the sub-account that was reserved', async () => {
    const world = await worldWith({ account: { grantEmail: 'Demo@example.com', platformId: 'sub-7' } });
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
        markPrefix: expect.stringMatching(/^rr-[0-9a-f]{12}-$/),
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

  it('is not made on the happy path', async () => {
    const world = await worldWith();
    const { around, times } = counted();
    expect(await world.start(around).run()).toMatchObject({ phase: 'completed' });
    expect(times('platform.findGrant')).toBe(0);
  });

  it('is not made where grants are not known to stand in the export', async () => {
    const blind = await createWorld(store(), { listsGrants: false });
    onTestFinished(blind.close);
    const { around, times } = counted();
    await blind.claim();
    blind.platform.fault({ operation: 'grant', fault: 'error_after' });
    await blind.start(around).run();
    expect(await blind.row()).toMatchObject({ nextAttemptAt: utc('2026-01-06 12:00:00') });
    blind.advance(DAY);
    await blind.start().sweeper();
    expect(await blind.start(around).run()).toMatchObject({ review: 'grant_unknown' });
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
    const slow = once('ledger.read', { after: () => world.advance(45_001) });
    await nextRun(world, (port, work) => around(port, () => slow(port, work)));
    expect(times('platform.findGrant')).toBe(0);
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
  });
});

describe('evidence that comes after a person has answered', () => {
  /** A look is under way; its answer comes when the person, and what follows from their word, is through. */
  async function lateLook(fault: string, meanwhile: (world: World) => Promise<unknown>) {
    const world = await unknownGrant(fault);
    const row = await nextRun(world, once('platform.findGrant', { after: () => meanwhile(world) }));
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
