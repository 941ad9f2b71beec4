import * as z from 'zod';
import { isSafeUrl } from '../http.ts';
import { partyNameSchema } from '../party-name.ts';

const placement = z.enum(['header', 'query']);
const headerName = z.string().regex(/^[A-Za-z0-9-]+$/, 'must be a header name');
/** A header's value neither begins with a blank nor holds a line feed. The blank at the end of `Bearer ` is part of it. */
const headerPrefix = z
  .string()
  .regex(/^([!-~][ -~]*)?$/, 'must be plain characters, such as "Bearer "')
  .regex(/(^|[^A-Za-z0-9])$/, 'must not run into the key: end it with a blank, as in "Bearer "');
const path = z.string().regex(/^(\/[\w-]+)+$/, 'must be a path such as /send_custom_channel_message');

/**
 * What is not known about the live platform, or differs between its brands. The defaults are those of the
 * platform's API page; where that is silent, the choice that cannot grant twice.
 */
export const platformProfileSchema = z.strictObject({
  /** Which platform this is: recharges belong to it, and stay with it when its address moves. */
  name: partyNameSchema.exactOptional(),
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
    .strictObject({
      credits: placement.default('header'),
      subAccounts: placement.default('query'),
      contacts: placement.default('query'),
      lists: placement.default('query'),
      messages: placement.default('query'),
      usageExport: placement.default('query'),
    })
    .prefault({}),
  keyHeader: headerName.default('x-api-key'),
  /** What stands before the key in that header, for example `Bearer `. */
  keyPrefix: headerPrefix.default(''),
  keyQuery: z.string().min(1).default('apiKey'),
  /** Whether `GET /subaccounts` works with this key: the API page does not list it. */
  subAccountLookup: z.boolean().default(false),
  /** Tells "the agency has no credits left" from every other 400. Tried on code and message, ignoring case. */
  emptyPoolPattern: z
    .string()
    .min(1)
    .refine(isPattern, 'must be a regular expression')
    .default('insufficient credits'),
  /** The answers that prove that nothing was done; one left out counts as unknown. */
  notAppliedStatuses: z.array(z.literal([401, 403, 429])).default([401, 403, 429]),
  /** Characters kept of a grant's description. */
  maxDescriptionLength: z.int().positive().default(200),
  /**
   * What one process sends at most. The platform has a limit for each key and minute, and does not say which:
   * ten a second is more than a client with a busy channel needs, and leaves room for the agency's other tools.
   */
  requestsPerMinute: z.int().positive().default(600),
  /** Where a 429 says how long to wait, the first one that does. The API page names no header. */
  waitHeaders: z.array(headerName.toLowerCase()).min(1).default(['retry-after', 'x-ratelimit-reset']),
  /** The platform's name for one request, told to a person who has to ask its support. The API page names none. */
  requestIdHeader: headerName.toLowerCase().default('x-request-id'),
  /** Sends a message through a custom channel. An address with dashes is known as well. */
  sendPath: path.default('/send_custom_channel_message'),
  /** Takes in a message of a custom channel. An address with dashes is known as well. */
  incomingPath: path.default('/incoming_custom_channel_message'),
  /**
   * Whether the sender's names and email and the campaign go along with an incoming message. The API page lists
   * these fields with messages sent only.
   */
  contactFieldsOnIncoming: z.boolean().default(true),
  usageExport: z
    .strictObject({
      /**
       * Whether grants, and not usage alone, stand in the agency's usage export. Nothing says so: true only where
       * a probe of this agency's account has seen one there.
       */
      listsGrants: z.boolean().default(false),
    })
    .prefault({}),
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
