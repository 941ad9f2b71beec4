import * as z from 'zod';
import { readJson } from '../http.ts';

/** `POST /subaccounts/credits`. */
export const grantRequestSchema = z.object({
  email: z.string().min(1),
  /** Whole credits. */
  amount: z.int().positive(),
  description: z.string(),
});

/** Its answer. The API page promises no email; where one is reported, it must be the one that was asked for. */
export const grantAnswerSchema = z.object({
  success: z.boolean(),
  credits_added: z.number(),
  /** A decimal number: single actions of the platform cost fractions of a credit. */
  new_balance: z.number().optional(),
  email: z.string().optional().catch(undefined),
  sub_account_email: z.string().optional().catch(undefined),
  sub_account: z.object({ email: z.string().optional() }).optional().catch(undefined),
});

/** The answer to `GET /subaccounts?email=`: found, or a 200 that says it was not. */
export const subAccountAnswerSchema = z.discriminatedUnion('success', [
  z.object({
    success: z.literal(true),
    data: z.object({
      email: z.string().optional(),
      uid: z.string().optional().catch(undefined),
      usage_limits: z.object({ credits: z.number() }).optional().catch(undefined),
    }),
  }),
  z.object({ success: z.literal(false) }),
]);

const reported = z.string().optional().catch(undefined);

/** The answer to `POST /contacts` and `GET /contacts`. The API page shows the first one only. */
export const contactSchema = z.object({
  id: z.string().min(1),
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
 * seen. What says that it failed is none.
 */
export const doneSchema = z.object({
  success: z.literal(true).optional(),
  error: z.null().optional(),
  messageId: z
    .union([z.string().min(1), z.number().transform(String)])
    .optional()
    .catch(undefined),
});

const text = z.string().min(1);

const contactFields = {
  campaignId: text.exactOptional(),
  firstName: text.exactOptional(),
  lastName: text.exactOptional(),
  email: text.exactOptional(),
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
  channel: text.exactOptional(),
  status: text.exactOptional(),
  messageType: z.enum(['text', 'reaction']).default('text'),
  ...contactFields,
});

/** A message from a contact. `messageType` is `text` where it is not said. */
export type IncomingMessage = z.input<typeof incomingMessageSchema>;

const errorSchema = z.union([
  z
    .object({
      error: z
        .object({
          code: z.union([z.string(), z.number().transform(String)]).optional(),
          message: z.string().optional(),
        })
        .refine(({ code, message }) => code !== undefined || message !== undefined),
    })
    .transform(({ error: { code, message } }) => ({ code, message, envelope: true })),
  z.object({ error: text }).transform(({ error }) => ({ code: undefined, message: error, envelope: true })),
  z.object({ message: text }).transform(({ message }) => ({ code: undefined, message, envelope: false })),
]);

/** What the platform says of an error. */
export interface ReportedError {
  code?: string;
  message?: string;
  /**
   * Whether there is an `error` member. Without one it may be a proxy or a wrong address that answered: a bare
   * `{"message":"Not Found"}` is what API gateways say.
   */
  envelope: boolean;
}

/**
 * Reads the three shapes in which the platform has been seen to report an error: `{error: {code, message}}`
 * (the documented one), `{error: "text"}` and `{message: "text"}`. Never throws.
 */
export function readError(body: string): ReportedError {
  const read = errorSchema.safeParse(readJson(body));
  if (!read.success) return { envelope: false };
  const { code, message, envelope } = read.data;
  return {
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
    envelope,
  };
}
