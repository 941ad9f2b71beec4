import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { isSafeUrl } from './http/request.ts';
import { verifierSchema } from './http/verifiers.ts';
import { platformProfileSchema } from './platform/profile.ts';
import { limitsSchema } from './recharge/account.ts';
import type { GuardSettings } from './recharge/guard.ts';
import type { Policy } from './recharge/policy.ts';
import { pricingSchema } from './recharge/pricing.ts';

/** `data.sub_account.email`: names of members from the payload's root on. */
const fieldPath = z
  .string()
  .regex(/^[^.\s]+(\.[^.\s]+)*$/, 'a field is a name or a path such as "data.email"')
  .refine((path) => !path.split('.').includes('__proto__'), 'not a field of a payload');
const fieldPaths = z.array(fieldPath).min(1);

const underRootAndData = (...names: string[]) => [...names, ...names.map((name) => `data.${name}`)];

const isObject = ({ value }: { value: unknown }) => typeof value === 'object' && value !== null;

/** Where a webhook's payload holds what. The first path that leads to a value counts. */
const rechargeSchema = z
  .strictObject({
    /** `observe` charges nobody; recharges end as `blocked (observe_only)` with the price they would have had. */
    mode: z.enum(['observe', 'live']).default('observe'),
    /** One is enough; several while a secret or a scheme is being changed. None: every webhook is refused. */
    verifiers: z.array(verifierSchema).default([]),
    keyFields: fieldPaths.default(underRootAndData('idempotency_key')),
    emailFields: fieldPaths.default(
      underRootAndData('email', 'sub_account_email', 'subAccountEmail', 'sub_account.email'),
    ),
    platformIdFields: fieldPaths.default(
      underRootAndData('sub_account_id', 'subAccountId', 'sub_account.id'),
    ),
    /** The credits of every recharge… */
    credits: z.int().positive().exactOptional(),
    /** …or where the payload says them. No default: an `amount` may as well be money. */
    creditsField: fieldPath.exactOptional(),
    minCredits: z.int().positive().default(1),
    maxCredits: z.int().positive().default(100_000),
    /** Further attempts, a day apart, after a decline the provider calls retryable. */
    declineRetries: z.int().min(0).max(3).default(0),
    /** Refund without asking where the platform refuses the grant or none succeeds for 72 h. */
    refundAutomatically: z.boolean().default(false),
  })
  .refine(({ credits, creditsField }) => credits === undefined || creditsField === undefined, {
    path: ['credits'],
    error: 'give credits or creditsField, not both',
    // Also where another setting has a fault: all are told at once.
    when: isObject,
  })
  .refine(({ minCredits, maxCredits }) => minCredits <= maxCredits, {
    path: ['minCredits'],
    error: 'is larger than maxCredits: every recharge would be refused',
  })
  .refine(
    ({ credits, minCredits, maxCredits }) => !credits || (minCredits <= credits && credits <= maxCredits),
    {
      path: ['credits'],
      error: 'is not from minCredits to maxCredits: every recharge would be refused',
    },
  );

const guardSchema = z.strictObject({
  /** `allow` lets a client nobody has set up be charged at the default price. */
  unknownAccounts: z.enum(['refuse', 'allow']).default('refuse'),
  /** For every client, unless the account has its own. Give `{}` for none. */
  limits: limitsSchema.default({ cooldownSeconds: 600, dailyCount: 5, monthlyAmount: 100_000 }),
});

const paymentSchema = z.strictObject({
  type: z.literal('http'),
  /** The agency's own endpoint; `/charges` and `/refunds` are appended. */
  url: z
    .string()
    .refine(
      (url) => isSafeUrl(url) && !/[?#]/.test(url),
      'must be https (http on this machine only), without ? and #',
    )
    .transform((url) => url.replace(/\/+$/, '')),
});

/** `relay.config.json`. No secret stands in it. */
export const configSchema = z.strictObject({
  $schema: z.string().exactOptional(),
  platform: platformProfileSchema,
  recharge: rechargeSchema.prefault({}),
  pricing: pricingSchema,
  guard: guardSchema.prefault({}),
  payment: paymentSchema,
  /** Who is told of alerts. */
  alertEmail: z.email().exactOptional(),
});
export type Config = z.infer<typeof configSchema>;
export type RechargeConfig = Config['recharge'];

/** Every fault of a configuration at once. Names places and rules, never values: a secret may have been pasted. */
export class ConfigError extends Error {
  constructor(source: string, faults: string[]) {
    super(`${source} cannot be used:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * @param value parsed JSON.
 * @param source the file's name, for the error.
 * @throws ConfigError with all faults.
 */
export function parseConfig(value: unknown, source: string): Config {
  const parsed = configSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    source,
    parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the whole file'}: ${message}`),
  );
}

/** @throws ConfigError where the file is missing, not JSON, or has faults. */
export function readConfig(path: string | URL): Config {
  return parseConfig(readConfigFile(path), fileName(path));
}

const fileName = (path: string | URL) => String(path).replace(/^.*\//, '');

/**
 * @returns what the file says, unchecked.
 * @throws ConfigError where the file is missing or not JSON.
 */
export function readConfigFile(path: string | URL): unknown {
  const source = fileName(path);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(source, [
      `it cannot be read (${error instanceof Error && 'code' in error ? error.code : 'unknown error'})`,
    ]);
  }
  try {
    return JSON.parse(text);
  } catch {
    // JSON.parse quotes the text around the fault: not into a log.
    throw new ConfigError(source, ['it is not JSON']);
  }
}

/** The configuration that was built into a function's bundle, beside its code: Lambda's environment holds only 4 KB. */
export function bundledConfig(moduleUrl: string): Config {
  return readConfig(new URL('./relay.config.json', moduleUrl));
}

export function guardSettings({ recharge, guard, pricing }: Config): GuardSettings {
  return {
    mode: recharge.mode,
    unknownAccounts: guard.unknownAccounts,
    credits: { min: recharge.minCredits, max: recharge.maxCredits },
    limits: guard.limits,
    pricing,
  };
}

/** The waits of `base` with the choices an agency makes. */
export function policyOf({ recharge }: Config, base: Policy): Policy {
  const { declineRetries, refundAutomatically } = recharge;
  return { ...base, declineRetries, refundAutomatically };
}
