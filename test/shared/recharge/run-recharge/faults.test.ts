import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../../shared/recharge/answers.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { utc } from '../../../support/builders.ts';
import {
  answer,
  counted,
  DAY,
  GRANTED,
  IMPATIENT,
  NOTHING,
  nextRun,
  PAID,
  REFUNDED,
  SECOND,
  spent,
  toRest,
  useQuickWorlds,
} from '../../../support/course.ts';
import { EMAIL, PAYMENTS, type World } from '../../../support/world.ts';

const { worldWith } = useQuickWorlds();

interface ChargeFault {
  fault: string;
  ms?: number;
  /** The row and the books after the run that met it. */
  phase: string;
  captures: number;
  /** How often the charge is asked for until the recharge is completed. */
  asked: number;
  alerts?: string[];
}

const MISCONFIGURED = ['payment_hook_misconfigured'];

/** An agency's own endpoint is to be mended where it answers against its contract; Stripe is not. */
const againstTheContract = PAYMENTS === 'endpoint' ? MISCONFIGURED : [];

/** What only an agency's own endpoint can get wrong. */
const ENDPOINT_FAULTS: ChargeFault[] = [
  ...['no_payment_ref', 'other_amount', 'other_charge'].map((fault) => ({
    fault,
    phase: 'received',
    captures: 1,
    asked: 1,
    alerts: MISCONFIGURED,
  })),
  { fault: 'respelled', phase: 'completed', captures: 1, asked: 1 },
  ...['not_found', 'invalid'].map((fault) => ({
    fault,
    phase: 'received',
    captures: 0,
    asked: 2,
    alerts: MISCONFIGURED,
  })),
  { fault: 'answer_twice', phase: 'completed', captures: 1, asked: 1 },
];

const CHARGE_FAULTS: ChargeFault[] = [
  ...(PAYMENTS === 'endpoint' ? ENDPOINT_FAULTS : []),
  { fault: 'error_before', phase: 'received', captures: 0, asked: 2 },
  { fault: 'error_after', phase: 'received', captures: 1, asked: 1 },
  { fault: 'hang_before', phase: 'received', captures: 0, asked: 2 },
  { fault: 'hang_after', phase: 'received', captures: 1, asked: 1 },
  { fault: 'reset_before', phase: 'received', captures: 0, asked: 2 },
  { fault: 'reset_after', phase: 'received', captures: 1, asked: 1 },
  { fault: 'garbage', phase: 'received', captures: 1, asked: 1, alerts: againstTheContract },
  { fault: 'in_progress', phase: 'received', captures: 0, asked: 2 },
  { fault: 'rate_limited', phase: 'received', captures: 0, asked: 2 },
  ...['unauthorized', 'forbidden', 'bad_request'].map((fault) => ({
    fault,
    phase: 'received',
    captures: 0,
    asked: 2,
    alerts: MISCONFIGURED,
  })),
  { fault: 'slow', ms: 50, phase: 'completed', captures: 1, asked: 1 },
];

describe('a charge that meets', () => {
  it.each(CHARGE_FAULTS)('"$fault" is made once, and the recharge completed', async (given) => {
    const { fault, ms, phase, captures, asked, alerts = [] } = given;
    const world = await worldWith(IMPATIENT);
    world.payments.fault({ operation: 'charge', fault, ...(ms === undefined ? {} : { ms }) });
    const { around, times } = counted();
    expect(await world.start(around).run()).toMatchObject({ phase });
    expect(world.books().captures).toBe(captures);
    if (phase === 'received') await nextRun(world, around);
    expect(await world.row()).toMatchObject({ phase: 'completed' });
    expect(times('payments.charge')).toBe(asked);
    expect(world.books()).toEqual(GRANTED);
    expect(await spent(world)).toBe(5_000);
    expect(world.alerts()).toEqual(alerts);
  });

  it('"late" is not found, refused as in progress, and found in the end: made once', async () => {
    const world = await worldWith(IMPATIENT);
    world.payments.fault({ operation: 'charge', fault: 'late', ms: 1_000 });
    await world.start().run();
    expect(await nextRun(world)).toMatchObject({ phase: 'received' });
    await expect.poll(() => world.books().captures).toBe(1);
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('"refuse_connections" is made once the endpoint is back', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'refuse_connections', ms: 150 });
    expect(await world.start().run()).toMatchObject({ phase: 'received' });
    await reachable(world.payments.url);
    expect(await toRest(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('"rate_limited" waits as long as it was told', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'rate_limited', ms: 7_000 });
    expect(await world.start().run()).toMatchObject({ nextAttemptAt: utc('2026-01-05 12:00:07') });
  });

  it.each([
    ['error', againstTheContract],
    ['hang', []],
    ['garbage', againstTheContract],
    ['unauthorized', MISCONFIGURED],
    ...(PAYMENTS === 'endpoint' ? [['not_found_plain', MISCONFIGURED] as const] : []),
  ] as const)(
    'silence, and a lookup that meets "%s", is asked for again under its one key, and captured once: says %j',
    async (fault, alerts) => {
      const world = await worldWith(IMPATIENT);
      world.payments.fault({ operation: 'charge', fault: 'error_after' });
      world.payments.fault({ operation: 'lookup', fault });
      const { around, times } = counted();
      await world.start(around).run();
      expect(await nextRun(world, around)).toMatchObject({ phase: 'completed' });
      expect([times('payments.lookup'), times('payments.charge')]).toEqual([1, 2]);
      expect(world.alerts()).toEqual(alerts);
      expect(world.books()).toEqual(GRANTED);
    },
  );

  it('silence, and a lookup that is wrong about it, is repeated with the same key and captured once', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'error_after' });
    world.payments.fault({ operation: 'lookup', fault: 'not_found' });
    await world.start().run();
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('a wait of ten minutes is asked once, however often the webhook comes meanwhile', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'rate_limited', ms: 600_000 });
    const { around, times } = counted();
    for (let copies = 0; copies < 10; copies += 1) {
      await world.start(around).run();
      world.advance(SECOND);
    }
    expect([times('payments.charge'), times('payments.lookup')]).toEqual([1, 0]);
    expect(await nextRun(world, around)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it.each(['disabled', 'suspended'] as const)(
    'silence is not asked for again once the client is %s, and what was taken is still found',
    async (status) => {
      const world = await worldWith();
      world.payments.fault({ operation: 'charge', fault: 'error_before' });
      const { around, times } = counted();
      await world.start(around).run();
      await setStatus(world, status);
      expect(await nextRun(world, around)).toMatchObject({ phase: 'received' });
      expect(times('payments.charge')).toBe(1);
      expect((await world.row()).history.at(-1)?.detail).toBe(`not charged: account_${status}`);
      await setStatus(world, 'active');
      expect(await nextRun(world, around)).toMatchObject({ phase: 'completed' });
      expect(world.books()).toEqual(GRANTED);
    },
  );

  it('silence for 23 h is never made later, and put before a person once 24 h have passed', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'error_before', times: 'always' });
    const { around, times } = counted();
    await world.start(around).run();
    world.moveTo(utc('2026-01-06 10:59:40'));
    expect(await world.start(around).run()).toMatchObject({ phase: 'received' });
    expect(times('payments.charge')).toBe(1);
    world.moveTo(utc('2026-01-06 12:00:00'));
    expect(await world.start(around).run()).toMatchObject({
      phase: 'needs_review',
      review: 'charge_unknown',
    });
    expect(times('payments.charge')).toBe(1);
    expect(world.alerts()).toEqual(['charge_unknown']);
    expect(await spent(world)).toBe(5_000);
  });

  it('silence of charge and lookup for 48 h is put before a person', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'error_after' });
    world.payments.fault({ operation: 'lookup', fault: 'error', times: 2 });
    await world.start().run();
    world.advance(2 * DAY - 1);
    expect(await world.start().run()).toMatchObject({ phase: 'received' });
    expect(await nextRun(world)).toMatchObject({ phase: 'needs_review', review: 'charge_unknown' });
    expect(world.alerts()).toEqual([...againstTheContract, 'charge_unknown']);
    expect(await spent(world)).toBe(5_000);
    await nextRun(world);
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });
});

async function setStatus(world: World, status: 'active' | 'disabled' | 'suspended'): Promise<void> {
  const account = await world.account();
  await world.ledger.writeAccount(account, { ...account, status });
}

async function reachable(url: string): Promise<void> {
  await expect
    .poll(() =>
      fetch(`${url}/health`).then(
        ({ ok }) => ok,
        () => false,
      ),
    )
    .toBe(true);
}

interface GrantFault {
  fault: string;
  ms?: number;
  phase: string;
  review?: string;
  grants: number;
  /** What a person who looks into the books says, and how it ends then. */
  says?: Answer;
  ends: 'completed' | 'refunded';
  alerts: string[];
}

const unknown = (fault: string, grants: 0 | 1): GrantFault => ({
  fault,
  phase: 'needs_review',
  review: 'grant_unknown',
  grants,
  says: grants === 1 ? 'confirm-granted' : 'confirm-not-granted',
  ends: 'completed',
  alerts: ['grant_unknown'],
});
const agencyFault = (fault: string): GrantFault => ({
  fault,
  phase: 'charged',
  grants: 0,
  ends: 'completed',
  alerts: ['charging_paused'],
});
const inReview = (fault: string, review: string, grants: 0 | 1, says: Answer): GrantFault => ({
  fault,
  phase: 'needs_review',
  review,
  grants,
  says,
  ends: says === 'refund' ? 'refunded' : 'completed',
  alerts: [review],
});

const GRANT_FAULTS: GrantFault[] = [
  { fault: 'rate_limited', phase: 'charged', grants: 0, ends: 'completed', alerts: [] },
  agencyFault('unauthorized'),
  agencyFault('forbidden'),
  { ...unknown('redirect', 0), alerts: ['grant_unknown', 'charging_paused'] },
  { ...unknown('see_other', 1), alerts: ['grant_unknown', 'charging_paused'] },
  agencyFault('empty_pool'),
  agencyFault('not_found_plain'),
  inReview('not_found', 'grant_refused', 0, 'retry-grant'),
  inReview('invalid', 'grant_refused', 0, 'refund'),
  unknown('request_timeout', 0),
  unknown('conflict', 0),
  unknown('error_before', 0),
  unknown('error_after', 1),
  unknown('hang_before', 0),
  unknown('hang_after', 1),
  unknown('reset_before', 0),
  unknown('reset_after', 1),
  unknown('huge', 1),
  unknown('garbage', 1),
  inReview('success_false', 'grant_differs', 0, 'refund'),
  inReview('fewer', 'grant_differs', 1, 'confirm-granted'),
  { fault: 'slow', ms: 50, phase: 'completed', grants: 1, ends: 'completed', alerts: [] },
];

describe('a grant that meets', () => {
  it.each(GRANT_FAULTS)('"$fault" is made at most once: $phase $review, then $ends', async (given) => {
    const { fault, ms, phase, review, grants, says, ends, alerts } = given;
    const world = await worldWith(IMPATIENT);
    world.platform.fault({ operation: 'grant', fault, ...(ms === undefined ? {} : { ms }) });
    const row = await world.start().run();
    expect(row.phase).toBe(phase);
    expect(row.review).toBe(review);
    expect(world.books()).toEqual({ captures: 1, refunds: 0, grants });
    if (says) await answer(world, says);
    expect((await toRest(world)).phase).toBe(ends);
    expect(world.books()).toEqual(ends === 'refunded' ? REFUNDED : GRANTED);
    expect(await spent(world)).toBe(ends === 'refunded' ? 0 : 5_000);
    expect(world.alerts()).toEqual(alerts);
  });

  it('"late" is unknown, and not repeated: the credits land after all', async () => {
    const world = await worldWith(IMPATIENT);
    world.platform.fault({ operation: 'grant', fault: 'late', ms: 1_500 });
    expect(await world.start().run()).toMatchObject({ phase: 'needs_review', review: 'grant_unknown' });
    expect(world.books()).toEqual(PAID);
    await expect.poll(() => world.books().grants, { timeout: 10_000 }).toBe(1);
    await answer(world, 'confirm-granted');
    expect(await world.row()).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('"refuse_connections" is proof that nothing was sent, and made once the platform is back', async () => {
    const world = await worldWith();
    world.platform.fault({ operation: 'grant', fault: 'refuse_connections', ms: 600 });
    expect(await world.start().run()).toMatchObject({ phase: 'charged', grantNo: 1 });
    await reachable(world.platform.url);
    expect(await toRest(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('"rate_limited" waits as long as it was told, and names its second grant another', async () => {
    const world = await worldWith();
    world.platform.fault({ operation: 'grant', fault: 'rate_limited', ms: 7_000 });
    expect(await world.start().run()).toMatchObject({ nextAttemptAt: utc('2026-01-05 12:00:07') });
    expect(await nextRun(world)).toMatchObject({ phase: 'completed', grantNo: 2 });
    const grant = world.platform.books.find(({ kind }) => kind === 'grant');
    expect(grant).toMatchObject({ description: expect.stringMatching(/^rr-[0-9a-f]{12}-2 /) });
  });

  it('"rate_limited" for longer than any limit a minute stops new charges', async () => {
    const world = await worldWith({ ...IMPATIENT, clients: [EMAIL, 'client-001@example.com'] });
    world.platform.fault({ operation: 'grant', fault: 'rate_limited', ms: 600_000 });
    expect(await world.start().run()).toMatchObject({ phase: 'charged' });
    await world.claim({ key: 'key-2', email: 'client-001@example.com' });
    expect(await world.start().run('key-2')).toMatchObject({ phase: 'received' });
    expect(world.books()).toEqual(PAID);
    expect(world.alerts()).toEqual(['charging_paused']);
  });

  it.each([
    ['grant_differs', 'knows another', { platformId: 'sub-demo-example-com' }],
    [undefined, 'knows none', {}],
  ])('"other_client" is %s where the row %s', async (review, _, account) => {
    const world = await worldWith({ account });
    world.platform.fault({ operation: 'grant', fault: 'other_client' });
    const row = await world.start().run();
    expect(row.phase).toBe(review === undefined ? 'completed' : 'needs_review');
    expect(row.review).toBe(review);
  });

  it('"rate_limited" for three days is given up, and put before a person', async () => {
    const world = await worldWith();
    world.platform.fault({ operation: 'grant', fault: 'rate_limited', times: 2 });
    await world.start().run();
    world.advance(3 * DAY - 1);
    expect(await world.start().run()).toMatchObject({ phase: 'charged', grantNo: 2 });
    expect(await nextRun(world)).toMatchObject({ phase: 'needs_review', review: 'grant_expired' });
    expect(world.alerts()).toEqual(['grant_expired']);
    await answer(world, 'retry-grant');
    expect(await toRest(world)).toMatchObject({ phase: 'completed', grantNo: 3 });
    expect(world.books()).toEqual(GRANTED);
  });
});

describe('a row that only its writer calls paid', () => {
  it('is not granted: no reservation of it stands on the account row, which its writer cannot write', async () => {
    const world = await worldWith();
    const claimed = await world.row();
    const forged: Recharge = {
      ...claimed,
      phase: 'charged',
      paymentRef: 'pay_forged',
      amount: 5_000,
      currency: 'USD',
      phaseDeadline: claimed.receivedAt + DAY,
    };
    await world.ledger.write(claimed, forged);
    expect(await world.start().run()).toMatchObject({ phase: 'needs_review', review: 'grant_refused' });
    expect(world.alerts()).toEqual(['grant_refused']);
    expect(world.books()).toEqual(NOTHING);
  });

  it('is not granted with other credits than were reserved: its price was theirs', async () => {
    const world = await worldWith();
    world.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    expect((await world.start().run()).phase).toBe('charged');
    const paid = await world.row();
    await world.ledger.write(paid, { ...paid, credits: 50_000, notBefore: 0 });
    expect(await world.start().run()).toMatchObject({ phase: 'needs_review', review: 'grant_refused' });
    expect(world.books()).toEqual({ captures: 1, refunds: 0, grants: 0 });
  });

  it('is not granted without a payment reference either, though it was reserved', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'error_before' });
    await world.start().run();
    const reserved = await world.row();
    await world.ledger.write(reserved, { ...reserved, phase: 'charged', notBefore: 0 });
    expect(await world.start().run()).toMatchObject({ phase: 'needs_review', review: 'grant_refused' });
    expect(world.books()).toEqual(NOTHING);
  });
});
