import * as z from 'zod';

/** `either` takes the key in both places. */
const placement = z.enum(['header', 'query', 'either']);
const headerName = z
  .string()
  .regex(/^[A-Za-z0-9-]+$/, 'must be a header name')
  .toLowerCase();

/**
 * Where a brand of the platform may differ from its API page, or the page is silent. The defaults are
 * those of the page; headers are compared and sent in lower case.
 */
export const sandboxProfileSchema = z.strictObject({
  /** Where the API key is looked for, for each group of operations. Anywhere else it does not count. */
  keyPlacement: z
    .strictObject({
      credits: placement.default('header'),
      // The page does not list the lookup. Public code sends the key in both ways.
      subAccounts: placement.default('either'),
      contacts: placement.default('query'),
      lists: placement.default('query'),
      messages: placement.default('query'),
      usageExport: placement.default('query'),
    })
    .prefault({}),
  keyHeader: headerName.default('x-api-key'),
  /** What must stand before the key in that header, such as `Bearer `. */
  keyPrefix: z.string().default(''),
  keyQuery: z.string().min(1).default('apiKey'),
  /** `{"error":{"code","message"}}`, `{"error":"text"}` or `{"message":"text"}`. */
  errorShape: z.enum(['envelope', 'flat', 'message']).default('envelope'),
  /** The page says only that the headers of a 429 tell when to come again. */
  rateHeaders: z
    .strictObject({
      retryAfter: z.enum(['seconds', 'date', 'none']).default('seconds'),
      /** Names of headers on every answer; null leaves one out. */
      limit: headerName.nullable().default('x-ratelimit-limit'),
      remaining: headerName.nullable().default('x-ratelimit-remaining'),
      reset: headerName.nullable().default('x-ratelimit-reset'),
      /** Seconds from now, or the Unix time in seconds or milliseconds. */
      resetAs: z.enum(['seconds', 'unix', 'unixMs']).default('seconds'),
    })
    .prefault({}),
  /** A unique id is sent in it with every answer of the API. */
  requestIdHeader: headerName.default('x-request-id'),
  /** Without it, `GET /v1/subaccounts` is an unknown address: a 404 without the error shape. */
  subAccountLookup: z.boolean().default(true),
  /** Whether the usage export lists grants besides what was spent. */
  exportListsGrants: z.boolean().default(true),
});

export type SandboxProfile = z.output<typeof sandboxProfileSchema>;
