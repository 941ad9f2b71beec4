import * as z from 'zod';
import { type Answer, json, parseJson } from '../server.ts';
import { type Dialect, lettersOf, secondsOf } from './dialect.ts';

const CHANNEL = 'gfd8g7fd89dgfd';

/** https://respond.io/help/custom-channel/custom-channel */
const CONTACT_ID = /^[A-Za-z0-9_=+/@]{1,50}$/;

const eventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('message'),
    mId: z.string().min(1).max(50),
    timestamp: z.int(),
    message: z.object({ type: z.literal('text'), text: z.string().min(1) }),
  }),
  z.object({
    type: z.literal('message_status'),
    mId: z.string().min(1).max(50),
    timestamp: z.int(),
    status: z.object({ value: z.string(), message: z.string().optional() }),
  }),
]);
const bodySchema = z.object({
  channelId: z.literal(CHANNEL),
  contactId: z.string().regex(CONTACT_ID),
  events: z.tuple([eventSchema]),
});

const refuse = (status: number, message: string): Answer => json(status, { error: { message } });

const refusals = {
  unauthorized: refuse(401, 'Unauthorized'),
  forbidden: refuse(403, 'Forbidden'),
  not_found: refuse(404, 'Channel not found'),
  invalid: refuse(400, 'Invalid payload'),
  error: refuse(500, 'Internal Server Error'),
};

/**
 * A custom channel of respond.io. What its people write has no id: it takes the `mId` of the answer for one. So a
 * repetition is another message. https://github.com/respond-io/custom-channel-integration-example
 */
export const respondioDialect: Dialect = {
  name: 'respond.io',
  settings: (chatUrl) => ({ adapter: 'respondio', channelId: CHANNEL, baseUrl: chatUrl }),
  addressOf(person) {
    const id = CONTACT_ID.test(person) ? person : lettersOf(person, 20);
    return { contact: id, place: id };
  },
  reachesStrangers: true,
  dedupes: false,
  writes({ text, attachments = [] }, { secret, address }) {
    const [file] = attachments;
    const message =
      file === undefined
        ? { type: 'text', text }
        : { type: 'attachment', attachment: { type: 'file', url: file, description: text } };
    return {
      headers: { authorization: `Bearer ${secret}` },
      body: JSON.stringify({ channelId: CHANNEL, contactId: address.contact, message }),
      // It puts `/message` behind the address that was entered.
      behind: '?to=/message',
    };
  },
  routes: ['POST /custom/channel/webhook/'],
  read({ headers, body }, token) {
    if (headers.authorization !== `Bearer ${token}`) {
      return { kind: 'refused', answer: refusals.unauthorized };
    }
    const { data } = bodySchema.safeParse(parseJson(body));
    if (data === undefined) return { kind: 'refused', answer: refusals.invalid };
    const [event] = data.events;
    if (event.type === 'message_status') {
      const answer = json(200, { success: true });
      return { kind: 'receipt', message: event.mId, status: event.status.value, answer };
    }
    return { kind: 'message', place: data.contactId, text: event.message.text, messageId: event.mId };
  },
  taken: () => json(200, { success: true }),
  refusals,
  limited: (waitMs) =>
    json(429, { error: { message: 'Too many requests' } }, { 'retry-after': String(secondsOf(waitMs)) }),
  own: {},
};
