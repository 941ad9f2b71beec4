import { describe, expect, it, onTestFinished } from 'vitest';
import { runRecharge } from '../../../../shared/recharge/run-recharge.ts';
import { utc } from '../../../support/builders.ts';
import {
  GRANTED,
  HOUR,
  IMPATIENT,
  MINUTE,
  NOTHING,
  nextRun,
  once,
  PAID,
  SECOND,
  spent,
  toRest,
  useQuickWorlds,
} from '../../../support/course.ts';
import type { Around } from '../../../support/ports.ts';
import { createWorld, EMAIL, KEY, type World } from '../../../support/world.ts';

const { store, worldWith } = useQuickWorlds();

describe('while charging is paused', () => {
  it('by a person, a recharge waits unreserved and uncharged, and goes on once they resume', async () => {
    const world = await worldWith();
    await world.start().deps.charging.pause({ reason: 'a person looks' });
    world.advance(HOUR);
    const row = await world.start().run();
    expect(row).toMatchObject({ phase: 'received' });
    expect(row.history.at(-1)).toMatchObject({ event: 'waiting', detail: 'charging is paused' });
    expect((await world.account()).reservations).toEqual({});
    expect(world.books()).toEqual(NOTHING);
    await world.start().deps.charging.resume();
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
  });

  it('a charge that was reserved before is not sent', async () => {
    const world = await worldWith();
    const pauses = async () => {
      await world.start().deps.charging.pause({ reason: 'a person looks' });
      // A process asks the switch again once what it knows of it is 5 s old.
      world.advance(5 * SECOND);
    };
    const row = await world.start(once('ledger.writeAccount', { after: pauses })).run();
    expect(row).toMatchObject({ phase: 'received' });
    expect(world.books()).toEqual(NOTHING);
    expect(Object.values((await world.account()).reservations)).toMatchObject([{ state: 'reserved' }]);
    await world.start().deps.charging.resume();
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  const OTHER = { key: 'key-of-another', email: 'another@example.com' };

  it('by a fault of the agency, every client waits 15 minutes, and the paid grant is tried again', async () => {
    const world = await worldWith({ clients: [EMAIL, OTHER.email] });
    world.platform.fault({ operation: 'grant', fault: 'empty_pool' });
    await world.start().run();
    expect(world.lines().at(-1)).toMatchObject({
      level: 'alert',
      message: 'charging_paused',
      detail: 'pool_empty',
    });
    await world.claim(OTHER);
    world.advance(15 * MINUTE - 1);
    expect(await world.start().run(OTHER.key)).toMatchObject({ phase: 'received' });
    expect(await world.start().run()).toMatchObject({ phase: 'completed' });
    world.advance(15 * MINUTE);
    expect(await world.start().run(OTHER.key)).toMatchObject({ phase: 'completed' });
    expect(world.books(OTHER.key, OTHER.email)).toEqual(GRANTED);
  });

  const CLIENTS = ['a@example.com', 'b@example.com', 'c@example.com', 'd@example.com'];

  /** One recharge after the other, each of a client of its own. */
  async function grantsOf(faults: (string | undefined)[]): Promise<World> {
    const world = await createWorld(store(), { clients: CLIENTS });
    onTestFinished(world.close);
    for (const [index, fault] of faults.entries()) {
      const email = CLIENTS[index] ?? '';
      if (fault) world.platform.fault({ operation: 'grant', fault, email });
      await world.claim({ key: email.slice(0, 1), email });
      await world.start().run(email.slice(0, 1));
    }
    return world;
  }

  it('by three unknown grants in a row, the fourth client is not charged', async () => {
    const world = await grantsOf(['error_before', 'reset_after', 'error_after', undefined]);
    expect(await world.row('d')).toMatchObject({ phase: 'received' });
    expect(world.books('d', 'd@example.com')).toEqual(NOTHING);
    expect(world.alerts()).toEqual(['grant_unknown', 'grant_unknown', 'grant_unknown', 'charging_paused']);
    expect(world.lines().findLast(({ level }) => level === 'alert')).toMatchObject({
      detail: 'grants of 3 clients in a row did not go through',
    });
    world.advance(15 * MINUTE);
    expect(await world.start().run('d')).toMatchObject({ phase: 'completed' });
  });

  it('by grants that fail each in its own way, and goes on by itself once one went through', async () => {
    const world = await grantsOf(['not_found', 'rate_limited', 'error_before', undefined]);
    expect(await world.row('d')).toMatchObject({ phase: 'received' });
    expect(world.alerts()).toEqual(['grant_refused', 'grant_unknown', 'charging_paused']);
    world.advance(10 * SECOND);
    // The one that was told to wait is granted, and with it the switch is on again.
    expect(await world.start().run('b')).toMatchObject({ phase: 'completed' });
    expect(world.lines().at(-1)).toMatchObject({ message: 'charging goes on: a grant went through' });
    world.advance(10 * SECOND);
    expect(await world.start().run('d')).toMatchObject({ phase: 'completed' });
  });

  it('by a platform that nobody can reach, after three clients', async () => {
    const world = await createWorld(store(), { clients: CLIENTS });
    onTestFinished(world.close);
    const unreachable = { code: 'ENOTFOUND', detail: 'not sent: no such host' };
    const around: Around = (port, work) =>
      port === 'platform.grant'
        ? Promise.resolve({ kind: 'not_applied', detail: unreachable.detail, unsent: true } as never)
        : work();
    for (const email of CLIENTS) {
      await world.claim({ key: email.slice(0, 1), email });
      await world.start(around).run(email.slice(0, 1));
    }
    const phases = await Promise.all(CLIENTS.map((email) => world.row(email.slice(0, 1))));
    expect(phases.map(({ phase }) => phase)).toEqual(['charged', 'charged', 'charged', 'received']);
    expect(world.alerts()).toEqual(['charging_paused']);
  });

  it('three unknown grants with a granted one between them pause nothing', async () => {
    const world = await grantsOf(['error_before', 'error_before', undefined, 'error_before']);
    expect(world.alerts()).toEqual(['grant_unknown', 'grant_unknown', 'grant_unknown']);
    expect(await world.start().deps.charging.paused()).toBeUndefined();
  });
});

describe('before money moves', () => {
  it('the platform is asked, and the balance kept as a hint', async () => {
    const world = await worldWith({ preflight: true });
    expect(await world.start().run()).toMatchObject({ phase: 'completed', balanceBefore: 50 });
  });

  it('is called as the platform spells it: in the webhook, unless the agency says otherwise', async () => {
    const spelled = 'Demo@Example.com';
    const world = await worldWith({ preflight: true, clients: [EMAIL, spelled] });
    const asked: string[] = [];
    const run = async (key: string) => {
      await world.claim({ key, grantEmail: spelled });
      const { deps } = world.start();
      const { subAccount, prepareGrant } = deps.platform;
      const platform = {
        ...deps.platform,
        subAccount(email: string) {
          asked.push(`asked for ${email}`);
          return subAccount(email);
        },
        prepareGrant(grant: Parameters<typeof prepareGrant>[0]) {
          asked.push(`granted to ${grant.email}`);
          return prepareGrant(grant);
        },
      };
      return runRecharge(key, world.now() + world.policy.runMs, { ...deps, platform });
    };
    expect(await run('key-2')).toMatchObject({ phase: 'completed', email: EMAIL, grantEmail: spelled });
    expect(asked.splice(0)).toEqual([`asked for ${spelled}`, `granted to ${spelled}`]);

    const account = await world.account();
    await world.ledger.writeAccount(account, { ...account, grantEmail: EMAIL });
    const row = await run('key-3');
    expect(row).toMatchObject({ phase: 'completed' });
    expect(row).not.toHaveProperty('grantEmail');
    expect(asked).toEqual([`asked for ${EMAIL}`, `granted to ${EMAIL}`]);
  });

  it('a client the platform does not know is refused', async () => {
    const world = await worldWith({ preflight: true });
    world.platform.fault({ operation: 'lookup', fault: 'not_found' });
    expect(await world.start().run()).toMatchObject({
      phase: 'blocked',
      reason: 'unknown_on_platform',
      amount: 5_000,
    });
    expect(world.books()).toEqual(NOTHING);
    expect(await spent(world)).toBeUndefined();
  });

  it.each(['error', 'hang', 'not_found_plain', 'unauthorized', 'rate_limited'])(
    'a platform that gives no answer ("%s") leaves the client uncharged and the recharge waiting',
    async (fault) => {
      const world = await worldWith({ preflight: true, ...IMPATIENT });
      world.platform.fault({ operation: 'lookup', fault });
      expect(await world.start().run()).toMatchObject({ phase: 'received' });
      expect((await world.account()).reservations).toEqual({});
      expect(world.books()).toEqual(NOTHING);
      expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
      expect(world.books()).toEqual(GRANTED);
    },
  );

  it('the guard refuses an account that is not active', async () => {
    const world = await worldWith({ account: { status: 'suspended' } });
    expect(await world.start().run()).toMatchObject({ phase: 'blocked', reason: 'account_suspended' });
    expect(world.books()).toEqual(NOTHING);
  });

  it('a client with an unfinished recharge is refused another', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'pending' });
    await world.start().run();
    await world.claim({ key: 'key-2' });
    expect(await world.start().run('key-2')).toMatchObject({
      phase: 'blocked',
      reason: 'unfinished_recharge',
    });
    expect(world.books('key-2')).toEqual(NOTHING);
  });

  it('in observe mode nobody is charged, and the row shows the price it would have had', async () => {
    const world = await worldWith({ recharge: { mode: 'observe' } });
    expect(await world.start().run()).toMatchObject({
      phase: 'blocked',
      reason: 'observe_only',
      amount: 5_000,
      currency: 'USD',
    });
    expect(world.books()).toEqual(NOTHING);
    expect(await spent(world)).toBeUndefined();
  });
});

describe('observe mode, switched on while a recharge is reserved', () => {
  it('charges nobody any more', async () => {
    const world = await worldWith();
    await world.start().run(KEY, 24_999);
    expect(await spent(world)).toBe(5_000);
    const { deps } = world.start();
    world.advance(HOUR);
    const observing = { ...deps, guard: { ...deps.guard, mode: 'observe' as const } };
    expect(await runRecharge(KEY, world.now() + 60_000, observing)).toMatchObject({ phase: 'received' });
    expect(world.books()).toEqual(NOTHING);
  });
});

describe('a platform key that cannot be read', () => {
  it('keeps what is paid, grants nothing, and stops all new charges', async () => {
    const world = await worldWith();
    const unreadable: Around = async (port, work) => {
      if (port === 'platform.prepareGrant') throw new Error('the secret store does not answer');
      return work();
    };
    const row = await world.start(unreadable).run();
    expect(row).toMatchObject({ phase: 'charged', paymentRef: expect.any(String) });
    expect(world.books()).toEqual(PAID);
    expect(world.alerts()).toEqual(['charging_paused']);
    expect(await world.start().deps.charging.paused()).toMatchObject({ reason: 'unauthorized' });
    expect(await toRest(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });
});

describe('a day that ends while the platform is asked about the client', () => {
  it('is not the day that is judged: the next one may have had its recharges', async () => {
    const day = '2026-01-06';
    const world = await worldWith({
      preflight: true,
      account: { limits: { dailyCount: 1 }, counts: { [day]: 1 } },
    });
    const overMidnight = once('platform.subAccount', { after: () => world.moveTo(utc(`${day} 00:00:01`)) });
    world.moveTo(utc('2026-01-05 23:59:59'));
    expect(await world.start(overMidnight).run()).toMatchObject({
      phase: 'blocked',
      reason: 'over_daily_count',
    });
    expect((await world.account()).counts[day]).toBe(1);
    expect(world.books()).toEqual(NOTHING);
  });
});
