import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Answer, applyAnswer, settlesAt } from '../../../../shared/recharge/answers.ts';
import { isFinished, type Recharge } from '../../../../shared/recharge/recharge.ts';
import { runRecharge } from '../../../../shared/recharge/run-recharge.ts';
import { utc } from '../../../support/builders.ts';
import { useLedger } from '../../../support/store.ts';
import {
  type Around,
  createWorld,
  EMAIL,
  KEY,
  type World,
  type WorldOptions,
} from '../../../support/world.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const store = useLedger();

/** A world with one claimed recharge. */
async function worldWith(options: WorldOptions = {}): Promise<World> {
  const world = await createWorld(store(), options);
  onTestFinished(world.close);
  await world.claim();
  return world;
}

/** Short, where a call is left without an answer: real time passes then. */
const IMPATIENT = { callTimeoutMs: 500 };

/** The sweeper finds the row due, and a new process is woken for it. */
async function nextRun(world: World, around?: Around): Promise<Recharge> {
  world.moveTo((await world.row()).nextAttemptAt ?? 0);
  await world.start().sweeper();
  return world.start(around).run();
}

/** Until the row has ended, or a person is asked. */
async function toRest(world: World): Promise<Recharge> {
  for (let runs = 0; runs < 10; runs += 1) {
    const row = await world.row();
    if (isFinished(row) || row.phase === 'needs_review') return row;
    await nextRun(world);
  }
  throw new Error(`it does not come to rest: ${JSON.stringify(await world.row())}`);
}

/** A person answers as soon as they may. */
async function answer(world: World, word: Answer): Promise<void> {
  const row = await world.row();
  world.moveTo(settlesAt(row, world) ?? 0);
  const said = applyAnswer(row, { answer: word, note: 'seen' }, { now: world.now(), policy: world.policy });
  if ('refused' in said) throw new Error(said.refused);
  expect((await world.ledger.write(row, said.next)).kind).toBe('written');
}

/** Does something just before (or after) the first call of a port. */
function once(port: string, { before, after }: { before?: () => unknown; after?: () => unknown }): Around {
  let done = false;
  return async (called, work) => {
    if (called !== port || done) return work();
    done = true;
    await before?.();
    const result = await work();
    await after?.();
    return result;
  };
}

function counted() {
  const calls: string[] = [];
  const around: Around = (port, work) => {
    calls.push(port);
    return work();
  };
  return { around, times: (port: string) => calls.filter((call) => call === port).length };
}

const events = ({ history }: Recharge) => history.map(({ event }) => event);
const spent = async (world: World) => (await world.account()).spent['2026-01_USD'];

const NOTHING = { captures: 0, refunds: 0, grants: 0 };
const PAID = { captures: 1, refunds: 0, grants: 0 };
const GRANTED = { captures: 1, refunds: 0, grants: 1 };
const REFUNDED = { captures: 1, refunds: 1, grants: 0 };

describe('a recharge', () => {
  it('is charged once, granted once and completed in one run', async () => {
    const world = await worldWith();
    const row = await world.start().run();
    expect(row).toMatchObject({
      phase: 'completed',
      amount: 5_000,
      currency: 'USD',
      paymentRef: expect.stringMatching(/^pay_/),
      grantNo: 1,
      newBalance: 550,
    });
    expect(await world.row()).toEqual(row);
    expect(events(row)).toEqual(['received', 'paid', 'granted']);
    expect(row).not.toHaveProperty('nextAttemptAt');
    expect(world.books()).toEqual(GRANTED);
    expect(world.alerts()).toEqual([]);
    const grant = world.platform.books.find(({ kind }) => kind === 'grant');
    expect(grant).toMatchObject({
      amount: 500,
      description: expect.stringMatching(/^rr-[0-9a-f]{12}-1 Auto-recharge of 500 credits$/),
    });
  });

  it('that has ended is not driven again', async () => {
    const world = await worldWith();
    await world.start().run();
    const ended = await world.row();
    const { around, times } = counted();
    await world.start(around).run();
    expect(await world.row()).toEqual(ended);
    expect([times('ledger.read'), times('ledger.write')]).toEqual([1, 0]);
  });

  it('that nobody claimed is not there', async () => {
    const world = await worldWith();
    await expect(world.start().run('key-2')).rejects.toThrow('No recharge is stored under the key key-2.');
  });

  it('says of every decision in one line what was decided, of what, and how long it took', async () => {
    const world = await worldWith();
    await world.start().run();
    const decision = { level: 'info', message: 'decided', key: KEY, email: 'd***@example.com', attempt: 1 };
    expect(world.lines()).toEqual(
      [
        { phase: 'received', outcome: 'due', word: 'due' },
        { phase: 'received', outcome: 'reserved', word: 'reserved' },
        { phase: 'granting', outcome: 'payment', word: 'paid' },
        { phase: 'completed', outcome: 'grant', word: 'granted' },
      ].map((line) => expect.objectContaining({ ...decision, ...line, durationMs: expect.any(Number) })),
    );
  });
});

describe('a declined charge', () => {
  it('ends the recharge and gives the reserved amount back', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'decline' });
    expect(await world.start().run()).toMatchObject({ phase: 'declined', reason: 'card_declined' });
    expect(world.books()).toEqual(NOTHING);
    expect(await spent(world)).toBe(0);
    expect((await world.account()).counts).toEqual({ '2026-01-05': 1 });
  });

  it('that may be retried is tried once more a day later, as another charge', async () => {
    const world = await worldWith({ recharge: { declineRetries: 1 } });
    world.payments.fault({ operation: 'charge', fault: 'decline_retryable' });
    expect(await world.start().run()).toMatchObject({
      phase: 'received',
      attempt: 2,
      attemptStartedAt: utc('2026-01-06 12:00:00'),
      nextAttemptAt: utc('2026-01-06 12:00:00'),
    });
    expect(await spent(world)).toBe(0);
    world.advance(DAY - HOUR);
    expect(await world.start().run()).toMatchObject({ phase: 'received', attempt: 2 });
    world.advance(HOUR);
    expect(await world.start().run()).toMatchObject({ phase: 'completed' });
    const [first, second] = world.payments.books.map(({ kind, charge_id }) => [kind, charge_id]);
    expect(first).toEqual(['decline', expect.stringMatching(/^rr_[0-9a-f]{32}_1$/)]);
    expect(second).toEqual(['capture', expect.stringMatching(/^rr_[0-9a-f]{32}_2$/)]);
    expect(world.books()).toEqual(GRANTED);
    expect(await spent(world)).toBe(5_000);
  });

  it('that may be retried is final where no retry is left', async () => {
    const world = await worldWith({ recharge: { declineRetries: 1 } });
    world.payments.fault({ operation: 'charge', fault: 'decline_retryable', times: 2 });
    await world.start().run();
    expect(await nextRun(world)).toMatchObject({ phase: 'declined', reason: 'insufficient_funds' });
    expect(world.books()).toEqual(NOTHING);
    expect(await spent(world)).toBe(0);
  });
});

describe('a pending payment', () => {
  it('is asked for hourly, and granted once it is paid', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'pending' });
    const { around, times } = counted();
    expect(await world.start(around).run()).toMatchObject({
      phase: 'charge_pending',
      nextAttemptAt: utc('2026-01-05 13:00:00'),
      phaseDeadline: utc('2026-01-26 12:00:00'),
    });
    expect(await nextRun(world, around)).toMatchObject({
      phase: 'charge_pending',
      nextAttemptAt: utc('2026-01-05 14:00:00'),
    });
    await world.settle('paid');
    expect(await nextRun(world, around)).toMatchObject({ phase: 'completed' });
    expect([times('payments.charge'), times('payments.lookup')]).toEqual([1, 2]);
    expect(world.books()).toEqual(GRANTED);
  });

  it('that the provider declines later is declined', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'pending' });
    await world.start().run();
    await world.settle('declined');
    expect(await nextRun(world)).toMatchObject({ phase: 'declined', reason: 'card_declined' });
    expect(await spent(world)).toBe(0);
  });

  it('that the provider never decides is put before a person after 21 days, and still looked up', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'pending' });
    await world.start().run();
    world.advance(21 * DAY - HOUR);
    expect(await world.start().run()).toMatchObject({ phase: 'charge_pending' });
    expect(await nextRun(world)).toMatchObject({ phase: 'needs_review', review: 'charge_unknown' });
    await world.settle('paid');
    expect(await nextRun(world)).toMatchObject({ phase: 'charged' });
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
    expect(world.alerts()).toEqual(['charge_unknown']);
    expect(world.books()).toEqual(GRANTED);
  });

  it('on which the client does not act for three days is cancelled at the provider, then declined', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'pending_action' });
    expect(await world.start().run()).toMatchObject({
      phase: 'charge_pending',
      actionUrl: 'https://payments.example.com/confirm',
      actBy: utc('2026-01-08 12:00:00'),
    });
    world.advance(3 * DAY - HOUR);
    expect(await world.start().run()).toMatchObject({ phase: 'charge_pending' });
    expect(await nextRun(world)).toMatchObject({ phase: 'declined', reason: 'cancelled' });
    expect(world.payments.books.map(({ kind }) => kind)).toEqual(['pending', 'cancel']);
    expect(await spent(world)).toBe(0);
  });

  it.each(['error', 'hang'])(
    'whose cancelling meets "%s" is cancelled later, and then declined',
    async (fault) => {
      const world = await worldWith(IMPATIENT);
      world.payments.fault({ operation: 'charge', fault: 'pending_action' });
      world.payments.fault({ operation: 'cancel', fault });
      await world.start().run();
      world.advance(3 * DAY);
      expect(await world.start().run()).toMatchObject({ phase: 'charge_pending' });
      expect(await nextRun(world)).toMatchObject({ phase: 'declined', reason: 'cancelled' });
    },
  );

  it('that the client paid at the last moment is not cancelled but granted', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'pending_action' });
    await world.start().run();
    await world.settle('paid');
    world.advance(3 * DAY);
    expect(await world.start().run()).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });
});

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

const CHARGE_FAULTS: ChargeFault[] = [
  { fault: 'error_before', phase: 'received', captures: 0, asked: 2 },
  { fault: 'error_after', phase: 'received', captures: 1, asked: 1 },
  { fault: 'hang_before', phase: 'received', captures: 0, asked: 2 },
  { fault: 'hang_after', phase: 'received', captures: 1, asked: 1 },
  { fault: 'reset_before', phase: 'received', captures: 0, asked: 2 },
  { fault: 'reset_after', phase: 'received', captures: 1, asked: 1 },
  { fault: 'garbage', phase: 'received', captures: 1, asked: 1 },
  { fault: 'no_payment_ref', phase: 'received', captures: 1, asked: 1 },
  { fault: 'other_amount', phase: 'received', captures: 1, asked: 1 },
  { fault: 'in_progress', phase: 'received', captures: 0, asked: 2 },
  { fault: 'rate_limited', phase: 'received', captures: 0, asked: 2 },
  ...['unauthorized', 'forbidden', 'bad_request', 'not_found', 'invalid'].map((fault) => ({
    fault,
    phase: 'received',
    captures: 0,
    asked: 2,
    alerts: ['payment_hook_misconfigured'],
  })),
  { fault: 'answer_twice', phase: 'completed', captures: 1, asked: 1 },
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

  it.each(['error', 'hang', 'garbage', 'unauthorized'])(
    'silence, and a lookup that meets "%s", is asked for again under its one key, and captured once',
    async (fault) => {
      const world = await worldWith(IMPATIENT);
      world.payments.fault({ operation: 'charge', fault: 'error_after' });
      world.payments.fault({ operation: 'lookup', fault });
      const { around, times } = counted();
      await world.start(around).run();
      expect(await nextRun(world, around)).toMatchObject({ phase: 'completed' });
      expect([times('payments.lookup'), times('payments.charge')]).toEqual([1, 2]);
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
    expect(world.alerts()).toEqual(['charge_unknown']);
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
  agencyFault('redirect'),
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
  inReview('garbage', 'grant_differs', 1, 'confirm-granted'),
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
    world.platform.fault({ operation: 'grant', fault: 'late', ms: 700 });
    expect(await world.start().run()).toMatchObject({ phase: 'needs_review', review: 'grant_unknown' });
    expect(world.books()).toEqual(PAID);
    await expect.poll(() => world.books().grants).toBe(1);
    await answer(world, 'confirm-granted');
    expect(await world.row()).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('"refuse_connections" is proof that nothing was sent, and made once the platform is back', async () => {
    const world = await worldWith();
    world.platform.fault({ operation: 'grant', fault: 'refuse_connections', ms: 150 });
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

describe('a refund', () => {
  async function refunding(options: WorldOptions = {}): Promise<World> {
    const world = await worldWith({ recharge: { refundAutomatically: true }, ...options });
    world.platform.fault({ operation: 'grant', fault: 'not_found' });
    expect(await world.start().run()).toMatchObject({
      phase: 'refunding',
      refundStartedAt: utc('2026-01-05 12:00:00'),
    });
    return world;
  }

  it('is made by itself where policy says so, and gives the reserved amount back', async () => {
    const world = await refunding();
    expect(await nextRun(world)).toMatchObject({ phase: 'refunded' });
    expect(world.books()).toEqual(REFUNDED);
    expect(await spent(world)).toBe(0);
    expect(world.alerts()).toEqual([]);
  });

  it('is made by a person’s answer, also to a grant that waits to be tried again', async () => {
    const world = await worldWith();
    world.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    await world.start().run();
    await answer(world, 'refund');
    expect(await toRest(world)).toMatchObject({ phase: 'refunded' });
    expect(world.books()).toEqual(REFUNDED);
  });

  it('that is pending is asked for daily, and not made twice', async () => {
    const world = await refunding();
    world.payments.fault({ operation: 'refund', fault: 'pending' });
    expect(await nextRun(world)).toMatchObject({
      phase: 'refunding',
      nextAttemptAt: utc('2026-01-06 12:00:00'),
    });
    expect(await nextRun(world)).toMatchObject({ phase: 'refunding' });
    await world.settle('refunded');
    expect(await nextRun(world)).toMatchObject({ phase: 'refunded' });
    expect(world.books()).toEqual(REFUNDED);
  });

  it.each([
    { fault: 'error_before', refunds: 0, alerts: [] },
    { fault: 'error_after', refunds: 1, alerts: [] },
    { fault: 'hang_after', refunds: 1, alerts: [] },
    { fault: 'rate_limited', refunds: 0, alerts: [] },
    { fault: 'bad_request', refunds: 0, alerts: ['payment_hook_misconfigured'] },
  ])('that meets "$fault" is made once', async ({ fault, refunds, alerts }) => {
    const world = await refunding({ recharge: { refundAutomatically: true }, ...IMPATIENT });
    world.payments.fault({ operation: 'refund', fault });
    expect(await nextRun(world)).toMatchObject({ phase: 'refunding' });
    expect(world.books().refunds).toBe(refunds);
    expect(await spent(world)).toBe(5_000);
    expect(await nextRun(world)).toMatchObject({ phase: 'refunded' });
    expect(world.books()).toEqual(REFUNDED);
    expect(await spent(world)).toBe(0);
    expect(world.alerts()).toEqual(alerts);
  });

  it('that is refused is put before a person, and the amount stays reserved', async () => {
    const world = await refunding();
    world.payments.fault({ operation: 'refund', fault: 'refuse' });
    expect(await nextRun(world)).toMatchObject({ phase: 'needs_review', review: 'refund_failed' });
    expect(world.alerts()).toEqual(['refund_failed']);
    await answer(world, 'confirm-refunded');
    expect(await world.row()).toMatchObject({ phase: 'refunded' });
    expect(await spent(world)).toBe(5_000);
  });

  it('that nobody answers for a week is put before a person', async () => {
    const world = await refunding();
    world.payments.fault({ operation: 'refund', fault: 'error_before', times: 2 });
    await nextRun(world);
    world.advance(7 * DAY);
    expect(await world.start().run()).toMatchObject({ phase: 'needs_review', review: 'refund_unknown' });
    await answer(world, 'refund');
    expect(await toRest(world)).toMatchObject({ phase: 'refunded' });
    expect(world.books()).toEqual(REFUNDED);
  });
});

describe('while charging is paused', () => {
  it('by a person, a recharge waits unreserved and uncharged, and goes on once they resume', async () => {
    const world = await worldWith();
    await world.start().deps.charging.pause({ reason: 'a person looks' });
    world.advance(HOUR);
    const row = await world.start().run();
    expect(row).toMatchObject({ phase: 'received' });
    expect(row.history.at(-1)).toMatchObject({ event: 'waiting', detail: 'charging is paused' });
    expect((await world.account()).reservations).toEqual({});
    expect(world.books()).toEqual(NOTHING);
    await world.start().deps.charging.resume();
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
  });

  it('a charge that was reserved before is not sent', async () => {
    const world = await worldWith();
    const pauses = async () => {
      await world.start().deps.charging.pause({ reason: 'a person looks' });
      // A process asks the switch again once what it knows of it is 5 s old.
      world.advance(5 * SECOND);
    };
    const row = await world.start(once('ledger.writeAccount', { after: pauses })).run();
    expect(row).toMatchObject({ phase: 'received' });
    expect(world.books()).toEqual(NOTHING);
    expect(Object.values((await world.account()).reservations)).toMatchObject([{ state: 'reserved' }]);
    await world.start().deps.charging.resume();
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  const OTHER = { key: 'key-of-another', email: 'another@example.com' };

  it('by a fault of the agency, every client waits 15 minutes, and the paid grant is tried again', async () => {
    const world = await worldWith({ clients: [EMAIL, OTHER.email] });
    world.platform.fault({ operation: 'grant', fault: 'empty_pool' });
    await world.start().run();
    expect(world.lines().at(-1)).toMatchObject({
      level: 'alert',
      message: 'charging_paused',
      detail: 'pool_empty',
    });
    await world.claim(OTHER);
    world.advance(15 * MINUTE - 1);
    expect(await world.start().run(OTHER.key)).toMatchObject({ phase: 'received' });
    expect(await world.start().run()).toMatchObject({ phase: 'completed' });
    world.advance(15 * MINUTE);
    expect(await world.start().run(OTHER.key)).toMatchObject({ phase: 'completed' });
    expect(world.books(OTHER.key, OTHER.email)).toEqual(GRANTED);
  });

  const CLIENTS = ['a@example.com', 'b@example.com', 'c@example.com', 'd@example.com'];

  /** One recharge after the other, each of a client of its own. */
  async function grantsOf(faults: (string | undefined)[]): Promise<World> {
    const world = await createWorld(store(), { clients: CLIENTS });
    onTestFinished(world.close);
    for (const [index, fault] of faults.entries()) {
      const email = CLIENTS[index] ?? '';
      if (fault) world.platform.fault({ operation: 'grant', fault, email });
      await world.claim({ key: email.slice(0, 1), email });
      await world.start().run(email.slice(0, 1));
    }
    return world;
  }

  it('by three unknown grants in a row, the fourth client is not charged', async () => {
    const world = await grantsOf(['error_before', 'reset_after', 'error_after', undefined]);
    expect(await world.row('d')).toMatchObject({ phase: 'received' });
    expect(world.books('d', 'd@example.com')).toEqual(NOTHING);
    expect(world.alerts()).toEqual(['grant_unknown', 'grant_unknown', 'grant_unknown', 'charging_paused']);
    expect(world.lines().findLast(({ level }) => level === 'alert')).toMatchObject({
      detail: '3 unknown grants in a row',
    });
    world.advance(15 * MINUTE);
    expect(await world.start().run('d')).toMatchObject({ phase: 'completed' });
  });

  it('three unknown grants with a granted one between them pause nothing', async () => {
    const world = await grantsOf(['error_before', 'error_before', undefined, 'error_before']);
    expect(world.alerts()).toEqual(['grant_unknown', 'grant_unknown', 'grant_unknown']);
    expect(await world.start().deps.charging.paused()).toBeUndefined();
  });
});

describe('before money moves', () => {
  it('the platform is asked, and the balance kept as a hint', async () => {
    const world = await worldWith({ preflight: true });
    expect(await world.start().run()).toMatchObject({ phase: 'completed', balanceBefore: 50 });
  });

  it('is called as the platform spells it: in the webhook, unless the agency says otherwise', async () => {
    const spelled = 'Demo@Example.com';
    const world = await worldWith({ preflight: true, clients: [EMAIL, spelled] });
    const asked: string[] = [];
    const run = async (key: string) => {
      await world.claim({ key, grantEmail: spelled });
      const { deps } = world.start();
      const { subAccount, prepareGrant } = deps.platform;
      const platform = {
        ...deps.platform,
        subAccount(email: string) {
          asked.push(`asked for ${email}`);
          return subAccount(email);
        },
        prepareGrant(grant: Parameters<typeof prepareGrant>[0]) {
          asked.push(`granted to ${grant.email}`);
          return prepareGrant(grant);
        },
      };
      return runRecharge(key, world.now() + world.policy.runMs, { ...deps, platform });
    };
    expect(await run('key-2')).toMatchObject({ phase: 'completed', email: EMAIL, grantEmail: spelled });
    expect(asked.splice(0)).toEqual([`asked for ${spelled}`, `granted to ${spelled}`]);

    const account = await world.account();
    await world.ledger.writeAccount(account, { ...account, grantEmail: EMAIL });
    const row = await run('key-3');
    expect(row).toMatchObject({ phase: 'completed' });
    expect(row).not.toHaveProperty('grantEmail');
    expect(asked).toEqual([`asked for ${EMAIL}`, `granted to ${EMAIL}`]);
  });

  it('a client the platform does not know is refused', async () => {
    const world = await worldWith({ preflight: true });
    world.platform.fault({ operation: 'lookup', fault: 'not_found' });
    expect(await world.start().run()).toMatchObject({
      phase: 'blocked',
      reason: 'unknown_on_platform',
      amount: 5_000,
    });
    expect(world.books()).toEqual(NOTHING);
    expect(await spent(world)).toBeUndefined();
  });

  it.each(['error', 'hang', 'not_found_plain', 'unauthorized', 'rate_limited'])(
    'a platform that gives no answer ("%s") leaves the client uncharged and the recharge waiting',
    async (fault) => {
      const world = await worldWith({ preflight: true, ...IMPATIENT });
      world.platform.fault({ operation: 'lookup', fault });
      expect(await world.start().run()).toMatchObject({ phase: 'received' });
      expect((await world.account()).reservations).toEqual({});
      expect(world.books()).toEqual(NOTHING);
      expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
      expect(world.books()).toEqual(GRANTED);
    },
  );

  it('the guard refuses an account that is not active', async () => {
    const world = await worldWith({ account: { status: 'suspended' } });
    expect(await world.start().run()).toMatchObject({ phase: 'blocked', reason: 'account_suspended' });
    expect(world.books()).toEqual(NOTHING);
  });

  it('a client with an unfinished recharge is refused another', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'pending' });
    await world.start().run();
    await world.claim({ key: 'key-2' });
    expect(await world.start().run('key-2')).toMatchObject({
      phase: 'blocked',
      reason: 'unfinished_recharge',
    });
    expect(world.books('key-2')).toEqual(NOTHING);
  });

  it('in observe mode nobody is charged, and the row shows the price it would have had', async () => {
    const world = await worldWith({ recharge: { mode: 'observe' } });
    expect(await world.start().run()).toMatchObject({
      phase: 'blocked',
      reason: 'observe_only',
      amount: 5_000,
      currency: 'USD',
    });
    expect(world.books()).toEqual(NOTHING);
    expect(await spent(world)).toBeUndefined();
  });
});

describe('observe mode, switched on while a recharge is reserved', () => {
  it('charges nobody any more', async () => {
    const world = await worldWith();
    await world.start().run(KEY, 24_999);
    expect(await spent(world)).toBe(5_000);
    const { deps } = world.start();
    world.advance(HOUR);
    const observing = { ...deps, guard: { ...deps.guard, mode: 'observe' as const } };
    expect(await runRecharge(KEY, world.now() + 60_000, observing)).toMatchObject({ phase: 'received' });
    expect(world.books()).toEqual(NOTHING);
  });
});

describe('a platform key that cannot be read', () => {
  it('keeps what is paid, grants nothing, and stops all new charges', async () => {
    const world = await worldWith();
    const unreadable: Around = async (port, work) => {
      if (port === 'platform.prepareGrant') throw new Error('the secret store does not answer');
      return work();
    };
    const row = await world.start(unreadable).run();
    expect(row).toMatchObject({ phase: 'charged', paymentRef: expect.any(String) });
    expect(world.books()).toEqual(PAID);
    expect(world.alerts()).toEqual(['charging_paused']);
    expect(await world.start().deps.charging.paused()).toMatchObject({ reason: 'unauthorized' });
    expect(await toRest(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });
});

describe('a day that ends while the platform is asked about the client', () => {
  it('is not the day that is judged: the next one may have had its recharges', async () => {
    const day = '2026-01-06';
    const world = await worldWith({
      preflight: true,
      account: { limits: { dailyCount: 1 }, counts: { [day]: 1 } },
    });
    const overMidnight = once('platform.subAccount', { after: () => world.moveTo(utc(`${day} 00:00:01`)) });
    world.moveTo(utc('2026-01-05 23:59:59'));
    expect(await world.start(overMidnight).run()).toMatchObject({
      phase: 'blocked',
      reason: 'over_daily_count',
    });
    expect((await world.account()).counts[day]).toBe(1);
    expect(world.books()).toEqual(NOTHING);
  });
});

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
  it('paid, while the other only waited', async () => {
    const world = await worldWith();
    const waits = async () => {
      world.payments.fault({ operation: 'lookup', fault: 'error' });
      expect(await world.start().run()).toMatchObject({ phase: 'received', version: 2 });
    };
    const process = world.start(once('payments.charge', { after: waits }));
    expect(await process.run()).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('unknown, while the other was paid and granted, undoes nothing', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'error_after' });
    const settles = async () => {
      expect(await world.start().run()).toMatchObject({ phase: 'completed' });
    };
    const process = world.start(once('payments.charge', { after: settles }));
    expect(await process.run()).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('declined, while the other was declined too, is released once', async () => {
    const world = await worldWith({ account: { spent: { '2026-01_USD': 7_000 } } });
    world.payments.fault({ operation: 'charge', fault: 'decline' });
    const declines = async () => {
      expect(await world.start().run()).toMatchObject({ phase: 'declined' });
    };
    const process = world.start(once('payments.charge', { after: declines }));
    expect(await process.run()).toMatchObject({ phase: 'declined' });
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
    await Promise.all([nextRun(world, together), nextRun(world, together)]);
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
        ExpressionAttributeValues: { ':v': 2 },
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
