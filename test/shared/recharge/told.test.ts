import { describe, expect, it, onTestFinished } from 'vitest';
import { isNewsToday } from '../../../shared/recharge/told.ts';
import { utc } from '../../support/builders.ts';
import { useLedger } from '../../support/store.ts';
import { createWorld, EMAIL, type World, type WorldOptions } from '../../support/world.ts';

const HOUR = 3_600_000;
const store = useLedger();

async function worldWith(options: WorldOptions = {}): Promise<World> {
  const world = await createWorld(store(), options);
  onTestFinished(world.close);
  return world;
}

async function recharge(world: World, key: string, email = EMAIL) {
  await world.claim({ key, email });
  return world.start().run(key);
}

const told = (world: World) =>
  world
    .lines()
    .filter(({ level }) => level === 'alert')
    .map(({ message, detail }) => (detail === undefined ? message : `${message} ${detail}`));

describe('the agency hears', () => {
  it('that a client is refused: of each client, for each reason, once a day', async () => {
    const clients = [EMAIL, 'other@example.com'];
    const world = await worldWith({ account: { status: 'disabled' }, clients });
    for (const key of ['key-1', 'key-2', 'key-3']) {
      expect(await recharge(world, key)).toMatchObject({ phase: 'blocked', reason: 'account_disabled' });
    }
    expect(told(world)).toEqual(['recharge_blocked account_disabled']);

    await recharge(world, 'key-4', 'other@example.com');
    expect(told(world)).toHaveLength(2);

    const account = await world.account();
    await world.ledger.writeAccount(account, { ...account, status: 'suspended' });
    await recharge(world, 'key-5');
    await recharge(world, 'key-6');
    expect(told(world).slice(2)).toEqual(['recharge_blocked account_suspended']);

    world.advance(24 * HOUR);
    await recharge(world, 'key-7');
    expect(told(world).slice(3)).toEqual(['recharge_blocked account_suspended']);
    expect((await world.account()).told).toEqual({
      day: '2026-01-06',
      words: ['recharge_blocked account_suspended'],
    });
  });

  it('of who is not set up, too, and what was told of them goes by itself', async () => {
    const world = await worldWith();
    expect(await isNewsToday('stranger@example.com', 'recharge_blocked', world)).toBe(true);
    expect(await world.ledger.readAccount('stranger@example.com')).toMatchObject({
      expiresAt: world.now() / 1_000 + 48 * 3_600,
    });
  });

  it('that the monthly cap refuses a client, once a day', async () => {
    const world = await worldWith({ guard: { limits: { monthlyAmount: 4_000 } } });
    await recharge(world, 'key-1');
    await recharge(world, 'key-2');
    expect(told(world)).toEqual(['monthly_cap_reached']);
  });

  it.each([
    ['cooldown', { limits: { cooldownSeconds: 600 } }],
    ['observe_only', { limits: {} }],
  ])('nothing where another recharge, or a person, explains the refusal: %s', async (word, guard) => {
    const mode = word === 'observe_only' ? 'observe' : 'live';
    const world = await worldWith({ guard, recharge: { mode } });
    await recharge(world, 'key-1');
    expect(await recharge(world, 'key-2')).toMatchObject({ phase: 'blocked', reason: word });
    expect(told(world)).toEqual([]);
  });

  it('that a client could not be charged for a day, once a day', async () => {
    const world = await worldWith();
    await world.start().deps.charging.pause({ reason: 'a test' });
    await world.claim({ key: 'key-1' });
    await world.claim({ key: 'key-2' });
    world.advance(25 * HOUR);
    for (const key of ['key-1', 'key-2']) {
      expect(await world.start().run(key)).toMatchObject({ phase: 'declined', reason: 'expired' });
    }
    expect(told(world)).toEqual(['recharge_expired']);
  });

  it('that a client must act, when it is first known', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'pending_action' });
    expect(await recharge(world, 'key-1')).toMatchObject({ phase: 'charge_pending' });
    expect(told(world)).toEqual(['client_must_act']);
    world.advance(HOUR);
    expect(await world.start().run('key-1')).toMatchObject({ phase: 'charge_pending' });
    expect(told(world)).toEqual(['client_must_act']);
  });

  it('also where storage cannot say whether it was said today', async () => {
    const world = await worldWith({ account: { status: 'disabled' } });
    await world.claim({ key: 'key-1' });
    let refused = false;
    const process = world.start((port, work) => {
      if (port === 'ledger.write') refused = true;
      if (refused && port === 'ledger.readAccount') throw new Error('no answer');
      return work();
    });
    expect(await process.run('key-1')).toMatchObject({ phase: 'blocked' });
    expect(told(world)).toEqual(['recharge_blocked account_disabled']);
  });
});

describe('what is news', () => {
  it('stays news where the answer of the write that makes it old got lost', async () => {
    const { ledger } = store();
    const lossy: typeof ledger = {
      ...ledger,
      async writeAccount(read, next) {
        return { ...(await ledger.writeAccount(read, next)), kind: 'conflict' };
      },
    };
    const now = () => utc('2026-01-05 12:00:00');
    expect(await isNewsToday(EMAIL, 'recharge_expired', { ledger: lossy, now })).toBe(true);
    expect(await isNewsToday(EMAIL, 'recharge_expired', { ledger, now })).toBe(false);
  });

  it('is said once, however many ask at once', async () => {
    const { ledger } = store();
    const now = () => utc('2026-01-05 12:00:00');
    await ledger.writeAccount(await ledger.readAccount(EMAIL), {
      ...(await ledger.readAccount(EMAIL)),
      status: 'active',
    });
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((what) => isNewsToday(EMAIL, what, { ledger, now })),
    );
    expect(answers).toEqual([true, true, true, true]);
    expect((await ledger.readAccount(EMAIL)).told?.words.toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });
});
