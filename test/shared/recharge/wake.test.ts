import { describe, expect, it } from 'vitest';
import { createWake } from '../../../shared/recharge/wake.ts';
import { aRecharge } from '../../support/builders.ts';
import { GRANTED, HOUR, PAID, useWorlds } from '../../support/course.ts';
import { KEY, type World } from '../../support/world.ts';

const { worldWith, store } = useWorlds();

function wakeIn(world: World) {
  const { client, table } = store();
  const { queue } = world.start();
  return createWake(client, table, { queue, now: world.now });
}

async function pending(): Promise<World> {
  const world = await worldWith();
  world.payments.fault({ operation: 'charge', fault: 'pending' });
  expect(await world.start().run()).toMatchObject({ phase: 'charge_pending' });
  return world;
}

describe('a payment of which somebody says that it has changed', () => {
  it('is looked up now instead of in an hour', async () => {
    const world = await pending();
    await world.settle('paid');
    expect(await world.start().run()).toMatchObject({ phase: 'charge_pending' });
    expect(await wakeIn(world)(KEY)).toBe(true);
    expect(world.queued).toEqual([KEY]);
    expect(await world.start().run()).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('that has not changed after all waits on, and is not paid on anybody’s word', async () => {
    const world = await pending();
    const wake = wakeIn(world);
    expect(await wake(KEY)).toBe(true);
    expect(await wake(KEY)).toBe(false);
    expect(world.queued).toEqual([KEY]);
    const row = await world.start().run();
    expect(row).toMatchObject({ phase: 'charge_pending', nextAttemptAt: world.now() + HOUR });
    expect(world.books()).toEqual({ captures: 0, refunds: 0, grants: 0 });
  });

  it('is brought back by the sweeper where the process ends before it is queued', async () => {
    const world = await pending();
    await world.settle('paid');
    const { client, table } = store();
    const send = () => Promise.reject(new Error('the queue is away'));
    const wake = createWake(client, table, { queue: { send }, now: world.now });
    await expect(wake(KEY)).rejects.toThrow('the queue is away');
    await world.start().sweeper();
    expect(world.queued).toEqual([KEY]);
    expect(await world.start().run()).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it.each(['received', 'granting', 'charged', 'needs_review', 'refunding', 'completed'] as const)(
    'of a recharge that is %s changes nothing',
    async (phase) => {
      const world = await worldWith();
      await world.ledger.claim(aRecharge({ key: 'key-2', phase, notBefore: world.now() + HOUR }));
      expect(await wakeIn(world)('key-2')).toBe(false);
      expect(await wakeIn(world)('key-3')).toBe(false);
      expect(world.queued).toEqual([]);
      expect(await world.row('key-2')).toMatchObject({ version: 3, notBefore: world.now() + HOUR });
    },
  );

  it('is paid once where a run is under way meanwhile', async () => {
    const world = await pending();
    await world.settle('paid');
    world.moveTo((await world.row()).nextAttemptAt ?? 0);
    const run = world.start(async (port, work) => {
      if (port === 'payments.lookup') await wakeIn(world)(KEY);
      return work();
    });
    expect(await run.run()).toMatchObject({ phase: 'completed' });
    await world.start().run();
    expect(world.books()).toEqual({ ...PAID, grants: 1 });
  });
});
