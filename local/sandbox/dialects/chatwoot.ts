import { createHmac } from 'node:crypto';
import * as z from 'zod';
import type { Delivered, Said } from '../chat-history.ts';
import { type Answer, json, parseJson, text as plain } from '../server.ts';
import { type Address, type Dialect, numberOf, numericId, secondsOf, type Talk } from './dialect.ts';

const ACCOUNT = 1;
const INBOX = 3;

const messageSchema = z.object({
  content: z.string(),
  message_type: z.enum(['incoming', 'outgoing']).default('outgoing'),
  private: z.boolean().default(false),
});

const refusals = {
  unauthorized: json(401, { error: 'Invalid Access Token' }),
  forbidden: json(403, { error: 'You are not authorized to do this action' }),
  not_found: json(404, { error: 'Resource could not be found' }),
  invalid: json(422, { message: "Content can't be blank", attributes: ['content'] }),
  error: json(500, { status: 500, error: 'Internal Server Error' }),
};

const accountOf = { id: ACCOUNT, name: 'Sandbox' };
const inboxOf = { id: INBOX, name: 'Website' };

/** https://github.com/chatwoot/chatwoot/blob/develop/app/presenters/conversations/event_data_presenter.rb */
const conversationOf = ({ contact, place }: Address, name: string, messages: object[] = []) => ({
  id: Number(place),
  inbox_id: INBOX,
  status: 'open',
  can_reply: true,
  channel: 'Channel::WebWidget',
  meta: { sender: { id: Number(contact), name } },
  messages,
});

/** https://github.com/chatwoot/chatwoot/blob/develop/app/models/message.rb: `webhook_data` */
const common = ({ id, at }: Said | Delivered) => ({
  id: numericId(id),
  created_at: at,
  content_type: 'text',
  content_attributes: {},
  private: false,
  source_id: null,
  inbox: inboxOf,
  account: accountOf,
});

/** With a time, so that nothing of yesterday can be sent again. https://github.com/chatwoot/chatwoot/pull/13573 */
function signed(body: string, { secret, now }: Talk) {
  const time = String(Math.floor(now / 1_000));
  const digest = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
  return { headers: { 'x-chatwoot-timestamp': time, 'x-chatwoot-signature': `sha256=${digest}` }, body };
}

/** An account of Chatwoot, in which each contact has one conversation. https://developers.chatwoot.com */
export const chatwootDialect: Dialect = {
  name: 'Chatwoot',
  settings: (chatUrl) => ({ adapter: 'chatwoot', baseUrl: chatUrl, accountId: ACCOUNT, inboxIds: [INBOX] }),
  addressOf(person) {
    const contact = /^[1-9]\d{0,9}$/.test(person) ? Number(person) : 1 + numberOf(person, 8);
    // A number of its own, so that the one is not taken for the other.
    return { contact: String(contact), place: String(contact + 1_000_000_000) };
  },
  reachesStrangers: false,
  dedupes: false,
  writes(said, talk) {
    const { address } = talk;
    const { name, text, attachments = [] } = said;
    const files = attachments.map((link, index) => ({ id: index + 1, file_type: 'file', data_url: link }));
    const body = JSON.stringify({
      event: 'message_created',
      ...common(said),
      content: text,
      message_type: 'incoming',
      sender: { id: Number(address.contact), name, type: 'contact' },
      conversation: conversationOf(address, name),
      ...(files.length > 0 ? { attachments: files } : {}),
    });
    return signed(body, talk);
  },
  /** The status stands in the conversation's last message: `webhook_data` of the message itself has none. */
  reports({ status, error }, message, talk) {
    const { contact: name, text } = message;
    const failed = error === undefined ? {} : { external_error: error };
    const last = { ...common(message), content: text, message_type: 1, status, content_attributes: failed };
    const body = JSON.stringify({
      event: 'message_updated',
      ...common(message),
      content: text,
      content_attributes: failed,
      message_type: 'outgoing',
      sender: { id: 2, name: 'Relay', type: 'user' },
      conversation: conversationOf(talk.address, name, [last]),
    });
    return signed(body, talk);
  },
  routes: [`POST /api/v1/accounts/${ACCOUNT}/conversations/{conversation}/messages`],
  read({ param, headers, body }, token) {
    const refused = (answer: Answer) => ({ kind: 'refused' as const, answer });
    if (headers.api_access_token !== token) return refused(refusals.unauthorized);
    const { data } = messageSchema.safeParse(parseJson(body));
    if (data === undefined || data.content.trim() === '') return refused(refusals.invalid);
    return { kind: 'message', place: param, text: data.content };
  },
  taken: (message, { place }) =>
    json(200, {
      ...common(message),
      content: message.text,
      message_type: 1,
      conversation_id: Number(place),
      status: 'sent',
    }),
  refusals,
  /** Of the middleware before it: https://github.com/chatwoot/chatwoot/blob/develop/config/initializers/rack_attack.rb */
  limited(waitMs) {
    const answer = plain(429, 'Retry later\n');
    return answer.kind === 'answer'
      ? { ...answer, headers: { ...answer.headers, 'retry-after': String(secondsOf(waitMs)) } }
      : answer;
  },
  own: { flooded: () => json(422, { error: 'Too many messages' }) },
};
