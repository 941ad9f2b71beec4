import * as z from 'zod';
import { isSafeUrl } from '../http/request.ts';

const placement = z.enum(['header', 'query']);

/**
 * What is not known about the live platform, or differs between its brands. The defaults are those of the
 * platform's API page; where that is silent, the choice that cannot grant twice.
 */
export const platformProfileSchema = z.strictObject({
  /** With the version, as in `https://api.example.com/v1`; each brand has its own host. */
  baseUrl: z
    .string()
    .refine(
      (url) => isSafeUrl(url) && !/[?#]/.test(url),
      'must be https (http on this machine only), without ? and #',
    )
    .transform((url) => url.replace(/\/+$/, '')),
  /** Where the API key travels, for each group of addresses. */
  keyPlacement: z
    .strictObject({ credits: placement.default('header'), subAccounts: placement.default('query') })
    .prefault({}),
  keyHeader: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, 'must be a header name')
    .default('x-api-key'),
  keyQuery: z.string().min(1).default('apiKey'),
  /** Whether `GET /subaccounts` works with this key: the API page does not list it. */
  subAccountLookup: z.boolean().default(false),
  /** Tells "the agency has no credits left" from every other 400. Tried on code and message, ignoring case. */
  emptyPoolPattern: z
    .string()
    .min(1)
    .refine(isPattern, 'must be a regular expression')
    .default('insufficient credits'),
  /** The answers to a grant that prove that nothing was granted; one left out counts as unknown. */
  notAppliedStatuses: z.array(z.literal([401, 403, 429])).default([401, 403, 429]),
  /** Characters kept of a grant's description. */
  maxDescriptionLength: z.int().positive().default(200),
});

export type PlatformProfile = z.infer<typeof platformProfileSchema>;

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'i');
    return true;
  } catch {
    return false;
  }
}
