import { describe, expect, it } from 'vitest';
import { createTable } from '../../local/engines.ts';
import { stopRecharge } from '../../operate/recharges.ts';
import { type Start, startRecharge } from '../../operate/start.ts';
import { applyAnswer } from '../../shared/recharge/answers.ts';
import { rechargeText } from '../../shared/recharge/present.ts';
import { newRecharge, type Recharge } from '../../shared/recharge/recharge.ts';
import { DAY, events, HOUR, spent, useWorlds } from '../support/course.ts';
import type { Around } from '../support/ports.ts';
import { createWorld, EMAIL, type World } from '../support/world.ts';

const { worldWith, store } = useWorlds();

const START: Start = { client: EMAIL, credits: 500, charge: true, note: 'Jane asked, ticket 7' };
const FREE: Start = { ...START, charge: false };

/** As a person at a machine of their own does it. */
const start = (world: World, asked: Start, { ledger = world.ledger, afterMs = 0 } = {}) =>
  startRecharge({ ledger, now: world.now, storageNow: () => world.now() + afterMs }, asked);

/** A world without a recharge. */
async function emptyWorld(options: Parameters<typeof createWorld>[1] = {}): Promise<World> {
  return createWorld(store(), options);
}

/** What the sweeper finds due is done. */
async function work(world: World, key: string): Promise<Recharge> {
  await world.start().sweeper();
  return world.start().run(key);
}

const books = (world: World, { key, email }: Recharge) => world.books(key, email);
const GRANTED = { captures: 1, refunds: 0, grants: 1 };
const GIVEN = { captures: 0, refunds: 0, grants: 1 };
const NOTHING = { captures: 0, refunds: 0, grants: 0 };

describe('a recharge that a person starts', () => {
  it('is charged and granted by the same machine, and says who wanted it', async () => {
    const world = await emptyWorld();
    const row = await start(world, START);
    expect(row).toMatchObject({ phase: 'received', email: EMAIL, credits: 500, nextAttemptAt: world.now() });
    expect(row.key).toMatch(/^op-[0-9a-f]{16}$/);
    const ended = await work(world, row.key);
    expect(ended).toMatchObject({ phase: 'completed', amount: 5_000 });
    expect(events(ended)).toEqual(['started', 'paid', 'granted']);
    expect(ended.history[0]).toMatchObject({ detail: 'Jane asked, ticket 7' });
    expect(books(world, row)).toEqual(GRANTED);
    expect(rechargeText(ended, { now: world.now(), policy: world.policy })).toContain(
      'started by a person: Jane asked, ticket 7',
    );
    await world.close();
  });

  it('is bound by what binds every recharge: the guard refuses it', async () => {
    const world = await emptyWorld({ account: { status: 'suspended' } });
    const row = await start(world, START);
    expect(await work(world, row.key)).toMatchObject({ phase: 'blocked', reason: 'account_suspended' });
    expect(books(world, row)).toEqual(NOTHING);
    await world.close();
  });

  it('is one recharge, however often it is asked for in the same words', async () => {
    const world = await emptyWorld();
    const both = await Promise.allSettled([start(world, START), start(world, START, { afterMs: 1 })]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const again = start(world, { ...START, note: ' Jane asked, ticket 7 ' });
    await expect(again).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(
        /^Nothing was started: this was asked for at 2026-01-05T12:00:00\.00[01]Z, and is/,
      ),
    });
    await expect(start(world, FREE)).rejects.toMatchObject({ kind: 'refused' });
    expect(await start(world, { ...START, note: 'another one, ticket 8' })).toMatchObject({
      phase: 'received',
    });
    await world.close();
  });

  it('is one recharge, also where two people ask for it in the same words', async () => {
    const world = await emptyWorld();
    const row = await start(world, { ...START, by: 'jane@desk' });
    expect(row.history[0]).toMatchObject({ detail: 'Jane asked, ticket 7 (jane@desk)' });
    await expect(start(world, { ...START, by: 'bob@phone' })).rejects.toMatchObject({ kind: 'refused' });
    expect(await world.unfinished()).toHaveLength(1);
    await world.close();
  });

  it('keeps the spelling of the client towards the platform', async () => {
    const world = await emptyWorld();
    const row = await start(world, { ...START, client: 'Demo@Example.com' });
    expect(row).toMatchObject({ email: EMAIL, grantEmail: 'Demo@Example.com' });
    await world.close();
  });

  it.each<[string, Partial<Start>]>([
    ['no credits', { credits: undefined as unknown as number }],
    ['a blank note', { note: '  ' }],
    ['a note too long for the row', { note: 'x'.repeat(161) }],
  ])('is refused with %s', async (_what, given) => {
    const world = await emptyWorld();
    await expect(start(world, { ...START, ...given })).rejects.toMatchObject({ kind: 'refused' });
    expect(await world.unfinished()).toEqual([]);
    await world.close();
  });
});

describe('without a charge', () => {
  it('it is granted, and nothing is charged, counted or said to be paid', async () => {
    const world = await emptyWorld({ guard: { limits: { monthlyAmount: 100, dailyCount: 0 } } });
    const row = await start(world, FREE);
    const ended = await work(world, row.key);
    expect(ended).toMatchObject({
      phase: 'completed',
      prepaid: true,
      grantNo: 1,
      platformParty: expect.stringMatching(/^~/),
    });
    expect(ended).not.toHaveProperty('amount');
    expect(events(ended)).toEqual(['started', 'prepaid', 'granted']);
    expect(books(world, row)).toEqual(GIVEN);
    expect(world.payments.books).toEqual([]);
    expect(await spent(world)).toBeUndefined();
    expect((await world.account()).counts).toEqual({});
    expect(world.alerts()).toEqual([]);
    const text = rechargeText(ended, { now: world.now(), policy: world.policy });
    expect(text).toContain('Granted, and not charged.');
    expect(text).toMatch(/^ {2}price +not charged$/m);
    expect(text).not.toMatch(/client charged|Paid|charge id/);
    await world.close();
  });

  it('it is one grant, wherever the person’s machine stops, and however often the command is repeated', async () => {
    for (const verb of ['writeAccount', 'claim'] as const) {
      for (const done of [false, true]) {
        const world = await emptyWorld();
        const asked = { ...FREE, note: `ticket ${verb} ${done}` };
        const dying: typeof world.ledger = {
          ...world.ledger,
          [verb]: async (...given: Parameters<typeof world.ledger.write>) => {
            if (done) await (world.ledger[verb] as typeof world.ledger.write)(...given);
            throw new Error('the machine stops');
          },
        };
        await expect(start(world, asked, { ledger: dying })).rejects.toThrow('the machine stops');
        const again = await start(world, asked, { afterMs: 1 }).catch((error: Error) => error.message);
        if (verb === 'claim' && done) expect(again).toMatch(/^Nothing was started: this was asked for/);
        const [key = '', ...others] = await world.unfinished();
        expect(others).toEqual([]);
        const ended = await work(world, key);
        expect(ended).toMatchObject({ phase: 'completed', prepaid: true });
        expect(books(world, ended)).toEqual(GIVEN);
        await world.close();
      }
    }
  });

  it('it is granted also where the answer of a write got lost', async () => {
    const world = await emptyWorld();
    const lossy: typeof world.ledger = {
      ...world.ledger,
      claim: async (row) => ({ ...(await world.ledger.claim(row)), kind: 'conflict' }),
      writeAccount: async (read, next) => ({
        ...(await world.ledger.writeAccount(read, next)),
        kind: 'conflict',
      }),
    };
    const row = await start(world, FREE, { ledger: lossy });
    expect(await work(world, row.key)).toMatchObject({ phase: 'completed' });
    expect(books(world, row)).toEqual(GIVEN);
    await world.close();
  });

  it.each([false, true])(
    'it is one grant at most, at whichever call its process dies (with the call made: %s)',
    async (made) => {
      const ends: string[] = [];
      for (let n = 1; n <= 20; n += 1) {
        const { client, table } = store();
        await createTable(client, `${table}-${n}`);
        const world = await createWorld({ client, table: `${table}-${n}` });
        const { key, email } = await start(world, FREE);
        let calls = 0;
        const died = Promise.withResolvers<'died'>();
        const dying: Around = async (_port, call) => {
          calls += 1;
          if (calls !== n) return call();
          if (made) await call();
          died.resolve('died');
          return new Promise(() => {});
        };
        await Promise.race([world.start(dying).run(key), died.promise]);
        for (let runs = 0; runs < 5; runs += 1) {
          const { nextAttemptAt, phase } = await world.row(key);
          if (nextAttemptAt === undefined || phase === 'needs_review') break;
          world.moveTo(nextAttemptAt);
          await work(world, key);
        }
        const { phase, review = '' } = await world.row(key);
        ends.push(`${phase} ${review}: ${world.books(key, email).grants}`);
        expect(world.payments.books).toEqual([]);
        await world.close();
        if (calls < n) break;
      }
      const possible = ['completed : 1', 'needs_review grant_unknown: 0', 'needs_review grant_unknown: 1'];
      expect(ends.filter((end) => !possible.includes(end))).toEqual([]);
      expect(ends[0]).toBe('completed : 1');
    },
  );

  it('a client that is not set up, stopped, or in the middle of another recharge gets nothing', async () => {
    const world = await worldWith();
    await world.start().deps.charging.pause({ reason: 'a test' });
    const refusal = (asked: Start) =>
      start(world, asked).then(
        () => 'started',
        (error: Error) => error.message,
      );
    expect(await refusal({ ...FREE, client: 'stranger@example.com' })).toMatch(
      /^No client stranger@example\.com is set up: npx relay accounts add stranger@example\.com$/,
    );
    const account = await world.account();
    const suspended = await world.ledger.writeAccount(account, { ...account, status: 'suspended' });
    expect(await refusal(FREE)).toMatch(/is suspended: npx relay accounts enable demo@example\.com --note/);
    const last = { key: 'key-1', at: world.now() };
    await world.ledger.writeAccount(suspended.row, { ...suspended.row, status: 'active', last });
    expect(await refusal(FREE)).toMatch(/has an unfinished recharge, key-1, which is received/);
    expect(await world.unfinished()).toEqual(['key-1']);
  });

  it.each([false, true])(
    'where the platform refuses it, a person ends it, and nobody is asked for money back (automatic refunds: %s)',
    async (refundAutomatically) => {
      const world = await emptyWorld({ recharge: { refundAutomatically } });
      world.platform.fault({ operation: 'grant', fault: 'not_found' });
      const { key } = await start(world, FREE);
      const row = await work(world, key);
      expect(row).toMatchObject({ phase: 'needs_review', review: 'grant_refused' });
      const said = applyAnswer(
        row,
        { answer: 'refund', note: 'gone' },
        { now: world.now(), policy: world.policy },
      );
      if ('refused' in said) throw new Error(said.refused);
      await world.ledger.write(row, said.next);
      expect(await world.row(key)).toMatchObject({ phase: 'refunded', refundStartedAt: world.now() });
      expect(world.payments.books).toEqual([]);
      expect(rechargeText(await world.row(key), { now: world.now(), policy: world.policy })).toContain(
        'Not charged, not granted.',
      );
      await world.close();
    },
  );

  it('only the account row says so: a recharge row that claims it is charged', async () => {
    const world = await emptyWorld();
    const forged = newRecharge({ key: 'forged', email: EMAIL, credits: 500 }, world.now(), world.now());
    await world.ledger.claim({ ...forged, prepaid: true });
    const ended = await world.start().run('forged');
    expect(ended).toMatchObject({ phase: 'completed', amount: 5_000 });
    expect(ended).not.toHaveProperty('prepaid');
    expect(world.books('forged')).toEqual(GRANTED);
    await world.close();
  });

  it('it can be stopped before it is granted', async () => {
    const world = await emptyWorld();
    const { key } = await start(world, FREE);
    await stopRecharge(
      { ledger: world.ledger, policy: world.policy, now: world.now, storageNow: world.now },
      key,
      'a slip',
    );
    const ended = await work(world, key);
    expect(ended).toMatchObject({ phase: 'blocked', reason: 'stopped' });
    expect(books(world, ended)).toEqual(NOTHING);
    await world.close();
  });
});

describe('in the place of a burnt key', () => {
  const FOR: Start = { client: EMAIL, insteadOf: 'key-1', charge: true, note: 'it is set up now' };

  async function aBlocked() {
    const world = await worldWith({ account: { status: 'disabled' } });
    expect(await world.start().run()).toMatchObject({ phase: 'blocked' });
    const activate = async () => {
      const account = await world.account();
      await world.ledger.writeAccount(account, { ...account, status: 'active' });
    };
    return { world, activate };
  }

  it('the same client gets the same credits, and both rows say so', async () => {
    const { world, activate } = await aBlocked();
    await activate();
    const row = await start(world, FOR);
    expect(row).toMatchObject({ key: 'op-1-key-1', email: EMAIL, credits: 500 });
    expect(await work(world, row.key)).toMatchObject({ phase: 'completed' });
    expect(rechargeText(row, { now: world.now(), policy: world.policy })).toMatch(/in the place of: key-1$/m);
    const burnt = await world.row('key-1');
    expect(burnt).toMatchObject({ phase: 'blocked' });
    const text = rechargeText(burnt, { now: world.now(), policy: world.policy });
    expect(text).toMatch(/started again as: op-1-key-1$/m);
    expect(text).not.toContain('recharges start');
    expect(text).toContain('Nobody needs to act. It was started again as op-1-key-1.');
    expect(books(world, row)).toEqual(GRANTED);
  });

  it('there is one at a time, and none after one that was granted', async () => {
    const { world, activate } = await aBlocked();
    const first = await start(world, FOR);
    await expect(start(world, FOR)).rejects.toThrow(
      /^Nothing was started: recharge op-1-key-1 is received; only one/,
    );
    expect(await work(world, first.key)).toMatchObject({ phase: 'blocked' });
    await activate();
    world.advance(HOUR);
    const both = await Promise.allSettled([
      start(world, FOR),
      start(world, { ...FOR, insteadOf: 'op-1-key-1', charge: false, note: 'or so' }, { afterMs: 1 }),
    ]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await work(world, 'op-2-key-1')).toMatchObject({ phase: 'completed' });
    expect(await world.row('op-1-key-1')).toMatchObject({ phase: 'blocked' });
    world.advance(DAY);
    for (const insteadOf of ['key-1', 'op-1-key-1', 'op-2-key-1']) {
      await expect(start(world, { ...FOR, insteadOf, note: 'once more' })).rejects.toThrow(
        /^Nothing was started: recharge op-2-key-1 is completed; only one that ended/,
      );
    }
  });

  it('a command that stops between its writes is repeated, and makes no second one', async () => {
    const { world, activate } = await aBlocked();
    await activate();
    const dying = {
      ...world.ledger,
      write: async () => {
        throw new Error('the machine stops');
      },
    };
    await expect(start(world, FOR, { ledger: dying })).rejects.toThrow('the machine stops');
    await expect(start(world, FOR)).rejects.toThrow(/^Nothing was started: recharge op-1-key-1 is received/);
  });

  it.each<[string, Partial<Start>, RegExp]>([
    [
      'another client',
      { client: 'other@example.com' },
      /recharge key-1 is of another client, demo@example\.com/,
    ],
    ['other credits', { credits: 900 }, /recharge key-1 is about 500 credits/],
    ['no such key', { insteadOf: 'key-9' }, /^No recharge has the key key-9/],
  ])('nothing is started with %s', async (_what, given, sentence) => {
    const { world } = await aBlocked();
    await expect(start(world, { ...FOR, ...given })).rejects.toThrow(sentence);
    expect(await world.unfinished()).toEqual([]);
  });

  it('nothing is started for one that was granted, or is under way', async () => {
    const world = await worldWith();
    await expect(start(world, FOR)).rejects.toThrow(/recharge key-1 is received; only one that ended/);
    await world.start().run();
    await expect(start(world, FOR)).rejects.toThrow(/recharge key-1 is completed; only one that ended/);
  });

  it('nothing is charged again where the payment came after the end', async () => {
    const { world, activate } = await aBlocked();
    await activate();
    const row = await world.row();
    const history = [...row.history, { at: world.now(), event: 'paid_late', detail: 'attempt 1: pay_1' }];
    await world.ledger.write(row, { ...row, history });
    await expect(start(world, FOR)).rejects.toThrow(
      /recharge key-1 was paid after its end \(paid_after_end\)/,
    );
    expect(await start(world, { ...FOR, charge: false })).toMatchObject({ key: 'op-1-key-1' });
  });
});
