import * as z from 'zod';
import { isSafeUrl, type OutgoingRequest, type Reply, readJson, retryAfterMs } from '../../http.ts';
import { verifierSchema } from '../../incoming/verifier-settings.ts';
import type { IncomingRequest } from '../../incoming/verifiers.ts';
import { WRITTEN, type Written } from '../../platform/phone.ts';
import type { Adapter, Delivery, ForDelivery, Parsed } from '../adapter.ts';
import { partsOfPlace, readMapped } from '../mapped.ts';
import {
  type Condition,
  conditionSchema,
  firstPointed,
  fulfils,
  placed,
  pointersSchema,
} from '../pointer.ts';
import { KINDS, words } from './beside.ts';
import { judgeHttp, reasoned, reasonOf, refusal, waitingAs } from './judging.ts';
import { NOT_JSON, readDocument, readId } from './reading.ts';
import { splitText, withLinks } from './text.ts';

const PLACEHOLDER = /\{\{(\w*)\}\}/g;
const BODY_PLACEHOLDERS = ['id', 'to', 'thread', 'contact', 'text', 'attachments', 'token'];
const HEADER_PLACEHOLDERS = ['token'];

/** A mistyped placeholder would otherwise be sent as it stands, or leave a message without its text. */
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
    /** Where the place within that place stands, such as a thread: a delivery has it as `{{thread}}`. */
    thread: pointersSchema.exactOptional(),
    /** Where the kind of a message stands: of one that has nothing else that can be read, it is told. */
    kind: pointersSchema.exactOptional(),
    /** What else a message may hold: its kind, and where it stands. It is told below the text. */
    beside: z.partialRecord(z.enum(KINDS), pointersSchema).exactOptional(),
    /**
     * The system's mark of what is no message of a contact: its own echoes of what we delivered, receipts.
     */
    ignore: z.array(conditionSchema).default([]),
    /** What a 0 in a pointer stands for, where the list has more: each element, or the first one alone. */
    lists: z.enum(['each', 'first']).default('each'),
    /** The contact is a phone number, and becomes E.164. */
    phone: z
      .strictObject({
        /** How the system writes numbers: `e164` with +, `international` with the code alone, `national`. */
        written: z.enum(WRITTEN).exactOptional(),
        /** Where a number without a country code is at home. */
        defaultCountry: z
          .string()
          .regex(/^[A-Z]{2}$/, 'must be two capital letters of ISO 3166')
          .exactOptional(),
      })
      .refine(({ written, defaultCountry }) => written !== 'national' || defaultCountry !== undefined, {
        error: 'national numbers need a defaultCountry',
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
     * JSON, in whose texts `{{id}}`, `{{to}}`, `{{thread}}`, `{{contact}}`, `{{text}}` and `{{attachments}}` are
     * replaced. A member that is nothing but `{{thread}}` is left out where there is none.
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
    /** Whom a wait is for that an answer asks for: all that goes through this channel, or the contact alone. */
    waits: z.enum(['channel', 'contact']).default('channel'),
    /** What the system's answers mean beyond their HTTP status. */
    answer: z
      .strictObject({
        /** Certainly not delivered, and trying again will not help. */
        refused: z.array(conditionSchema).default([]),
        /** Certainly not delivered, and to be tried again later, as for a 429. */
        waits: z.array(conditionSchema).default([]),
        /** Likewise, and the limit is the contact's alone. */
        contactWaits: z.array(conditionSchema).default([]),
        /** Where the seconds to wait stand. */
        waitSeconds: pointersSchema.exactOptional(),
        /** Where the reason of a refusal stands, if not where others put it. */
        reason: pointersSchema.exactOptional(),
        /** Where a refusal names the place to which the contact has moved. */
        replyTo: pointersSchema.exactOptional(),
        /** Where a refusal names the longest text. */
        maxLength: pointersSchema.exactOptional(),
      })
      .prefault({}),
  }),
};

type WebhookSettings = z.infer<z.ZodObject<typeof webhookSettings>>;
type DeliverySettings = WebhookSettings['delivery'];

export function createWebhookAdapter({ incoming, delivery }: WebhookSettings): Adapter {
  return {
    verifiers: incoming.verifiers,
    parse: (request) => parse(request, incoming),
    needsToken: JSON.stringify([delivery.headers, delivery.body]).includes('{{token}}'),
    accepted: { status: 202, body: '{"status":"received"}' },
    maxLength: delivery.maxLength,
    place: ({ contact }) => contact,
    requests: (message, token) => requests(message, token, delivery, incoming.phone?.written),
    judge: (reply, now) => judge(reply, now, delivery),
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

function parse({ body }: IncomingRequest, incoming: WebhookSettings['incoming']): Parsed {
  const payload = readDocument(body);
  return payload === undefined ? NOT_JSON : readMapped(payload, incoming, { section: 'incoming' });
}

/** By HTTP, and by what the settings say of the system's own words, which go before it. */
function judge(reply: Reply, now: number, { externalId, answer, waits }: DeliverySettings): Delivery {
  const idOf = (document: unknown) => readId(firstPointed(document, externalId ?? []));
  const judged = judgeHttp(reply, now, idOf);
  if (reply.kind !== 'response') return judged;
  const document = readJson(reply.body);
  const at = (pointers: string[] = []) => firstPointed(document, pointers);
  const reason = words(at(answer.reason)) || reasonOf(document);
  const detail = reasoned(`HTTP ${reply.status}`, reason);
  const says = (conditions: Condition[]) => conditions.some((condition) => fulfils(document, condition));
  const isContacts = says(answer.contactWaits);
  if (isContacts || says(answer.waits) || reply.status === 429) {
    const seconds = Number(words(at(answer.waitSeconds)) || Number.NaN);
    const named = seconds >= 0 ? seconds * 1_000 : retryAfterMs(reply.headers, now);
    const asked = named === undefined ? {} : { retryAfterMs: named };
    return waitingFor({ kind: 'not_applied', detail, ...asked }, isContacts ? 'contact' : waits);
  }
  if (says(answer.refused) || judged.kind === 'refused' || judged.kind === 'too_long') {
    const moved = readId(at(answer.replyTo));
    if (moved !== undefined) return { kind: 'moved', detail, replyTo: moved };
    const length = Number(words(at(answer.maxLength)));
    return length > 0 ? { kind: 'too_long', detail, maxLength: length } : refusal(detail, reply.body);
  }
  return judged;
}

const waitingFor = (delivery: Delivery, who: DeliverySettings['waits']) =>
  who === 'channel' ? waitingAs(delivery, who) : delivery;

function requests(
  message: ForDelivery,
  token: string,
  delivery: DeliverySettings,
  written: Written | undefined,
) {
  // Where the system has no field for them, links travel in the text: nothing is left behind.
  const hasField = JSON.stringify(delivery.body).includes('{{attachments}}');
  const parts = splitText(hasField ? message.text : withLinks(message), delivery.maxLength, message.cuts);
  const { replyTo, thread } = partsOfPlace(message.replyTo);
  // A number goes back as it came.
  const number = written === 'international' ? message.contact.replace(/^\+/, '') : message.contact;
  const headers = Object.entries(delivery.headers).map(([name, value]) => [name, filled(value, { token })]);
  return parts.map((text, index): Omit<OutgoingRequest, 'timeoutMs'> => {
    const id = index === 0 ? message.ourId : `${message.ourId}-${index + 1}`;
    const values = {
      id,
      to: replyTo ?? number,
      ...(thread === undefined ? {} : { thread }),
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
  const members = Object.entries(template).filter(
    ([, value]) => value !== '{{thread}}' || values.thread !== undefined,
  );
  return Object.fromEntries(members.map(([name, value]) => [name, filledJson(value, values)]));
}
