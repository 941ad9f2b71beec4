import { describe, expect, it } from 'vitest';
import type { Account } from '../../../shared/recharge/account.ts';
import type { Effect } from '../../../shared/recharge/machine/outcome.ts';
import { perform, type Step } from '../../../shared/recharge/perform.ts';
import {
  chargeIdOf,
  grantMarkPrefixOf,
  type Recharge,
  reservationNameOf,
} from '../../../shared/recharge/recharge.ts';
import { aFrozen, anAccount, aRecharge, aReservation, guardSettings, utc } from '../../support/builders.ts';
import { aLoop } from '../../support/loop.ts';

const RECEIVED = aRecharge();
const CHARGE_ID = chargeIdOf(RECEIVED);
const PREFIX = grantMarkPrefixOf(RECEIVED);
const GRANTING = aRecharge({ phase: 'granting' });

type Loop = ReturnType<typeof aLoop>;
type Given = Partial<Omit<Step, 'deps'>> & { deps?: Partial<Step['deps']> };

const performed = (effect: Exclude<Effect, 'stop'>, { deps }: Loop, { deps: others, ...given }: Given = {}) =>
  perform(effect, {
    row: RECEIVED,
    frozen: aFrozen(),
    isFresh: true,
    mayBegin: () => true,
    ...given,
    deps: { ...deps, ...others },
  });

const fails = (words: string) => () => {
  throw new Error(words);
};
/** What other sides throw need not be an error. */
const failsOddly = () => {
  throw 'odd';
};

describe('a charge', () => {
  it('asks for what the reservation has fixed, and for nothing else', async () => {
    const loop = aLoop();
    const request = {
      chargeId: CHARGE_ID,
      rechargeKey: 'key-1',
      account: { email: 'demo@example.com' },
      credits: 500,
      money: { amount: 5_000, currency: 'USD' },
      description: 'Auto-recharge of 500 credits',
      startedAt: utc('2026-01-05 12:00:00'),
    };
    expect(await performed('charge', loop)).toEqual({
      kind: 'payment',
      attempt: 1,
      asked: 'charge',
      result: { kind: 'paid', paymentRef: 'pay_1' },
      frozen: aFrozen(),
    });
    const known = { platformId: 'sub-1', customer: 'cus_1', paymentMethod: 'pm_1' };
    await performed('charge', loop, { frozen: aFrozen(known) });
    expect(loop.asked).toStrictEqual([
      ['charge', request],
      ['charge', { ...request, account: { email: 'demo@example.com', ...known } }],
    ]);
  });

  it.each<[string, Given, string]>([
    ['where nothing is reserved', { frozen: undefined }, 'nothing is reserved'],
    ['that is prepaid', { frozen: { prepaid: true, grantEmail: 'demo@example.com' } }, 'nothing is reserved'],
    [
      'when its window is over',
      { row: { ...RECEIVED, attemptStartedAt: utc('2026-01-04 12:00:10') } },
      'too late to charge',
    ],
    ['with no time left', { mayBegin: (ms) => ms < 20_000 }, 'no time left in this run'],
  ])('%s is not sent', async (_, given, why) => {
    const loop = aLoop();
    expect(await performed('charge', loop, given)).toEqual({ kind: 'held', why });
    expect(loop.asked).toEqual([]);
  });

  it('is sent with just the time that it needs', async () => {
    const loop = aLoop();
    expect(await performed('charge', loop, { mayBegin: (ms) => ms <= 20_000 })).toMatchObject({
      kind: 'payment',
    });
  });

  it('is not sent while a switch of the agency’s own is off', async () => {
    const loop = aLoop();
    expect(await performed('charge', loop, { deps: { guard: guardSettings({ mode: 'observe' }) } })).toEqual({
      kind: 'held',
      why: 'observe mode',
      switchedOff: true,
    });
    await loop.deps.charging.pause({ reason: 'a test' });
    expect(await performed('charge', loop)).toEqual({
      kind: 'held',
      why: 'charging is paused',
      switchedOff: true,
    });
    expect(loop.asked).toEqual([]);
  });

  it('of an earlier run is sent to a client who is active, and held for one who was suspended since', async () => {
    const active = aLoop({ accounts: [anAccount()] });
    expect(await performed('charge', active, { isFresh: false })).toMatchObject({ kind: 'payment' });
    const suspended = aLoop({ accounts: [anAccount({ status: 'suspended' })] });
    expect(await performed('charge', suspended, { isFresh: false })).toEqual({
      kind: 'held',
      why: 'not charged: account_suspended',
    });
    expect(suspended.asked).toEqual([]);
  });

  it('that this run has reserved costs no second look at the account', async () => {
    const suspended = aLoop({ accounts: [anAccount({ status: 'suspended' })] });
    expect(await performed('charge', suspended, { isFresh: true })).toMatchObject({ kind: 'payment' });
  });

  it('that could not be prepared was not sent', async () => {
    const loop = aLoop({}, { prepareCharge: fails('no secret') });
    expect(await performed('charge', loop)).toEqual({
      kind: 'held',
      why: 'the charge could not be prepared: no secret',
    });
    expect(await performed('charge', aLoop({}, { prepareCharge: failsOddly }))).toEqual({
      kind: 'held',
      why: 'the charge could not be prepared: odd',
    });
  });

  it('that fails while it is sent may have been made', async () => {
    expect(await performed('charge', aLoop({}, { charge: fails('reset') }))).toMatchObject({
      kind: 'payment',
      asked: 'charge',
      result: { kind: 'unknown', detail: 'Error: reset' },
    });
  });
});

describe.each([
  ['look_up_payment', 'lookup'],
  ['cancel_payment', 'cancel'],
] as const)('%s', (effect, verb) => {
  const reference = {
    chargeId: CHARGE_ID,
    startedAt: utc('2026-01-05 12:00:00'),
    money: { amount: 5_000, currency: 'USD' },
  };

  it('asks for this attempt, with all that is known of it, and passes on what comes', async () => {
    const loop = aLoop({}, { [verb]: () => ({ kind: 'paid', paymentRef: 'pay_1' }) });
    const row = { ...RECEIVED, attempt: 2, paymentRef: 'pay_1', actionUrl: 'https://pay.example.com/1' };
    expect(await performed(effect, loop, { row, frozen: aFrozen({ customer: 'cus_1' }) })).toStrictEqual({
      kind: 'payment',
      attempt: 2,
      asked: verb,
      result: { kind: 'paid', paymentRef: 'pay_1' },
      frozen: aFrozen({ customer: 'cus_1' }),
    });
    expect(loop.asked).toStrictEqual([
      [
        verb,
        {
          ...reference,
          chargeId: CHARGE_ID.replace(/1$/, '2'),
          paymentRef: 'pay_1',
          customer: 'cus_1',
          actionUrl: 'https://pay.example.com/1',
        },
      ],
    ]);
  });

  it('knows the money from the row where no reservation was read', async () => {
    const loop = aLoop();
    const row = { ...RECEIVED, amount: 700, currency: 'EUR' };
    expect(await performed(effect, loop, { row, frozen: undefined })).toStrictEqual({
      kind: 'payment',
      attempt: 1,
      asked: verb,
      result: { kind: 'not_found' },
    });
    await performed(effect, loop, { frozen: undefined });
    const { money: _, ...nothingKnown } = reference;
    expect(loop.asked).toStrictEqual([
      [verb, { ...reference, money: { amount: 700, currency: 'EUR' } }],
      [verb, nothingKnown],
    ]);
  });

  it('has the customer from the account row where nothing else names the payment', async () => {
    const customers = { [reservationNameOf(RECEIVED)]: aReservation({ customer: 'cus_1' }) };
    const loop = aLoop({ accounts: [anAccount({ reservations: customers })] });
    await performed(effect, loop, { frozen: undefined });
    await performed(effect, loop, { frozen: undefined, row: { ...RECEIVED, paymentRef: 'pay_1' } });
    await performed(effect, loop, { frozen: aFrozen() });
    const { money: _, ...nothingKnown } = reference;
    expect(loop.asked).toStrictEqual([
      [verb, { ...nothingKnown, customer: 'cus_1' }],
      [verb, { ...nothingKnown, paymentRef: 'pay_1' }],
      [verb, reference],
    ]);
  });

  it('that fails says nothing of the payment', async () => {
    expect(await performed(effect, aLoop({}, { [verb]: fails('reset') }))).toMatchObject({
      kind: 'payment',
      result: { kind: 'unknown', detail: 'Error: reset' },
    });
  });
});

it.each([
  ['look_up_payment', 20_000],
  ['cancel_payment', 20_000],
  ['look_up_grant', 10_000],
  ['list_grants', 10_000],
  ['look_up_refund', 20_000],
  ['refund', 20_000],
] as const)('%s is begun only if a whole call of %i ms fits', async (effect, callMs) => {
  const loop = aLoop();
  const row = aRecharge({ phase: 'completed' });
  expect(await performed(effect, loop, { row, mayBegin: (ms) => ms < callMs })).toEqual({
    kind: 'held',
    why: 'no time left in this run',
  });
  expect(loop.asked).toEqual([]);
  await performed(effect, loop, { row, mayBegin: (ms) => ms <= callMs });
  expect(loop.asked).toHaveLength(1);
});

describe('a grant', () => {
  const granted = (result: object) => ({ kind: 'grant', token: 'token-a', result });
  const reserved = (given = {}) => ({ [reservationNameOf(GRANTING)]: aReservation(given) });

  it('names the client as the platform does, and begins with its mark', async () => {
    const loop = aLoop({}, { grant: () => ({ kind: 'granted', newBalance: 550 }) });
    expect(await performed('grant', loop, { row: GRANTING })).toEqual(
      granted({ kind: 'granted', newBalance: 550 }),
    );
    const row = { ...GRANTING, grantEmail: 'Demo@Example.com', platformId: 'sub-1', grantNo: 2 };
    await performed('grant', loop, { row });
    const grant = { email: 'demo@example.com', credits: 500 };
    const words = 'Auto-recharge of 500 credits';
    expect(loop.asked).toStrictEqual([
      ['grant', { ...grant, description: `${PREFIX}1 ${words}` }],
      [
        'grant',
        {
          ...grant,
          email: 'Demo@Example.com',
          platformId: 'sub-1',
          description: `${PREFIX}2 ${words}`,
        },
      ],
    ]);
  });

  const UNPAID = granted({
    kind: 'unpaid',
    detail:
      'no payment is recorded, or no reservation of this attempt, for these credits, stands on the account row',
  });
  const { paymentRef: _, ...UNRECORDED } = GRANTING;

  it.each<[string, Recharge, Account['reservations']]>([
    ['no payment is recorded', UNRECORDED, reserved()],
    ['nothing was reserved', GRANTING, {}],
    [
      'the reservation was given back',
      GRANTING,
      {
        [reservationNameOf(GRANTING)]: { state: 'released', at: 0, reason: 'declined', retryable: false },
      },
    ],
    ['other credits were reserved', GRANTING, reserved({ credits: 499 })],
    ['another attempt was reserved', { ...GRANTING, attempt: 2 }, reserved()],
  ])('is not sent where %s', async (_why, row, reservations) => {
    const loop = aLoop({ accounts: [anAccount({ reservations })] });
    expect(await performed('grant', loop, { row, frozen: undefined })).toEqual(UNPAID);
    expect(loop.asked).toEqual([]);
  });

  it('without a recorded payment is not sent either by the run that has reserved it', async () => {
    const loop = aLoop();
    expect(await performed('grant', loop, { row: UNRECORDED })).toEqual(UNPAID);
  });

  it.each([
    ['these credits were reserved', { credits: 500 }],
    ['an earlier version reserved it, which did not note the credits', {}],
  ])('is sent by a later run where %s', async (_why, entry) => {
    const loop = aLoop({ accounts: [anAccount({ reservations: reserved(entry) })] });
    expect(await performed('grant', loop, { row: GRANTING, frozen: undefined })).toEqual(
      granted({ kind: 'granted' }),
    );
  });

  it('was not sent where the account could not be read', async () => {
    const loop = aLoop();
    const ledger = { ...loop.ledger, readAccount: fails('no storage') };
    expect(await performed('grant', loop, { row: GRANTING, frozen: undefined, deps: { ledger } })).toEqual(
      granted({ kind: 'not_applied', detail: 'not sent: no storage', unsent: true }),
    );
    expect(loop.asked).toEqual([]);
  });

  it('was not sent where it could not be prepared, and no client should be charged meanwhile', async () => {
    expect(await performed('grant', aLoop({}, { prepareGrant: fails('no key') }), { row: GRANTING })).toEqual(
      granted({
        kind: 'not_applied',
        detail: 'not prepared: no key',
        unsent: true,
        agencyFault: 'unauthorized',
      }),
    );
  });

  it('whose call would end after its deadline is not sent, and one that ends with it is', async () => {
    const loop = aLoop();
    loop.clock.now = utc('2026-01-05 12:02:00') + 1;
    expect(await performed('grant', loop, { row: GRANTING })).toEqual(
      granted({ kind: 'not_applied', detail: 'not sent: too late for this deadline', unsent: true }),
    );
    expect(loop.asked).toEqual([]);
    loop.clock.now -= 1;
    expect(await performed('grant', loop, { row: GRANTING })).toEqual(granted({ kind: 'granted' }));
  });

  it('is not sent where this run would not see its end, and is where it just would', async () => {
    const loop = aLoop();
    expect(await performed('grant', loop, { row: GRANTING, mayBegin: (ms) => ms < 10_000 })).toEqual(
      granted({ kind: 'not_applied', detail: 'not sent: too late for this deadline', unsent: true }),
    );
    expect(loop.asked).toEqual([]);
    await performed('grant', loop, { row: GRANTING, mayBegin: (ms) => ms <= 10_000 });
    expect(loop.asked).toHaveLength(1);
  });

  it('that fails while it is sent may have been made', async () => {
    expect(await performed('grant', aLoop({}, { grant: fails('reset') }), { row: GRANTING })).toEqual(
      granted({ kind: 'unknown', detail: 'Error: reset' }),
    );
  });
});

describe('a look into the platform’s books', () => {
  const PAID_AT = utc('2026-01-05 12:00:05');
  const since = { since: utc('2026-01-05 12:00:00') };

  it('for one grant says which one, of whom, and since when', async () => {
    const loop = aLoop();
    expect(await performed('look_up_grant', loop, { row: GRANTING })).toEqual({
      kind: 'grant_evidence',
      token: 'token-a',
      result: { kind: 'not_found' },
    });
    const row = {
      ...GRANTING,
      grantNo: 2,
      paidAt: PAID_AT,
      platformId: 'sub-1',
      grantEmail: 'Demo@Example.com',
    };
    await performed('look_up_grant', loop, { row });
    const asked = { markPrefix: PREFIX, credits: 500 };
    expect(loop.asked).toStrictEqual([
      ['findGrant', { ...asked, ...since, mark: `${PREFIX}1`, email: 'demo@example.com' }],
      [
        'findGrant',
        {
          ...asked,
          mark: `${PREFIX}2`,
          email: 'Demo@Example.com',
          platformId: 'sub-1',
          since: PAID_AT,
        },
      ],
    ]);
  });

  it('for all grants asks for those since the payment', async () => {
    const loop = aLoop();
    expect(await performed('list_grants', loop, { row: GRANTING })).toEqual({
      kind: 'grants_listed',
      result: { kind: 'listed', marks: [] },
    });
    await performed('list_grants', loop, { row: { ...GRANTING, paidAt: PAID_AT, platformId: 'sub-1' } });
    const asked = { markPrefix: PREFIX };
    expect(loop.asked).toStrictEqual([
      ['listGrants', { ...asked, ...since }],
      ['listGrants', { ...asked, platformId: 'sub-1', since: PAID_AT }],
    ]);
  });

  it('that fails is no answer', async () => {
    const result = { kind: 'no_answer', detail: 'Error: reset' };
    expect(
      await performed('look_up_grant', aLoop({}, { findGrant: fails('reset') }), { row: GRANTING }),
    ).toEqual({ kind: 'grant_evidence', token: 'token-a', result });
    expect(await performed('list_grants', aLoop({}, { listGrants: fails('reset') }))).toEqual({
      kind: 'grants_listed',
      result,
    });
  });
});

describe('a refund', () => {
  const REFUNDING = aRecharge({ phase: 'refunding' });

  it.each([
    [
      { kind: 'refunded', refundRef: 're_1' },
      { kind: 'found_refunded', refundRef: 're_1' },
    ],
    [
      { kind: 'unknown', detail: 'silent' },
      { kind: 'unknown', detail: 'silent' },
    ],
    [{ kind: 'paid', paymentRef: 'pay_1' }, { kind: 'not_refunded' }],
    [{ kind: 'not_found' }, { kind: 'not_refunded' }],
  ] as const)('of which a lookup says %j is %j', async (said, result) => {
    const loop = aLoop({}, { lookup: () => said });
    expect(await performed('look_up_refund', loop, { row: REFUNDING })).toEqual({ kind: 'refund', result });
    expect(loop.asked).toMatchObject([['lookup', { chargeId: CHARGE_ID, paymentRef: 'pay_1' }]]);
  });

  it('gives the amount of the payment back, under the one key of this recharge', async () => {
    const loop = aLoop({}, { refund: () => ({ kind: 'pending' }) });
    expect(await performed('refund', loop, { row: REFUNDING, frozen: undefined })).toEqual({
      kind: 'refund',
      result: { kind: 'pending' },
    });
    expect(loop.asked).toStrictEqual([
      [
        'refund',
        {
          chargeId: CHARGE_ID,
          startedAt: utc('2026-01-05 12:00:00'),
          paymentRef: 'pay_1',
          money: { amount: 5_000, currency: 'USD' },
          refundId: `${CHARGE_ID}_refund`,
          rechargeKey: 'key-1',
        },
      ],
    ]);
  });

  it('of an amount that nobody knows is not attempted', async () => {
    const loop = aLoop();
    expect(await performed('refund', loop, { frozen: undefined })).toEqual({
      kind: 'refund',
      result: { kind: 'not_attempted', detail: 'the amount that was paid is not known' },
    });
    expect(loop.asked).toEqual([]);
  });

  it('that fails may have been made', async () => {
    expect(await performed('refund', aLoop({}, { refund: fails('reset') }), { row: REFUNDING })).toEqual({
      kind: 'refund',
      result: { kind: 'unknown', detail: 'Error: reset' },
    });
  });
});

it('a reservation is what is found or made on the account row', async () => {
  const loop = aLoop({ recharges: [RECEIVED], accounts: [anAccount()] });
  expect(await performed('reserve', loop)).toMatchObject({ kind: 'reserved', fresh: true });
});
