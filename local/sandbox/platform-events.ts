import * as z from 'zod';
import { deliveryStatusSchema } from './deliveries.ts';

/** `email` is the client's or the contact's. It is empty if a contact has none. */
const happened = z.object({ at: z.iso.datetime(), email: z.string() });

const names = { firstName: z.string().exactOptional(), lastName: z.string().exactOptional() };
const message = happened.extend({ messageId: z.string(), body: z.string() });

/** `at` is an ISO time in UTC; amounts and balances are credits. */
export const platformEventSchema = z.discriminatedUnion('kind', [
  happened.extend({
    kind: z.literal('grant'),
    amount: z.number(),
    description: z.string().optional(),
    newBalance: z.number(),
  }),
  happened.extend({ kind: z.literal('spend'), amount: z.number(), newBalance: z.number() }),
  happened.extend({ kind: z.literal('webhook'), idempotency_key: z.string(), credits: z.number() }),
  happened.extend({
    kind: z.literal('delivery'),
    idempotency_key: z.string(),
    /** 1 for the first try. */
    attempt: z.int(),
    status: deliveryStatusSchema,
  }),
  happened.extend({ kind: z.literal('given_up'), idempotency_key: z.string() }),
  happened.extend({
    kind: z.literal('contact'),
    id: z.string(),
    ...names,
    phone: z.string().exactOptional(),
    /** The contact's id in an external system, if a custom channel brought it. */
    fromId: z.string().exactOptional(),
  }),
  happened.extend({ kind: z.literal('list_addition'), listId: z.string(), contactId: z.string() }),
  /** A message to a contact, asked for through the API. */
  message.extend({
    kind: z.literal('sent'),
    fromId: z.string(),
    customChannel: z.string(),
    campaignId: z.string().exactOptional(),
    ...names,
  }),
  /** A message of a contact, brought by an external system. */
  message.extend({
    kind: z.literal('received'),
    messageSid: z.string(),
    fromId: z.string(),
    toId: z.string(),
    channel: z.string().exactOptional(),
    status: z.string(),
    messageType: z.enum(['text', 'reaction']),
    campaignId: z.string().exactOptional(),
    ...names,
  }),
  /** What the bot, or a person on the platform, wrote to a contact. It is on its way to the external system. */
  message.extend({ kind: z.literal('reply'), contactId: z.string(), channel: z.string() }),
  happened.extend({
    kind: z.literal('reply_delivery'),
    messageId: z.string(),
    attempt: z.int(),
    status: deliveryStatusSchema,
  }),
  happened.extend({ kind: z.literal('reply_given_up'), messageId: z.string() }),
]);

export type PlatformEvent = z.infer<typeof platformEventSchema>;
export type EventOf<Kind extends PlatformEvent['kind']> = Extract<PlatformEvent, { kind: Kind }>;

/** Writes what happened into the books, in one write. Then it changes what the platform knows. */
export type RecordEvents = (...events: PlatformEvent[]) => void;
