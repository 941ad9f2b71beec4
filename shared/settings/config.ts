import { createHash } from 'node:crypto';
import * as z from 'zod';
import { channelsSchema } from '../channels/settings.ts';
import { eventsSchema } from '../events/settings.ts';
import { isSafeUrl } from '../http.ts';
import { paymentSchema, paymentUrlOf } from '../payments/settings.ts';
import { platformProfileSchema } from '../platform/profile.ts';
import { type Counterparties, counterpartyOf } from '../recharge/counterparty.ts';
import { type GuardSettings, guardSchema } from '../recharge/guard.ts';
import type { Policy } from '../recharge/policy.ts';
import { pricingSchema } from '../recharge/pricing.ts';
import { rechargeSchema } from '../recharge/settings.ts';
import { fileName, parseWith, readConfigFile } from './config-file.ts';

/** `relay.config.json`. No secret stands in it. */
export const configSchema = z.strictObject({
  $schema: z.string().exactOptional(),
  platform: platformProfileSchema,
  recharge: rechargeSchema.prefault({}),
  pricing: pricingSchema,
  guard: guardSchema.prefault({}),
  payment: paymentSchema,
  /** External chat systems, each behind a name. */
  channels: channelsSchema,
  /** Where events go. */
  events: eventsSchema.exactOptional(),
  /** Who is told of alerts. */
  alertEmail: z.email().exactOptional(),
  /** Where those who are told can read RUNBOOK.md: each alarm and alert links to its section of it. */
  runbookUrl: z
    .url()
    .refine((url) => isSafeUrl(url) && !url.includes('#'), 'must be https, without #')
    .exactOptional(),
});
export type Config = z.infer<typeof configSchema>;

/**
 * @param value parsed JSON.
 * @param source the file's name, for the error.
 * @throws ConfigError with all faults.
 */
export function parseConfig(value: unknown, source: string): Config {
  return parseWith(configSchema, value, source);
}

/** @throws ConfigError where the file is missing, not JSON, or has faults. */
export function readConfig(path: string | URL): Config {
  return parseConfig(readConfigFile(path), fileName(path));
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
    pricing,
  };
}

/** Whom this relay deals with, as recharges remember them. */
export function partiesOf({ payment, platform }: Config): Counterparties {
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
