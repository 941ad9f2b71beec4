import { basename } from 'node:path';
import * as z from 'zod';
import { type Config, ConfigError, parseConfig, readConfigFile } from '../shared/config.ts';

/** As much of `RELAY_CONFIG` as the defaults here are put under; the rest is judged with the whole. */
const section = z.looseObject({}).default({});
const fileSchema = z.looseObject({ recharge: section, guard: section, platform: section });

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
 * @throws ConfigError where the file cannot be read, or with all faults of the result.
 */
export function localConfig(
  env: NodeJS.ProcessEnv,
  { platformUrl, paymentsUrl }: { platformUrl: string | undefined; paymentsUrl: string | undefined },
): Config {
  const { recharge, guard, platform, ...file } = readFile(env.RELAY_CONFIG);
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
      // The sandbox's payments take no money: a real platform must not grant for them to whoever asks.
      guard: { unknownAccounts: paymentsUrl === undefined ? 'allow' : 'refuse', limits: {}, ...guard },
      platform: {
        subAccountLookup: platformUrl !== undefined,
        ...platform,
        baseUrl: platformUrl === undefined ? env.PLATFORM_BASE_URL : `${platformUrl}/v1`,
      },
      payment: { type: 'http', url: paymentsUrl ?? env.PAYMENT_HOOK_URL },
    },
    env.RELAY_CONFIG === undefined ? 'the local configuration' : basename(env.RELAY_CONFIG),
  );
}

function readFile(path: string | undefined): z.infer<typeof fileSchema> {
  const parsed = fileSchema.safeParse(path === undefined ? {} : readConfigFile(path));
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    basename(path ?? ''),
    parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the whole file'}: ${issue.message}`),
  );
}
