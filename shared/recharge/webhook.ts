import * as z from 'zod/mini';
import { emailSchema, spelledEmailSchema } from '../email.ts';
import type { SignedId } from '../incoming/signature.ts';
import { openPayload, type Payload } from './payload.ts';
import type { RechargeConfig } from './settings.ts';

/** What a webhook asks for. */
export interface RechargeOrder {
  key: string;
  client: NamedClient;
  credits: number;
}

/** The client by email, by the platform's id, which names an account of ours, or by both. */
export type NamedClient =
  | {
      email: string;
      /** As the platform spells it, where that differs. */
      grantEmail?: string;
      platformId?: string;
    }
  | { email?: undefined; grantEmail?: undefined; platformId: string };

/** How a body was sent, as far as its meaning depends on it. */
interface Sent {
  /** Lower-case names. */
  headers?: Record<string, string>;
  /** The id that the verified signature covers. */
  signedId?: SignedId;
  /** A form has no numbers: all of it is text. */
  isForm?: boolean;
}

/**
 * Printable: no control, format or unassigned characters, and not blanks alone, which a sender that has no key would
 * give to all. DynamoDB's keys end at 2,048 bytes.
 */
export const keySchema = z
  .string('must be text, or a whole number')
  .check(z.regex(/^(?=.*\S)[^\p{C}]{1,255}$/u, 'must be 1 to 255 printable characters'));
export const creditsSchema = z.int('must be a whole number').check(z.positive('must be greater than zero'));
export const platformIdSchema = z
  .string()
  .check(z.regex(/^[\x21-\x7e]{1,128}$/, 'must be up to 128 ASCII characters without blanks'));

/**
 * Reads a verified webhook by the configured fields. Whatever the content type says, the body is JSON.
 *
 * @returns the order, or what was not understood, fit for an answer and a log: it quotes no value.
 */
export function readOrder(
  body: Buffer,
  config: RechargeConfig,
  sent: Sent = {},
): { order: RechargeOrder } | { fault: string } {
  const payload = openPayload(body);
  if ('fault' in payload) return payload;

  const key = readKey(payload, config, sent);
  if ('fault' in key) return key;

  const client = readClient(payload, config);
  if ('fault' in client) return client;

  if (config.credits === undefined && config.creditsField === undefined) {
    return { fault: 'recharge.credits or recharge.creditsField is not configured yet' };
  }
  const asked = config.creditsField === undefined ? config.credits : payload.find([config.creditsField])[0];
  const credits = creditsSchema.safeParse(config.creditsAsText || sent.isForm ? numberOf(asked) : asked);
  if (!credits.success) return { fault: `the credits (${config.creditsField}) ${reasonOf(credits.error)}` };
  return { order: { key: key.key, client, credits: credits.data } };
}

/**
 * Whether a request that nobody has verified has at least the form of a webhook: it names a key where one is expected.
 * Its bytes are searched, and not parsed: nobody vouches for them.
 */
export function looksLikeWebhook(
  { headers, body }: { headers: Record<string, string>; body: Buffer },
  { keyHeader, keyFields }: Pick<RechargeConfig, 'keyHeader' | 'keyFields'>,
): boolean {
  if (keyHeader !== undefined) return headers[keyHeader] !== undefined;
  return keyFields.some((path) => body.includes(path.slice(path.lastIndexOf('.') + 1)));
}

/** What is exactly a whole number, and anything else as it is. */
const numberOf = (value: unknown) =>
  typeof value === 'string' && /^[1-9]\d*$/.test(value) ? Number(value) : value;

function readKey(
  payload: Payload,
  { keyFields, keyHeader, keyHeaderTrusted }: RechargeConfig,
  { headers = {}, signedId }: Sent,
): { key: string } | { fault: string } {
  const [inBody] = payload.findTexts(keyFields);
  if (keyHeader === undefined) return judgeKey(inBody, keyFields.join(', '));
  const signed = signedId?.header === keyHeader ? signedId.value : undefined;
  if (!keyHeaderTrusted && signed === undefined) {
    return {
      fault: `the signature does not cover the idempotency key (header ${keyHeader}): recharge.keyHeaderTrusted is not set`,
    };
  }
  const inHeader = unquoted(signed ?? headers[keyHeader]?.trim());
  // Joined by a gateway: this delivery came with the header twice, and its repetition may come with it once.
  if (signed === undefined && inHeader?.includes(','))
    return { fault: `the idempotency key (header ${keyHeader}) stands there twice` };
  if (inHeader !== undefined && inBody !== undefined && inBody !== inHeader)
    return {
      fault: `the idempotency key of the header ${keyHeader} is not that of the body (${keyFields.join(', ')})`,
    };
  return judgeKey(inHeader, `header ${keyHeader}`);
}

/** The draft of the header has the key in quotes: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header */
const unquoted = (value: string | undefined) => value?.replace(/^"([^"\\]+)"$/, '$1');

function judgeKey(value: unknown, place: string): { key: string } | { fault: string } {
  const key = keySchema.safeParse(value);
  return key.success ? { key: key.data } : { fault: `the idempotency key (${place}) ${reasonOf(key.error)}` };
}

/** Where several fields name a client, all must name the same one: which of two is charged must not be guessed. */
function readClient(
  payload: Payload,
  { emailFields, platformIdFields }: RechargeConfig,
): NamedClient | { fault: string } {
  // A value that is no id, or no address, names nobody. But where the first field holds such a value, no other field
  // speaks for it.
  const ids = payload.findTexts(platformIdFields).map((id) => platformIdSchema.safeParse(id).data);
  if (new Set(ids.filter((id) => id !== undefined)).size > 1)
    return { fault: `the ids (${platformIdFields.join(', ')}) name two clients` };
  const [platformId] = ids;

  const [first, ...others] = payload.find(emailFields);
  if (first === undefined) {
    if (platformId !== undefined) return { platformId };
    return {
      fault: `no client: neither an email (${emailFields.join(', ')}) nor an id (${platformIdFields.join(', ')})`,
    };
  }
  const spelled = spelledEmailSchema.safeParse(first);
  if (!spelled.success) return { fault: `the client's email ${reasonOf(spelled.error)}` };
  const email = spelled.data.toLowerCase();
  const named = others.flatMap((other) => emailSchema.safeParse(other).data ?? []);
  if (named.some((other) => other !== email))
    return { fault: `the emails (${emailFields.join(', ')}) name two clients` };
  return {
    email,
    ...(spelled.data === email ? {} : { grantEmail: spelled.data }),
    ...(platformId === undefined ? {} : { platformId }),
  };
}

const reasonOf = (error: z.core.$ZodError) => error.issues[0]?.message ?? 'is not understood';
