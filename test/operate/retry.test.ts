import { describe, expect, it } from 'vitest';
import { retryRecharge } from '../../operate/recharges.ts';
import type { Recharge } from '../../shared/recharge/recharge.ts';
import { aRecharge } from '../support/builders.ts';
import { counted, GRANTED, HOUR, useQuickWorlds } from '../support/course.ts';
import { KEY, type World } from '../support/world.ts';

const { worldWith } = useQuickWorlds();

const retry = (world: World, key = KEY, note?: string) =>
  retryRecharge({ ...world, storageNow: world.now }, key, note);

/** The sweeper's next run, a minute later at most, and the worker's. */
async function soon(world: World): Promise<Recharge> {
  await world.start().sweeper();
  return world.start().run();
}

describe('a recharge that waits', () => {
  it('is charged at once, where the payment endpoint asked for time and is mended', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'unauthorized' });
    expect(await world.start().run()).toMatchObject({ phase: 'received', notBefore: expect.any(Number) });
    expect(await retry(world, KEY, 'the secret was wrong')).toMatchObject({
      phase: 'received',
      nextAttemptAt: world.now(),
    });
    expect(await soon(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('is granted at once, and its few tries are not counted anew', async () => {
    const world = await worldWith();
    world.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    const waits = await world.start().run();
    expect(waits).toMatchObject({ phase: 'charged', notApplied: 1 });
    world.advance(HOUR / 60);
    expect(await retry(world)).toMatchObject({ notApplied: 1, phaseDeadline: waits.phaseDeadline });
    expect(await soon(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('asks about an unknown charge again', async () => {
    const world = await worldWith();
    await world.ledger.claim(
      aRecharge({
        key: 'key-2',
        phase: 'needs_review',
        review: 'charge_unknown',
        nextAttemptAt: world.now() + HOUR,
      }),
    );
    expect(await retry(world, 'key-2')).toMatchObject({ nextAttemptAt: world.now() });
  });

  it.each<[Partial<Recharge>, RegExp]>([
    [{ phase: 'granting' }, /being granted right now/],
    [{ phase: 'needs_review', review: 'grant_unknown' }, /waits for an answer/],
    [{ phase: 'needs_review', review: 'grant_refused' }, /waits for an answer/],
    [{ phase: 'completed' }, /it is completed/],
    [{ phase: 'refunded' }, /it is refunded/],
    [{ phase: 'declined' }, /key is burnt. To charge again: recharges start --for/],
    [{ phase: 'blocked' }, /key is burnt/],
  ])('is not tried again in %j, and says why', async (given, sentence) => {
    const world = await worldWith();
    await world.ledger.claim(aRecharge({ key: 'key-2', ...given }));
    await expect(retry(world, 'key-2')).rejects.toThrow(sentence);
    expect(await world.row('key-2')).toMatchObject({ version: 3 });
  });

  it('is not charged before the planned time after a decline', async () => {
    const world = await worldWith({ recharge: { declineRetries: 1 } });
    world.payments.fault({ operation: 'charge', fault: 'decline_retryable' });
    await world.start().run();
    await expect(retry(world)).rejects.toThrow('tried once more at 2026-01-06T12:00:00.000Z, not before');
  });

  it('is left to the run that is charging it: another one asks nobody about it meanwhile', async () => {
    const world = await worldWith();
    const other = counted();
    const run = world.start(async (port, work) => {
      if (port === 'payments.charge') {
        await retry(world);
        await world.start(other.around).run();
      }
      return work();
    });
    await run.run();
    expect(other.times('payments.lookup') + other.times('payments.charge')).toBe(0);
    expect(await world.row()).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });
});
