import { describe, expect, it } from 'vitest';
import type { Account } from '../../../shared/recharge/account.ts';
import type { Ledger } from '../../../shared/recharge/ledger.ts';
import { type Recharge, reservationNameOf } from '../../../shared/recharge/recharge.ts';
import {
  type ReserveDeps,
  releaseAttempt,
  reserveAttempt,
  reserveWithoutCharge,
} from '../../../shared/recharge/reserve.ts';
import { anAccount, aRecharge, aReservation, guardSettings, utc } from '../../support/builders.ts';
import { aLoop } from '../../support/loop.ts';

const ROW = aRecharge();
const NAME = reservationNameOf(ROW);
const EMAIL = ROW.email;
const USD_50 = { amount: 5_000, currency: 'USD' };
const OTHER = aRecharge({ key: 'key-0', phase: 'completed', attemptStartedAt: utc('2026-01-05 11:00:00') });
const LAST = { key: 'key-0', at: utc('2026-01-05 11:00:00') };

type Loop = ReturnType<typeof aLoop>;

const withEntryOf = (entry: Account['reservations'][string], given: Partial<Account> = {}) =>
  anAccount({ reservations: { [NAME]: entry }, ...given });

/** Accounts are read, and what is read and written of them is listed. */
function watched({ ledger }: Loop, given: Partial<Ledger> = {}) {
  const calls: string[] = [];
  const watching: Ledger = {
    ...ledger,
    read: (key, consistency = 'strong') => {
      calls.push(`${consistency} ${key}`);
      return (given.read ?? ledger.read)(key, consistency);
    },
    readAccount: (email, consistency = 'strong') => {
      calls.push(`${consistency} account`);
      return (given.readAccount ?? ledger.readAccount)(email, consistency);
    },
    writeAccount: (read, next) => {
      calls.push('write account');
      return (given.writeAccount ?? ledger.writeAccount)(read, next);
    },
  };
  return { calls, ledger: watching };
}

const reserved = (loop: Loop, row: Recharge = ROW, given: Partial<ReserveDeps> = {}) =>
  reserveAttempt(row, { ...loop.deps, ...given });

describe('an attempt', () => {
  it('is reserved with its price, as of now, and the client’s last recharge is this one', async () => {
    const loop = aLoop({ accounts: [anAccount()] });
    expect(await reserved(loop)).toStrictEqual({
      kind: 'reserved',
      attempt: 1,
      fresh: true,
      at: utc('2026-01-05 12:00:10'),
      frozen: {
        money: USD_50,
        grantEmail: EMAIL,
        paymentParty: '~payments',
        platformParty: '~platform',
      },
    });
    const { last, spent, reservations } = await loop.ledger.readAccount(EMAIL);
    expect(last).toEqual({ key: 'key-1', at: utc('2026-01-05 12:00:10') });
    expect(spent).toEqual({ '2026-01_USD': 5_000 });
    expect(reservations[NAME]).toStrictEqual({
      state: 'reserved',
      at: utc('2026-01-05 12:00:10'),
      money: USD_50,
      credits: 500,
      payment: '~payments',
      platform: '~platform',
    });
    expect(loop.asked).toEqual([]);
    expect(loop.lines).toEqual([]);
  });

  it('is never reserved before it begins, however far the webhook’s clock is ahead', async () => {
    const loop = aLoop({ accounts: [anAccount()] });
    const row = { ...ROW, attemptStartedAt: utc('2026-01-05 12:00:40') };
    expect(await reserved(loop, row)).toMatchObject({ at: utc('2026-01-05 12:00:40') });
  });

  it('has what the account says of the client, and the balance that the platform names', async () => {
    const account = anAccount({
      customer: 'cus_1',
      paymentMethod: { id: 'pm_1', type: 'card' },
      platformId: 'sub-1',
      grantEmail: 'Demo@Example.com',
    });
    const loop = aLoop({ accounts: [account] }, { subAccount: () => ({ kind: 'found', balance: 40 }) });
    const known = { customer: 'cus_1', paymentMethod: 'pm_1', platformId: 'sub-1', balanceBefore: 40 };
    const outcome = await reserved(loop, ROW, { preflight: true });
    expect(outcome).toStrictEqual({
      kind: 'reserved',
      attempt: 1,
      fresh: true,
      at: utc('2026-01-05 12:00:10'),
      frozen: {
        money: USD_50,
        grantEmail: 'Demo@Example.com',
        ...known,
        paymentParty: '~payments',
        platformParty: '~platform',
      },
    });
    expect(loop.asked).toEqual([['subAccount', 'Demo@Example.com']]);
    const { reservations } = await loop.ledger.readAccount(EMAIL);
    expect(reservations[NAME]).toMatchObject(known);
    // Whoever comes later obeys it, and knows that it is not theirs.
    expect(await reserved(loop)).toStrictEqual({ ...outcome, fresh: false });
  });

  it('names the client to the platform as the webhook spelt them, where the agency says nothing', async () => {
    const loop = aLoop({ accounts: [anAccount()] });
    const row = { ...ROW, grantEmail: 'Demo@example.com' };
    expect(await reserved(loop, row, { preflight: true })).toMatchObject({
      frozen: { grantEmail: 'Demo@example.com' },
    });
    expect(loop.asked).toEqual([['subAccount', 'Demo@example.com']]);
  });

  it('that an earlier version reserved has no more than that version wrote', async () => {
    const loop = aLoop({ accounts: [withEntryOf(aReservation())] });
    expect(await reserved(loop)).toStrictEqual({
      kind: 'reserved',
      attempt: 1,
      fresh: false,
      at: utc('2026-01-05 12:00:00'),
      frozen: { money: USD_50, grantEmail: EMAIL },
    });
  });

  it('that a person called prepaid is found so', async () => {
    const entry = { state: 'reserved', at: 1, prepaid: true, credits: 500 } as const;
    const loop = aLoop({ accounts: [withEntryOf(entry)] });
    expect(await reserved(loop)).toMatchObject({ frozen: { prepaid: true, grantEmail: EMAIL } });
  });

  it('that is reserved without an amount is an error that names the recharge', async () => {
    const loop = aLoop({ accounts: [withEntryOf({ state: 'reserved', at: 1 })] });
    await expect(reserved(loop)).rejects.toThrow('Bug! Recharge key-1 is reserved without an amount.');
  });

  it('that was given back took no money, whatever a lookup says', async () => {
    const entry = { state: 'released', at: 1, reason: 'card_refused', retryable: true } as const;
    expect(await reserved(aLoop({ accounts: [withEntryOf(entry)] }))).toEqual({
      kind: 'payment',
      attempt: 1,
      asked: 'lookup',
      result: { kind: 'declined', reason: 'card_refused', retryable: true },
    });
  });
});

describe('a refusal', () => {
  it('is written, with the price that was refused, and found by whoever comes later', async () => {
    const loop = aLoop({ accounts: [anAccount({ limits: { monthlyAmount: 4_999 } })] });
    const refused = { kind: 'refused', attempt: 1, word: 'over_monthly_amount', money: USD_50 };
    expect(await reserved(loop)).toStrictEqual(refused);
    expect((await loop.ledger.readAccount(EMAIL)).reservations[NAME]).toStrictEqual({
      state: 'refused',
      at: utc('2026-01-05 12:00:10'),
      word: 'over_monthly_amount',
      money: USD_50,
    });
    expect(await reserved(loop)).toStrictEqual(refused);
  });

  it('has no price where there was none yet', async () => {
    const loop = aLoop();
    const refused = { kind: 'refused', attempt: 1, word: 'account_unknown' };
    expect(await reserved(loop)).toStrictEqual(refused);
    expect((await loop.ledger.readAccount(EMAIL)).reservations[NAME]).toStrictEqual({
      state: 'refused',
      at: utc('2026-01-05 12:00:10'),
      word: 'account_unknown',
    });
    expect(await reserved(loop)).toStrictEqual(refused);
  });

  it('meets an attempt whose entry may have been dropped', async () => {
    const loop = aLoop({ accounts: [anAccount({ closedTo: ROW.attemptStartedAt })] });
    expect(await reserved(loop)).toEqual({ kind: 'refused', attempt: 1, word: 'too_many_at_once' });
  });

  it('meets one that a person has stopped, also when it is late and charging is paused', async () => {
    const loop = aLoop({ accounts: [anAccount()] });
    await loop.deps.charging.pause({ reason: 'a test' });
    const row = { ...ROW, stopped: true, attemptStartedAt: utc('2026-01-01 12:00:00') };
    expect(await reserved(loop, row)).toMatchObject({ kind: 'refused', word: 'stopped' });
  });

  it('meets a client whose last recharge is not finished, and none whose last is this one', async () => {
    const unfinished = aLoop({
      recharges: [aRecharge({ key: 'key-0', phase: 'charged' })],
      accounts: [anAccount({ last: LAST })],
    });
    expect(await reserved(unfinished)).toMatchObject({ kind: 'refused', word: 'unfinished_recharge' });
    const own = aLoop({
      recharges: [ROW],
      accounts: [anAccount({ last: { key: 'key-1', at: utc('2026-01-04 12:00:00') } })],
    });
    expect(await reserved(own, { ...ROW, attempt: 2 })).toMatchObject({ kind: 'reserved', attempt: 2 });
  });
});

describe('nothing is written', () => {
  it.each([
    ['too late to begin', '2026-01-04 12:00:10', { kind: 'not_reserved', attempt: 1 }],
    ['paused', '2026-01-05 12:00:00', { kind: 'held', why: 'charging is paused', switchedOff: true }],
  ])('where it is %s', async (_, startedAt, outcome) => {
    const loop = aLoop({ accounts: [anAccount()] });
    await loop.deps.charging.pause({ reason: 'a test' });
    expect(await reserved(loop, { ...ROW, attemptStartedAt: utc(startedAt) })).toEqual(outcome);
    expect((await loop.ledger.readAccount(EMAIL)).revision).toBe(1);
  });
});

describe('the platform', () => {
  const asking = (answer: Parameters<typeof aLoop>[1], accounts = [anAccount()]) =>
    aLoop({ accounts }, answer);

  it('that does not know the sub-account has the recharge refused before money moves', async () => {
    const loop = asking({ subAccount: () => ({ kind: 'not_found' }) });
    expect(await reserved(loop, ROW, { preflight: true })).toEqual({
      kind: 'refused',
      attempt: 1,
      word: 'unknown_on_platform',
      money: USD_50,
    });
  });

  it('that gives no answer holds it', async () => {
    const why = 'the platform gave no answer about the sub-account: status 502';
    const silent = asking({ subAccount: () => ({ kind: 'no_answer', detail: 'status 502' }) });
    expect(await reserved(silent, ROW, { preflight: true })).toEqual({ kind: 'held', why });
    const failing = asking({
      subAccount: () => {
        throw new Error('no key');
      },
    });
    expect(await reserved(failing, ROW, { preflight: true })).toEqual({
      kind: 'held',
      why: 'the platform gave no answer about the sub-account: Error: no key',
    });
    expect((await silent.ledger.readAccount(EMAIL)).revision).toBe(1);
  });

  it('is not asked about a client who is refused anyhow, nor where it cannot be asked', async () => {
    const refused = asking({ subAccount: () => ({ kind: 'not_found' }) }, [
      anAccount({ status: 'suspended' }),
    ]);
    expect(await reserved(refused, ROW, { preflight: true })).toMatchObject({ word: 'account_suspended' });
    const loop = asking({ subAccount: () => ({ kind: 'not_found' }) });
    expect(await reserved(loop, ROW, { preflight: false })).toMatchObject({ kind: 'reserved' });
    expect([...refused.asked, ...loop.asked]).toEqual([]);
  });

  it.each(['found', 'not_found'] as const)(
    'may take so long that the day is another one, whose limit then refuses first: %s',
    async (kind) => {
      const loop = aLoop(
        { accounts: [anAccount({ limits: { dailyCount: 1 }, counts: { '2026-01-06': 1 } })] },
        {
          subAccount: () => {
            loop.clock.now = utc('2026-01-06 00:00:01');
            return { kind };
          },
        },
      );
      expect(await reserved(loop, ROW, { preflight: true })).toMatchObject({ word: 'over_daily_count' });
    },
  );
});

describe('an account that was read', () => {
  it('and may be old is read again before anything but a write follows from it', async () => {
    const loop = aLoop({ accounts: [withEntryOf(aReservation())] });
    const { calls, ledger } = watched(loop);
    expect(await reserved(loop, ROW, { ledger })).toMatchObject({ kind: 'reserved', fresh: false });
    expect(calls).toEqual(['eventual account', 'strong account']);
  });

  it('and is old loses its write, and what stands there is obeyed', async () => {
    const loop = aLoop({ accounts: [withEntryOf(aReservation(), { revision: 2 })] });
    const { calls, ledger } = watched(loop, { readAccount: async () => anAccount() });
    expect(await reserved(loop, ROW, { ledger })).toMatchObject({ kind: 'reserved', fresh: false });
    expect(calls).toEqual(['eventual account', 'write account']);
  });

  it('and is new costs one read and one write, and a look at the client’s last recharge', async () => {
    const loop = aLoop({ recharges: [OTHER], accounts: [anAccount({ last: LAST })] });
    const { calls, ledger } = watched(loop);
    await reserved(loop, ROW, { ledger });
    expect(calls).toEqual(['eventual account', 'eventual key-0', 'write account']);
  });

  it('names a last recharge, which an old answer may only call ended', async () => {
    const loop = aLoop({ recharges: [OTHER], accounts: [anAccount({ last: LAST })] });
    const old = { ...OTHER, phase: 'granting' as const };
    const { calls, ledger } = watched(loop, {
      read: async (key, consistency) => (consistency === 'eventual' ? old : loop.ledger.read(key)),
    });
    expect(await reserved(loop, ROW, { ledger })).toMatchObject({ kind: 'reserved' });
    expect(calls).toEqual(['eventual account', 'eventual key-0', 'strong key-0', 'write account']);
  });

  it('counts declines anew once the last recharge was paid', async () => {
    const accounts = [anAccount({ last: LAST, declines: { times: 2 } })];
    const loop = aLoop({ recharges: [OTHER], accounts });
    await reserved(loop);
    expect(await loop.ledger.readAccount(EMAIL)).not.toHaveProperty('declines');
  });
});

it('a reservation that brings a client near their monthly cap is told of, once', async () => {
  const limits = { monthlyAmount: 6_000 };
  const loop = aLoop({ accounts: [anAccount({ limits })] });
  await reserved(loop);
  await reserved(loop);
  expect(loop.lines).toMatchObject([
    { message: 'monthly_cap_near', key: 'key-1', email: 'd***@example.com' },
  ]);
});

describe('a person’s word that nothing is to be charged', () => {
  const prepaid = (loop: Loop, given: Partial<ReserveDeps> = {}) =>
    reserveWithoutCharge(ROW, { ...loop.deps, ...given });

  it('stands on the account row, and is no second one when it is said again', async () => {
    const accounts = [anAccount({ last: LAST, declines: { times: 2 }, platformId: 'sub-1' })];
    const loop = aLoop({ recharges: [OTHER], accounts });
    expect(await prepaid(loop)).toBeUndefined();
    const written = await loop.ledger.readAccount(EMAIL);
    expect(written.reservations[NAME]).toStrictEqual({
      state: 'reserved',
      at: utc('2026-01-05 12:00:00'),
      prepaid: true,
      credits: 500,
      platformId: 'sub-1',
    });
    expect(written.last?.key).toBe('key-1');
    expect(written).not.toHaveProperty('declines');
    expect(await prepaid(loop)).toBeUndefined();
    expect((await loop.ledger.readAccount(EMAIL)).revision).toBe(2);
  });

  it('has no platform id where the account has none', async () => {
    const loop = aLoop({ accounts: [anAccount()] });
    await prepaid(loop);
    const { reservations } = await loop.ledger.readAccount(EMAIL);
    expect(reservations[NAME]).not.toHaveProperty('platformId');
  });

  it.each<[string, Account | undefined, string]>([
    [
      'was begun with a charge',
      withEntryOf(aReservation()),
      'Recharge key-1 was begun with a charge. Nothing was written.',
    ],
    [
      'was begun with a charge that was refused',
      withEntryOf({ state: 'refused', at: 1, word: 'cooldown' }),
      'Recharge key-1 was begun with a charge. Nothing was written.',
    ],
    [
      'is of nobody who is set up',
      undefined,
      `No client ${EMAIL} is set up: npx relay accounts add ${EMAIL}`,
    ],
    [
      'is of a client who is suspended',
      anAccount({ status: 'suspended' }),
      `The client ${EMAIL} is suspended: npx relay accounts enable ${EMAIL} --note "why"`,
    ],
    [
      'comes while another one is under way',
      anAccount({ last: { key: 'key-2', at: 1 } }),
      `The client ${EMAIL} has an unfinished recharge, key-2, which is charged: a client has one at a time.`,
    ],
  ])('is not written of a recharge that %s', async (_, account, refused) => {
    const recharges = [aRecharge({ key: 'key-2', phase: 'charged' })];
    const loop = aLoop({ recharges, accounts: account === undefined ? [] : [account] });
    expect(await prepaid(loop)).toEqual({ refused });
    expect((await loop.ledger.readAccount(EMAIL)).revision).toBe(account?.revision ?? 0);
  });

  it('is judged anew where somebody else wrote the account meanwhile', async () => {
    const loop = aLoop({ accounts: [anAccount({ revision: 2, status: 'suspended' })] });
    const { ledger } = watched(loop, { readAccount: async () => anAccount() });
    expect(await prepaid(loop, { ledger })).toEqual({
      refused: `The client ${EMAIL} is suspended: npx relay accounts enable ${EMAIL} --note "why"`,
    });
  });
});

describe('a reserved amount', () => {
  const DECLINED = { reason: 'card_refused', retryable: false };
  const SPENT = { spent: { '2026-01_USD': 7_000 } };
  const release = (loop: Loop, row: Recharge = ROW, given: Partial<ReserveDeps> = {}) =>
    releaseAttempt(row, DECLINED, { ...loop.deps, ...given });

  it('is given back once, however often that is asked for', async () => {
    const loop = aLoop({ accounts: [withEntryOf(aReservation(), SPENT)] });
    await release(loop);
    await release(loop);
    const { revision, spent, reservations, declines } = await loop.ledger.readAccount(EMAIL);
    expect({ revision, spent, declines }).toEqual({
      revision: 2,
      spent: { '2026-01_USD': 2_000 },
      declines: { times: 1 },
    });
    expect(reservations[NAME]).toEqual({ ...aReservation(), ...DECLINED, state: 'released' });
    expect(loop.lines).toEqual([]);
  });

  it('is given back also where somebody else wrote the account meanwhile', async () => {
    const loop = aLoop({ accounts: [withEntryOf(aReservation(), { ...SPENT, revision: 2 })] });
    const { ledger } = watched(loop, { readAccount: async () => withEntryOf(aReservation(), SPENT) });
    await release(loop, ROW, { ledger });
    expect((await loop.ledger.readAccount(EMAIL)).spent).toEqual({ '2026-01_USD': 2_000 });
  });

  it('of somebody who was erased belongs to no month any more', async () => {
    const loop = aLoop();
    const { calls, ledger } = watched(loop);
    await release(loop, { ...ROW, email: 'erased:0123' }, { ledger });
    expect(calls).toEqual([]);
  });

  it('of a completed recharge whose money is given back is given back within its month', async () => {
    const loop = aLoop({ accounts: [anAccount(SPENT)] });
    await release(loop, aRecharge({ phase: 'completed', goodwillRefund: 'under_way' }));
    expect((await loop.ledger.readAccount(EMAIL)).spent).toEqual({ '2026-01_USD': 2_000 });
  });

  it('is said aloud where its decline suspends the client, and only then', async () => {
    const declined = (given: Partial<Account>) =>
      aLoop({ accounts: [withEntryOf(aReservation(), { declines: { times: 2 }, ...given })] });
    const loop = declined({});
    await release(loop);
    expect(loop.lines).toMatchObject([
      {
        message: 'client_suspended',
        key: 'key-1',
        email: 'd***@example.com',
        detail: '3 declines in a row: card_refused',
      },
    ]);
    const by = { at: 1, note: 'no more', by: 'ann' };
    for (const given of [
      { status: 'suspended', statusChange: by },
      { status: 'suspended', statusChange: { ...by, forDeclines: true } },
      { declines: { times: 0 }, statusChange: by },
    ] as const) {
      const silent = declined(given);
      await release(silent);
      expect(silent.lines).toEqual([]);
    }
    const off = declined({});
    await release(off, ROW, { guard: guardSettings({ suspendAfterDeclines: 0 }) });
    expect(off.lines).toEqual([]);
  });
});
