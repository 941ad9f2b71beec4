import { signingKey } from '../shared/payments/signed-request.ts';
import { faultOfKey } from '../shared/payments/stripe/key.ts';

/** They overrule the secrets of the folder. */
const VARIABLES = [
  'WEBHOOK_SECRET',
  'PLATFORM_API_KEY',
  'PAYMENT_HOOK_SECRET',
  'STRIPE_KEY',
  'STRIPE_WEBHOOK_SECRET',
];

const NEW_KEY = 'Copy it again, or make one: echo "whsec_$(openssl rand -base64 24)"';

/**
 * What is wrong with a secret that the environment gives, in one sentence that does not hold it.
 *
 * @returns undefined if nothing is wrong that can be seen.
 */
export function secretFault(env: NodeJS.ProcessEnv): string | undefined {
  for (const name of VARIABLES) {
    const value = env[name]?.trim();
    if (value === '') return `${name} is blank. Set it, or unset it: npm start makes one then.`;
    if (/\p{Cc}/u.test(value ?? ''))
      return `${name} holds a line break or another control character: copy it again.`;
  }
  const stripeFault = env.STRIPE_KEY === undefined ? undefined : faultOfKey(env.STRIPE_KEY.trim(), false);
  if (stripeFault !== undefined) return `STRIPE_KEY ${stripeFault}.`;
  const key = env.PAYMENT_HOOK_SECRET;
  if (key === undefined) return undefined;
  if (signingKey(key) === undefined) {
    return `PAYMENT_HOOK_SECRET begins with whsec_, and what follows is no base64. ${NEW_KEY}`;
  }
  if (env.PAYMENT_HOOK_URL === undefined && !key.trim().startsWith('whsec_')) {
    return `PAYMENT_HOOK_SECRET is for the sandbox's payment endpoint here, since PAYMENT_HOOK_URL is not set. That takes whsec_ and base64 only. ${NEW_KEY}`;
  }
  return undefined;
}
