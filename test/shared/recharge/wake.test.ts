import { describe, expect, it } from 'vitest';
import { productionPolicy } from '../../../shared/recharge/policy.ts';
import { createSqsWake } from '../../../shared/recharge/wake.ts';
import { aRecharge } from '../../support/builders.ts';
import { DAY, GRANTED, HOUR, NOTHING, SECOND, useWorlds } from '../../support/course.ts';
import type { Around } from '../../support/ports.ts';
import { useQueue } from '../../support/queue.ts';
import { KEY, type World } from '../../support/world.ts';

const { worldWith } = useWorlds();
const queue = useQueue();

const { wokenMs } = productionPolicy.pending;

async function pending(): Promise<World> {
  const world = await worldWith();
  world.payments.fault({ operation: 'charge', fault: 'pending' });
  expect(await world.start().run()).toMatchObject({ phase: 'charge_pending' });
  return world;
}

/** A worker, and how often it looked the payment up. */
function counting(world: World) {
  const looks: number[] = [];
  const around: Around = (port, work) => {
    if (port === 'payments.lookup') looks.push(world.now());
    return work();
  };
  return { worker: world.start(around), looks };
}

it('a wake is a message of which an earlier worker reads the key alone', async () => {
  await createSqsWake(queue().sender, queue().url)('key-ü');
  expect((await queue().taken()).map((body) => JSON.parse(body))).toEqual([{ key: 'key-ü', woken: true }]);
});

describe('a payment of which somebody says that it has changed', () => {
  it('is looked up now instead of in an hour', async () => {
    const world = await pending();
    await world.settle('paid');
    await world.start().worker(KEY);
    expect(await world.row()).toMatchObject({ phase: 'charge_pending' });
    expect(await world.start().woken()).toEqual({ failed: false });
    const row = await world.row();
    expect(row).toMatchObject({ phase: 'completed' });
    expect(row).not.toHaveProperty('wokenAt');
    expect(world.books()).toEqual(GRANTED);
  });

  it('that has not changed is not paid on anybody’s word, and is looked at again soon, then ever more rarely', async () => {
    const world = await pending();
    const { worker, looks } = counting(world);
    const wokenAt = world.now();
    await worker.woken();
    expect(await world.row()).toMatchObject({ phase: 'charge_pending', notBefore: wokenAt + wokenMs });
    while (world.now() < wokenAt + 4 * HOUR) {
      world.moveTo((await world.row()).notBefore ?? 0);
      await worker.worker(KEY);
    }
    const distances = looks.map((at, index) => (at - (looks[index - 1] ?? at)) / SECOND);
    expect(distances.slice(0, 6)).toEqual([0, 5, 5, 10, 20, 40]);
    expect(distances.at(-1)).toBe(HOUR / SECOND);
    expect(looks.length).toBeLessThan(16);
    expect(world.books()).toEqual(NOTHING);
  });

  it('a hundred times within a second is looked up once, and what the last of them knew is found soon', async () => {
    const world = await pending();
    const { worker, looks } = counting(world);
    await worker.woken();
    await world.settle('paid');
    for (let heard = 1; heard < 100; heard += 1) await worker.woken();
    expect(looks).toHaveLength(1);
    world.advance(wokenMs);
    await worker.sweeper();
    expect(world.queued).toEqual([KEY]);
    await worker.worker(KEY);
    expect(await world.row()).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('while a look is under way whose answer is older is looked up again', async () => {
    const world = await pending();
    world.moveTo((await world.row()).nextAttemptAt ?? 0);
    const hourly = world.start(async (port, work) => {
      const answer = await work();
      if (port === 'payments.lookup') {
        await world.settle('paid');
        await world.start().woken();
      }
      return answer;
    });
    await hourly.run();
    expect(await world.row()).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('is looked up for a person, who then need not say what became of it', async () => {
    const world = await pending();
    world.advance(productionPolicy.pending.giveUpMs + DAY);
    await world.start().run();
    expect(await world.row()).toMatchObject({ phase: 'needs_review', review: 'charge_unknown' });
    await world.settle('paid');
    await world.start().woken();
    await world.start().run();
    expect(world.books().captures).toBe(1);
    expect(await world.row()).toMatchObject({ phase: 'completed' });
  });

  it.each(['received', 'granting', 'charged', 'refunding', 'completed', 'refunded'] as const)(
    'of a recharge that is %s changes nothing, and nobody is asked',
    async (phase) => {
      const world = await worldWith();
      await world.ledger.claim(aRecharge({ key: 'key-2', phase }));
      const { worker, looks } = counting(world);
      const before = await world.row('key-2');
      expect(await worker.woken('key-2')).toEqual({ failed: false });
      expect(await world.row('key-2')).toEqual(before);
      expect(looks).toEqual([]);
    },
  );

  it('of a recharge of another relay is ignored: two may share one payment provider', async () => {
    const world = await worldWith();
    expect(await world.start().woken('unknown')).toEqual({ failed: false });
    expect(world.lines().map(({ message }) => message)).toContain('a payment of another relay has changed');
  });

  it('comes again where storage did not answer', async () => {
    const world = await pending();
    const silent: Around = (port, work) =>
      port === 'ledger.read' ? Promise.reject(new Error('no answer')) : work();
    expect(await world.start(silent).woken()).toEqual({ failed: true });
  });
});
