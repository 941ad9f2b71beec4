import { describe, expect, it, onTestFinished } from 'vitest';
import { runRecharge } from '../../../shared/recharge/run-recharge.ts';
import { useQuickWorlds } from '../../support/course.ts';
import type { Around } from '../../support/ports.ts';
import { createWorld, EMAIL, type Process, type World } from '../../support/world.ts';

const MINUTE = 60_000;

const { store } = useQuickWorlds();

async function aWorld(options: Parameters<typeof createWorld>[1] = {}): Promise<World> {
  const world = await createWorld(store(), options);
  onTestFinished(world.close);
  return world;
}

/** A process, and how often it asked the payment endpoint for what. */
function counting(world: World): { process: Process; asked: string[] } {
  const asked: string[] = [];
  const around: Around = (port, work) => {
    if (port === 'payments.charge' || port === 'payments.lookup') asked.push(port);
    return work();
  };
  return { process: world.start(around), asked };
}

/** The worker takes everything that waits in the queue. @returns how many messages that was. */
async function workOff(world: World, process: Process): Promise<number> {
  const messages = world.queued.splice(0);
  for (const message of messages) expect(await process.worker(message)).toEqual({ failed: false });
  return messages.length;
}

it('ten more webhooks for a recharge that is to wait ten minutes make no more calls, and it is in the queue once', async () => {
  const world = await aWorld();
  world.payments.fault({ operation: 'charge', fault: 'rate_limited', ms: 10 * MINUTE });
  const { process, asked } = counting(world);
  // Before the worker has looked, each may be the one whose sender died before it was queued.
  for (let sent = 0; sent < 11; sent += 1) await process.webhook();
  expect(await workOff(world, process)).toBe(11);
  expect(asked).toEqual(['payments.charge']);
  const waiting = await world.row();
  expect(waiting.nextAttemptAt).toBe(world.now() + 10 * MINUTE);

  for (let sent = 0; sent < 10; sent += 1) expect(await process.webhook()).toBe(200);
  expect(world.queued).toEqual([]);
  await process.sweeper();
  expect(world.queued).toEqual([]);
  expect(await world.row()).toEqual(waiting);

  world.advance(10 * MINUTE);
  await process.sweeper();
  expect(await process.webhook()).toBe(200);
  expect(await workOff(world, process)).toBe(1);
  expect(asked).toEqual(['payments.charge', 'payments.lookup', 'payments.charge']);
  expect(await world.row()).toMatchObject({ phase: 'completed' });
});

it('a webhook that died before it queued its recharge is made up for by its repetition, or by the sweeper', async () => {
  const world = await aWorld();
  await world.claim();
  const process = world.start();
  expect(await process.webhook()).toBe(200);
  expect(world.queued).toEqual(['key-1']);
  world.queued.length = 0;

  world.advance(3 * MINUTE);
  await process.sweeper();
  expect(world.queued).toEqual(['key-1']);
  // Whom the sweeper has queued once it queues again.
  expect(await process.webhook()).toBe(200);
  expect(world.queued).toEqual(['key-1']);
  await workOff(world, process);
  expect(await world.row()).toMatchObject({ phase: 'completed' });
});

it('30 recharges that nobody works off for a day are queued ever less often, and all go through once when they are', async () => {
  const clients = Array.from({ length: 30 }, (_, index) => `client-${index}@example.com`);
  const world = await aWorld({ clients: [EMAIL, ...clients] });
  const { process, asked } = counting(world);
  for (const email of clients) await world.claim({ key: `key of ${email}`, email });
  const sweep = async (minutes: number) => {
    for (let minute = 0; minute < minutes; minute += 1) {
      world.advance(MINUTE);
      await process.sweeper();
    }
  };
  await sweep(60);
  // At 3, 6, 12, 24 and 48 minutes.
  expect(world.queued).toHaveLength(5 * 30);

  expect(await workOff(world, process)).toBe(150);
  expect(asked).toEqual(Array(30).fill('payments.charge'));
  const rows = await Promise.all(clients.map((email) => world.row(`key of ${email}`)));
  expect(new Set(rows.map(({ phase }) => phase))).toEqual(new Set(['completed']));
});

it('a row that waits by its own decision is queued at each of its times, however many those were', async () => {
  const world = await aWorld();
  await world.claim();
  world.payments.fault({ operation: 'charge', fault: 'rate_limited', ms: MINUTE, times: 'always' });
  const { process } = counting(world);
  for (let times = 0; times < 12; times += 1) {
    world.moveTo((await world.row()).nextAttemptAt ?? 0);
    await process.sweeper();
    expect(await workOff(world, process)).toBe(1);
  }
});

describe('a row that waits as it should', () => {
  /** A hundred times due, woken and held again. */
  async function heldAgainAndAgain(world: World, process: Process): Promise<void> {
    for (let times = 0; times < 100; times += 1) {
      world.moveTo((await world.row()).nextAttemptAt ?? 0);
      await process.sweeper();
      await workOff(world, process);
    }
  }
  const decided = (world: World) => world.lines().filter(({ message }) => message === 'decided').length;

  it('while charging is paused rings no alert, and is told of in the log ever less often', async () => {
    const world = await aWorld();
    await world.claim();
    const { process } = counting(world);
    await process.deps.charging.pause({ reason: 'by hand' });
    await heldAgainAndAgain(world, process);
    expect((await world.row()).history.at(-1)).toMatchObject({ event: 'waiting', times: 100 });
    expect(world.alerts()).toEqual([]);
    // Of 200 decisions those of the 1st, 2nd, 4th… 64th wait, and of the wakes after them.
    expect(decided(world)).toBe(15);
  });

  it('for our own pace rings no alert, neither its own nor that charging is paused', async () => {
    const world = await aWorld();
    await world.claim();
    const { deps } = world.start();
    const paced = {
      kind: 'not_applied',
      detail: 'not sent: our own limit',
      unsent: true,
      retryAfterMs: 60_000,
    } as const;
    const platform = { ...deps.platform, prepareGrant: async () => ({ send: async () => paced }) };
    for (let times = 0; times < 60; times += 1) {
      world.moveTo((await world.row()).nextAttemptAt ?? 0);
      await world.start().sweeper();
      world.queued.length = 0;
      await runRecharge('key-1', world.now() + world.policy.runMs, { ...deps, platform });
    }
    expect(await world.row()).toMatchObject({ phase: 'charged', grantNo: 60 });
    expect(world.alerts()).toEqual([]);
  });

  it('for an endpoint that is down is an alert at the 20th sweep: nobody else says so', async () => {
    const world = await aWorld();
    await world.claim();
    world.payments.fault({ operation: 'charge', fault: 'rate_limited', ms: MINUTE, times: 'always' });
    const { process } = counting(world);
    await heldAgainAndAgain(world, process);
    expect(new Set(world.alerts())).toEqual(new Set(['no_progress']));
  });
});
