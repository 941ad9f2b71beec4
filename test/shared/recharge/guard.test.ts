import { describe, expect, it } from 'vitest';
import {
  type Account,
  dayOf,
  type Reservation,
  spentNameOf,
  unknownAccount,
} from '../../../shared/recharge/account.ts';
import {
  capWarning,
  isClosed,
  judge,
  limitsOf,
  withEntry,
  withEntryGivenBack,
  withRelease,
} from '../../../shared/recharge/guard.ts';
import { PHASES, type Recharge, type Refusal, reservationNameOf } from '../../../shared/recharge/recharge.ts';
import { aMoment, anAccount, aRecharge, aReservation, guardSettings, utc } from '../../support/builders.ts';

const NOW = aMoment().now;
const USD_50 = { amount: 5_000, currency: 'USD' };
/** The builders' recharge (key-1, demo@example.com), first attempt: sha256 of "key-1\ndemo@example.com". */
const ENTRY = 'r_42e15c17bde3f087_1';

interface Given {
  recharge?: Recharge;
  account?: Account;
  last?: Recharge;
  settings?: Parameters<typeof guardSettings>[0];
  now?: number;
}

const verdict = ({ recharge = aRecharge(), account = anAccount(), last, settings, now = NOW }: Given) =>
  judge(recharge, account, last, guardSettings(settings), now);
const refusedFor = (given: Given): Refusal | undefined => {
  const judged = verdict(given);
  return judged.kind === 'refuse' ? judged.word : undefined;
};

/** An account on which every limit refuses, in the settings of which every other rule refuses too. */
const everythingWrong = (): Required<Given> => ({
  recharge: aRecharge({ credits: 20_000 }),
  account: anAccount({
    status: 'disabled',
    limits: { cooldownSeconds: 600, dailyCount: 1, monthlyAmount: 5_000 },
    last: { key: 'key-0', at: NOW - 1_000 },
    counts: { '2026-01-05': 1 },
    spent: { '2026-01_USD': 5_000 },
  }),
  last: aRecharge({ key: 'key-0', phase: 'granting' }),
  settings: { mode: 'observe' },
  now: NOW,
});

describe('a client without limits', () => {
  it('may be charged the configured price', () => {
    expect(verdict({})).toEqual({ kind: 'reserve', money: USD_50 });
  });

  it('is charged the price of their own account, where it has one', () => {
    const account = anAccount({ pricing: { currency: 'JPY', perCredit: '15' } });
    expect(verdict({ account })).toEqual({ kind: 'reserve', money: { amount: 7_500, currency: 'JPY' } });
  });
});

describe('every word of refusal', () => {
  it.each<[Refusal, Given]>([
    ['stopped', { recharge: aRecharge({ stopped: true }) }],
    ['account_unknown', { account: unknownAccount('demo@example.com') }],
    ['account_disabled', { account: anAccount({ status: 'disabled' }) }],
    ['account_suspended', { account: anAccount({ status: 'suspended' }) }],
    ['amount_out_of_range', { settings: { credits: { min: 501, max: 10_000 } } }],
    ['unfinished_recharge', { last: aRecharge({ key: 'key-0', phase: 'needs_review' }) }],
    [
      'cooldown',
      {
        account: anAccount({ last: { key: 'key-0', at: NOW } }),
        settings: { limits: { cooldownSeconds: 1 } },
      },
    ],
    ['over_daily_count', { settings: { limits: { dailyCount: 0 } } }],
    ['over_monthly_amount', { settings: { limits: { monthlyAmount: 4_999 } } }],
    ['observe_only', { settings: { mode: 'observe' } }],
  ])('%s', (word, given) => {
    expect(refusedFor(given)).toBe(word);
  });

  it('carries the price it would have had, once the client and the amount are known to be good', () => {
    expect(verdict({ settings: { limits: { dailyCount: 0 } } })).toEqual({
      kind: 'refuse',
      word: 'over_daily_count',
      money: USD_50,
    });
    expect(verdict({ account: anAccount({ status: 'disabled' }) })).toEqual({
      kind: 'refuse',
      word: 'account_disabled',
    });
  });

  it('comes in a fixed order: mend one thing, and the next is named', () => {
    const given = everythingWrong();
    const words = [refusedFor(given)];
    const mend = (changes: Partial<Required<Given>>) => {
      Object.assign(given, changes);
      words.push(refusedFor(given));
    };
    mend({ account: { ...given.account, status: 'active' } });
    mend({ recharge: aRecharge() });
    mend({ last: aRecharge({ key: 'key-0', phase: 'completed' }) });
    mend({ now: NOW + 600_000 });
    mend({ account: { ...given.account, counts: {} } });
    mend({ account: { ...given.account, counts: {}, spent: {} } });
    mend({ settings: { mode: 'live' } });
    expect(words).toEqual([
      'account_disabled',
      'amount_out_of_range',
      'unfinished_recharge',
      'cooldown',
      'over_daily_count',
      'over_monthly_amount',
      'observe_only',
      undefined,
    ]);
  });
});

describe('a client the agency does not know', () => {
  const account = unknownAccount('demo@example.com');

  it('is refused, or charged the default price where that is allowed', () => {
    expect(refusedFor({ account })).toBe('account_unknown');
    expect(verdict({ account, settings: { unknownAccounts: 'allow' } })).toEqual({
      kind: 'reserve',
      money: USD_50,
    });
  });

  it('is held to the default limits', () => {
    const settings = { unknownAccounts: 'allow', limits: { dailyCount: 1 } } as const;
    expect(refusedFor({ account: { ...account, counts: { '2026-01-05': 1 } }, settings })).toBe(
      'over_daily_count',
    );
  });

  it('stays refused when disabled, whoever is allowed', () => {
    const disabled = anAccount({ status: 'disabled' });
    expect(refusedFor({ account: disabled, settings: { unknownAccounts: 'allow' } })).toBe(
      'account_disabled',
    );
  });
});

describe('the number of credits', () => {
  const settings = { credits: { min: 100, max: 1_000 } };

  it.each<[number, Refusal | undefined]>([
    [99, 'amount_out_of_range'],
    [100, undefined],
    [1_000, undefined],
    [1_001, 'amount_out_of_range'],
  ])('%i', (credits, word) => {
    expect(refusedFor({ recharge: aRecharge({ credits }), settings })).toBe(word);
  });

  it('must have a price', () => {
    const packs = { currency: 'USD', packs: [{ credits: 100, price: '10.00' }] };
    expect(refusedFor({ settings: { pricing: packs } })).toBe('amount_out_of_range');
  });

  it('must have a price of at least one minor unit', () => {
    const price = (perCredit: string) => ({ settings: { pricing: { currency: 'USD', perCredit } } });
    expect(refusedFor(price('0.000009'))).toBe('amount_out_of_range');
    expect(verdict(price('0.00001'))).toEqual({ kind: 'reserve', money: { amount: 1, currency: 'USD' } });
  });

  it('must have a price that a number holds exactly', () => {
    const given = (credits: number): Given => ({
      recharge: aRecharge({ credits }),
      settings: {
        credits: { min: 1, max: 1_000_000_000_000 },
        pricing: { currency: 'USD', perCredit: '1000.00' },
      },
    });
    expect(verdict(given(90_071_992_547))).toEqual({
      kind: 'reserve',
      money: { amount: 9_007_199_254_700_000, currency: 'USD' },
    });
    expect(refusedFor(given(90_071_992_548))).toBe('amount_out_of_range');
  });
});

describe('the client’s last recharge', () => {
  it.each(PHASES)('in %s: another one waits for its end', (phase) => {
    const finished = ['completed', 'declined', 'blocked', 'refunded'].includes(phase);
    expect(refusedFor({ last: aRecharge({ key: 'key-0', phase }) })).toBe(
      finished ? undefined : 'unfinished_recharge',
    );
  });

  it('does not stand in its own way: with none other than this, nothing is unfinished', () => {
    const account = anAccount({ last: { key: 'key-1', at: utc('2026-01-04 12:00:00') } });
    expect(refusedFor({ account })).toBeUndefined();
  });
});

describe('the cooldown', () => {
  const settings = { limits: { cooldownSeconds: 600 } };
  const at = (now: string) =>
    refusedFor({
      account: anAccount({ last: { key: 'key-0', at: utc('2026-01-05 12:00:00') } }),
      settings,
      now: utc(now),
    });

  it('ends after its last millisecond', () => {
    expect(at('2026-01-05 12:09:59.999')).toBe('cooldown');
    expect(at('2026-01-05 12:10:00')).toBeUndefined();
  });

  it('does not touch a client who never recharged', () => {
    expect(refusedFor({ settings })).toBeUndefined();
  });

  it('is none where none is configured', () => {
    const account = anAccount({ last: { key: 'key-0', at: NOW } });
    expect(refusedFor({ account })).toBeUndefined();
  });
});

describe('the daily count', () => {
  const settings = { limits: { dailyCount: 5 } };

  it('allows exactly so many', () => {
    expect(refusedFor({ account: anAccount({ counts: { '2026-01-05': 4 } }), settings })).toBeUndefined();
    expect(refusedFor({ account: anAccount({ counts: { '2026-01-05': 5 } }), settings })).toBe(
      'over_daily_count',
    );
  });

  it('begins anew at midnight UTC', () => {
    const account = anAccount({ counts: { '2026-01-05': 5 } });
    expect(refusedFor({ account, settings, now: utc('2026-01-05 23:59:59.999') })).toBe('over_daily_count');
    expect(refusedFor({ account, settings, now: utc('2026-01-06 00:00:00') })).toBeUndefined();
  });
});

describe('the monthly cap', () => {
  const settings = { limits: { monthlyAmount: 20_000 } };

  it('may be reached exactly, and not passed by a cent', () => {
    expect(
      refusedFor({ account: anAccount({ spent: { '2026-01_USD': 15_000 } }), settings }),
    ).toBeUndefined();
    expect(refusedFor({ account: anAccount({ spent: { '2026-01_USD': 15_001 } }), settings })).toBe(
      'over_monthly_amount',
    );
  });

  it('begins anew at the month’s end, UTC', () => {
    const account = anAccount({ spent: { '2026-01_USD': 20_000 } });
    expect(refusedFor({ account, settings, now: utc('2026-01-31 23:59:59.999') })).toBe(
      'over_monthly_amount',
    );
    expect(refusedFor({ account, settings, now: utc('2026-02-01 00:00:00') })).toBeUndefined();
  });

  it('counts each currency for itself', () => {
    const account = anAccount({ spent: { '2026-01_EUR': 20_000 } });
    expect(refusedFor({ account, settings })).toBeUndefined();
  });
});

describe('limits of one account', () => {
  it('replace the default ones, one by one', () => {
    const settings = { limits: { dailyCount: 5, cooldownSeconds: 600 } };
    const account = anAccount({ limits: { dailyCount: 1 } });
    expect(limitsOf(account, settings)).toEqual({ dailyCount: 1, cooldownSeconds: 600 });
  });

  it('may be wider than the default ones', () => {
    const account = anAccount({ limits: { monthlyAmount: 100_000 }, spent: { '2026-01_USD': 20_000 } });
    expect(refusedFor({ account, settings: { limits: { monthlyAmount: 20_000 } } })).toBeUndefined();
  });

  it('may forbid all', () => {
    expect(refusedFor({ account: anAccount({ limits: { monthlyAmount: 0 } }) })).toBe('over_monthly_amount');
    expect(refusedFor({ account: anAccount({ limits: { dailyCount: 0 } }) })).toBe('over_daily_count');
  });
});

describe('observing', () => {
  it('charges nobody, and shows the price they would have paid', () => {
    expect(verdict({ settings: { mode: 'observe' } })).toEqual({
      kind: 'refuse',
      word: 'observe_only',
      money: USD_50,
    });
  });

  it('shows the word a recharge would really have been refused with', () => {
    expect(refusedFor({ account: anAccount({ status: 'suspended' }), settings: { mode: 'observe' } })).toBe(
      'account_suspended',
    );
    expect(refusedFor({ settings: { mode: 'observe', limits: { dailyCount: 0 } } })).toBe('over_daily_count');
  });
});

describe('the names of counters', () => {
  it('are UTC days and months, at both their ends', () => {
    expect(dayOf(utc('2026-01-31 00:00:00'))).toBe('2026-01-31');
    expect(dayOf(utc('2026-01-31 23:59:59.999'))).toBe('2026-01-31');
    expect(spentNameOf(utc('2025-12-31 23:59:59.999'), 'USD')).toBe('2025-12_USD');
    expect(spentNameOf(utc('2026-01-01 00:00:00'), 'KWD')).toBe('2026-01_KWD');
  });

  it('and the name of a reservation is that of the recharge and its attempt', () => {
    expect(reservationNameOf(aRecharge())).toBe(ENTRY);
    expect(reservationNameOf(aRecharge({ attempt: 2 }))).toBe('r_42e15c17bde3f087_2');
    expect(reservationNameOf(aRecharge({ key: 'key-2' }))).not.toBe(ENTRY);
    expect(reservationNameOf(aRecharge({ email: 'other@example.com' }))).not.toBe(ENTRY);
  });
});

describe('writing a reservation', () => {
  it('counts it and makes it the client’s last', () => {
    const account = anAccount({
      last: { key: 'key-0', at: utc('2026-01-04 12:00:00') },
      counts: { '2026-01-05': 2 },
      spent: { '2026-01_USD': 7_000, '2026-01_EUR': 1 },
    });
    expect(withEntry(account, aRecharge(), aReservation())).toEqual({
      ...account,
      last: { key: 'key-1', at: utc('2026-01-05 12:00:00') },
      counts: { '2026-01-05': 3 },
      spent: { '2026-01_USD': 12_000, '2026-01_EUR': 1 },
      reservations: { [ENTRY]: aReservation() },
    });
  });

  it('begins the counters of a new client, day or month', () => {
    const entry = aReservation({ at: utc('2026-02-01 00:00:00') });
    const account = anAccount({ counts: { '2026-01-31': 5 }, spent: { '2026-01_USD': 20_000 } });
    expect(withEntry(account, aRecharge(), entry)).toMatchObject({
      counts: { '2026-01-31': 5, '2026-02-01': 1 },
      spent: { '2026-01_USD': 20_000, '2026-02_USD': 5_000 },
    });
  });

  it('leaves the account that was read as it was', () => {
    const account = anAccount({
      reservations: { r_old_1: aReservation({ at: utc('2025-12-01 12:00:00') }) },
    });
    const before = structuredClone(account);
    withEntry(account, aRecharge(), aReservation());
    expect(account).toEqual(before);
  });
});

describe('writing a refusal', () => {
  it('counts nothing and leaves the last recharge', () => {
    const account = anAccount({
      last: { key: 'key-0', at: utc('2026-01-05 11:00:00') },
      counts: { '2026-01-05': 2 },
      spent: { '2026-01_USD': 7_000 },
    });
    const entry: Reservation = { state: 'refused', at: NOW, word: 'cooldown', money: USD_50 };
    expect(withEntry(account, aRecharge(), entry)).toEqual({ ...account, reservations: { [ENTRY]: entry } });
  });
});

describe('a row that storage may forget', () => {
  const stranger = unknownAccount('demo@example.com');
  const refusal = { state: 'refused', at: NOW, word: 'account_unknown' } as const;
  const IN_TWO_DAYS = (NOW + 48 * 3_600_000) / 1_000;

  it('is that of a stranger who was only refused, two days after the last time', () => {
    const refused = withEntry(stranger, aRecharge(), refusal);
    expect(refused).toMatchObject({ expiresAt: IN_TWO_DAYS });
    const later = withEntry(refused, aRecharge({ key: 'key-2' }), { ...refusal, at: NOW + 60_000 });
    expect(later).toMatchObject({ expiresAt: IN_TWO_DAYS + 60 });
  });

  it('is none where something was ever reserved, though the last was a refusal', () => {
    const refused = withEntry(stranger, aRecharge(), refusal);
    const reserved = withEntry(refused, aRecharge({ key: 'key-2' }), aReservation({ at: NOW }));
    expect(reserved).not.toHaveProperty('expiresAt');
    const again = withEntry(reserved, aRecharge({ key: 'key-3' }), { ...refusal, word: 'cooldown' });
    expect(again).not.toHaveProperty('expiresAt');
  });

  it('is none of a client who is set up', () => {
    expect(withEntry(anAccount(), aRecharge(), { ...refusal, word: 'cooldown' })).not.toHaveProperty(
      'expiresAt',
    );
  });
});

describe('old entries', () => {
  const refusal = (at: number): Reservation => ({ state: 'refused', at, word: 'cooldown' });
  const released = (at: number): Reservation => ({
    state: 'released',
    at,
    money: USD_50,
    reason: 'no funds',
    retryable: false,
  });
  const namesAfter = (account: Account, now: number) =>
    Object.keys(withEntry(account, aRecharge(), aReservation({ at: now })).reservations).sort();

  it.each<[string, (at: number) => Reservation]>([
    ['reservation', (at) => aReservation({ at })],
    ['refusal', refusal],
    ['released reservation', released],
  ])('a %s is kept for 25 h and dropped by the next write', (_, entryAt) => {
    const account = anAccount({ reservations: { r_old_1: entryAt(utc('2026-01-05 12:00:00')) } });
    expect(namesAfter(account, utc('2026-01-06 12:59:59.999'))).toEqual([ENTRY, 'r_old_1']);
    expect(namesAfter(account, utc('2026-01-06 13:00:00'))).toEqual([ENTRY]);
  });

  it("the last recharge's entry stays, however old: it may be unfinished, and its amount be given back", () => {
    const last = aRecharge({ key: 'last', phase: 'charge_pending' });
    const reserved = withEntry(anAccount(), last, aReservation({ at: utc('2026-01-05 12:00:00') }));
    const refused = withEntry(reserved, aRecharge(), refusal(utc('2026-01-08 12:00:00')));
    const released = withRelease(refused, last, { reason: 'cancelled', retryable: false });
    expect(released?.spent).toEqual({ '2026-01_USD': 0 });
  });

  it('what is released keeps nothing of what would have been paid for, as in storage', () => {
    const reserved = withEntry(anAccount(), aRecharge(), { ...aReservation(), credits: 500, prepaid: true });
    const [entry] = Object.values(
      withRelease(reserved, aRecharge(), { reason: 'declined', retryable: false })?.reservations ?? {},
    );
    expect(entry).toMatchObject({ state: 'released', reason: 'declined' });
    expect(entry).not.toHaveProperty('credits');
    expect(entry).not.toHaveProperty('prepaid');
  });

  it('of other recharges than the last 5 stay, and 50 of the last ten minutes, whatever they are', () => {
    const made = (name: string, ageSeconds: number, entryAt: (at: number) => Reservation) =>
      [`r_${name}_1`, entryAt(NOW - ageSeconds * 1_000)] as const;
    const old = Array.from({ length: 40 }, (_, index) =>
      made(`old-${index}`, 600 + index, index % 2 === 0 ? refusal : released),
    );
    const young = Array.from({ length: 3 }, (_, index) => made(`young-${index}`, index + 1, refusal));
    const few = anAccount({ reservations: Object.fromEntries([...old, ...young]) });
    expect(namesAfter(few, NOW)).toEqual(
      [ENTRY, 'r_old-0_1', 'r_old-1_1', 'r_young-0_1', 'r_young-1_1', 'r_young-2_1'].sort(),
    );
    const storm = Array.from({ length: 190 }, (_, index) => made(`storm-${index}`, index + 1, refusal));
    const many = withEntry(
      anAccount({ reservations: Object.fromEntries([...storm, ...old]) }),
      aRecharge({ key: 'key-2' }),
      refusal(NOW),
    );
    // Of an overfull row the oldest hundred at a time.
    expect(Object.keys(many.reservations)).toHaveLength(190 + 40 - 100 + 1);
    expect(namesAfter(many, NOW)).toHaveLength(50 + 1);
  });

  it('that are not kept still exclude their attempts, and every one that began before them; later ones are judged', () => {
    const at = (second: number) => NOW + second * 1_000;
    const key = (second: number) => `key at ${second}`;
    let account = withEntry(anAccount(), aRecharge({ key: 'last' }), aReservation({ at: at(0) }));
    for (let second = 1; second <= 60; second += 1) {
      account = withEntry(account, aRecharge({ key: key(second) }), refusal(at(second)));
    }
    const dropped = (attempt: { key: string; attemptStartedAt: number }) =>
      isClosed(account, attempt) && account.reservations[reservationNameOf(aRecharge(attempt))] === undefined;
    for (let second = 1; second <= 60; second += 1) {
      // Before each write 50 others are kept.
      expect(dropped({ key: key(second), attemptStartedAt: at(second) })).toBe(second <= 9);
    }
    expect(isClosed(account, { key: 'new', attemptStartedAt: at(9) })).toBe(true);
    expect(isClosed(account, { key: 'new', attemptStartedAt: at(9) + 1 })).toBe(false);
    expect(isClosed(account, { key: 'last', attemptStartedAt: at(0) })).toBe(false);
    expect(isClosed(anAccount(), { key: 'new', attemptStartedAt: 0 })).toBe(false);
  });

  it('counters stay as long as they are needed: the day before, and the month before for a late release', () => {
    const account = anAccount({
      counts: { '2026-03-01': 1, '2026-03-02': 2, '2026-03-03': 3, '2026-03-04': 4 },
      spent: { '2025-12_USD': 1, '2026-01_USD': 2, '2026-02_USD': 3, '2026-03_USD': 4 },
    });
    const next = withEntry(account, aRecharge(), aReservation({ at: utc('2026-03-04 12:00:00') }));
    expect(next.counts).toEqual({ '2026-03-03': 3, '2026-03-04': 5 });
    expect(next.spent).toEqual({ '2026-01_USD': 2, '2026-02_USD': 3, '2026-03_USD': 5_004 });
  });
});

describe('giving an amount back', () => {
  const declined = { reason: 'insufficient_funds', retryable: true };
  const reserved = () =>
    anAccount({
      last: { key: 'key-1', at: utc('2026-01-05 12:00:00') },
      counts: { '2026-01-05': 1 },
      spent: { '2026-01_USD': 12_000, '2026-02_USD': 300 },
      reservations: { [ENTRY]: aReservation({ customer: 'cus_1' }) },
    });

  it('returns the amount, and neither the day’s count nor the cooldown; a tombstone stays', () => {
    expect(withRelease(reserved(), aRecharge(), declined)).toEqual({
      ...reserved(),
      spent: { '2026-01_USD': 7_000, '2026-02_USD': 300 },
      reservations: {
        [ENTRY]: {
          state: 'released',
          at: utc('2026-01-05 12:00:00'),
          money: USD_50,
          customer: 'cus_1',
          reason: 'insufficient_funds',
          retryable: true,
        },
      },
    });
  });

  it('happens once, however often it is asked', () => {
    const once = withRelease(reserved(), aRecharge(), declined);
    expect(once && withRelease(once, aRecharge(), declined)).toBeUndefined();
  });

  it('goes to the month and currency it was taken from, not to the one it is given back in', () => {
    const account = anAccount({
      spent: { '2026-01_USD': 5_000, '2026-01_EUR': 5_000, '2026-02_USD': 5_000 },
      reservations: { [ENTRY]: aReservation({ at: utc('2026-01-31 23:59:59.999') }) },
    });
    expect(withRelease(account, aRecharge(), declined)?.spent).toEqual({
      '2026-01_USD': 0,
      '2026-01_EUR': 5_000,
      '2026-02_USD': 5_000,
    });
  });

  it('never takes a counter below zero', () => {
    const account = anAccount({ spent: { '2026-01_USD': 1_000 }, reservations: { [ENTRY]: aReservation() } });
    expect(withRelease(account, aRecharge(), declined)?.spent).toEqual({ '2026-01_USD': 0 });
  });

  it.each<[string, Account]>([
    ['was never reserved', anAccount()],
    [
      'was refused',
      anAccount({ reservations: { [ENTRY]: { state: 'refused', at: NOW, word: 'cooldown' } } }),
    ],
    ['belongs to another attempt', anAccount({ reservations: { r_42e15c17bde3f087_2: aReservation() } })],
  ])('gives nothing back that %s', (_, account) => {
    expect(withRelease(account, aRecharge(), declined)).toBeUndefined();
  });

  it('frees an entry without an amount, too', () => {
    const account = anAccount({ reservations: { [ENTRY]: { state: 'reserved', at: NOW } } });
    expect(withRelease(account, aRecharge(), declined)).toEqual({
      ...account,
      reservations: {
        [ENTRY]: { state: 'released', at: NOW, reason: 'insufficient_funds', retryable: true },
      },
    });
  });

  it('keeps no more than 100 characters of the reason', () => {
    const long = { reason: 'x'.repeat(101), retryable: false };
    expect(withRelease(reserved(), aRecharge(), long)?.reservations[ENTRY]).toMatchObject({
      reason: 'x'.repeat(100),
    });
  });

  it('makes room under the cap again', () => {
    const settings = { limits: { monthlyAmount: 12_000 } };
    const account = reserved();
    expect(refusedFor({ recharge: aRecharge({ key: 'key-2' }), account, settings })).toBe(
      'over_monthly_amount',
    );
    const freed = withRelease(account, aRecharge(), declined);
    expect(
      freed && refusedFor({ recharge: aRecharge({ key: 'key-2' }), account: freed, settings }),
    ).toBeUndefined();
  });
});

describe('warnings about the monthly cap', () => {
  const settings = { limits: { monthlyAmount: 20_000 } };
  const warningFor = (spentBefore: number, amount: number) =>
    capWarning(
      anAccount({ spent: { '2026-01_USD': spentBefore } }),
      aReservation({ money: { amount, currency: 'USD' } }),
      settings,
    );

  it.each<[number, number, ReturnType<typeof capWarning>]>([
    [0, 15_999, undefined],
    [0, 16_000, 'monthly_cap_near'],
    [15_999, 1, 'monthly_cap_near'],
    [16_000, 3_999, undefined],
    [16_000, 4_000, 'monthly_cap_reached'],
    [19_999, 1, 'monthly_cap_reached'],
    [0, 20_000, 'monthly_cap_reached'],
    [20_000, 1, undefined],
  ])('after %i, with %i more of 20,000: %s', (spentBefore, amount, warning) => {
    expect(warningFor(spentBefore, amount)).toBe(warning);
  });

  it('know the account’s own cap, and the currency', () => {
    const account = anAccount({ limits: { monthlyAmount: 6_250 }, spent: { '2026-01_EUR': 19_999 } });
    expect(capWarning(account, aReservation(), settings)).toBe('monthly_cap_near');
  });

  it('do not come with an amount given back', () => {
    const released = {
      ...aReservation({ money: { amount: 20_000, currency: 'USD' } }),
      state: 'released',
    } as const;
    expect(
      capWarning(anAccount(), { ...released, reason: 'no funds', retryable: false }, settings),
    ).toBeUndefined();
  });

  it('need a cap', () => {
    expect(capWarning(anAccount(), aReservation(), { limits: {} })).toBeUndefined();
  });
});

describe('a reservation without a charge', () => {
  it('becomes the client’s last, and counts in no limit', () => {
    const before = anAccount({ counts: { '2026-01-05': 1 }, spent: { '2026-01_USD': 5_000 } });
    const entry: Reservation = { state: 'reserved', at: NOW, prepaid: true, credits: 500 };
    expect(withEntry(before, aRecharge(), entry)).toEqual({
      ...before,
      last: { key: 'key-1', at: NOW },
      reservations: { [ENTRY]: entry },
    });
  });
});

describe('the entry of a completed recharge whose money is given back', () => {
  const ATTEMPTED = utc('2026-01-05 12:00:00');
  const later = utc('2026-01-31 23:59:59');
  const givenBack = (given: Partial<Recharge> = {}) =>
    aRecharge({ phase: 'completed', goodwillRefund: 'under_way', amount: 5_000, currency: 'USD', ...given });
  const { amount: _a, currency: _c, ...uncharged } = givenBack();
  const account = anAccount({ spent: { '2026-01_USD': 9_000 } });

  it('is made anew in the month of its attempt, so that its amount can be given back once', () => {
    const made = withEntryGivenBack(account, givenBack(), later);
    expect(made).toEqual({
      ...account,
      reservations: { [ENTRY]: { state: 'reserved', at: later, money: USD_50 } },
    });
    const released = withRelease(made, givenBack(), { reason: 'refunded', retryable: false });
    expect(released?.spent).toEqual({ '2026-01_USD': 4_000 });
  });

  it('stands beside those that are there', () => {
    const others = { r_another_1: aReservation({ at: later - 1 }) };
    const made = withEntryGivenBack({ ...account, reservations: others }, givenBack(), later);
    expect(Object.keys(made.reservations)).toEqual(['r_another_1', ENTRY]);
  });

  it.each<[string, Account, Recharge, number]>([
    ['once the month of its attempt is over', account, givenBack(), utc('2026-02-01 00:00:00')],
    [
      'where it still stands',
      { ...account, reservations: { [ENTRY]: aReservation({ at: ATTEMPTED }) } },
      givenBack(),
      later,
    ],
    ['where nothing was charged', account, uncharged, later],
    ['where nothing is given back', account, aRecharge({ phase: 'refunding' }), later],
    ['once it was given back', account, givenBack({ goodwillRefund: 'refunded' }), later],
  ])('is not made %s', (_, before, recharge, now) => {
    expect(withEntryGivenBack(before, recharge, now)).toEqual(before);
  });
});
