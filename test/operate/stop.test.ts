import { describe, expect, it } from 'vitest';
import { createTable } from '../../local/engines.ts';
import { stopRecharge } from '../../operate/recharges.ts';
import { isFinished, type Recharge } from '../../shared/recharge/recharge.ts';
import { aRecharge } from '../support/builders.ts';
import { DAY, GRANTED, NOTHING, nextRun, spent, useWorlds } from '../support/course.ts';
import type { Around } from '../support/ports.ts';
import { createWorld, KEY, type World } from '../support/world.ts';

const { worldWith, store } = useWorlds();

const stop = (world: World, ledger = world.ledger) =>
  stopRecharge(
    { ledger, policy: world.policy, now: world.now, storageNow: world.now },
    KEY,
    'the client cancelled',
  );

describe('a recharge that has not been charged', () => {
  it('is stopped while it waits, and ends uncharged', async () => {
    const world = await worldWith();
    await world.start().deps.charging.pause({ reason: 'a test' });
    await world.start().run();
    expect(await stop(world)).toMatchObject({ phase: 'received', stopped: true, nextAttemptAt: world.now() });
    expect(await nextRun(world)).toMatchObject({ phase: 'blocked', reason: 'stopped' });
    expect(world.books()).toEqual(NOTHING);
    expect(await spent(world)).toBeUndefined();
    expect(world.alerts()).toEqual([]);
  });

  it('is stopped before its planned next attempt', async () => {
    const world = await worldWith({ recharge: { declineRetries: 1 } });
    world.payments.fault({ operation: 'charge', fault: 'decline_retryable' });
    await world.start().run();
    await stop(world);
    expect(await nextRun(world)).toMatchObject({ phase: 'blocked', reason: 'stopped', attempt: 2 });
    expect(world.books()).toEqual(NOTHING);
  });

  it('is cancelled at the provider where its client has a page to confirm', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'pending_action' });
    await world.start().run();
    expect(await stop(world)).toMatchObject({ phase: 'charge_pending', actBy: world.now() });
    expect(await nextRun(world)).toMatchObject({
      phase: 'declined',
      reason: world.payments.says.notConfirmed,
    });
    expect(world.books()).toEqual(NOTHING);
  });

  it('is granted where the client had confirmed it all the same', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'pending_action' });
    await world.start().run();
    await world.settle('paid');
    await stop(world);
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });
});

describe('a command that stops a recharge', () => {
  it('is decided on the row as it is, however often that changes meanwhile', async () => {
    const world = await worldWith();
    let raced = 0;
    const racing: typeof world.ledger = {
      ...world.ledger,
      async write(read, next) {
        raced += 1;
        if (raced < 3) await world.ledger.write(read, { ...read, balanceBefore: raced });
        return world.ledger.write(read, next);
      },
    };
    expect(await stop(world, racing)).toMatchObject({ stopped: true, balanceBefore: 2, version: 4 });
  });

  it('stops once where the answer of its write got lost', async () => {
    const world = await worldWith();
    const lossy: typeof world.ledger = {
      ...world.ledger,
      write: async (read, next) => ({ ...(await world.ledger.write(read, next)), kind: 'conflict' }),
    };
    expect(await stop(world, lossy)).toMatchObject({ stopped: true, version: 2 });
    await expect(stop(world)).rejects.toThrow(/^Recharge key-1 was stopped already; it ends by itself\.$/);
  });

  it.each<[Partial<Recharge>, RegExp]>([
    [{ phase: 'charge_pending' }, /the provider is taking the money, and has no way back/],
    [{ phase: 'granting' }, /it is paid, and is being granted/],
    [{ phase: 'charged' }, /it is paid\. To give the money back: recharges resolve/],
    [{ phase: 'needs_review' }, /it waits for an answer/],
    [{ phase: 'refunding' }, /its money is being given back/],
    [{ phase: 'completed' }, /it has ended/],
    [{ phase: 'blocked' }, /it has ended/],
  ])('comes too late for $phase, and says why', async (given, sentence) => {
    const world = await worldWith();
    await world.ledger.claim(aRecharge({ key: 'key-2', ...given }));
    const connection = { ...world, storageNow: world.now };
    await expect(stopRecharge(connection, 'key-2', 'a slip')).rejects.toThrow(sentence);
    expect(await world.row('key-2')).toMatchObject({ version: 3 });
  });
});

/** A person stops it just before the n-th call of a run, which then goes on, or dies there. */
function stoppedAt(world: World, n: number, dies: boolean) {
  const calls: string[] = [];
  const died = Promise.withResolvers<'died'>();
  const around: Around = async (port, work) => {
    calls.push(port);
    if (calls.length !== n) return work();
    await stop(world).catch(() => undefined);
    if (!dies) return work();
    died.resolve('died');
    return new Promise(() => {});
  };
  return { calls, run: () => Promise.race([world.start(around).run(), died.promise]) };
}

/** More than any run makes. */
const MOST_CALLS = 20;

async function toRest(world: World): Promise<Recharge> {
  for (let runs = 0; runs < 12; runs += 1) {
    const row = await world.row();
    if (isFinished(row) || row.phase === 'needs_review') return row;
    await nextRun(world);
    // A lookup that finds nothing is asked for a day.
    if (runs === 2) world.advance(DAY);
  }
  throw new Error(`it does not come to rest: ${JSON.stringify(await world.row())}`);
}

describe('a payment that was under way', () => {
  it.each([false, true])(
    'is never lost, at whichever call of the run the recharge is stopped (and the run dies: %s)',
    async (dies) => {
      const ends: string[] = [];
      for (let n = 1; n <= MOST_CALLS; n += 1) {
        const { client, table } = store();
        await createTable(client, `${table}-${n}`);
        const world = await createWorld({ client, table: `${table}-${n}` });
        await world.claim();
        const { calls, run } = stoppedAt(world, n, dies);
        await run();
        if (calls.length < n) break;
        const row = await toRest(world);
        const { captures, grants } = world.books();
        ends.push(`${row.phase} ${row.review ?? row.reason ?? ''}: ${captures} paid, ${grants} granted`);
        await world.close();
      }
      const settled = ['completed : 1 paid, 1 granted', 'blocked stopped: 0 paid, 0 granted'];
      const asked = [
        'needs_review charge_unknown: 0 paid, 0 granted',
        'needs_review grant_unknown: 1 paid, 0 granted',
        'needs_review grant_unknown: 1 paid, 1 granted',
      ];
      expect(ends.filter((end) => ![...settled, ...(dies ? asked : [])].includes(end))).toEqual([]);
      expect(new Set(ends)).toContain('completed : 1 paid, 1 granted');
      expect(ends[0]).toBe('blocked stopped: 0 paid, 0 granted');
    },
  );
});
