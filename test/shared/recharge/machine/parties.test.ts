import { describe, expect, it } from 'vitest';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Decision, Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import { awaitsCounterparty } from '../../../../shared/recharge/machine/parties.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aFrozen, aMoment, aRecharge, utc } from '../../../support/builders.ts';
import { LOOKING } from './matrix.ts';
import { charged, DUE, lookedUp, NOT_FOUND, PAID, written } from './outcomes.ts';

const OTHER_ENDPOINT = 'began with payment endpoint old-pay, and ~payments is configured';
const OTHER_PLATFORM = 'began with platform old-platform, and ~platform is configured';

const withOldEndpoint = (given: Partial<Recharge> = {}) => aRecharge({ paymentParty: 'old-pay', ...given });
const withOldPlatform = (given: Partial<Recharge> = {}) =>
  aRecharge({ platformParty: 'old-platform', ...given });

const at = (text: string) => aMoment({ now: utc(text) });

/** Nothing else but that it waits, and for whom. */
function waits({ next, alert, effect }: Decision) {
  const { event, detail } = next?.history.at(-1) ?? {};
  return { phase: next?.phase, event, detail, alert, effect };
}

const waiting = (phase: string, detail: string, isNews = true) => ({
  phase,
  event: 'other_counterparty',
  detail,
  alert: isNews ? { word: 'other_counterparty', detail } : undefined,
  effect: 'stop',
});

describe('a recharge that began with another payment endpoint', () => {
  const found: Outcome = {
    kind: 'reserved',
    attempt: 1,
    fresh: false,
    at: utc('2026-01-05 12:00:00'),
    frozen: aFrozen({ paymentParty: 'old-pay' }),
  };

  it.each<[string, Recharge, Outcome]>([
    ['received', withOldEndpoint(), lookedUp(NOT_FOUND, aFrozen({ paymentParty: 'old-pay' }))],
    ['charge_pending', withOldEndpoint({ phase: 'charge_pending' }), DUE],
    ['refunding', withOldEndpoint({ phase: 'refunding' }), DUE],
  ])(
    'waits for it in %s, says so aloud, and asks the one that is configured nothing',
    (phase, row, outcome) => {
      expect(waits(decide(row, outcome, aMoment()))).toEqual(waiting(phase, OTHER_ENDPOINT));
    },
  );

  it('waits for it also where only its reservation has the name, and the row keeps that from then on', () => {
    const decision = decide(aRecharge(), found, at('2026-01-05 12:02:00'));
    expect(waits(decision)).toEqual(waiting('received', OTHER_ENDPOINT));
    expect(decision.next).toMatchObject({ paymentParty: 'old-pay', amount: 5_000, currency: 'USD' });
  });

  it('says so once, and not with every look', () => {
    const row = withOldEndpoint({ phase: 'charge_pending' });
    const { notBefore: _, ...waited } = written(decide(row, DUE, aMoment()));
    expect(awaitsCounterparty(row)).toBe(false);
    expect(awaitsCounterparty(waited)).toBe(true);
    expect(waits(decide(waited, DUE, aMoment()))).toEqual(waiting('charge_pending', OTHER_ENDPOINT, false));
  });

  it('has waited for it only until something else happens', () => {
    const at = utc('2026-01-05 12:00:10');
    const began = { at, event: 'received' };
    const waited = { at, event: 'other_counterparty' };
    expect(awaitsCounterparty(withOldEndpoint({ history: [began, waited, began] }))).toBe(false);
    expect(awaitsCounterparty(withOldEndpoint({ history: [began, began, waited] }))).toBe(true);
  });

  it.each<[string, Recharge, string, string]>([
    ['48 hours after its attempt began', withOldEndpoint(), 'charge_unknown', '2026-01-07 12:00:00'],
    [
      '21 days after its payment was pending',
      withOldEndpoint({ phase: 'charge_pending' }),
      'charge_unknown',
      '2026-01-26 12:00:10',
    ],
    [
      'seven days after its refund began',
      withOldEndpoint({ phase: 'refunding' }),
      'refund_unknown',
      '2026-01-12 12:00:20',
    ],
  ])('is given to a person %s, and not a moment before', (_, row, review, end) => {
    const outcome = row.phase === 'received' ? found : DUE;
    const before = decide(row, outcome, aMoment({ now: utc(end) - 1 }));
    expect(before.next?.phase).toBe(row.phase);
    expect(decide(row, outcome, at(end))).toMatchObject({
      next: { phase: 'needs_review', review },
      alert: { word: review, detail: OTHER_ENDPOINT },
      effect: 'stop',
    });
  });

  it('has no deadline to pass where its row has none', () => {
    const { phaseDeadline: _, ...row } = withOldEndpoint({ phase: 'charge_pending' });
    expect(decide(row, DUE, at('2027-01-01 00:00:00')).next?.phase).toBe('charge_pending');
  });

  it('reminds a person daily while it is in review', () => {
    const row = withOldEndpoint({ phase: 'needs_review', review: 'charge_unknown', swept: 1 });
    expect(decide(row, DUE, aMoment())).toMatchObject({
      next: { review: 'charge_unknown', nextAttemptAt: utc('2026-01-06 12:00:10') },
      alert: { word: 'review_waiting', detail: 'charge_unknown' },
      effect: 'stop',
    });
  });

  it.each(['declined', 'blocked'] as const)(
    'stays %s, whoever says that its payment has changed',
    (phase) => {
      expect(decide(withOldEndpoint({ phase }), { kind: 'due', woken: true }, aMoment())).toEqual({
        effect: 'stop',
      });
    },
  );

  it('goes on where the one it began with is configured, by its name or by its address', () => {
    const row = aRecharge({ phase: 'charge_pending', paymentParty: '~payments' });
    expect(decide(row, DUE, aMoment()).effect).toBe('look_up_payment');
    const { parties } = aMoment();
    const named = { ...parties, payment: { name: 'old-pay', fingerprint: '~moved' } };
    expect(
      decide(withOldEndpoint({ phase: 'charge_pending' }), DUE, aMoment({ parties: named })).effect,
    ).toBe('look_up_payment');
  });
});

describe('a recharge that began with another platform', () => {
  it('is paid all the same, which is kept, and waits for its own platform from there on', () => {
    const row = withOldPlatform();
    const paid = decide(row, charged(PAID, aFrozen({ platformParty: 'old-platform' })), aMoment());
    expect(paid).toMatchObject({
      next: { phase: 'charged', paymentRef: 'pay_1', grantNo: 0, nextAttemptAt: utc('2026-01-05 12:00:10') },
      effect: 'stop',
    });
    expect(waits(decide(written(paid), DUE, aMoment({ token: 'token-2' })))).toEqual(
      waiting('charged', OTHER_PLATFORM),
    );
  });

  it('begins no grant there', () => {
    const { next } = decide(withOldPlatform({ phase: 'charged', grantToken: 'token-old' }), DUE, aMoment());
    expect(next).toMatchObject({ phase: 'charged', grantNo: 1, grantToken: 'token-old' });
  });

  it.each(['completed', 'refunded'] as const)(
    'has no grants listed by the other one where it is %s, which counts as no answer',
    (phase) => {
      const row = withOldPlatform({
        phase,
        grantNo: 2,
        swept: 1,
        nextAttemptAt: utc('2026-01-06 12:00:00'),
        phaseDeadline: utc('2026-01-12 12:00:00'),
      });
      const { next, effect } = decide(
        row,
        DUE,
        aMoment({ now: utc('2026-01-06 12:00:00'), policy: LOOKING }),
      );
      expect(effect).toBe('stop');
      expect(next).toMatchObject({ phase, phaseDeadline: utc('2026-01-12 12:00:00') });
      expect(next?.history.at(-1)).toMatchObject({ event: 'export_silent', detail: OTHER_PLATFORM });
    },
  );
});

describe('what the reservation says of a recharge', () => {
  it('is kept on its row with the payment: the sub-account, its balance, and who the other side was', () => {
    const frozen = aFrozen({
      platformId: 'sub-1',
      balanceBefore: 12,
      paymentParty: '~payments',
      platformParty: '~platform',
    });
    expect(decide(aRecharge(), charged(PAID, frozen), aMoment()).next).toMatchObject({
      platformId: 'sub-1',
      balanceBefore: 12,
      paymentParty: '~payments',
      platformParty: '~platform',
    });
  });

  it('takes nothing from the row that it does not say', () => {
    const known = {
      platformId: 'sub-1',
      balanceBefore: 12,
      paymentParty: '~payments',
      platformParty: '~platform',
    };
    const { next } = decide(aRecharge(known), charged(PAID), aMoment());
    expect(next).toMatchObject(known);
  });
});
