import { verify } from 'node:crypto';
import * as z from 'zod/mini';
import { type Reply, readJson, retryAfterMs } from '../../http.ts';
import { refused, type Verdict } from '../../incoming/signature.ts';
import type { IncomingRequest } from '../../incoming/verifiers.ts';
import type { Adapter, Delivery, ForDelivery, Parsed } from '../adapter.ts';
import { firstPointed, isThere, pointed } from '../pointer.ts';
import type { Stage } from '../receipt.ts';
import { text } from './beside.ts';
import { ed25519Key } from './ed25519.ts';
import { judgeHttp, reasoned, waitingAs } from './judging.ts';
import { NOT_JSON, readId, readLinks, readPayload, readPerson, readText } from './reading.ts';
import type { GoHighLevelSettings } from './settings.ts';
import { splitText } from './text.ts';

/** The operations on conversations are documented with this date alone. */
const API_VERSION = '2021-04-15';

export function createGoHighLevelAdapter(settings: GoHighLevelSettings): Adapter {
  const { provider, locationId, publicKey } = settings;
  return {
    verifiers: settings.verifiers,
    vouched(request) {
      const verdict = vouched(request, publicKey);
      if (!verdict.ok || provider !== undefined) return verdict;
      // A workflow signs nothing. What an app is told of may say how far a message has come, and nothing else.
      return isReceipt(readPayload(request.body))
        ? verdict
        : refused('x-ghl-signature counts at a provider only');
    },
    parse: ({ body }, deliveryId) => parse(body, settings, deliveryId),
    needsToken: true,
    maxLength: settings.maxLength,
    place: ({ contact }) => contact,
    accepted: { status: 200, body: '' },
    // A provider's replies are messages of the contact, which arrive nowhere else.
    reportsDelivery: provider === undefined,
    requests: (message, token) => requests(message, token, settings),
    judge,
    ...(provider?.reports ? { report: (message, of) => report(message, of, settings) } : {}),
    sample: ({ id, contact, text: said }) =>
      JSON.stringify(
        provider === undefined
          ? { location_id: locationId, contact_id: contact, message_id: id, message: said }
          : { locationId, contactId: contact, messageId: id, type: settings.type, message: said },
      ),
  };
}

/** An Ed25519 signature is 64 bytes (RFC 8032). Base64 that is written otherwise is refused: each signature has one form. */
const SIGNATURE = /^[A-Za-z0-9+/]{85}[AQgw]==$/;

/**
 * `X-GHL-Signature` is Ed25519 over the raw body. `X-WH-Signature`, which is RSA, ended on 2026-07-01 and counts for
 * nothing. No time is signed: a repetition is known by its message.
 * https://marketplace.gohighlevel.com/docs/webhook/ProviderOutboundMessage
 */
function vouched({ headers, body }: IncomingRequest, publicKey: string): Verdict {
  const signature = headers['x-ghl-signature']?.trim();
  if (signature === undefined) {
    const legacy = headers['x-wh-signature'] === undefined ? '' : '; x-wh-signature ended on 2026-07-01';
    return refused(`no x-ghl-signature in the request${legacy}`);
  }
  const key = ed25519Key(publicKey);
  const isSigned =
    key !== undefined &&
    SIGNATURE.test(signature) &&
    verify(null, body, key, Buffer.from(signature, 'base64'));
  return isSigned ? { ok: true } : refused('x-ghl-signature does not fit the body');
}

/** Where a workflow's own webhooks have these fields, and where ours in the documentation has them. */
const AT = {
  location: ['/location_id', '/locationId', '/location/id', '/customData/location_id'],
  contact: ['/contact_id', '/contactId', '/customData/contact_id'],
  id: ['/message_id', '/messageId', '/customData/message_id'],
  text: ['/message/body', '/message', '/customData/message'],
  attachments: ['/attachments', '/message/attachments', '/customData/attachments'],
};

/** What only the body of a delivery URL has together. */
const PROVIDERS = ['/locationId', '/messageId', '/type'];

/** Events of marketplace apps, which tell of messages, and are none. */
const EVENTS = ['InboundMessage', 'OutboundMessage', 'ProviderOutboundMessage'];

/**
 * What an `OutboundMessage` may say became of a message. Whoever wrote STOP has opted out. What is not here is on its way,
 * or is a call. https://marketplace.gohighlevel.com/docs/ghl/conversations/get-message
 */
const STAGE_OF = new Map<string, Stage>([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['opened', 'read'],
  ['clicked', 'read'],
  ['failed', 'failed'],
  ['undelivered', 'failed'],
  ['opt_out', 'failed'],
]);

/** https://marketplace.gohighlevel.com/docs/webhook/OutboundMessage */
const isReceipt = (payload: unknown) => pointed(payload, '/type') === 'OutboundMessage';

function readReceipt(payload: object): Parsed {
  const status = text(payload, '/status');
  const stage = STAGE_OF.get(status);
  const externalId = readId(pointed(payload, '/messageId'));
  if (stage === undefined || externalId === undefined) return AN_EVENT;
  return {
    kind: 'receipts',
    receipts: [{ externalId, stage, words: reasoned(status, text(payload, '/error')) }],
  };
}

const AN_EVENT: Parsed = {
  kind: 'ignored',
  why: 'an event of an app, and no message of a provider or workflow',
};

function parse(body: Buffer, settings: GoHighLevelSettings, deliveryId: string | undefined): Parsed {
  const payload = readPayload(body);
  if (payload === undefined) return NOT_JSON;
  const at = (pointers: string[]) => filledIn(firstPointed(payload, pointers));
  // All that GoHighLevel sends, to whomever, is signed with one key. So a signature alone does not say that it is ours.
  const locations = AT.location.map((pointer) => at([pointer])).filter(isThere);
  if (locations.some((location) => location !== settings.locationId)) {
    return { kind: 'ignored', why: 'of another location' };
  }
  const type = pointed(payload, '/type');
  if (isReceipt(payload) && settings.provider === undefined) return readReceipt(payload);
  if (EVENTS.some((event) => event === type)) return AN_EVENT;
  if (pointed(payload, '/direction') === 'outbound') {
    return { kind: 'ignored', why: 'not written by the contact' };
  }
  // Either of them at the other's channel could answer its own replies for ever.
  const isProviders = PROVIDERS.every((name) => typeof pointed(payload, name) === 'string');
  if (isProviders !== (settings.provider !== undefined)) {
    const comes = isProviders ? 'a provider, and this channel has none' : 'a workflow, at a provider';
    return { kind: 'fault', fault: `it comes from ${comes}` };
  }
  if (type === 'Email') {
    return { kind: 'fault', fault: 'an email, and replies are none' };
  }
  return readMessage(payload, at, deliveryId);
}

function readMessage(
  payload: object,
  at: (pointers: string[]) => unknown,
  deliveryId: string | undefined,
): Parsed {
  const contact = readId(at(AT.contact));
  const named = at(AT.id);
  const id = readId(named) ?? (named === undefined ? deliveryId : undefined);
  const said = readText(at(AT.text));
  const attachments = readLinks(at(AT.attachments));
  const faults = Object.entries({ contact, id, text: said, attachments })
    .filter(([, value]) => value === undefined)
    .map(([name]) => name);
  if (contact === undefined || id === undefined || said === undefined || attachments === undefined) {
    return { kind: 'fault', fault: `not a message as GoHighLevel describes it: ${faults.join(', ')}` };
  }
  if (said.trim() === '' && attachments.length === 0) {
    return { kind: 'ignored', why: 'neither text nor file' };
  }
  const person = readPerson({
    firstName: filledIn(firstPointed(payload, ['/first_name', '/customData/first_name'])),
    lastName: filledIn(firstPointed(payload, ['/last_name', '/customData/last_name'])),
    email: filledIn(firstPointed(payload, ['/email', '/customData/email'])),
  });
  const message = { id, contact, type: 'text' as const, text: said, attachments, ...person };
  return { kind: 'messages', messages: [message] };
}

/** A workflow leaves blank, or as it stands, a custom value that it does not know. */
const filledIn = (value: unknown): unknown =>
  value === '' || (typeof value === 'string' && /^\{\{[\w.]{1,100}\}\}$/.test(value)) ? undefined : value;

/**
 * https://marketplace.gohighlevel.com/docs/ghl/conversations/add-an-inbound-message, whose direction is `outbound`
 * unless it is said, and https://marketplace.gohighlevel.com/docs/ghl/conversations/send-a-new-message
 */
function requests(
  message: ForDelivery,
  token: string,
  { apiUrl, type, provider, maxLength }: GoHighLevelSettings,
) {
  const parts = splitText(message.text, maxLength, message.cuts);
  const path = provider === undefined ? '/conversations/messages' : '/conversations/messages/inbound';
  return parts.map((part, index) => {
    const inbound = {
      ...(provider?.id === undefined ? {} : { conversationProviderId: provider.id }),
      direction: 'inbound',
      altId: index === 0 ? message.ourId : `${message.ourId}-${index + 1}`,
    };
    const isLast = index === parts.length - 1;
    return {
      method: 'POST' as const,
      url: `${apiUrl}${path}`,
      headers: headersWith(token),
      body: JSON.stringify({
        type,
        contactId: message.contact,
        message: part,
        ...(isLast && message.attachments.length > 0 ? { attachments: message.attachments } : {}),
        ...(provider === undefined ? {} : inbound),
      }),
    };
  });
}

/** https://marketplace.gohighlevel.com/docs/ghl/conversations/update-message-status */
function report(
  { id }: Pick<ForDelivery, 'id'>,
  { ended: status, token }: { ended: string; token: string },
  { apiUrl }: GoHighLevelSettings,
) {
  const error = { code: '1', type: 'saas', message: 'The receiver refused it.' };
  return {
    method: 'PUT' as const,
    url: `${apiUrl}/conversations/messages/${encodeURIComponent(id)}/status`,
    headers: headersWith(token),
    body: JSON.stringify({ status, ...(status === 'failed' ? { error } : {}) }),
  };
}

const headersWith = (token: string) => ({
  'content-type': 'application/json',
  accept: 'application/json',
  authorization: `Bearer ${token}`,
  version: API_VERSION,
});

const answerSchema = z.object({ messageId: z.pipe(z.transform(readId), z.string()) });

/** By HTTP, except that GoHighLevel names what it took: a success without a name is somebody else's. */
function judge(reply: Reply, now: number): Delivery {
  const judged = judgeHttp(reply, now, (answer) => answerSchema.safeParse(answer).data?.messageId);
  if (judged.kind === 'delivered' && judged.externalId === undefined) {
    return { kind: 'unknown', detail: 'a success, but not an answer of GoHighLevel' };
  }
  if (reply.kind !== 'response') return judged;
  if (reply.status === 429) return limited(judged, reply.headers, now);
  // The words of a refusal are in `message`, alone or as a list; `error` repeats the status.
  const why = judged.kind === 'refused' ? text(readJson(reply.body), '/message/0', '/message') : '';
  return why === '' ? judged : { kind: 'refused', detail: reasoned(`HTTP ${reply.status}`, why) };
}

/** The day ends at a time that is not documented: it is asked once an hour. */
const DAY_IS_SPENT_MS = 3_600_000;

/**
 * 100 requests in 10 s and 200,000 a day, or what the headers say, for each private integration in a location: a wait is
 * for all that is sent with this token. https://marketplace.gohighlevel.com/docs/other/rate-limits
 */
function limited(judged: Delivery, headers: Record<string, string>, now: number): Delivery {
  if (judged.kind !== 'not_applied') return judged;
  const interval = Number(headers['x-ratelimit-interval-milliseconds'] ?? Number.NaN);
  const ofInterval = interval > 0 ? interval : undefined;
  const isDaySpent = headers['x-ratelimit-daily-remaining']?.trim() === '0';
  const wait = retryAfterMs(headers, now) ?? (isDaySpent ? DAY_IS_SPENT_MS : ofInterval);
  const detail = isDaySpent ? `${judged.detail}: the day's requests are spent` : judged.detail;
  return waitingAs({ ...judged, detail, ...(wait === undefined ? {} : { retryAfterMs: wait }) }, 'channel');
}
