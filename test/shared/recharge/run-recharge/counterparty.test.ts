import { describe, expect, it, onTestFinished } from 'vitest';
import { createSandboxPayments } from '../../../../local/sandbox/payments.ts';
import { paymentUrlOf } from '../../../../shared/payments/payment-url.ts';
import { answersFor, applyAnswer } from '../../../../shared/recharge/answers.ts';
import { rechargeText } from '../../../../shared/recharge/present.ts';
import type { Config } from '../../../../shared/settings/config.ts';
import { utc } from '../../../support/builders.ts';
import { DAY, GRANTED, MINUTE, nextRun, PAID, REFUNDED, useQuickWorlds } from '../../../support/course.ts';
import { KEY, PAYMENT_SECRET, type World } from '../../../support/world.ts';

const { worldWith } = useQuickWorlds();

/** Another payment endpoint, with books of its own, and the configuration that names it. */
async function anotherEndpoint(world: World, names: { before?: string; after?: string } = {}) {
  const payments = await createSandboxPayments({ secret: PAYMENT_SECRET });
  onTestFinished(payments.close);
  const { payment, ...config } = world.config;
  const named = (name: string | undefined, url: string): Config => ({
    ...config,
    payment: { type: 'http', url, ...(name === undefined ? {} : { name }) },
  });
  return {
    payments,
    before: named(names.before, paymentUrlOf(payment)),
    after: named(names.after, payments.url),
  };
}

/** The row as it is woken when it is due, by a process that is configured so. */
async function nextRunAt(world: World, configured: Config) {
  world.moveTo((await world.row()).nextAttemptAt ?? 0);
  await world.start().sweeper();
  return world.start(undefined, configured).run();
}

describe('a recharge whose charge lost its answer, where another payment endpoint is configured since', () => {
  it('is not charged there a second time, waits, says why, and goes on once its own is back', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'error_after' });
    await world.start().run();
    const { payments, after } = await anotherEndpoint(world);
    expect(await nextRunAt(world, after)).toMatchObject({ phase: 'received' });
    expect(await nextRunAt(world, after)).toMatchObject({ phase: 'received' });
    expect(payments.books).toEqual([]);
    expect(world.alerts()).toEqual(['other_counterparty']);
    expect(rechargeText(await world.row(), { now: world.now(), policy: world.policy })).toMatch(
      /waiting for the party it began with: began with payment endpoint ~[0-9a-f]{8}, and ~[0-9a-f]{8} is configured/,
    );
    expect(await nextRun(world)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('is not called declined because the other one knows nothing of it, however late', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'error_after' });
    await world.start().run();
    const { after } = await anotherEndpoint(world);
    world.moveTo(utc('2026-01-06 12:00:00'));
    expect(await nextRunAt(world, after)).toMatchObject({ phase: 'received' });
    world.moveTo(utc('2026-01-07 12:00:00'));
    expect(await nextRunAt(world, after)).toMatchObject({ phase: 'needs_review', review: 'charge_unknown' });
    world.advance(2 * DAY);
    expect(await nextRunAt(world, after)).toMatchObject({ phase: 'needs_review', review: 'charge_unknown' });
    expect(world.books()).toEqual(PAID);
  });

  it('is settled by a person who has looked there, and then granted', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'error_after' });
    await world.start().run();
    const { after } = await anotherEndpoint(world);
    const waits = await nextRunAt(world, after);
    expect(answersFor(waits)).toEqual(['confirm-charged', 'confirm-not-charged']);
    const said = applyAnswer(
      waits,
      { answer: 'confirm-charged', note: 'seen in the old books', paymentRef: 'pay_1' },
      { now: world.now(), policy: world.policy },
    );
    if ('refused' in said) throw new Error(said.refused);
    await world.ledger.write(waits, said.next);
    expect(await nextRunAt(world, after)).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('goes on at the new address of the same endpoint, where both are configured under one name', async () => {
    const world = await worldWith();
    const { payments, before, after } = await anotherEndpoint(world, { before: 'acme', after: 'acme' });
    world.payments.fault({ operation: 'charge', fault: 'error_before' });
    await world.start(undefined, before).run();
    expect(await nextRunAt(world, after)).toMatchObject({ phase: 'completed', paymentParty: 'acme' });
    expect(payments.books.map(({ kind }) => kind)).toEqual(['capture']);
  });
});

describe('a refund of a payment that another endpoint took', () => {
  it('is asked of nobody else, and made once its own is back', async () => {
    const world = await worldWith({ recharge: { refundAutomatically: true } });
    world.platform.fault({ operation: 'grant', fault: 'not_found' });
    expect(await world.start().run()).toMatchObject({ phase: 'refunding' });
    const { payments, after } = await anotherEndpoint(world);
    const waits = await nextRunAt(world, after);
    expect(waits).toMatchObject({ phase: 'refunding' });
    expect(answersFor(waits)).toEqual(['confirm-refunded']);
    expect(payments.books).toEqual([]);
    expect(await nextRun(world)).toMatchObject({ phase: 'refunded' });
    expect(world.books()).toEqual(REFUNDED);
  });
});

describe('a paid recharge, where another platform is configured since', () => {
  const elsewhere = ({ config }: World): Config => ({
    ...config,
    platform: { ...config.platform, baseUrl: 'http://127.0.0.1:1/v1' },
  });

  it('is not granted there, and is granted once its own is back', async () => {
    const world = await worldWith();
    world.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    expect(await world.start().run()).toMatchObject({ phase: 'charged', grantNo: 1 });
    expect(await nextRunAt(world, elsewhere(world))).toMatchObject({ phase: 'charged', grantNo: 1 });
    expect(world.alerts()).toEqual(['other_counterparty']);
    expect(world.books()).toEqual(PAID);
    expect(await nextRun(world)).toMatchObject({ phase: 'completed', grantNo: 2 });
    expect(world.books()).toEqual(GRANTED);
  });

  it('keeps a payment that it learns of there, and waits with the grant alone', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'error_after' });
    await world.start().run();
    expect(await nextRunAt(world, elsewhere(world))).toMatchObject({ phase: 'charged', grantNo: 0 });
    expect(await nextRunAt(world, elsewhere(world))).toMatchObject({ phase: 'charged', grantNo: 0 });
    world.advance(MINUTE);
    expect(await nextRun(world)).toMatchObject({ phase: 'completed', grantNo: 1 });
    expect(world.books()).toEqual(GRANTED);
    expect((await world.row(KEY)).platformParty).toMatch(/^~/);
  });
});
