import { describe, expect, it } from 'vitest';
import type { RelayEvent } from '../../../shared/events/event.ts';
import { DATA_OF, DATA_SCHEMAS, EVENT_TYPES } from '../../../shared/events/event-schemas.ts';
import {
  EVENT_PHASES,
  eventsOfAccount,
  eventsOfAlert,
  eventsOfRecharge,
} from '../../../shared/events/transitions.ts';
import { type Account, unknownAccount } from '../../../shared/recharge/account.ts';
import { PHASES, REVIEW_REASONS, type Recharge } from '../../../shared/recharge/recharge.ts';
import { anAccount, aRecharge, utc } from '../../support/builders.ts';

const AT = '2026-01-05T12:00:11.000Z';
const LIMITLESS = { limits: {}, timestamp: AT };
const PAGE = 'https://pay.example.com/act/1';

/** The events of a change, one line each. */
const told = (before: Recharge | undefined, after: Recharge) =>
  eventsOfRecharge(before, after, AT).map(({ id, type }) => `${type} ${id}`);

describe('a recharge that changes', () => {
  it.each(PHASES)('to %s is told if that is news to others, and only once', (phase) => {
    const before = aRecharge(phase === 'received' ? { phase: 'charged' } : {});
    const after = aRecharge({ phase, version: 4 });
    const news = ['completed', 'declined', 'blocked', 'needs_review', 'refunded'].includes(phase);
    expect(told(before, after)).toEqual(news ? [`recharge.${phase} key-1:${phase}:4`] : []);
    expect(told(after, { ...after, version: 5, swept: 2 })).toEqual([]);
  });

  it.each(REVIEW_REASONS)('to a review for %s is told with that reason', (review) => {
    const [event] = eventsOfRecharge(
      aRecharge(),
      aRecharge({ phase: 'needs_review', review, version: 4 }),
      AT,
    );
    expect(event).toMatchObject({ type: 'recharge.needs_review', data: { reason: review, version: 4 } });
  });

  it('to a review for another reason is told anew, and to the same review after an answer, too', () => {
    const first = aRecharge({ phase: 'needs_review', review: 'refund_unknown', version: 4 });
    const second = aRecharge({ phase: 'needs_review', review: 'refund_failed', version: 5 });
    expect(told(first, second)).toEqual(['recharge.needs_review key-1:needs_review:5']);
    const answered = aRecharge({ phase: 'refunding', version: 6 });
    expect([...told(second, answered), ...told(answered, { ...second, version: 7 })]).toEqual([
      'recharge.needs_review key-1:needs_review:7',
    ]);
  });

  it('whose money is given back afterwards is told as a refund, though its row stays completed', () => {
    const paid = aRecharge({ phase: 'completed', version: 4 });
    const asked: Recharge = { ...paid, version: 5, goodwillRefund: 'under_way' };
    const refused: Recharge = { ...asked, version: 6, review: 'refund_failed' };
    const { review: _, ...rest } = refused;
    const given: Recharge = { ...rest, version: 7, goodwillRefund: 'refunded' };
    expect(told(paid, asked)).toEqual([]);
    expect(told(asked, refused)).toEqual(['recharge.needs_review key-1:needs_review:6']);
    expect(told(refused, given)).toEqual(['recharge.refunded key-1:refunded:7']);
    expect(told(given, { ...given, version: 8 })).toEqual([]);
  });

  it('to a page on which the client must act is told with the page, again only for another page', () => {
    const acting = aRecharge({
      phase: 'charge_pending',
      version: 4,
      actionUrl: PAGE,
      actBy: utc('2026-01-08 12:00'),
    });
    const [event] = eventsOfRecharge(aRecharge(), acting, AT);
    expect(event).toMatchObject({
      id: 'key-1:charge_pending:4',
      type: 'payment.action_required',
      timestamp: AT,
      data: { action_url: PAGE, act_by: '2026-01-08T12:00:00.000Z', email: 'demo@example.com' },
    });
    expect(told(acting, { ...acting, version: 5 })).toEqual([]);
    expect(told(acting, { ...acting, version: 5, actionUrl: `${PAGE}2` })).toHaveLength(1);
    expect(told(aRecharge(), aRecharge({ phase: 'charge_pending' }))).toEqual([]);
  });

  it('says what others need to know, in the words of the API, and no more', () => {
    const [event] = eventsOfRecharge(
      aRecharge(),
      aRecharge({ phase: 'completed', version: 4, newBalance: 700 }),
      AT,
    );
    expect(JSON.parse(JSON.stringify(event))).toEqual({
      id: 'key-1:completed:4',
      type: 'recharge.completed',
      timestamp: AT,
      data: {
        key: 'key-1',
        version: 4,
        phase: 'completed',
        email: 'demo@example.com',
        credits: 500,
        amount: 5_000,
        currency: 'USD',
        payment_ref: 'pay_1',
        charge_id: expect.stringMatching(/^rr_[0-9a-f]{32}_1$/),
        grant_mark: expect.stringMatching(/^rr-[0-9a-f]{12}-1$/),
        new_balance: 700,
        attempt: 1,
        received_at: '2026-01-05T12:00:00.000Z',
      },
    });
    expect(JSON.stringify(event)).not.toContain('token-a');
  });

  it('copied back from a backup is told again, under the same id', () => {
    const row = aRecharge({ phase: 'completed', version: 4 });
    expect(told(undefined, row)).toEqual(told(aRecharge(), row));
    expect(told(undefined, aRecharge())).toEqual([]);
  });

  it('has a phase that the stack lets through, whenever it is told', () => {
    for (const phase of PHASES) {
      const after = aRecharge({ phase, version: 4, actionUrl: PAGE });
      if (told(aRecharge(), after).length > 0) expect(EVENT_PHASES).toContain(phase);
    }
  });
});

describe("a client's account that changes", () => {
  const limits = { monthlyAmount: 10_000 };
  const events = (before: Parameters<typeof anAccount>[0], after: Parameters<typeof anAccount>[0]) =>
    eventsOfAccount(anAccount(before), anAccount({ revision: 8, ...after }), { limits, timestamp: AT });
  const spent = (amount: number) => ({ spent: { '2026-01_USD': amount } });

  it('to suspended is told, once', () => {
    const statusChange = { at: 0, note: '3 declines in a row: insufficient_funds' };
    expect(events({ status: 'active' }, { status: 'suspended', statusChange })).toEqual([
      {
        id: 'demo@example.com:suspended:8',
        type: 'account.suspended',
        timestamp: AT,
        data: { email: 'demo@example.com', version: 8, note: statusChange.note },
      },
    ]);
    expect(events({ status: 'suspended' }, { status: 'suspended' })).toEqual([]);
    expect(events({ status: 'suspended' }, { status: 'active' })).toEqual([]);
  });

  it.each([
    [7_999, 8_000, 'near'],
    [0, 10_000, 'reached'],
    [8_500, 10_000, 'reached'],
    [8_000, 9_999, undefined],
    [10_000, 12_000, undefined],
    [0, 7_999, undefined],
  ])('from %i to %i of 10,000 in a month warns: %s', (before, after, level) => {
    const told = events(spent(before), spent(after));
    expect(told.map(({ data }) => ('level' in data ? data.level : undefined))).toEqual(level ? [level] : []);
  });

  const CARD = {
    id: 'pm_1',
    type: 'card',
    brand: 'visa',
    last4: '4242',
    fingerprint: 'f1',
    expires: '2026-03',
  };

  it('to another card, a renewed one or none is told with what is shown of it', () => {
    const tell = (before: Partial<Account>, after: Partial<Account>) =>
      eventsOfAccount(anAccount(before), anAccount({ revision: 2, ...after }), LIMITLESS);
    const renewed = { ...CARD, expires: '2029-03' };
    const shown = { payment_type: 'card', brand: 'visa', last4: '4242' };
    expect(tell({}, { paymentMethod: CARD })).toEqual([
      {
        id: 'demo@example.com:payment_method:2',
        type: 'account.payment_method_changed',
        timestamp: AT,
        data: { email: 'demo@example.com', version: 2, change: 'saved', ...shown, expires: '2026-03' },
      },
    ]);
    const data = (...given: Parameters<typeof tell>) => tell(...given).map((event) => event.data);
    expect(data({ paymentMethod: CARD }, { paymentMethod: renewed })).toMatchObject([
      { change: 'renewed', expires: '2029-03' },
    ]);
    expect(data({ paymentMethod: CARD }, {})).toMatchObject([{ change: 'removed', ...shown }]);
    expect(data({ paymentMethod: CARD }, { paymentMethod: { ...CARD } })).toEqual([]);
    expect(eventsOfAccount(anAccount({ paymentMethod: CARD }), unknownAccount('a'), LIMITLESS)).toEqual([]);
    expect(eventsOfAccount(undefined, anAccount({ paymentMethod: CARD }), LIMITLESS)).toEqual([]);
  });

  it('with the first recharge in the last month of its card is told, once', () => {
    const at = (time: string) => ({ key: 'k', at: utc(time) });
    const tell = (was: string | undefined, is: string, card: Account['paymentMethod'] = CARD) =>
      eventsOfAccount(
        anAccount({ ...(card && { paymentMethod: card }), ...(was && { last: at(was) }) }),
        anAccount({ ...(card && { paymentMethod: card }), last: at(is), revision: 7 }),
        LIMITLESS,
      );
    // Good to the end of March: from 1 March on.
    expect(tell('2026-01-05', '2026-02-28 23:59')).toEqual([]);
    expect(tell('2026-02-28 23:59', '2026-03-01 00:00')).toMatchObject([
      {
        id: 'demo@example.com:card_expiring:7',
        type: 'account.card_expiring',
        data: { email: 'demo@example.com', payment_type: 'card', last4: '4242', expires: '2026-03' },
      },
    ]);
    expect(tell('2026-03-01 00:00', '2026-03-20')).toEqual([]);
    expect(tell(undefined, '2026-04-02')).toHaveLength(1);
    expect(tell('2026-01-05', '2026-03-20', { id: 'pm_2', type: 'sepa_debit', last4: '3000' })).toEqual([]);
  });

  it('warns with the month, the currency and the cap that counts for this client', () => {
    expect(
      events(
        { ...spent(0), limits: { monthlyAmount: 500 } },
        { ...spent(450), limits: { monthlyAmount: 500 } },
      ),
    ).toEqual([
      {
        id: 'demo@example.com:cap_near:8',
        type: 'account.cap_warning',
        timestamp: AT,
        data: {
          email: 'demo@example.com',
          version: 8,
          level: 'near',
          month: '2026-01',
          spent: 450,
          cap: 500,
          currency: 'USD',
        },
      },
    ]);
  });

  it('does not warn where there is no cap, nor when the row was copied back', () => {
    expect(eventsOfAccount(anAccount(), anAccount(spent(1e9)), LIMITLESS)).toEqual([]);
    expect(eventsOfAccount(undefined, anAccount(spent(1e9)), { limits, timestamp: AT })).toEqual([]);
  });
});

describe('an alert that is raised', () => {
  const row = {
    id: 'a1',
    word: 'charging_paused',
    subject: 'charging',
    firstAt: utc('2026-01-05 12:00'),
    lastAt: utc('2026-01-05 12:00'),
    times: 1,
  };

  it('is told at first, then once on each later UTC day', () => {
    const again = { ...row, lastAt: utc('2026-01-05 23:59'), times: 2 };
    const nextDay = { ...row, lastAt: utc('2026-01-06 00:01'), times: 3 };
    const ids = (before: typeof row | undefined, after: typeof row) =>
      eventsOfAlert(before, after, AT).map(({ id }) => id);
    expect(ids(undefined, row)).toEqual(['a1:charging_paused:1']);
    expect(ids(row, again)).toEqual([]);
    expect(ids(again, nextDay)).toEqual(['a1:charging_paused:3']);
  });
});

it('every event is as its schema describes it', () => {
  const alert = { id: 'a1', word: 'w', subject: 's', firstAt: 1, lastAt: 1, times: 1, key: 'k', detail: 'd' };
  const events: RelayEvent[] = [
    ...PHASES.flatMap((phase) => eventsOfRecharge(undefined, aRecharge({ phase, actionUrl: PAGE }), AT)),
    ...eventsOfAccount(anAccount(), anAccount({ status: 'suspended', spent: { '2026-01_USD': 9 } }), {
      limits: { monthlyAmount: 10 },
      timestamp: AT,
    }),
    ...eventsOfAccount(
      anAccount(),
      anAccount({
        paymentMethod: { id: 'pm_1', type: 'card', brand: 'visa', last4: '4242', expires: '2026-01' },
        last: { key: 'k', at: utc('2026-01-05') },
      }),
      LIMITLESS,
    ),
    ...eventsOfAlert(undefined, alert, AT),
  ];
  expect(new Set(events.map(({ type }) => type))).toEqual(new Set(EVENT_TYPES));
  for (const { type, data } of events) {
    expect(JSON.parse(JSON.stringify(DATA_SCHEMAS[DATA_OF[type]].strict().parse(data)))).toEqual(
      JSON.parse(JSON.stringify(data)),
    );
  }
});
