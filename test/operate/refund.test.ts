import { describe, expect, it } from 'vitest';
import { createTable } from '../../local/engines.ts';
import { refundRecharge, resolveRecharge } from '../../operate/recharges.ts';
import { isFinished, type Recharge, reservationNameOf } from '../../shared/recharge/recharge.ts';
import { aRecharge } from '../support/builders.ts';
import { DAY, GRANTED, HOUR, nextRun, spent, useWorlds } from '../support/course.ts';
import type { Around } from '../support/ports.ts';
import { createWorld, KEY, type World } from '../support/world.ts';

const { store, worldWith } = useWorlds();

const GIVEN_BACK = { captures: 1, refunds: 1, grants: 1 };

const connectionTo = (world: World) => ({ ...world, storageNow: world.now });
const giveBack = (world: World, key = KEY) => refundRecharge(connectionTo(world), key, 'a dispute');

/** Recharges of the same client, days apart. */
async function others(world: World, keys: string[]): Promise<void> {
  for (const key of keys) {
    world.advance(3 * DAY);
    await world.claim({ key });
    expect(await world.start().run(key)).toMatchObject({ phase: 'completed' });
  }
}

async function granted(options?: Parameters<typeof worldWith>[0]): Promise<World> {
  const world = await worldWith(options);
  expect(await world.start().run()).toMatchObject({ phase: 'completed' });
  return world;
}

describe('a completed recharge that a person gives back', () => {
  it('is refunded once, stays completed, and keeps its credits', async () => {
    const world = await granted();
    expect(await giveBack(world)).toMatchObject({ phase: 'completed', goodwillRefund: 'under_way' });
    const row = await nextRun(world);
    expect(row).toMatchObject({ phase: 'completed', goodwillRefund: 'refunded', refundedAt: world.now() });
    expect(row.refundRef).toMatch(/^re/);
    expect(row).not.toHaveProperty('nextAttemptAt');
    expect(world.books()).toEqual(GIVEN_BACK);
    expect(world.alerts()).toEqual([]);
    expect(await world.unfinished()).toEqual([]);
  });

  it('has the provider’s reference also where the answer was lost, and a lookup found it', async () => {
    const world = await granted();
    world.payments.fault({ operation: 'refund', fault: 'error_after' });
    await giveBack(world);
    expect(await nextRun(world)).toMatchObject({ goodwillRefund: 'under_way' });
    expect(await nextRun(world)).toMatchObject({ goodwillRefund: 'refunded', refundRef: expect.any(String) });
    expect(world.books()).toEqual(GIVEN_BACK);
  });

  it('gives the month its amount back', async () => {
    const world = await granted();
    expect(await spent(world)).toBe(5_000);
    await giveBack(world);
    await nextRun(world);
    expect(await spent(world)).toBe(0);
  });

  it('does so days and other recharges later, too, and only once', async () => {
    const world = await granted();
    await others(world, ['key-2', 'key-3']);
    const { reservations } = await world.account();
    expect(reservations).not.toHaveProperty(reservationNameOf(await world.row()));
    expect(await spent(world)).toBe(15_000);
    await giveBack(world);
    const dies: Around = (port, work) => (port === 'ledger.write' ? new Promise(() => {}) : work());
    world.moveTo((await world.row()).nextAttemptAt ?? 0);
    await world.start().sweeper();
    void world.start(dies).run();
    await expect.poll(() => spent(world)).toBe(10_000);
    await nextRun(world);
    expect(await spent(world)).toBe(10_000);
    expect(world.books()).toMatchObject({ captures: 1, refunds: 1 });
  });

  it('leaves a month alone that is over', async () => {
    const world = await granted();
    world.advance(30 * DAY);
    await others(world, ['key-2', 'key-3']);
    await giveBack(world);
    await nextRun(world);
    expect((await world.account()).spent).toEqual({ '2026-01_USD': 5_000, '2026-02_USD': 10_000 });
    expect(world.books()).toMatchObject({ refunds: 1 });
  });

  it('does not keep the client from the next recharge', async () => {
    const world = await granted();
    await giveBack(world);
    world.advance(HOUR);
    await world.claim({ key: 'key-2' });
    expect(await world.start().run('key-2')).toMatchObject({ phase: 'completed' });
  });

  it('is refunded once, wherever the process that does it dies', async () => {
    for (let n = 1; ; n += 1) {
      const { client, table } = store();
      await createTable(client, `${table}-${n}`);
      const world = await createWorld({ client, table: `${table}-${n}` });
      await world.claim();
      await world.start().run();
      await giveBack(world);
      const calls: string[] = [];
      const died = Promise.withResolvers<void>();
      const around: Around = async (port, work) => {
        calls.push(port);
        if (calls.length !== n) return work();
        died.resolve();
        return new Promise(() => {});
      };
      world.moveTo((await world.row()).nextAttemptAt ?? 0);
      await world.start().sweeper();
      await Promise.race([world.start(around).run(), died.promise]);
      for (let runs = 0; runs < 4 && (await world.unfinished()).length > 0; runs += 1) await nextRun(world);
      expect(await world.row()).toMatchObject({ phase: 'completed', goodwillRefund: 'refunded' });
      expect(world.books()).toEqual(GIVEN_BACK);
      expect(await spent(world)).toBe(0);
      expect(world.alerts()).toEqual([]);
      await world.close();
      if (calls.length < n) {
        expect(n).toBeGreaterThan(5);
        return;
      }
    }
  });

  it('is left alone by an earlier version of the relay, which would take it for ended, until the money is back', async () => {
    const world = await granted();
    expect(await giveBack(world)).toMatchObject({ v: 3 });
    expect(await nextRun(world)).toMatchObject({ v: 2, goodwillRefund: 'refunded' });
  });

  it('is not called answered where the worker wrote the row in the same moment', async () => {
    const world = await granted();
    await giveBack(world);
    const refused = await world.ledger.write(await world.row(), {
      ...(await world.row()),
      review: 'refund_failed',
    });
    const { version } = refused.row;
    const lost: typeof world.ledger = {
      ...world.ledger,
      async write(read, next) {
        await world.ledger.write(read, { ...read, swept: 1 });
        return world.ledger.write(read, next);
      },
    };
    const answer = { answer: 'refund', note: 'the card is good again', version } as const;
    await expect(
      resolveRecharge({ ...connectionTo(world), ledger: lost }, KEY, answer),
    ).rejects.toMatchObject({
      kind: 'changed',
    });
    expect(await world.row()).toMatchObject({ review: 'refund_failed' });
  });

  it('asks a person where the provider refuses, takes their answer, and stays completed', async () => {
    const world = await granted();
    world.payments.fault({ operation: 'refund', fault: 'refuse' });
    await giveBack(world);
    const asked = await nextRun(world);
    expect(asked).toMatchObject({ phase: 'completed', review: 'refund_failed' });
    expect(world.alerts()).toEqual(['refund_failed']);
    const { version } = asked;
    const by = { answer: 'confirm-refunded', note: 'by bank transfer', version } as const;
    const answered = await resolveRecharge(connectionTo(world), KEY, by);
    expect(answered).toMatchObject({
      phase: 'completed',
      goodwillRefund: 'refunded',
      refundedAt: world.now(),
    });
    expect(answered).not.toHaveProperty('review');
    expect(await world.unfinished()).toEqual([]);
    expect(world.books()).toEqual(GRANTED);
  });

  it('is asked for again where the person says so, under the one key, which this provider refuses for good', async () => {
    const world = await granted();
    world.payments.fault({ operation: 'refund', fault: 'refuse' });
    await giveBack(world);
    const { version } = await nextRun(world);
    const again = { answer: 'refund', note: 'the account has money now', version } as const;
    expect(await resolveRecharge(connectionTo(world), KEY, again)).toMatchObject({ phase: 'completed' });
    expect(await nextRun(world)).toMatchObject({ phase: 'completed', review: 'refund_failed' });
    expect(world.alerts()).toEqual(['refund_failed', 'refund_failed']);
    expect(world.books()).toEqual(GRANTED);
  });

  it('is given back once: a second word is refused', async () => {
    const world = await granted();
    await giveBack(world);
    await expect(giveBack(world)).rejects.toThrow('is being given back already');
    await nextRun(world);
    await expect(giveBack(world)).rejects.toThrow('was given back already');
  });
});

describe('what is not completed', () => {
  it.each<[Partial<Recharge>, RegExp]>([
    [{ phase: 'received' }, /it is not paid. To stop it: recharges stop/],
    [{ phase: 'charge_pending' }, /it is not paid yet/],
    [{ phase: 'granting' }, /being granted right now/],
    [{ phase: 'charged' }, /recharges resolve KEY refund/],
    [{ phase: 'needs_review', review: 'grant_unknown' }, /waits for an answer/],
    [{ phase: 'refunding' }, /being given back already/],
    [{ phase: 'declined' }, /ended unpaid/],
    [{ phase: 'blocked' }, /ended unpaid/],
    [{ phase: 'refunded' }, /was given back already/],
    [{ phase: 'completed', prepaid: true }, /Nothing was charged/],
  ])('is not given back like that: %j', async (given, sentence) => {
    const world = await worldWith();
    await world.ledger.claim(aRecharge({ key: 'key-2', ...given }));
    await expect(giveBack(world, 'key-2')).rejects.toThrow(sentence);
    expect(await world.row('key-2')).toMatchObject({ version: 3 });
    expect(isFinished(await world.row('key-2'))).toBe(isFinished(aRecharge(given)));
  });

  it('nor without a note', async () => {
    const world = await granted();
    await expect(refundRecharge(connectionTo(world), KEY, ' ')).rejects.toThrow('Say in --note why');
  });
});
