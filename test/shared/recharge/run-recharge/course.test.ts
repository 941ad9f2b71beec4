import { describe, expect, it } from 'vitest';
import { utc } from '../../../support/builders.ts';
import {
  answer,
  counted,
  DAY,
  events,
  GRANTED,
  HOUR,
  IMPATIENT,
  NOTHING,
  nextRun,
  REFUNDED,
  spent,
  toRest,
  useQuickWorlds,
} from '../../../support/course.ts';
import { KEY, type World, type WorldOptions } from '../../../support/world.ts';

const { worldWith } = useQuickWorlds();

describe('a recharge', () => {
  it('is charged once, granted once and completed in one run', async () => {
    const world = await worldWith();
    const row = await world.start().run();
    expect(row).toMatchObject({
      phase: 'completed',
      amount: 5_000,
      currency: 'USD',
      paymentRef: expect.stringContaining(world.payments.says.reference),
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
    const decision = {
      level: 'info',
      message: 'decided',
      key: KEY,
      email: 'd***@example.com',
      attempt: 1,
      credits: 500,
    };
    expect(world.lines()).toEqual(
      [
        { phase: 'received', outcome: 'due', word: 'due' },
        { phase: 'received', outcome: 'reserved', word: 'reserved' },
        { phase: 'granting', outcome: 'payment', word: 'paid', amount: 5_000, currency: 'USD' },
        { phase: 'completed', outcome: 'grant', word: 'granted', amount: 5_000, currency: 'USD' },
      ].map((line) => expect.objectContaining({ ...decision, ...line, durationMs: expect.any(Number) })),
    );
  });
});

describe('a declined charge', () => {
  it('ends the recharge and gives the reserved amount back', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'decline' });
    const { declined: reason } = world.payments.says;
    expect(await world.start().run()).toMatchObject({ phase: 'declined', reason });
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
    const { declinedLater: reason } = world.payments.says;
    expect(await nextRun(world)).toMatchObject({ phase: 'declined', reason });
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
      actionUrl: expect.stringContaining(world.payments.says.page),
      actBy: utc('2026-01-08 12:00:00'),
    });
    world.advance(3 * DAY - HOUR);
    expect(await world.start().run()).toMatchObject({ phase: 'charge_pending' });
    expect(await nextRun(world)).toMatchObject({
      phase: 'declined',
      reason: world.payments.says.notConfirmed,
    });
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
      expect(await nextRun(world)).toMatchObject({
        phase: 'declined',
        reason: world.payments.says.notConfirmed,
      });
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
