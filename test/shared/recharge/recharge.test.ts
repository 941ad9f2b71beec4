import { describe, expect, it } from 'vitest';
import { localWaits } from '../../../local/policy.ts';
import { withoutClient } from '../../../shared/recharge/erased.ts';
import { productionPolicy } from '../../../shared/recharge/policy.ts';
import {
  chargeIdOf,
  grantMarkOf,
  isErased,
  isFinished,
  isOf,
  moneyOf,
  newRecharge,
  PHASES,
  refundIdOf,
} from '../../../shared/recharge/recharge.ts';
import { aRecharge, utc } from '../../support/builders.ts';

/** sha256 of "key-1\ndemo@example.com" begins with these; an id that changes charges a client twice. */
const row = aRecharge();
const anyPhase = PHASES.map((phase) => aRecharge({ phase, version: 9, credits: 1 }));

describe('a new recharge', () => {
  it('is received, in its first attempt, and brings itself back if nobody queues it', () => {
    const order = { key: 'key-1', email: 'demo@example.com', credits: 500 };
    expect(newRecharge(order, utc('2026-01-05 12:00:00'), utc('2026-01-05 12:03:00'))).toEqual({
      v: 2,
      key: 'key-1',
      email: 'demo@example.com',
      credits: 500,
      receivedAt: utc('2026-01-05 12:00:00'),
      phase: 'received',
      version: 1,
      attempt: 1,
      attemptStartedAt: utc('2026-01-05 12:00:00'),
      nextAttemptAt: utc('2026-01-05 12:03:00'),
      grantNo: 0,
      history: [{ at: utc('2026-01-05 12:00:00'), event: 'received' }],
    });
  });
});

describe('our key of a charge', () => {
  it('is derived from key, email and attempt alone', () => {
    expect(chargeIdOf(row)).toBe('rr_42e15c17bde3f087f76d74c05b8616b3_1');
    expect(anyPhase.map(chargeIdOf)).toEqual(Array(10).fill('rr_42e15c17bde3f087f76d74c05b8616b3_1'));
  });

  it('is another one for the next attempt, another key, another client', () => {
    expect(chargeIdOf(aRecharge({ attempt: 2 }))).toBe('rr_42e15c17bde3f087f76d74c05b8616b3_2');
    expect(chargeIdOf(aRecharge({ key: 'key-2' }))).not.toBe(chargeIdOf(row));
    expect(chargeIdOf(aRecharge({ email: 'other@example.com' }))).not.toBe(chargeIdOf(row));
  });
});

describe('our key of a refund', () => {
  it('is one per recharge, whatever its phase', () => {
    expect(refundIdOf(row)).toBe('rr_42e15c17bde3f087f76d74c05b8616b3_1_refund');
    expect(new Set(anyPhase.map(refundIdOf))).toHaveLength(1);
  });
});

describe('the mark of a grant', () => {
  it('names the recharge and which of its grants it is', () => {
    expect(grantMarkOf(aRecharge({ phase: 'granting' }))).toBe('rr-42e15c17bde3-1');
    expect(grantMarkOf(aRecharge({ phase: 'granting', grantNo: 2 }))).toBe('rr-42e15c17bde3-2');
  });
});

describe('a row', () => {
  it('is finished in four phases', () => {
    expect(PHASES.filter((phase) => isFinished(aRecharge({ phase })))).toEqual([
      'completed',
      'declined',
      'blocked',
      'refunded',
    ]);
  });

  it('knows its money once both amount and currency are on it', () => {
    expect(moneyOf(row)).toBeUndefined();
    expect(moneyOf(aRecharge({ amount: 5_000 }))).toBeUndefined();
    expect(moneyOf(aRecharge({ currency: 'USD' }))).toBeUndefined();
    expect(moneyOf(aRecharge({ phase: 'charged' }))).toEqual({ amount: 5_000, currency: 'USD' });
  });
});

describe('a recharge whose client was erased', () => {
  const erased = withoutClient(
    aRecharge({
      phase: 'completed',
      grantEmail: 'Demo@Example.com',
      platformId: '4711',
      newBalance: 500,
      history: [
        { at: 1, event: 'received' },
        { at: 2, event: 'waiting', detail: 'no Demo@Example.com, nor DEMO@example.com' },
      ],
    }),
    ['demo@example.com'],
    { now: utc('2026-02-01 00:00:00') },
  );

  it('keeps all its ids, and names the client nowhere', () => {
    expect(erased.email).toBe('erased:42e15c17bde3f087f76d74c05b8616b3');
    expect([chargeIdOf(erased), grantMarkOf(erased)]).toEqual([
      chargeIdOf(row),
      grantMarkOf(aRecharge({ phase: 'completed' })),
    ]);
    expect(JSON.stringify(erased)).not.toMatch(/example\.com|4711/i);
    expect(erased.history).toEqual([
      { at: 1, event: 'received' },
      { at: 2, event: 'waiting', detail: 'no (erased), nor (erased)' },
      { at: utc('2026-02-01 00:00:00'), event: 'client_erased' },
    ]);
  });

  it('is still known as theirs, and as nobody else’s', () => {
    expect(isOf(erased, 'demo@example.com')).toBe(true);
    expect(isOf(erased, 'other@example.com')).toBe(false);
    expect(isOf({ ...erased, key: 'key-2' }, 'demo@example.com')).toBe(false);
    expect([isErased(erased), isErased(row)]).toEqual([true, false]);
  });
});

describe('production’s numbers', () => {
  const policy = productionPolicy;

  it('end a process before anyone may call its grant lost, and a grant before it is redelivered', () => {
    const order = [
      policy.grantCallMs,
      policy.grantStepMs,
      policy.runMs,
      policy.grantDeadlineMs,
      policy.sweepAgainMs,
    ];
    expect(order).toEqual([10_000, 25_000, 60_000, 120_000, 180_000]);
  });

  it('leave an hour between the last charge and the first "it does not exist"', () => {
    expect([policy.chargeWindowMs, policy.notFoundFinalMs, policy.lookupSilentMs]).toEqual([
      82_800_000, 86_400_000, 172_800_000,
    ]);
  });

  it('look for an unknown grant, where told to, before a person may call it not granted; so do those of one machine', () => {
    const late = { lateFirstMs: 86_400_000, lateLastMs: 604_800_000, lateSpreadMs: 43_200_000 };
    expect(policy.evidence).toEqual({ lookUp: false, firstMs: 300_000, againMs: 3_600_000, ...late });
    const { policy: local } = localWaits({}, []);
    expect(local.evidence).toEqual({ lookUp: false, firstMs: 5_000, againMs: 60_000, ...late });
    expect([policy.settleMs, local.settleMs]).toEqual([900_000, 20_000]);
  });

  it('leave refunds and further attempts to the agency’s choice', () => {
    expect(policy).toMatchObject({ refundAutomatically: false, declineRetries: 0 });
  });
});
