import * as z from 'zod';
import { type Answer, json, parseJson } from '../server.ts';
import { type Dialect, numberOf, numericId, secondsOf } from './dialect.ts';

/** https://core.telegram.org/bots/api#making-requests */
const refuse = (status: number, description: string, parameters?: object): Answer =>
  json(status, { ok: false, error_code: status, description, ...(parameters ? { parameters } : {}) });

const messageSchema = z.object({
  chat_id: z.union([z.int(), z.string().regex(/^-?\d+$/)]),
  text: z.string(),
});

/** "1-4096 characters after entities parsing": https://core.telegram.org/bots/api#sendmessage */
const MAX_LENGTH = 4_096;

/** A group that becomes a supergroup gets another number, which begins so. Here every chat can. */
const SUPERGROUP = '-100';

const refusals = {
  unauthorized: refuse(401, 'Unauthorized'),
  forbidden: refuse(403, 'Forbidden: bot is not a member of the chat'),
  not_found: refuse(400, 'Bad Request: chat not found'),
  invalid: refuse(400, 'Bad Request: message text is empty'),
  error: refuse(500, 'Internal Server Error'),
};

/** A bot of Telegram, in private chats: each has the number of its person. https://core.telegram.org/bots/api */
export const telegramDialect: Dialect = {
  name: 'Telegram',
  settings: (chatUrl) => ({ adapter: 'telegram', apiUrl: chatUrl }),
  addressOf(person) {
    const id = /^\d{1,15}$/.test(person) ? person : String(numberOf(person, 10));
    return { contact: id, place: id };
  },
  reachesStrangers: false,
  dedupes: false,
  /** https://core.telegram.org/bots/api#setwebhook: the secret itself is the proof. */
  writes({ id, at, name, text, attachments = [] }, { secret, address }) {
    const from = { id: Number(address.contact), first_name: name };
    const message = {
      message_id: numericId(id),
      from: { ...from, is_bot: false, language_code: 'en' },
      chat: { ...from, type: 'private' },
      date: Math.floor(Date.parse(at) / 1_000),
      // Telegram gives no link of a file: what is attached here is a link in the text.
      text: [text, ...attachments].filter((line) => line !== '').join('\n'),
    };
    return {
      headers: { 'x-telegram-bot-api-secret-token': secret },
      body: JSON.stringify({ update_id: numericId(id), message }),
    };
  },
  routes: ['POST /bot{token}/sendMessage'],
  read({ param, body }, token) {
    const refused = (answer: Answer) => ({ kind: 'refused' as const, answer });
    if (param !== token) return refused(refusals.unauthorized);
    const { data } = messageSchema.safeParse(parseJson(body));
    if (data === undefined || data.text.trim() === '') return refused(refusals.invalid);
    if (data.text.length > MAX_LENGTH) return refused(refuse(400, 'Bad Request: message is too long'));
    const chat = String(data.chat_id);
    const place = chat.startsWith(SUPERGROUP) ? chat.slice(SUPERGROUP.length) : chat;
    return { kind: 'message', place, text: data.text };
  },
  taken: ({ id, at, text }, { place }) =>
    json(200, {
      ok: true,
      result: {
        message_id: numericId(id),
        chat: { id: Number(place), type: 'private' },
        date: Math.floor(Date.parse(at) / 1_000),
        text,
      },
    }),
  refusals,
  limited(waitMs) {
    const seconds = secondsOf(waitMs);
    return refuse(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds });
  },
  own: {
    blocked: () => refuse(403, 'Forbidden: bot was blocked by the user'),
    moved: (place) =>
      refuse(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
        migrate_to_chat_id: Number(SUPERGROUP + place),
      }),
  },
};
