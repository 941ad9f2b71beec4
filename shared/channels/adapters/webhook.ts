import * as z from 'zod';
import { isSafeUrl, type OutgoingRequest } from '../../http.ts';
import { verifierSchema } from '../../incoming/verifiers.ts';
import { toE164 } from '../../platform/phone.ts';
import type { Adapter, ForDelivery, Parsed } from '../adapter.ts';
import { isOwnId } from '../message.ts';
import { conditionSchema, firstPointed, fulfils, placed, pointersSchema } from '../pointer.ts';
import { judgeHttp } from './judging.ts';
import { NOT_JSON, readId, readLinks, readPayload, readPerson, readText } from './reading.ts';
import { splitText, withLinks } from './text.ts';

const PLACEHOLDER = /\{\{(\w*)\}\}/g;
const BODY_PLACEHOLDERS = ['id', 'to', 'contact', 'text', 'attachments', 'token'];
const HEADER_PLACEHOLDERS = ['token'];

/** A slip of the pen would otherwise be sent as it stands, or leave a message without its text. */
const holdsOnly = (known: string[]) => (value: unknown) =>
  [...JSON.stringify(value).matchAll(PLACEHOLDER)].every(([, name = '']) => known.includes(name));

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
    /**
     * Where the system repeats the `{{id}}` it was given: what has one of ours is our own message coming
     * back.
     */
    echoId: pointersSchema.exactOptional(),
    /**
     * The system's mark of what is no message of a contact: its own echoes of what we delivered, receipts.
     */
    ignore: z.array(conditionSchema).default([]),
    /** The contact is a phone number: brought to E.164, with this country's code where it has none. */
    phone: z
      .strictObject({
        defaultCountry: z
          .string()
          .regex(/^[A-Z]{2}$/, 'must be two capital letters of ISO 3166')
          .exactOptional(),
      })
      .exactOptional(),
  }),
  delivery: z.strictObject({
    url: z
      .string()
      .refine(isSafeUrl, 'must be https (http on this machine only)')
      .refine((url) => !url.includes('{{'), 'holds no {{…}}: those belong into the body and the headers'),
    /** `{{token}}` stands for this channel's token in the outbound secret. */
    headers: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z0-9-]+$/, 'must be a header name')
          .toLowerCase(),
        z.string().refine(holdsOnly(HEADER_PLACEHOLDERS), 'a header holds no {{…}} but {{token}}'),
      )
      .default({}),
    /**
     * JSON, in whose texts `{{id}}`, `{{to}}`, `{{contact}}`, `{{text}}` and `{{attachments}}` are replaced.
     */
    body: z
      .record(z.string(), z.json())
      .refine(holdsOnly(BODY_PLACEHOLDERS), `knows {{${BODY_PLACEHOLDERS.join('}}, {{')}}}`)
      .default({ id: '{{id}}', contact: '{{contact}}', text: '{{text}}' }),
    /** Where the answer says what the system calls the message. */
    externalId: pointersSchema.exactOptional(),
    /** Whether the system takes a second request with the same `{{id}}` for the same message. */
    dedupes: z.boolean().default(false),
    /** Longer texts are cut into parts. UTF-16 units. */
    maxLength: z.int().min(100).default(4_000),
  }),
};

type WebhookSettings = z.infer<z.ZodObject<typeof webhookSettings>>;
type Incoming = WebhookSettings['incoming'];
type DeliverySettings = WebhookSettings['delivery'];

export function createWebhookAdapter({ incoming, delivery }: WebhookSettings): Adapter {
  return {
    verifiers: incoming.verifiers,
    parse: ({ body }) => parse(body, incoming),
    needsToken: JSON.stringify([delivery.headers, delivery.body]).includes('{{token}}'),
    accepted: { status: 202, body: '{"status":"received"}' },
    requests: (message, token) => requests(message, token, delivery),
    judge: (reply, now) =>
      judgeHttp(reply, now, (answer) => readId(firstPointed(answer, delivery.externalId ?? []))),
    sample({ id, contact, text }) {
      const fields = [
        [incoming.id[0], id],
        // A channel of phone numbers takes no other contact; this one is nobody's (NANP keeps 555-0100 for fiction).
        [incoming.contact[0], incoming.phone === undefined ? contact : '+15555550100'],
        [incoming.text[0], text],
      ] as const;
      const document = fields.reduce<ReturnType<typeof placed>>(
        (made, [pointer, value]) => (pointer === undefined ? made : placed(made, pointer, value)),
        {},
      );
      return JSON.stringify(document);
    },
  };
}

function parse(body: Buffer, incoming: Incoming): Parsed {
  const payload = readPayload(body);
  if (payload === undefined) return NOT_JSON;
  if (incoming.ignore.some((condition) => fulfils(payload, condition))) {
    return { kind: 'ignored', why: 'it has a mark of incoming.ignore' };
  }
  const at = (pointers: string[] = []) => firstPointed(payload, pointers);
  const fault = (field: string, pointers: string[] = [], what: string): Parsed => ({
    kind: 'fault',
    fault: `the ${field} (${pointers.join(', ')}) ${what}`,
  });

  const id = readId(at(incoming.id));
  if (id === undefined) return fault('id', incoming.id, 'is not 1 to 255 printable characters');
  if (isOwnId(id) || isOwnId(readId(at(incoming.echoId)) ?? '')) {
    return { kind: 'ignored', why: 'it is our own message coming back' };
  }
  const from = readId(at(incoming.contact));
  if (from === undefined) return fault('contact', incoming.contact, 'is not 1 to 255 printable characters');
  const contact =
    incoming.phone === undefined ? { phone: from } : toE164(from, incoming.phone.defaultCountry);
  if ('fault' in contact) return fault('contact', incoming.contact, `is not usable: ${contact.fault}`);

  const text = readText(at(incoming.text));
  if (text === undefined) return fault('text', incoming.text, 'is not text');
  const attachments = readLinks(at(incoming.attachments));
  if (attachments === undefined) {
    return fault('attachments', incoming.attachments, 'are not web addresses, one or a list of them');
  }
  if (text.trim() === '' && attachments.length === 0) {
    return fault('text', incoming.text, 'is blank, and there is no attachment');
  }
  const replyTo = readId(at(incoming.replyTo));
  const isReaction = incoming.reaction !== undefined && fulfils(payload, incoming.reaction);
  const message = {
    id,
    contact: contact.phone,
    type: isReaction ? ('reaction' as const) : ('text' as const),
    text,
    attachments,
    ...readPerson({
      firstName: at(incoming.firstName),
      lastName: at(incoming.lastName),
      email: at(incoming.email),
    }),
    ...(replyTo === undefined ? {} : { replyTo }),
  };
  return { kind: 'messages', messages: [message] };
}

function requests(message: ForDelivery, token: string, delivery: DeliverySettings) {
  // Where the system has no field for them, links travel in the text: nothing is left behind.
  const hasField = JSON.stringify(delivery.body).includes('{{attachments}}');
  const parts = splitText(hasField ? message.text : withLinks(message), delivery.maxLength);
  const headers = Object.entries(delivery.headers).map(([name, value]) => [name, filled(value, { token })]);
  return parts.map((text, index): Omit<OutgoingRequest, 'timeoutMs'> => {
    const id = index === 0 ? message.ourId : `${message.ourId}-${index + 1}`;
    const values = {
      id,
      to: message.replyTo ?? message.contact,
      contact: message.contact,
      text,
      attachments: index === parts.length - 1 ? message.attachments : [],
      token,
    };
    return {
      method: 'POST',
      url: delivery.url,
      headers: { 'content-type': 'application/json', ...Object.fromEntries(headers), 'idempotency-key': id },
      body: JSON.stringify(filledJson(delivery.body, values)),
    };
  });
}

type Values = Record<string, string | string[]>;
type Json = z.infer<ReturnType<typeof z.json>>;

/** In one pass: what a customer writes may look like a placeholder, and is not one. */
function filled(template: string, values: Values): string {
  return template.replaceAll(PLACEHOLDER, (_all, name: string) => [values[name] ?? ''].flat().join('\n'));
}

/** Only texts are filled, in a parsed document: a customer's quotation mark stays a quotation mark. */
function filledJson(template: Json, values: Values): Json {
  if (typeof template === 'string') {
    const list = template === '{{attachments}}' ? values.attachments : undefined;
    return list ?? filled(template, values);
  }
  if (Array.isArray(template)) return template.map((item) => filledJson(item, values));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(
    Object.entries(template).map(([name, value]) => [name, filledJson(value, values)]),
  );
}
