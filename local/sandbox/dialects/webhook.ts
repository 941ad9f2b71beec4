import * as z from 'zod';
import { signature } from '../deliveries.ts';
import { type Answer, json, parseJson } from '../server.ts';
import { type Dialect, secondsOf } from './dialect.ts';

const refuse = (status: number, code: string, message: string): Answer =>
  json(status, { error: { code, message } });

const messageSchema = z
  .object({
    id: z.string().min(1),
    contact: z.string().min(1),
    text: z.string(),
    attachments: z.array(z.url()).exactOptional(),
  })
  .refine(({ text, attachments = [] }) => text !== '' || attachments.length > 0);

/** A sender that holds the secret may send it as a token, or sign with it. */
export const LOCAL_VERIFIERS = [
  { type: 'token', header: 'x-webhook-token', query: 'token' },
  { type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' },
];

const refusals = {
  unauthorized: refuse(401, 'UNAUTHORIZED', 'The bearer token is missing or wrong.'),
  forbidden: refuse(403, 'FORBIDDEN', 'This token may not write.'),
  not_found: refuse(404, 'CONTACT_NOT_FOUND', 'No such contact.'),
  invalid: refuse(400, 'INVALID_REQUEST', 'A JSON body {id, contact, text, attachments?} is needed.'),
  error: refuse(500, 'INTERNAL', 'Something went wrong.'),
};

/** Any system that can POST JSON and be POSTed to, of no vendor: it takes a message once for each id. */
export const webhookDialect: Dialect = {
  name: 'a chat system',
  settings: (chatUrl) => ({
    adapter: 'webhook',
    incoming: {
      verifiers: LOCAL_VERIFIERS,
      id: '/id',
      contact: '/contact/id',
      text: '/text',
      firstName: '/contact/name',
      attachments: '/attachments',
    },
    delivery: {
      url: `${chatUrl}/messages`,
      headers: { authorization: 'Bearer {{token}}' },
      externalId: '/id',
      dedupes: true,
    },
  }),
  addressOf: (person) => ({ contact: person, place: person }),
  reachesStrangers: true,
  dedupes: true,
  writes({ id, contact, name, text, attachments }, { secret }) {
    const body = JSON.stringify({ id, contact: { id: contact, name }, text, attachments });
    return { headers: signature(secret, body), body };
  },
  routes: ['POST /messages'],
  read({ headers, body }, token) {
    if (headers.authorization !== `Bearer ${token}`) {
      return { kind: 'refused', answer: refusals.unauthorized };
    }
    const { data } = messageSchema.safeParse(parseJson(body));
    if (data === undefined) return { kind: 'refused', answer: refusals.invalid };
    const { id, contact, ...content } = data;
    return { kind: 'message', place: contact, messageId: id, ...content };
  },
  taken: ({ id }, { isAgain }) => (isAgain ? json(200, { id, duplicate: true }) : json(201, { id })),
  refusals,
  limited: (waitMs) =>
    json(
      429,
      { error: { code: 'RATE_LIMITED', message: 'Too many requests.' } },
      { 'retry-after': String(secondsOf(waitMs)) },
    ),
  own: {},
};
