import { readFileSync } from 'node:fs';
import { type Config, parseConfig } from '../shared/config.ts';

type Section = Record<string, unknown>;

/** Whoever holds the secret may send it as a token, or sign with it. */
const LOCAL_VERIFIERS = [
  { type: 'token', header: 'x-webhook-token', query: 'token' },
  { type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' },
];

/**
 * The configuration of `npm start`: every client pays USD 0.10 a credit, without limits. What
 * `RELAY_CONFIG` (a file, whole or in part) says counts instead; where the platform and the payment
 * endpoint are, the variables say.
 *
 * @throws ConfigError with all faults of the result.
 */
export function localConfig(
  env: NodeJS.ProcessEnv,
  { platformUrl, paymentsUrl }: { platformUrl: string | undefined; paymentsUrl: string | undefined },
): Config {
  const file: Section =
    env.RELAY_CONFIG === undefined ? {} : section(JSON.parse(readFileSync(env.RELAY_CONFIG, 'utf8')));
  const sandboxed = platformUrl !== undefined && paymentsUrl !== undefined;
  const recharge = section(file.recharge);
  return parseConfig(
    {
      ...file,
      pricing: file.pricing ?? { currency: 'USD', perCredit: '0.10' },
      recharge: {
        mode: 'live',
        verifiers: LOCAL_VERIFIERS,
        ...(recharge.credits === undefined ? { creditsField: 'credits' } : {}),
        ...recharge,
      },
      // Real clients are known by name; those of a test's own platform are not.
      guard: { unknownAccounts: sandboxed ? 'refuse' : 'allow', limits: {}, ...section(file.guard) },
      platform: {
        subAccountLookup: platformUrl !== undefined,
        ...section(file.platform),
        baseUrl: platformUrl === undefined ? env.PLATFORM_BASE_URL : `${platformUrl}/v1`,
      },
      payment: { type: 'http', url: paymentsUrl ?? env.PAYMENT_HOOK_URL },
    },
    env.RELAY_CONFIG ?? 'the local configuration',
  );
}

function section(value: unknown): Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
