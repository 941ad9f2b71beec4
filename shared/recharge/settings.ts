import * as z from 'zod';
import { headerName, verifierSchema } from '../incoming/verifier-settings.ts';
import { signedIdHeaders } from '../incoming/verifiers.ts';
import { limitsSchema } from './account.ts';

/** `data.sub_account.email`: names of members from the payload's root on. */
const fieldPath = z
  .string()
  .regex(/^[^.\s]+(\.[^.\s]+)*$/, 'a field is a name or a path such as "data.email"')
  .refine((path) => !path.split('.').includes('__proto__'), 'not a field of a payload');
const fieldPaths = z.array(fieldPath).min(1);

const underRootAndData = (...names: string[]) => [...names, ...names.map((name) => `data.${name}`)];

const isObject = ({ value }: { value: unknown }) => typeof value === 'object' && value !== null;

/** Where a webhook's payload holds what. The first path that leads to a value counts. */
export const rechargeSchema = z
  .strictObject({
    /** `observe` charges nobody; recharges end as `blocked (observe_only)` with the price they would have had. */
    mode: z.enum(['observe', 'live']).default('observe'),
    /** One is enough; several while a secret or a scheme is being changed. None: every webhook is refused. */
    verifiers: z.array(verifierSchema).default([]),
    keyFields: fieldPaths.default(underRootAndData('idempotency_key')),
    /** The header that holds the key, instead of a field. It must be one that the signature covers… */
    keyHeader: headerName.exactOptional(),
    /** …unless the operator knows that nobody can repeat a delivery under another key. */
    keyHeaderTrusted: z.boolean().default(false),
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
    /** That field may hold text, which must be a whole number and nothing else. */
    creditsAsText: z.boolean().default(false),
    minCredits: z.int().positive().default(1),
    maxCredits: z.int().positive().default(100_000),
    /** One further attempt, a day later, after a decline the provider calls retryable. */
    declineRetries: z
      .int()
      .min(0)
      .max(
        1,
        'must be at most 1: card networks charge for, and count, each further try of a card they refused',
      )
      .default(0),
    /** Refund without asking where the platform refuses the grant, or none succeeds for 72 h or in eight answered tries. */
    refundAutomatically: z.boolean().default(false),
  })
  .refine(({ credits, creditsField }) => credits === undefined || creditsField === undefined, {
    path: ['credits'],
    error: 'give credits or creditsField, not both',
    // Also where another setting has a fault: all are told at once.
    when: isObject,
  })
  .refine(
    ({ keyHeader, keyHeaderTrusted, verifiers }) =>
      keyHeader === undefined ||
      keyHeaderTrusted ||
      verifiers.length === 0 ||
      verifiers.some((verifier) => signedIdHeaders(verifier).includes(keyHeader)),
    {
      path: ['keyHeader'],
      error:
        'is covered by the signature of no verifier: whoever repeats a delivery under another key has the client ' +
        'charged twice. If you know that nobody can, set keyHeaderTrusted',
    },
  )
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

export type RechargeConfig = z.infer<typeof rechargeSchema>;

/** The section `guard` of the configuration. */
export const guardSchema = z.strictObject({
  /** `allow` lets a client nobody has set up be charged at the default price. */
  unknownAccounts: z.enum(['refuse', 'allow']).default('refuse'),
  /** For every client, unless the account has its own. Give `{}` for none. */
  limits: z._default(limitsSchema, { cooldownSeconds: 600, dailyCount: 5, monthlyAmount: 100_000 }),
  /** So many payments declined in a row suspend the client. 0 never does. */
  suspendAfterDeclines: z.int().min(0).default(3),
});
