import { describe, expect, it } from 'vitest';
import { productionPolicy } from '../../../shared/recharge/policy.ts';
import { createSqsWake } from '../../../shared/recharge/wake.ts';
import { aRecharge } from '../../support/builders.ts';
import { DAY, GRANTED, HOUR, NOTHING, SECOND, useQuickWorlds } from '../../support/course.ts';
import type { Around } from '../../support/ports.ts';
import { useQueue } from '../../support/queue.ts';
import { KEY, type World } from '../../support/world.ts';

const { worldWith } = useQuickWorlds();
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

describe('a recharge that has ended without a payment, of which somebody says that there is one', () => {
  /** Declined; from then on the endpoint answers each lookup with the next of these, and the last again and again. */
  async function declined(...answers: ('silence' | 'declined' | 'paid')[]) {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'decline' });
    expect(await world.start().run()).toMatchObject({ phase: 'declined' });
    let asked = 0;
    const around: Around = async (port, work) => {
      if (port !== 'payments.lookup') return work();
      const answer = answers[Math.min(asked, answers.length - 1)];
      asked += 1;
      if (answer === 'silence') throw new Error('no answer');
      const said =
        answer === 'paid' ? { paymentRef: 'pay_late' } : { reason: 'card_declined', retryable: false };
      return { kind: answer, ...said } as any;
    };
    const worker = world.start(around);
    /** The sweeper, and the worker with what it queued, until nothing is due for so long. */
    const goOn = async (ms: number) => {
      for (const end = world.now() + ms; world.now() < end; world.advance(SECOND)) {
        const { nextAttemptAt } = await world.row();
        if (nextAttemptAt === undefined || nextAttemptAt > end) return world.moveTo(end);
        world.moveTo(Math.max(nextAttemptAt, world.now()));
        await worker.sweeper();
        for (const key of world.queued.splice(0)) await worker.worker(key);
      }
    };
    return { world, worker, goOn, asked: () => asked };
  }

  it('is looked up again where the endpoint gave no answer, and the payment told, and no more', async () => {
    const { world, worker, goOn, asked } = await declined('silence', 'silence', 'paid');
    await worker.woken();
    expect(world.alerts()).toEqual([]);
    await goOn(HOUR);
    expect(world.alerts()).toEqual(['paid_after_end']);
    await goOn(3 * DAY);
    expect(world.alerts()).toEqual(['paid_after_end', 'paid_after_end']);
    expect(asked()).toBe(3);
    expect(await world.row()).not.toHaveProperty('nextAttemptAt');
  });

  it('is looked up again where a look a moment before was too early', async () => {
    const { world, worker, goOn, asked } = await declined('declined', 'paid');
    await worker.woken();
    await worker.woken();
    await worker.woken();
    expect(asked()).toBe(1);
    await goOn(HOUR);
    expect(asked()).toBe(2);
    expect(world.alerts()).toEqual(['paid_after_end']);
  });

  it('is left alone once the endpoint has said that there is none', async () => {
    const none = await declined('silence', 'declined');
    await none.worker.woken();
    await none.goOn(DAY);
    expect(none.asked()).toBe(2);
    expect(await none.world.row()).not.toHaveProperty('nextAttemptAt');
  });

  it('is left alone once the endpoint has given no answer for a day', async () => {
    const silent = await declined('silence');
    await silent.worker.woken();
    await silent.goOn(3 * DAY);
    expect(silent.asked()).toBeLessThan(50);
    expect(await silent.world.row()).not.toHaveProperty('nextAttemptAt');
    expect(silent.world.alerts()).toEqual([]);
  });

  it('costs one look and one write where the endpoint says so at once, as after each decline at Stripe', async () => {
    const { world, worker, asked } = await declined('declined');
    const { version } = await world.row();
    await worker.woken();
    expect(asked()).toBe(1);
    expect(await world.row()).toMatchObject({ version: version + 1 });
    expect(await world.row()).not.toHaveProperty('nextAttemptAt');
  });
});
