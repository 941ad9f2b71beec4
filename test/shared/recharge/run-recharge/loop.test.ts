import { describe, expect, it } from 'vitest';
import type { ChargeOutcome } from '../../../../shared/payments/payment-hook.ts';
import type { Ledger } from '../../../../shared/recharge/ledger.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { draw, type RunDeps, runRecharge } from '../../../../shared/recharge/run-recharge.ts';
import { NewerRowError } from '../../../../shared/storage/table.ts';
import { anAccount, aRecharge, aReservation, utc } from '../../../support/builders.ts';
import { aLoop } from '../../../support/loop.ts';

const MINUTE = 60_000;
const ROW = aRecharge();
const ENTRY = 'r_42e15c17bde3f087_1';
const RESERVED = anAccount({ reservations: { [ENTRY]: aReservation({ credits: 500 }) } });

type Loop = ReturnType<typeof aLoop>;
type Answers = Parameters<typeof aLoop>[1];

const loopWith = (row: Recharge, answers: Answers = {}, account = anAccount()) =>
  aLoop({ recharges: [row], accounts: [account] }, answers);

const run = (loop: Loop, given: Partial<RunDeps> = {}, leftMs = MINUTE, woken = false) =>
  runRecharge('key-1', loop.clock.now + leftMs, { ...loop.deps, ...given }, { woken });

const messages = ({ lines }: Loop) => lines.map(({ message }) => message);
const verbs = ({ asked }: Loop) => asked.map(([verb]) => verb);
/** Of the steps, each metric and no other field of the line. */
const counts = (loop: Loop) =>
  decided(loop).map((line) => {
    const names = /\{"Name":"(\w+)"\}/g;
    const counted = [...JSON.stringify(line).matchAll(names)].map(([, name = '']) => name);
    return Object.fromEntries(counted.map((name) => [name, line[name]]));
  });
const decided = ({ lines }: Loop) => lines.filter(({ message }) => message === 'decided');

/** The ledger, with the first writes of rows done otherwise. */
function writingOtherwise({ ledger }: Loop, ...ways: Ledger['write'][]): Ledger {
  return { ...ledger, write: (read, next) => (ways.shift() ?? ledger.write)(read, next) };
}

describe('a recharge', () => {
  it('is reserved, charged and granted in one run, each step told in the log', async () => {
    const loop = loopWith(ROW, {
      charge: () => {
        loop.clock.now += 700;
        return { kind: 'paid', paymentRef: 'pay_1' };
      },
    });
    expect(await run(loop)).toMatchObject({ phase: 'completed', grantToken: 'token-new' });
    expect(verbs(loop)).toEqual(['charge', 'grant']);
    const tags = { key: 'key-1', email: 'd***@example.com', attempt: 1, credits: 500 };
    const money = { amount: 5_000, currency: 'USD' };
    expect(decided(loop)).toMatchObject([
      { ...tags, phase: 'received', outcome: 'due', word: 'due', effect: 'reserve', durationMs: 0 },
      { ...tags, phase: 'received', outcome: 'reserved', word: 'reserved', effect: 'charge' },
      {
        ...tags,
        ...money,
        phase: 'granting',
        grantNo: 1,
        outcome: 'payment',
        word: 'paid',
        effect: 'grant',
        durationMs: 700,
        charged_USD: 5_000,
      },
      {
        ...tags,
        ...money,
        phase: 'completed',
        grantNo: 1,
        outcome: 'grant',
        word: 'granted',
        effect: 'stop',
        recharges_completed: 1,
        credits_granted: 500,
      },
    ]);
    expect(messages(loop)).toHaveLength(4);
  });

  it('counts what was taken, granted and ended when it happens, and never twice', async () => {
    const ENDS = { recharges_completed: 1, credits_granted: 500 };
    const charged = loopWith(aRecharge({ phase: 'charged' }), {}, RESERVED);
    await run(charged);
    expect(counts(charged)).toEqual([{}, ENDS]);
    const atOnce = loopWith(ROW);
    await run(atOnce);
    expect(counts(atOnce)).toEqual([{}, {}, { charged_USD: 5_000 }, ENDS]);
    const pending = loopWith(
      aRecharge({ phase: 'charge_pending' }),
      { lookup: () => ({ kind: 'paid', paymentRef: 'pay_1' }) },
      RESERVED,
    );
    await run(pending);
    expect(counts(pending)).toEqual([{}, { charged_USD: 5_000 }, ENDS]);
    const tooLateToGrant = loopWith(ROW);
    tooLateToGrant.deps.payments.prepareCharge = async () => ({
      send: async () => {
        tooLateToGrant.clock.now += 40_000;
        return { kind: 'paid', paymentRef: 'pay_1' };
      },
    });
    expect(await run(tooLateToGrant)).toMatchObject({ phase: 'charged' });
    expect(counts(tooLateToGrant)).toEqual([{}, {}, { charged_USD: 5_000 }]);
    const declined = loopWith(ROW, {
      charge: () => ({ kind: 'declined', reason: 'card_refused', retryable: false }),
    });
    await run(declined);
    expect(counts(declined)).toEqual([{}, {}, { recharges_declined: 1 }]);
    expect(decided(declined).at(-1)).toMatchObject({ reason: 'card_refused' });
  });

  it('that has ended is not counted again when it is looked at once more', async () => {
    const late = { grantNo: 2, swept: 1, phaseDeadline: utc('2026-01-12 12:00:00') };
    const loop = loopWith(aRecharge({ phase: 'completed', ...late }));
    const { policy } = loop.deps;
    const evidence = { ...policy.evidence, lookUp: true };
    await run(loop, { policy: { ...policy, evidence } });
    expect(verbs(loop)).toEqual(['listGrants']);
    expect(counts(loop)).toEqual([{}, {}]);
  });

  it('whose payment was in doubt counts as charged once it is found', async () => {
    const row = aRecharge({
      ...{ phase: 'needs_review', review: 'charge_unknown', swept: 1 },
      ...{ amount: 5_000, currency: 'USD' },
    });
    const loop = loopWith(row, { lookup: () => ({ kind: 'paid', paymentRef: 'pay_1' }) }, RESERVED);
    await run(loop);
    expect(decided(loop).filter(({ charged_USD }) => charged_USD === 5_000)).toHaveLength(1);
  });

  it('in review is told with what it is reviewed for', async () => {
    const loop = loopWith(
      aRecharge({ phase: 'charged' }),
      { grant: () => ({ kind: 'unknown', detail: '502' }) },
      RESERVED,
    );
    await run(loop);
    expect(decided(loop).at(-1)).toMatchObject({ phase: 'needs_review', reason: 'grant_unknown' });
    expect(loop.lines.at(-1)).toMatchObject({
      level: 'alert',
      message: 'grant_unknown',
      key: 'key-1',
      email: 'd***@example.com',
      phase: 'needs_review',
      attempt: 1,
      grantNo: 2,
      detail: '502',
    });
  });

  it('that nobody knows is an error that names its key', async () => {
    await expect(run(aLoop())).rejects.toMatchObject({
      name: 'NoRechargeError',
      message: 'No recharge is stored under the key key-1.',
    });
  });

  it('that a later version wrote is left alone, and that is said', async () => {
    const loop = aLoop({ recharges: [{ ...ROW, v: 4 }] });
    expect(await run(loop)).toBe('left_alone');
    expect(loop.lines).toMatchObject([
      {
        level: 'alert',
        message: 'newer_row',
        key: 'key-1',
        detail: expect.stringContaining('stored with schema version 4'),
      },
    ]);
  });

  it('is looked at before its time only for somebody who says that its payment has changed', async () => {
    const row = aRecharge({ phase: 'charge_pending', notBefore: utc('2026-01-05 13:00:00') });
    const loop = loopWith(row);
    await run(loop);
    expect(verbs(loop)).toEqual([]);
    await run(loop, {}, MINUTE, true);
    expect(verbs(loop)).toEqual(['lookup']);
  });
});

describe('what the run has reserved itself', () => {
  it('is known to every later step of it, without a second look at the account', async () => {
    const loop = loopWith(ROW, {}, anAccount({ customer: 'cus_1' }));
    let reads = 0;
    const ledger: Ledger = {
      ...loop.ledger,
      readAccount: (...given) => {
        reads += 1;
        return loop.ledger.readAccount(...given);
      },
    };
    await run(loop, { ledger });
    expect(reads).toBe(1);
    expect(loop.asked[0]).toMatchObject(['charge', { account: { customer: 'cus_1' } }]);
  });

  it('is charged at once; what an earlier run has reserved is looked up first, and not charged to a client who was suspended since', async () => {
    const found = { ...RESERVED, status: 'suspended' as const };
    const row = { ...ROW, history: [{ at: utc('2026-01-05 12:00:00'), event: 'waiting' }] };
    const loop = loopWith(row, {}, found);
    expect(await run(loop)).toMatchObject({ phase: 'received' });
    expect(verbs(loop)).toEqual(['lookup']);
  });
});

describe('the time of a run', () => {
  it.each([
    [25_000, ['charge'], 'received'],
    [24_999, [], 'received'],
  ])('with %i ms left, %j is asked', async (leftMs, asked) => {
    const loop = loopWith(ROW, { charge: () => ({ kind: 'unknown', detail: 'silent' }) });
    await run(loop, {}, leftMs);
    expect(verbs(loop)).toEqual(asked);
  });

  it.each([
    [25_000, 'completed'],
    [24_999, 'charged'],
  ])('a grant is begun with %i ms left: %s', async (leftMs, phase) => {
    const loop = loopWith(aRecharge({ phase: 'charged' }), {}, RESERVED);
    expect(await run(loop, {}, leftMs)).toMatchObject({ phase });
  });
});

describe('a write of the row', () => {
  it('that was made and called lost is recognised, also where the sweeper has moved the row since', async () => {
    const loop = loopWith(aRecharge({ phase: 'charged' }), {}, RESERVED);
    const swept: Ledger['write'] = async (read, next) => {
      await loop.ledger.write(read, next);
      const [due] = (await loop.ledger.due('time', Number.MAX_SAFE_INTEGER)).items;
      if (due) await loop.ledger.postpone(due, utc('2026-01-05 12:06:00'));
      const row = await loop.ledger.read('key-1');
      return row ? { kind: 'conflict', row } : expect.unreachable();
    };
    expect(await run(loop, { ledger: writingOtherwise(loop, swept) })).toMatchObject({ phase: 'completed' });
    expect(verbs(loop)).toEqual(['grant']);
    expect(messages(loop)).toEqual(['decided', 'decided']);
  });

  it('that was made and called lost is one wait, and one end that is counted once', async () => {
    const answers: Record<string, ChargeOutcome> = {
      waits: { kind: 'not_attempted', detail: 'busy' },
      ends: { kind: 'declined', reason: 'card_refused', retryable: false },
    };
    for (const [name, outcome] of Object.entries(answers)) {
      const loop = loopWith(ROW, { charge: () => outcome });
      const lost: Ledger['write'] = async (read, next) => {
        const { row } = await loop.ledger.write(read, next);
        return { kind: 'conflict', row };
      };
      const row = await run(loop, { ledger: writingOtherwise(loop, lost) });
      expect(row).toMatchObject({ version: ROW.version + 1 });
      expect(Object(row).history.at(-1)).not.toHaveProperty('times');
      expect(counts(loop).at(-1)).toEqual(name === 'ends' ? { recharges_declined: 1 } : {});
    }
  });

  it('that lost has the same outcome decided again on the row that stands there', async () => {
    const loop = loopWith(ROW, {
      charge: () => ({ kind: 'declined', reason: 'card_refused', retryable: false }),
    });
    const stopped: Ledger['write'] = async (read, next) => {
      await loop.ledger.write(read, { ...read, stopped: true });
      return loop.ledger.write(read, next);
    };
    expect(await run(loop, { ledger: writingOtherwise(loop, stopped) })).toMatchObject({
      phase: 'declined',
      stopped: true,
    });
    expect(decided(loop)).toHaveLength(3);
  });

  it('that storage does not answer is made again a moment later, with the same token, and told in the log', async () => {
    let draws = 0;
    const tokens: unknown[] = [];
    const loop = loopWith(aRecharge({ phase: 'charged' }), {}, RESERVED);
    const lost: Ledger['write'] = async (_read, next) => {
      tokens.push(next.grantToken);
      throw new Error('no storage');
    };
    const began = loop.clock.now;
    const given = {
      ledger: writingOtherwise(loop, lost, lost),
      draw: () => ({ token: `token-${++draws}`, jitter: 0 }),
    };
    expect(await run(loop, given)).toMatchObject({ phase: 'completed', grantToken: 'token-1' });
    expect(tokens).toEqual(['token-1', 'token-1']);
    expect(loop.clock.now - began).toBe(500);
    expect(loop.lines.slice(0, 2)).toMatchObject([
      {
        level: 'error',
        message: 'a decision could not be written',
        error: 'Error: no storage',
        key: 'key-1',
        phase: 'charged',
        outcome: 'due',
        word: 'due',
        grantToken: 'token-a',
      },
      { message: 'a decision could not be written' },
    ]);
  });

  it.each([
    [5_000, 'is made again with just the margin left', 'charged'],
    [4_999, 'is given up with less', undefined],
  ])('that storage does not answer, %i ms before the end, %s', async (leftMs, _, phase) => {
    const loop = loopWith(aRecharge({ phase: 'charged', phaseDeadline: 0 }), {}, RESERVED);
    const lost: Ledger['write'] = async () => {
      throw new Error('no storage');
    };
    const running = run(loop, { ledger: writingOtherwise(loop, lost) }, leftMs);
    if (phase === undefined) await expect(running).rejects.toThrow('no storage');
    else expect(await running).toMatchObject({ phase: 'needs_review', review: 'grant_expired' });
  });

  it('that meets a row of a later version ends the run at once', async () => {
    const loop = loopWith(aRecharge({ phase: 'charged' }), {}, RESERVED);
    const newer: Ledger['write'] = async () => {
      throw new NewerRowError('key-1', 4, 3);
    };
    expect(await run(loop, { ledger: writingOtherwise(loop, newer) })).toBe('left_alone');
    expect(messages(loop)).toEqual(['newer_row']);
  });

  it('of an end comes after its amount was given back', async () => {
    const loop = loopWith(ROW, {
      charge: () => ({ kind: 'declined', reason: 'card_refused', retryable: false }),
    });
    const states: unknown[] = [];
    const looking: Ledger['write'] = async (read, next) => {
      states.push((await loop.ledger.readAccount(read.email)).reservations[ENTRY]?.state);
      return loop.ledger.write(read, next);
    };
    await run(loop, { ledger: writingOtherwise(loop, looking) });
    expect(states).toEqual(['released']);
  });
});

describe('new charges', () => {
  const CHARGED = aRecharge({ phase: 'charged' });
  const failing = (result: ReturnType<NonNullable<NonNullable<Answers>['grant']>>) =>
    loopWith(CHARGED, { grant: () => result }, RESERVED);
  const pausedLine = ({ lines }: Loop) => lines.find(({ message }) => message === 'charging_paused');

  it('are paused for an hour by a fault that concerns every client', async () => {
    const loop = failing({ kind: 'not_applied', detail: 'status 401', agencyFault: 'unauthorized' });
    await run(loop);
    expect(await loop.deps.charging.paused()).toMatchObject({
      reason: 'unauthorized',
      until: loop.clock.now + loop.deps.policy.pauseMs,
    });
    expect(pausedLine(loop)).toMatchObject({ level: 'alert', key: 'key-1', detail: 'unauthorized' });
  });

  it('are paused once the grants of so many clients in a row did not go through, and not before', async () => {
    const loop = failing({ kind: 'unknown', detail: 'status 502' });
    const { failedClientsToPause: most } = loop.deps.policy;
    for (let client = 1; client < most - 1; client += 1)
      await loop.deps.charging.grantFailed(`${client}@example.com`);
    await run(loop);
    expect(await loop.deps.charging.paused()).toBeUndefined();
    const another = failing({ kind: 'unknown', detail: 'status 502' });
    for (let client = 1; client < most; client += 1)
      await another.deps.charging.grantFailed(`${client}@example.com`);
    await run(another);
    const reason = `grants of ${most} clients in a row did not go through`;
    expect(await another.deps.charging.paused()).toMatchObject({ reason });
    expect(pausedLine(another)).toMatchObject({ detail: reason });
  });

  it('are not stopped by a grant that our own pace held back', async () => {
    const loop = failing({ kind: 'not_applied', detail: 'paced', unsent: true, retryAfterMs: 1_000 });
    const { failedClientsToPause: most } = loop.deps.policy;
    for (let client = 1; client < most; client += 1)
      await loop.deps.charging.grantFailed(`${client}@example.com`);
    await run(loop);
    expect(await loop.deps.charging.paused()).toBeUndefined();
  });

  it('go on once a grant goes through, which is told where they were paused', async () => {
    const paused = loopWith(CHARGED, {}, RESERVED);
    await paused.deps.charging.pause({ reason: 'unauthorized', until: paused.clock.now + MINUTE });
    await run(paused);
    expect(await paused.deps.charging.paused()).toBeUndefined();
    expect(paused.lines.at(-1)).toMatchObject({
      message: 'charging goes on: a grant went through',
      key: 'key-1',
      phase: 'completed',
    });
    const never = loopWith(CHARGED, {}, RESERVED);
    await run(never);
    expect(messages(never)).toEqual(['decided', 'decided']);
  });

  it('are not decided about by the platform’s books, which say nothing of its answers', async () => {
    const row = aRecharge({ phase: 'needs_review', review: 'grant_unknown', swept: 1 });
    const loop = loopWith(row, { findGrant: () => ({ kind: 'found' }) }, RESERVED);
    await loop.deps.charging.pause({ reason: 'unauthorized', until: loop.clock.now + MINUTE });
    const { policy } = loop.deps;
    const evidence = { ...policy.evidence, lookUp: true };
    expect(await run(loop, { policy: { ...policy, evidence } })).toMatchObject({ phase: 'completed' });
    expect(await loop.deps.charging.paused()).toMatchObject({ reason: 'unauthorized' });
  });

  it('whose switch cannot be written do not hold up the recharge, and that is told', async () => {
    const loop = loopWith(CHARGED, {}, RESERVED);
    const grantWentThrough = async () => {
      throw new Error('no storage');
    };
    const charging = { ...loop.deps.charging, grantWentThrough };
    expect(await run(loop, { charging })).toMatchObject({ phase: 'completed' });
    expect(loop.lines.at(-1)).toMatchObject({
      level: 'error',
      message: 'the switch for new charges could not be written',
      error: 'Error: no storage',
      key: 'key-1',
    });
  });
});

describe('what is told', () => {
  const BLOCKED = { phase: 'blocked' };
  const suspended = () => loopWith(ROW, {}, anAccount({ status: 'suspended' }));

  it('of one client daily is told once a day for each word and detail', async () => {
    const loop = suspended();
    expect(await run(loop)).toMatchObject(BLOCKED);
    expect((await loop.ledger.readAccount(ROW.email)).told?.words).toEqual([
      'recharge_blocked account_suspended',
    ]);
    await loop.ledger.claim({ ...ROW, key: 'key-2' });
    await runRecharge('key-2', loop.clock.now + MINUTE, loop.deps);
    expect(loop.lines.filter(({ level }) => level === 'alert')).toMatchObject([
      { message: 'recharge_blocked', detail: 'account_suspended', key: 'key-1' },
    ]);
  });

  it('is told all the same where nobody knows what was told before', async () => {
    const loop = suspended();
    let row = loop.ledger.read('key-1');
    const failing: Ledger = {
      ...loop.ledger,
      readAccount: async (email, consistency) => {
        if ((await row)?.phase === 'blocked') throw new Error('no storage');
        return loop.ledger.readAccount(email, consistency);
      },
      write: async (read, next) => {
        const written = await loop.ledger.write(read, next);
        row = loop.ledger.read('key-1');
        return written;
      },
    };
    expect(await run(loop, { ledger: failing })).toMatchObject(BLOCKED);
    expect(loop.lines.slice(-2)).toMatchObject([
      {
        level: 'error',
        message: 'what was said today could not be read',
        error: 'Error: no storage',
        key: 'key-1',
      },
      { level: 'alert', message: 'recharge_blocked', detail: 'account_suspended' },
    ]);
  });

  it('of a detail that there is not says nothing of one', async () => {
    const row = aRecharge({ attemptStartedAt: utc('2026-01-01 12:00:00') });
    const loop = loopWith(row);
    await run(loop);
    expect(loop.lines.at(-1)).toMatchObject({ message: 'recharge_expired' });
    expect(loop.lines.at(-1)).not.toHaveProperty('detail');
    expect((await loop.ledger.readAccount(ROW.email)).told?.words).toEqual(['recharge_expired']);
  });

  it('of a wait like the one before is told at its 1st, 2nd, 4th, 8th time', async () => {
    const loop = loopWith(ROW, {
      charge: () => ({ kind: 'not_attempted', detail: 'busy' }),
    });
    const told: number[] = [];
    for (let times = 1; times <= 9; times += 1) {
      const before = decided(loop).filter(({ effect }) => effect === 'stop').length;
      await run(loop);
      if (decided(loop).filter(({ effect }) => effect === 'stop').length > before) told.push(times);
      loop.clock.now = ((await loop.ledger.read('key-1'))?.nextAttemptAt ?? 0) + 1;
    }
    expect(told).toEqual([1, 2, 4, 8]);
  });

  const waited = (times: number, given: Partial<Recharge> = {}) =>
    aRecharge({
      ...given,
      history: [...ROW.history, { at: 1, event: 'older' }, { at: 2, event: 'waiting', times }],
    });
  const outcomes = (loop: Loop) => decided(loop).map(({ outcome }) => outcome);

  it('of a wake that changes nothing is nothing, where the row waits as often before', async () => {
    const notBefore = utc('2026-01-05 13:00:00');
    const third = loopWith(waited(3, { notBefore }));
    await run(third);
    expect(outcomes(third)).toEqual([]);
    const fourth = loopWith(waited(4, { notBefore }));
    await run(fourth);
    expect(outcomes(fourth)).toEqual(['due']);
  });

  it('of a row that has waited before is what is done with it, and not that it was woken', async () => {
    const silent: Answers = {
      lookup: () => ({ kind: 'unknown', detail: 'x' }),
      charge: () => ({ kind: 'unknown', detail: 'x' }),
    };
    const third = loopWith(waited(3), silent, RESERVED);
    third.clock.now += 2 * MINUTE;
    await run(third);
    expect(outcomes(third)).toEqual(['reserved', 'payment', 'payment']);
    const granted = loopWith(waited(3, { phase: 'charged' }), {}, RESERVED);
    await run(granted);
    expect(outcomes(granted)).toEqual(['due', 'grant']);
  });

  it('of anything but a wait is told however often it was the same', async () => {
    const reminded = { at: 2, event: 'reminded', detail: 'grant_refused', times: 2 };
    const history = [...ROW.history, reminded];
    const row = aRecharge({ phase: 'needs_review', review: 'grant_refused', swept: 1, history });
    const loop = loopWith(row);
    await run(loop);
    expect((await loop.ledger.read('key-1'))?.history.at(-1)).toEqual({ ...reminded, times: 3 });
    expect(outcomes(loop)).toEqual(['due']);
  });
});

it('what is drawn for a decision nobody can guess, and nobody else draws', () => {
  const draws = Array.from({ length: 100 }, draw);
  expect(new Set(draws.map(({ token }) => token)).size).toBe(100);
  expect(new Set(draws.map(({ jitter }) => jitter)).size).toBe(100);
  for (const { token, jitter } of draws) {
    expect(token).toMatch(/^[\w-]{16}$/);
    expect(jitter).toBeGreaterThanOrEqual(0);
    expect(jitter).toBeLessThan(1);
  }
});
