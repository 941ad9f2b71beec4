import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { type Account, unknownAccount } from '../../../../shared/recharge/account.ts';
import type { Ledger } from '../../../../shared/recharge/ledger.ts';
import { newRecharge, type Recharge } from '../../../../shared/recharge/recharge.ts';
import { runRecharge } from '../../../../shared/recharge/run-recharge.ts';
import { utc } from '../../../support/builders.ts';
import {
  answer,
  counted,
  GRANTED,
  HOUR,
  MINUTE,
  NOTHING,
  once,
  SECOND,
  spent,
  toRest,
  useWorlds,
} from '../../../support/course.ts';
import type { Around } from '../../../support/ports.ts';
import { EMAIL, KEY, type World } from '../../../support/world.ts';

const { store, worldWith } = useWorlds();

describe('a write into review whose answer is lost', () => {
  it('is said aloud all the same', async () => {
    const world = await worldWith({ callTimeoutMs: 500 });
    const died = await world.start().run();
    expect(died.phase).toBe('completed');
    const lost = await world.ledger.claim({
      ...died,
      key: 'key-2',
      phase: 'granting',
      grantDeadline: world.now(),
      grantToken: 'of another process',
      nextAttemptAt: world.now(),
      version: 1,
    });
    expect(lost.kind).toBe('written');
    world.advance(HOUR);
    const { deps } = world.start();
    const forgetful = {
      ...deps.ledger,
      write: async (read: Recharge, next: Recharge) => {
        await deps.ledger.write(read, next);
        return { kind: 'conflict' as const, row: await world.row('key-2') };
      },
    };
    await runRecharge('key-2', world.now() + 60_000, { ...deps, ledger: forgetful });
    expect(await world.row('key-2')).toMatchObject({
      phase: 'needs_review',
      review: 'grant_unknown',
      version: 2,
    });
    expect(world.alerts()).toEqual(['grant_unknown']);
  });
});

describe('what storage said of a moment ago', () => {
  /** A run of a process whose eventual answers are old ones. */
  const runBehind = async (
    world: World,
    key: string,
    old: { account?: Account; row?: Pick<Recharge, 'phase'> },
  ) => {
    const { deps } = world.start();
    const { ledger } = deps;
    const behind: Ledger = {
      ...ledger,
      readAccount: async (email, consistency) => {
        const account = await ledger.readAccount(email);
        return consistency === 'eventual' ? (old.account ?? account) : account;
      },
      read: async (of, consistency) => {
        const row = await ledger.read(of);
        return consistency === 'eventual' ? row && { ...row, ...old.row } : row;
      },
    };
    return runRecharge(key, world.now() + 60_000, { ...deps, ledger: behind });
  };

  it('of a client who was not there then reserves nothing, and refuses nothing', async () => {
    const world = await worldWith();
    const old = { account: unknownAccount(EMAIL) };
    expect(await runBehind(world, KEY, old)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
    expect(await spent(world)).toBe(5_000);
  });

  it('of a client whose reservation was given back since is asked again', async () => {
    const world = await worldWith();
    await world
      .start(once('payments.charge', { before: () => Promise.reject(new Error('no answer')) }))
      .run();
    const reserved = await world.account();
    const name = Object.keys(reserved.reservations)[0] ?? '';
    await world.ledger.writeAccount(reserved, {
      ...reserved,
      reservations: { [name]: { state: 'released', at: world.now(), reason: 'expired', retryable: false } },
    });
    world.advance(HOUR);
    expect(await runBehind(world, KEY, { account: reserved })).toMatchObject({
      phase: 'declined',
      reason: 'expired',
    });
  });

  it('of the recharge before, that it was under way, is asked again', async () => {
    const world = await worldWith({ guard: { limits: { cooldownSeconds: 0 } } });
    expect(await world.start().run()).toMatchObject({ phase: 'completed' });
    await world.ledger.claim(
      newRecharge({ key: 'key-2', email: EMAIL, credits: 500 }, world.now(), world.now()),
    );
    const old = { row: { phase: 'granting' as const } };
    expect(await runBehind(world, 'key-2', old)).toMatchObject({ phase: 'completed' });
  });
});

describe('with too little of the run left', () => {
  it.each([
    [24_999, 0, 'received'],
    [25_000, 1, 'completed'],
  ])('no charge is begun: with %d ms it is asked for %d times', async (leftMs, asked, phase) => {
    const world = await worldWith();
    const { around, times } = counted();
    expect(await world.start(around).run(KEY, leftMs)).toMatchObject({ phase });
    expect(times('payments.charge')).toBe(asked);
    expect(await toRest(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it.each([
    [35_001, 'charged', 0],
    [35_000, 'completed', 1],
  ])(
    'granting is not written: a recharge paid after %d ms is %s, and granted once in the end',
    async (takesMs, phase, grantNo) => {
      const world = await worldWith();
      const slow = once('payments.charge', { after: () => world.advance(takesMs) });
      expect(await world.start(slow).run()).toMatchObject({ phase, grantNo, paymentRef: expect.any(String) });
      expect(await toRest(world)).toMatchObject({ phase: 'completed', grantNo: 1 });
      expect(world.books()).toEqual(GRANTED);
    },
  );

  it.each([
    [45_001, 'charged'],
    [45_000, 'completed'],
  ])(
    'no grant is sent: a recharge prepared for %d ms is %s, and granted once in the end',
    async (takesMs, phase) => {
      const world = await worldWith();
      const { around, times } = counted();
      const slow = once('platform.prepareGrant', { after: () => world.advance(takesMs) });
      const both: Around = (port, work) => around(port, () => slow(port, work));
      expect(await world.start(both).run()).toMatchObject({ phase, grantNo: 1 });
      expect(times('platform.grant')).toBe(phase === 'completed' ? 1 : 0);
      expect(await toRest(world)).toMatchObject({ phase: 'completed' });
      expect(world.books()).toEqual(GRANTED);
    },
  );

  it('a paid recharge waits to be granted', async () => {
    const world = await worldWith();
    world.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    await world.start().run();
    world.advance(MINUTE);
    expect(await world.start().run(KEY, 24_999)).toMatchObject({ phase: 'charged', grantNo: 1 });
    expect(await world.start().run(KEY, 25_000)).toMatchObject({ phase: 'completed', grantNo: 2 });
  });

  it('a pending payment is not asked for', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'pending' });
    await world.start().run();
    const { around, times } = counted();
    expect(await world.start(around).run(KEY, 24_999)).toMatchObject({ phase: 'charge_pending' });
    expect(times('payments.lookup')).toBe(0);
  });
});

describe('its own look at the clock, with nothing else to stop it,', () => {
  const FOR_EVER = Number.POSITIVE_INFINITY;

  it.each([
    [110_000, 1, 'completed'],
    [110_001, 0, 'charged'],
  ])(
    'keeps a process from granting past the deadline: having slept %d ms it sends %d grants',
    async (sleptMs, sent, phase) => {
      const world = await worldWith();
      const { around, times } = counted();
      const slept = once('platform.prepareGrant', { after: () => world.advance(sleptMs) });
      const both: Around = (port, work) => around(port, () => slept(port, work));
      expect(await world.start(both).run(KEY, FOR_EVER)).toMatchObject({ phase });
      expect(times('platform.grant')).toBe(sent);
    },
  );

  it.each([
    ['22:59:39.999', 1],
    ['22:59:40.000', 0],
  ])(
    'keeps a process from using a key the provider may forget: having slept %s it sends %d charges',
    async (slept, sent) => {
      const world = await worldWith();
      const { around, times } = counted();
      const sleptMs = utc(`1970-01-01 ${slept}`);
      const asleep = once('payments.prepareCharge', { after: () => world.advance(sleptMs) });
      const both: Around = (port, work) => around(port, () => asleep(port, work));
      await world.start(both).run(KEY, FOR_EVER);
      expect(times('payments.charge')).toBe(sent);
      expect(world.books().captures).toBe(sent);
    },
  );
});

describe('where another process writes in between, an outcome is not dropped:', () => {
  /** A run that outlives its time; the other one begins when it must be over. */
  const FOR_EVER = Number.POSITIVE_INFINITY;

  it('paid, while the other only waited', async () => {
    const world = await worldWith();
    const waits = async () => {
      world.advance(MINUTE);
      world.payments.fault({ operation: 'lookup', fault: 'error' });
      expect(await world.start().run()).toMatchObject({ phase: 'received', version: 2 });
    };
    const process = world.start(once('payments.charge', { after: waits }));
    expect(await process.run(KEY, FOR_EVER)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('unknown, while the other was paid and granted, undoes nothing', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'error_after' });
    const settles = async () => {
      world.advance(MINUTE);
      expect(await world.start().run()).toMatchObject({ phase: 'completed' });
    };
    const process = world.start(once('payments.charge', { after: settles }));
    expect(await process.run(KEY, FOR_EVER)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('declined, while the other was declined too, is released once', async () => {
    const world = await worldWith({ account: { spent: { '2026-01_USD': 7_000 } } });
    world.payments.fault({ operation: 'charge', fault: 'decline' });
    const declines = async () => {
      world.advance(MINUTE);
      expect(await world.start().run()).toMatchObject({ phase: 'declined' });
    };
    const process = world.start(once('payments.charge', { after: declines }));
    expect(await process.run(KEY, FOR_EVER)).toMatchObject({ phase: 'declined' });
    expect(await spent(world)).toBe(7_000);
  });

  it.each([
    ['granted', undefined, 'completed', 1],
    ['not applied', 'rate_limited', 'charged', 0],
  ])('%s, while the grant was called lost', async (_, fault, phase, grants) => {
    const world = await worldWith();
    if (fault) world.platform.fault({ operation: 'grant', fault });
    const calledLost = async () => {
      world.advance(2 * MINUTE + 1);
      expect(await world.start().run()).toMatchObject({ review: 'grant_unknown' });
    };
    const row = await world.start(once('platform.grant', { after: calledLost })).run();
    expect(row).toMatchObject({ phase });
    expect(row).not.toHaveProperty('review');
    expect(world.books()).toEqual({ captures: 1, refunds: 0, grants });
    expect((await toRest(world)).phase).toBe('completed');
    expect(world.books()).toEqual(GRANTED);
  });

  it('granted, while the sweeper moved the row on', async () => {
    const world = await worldWith();
    const sweeps = async () => {
      world.advance(3 * MINUTE);
      await world.start().sweeper();
    };
    const process = world.start(once('platform.grant', { after: sweeps }));
    expect(await process.run()).toMatchObject({ phase: 'completed' });
    expect(await world.unfinished()).toEqual([]);
  });

  it('granted, after a person said that it was not, and the next grant was made: the loss is said', async () => {
    const world = await worldWith();
    const errs = async () => {
      world.advance(2 * MINUTE + 1);
      await world.start().run();
      await answer(world, 'confirm-not-granted');
      expect(await toRest(world)).toMatchObject({ phase: 'completed', grantNo: 2 });
    };
    const row = await world.start(once('platform.grant', { after: errs })).run();
    expect(row).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(row.history.at(-1)).toMatchObject({ event: 'late_grant_answer', detail: 'granted' });
    expect(world.alerts()).toEqual(['grant_unknown', 'granted_twice']);
  });

  it('granted, after a person had it refunded: the loss is said', async () => {
    const world = await worldWith();
    const errs = async () => {
      world.advance(2 * MINUTE + 1);
      await world.start().run();
      await answer(world, 'refund');
      expect(await toRest(world)).toMatchObject({ phase: 'refunded' });
    };
    const row = await world.start(once('platform.grant', { after: errs })).run();
    expect(row).toMatchObject({ phase: 'refunded' });
    expect(world.alerts()).toEqual(['grant_unknown', 'granted_after_refund']);
  });
});

describe('two processes on one row at once', () => {
  it.each([2, 5])('capture once and grant once: %d of them', async (processes) => {
    const world = await worldWith();
    await Promise.all(Array.from({ length: processes }, () => world.start().run()));
    expect(await toRest(world)).toMatchObject({ phase: 'completed', grantNo: 1 });
    expect(world.books()).toEqual(GRANTED);
    expect(await spent(world)).toBe(5_000);
    expect((await world.account()).counts).toEqual({ '2026-01-05': 1 });
  });

  it.each([
    ['later than', 50],
    ['in the same millisecond as', 0],
    ['by its clock earlier than', -200],
  ])('make one charge call, where the first begins %s the claim', async (_, ms) => {
    const world = await worldWith();
    world.advance(ms);
    const { around, times } = counted();
    const delivered = async () => expect(await world.start(around).run()).toMatchObject({ version: 1 });
    const process = world.start(once('payments.charge', { before: delivered }));
    expect(await process.run()).toMatchObject({ phase: 'completed' });
    expect(times('payments.lookup') + times('payments.charge')).toBe(0);
  });

  it('leave a grant that is under way to the one that began it', async () => {
    const world = await worldWith();
    const { around, times } = counted();
    const delivered = async () => {
      expect(await world.start(around).run()).toMatchObject({ phase: 'granting', version: 2 });
      world.advance(2 * MINUTE);
      expect(await world.start(around).run()).toMatchObject({ phase: 'granting', version: 2 });
    };
    const process = world.start(once('platform.grant', { before: delivered }));
    expect(await process.run()).toMatchObject({ phase: 'completed' });
    expect(times('platform.grant')).toBe(0);
    expect(world.alerts()).toEqual([]);
  });

  it('who both learn of the payment grant it once', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'pending' });
    await world.start().run();
    await world.settle('paid');
    const barrier = Promise.withResolvers<void>();
    let arrived = 0;
    const together: Around = async (port, work) => {
      const result = await work();
      if (port !== 'payments.lookup') return result;
      arrived += 1;
      if (arrived === 2) barrier.resolve();
      await barrier.promise;
      return result;
    };
    // One clock for both: it is moved on before they start.
    world.moveTo((await world.row()).nextAttemptAt ?? 0);
    await world.start().sweeper();
    await Promise.all([world.start(together).run(), world.start(together).run()]);
    expect(await world.row()).toMatchObject({ phase: 'completed', grantNo: 1 });
    expect(world.books()).toEqual(GRANTED);
  });
});

describe('storage that does not answer', () => {
  /** The n-th update of the row is made, and its answer lost on the way; the SDK asks again by itself. */
  function loseAnswerOfUpdate(n: number): () => number {
    let updates = 0;
    store().client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const sent = await next(args);
          if (commandName !== 'UpdateCommand' && commandName !== 'UpdateItemCommand') return sent;
          if (!JSON.stringify(Object(args.input).Key ?? {}).includes('RECHARGE#')) return sent;
          updates += 1;
          if (updates === n) throw Object.assign(new Error('no answer'), { name: 'TimeoutError' });
          return sent;
        },
      // The step after the one that repeats.
      { step: 'deserialize', name: 'lose-answer' },
    );
    return () => updates;
  }

  it.each([
    ['granting', 1],
    ['the result', 2],
  ])(
    'with the write of %s: the client repeats it, finds its own, and the grant is sent once',
    async (_, n) => {
      const world = await worldWith();
      const updates = loseAnswerOfUpdate(n);
      const { around, times } = counted();
      expect(await world.start(around).run()).toMatchObject({ phase: 'completed', grantNo: 1 });
      expect(updates()).toBe(3);
      expect(times('platform.grant')).toBe(1);
      expect(world.books()).toEqual(GRANTED);
      expect(world.alerts()).toEqual([]);
    },
  );

  /** Every write of the row from the n-th on fails, as often as said, with time passing. */
  function failingWrites(world: World, n: number, failures: number, eachMs: number): Around {
    let writes = 0;
    return async (port, work) => {
      if (port !== 'ledger.write') return work();
      writes += 1;
      if (writes < n || writes >= n + failures) return work();
      world.advance(eachMs);
      throw new Error('storage gives no answer');
    };
  }

  it('for a moment costs nothing: what was granted is written', async () => {
    const world = await worldWith();
    expect(await world.start(failingWrites(world, 2, 2, 6 * SECOND)).run()).toMatchObject({
      phase: 'completed',
    });
    expect(world.lines().filter(({ level }) => level === 'error')).toHaveLength(2);
    expect(world.alerts()).toEqual([]);
  });

  it('until the run’s time is out ends the run; the row comes back, and a person is asked', async () => {
    const world = await worldWith();
    const run = world.start(failingWrites(world, 2, 99, 28 * SECOND)).run();
    await expect(run).rejects.toThrow('storage gives no answer');
    expect(await world.row()).toMatchObject({ phase: 'granting' });
    world.moveTo(utc('2026-01-05 12:03:00'));
    expect(await world.start().run()).toMatchObject({ phase: 'needs_review', review: 'grant_unknown' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('when granting is to be written holds the grant back until the row could be read again', async () => {
    const world = await worldWith();
    const { around, times } = counted();
    const fails = failingWrites(world, 1, 1, 36 * SECOND);
    const both: Around = (port, work) => around(port, () => fails(port, work));
    expect(await world.start(both).run()).toMatchObject({ phase: 'charged', grantNo: 0 });
    expect(times('platform.grant')).toBe(0);
    expect(await toRest(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });
});

describe('a row of a later version', () => {
  it('is left alone with an alert, and its message is not a failure', async () => {
    const world = await worldWith();
    const { client, table } = store();
    const Key = { pk: `RECHARGE#${KEY}` };
    await client.send(
      new UpdateCommand({
        TableName: table,
        Key,
        UpdateExpression: 'SET v = :v',
        ExpressionAttributeValues: { ':v': 99 },
      }),
    );
    const item = async () => (await client.send(new GetCommand({ TableName: table, Key }))).Item;
    const before = await item();
    expect(await world.start().worker(KEY)).toEqual({ failed: false });
    expect(await item()).toEqual(before);
    expect(world.alerts()).toEqual(['newer_row']);
    expect(world.books()).toEqual(NOTHING);
  });
});
