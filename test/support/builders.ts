import type { QuarantinedWebhook } from '../../shared/incoming/quarantine.ts';
import type { Account, Reservation } from '../../shared/recharge/account.ts';
import type { GuardSettings } from '../../shared/recharge/guard.ts';
import type { Frozen, Moment } from '../../shared/recharge/machine/outcome.ts';
import { type Policy, productionPolicy } from '../../shared/recharge/policy.ts';
import type { Phase, Recharge } from '../../shared/recharge/recharge.ts';
import { parseConfig } from '../../shared/settings/config.ts';

/** `utc('2026-01-05 12:00:10')` or with milliseconds: Unix milliseconds of a time in UTC. */
export function utc(text: string): number {
  const time = Date.parse(`${text.replace(' ', 'T')}Z`);
  if (Number.isNaN(time)) throw new Error(`"${text}" is no time.`);
  return time;
}

const PAID = { amount: 5_000, currency: 'USD', paymentRef: 'pay_1' } as const;
const GRANTED_ONCE = {
  ...PAID,
  grantNo: 1,
  grantToken: 'token-a',
  grantDeadline: utc('2026-01-05 12:02:10'),
} as const;
const REFUND_BEGAN = { refundStartedAt: utc('2026-01-05 12:00:20') } as const;
const GIVEN_UP_LATER = { phaseDeadline: utc('2026-01-08 12:00:10') } as const;
const DUE = { nextAttemptAt: utc('2026-01-05 12:03:00') } as const;

/** What a row in this phase carries besides what every row has. */
const BY_PHASE: Record<Phase, Partial<Recharge>> = {
  received: DUE,
  charge_pending: { ...DUE, ...PAID, phaseDeadline: utc('2026-01-26 12:00:10') },
  granting: { ...DUE, ...GRANTED_ONCE, ...GIVEN_UP_LATER },
  charged: { ...DUE, ...GRANTED_ONCE, ...GIVEN_UP_LATER },
  needs_review: { ...DUE, review: 'grant_unknown' },
  refunding: { ...DUE, ...GRANTED_ONCE, ...REFUND_BEGAN, phaseDeadline: utc('2026-01-12 12:00:20') },
  completed: GRANTED_ONCE,
  declined: { reason: 'insufficient_funds' },
  blocked: { reason: 'cooldown' },
  refunded: { ...GRANTED_ONCE, ...REFUND_BEGAN },
};

function byReview({ review = 'grant_unknown' }: Partial<Recharge>): Partial<Recharge> {
  if (review === 'charge_unknown') return {};
  return review.startsWith('refund') ? { ...GRANTED_ONCE, ...REFUND_BEGAN } : GRANTED_ONCE;
}

/**
 * 500 credits for demo@example.com, claimed on 2026-01-05 at 12:00:00 UTC: in `received`, or with all that
 * a row of the given phase (and review) carries. Grants have the token `token-a` and end at 12:02:10.
 */
export function aRecharge(given: Partial<Recharge> = {}): Recharge {
  const phase = given.phase ?? 'received';
  return {
    v: 2,
    key: 'key-1',
    email: 'demo@example.com',
    credits: 500,
    receivedAt: utc('2026-01-05 12:00:00'),
    phase,
    version: 3,
    attempt: 1,
    attemptStartedAt: utc('2026-01-05 12:00:00'),
    grantNo: 0,
    history: [{ at: utc('2026-01-05 12:00:00'), event: 'received' }],
    ...BY_PHASE[phase],
    ...(phase === 'needs_review' ? byReview(given) : {}),
    ...given,
  };
}

type MomentOverrides = Partial<Omit<Moment, 'policy'>> & { policy?: Partial<Policy> };

/** 12:00:10 UTC, ten seconds after the claim, with production's numbers, no jitter, and time to grant. */
export function aMoment({ policy, ...given }: MomentOverrides = {}): Moment {
  return {
    now: utc('2026-01-05 12:00:10'),
    token: 'token-new',
    parties: { payment: { fingerprint: '~payments' }, platform: { fingerprint: '~platform' } },
    jitter: 0,
    timeToGrant: true,
    ...given,
    policy: { ...productionPolicy, ...policy },
  };
}

export function aFrozen(given: Partial<Frozen> = {}): Frozen {
  return { money: { amount: 5_000, currency: 'USD' }, grantEmail: 'demo@example.com', ...given };
}

/** A client the agency knows, without limits of its own, who never recharged. */
export function anAccount(given: Partial<Account> = {}): Account {
  return {
    email: 'demo@example.com',
    revision: 1,
    status: 'active',
    limits: {},
    counts: {},
    spent: {},
    reservations: {},
    ...given,
  };
}

/** USD 50.00, reserved on 2026-01-05 at 12:00:00 UTC. */
export function aReservation(
  given: Partial<Extract<Reservation, { state: 'reserved' }>> = {},
): Extract<Reservation, { state: 'reserved' }> {
  return {
    state: 'reserved',
    at: utc('2026-01-05 12:00:00'),
    money: { amount: 5_000, currency: 'USD' },
    ...given,
  };
}

/** USD 0.10 a credit, 1 to 10,000 credits, no limits, unknown clients refused. */
export function guardSettings(given: Partial<GuardSettings> = {}): GuardSettings {
  return {
    mode: 'live',
    unknownAccounts: 'refuse',
    credits: { min: 1, max: 10_000 },
    limits: {},
    suspendAfterDeclines: 3,
    pricing: { currency: 'USD', perCredit: '0.10' },
    ...given,
  };
}

/** A configuration that is whole with these sections. */
export const aConfig = (sections: object) =>
  parseConfig(
    {
      platform: { baseUrl: 'https://api.example.com/v1' },
      pricing: { currency: 'USD', perCredit: '0.10' },
      payment: { type: 'http', url: 'https://pay.example.com' },
      ...sections,
    },
    'the test',
  );

export type Sent = Partial<Pick<QuarantinedWebhook, 'headers' | 'query' | 'receivedAt' | 'route'>> & {
  body?: string;
};

/** A delivery that nobody verified, of 2026-01-05, 09:30:00.123 UTC. */
export const aCaptured = ({
  body = '{"idempotency_key":"key-1","email":"jane@example.com","credits":500}',
  ...sent
}: Sent = {}): QuarantinedWebhook => ({
  route: '/webhooks/auto-recharge',
  receivedAt: 1_767_605_400_123,
  reason: 'captured',
  headers: {},
  ...sent,
  body: Buffer.from(body),
});
