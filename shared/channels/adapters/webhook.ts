import * as z from 'zod';
import { isSafeUrl } from '../../http/request.ts';
import { verifierSchema } from '../../http/verifiers.ts';
import { conditionSchema, pointersSchema } from '../pointer.ts';

/** Any system that can POST JSON and be POSTed to: where its fields stand is said here. */
export const webhookSettings = {
  incoming: z.strictObject({
    verifiers: z.array(verifierSchema).min(1),
    id: pointersSchema,
    contact: pointersSchema,
    text: pointersSchema,
    firstName: pointersSchema.exactOptional(),
    lastName: pointersSchema.exactOptional(),
    email: pointersSchema.exactOptional(),
    /** A list of addresses, or one. */
    attachments: pointersSchema.exactOptional(),
    /** What makes a message a reaction. */
    reaction: conditionSchema.exactOptional(),
    /** Where replies to this contact go, where that is not the contact itself. */
    replyTo: pointersSchema.exactOptional(),
    /** The system's mark of what is no message of a contact: its own echoes of what we delivered, receipts. */
    ignore: z.array(conditionSchema).default([]),
    /** The contact is a phone number: brought to E.164, with this country's code where it has none. */
    phone: z
      .strictObject({
        defaultCountry: z
          .string()
          .regex(/^[A-Z]{2}$/)
          .exactOptional(),
      })
      .exactOptional(),
  }),
  delivery: z.strictObject({
    url: z.string().refine(isSafeUrl, 'must be https (http on this machine only)'),
    /** `{{token}}` stands for this channel's token in the outbound secret. */
    headers: z.record(z.string().regex(/^[A-Za-z0-9-]+$/), z.string()).default({}),
    /** JSON, in whose texts `{{id}}`, `{{to}}`, `{{contact}}`, `{{text}}` and `{{attachments}}` are replaced. */
    body: z.record(z.string(), z.json()).default({ id: '{{id}}', contact: '{{contact}}', text: '{{text}}' }),
    /** Where the answer says what the system calls the message. */
    externalId: pointersSchema.exactOptional(),
    /** Whether the system takes a second request with the same `{{id}}` for the same message. */
    dedupes: z.boolean().default(false),
    /** Longer texts are cut into parts. */
    maxLength: z.int().min(100).default(4_000),
  }),
};
