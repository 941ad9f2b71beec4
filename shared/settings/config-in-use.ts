import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { paymentUrlOf } from '../payments/payment-url.ts';
import { type Counterparties, counterpartyOf } from '../recharge/counterparty.ts';
import type { GuardSettings } from '../recharge/guard.ts';
import type { Policy } from '../recharge/policy.ts';
import type { Config } from './config.ts';

/** What a program takes from a configuration that was checked. The schemas, which check it, are not loaded for that. */

/** Beside the code of a function: Lambda's environment holds only 4 KB. */
export const BUNDLED_CONFIG = 'relay.config.json';

/**
 * The configuration that was built into a function's bundle. The build has checked it with the schemas of the same
 * commit and has written what they made of it, defaults and all. So a cold start only reads it.
 */
export function bundledConfig(moduleUrl: string): Config {
  const config: Config = JSON.parse(readFileSync(new URL(BUNDLED_CONFIG, moduleUrl), 'utf8'));
  return config;
}

/**
 * 12 hex digits that tell two configurations apart. Defaults, the order of settings and `$schema` make no difference.
 */
export function digestOf({ $schema: _, ...config }: Config): string {
  return createHash('sha256').update(JSON.stringify(config, inOrder)).digest('hex').slice(0, 12);
}

const inOrder = (_name: string, value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

export function guardSettings({ recharge, guard, pricing }: Config): GuardSettings {
  return {
    mode: recharge.mode,
    unknownAccounts: guard.unknownAccounts,
    credits: { min: recharge.minCredits, max: recharge.maxCredits },
    limits: guard.limits,
    suspendAfterDeclines: guard.suspendAfterDeclines,
    pricing,
  };
}

/** Whom this relay deals with, as recharges remember them. */
export function partiesOf({ payment, platform }: Pick<Config, 'payment' | 'platform'>): Counterparties {
  return {
    payment: counterpartyOf({ name: payment.name, url: paymentUrlOf(payment) }),
    platform: counterpartyOf({ name: platform.name, url: platform.baseUrl }),
  };
}

/** The waits of `base` with the choices an agency makes, and what its platform can prove. */
export function policyOf({ recharge, platform }: Config, base: Policy): Policy {
  const { declineRetries, refundAutomatically } = recharge;
  const evidence = { ...base.evidence, lookUp: platform.usageExport.listsGrants };
  return { ...base, declineRetries, refundAutomatically, evidence };
}
