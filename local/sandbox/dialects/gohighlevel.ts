import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import * as z from 'zod';
import { type Answer, json, parseJson } from '../server.ts';
import { type Dialect, lettersOf, numericId } from './dialect.ts';

const LOCATION = 'GKAWb4yu7A4LSc0skQ6g';
const PROVIDER = 'cI08i1Bls3iTB9bKgF01';

const messageSchema = z.object({
  type: z.string(),
  contactId: z.string().min(1),
  conversationProviderId: z.literal(PROVIDER),
  message: z.string().default(''),
  attachments: z.array(z.string()).default([]),
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

/**
 * A sub-account of GoHighLevel with a custom conversation provider. What its people write to a contact comes through the
 * delivery URL; what is written to it is added as the contact's. https://marketplace.gohighlevel.com/docs
 */
export const goHighLevelDialect: Dialect = {
  name: 'GoHighLevel',
  settings: (chatUrl, secret) => ({
    adapter: 'gohighlevel',
    apiUrl: chatUrl,
    locationId: LOCATION,
    type: 'Custom',
    provider: { id: PROVIDER, reports: true },
    publicKey: createPublicKey(keyOf(secret)).export({ format: 'der', type: 'spki' }).toString('base64'),
  }),
  addressOf(person) {
    const id = /^[A-Za-z0-9]{20}$/.test(person) ? person : lettersOf(person, 20);
    return { contact: id, place: id };
  },
  reachesStrangers: false,
  dedupes: false,
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
  /** An app's event: https://marketplace.gohighlevel.com/docs/webhook/OutboundMessage */
  reports({ id, at, status, error }, message, { secret, address }) {
    const body = JSON.stringify({
      type: 'OutboundMessage',
      locationId: LOCATION,
      attachments: message.attachments ?? [],
      body: message.text,
      contactId: address.contact,
      contentType: 'text/plain',
      conversationId: lettersOf(`conversation ${address.contact}`, 20),
      dateAdded: at,
      direction: 'outbound',
      messageType: 'SMS',
      source: 'api',
      status,
      ...(error === undefined ? {} : { error }),
      messageId: idOf(message.id),
      conversationProviderId: PROVIDER,
      timestamp: at,
      webhookId: `webhook-${numericId(id)}`,
    });
    return signed(body, secret);
  },
  routes: ['POST /conversations/messages/inbound', 'PUT /conversations/messages/{message}/status'],
  read({ param, headers, body }, token) {
    const refused = (answer: Answer) => ({ kind: 'refused' as const, answer });
    if (headers.authorization !== `Bearer ${token}`) return refused(refusals.unauthorized);
    if (headers.version === undefined) return refused(refuse(401, 'version header was not found.'));
    if (param !== '') {
      const { data } = statusSchema.safeParse(parseJson(body));
      if (data === undefined) return refused(refuse(422, 'status must be a valid enum value'));
      return { kind: 'receipt', message: param, status: data.status, answer: json(200, { success: true }) };
    }
    const { data } = messageSchema.safeParse(parseJson(body));
    if (data === undefined) return refused(refuse(400, 'Incorrect conversationProviderId/type'));
    const { contactId, message, attachments, altId } = data;
    if (message.trim() === '' && attachments.length === 0) return refused(refusals.invalid);
    return {
      kind: 'message',
      place: contactId,
      text: message,
      ...(attachments.length === 0 ? {} : { attachments }),
      ...(altId === undefined ? {} : { messageId: altId }),
    };
  },
  taken: ({ id, text }, { place }) =>
    json(
      201,
      {
        success: true,
        conversationId: lettersOf(`conversation ${place}`, 20),
        messageId: idOf(id),
        message: text,
        contactId: place,
      },
      LIMITS,
    ),
  refusals,
  limited: (waitMs) =>
    refuse(429, 'Too many requests', {
      ...LIMITS,
      'x-ratelimit-interval-milliseconds': String(waitMs),
      'x-ratelimit-remaining': '0',
    }),
  own: {
    day_is_spent: () => refuse(429, 'Too many requests', { ...LIMITS, 'x-ratelimit-daily-remaining': '0' }),
  },
};
