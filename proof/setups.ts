import { type Account, unknownAccount } from '../shared/recharge/account.ts';
import { type Policy, productionPolicy } from '../shared/recharge/policy.ts';
import { rechargeSchema } from '../shared/recharge/settings.ts';
import type { Setup } from './programs.ts';

const SECOND = 1_000;
const HOUR = 3_600_000;

export const EMAIL = 'jane@example.com';
export const STARTS_AT = Date.UTC(2026, 0, 5, 12);

export const SETUP: Setup = {
  recharge: rechargeSchema.parse({
    mode: 'live',
    verifiers: [{ type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' }],
    creditsField: 'credits',
  }),
  guard: {
    mode: 'live',
    unknownAccounts: 'refuse',
    credits: { min: 1, max: 10_000 },
    limits: {},
    suspendAfterDeclines: 3,
    pricing: { currency: 'USD', perCredit: '0.10' },
  },
  parties: { payment: { fingerprint: '~payments' }, platform: { fingerprint: '~platform' } },
  preflight: false,
  // Waits grow faster than production's, to as long: a row that waits for days is looked at ten times, and not hundreds.
  policy: { ...productionPolicy, backoff: { firstMs: 2 * SECOND, maxMs: 12 * HOUR, growth: 20 } },
};

/** Something was spent before: an amount that is given back twice would not show otherwise. */
export const ACCOUNT: Account = {
  ...unknownAccount(EMAIL),
  revision: 1,
  status: 'active',
  spent: { '2026-01_USD': 7_000 },
};

const withPolicy = (policy: Partial<Policy>, given: Partial<Setup> = {}): Setup => ({
  ...SETUP,
  ...given,
  policy: { ...SETUP.policy, ...policy },
});

export const LISTED = withPolicy({
  evidence: { ...productionPolicy.evidence, lookUp: true, againMs: 12 * HOUR },
});

export const REFUNDING = withPolicy({ refundAutomatically: true });

export const RETRYING = withPolicy({
  declineRetries: 1,
  pending: { ...productionPolicy.pending, askMs: 12 * HOUR, clientActsMs: 24 * HOUR, giveUpMs: 48 * HOUR },
});

export const ELSEWHERE: Setup = {
  ...SETUP,
  parties: { ...SETUP.parties, payment: { fingerprint: '~another' } },
};

export const OTHER_PLATFORM: Setup = {
  ...SETUP,
  parties: { ...SETUP.parties, platform: { fingerprint: '~another' } },
};

export const DEARER: Setup = {
  ...SETUP,
  guard: { ...SETUP.guard, pricing: { currency: 'USD', perCredit: '0.20' } },
};

export const OBSERVING: Setup = { ...SETUP, guard: { ...SETUP.guard, mode: 'observe' } };
