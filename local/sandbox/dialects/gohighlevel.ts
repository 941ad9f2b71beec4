import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import * as z from 'zod';
import type { Delivered } from '../chat-history.ts';
import { type Answer, json, parseJson, type SandboxRequest } from '../server.ts';
import { type Asked, type Dialect, lettersOf, numericId } from './dialect.ts';

const LOCATION = 'GKAWb4yu7A4LSc0skQ6g';
const PROVIDER = 'cI08i1Bls3iTB9bKgF01';

const outboundSchema = z.object({
  type: z.string(),
  contactId: z.string().min(1),
  message: z.string().default(''),
  attachments: z.array(z.string()).default([]),
});
const inboundSchema = outboundSchema.extend({
  conversationProviderId: z.literal(PROVIDER),
  direction: z.literal('inbound'),
  altId: z.string().exactOptional(),
});
const statusSchema = z.object({ status: z.enum(['pending', 'delivered', 'failed', 'read', 'sent']) });

/** https://marketplace.gohighlevel.com/docs/other/rate-limits */
const LIMITS = {
  'x-ratelimit-limit-daily': '200000',
  'x-ratelimit-daily-remaining': '199999',
  'x-ratelimit-interval-milliseconds': '10000',
  'x-ratelimit-max': '100',
  'x-ratelimit-remaining': '99',
};

const refuse = (statusCode: number, message: string, headers: Record<string, string> = LIMITS): Answer =>
  json(statusCode, { statusCode, message }, headers);

const refusals = {
  unauthorized: refuse(401, 'Invalid Private Integration token'),
  forbidden: refuse(403, 'The token does not have access to this location.'),
  not_found: refuse(400, `Contact not found in location ${LOCATION}`),
  invalid: refuse(422, 'message should not be empty'),
  error: refuse(500, 'Internal server error'),
};

/** The beginning of every PKCS #8 file of an Ed25519 key. What follows are the key's 32 bytes (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A key pair that is always the same for a secret. */
const keyOf = (secret: string) =>
  createPrivateKey({
    key: Buffer.concat([PKCS8, createHash('sha256').update(secret).digest()]),
    format: 'der',
    type: 'pkcs8',
  });

/** https://marketplace.gohighlevel.com/docs/webhook/ProviderOutboundMessage: Ed25519 over the raw body. */
const signed = (body: string, secret: string) => ({
  headers: { 'x-ghl-signature': sign(null, Buffer.from(body), keyOf(secret)).toString('base64') },
  body,
});

const idOf = (id: string) => lettersOf(`message ${id}`, 20);
const conversationOf = (contact: string) => lettersOf(`conversation ${contact}`, 20);

const channelOf = (chatUrl: string, secret: string) => ({
  adapter: 'gohighlevel',
  apiUrl: chatUrl,
  locationId: LOCATION,
  publicKey: createPublicKey(keyOf(secret)).export({ format: 'der', type: 'spki' }).toString('base64'),
});

const refused = (answer: Answer) => ({ kind: 'refused' as const, answer });

/** @returns why nobody is let in; undefined where somebody is. */
function notLetIn({ headers }: SandboxRequest, token: string): Answer | undefined {
  if (headers.authorization !== `Bearer ${token}`) return refusals.unauthorized;
  return headers.version === undefined ? refuse(401, 'version header was not found.') : undefined;
}

function messageOf({ contactId, message, attachments }: z.infer<typeof outboundSchema>): Asked {
  if (message.trim() === '' && attachments.length === 0) return refused(refusals.invalid);
  const files = attachments.length === 0 ? {} : { attachments };
  return { kind: 'message', place: contactId, text: message, ...files };
}

const common = {
  addressOf(person: string) {
    const id = /^[A-Za-z0-9]{20}$/.test(person) ? person : lettersOf(person, 20);
    return { contact: id, place: id };
  },
  reachesStrangers: false,
  dedupes: false,
  refusals,
  limited: (waitMs: number) =>
    refuse(429, 'Too many requests', {
      ...LIMITS,
      'x-ratelimit-interval-milliseconds': String(waitMs),
      'x-ratelimit-remaining': '0',
    }),
  own: {
    day_is_spent: () => refuse(429, 'Too many requests', { ...LIMITS, 'x-ratelimit-daily-remaining': '0' }),
  },
  taken: ({ id, text }: Delivered, { place }: { place: string }) =>
    json(
      201,
      { success: true, conversationId: conversationOf(place), messageId: idOf(id), message: text },
      LIMITS,
    ),
};

/**
 * A sub-account of GoHighLevel whose workflow passes on what contacts write, with a secret in a header. What is written to
 * them is sent as an SMS. https://marketplace.gohighlevel.com/docs/ghl/conversations/send-a-new-message
 */
export const goHighLevelDialect: Dialect = {
  ...common,
  name: 'GoHighLevel',
  settings: (chatUrl, secret) => ({ ...channelOf(chatUrl, secret), type: 'SMS' }),
  /** The body is that of docs/channels.md: a workflow sends what is entered in it. */
  writes({ id, name, text, attachments }, { secret, address }) {
    const body = JSON.stringify({
      location_id: LOCATION,
      contact_id: address.contact,
      message_id: idOf(id),
      message: text,
      first_name: name,
      // A workflow leaves blank what it does not know.
      last_name: '',
      email: '',
      attachments,
    });
    return { headers: { 'x-webhook-token': secret }, body };
  },
  /** An app's event: https://marketplace.gohighlevel.com/docs/webhook/OutboundMessage */
  reports({ id, at, status, error }, message, { secret, address }) {
    const body = JSON.stringify({
      type: 'OutboundMessage',
      locationId: LOCATION,
      attachments: message.attachments ?? [],
      body: message.text,
      contactId: address.contact,
      contentType: 'text/plain',
      conversationId: conversationOf(address.contact),
      dateAdded: at,
      direction: 'outbound',
      messageType: 'SMS',
      source: 'api',
      status,
      ...(error === undefined ? {} : { error }),
      messageId: idOf(message.id),
      timestamp: at,
      webhookId: `webhook-${numericId(id)}`,
    });
    return signed(body, secret);
  },
  routes: ['POST /conversations/messages'],
  read(request, token) {
    const answer = notLetIn(request, token);
    if (answer !== undefined) return refused(answer);
    const { data } = outboundSchema.safeParse(parseJson(request.body));
    return data === undefined ? refused(refuse(422, 'type should not be empty')) : messageOf(data);
  },
};

/**
 * A sub-account of GoHighLevel with a custom conversation provider. What its people write to a contact comes through the
 * delivery URL; what is written to it is added as the contact's. It hears what became of what it sent.
 * https://marketplace.gohighlevel.com/docs/ghl/conversations/add-an-inbound-message
 */
export const goHighLevelProviderDialect: Dialect = {
  ...common,
  name: 'GoHighLevel, through a conversation provider',
  settings: (chatUrl, secret) => ({
    ...channelOf(chatUrl, secret),
    type: 'Custom',
    provider: { id: PROVIDER, reports: true },
  }),
  writes({ id, text, attachments = [] }, { secret, address }) {
    const body = JSON.stringify({
      contactId: address.contact,
      locationId: LOCATION,
      messageId: idOf(id),
      type: 'SMS',
      phone: '+15864603685',
      message: text,
      attachments,
      userId: 'GK56r6wdJDrkUPd0xsmx',
    });
    return signed(body, secret);
  },
  routes: ['POST /conversations/messages/inbound', 'PUT /conversations/messages/{message}/status'],
  read(request, token) {
    const answer = notLetIn(request, token);
    if (answer !== undefined) return refused(answer);
    const payload = parseJson(request.body);
    if (request.param !== '') {
      const { data } = statusSchema.safeParse(payload);
      if (data === undefined) return refused(refuse(422, 'status must be a valid enum value'));
      const { param: message } = request;
      return { kind: 'receipt', message, status: data.status, answer: json(200, { success: true }) };
    }
    const { data } = inboundSchema.safeParse(payload);
    if (data === undefined) return refused(refuse(400, 'Incorrect conversationProviderId/type'));
    const { altId } = data;
    const asked = messageOf(data);
    return asked.kind === 'message' && altId !== undefined ? { ...asked, messageId: altId } : asked;
  },
};
