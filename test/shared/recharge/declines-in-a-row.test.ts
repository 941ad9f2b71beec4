import { describe, expect, it } from 'vitest';
import { type Account, declinesBehind, suspensionBy } from '../../../shared/recharge/account.ts';
import { withSettings } from '../../../shared/recharge/accounts.ts';
import { withDecline, withoutDeclinesBefore } from '../../../shared/recharge/declines-in-a-row.ts';
import { reserveWithoutCharge } from '../../../shared/recharge/reserve.ts';
import { keepMeans } from '../../../shared/recharge/saved-means.ts';
import { anAccount, aRecharge, utc } from '../../support/builders.ts';
import { counted, DAY, GRANTED, useWorlds } from '../../support/course.ts';
import { EMAIL, type World } from '../../support/world.ts';

const { worldWith } = useWorlds();

/** The builders' recharge, first attempt. */
const ENTRY = 'r_42e15c17bde3f087_1';
const AT = utc('2026-01-05 12:00:20');
const visa = { id: 'pm_1', type: 'card', fingerprint: 'fp_visa' };
const mastercard = { id: 'pm_2', type: 'card', fingerprint: 'fp_mastercard' };

interface Given extends Partial<Account> {
  reason?: string;
  /** Which one was declined. */
  charged?: string;
  threshold?: number;
}

/** The client after one more end of a payment. */
function ended({ reason = 'insufficient_funds', charged, threshold = 3, ...given }: Given): Account {
  const { id } = given.paymentMethod ?? {};
  const paymentMethod = charged ?? id;
  const account = anAccount({
    ...given,
    reservations: {
      [ENTRY]: {
        ...{ state: 'released', at: AT, reason, retryable: false },
        ...(paymentMethod === undefined ? {} : { paymentMethod }),
      },
    },
  });
  return withDecline(account, aRecharge(), { suspendAfterDeclines: threshold }, AT);
}

describe('a decline', () => {
  it('is counted, and the third in a row suspends the client, with the last reason', () => {
    expect(ended({ declines: { times: 1 } })).toMatchObject({ declines: { times: 2 }, status: 'active' });
    expect(ended({ declines: { times: 2 } })).toMatchObject({
      declines: { times: 3 },
      status: 'suspended',
      statusChange: { at: AT, note: '3 declines in a row: insufficient_funds', forDeclines: true },
    });
  });

  it.each(
    [
      ['expired', 'stopped', 'cancelled', 'not_confirmed', 'refunded', 'refunded_at_provider'],
      ['amount_not_possible', 'bank_unavailable'],
    ].flat(),
  )('that is none of the card is not counted: %s', (reason) => {
    expect(ended({ reason, declines: { times: 2 } })).toMatchObject({
      declines: { times: 2 },
      status: 'active',
    });
  });

  it.each(['card_refused', 'no_payment_method', 'authentication_failed', 'whatever an endpoint says'])(
    'counts as %s',
    (reason) => {
      expect(ended({ reason }).declines).toEqual({ times: 1 });
    },
  );

  it('of a card that was replaced meanwhile says nothing of the one that is saved now', () => {
    const declines = { times: 2, card: 'fp_visa' };
    expect(ended({ declines, paymentMethod: visa }).status).toBe('suspended');
    expect(ended({ declines, paymentMethod: mastercard, charged: 'pm_1' }).declines).toEqual(declines);
    expect(ended({ declines, paymentMethod: mastercard })).toMatchObject({
      declines: { times: 1, card: 'fp_mastercard' },
      status: 'active',
    });
    // The same card, saved once more, is the same card.
    expect(ended({ declines, paymentMethod: { ...visa, id: 'pm_3' } }).status).toBe('suspended');
  });

  it('forgets nothing of the cards for which the client was suspended before', () => {
    const declines = { times: 0, suspendedFor: ['fp_visa'] };
    expect(ended({ declines, paymentMethod: mastercard }).declines).toEqual({
      times: 1,
      card: 'fp_mastercard',
      suspendedFor: ['fp_visa'],
    });
  });

  it('never suspends where that is switched off, and changes nothing of what a person said', () => {
    expect(ended({ declines: { times: 9 }, threshold: 0 }).status).toBe('active');
    const statusChange = { at: 1, note: 'fraud' };
    expect(ended({ declines: { times: 2 }, status: 'suspended', statusChange }).statusChange).toEqual(
      statusChange,
    );
    expect(ended({ declines: { times: 2 }, status: 'disabled' }).status).toBe('disabled');
  });
});

describe('declines are counted anew', () => {
  const declines = { times: 2 };

  it.each([
    ['completed', {}, undefined],
    ['refunded', {}, undefined],
    ['declined', {}, declines],
    ['blocked', {}, declines],
    ['completed', { prepaid: true as const }, declines],
  ] as const)('after a recharge that is %s %o: %o', (phase, given, left) => {
    const account = withoutDeclinesBefore(anAccount({ declines }), aRecharge({ phase, ...given }));
    expect(account.declines).toEqual(left);
  });

  it('once the client is enabled, and by no other setting', () => {
    const account = anAccount({ status: 'suspended', declines });
    expect(withSettings(account, { status: 'active' })).not.toHaveProperty('declines');
    expect(withSettings(account, { customer: 'cus_1' }).declines).toEqual(declines);
    expect(withSettings(anAccount({ declines }), { status: 'active' }).declines).toEqual(declines);
  });
});

describe('a suspension for declines is lifted', () => {
  const suspended = anAccount({
    status: 'suspended',
    statusChange: { at: AT, note: '3 declines in a row: card_refused', forDeclines: true },
    declines: { times: 3, card: 'fp_visa' },
    paymentMethod: visa,
  });
  const without = ({ paymentMethod: _, ...account }: Account): Account => account;

  it.each<[string, Account, Partial<Account>, boolean]>([
    ['by another card', suspended, { paymentMethod: mastercard }, true],
    ['not by the same card, saved again', suspended, { paymentMethod: { ...visa, id: 'pm_9' } }, false],
    ['nor after it was removed', without(suspended), { paymentMethod: { ...visa, id: 'pm_9' } }, false],
    ['not by what has no fingerprint', suspended, { paymentMethod: { id: 'pm_9', type: 'link' } }, false],
    ['not by removing the card', suspended, {}, false],
    [
      'by the first card, where none was saved',
      { ...without(suspended), declines: { times: 3 } },
      { paymentMethod: visa },
      true,
    ],
    [
      'not where a person has suspended the client',
      { ...suspended, statusChange: { at: AT, note: 'fraud' } },
      { paymentMethod: mastercard },
      false,
    ],
    [
      'not where the client is active',
      { ...suspended, status: 'active' },
      { paymentMethod: mastercard },
      false,
    ],
  ])('%s', (_, before, saved, lifted) => {
    expect(suspensionBy(before, saved)).toBe(lifted ? 'ends' : undefined);
  });

  it('not by a card for which the client was suspended before the one of now', () => {
    const cards = ['fp_1', 'fp_2', 'fp_3', 'fp_4', 'fp_mastercard'];
    const before = { ...suspended, declines: { times: 3, card: 'fp_visa', suspendedFor: cards } };
    expect(suspensionBy(before, { paymentMethod: mastercard })).toBeUndefined();
    expect(declinesBehind(before)).toEqual({ times: 0, suspendedFor: [...cards.slice(1), 'fp_visa'] });
  });
});

/** One recharge after another, an hour apart, as far as each goes. @returns their phases. */
async function recharges(world: World, ...keys: string[]): Promise<string[]> {
  const phases: string[] = [];
  for (const key of keys) {
    world.advance(DAY / 24);
    await world.claim({ key });
    phases.push((await world.start().run(key)).phase);
  }
  return phases;
}

const decline = (world: World, times: number) =>
  world.payments.fault({ operation: 'charge', fault: 'decline', times });

describe('a client who is declined', () => {
  it('three times in a row is suspended, once said aloud, and charged no more', async () => {
    const world = await worldWith();
    decline(world, 3);
    expect((await world.start().run()).phase).toBe('declined');
    expect(await recharges(world, 'key-2', 'key-3', 'key-4')).toEqual(['declined', 'declined', 'blocked']);
    expect(await world.row('key-4')).toMatchObject({ reason: 'account_suspended' });
    expect(await world.account()).toMatchObject({
      status: 'suspended',
      statusChange: { note: '3 declines in a row: card_declined', forDeclines: true },
    });
    expect(world.alerts()).toEqual(['client_suspended', 'recharge_blocked']);
    expect(world.lines().find(({ message }) => message === 'client_suspended')).toMatchObject({
      key: 'key-3',
      detail: '3 declines in a row: card_declined',
    });
    expect(world.payments.books.filter(({ kind }) => kind === 'decline')).toHaveLength(3);
  });

  it('is counted from the beginning after a payment, which takes no write of its own', async () => {
    const world = await worldWith();
    decline(world, 2);
    await world.start().run();
    expect(await recharges(world, 'key-2', 'key-3')).toEqual(['declined', 'completed']);
    const { around, times } = counted();
    world.advance(DAY);
    await world.claim({ key: 'key-4' });
    expect(await world.start(around).run('key-4')).toMatchObject({ phase: 'completed' });
    expect([times('ledger.readAccount'), times('ledger.writeAccount'), times('ledger.read')]).toEqual([
      1, 1, 2,
    ]);
    expect(await world.account()).not.toHaveProperty('declines');
    decline(world, 2);
    expect(await recharges(world, 'key-5', 'key-6', 'key-7')).toEqual(['declined', 'declined', 'completed']);
    expect(world.books('key-7')).toMatchObject({ captures: GRANTED.captures });
    expect(world.alerts()).toEqual([]);
  });

  it('and then paid, is not suspended for what was before, although a grant without a charge stands between', async () => {
    const world = await worldWith();
    decline(world, 2);
    await world.start().run();
    expect(await recharges(world, 'key-2', 'key-3')).toEqual(['declined', 'completed']);
    const gift = aRecharge({ key: 'a-present', receivedAt: world.now(), attemptStartedAt: world.now() });
    expect(await reserveWithoutCharge(gift, world)).toBeUndefined();
    expect((await world.account()).declines).toBeUndefined();
  });

  it('is counted once, although the process ended between the two writes of a decline', async () => {
    const world = await worldWith();
    decline(world, 1);
    let failing = true;
    const dying = world.start(async (port, work) => {
      if (failing && port === 'ledger.write' && (await world.account(EMAIL)).declines) {
        world.advance(world.policy.runMs);
        throw new Error('the process was ended');
      }
      return work();
    });
    await expect(dying.run()).rejects.toThrow('the process was ended');
    failing = false;
    expect(await world.start().run()).toMatchObject({ phase: 'declined' });
    expect((await world.account()).declines).toEqual({ times: 1 });
  });

  it('at Stripe is charged again once another card is saved, and not for the same one', async () => {
    const world = await worldWith({ payments: 'stripe', recharge: { declineRetries: 1 } });
    // With its advice not to try again, so that nothing is tried a day later either.
    decline(world, 3);
    expect(await world.start().run()).toMatchObject({
      phase: 'declined',
      attempt: 1,
      reason: 'card_refused',
    });
    expect(await recharges(world, 'key-2', 'key-3')).toEqual(['declined', 'declined']);
    const { customer = '', paymentMethod = visa } = world.payments.saved('the same person');
    const save = (card: typeof paymentMethod) =>
      keepMeans(
        world.ledger,
        EMAIL,
        { customer, paymentMethod: card },
        { judge: () => {}, now: world.now() },
      );
    const before = await world.account();
    expect(await save({ ...paymentMethod, fingerprint: before.declines?.card ?? '' })).toMatchObject({
      account: { status: 'suspended' },
    });
    expect(await recharges(world, 'key-4')).toEqual(['blocked']);
    expect(await save({ ...paymentMethod, fingerprint: 'another' })).toMatchObject({ suspension: 'ends' });
    expect(await recharges(world, 'key-5')).toEqual(['completed']);
    expect(await world.account()).toMatchObject({ status: 'active' });
  });
});
