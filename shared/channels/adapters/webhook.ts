import type * as z from 'zod/mini';
import { type OutgoingRequest, type Reply, readJson, retryAfterMs } from '../../http.ts';
import type { IncomingRequest } from '../../incoming/verifiers.ts';
import type { readPhone } from '../../platform/phone.ts';
import type { Written } from '../../platform/written.ts';
import type { Adapter, Delivery, ForDelivery, Parsed } from '../adapter.ts';
import { type Mapping, partsOfPlace, readMapped } from '../mapped.ts';
import { firstPointed, fulfils, placed } from '../pointer.ts';
import type { Condition } from '../pointer-settings.ts';
import { words } from './beside.ts';
import { judgeHttp, reasoned, reasonOf, refusal, waitingAs } from './judging.ts';
import { NOT_JSON, readDocument, readId } from './reading.ts';
import type { WebhookSettings } from './settings.ts';
import { PLACEHOLDER, splitText, withLinks } from './text.ts';

const UNREAD = { fault: 'nothing here reads phone numbers' };

type DeliverySettings = WebhookSettings['delivery'];

/** @param read of phone numbers; only where the settings say that contacts are such. */
export function createWebhookAdapter(
  { incoming, delivery }: WebhookSettings,
  read?: typeof readPhone,
): Adapter {
  const { phone, ...fields } = incoming;
  const mapping: Mapping =
    phone === undefined ? fields : { ...fields, readPhone: (text) => read?.(text, phone) ?? UNREAD };
  return {
    verifiers: incoming.verifiers,
    parse: (request) => parse(request, mapping),
    needsToken: JSON.stringify([delivery.headers, delivery.body]).includes('{{token}}'),
    accepted: { status: 202, body: '{"status":"received"}' },
    maxLength: delivery.maxLength,
    place: ({ contact }) => contact,
    requests: (message, token) => requests(message, token, delivery, phone?.written),
    judge: (reply, now) => judge(reply, now, delivery),
    sample({ id, contact, text }) {
      const fields = [
        [incoming.id[0], id],
        // A channel of phone numbers takes no other contact; this one is nobody's (NANP keeps 555-0100 for fiction).
        [incoming.contact[0], phone === undefined ? contact : '+15555550100'],
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

function parse({ body }: IncomingRequest, mapping: Mapping): Parsed {
  const payload = readDocument(body);
  return payload === undefined ? NOT_JSON : readMapped(payload, mapping, { section: 'incoming' });
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
