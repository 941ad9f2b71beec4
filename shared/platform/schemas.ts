import * as z from 'zod/mini';
import { readJson } from '../http.ts';
import { orLeftOut } from '../lenient.ts';

/** `POST /subaccounts/credits`. */
export const grantRequestSchema = z.object({
  email: z.string().check(z.minLength(1)),
  /** Whole credits. */
  amount: z.int().check(z.positive()),
  description: z.string(),
});

/**
 * A decimal number: single actions of the platform cost fractions of a credit. It is kept as a hint for a person, so
 * what cannot be stored is left out, with the rest of the answer untouched: the client of DynamoDB refuses numbers
 * beyond 2^53, and DynamoDB itself those closer to 0 than 1e-130.
 */
const balance = orLeftOut(
  z
    .number()
    .check(z.refine((credits) => credits === 0 || (Math.abs(credits) > 1e-9 && Math.abs(credits) < 2 ** 53))),
);

/** A blank name names nobody. */
const name = z.string().check(z.trim(), z.minLength(1));
const named = orLeftOut(name);

/**
 * The answer to `POST /subaccounts/credits`, as far as it is one. The API page promises no email; where one is
 * reported, or an id, it must be that of the client who was asked for.
 */
export const grantAnswerSchema = z.object({
  success: orLeftOut(z.union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'] })])),
  credits_added: orLeftOut(
    z.union([z.number(), z.string().check(z.trim(), z.regex(/^[+-]?\d{1,20}(\.\d{1,20})?$/))]),
  ),
  new_balance: balance,
  // A number beyond 2^53 was rounded when it was read: it may be anybody's.
  sub_account_id: orLeftOut(z.union([name, z.pipe(z.int(), z.transform(String))])),
  email: named,
  sub_account_email: named,
  sub_account: orLeftOut(z.object({ email: named })),
});

/** The answer to `GET /subaccounts?email=`: found, or a 200 that says it was not. */
export const subAccountAnswerSchema = z.discriminatedUnion('success', [
  z.object({
    success: z.literal(true),
    data: z.object({
      email: z.optional(z.string()),
      uid: orLeftOut(z.string()),
      usage_limits: orLeftOut(z.object({ credits: balance })),
    }),
  }),
  z.object({ success: z.literal(false) }),
]);

const reported = orLeftOut(z.string());

/** The answer to `POST /contacts` and `GET /contacts`. The API page shows the first one only. */
export const contactSchema = z.object({
  id: z.string().check(z.minLength(1)),
  firstName: reported,
  lastName: reported,
  /** As the platform writes it. */
  phone: reported,
  email: reported,
  /** An ISO time in UTC. */
  createdAt: reported,
});

export type Contact = z.infer<typeof contactSchema>;

/**
 * The answer to a message and to an addition to a list. The API page shows none; `{success, messageId}` has been
 * seen. An answer that says that it failed does not count as one.
 */
export const doneSchema = z.object({
  success: z.optional(z.literal(true)),
  error: z.optional(z.null()),
  messageId: orLeftOut(z.union([z.string().check(z.minLength(1)), z.pipe(z.number(), z.transform(String))])),
});

const text = z.string('must be text').check(z.minLength(1, 'must not be empty'));

const contactFields = {
  campaignId: z.exactOptional(text),
  firstName: z.exactOptional(text),
  lastName: z.exactOptional(text),
  email: z.exactOptional(text),
};

/** `customData` of `POST /send_custom_channel_message`. */
export const customChannelMessageSchema = z.object({
  /** The contact's id in the external system. */
  fromId: text,
  customChannel: text,
  body: text,
  ...contactFields,
});

/** A message to a contact: who is not known yet becomes one. */
export type CustomChannelMessage = z.input<typeof customChannelMessageSchema>;

/** `POST /incoming_custom_channel_message`, whose `customData` holds all but the `messageType`. */
export const incomingMessageSchema = z.object({
  /** The platform takes in a message of one `messageSid` once. */
  messageSid: text,
  /** The sender's id in the external system. */
  fromId: text,
  /** The business's id. */
  toId: text,
  body: text,
  channel: z.exactOptional(text),
  status: z.exactOptional(text),
  messageType: z._default(z.enum(['text', 'reaction']), 'text'),
  ...contactFields,
});

/** A message from a contact. `messageType` is `text` where it is not said. */
export type IncomingMessage = z.input<typeof incomingMessageSchema>;

/** What the platform, or whatever answered in its place, says of an error. */
export interface ReportedError {
  code?: string;
  message?: string;
  /**
   * `envelope` is the documented `{"error":{"code","message"}}`, both of them texts: the platform's own word. In the
   * other shapes it may be a proxy, a framework or a wrong address that answered: `{"error":"Not Found"}` is what
   * web frameworks say, `{"message":"Not Found"}` what API gateways do, `{"error":{"code":404}}` what front ends do.
   */
  shape: 'envelope' | 'partial' | 'flat' | 'message' | 'none';
}

const code = z.union([text, z.pipe(z.number(), z.transform(String))]);

const errorSchema = z.union([
  z.pipe(
    z.object({ error: z.object({ code: text, message: text }) }),
    z.transform(({ error: { code, message } }): ReportedError => ({ code, message, shape: 'envelope' })),
  ),
  z.pipe(
    z
      .object({ error: z.object({ code: z.exactOptional(code), message: z.exactOptional(text) }) })
      .check(z.refine(({ error }) => error.code !== undefined || error.message !== undefined)),
    z.transform(({ error }): ReportedError => ({ ...error, shape: 'partial' })),
  ),
  z.pipe(
    z.object({ error: text }),
    z.transform(({ error }): ReportedError => ({ message: error, shape: 'flat' })),
  ),
  z.pipe(
    z.object({ message: text }),
    z.transform(({ message }): ReportedError => ({ message, shape: 'message' })),
  ),
]);

/**
 * Reads `{error: {code, message}}`, the documented shape, and what else has been seen: a part of it, `{error: "text"}`
 * and `{message: "text"}`. Never throws.
 */
export function readError(body: string): ReportedError {
  return errorSchema.safeParse(readJson(body)).data ?? { shape: 'none' };
}
