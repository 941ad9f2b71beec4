import * as z from 'zod';
import { type Reply, readJson } from '../../http.ts';
import type { Verifier } from '../../incoming/verifiers.ts';
import type { Adapter, Delivery, ForDelivery, Parsed } from '../adapter.ts';
import type { Content } from '../message.ts';
import { apiAddress } from './address.ts';
import { judgeHttp } from './judging.ts';
import { NOT_JSON, readId, readPayload, readPerson, readText } from './reading.ts';
import { splitText, withLinks } from './text.ts';

/** A Telegram bot. https://core.telegram.org/bots/api */
export const telegramSettings = {
  /** Another one is a Bot API server of your own. */
  apiUrl: apiAddress.default('https://api.telegram.org'),
  /** Whether what people write in groups is relayed too: each of them is a contact for each group. */
  groups: z.boolean().default(false),
};
type TelegramSettings = z.infer<z.ZodObject<typeof telegramSettings>>;

/** The `secret_token` of `setWebhook`. https://core.telegram.org/bots/api#setwebhook */
const VERIFIER: Verifier = {
  type: 'token',
  header: 'x-telegram-bot-api-secret-token',
  prefix: '',
  query: 'token',
};

/**
 * "1-4096 characters after entities parsing"; no way of counting counts more than UTF-16.
 * https://core.telegram.org/bots/api#sendmessage
 */
const MAX_LENGTH = 4_096;

/**
 * An update holds a file only as an id. The link to the file holds the bot's token, so the kind of it is
 * told, and the file stays at Telegram. https://core.telegram.org/bots/api#getfile
 */
const FILES = [
  'animation',
  'audio',
  'document',
  'paid_media',
  'photo',
  'sticker',
  'story',
  'video',
  'video_note',
  'voice',
];

/** Short enough for two of them to make an id. */
const idSchema = z.preprocess(readId, z.string().max(100));
const textSchema = z.preprocess(readText, z.string());
const userSchema = z.object({
  id: idSchema,
  is_bot: z.boolean().optional(),
  first_name: z.unknown().optional(),
  last_name: z.unknown().optional(),
});
const chatSchema = z.object({ id: idSchema, type: z.string().optional() });
const messageSchema = z.looseObject({
  chat: chatSchema,
  from: userSchema.optional(),
  text: textSchema,
  caption: textSchema,
});
type TelegramMessage = z.infer<typeof messageSchema>;

const reactionSchema = z.object({ type: z.string(), emoji: z.string().optional() });
const reactionsSchema = z.object({
  chat: chatSchema,
  user: userSchema.optional(),
  old_reaction: z.array(reactionSchema),
  new_reaction: z.array(reactionSchema),
});

export function createTelegramAdapter({ apiUrl, groups }: TelegramSettings): Adapter {
  return {
    verifiers: [VERIFIER],
    parse: ({ body }) => parse(body, groups),
    // Anything in the answer could be a call of the Bot API:
    // https://core.telegram.org/bots/api#making-requests-when-getting-updates
    needsToken: true,
    accepted: { status: 200, body: '' },
    requests: (message, token) => requests(message, token, apiUrl),
    judge,
    sample({ id, contact, text }, now) {
      const person = { id: numeric(contact), is_bot: false, first_name: 'Test' };
      const chat = { id: numeric(contact), type: 'private', first_name: 'Test' };
      const message = { message_id: 1, from: person, chat, date: Math.floor(now / 1000), text };
      return JSON.stringify({ update_id: numeric(id), message });
    },
  };
}

/**
 * An update, https://core.telegram.org/bots/api#update. Its id is `update_id`, which Telegram gives to tell
 * repeated updates by; a message's own id is one in its chat only, and a reaction has none.
 */
function parse(body: Buffer, groups: boolean): Parsed {
  const payload = readPayload(body);
  if (payload === undefined) return NOT_JSON;
  const id = 'update_id' in payload ? readId(payload.update_id) : undefined;
  if (id === undefined) return { kind: 'fault', fault: 'update_id is not an id: this is no update' };
  if ('message' in payload) {
    const message = messageSchema.safeParse(payload.message);
    return message.success
      ? readMessage(id, message.data, groups)
      : { kind: 'fault', fault: 'message is not a message as Telegram describes it' };
  }
  if ('message_reaction' in payload) {
    const reactions = reactionsSchema.safeParse(payload.message_reaction);
    return reactions.success
      ? readReaction(id, reactions.data, groups)
      : { kind: 'fault', fault: 'message_reaction is not a reaction as Telegram describes it' };
  }
  // The platform cannot change a message, and Telegram sends these also "for changes that are not visible".
  if ('edited_message' in payload) return { kind: 'ignored', why: 'an edit of a message' };
  return { kind: 'ignored', why: 'an update that is neither a message nor a reaction' };
}

function readMessage(id: string, message: TelegramMessage, groups: boolean): Parsed {
  const sender = readSender(message.chat, message.from, groups);
  if ('why' in sender) return { kind: 'ignored', why: sender.why };
  const text = textOf(message);
  if (text === undefined)
    return { kind: 'ignored', why: 'a notice of the chat, or a kind that is not relayed' };
  return { kind: 'messages', messages: [{ id, type: 'text', text, attachments: [], ...sender }] };
}

function readReaction(id: string, given: z.infer<typeof reactionsSchema>, groups: boolean): Parsed {
  const sender = readSender(given.chat, given.user, groups);
  if ('why' in sender) return { kind: 'ignored', why: sender.why };
  const before = given.old_reaction.map(emojiOf);
  const added = given.new_reaction.map(emojiOf).filter((emoji) => !before.includes(emoji));
  if (added.length === 0) return { kind: 'ignored', why: 'a reaction taken back' };
  const text = added.join(' ');
  return { kind: 'messages', messages: [{ id, type: 'reaction', text, attachments: [], ...sender }] };
}

/** https://core.telegram.org/bots/api#reactiontype */
function emojiOf({ type, emoji }: z.infer<typeof reactionSchema>): string {
  const known = emoji?.toWellFormed().trim();
  if (type === 'emoji' && known) return known;
  return `[${type === 'paid' ? 'paid' : 'custom'} reaction]`;
}

type Sender = Omit<Content, 'id' | 'type' | 'text' | 'attachments'>;

/** In a private chat the chat is the contact; in a group each person is one, and is answered there. */
function readSender(
  chat: z.infer<typeof chatSchema>,
  from: z.infer<typeof userSchema> | undefined,
  groups: boolean,
): Sender | { why: string } {
  // Telegram's mark of what bots wrote, the anonymous administrator of a group among them.
  if (from?.is_bot) return { why: 'written by a bot' };
  const person = readPerson({ firstName: from?.first_name, lastName: from?.last_name });
  // Telegram's own test updates leave the type out; a private chat has the number of its person.
  // https://core.telegram.org/bots/webhooks#testing-your-bot-with-updates
  const type = chat.type ?? (chat.id === from?.id ? 'private' : '');
  if (type === 'private') return { contact: chat.id, ...person };
  if (type !== 'group' && type !== 'supergroup') return { why: 'not from a chat with people' };
  if (!groups) return { why: 'from a group, and groups are not relayed' };
  if (from === undefined) return { why: 'from a group, by nobody in particular' };
  return { contact: `${chat.id}:${from.id}`, replyTo: chat.id, ...person };
}

const placeSchema = z.object({ latitude: z.number(), longitude: z.number() });
const venueSchema = z.object({ title: z.string(), location: placeSchema });
const contactSchema = z.object({
  phone_number: z.string(),
  first_name: z.string(),
  last_name: z.string().default(''),
});
const pollSchema = z.object({ question: z.string() });
const diceSchema = z.object({ emoji: z.string(), value: z.number() });

/** What a person can read of a message; undefined where there is nothing to read. */
function textOf(message: TelegramMessage): string | undefined {
  if (message.text.trim() !== '') return message.text;
  const file = FILES.find((kind) => Object.hasOwn(message, kind));
  if (file !== undefined) return `[${file.replace('_', ' ')}] ${message.caption}`.trim();
  const venue = venueSchema.safeParse(message.venue).data;
  if (venue) return `[location] ${venue.title} ${mapLink(venue.location)}`.toWellFormed();
  const place = placeSchema.safeParse(message.location).data;
  if (place) return `[location] ${mapLink(place)}`;
  const card = contactSchema.safeParse(message.contact).data;
  if (card) {
    return `[contact] ${card.first_name} ${card.last_name} ${card.phone_number}`
      .replace(/ +/g, ' ')
      .toWellFormed();
  }
  const poll = pollSchema.safeParse(message.poll).data;
  if (poll) return `[poll] ${poll.question}`.toWellFormed();
  const dice = diceSchema.safeParse(message.dice).data;
  return dice && `[dice] ${dice.emoji} ${dice.value}`.toWellFormed();
}

/** https://developers.google.com/maps/documentation/urls/get-started#search-action */
function mapLink({ latitude, longitude }: z.infer<typeof placeSchema>): string {
  return `https://www.google.com/maps/search/?api=1&query=${latitude}%2C${longitude}`;
}

/** `chat_id` is a number, of up to 52 bits; a text is taken for the name of a chat. */
const numeric = (id: string) => (/^-?\d{1,15}$/.test(id) ? Number(id) : id);

/**
 * https://core.telegram.org/bots/api#making-requests: the token stands in the address, so that is in no log.
 */
function requests(message: ForDelivery, token: string, apiUrl: string) {
  const [chat = ''] = (message.replyTo ?? message.contact).split(':');
  const url = `${apiUrl}/bot${encodeURIComponent(token).replaceAll('%3A', ':')}/sendMessage`;
  return splitText(withLinks(message), MAX_LENGTH).map((text) => ({
    method: 'POST' as const,
    url,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ chat_id: numeric(chat), text }),
  }));
}

const answerSchema = z.union([
  z.object({ ok: z.literal(true), result: z.object({ message_id: z.int() }) }),
  z.object({
    ok: z.literal(false),
    description: z.string().default(''),
    parameters: z.object({ retry_after: z.number().optional() }).default({}),
  }),
]);

/**
 * What an answer means: https://core.telegram.org/bots/api#making-requests. 400 (no such chat, too long) and
 * 403 (blocked by the user, no longer in the group) are Telegram's word on this message. 401 and 404 are
 * about the token.
 */
function judge(reply: Reply, now: number): Delivery {
  const byHttp = judgeHttp(reply, now);
  if (reply.kind !== 'response') return byHttp;
  const { status } = reply;
  const answer = answerSchema.safeParse(readJson(reply.body)).data;
  if (status >= 200 && status < 300) {
    return answer?.ok
      ? { kind: 'delivered', externalId: String(answer.result.message_id) }
      : { kind: 'unknown', detail: `HTTP ${status}, but not an answer of the Bot API` };
  }
  if (answer === undefined || answer.ok) return byHttp;
  const detail = `HTTP ${status}: ${answer.description.replace(/\p{C}/gu, ' ').slice(0, 100)}`;
  if (status === 400 || status === 403) return { kind: 'refused', detail };
  if (status === 401 || status === 404) return { kind: 'not_applied', detail };
  const seconds = answer.parameters.retry_after;
  return status === 429 && seconds !== undefined
    ? { kind: 'not_applied', detail, retryAfterMs: seconds * 1000 }
    : { ...byHttp, ...('detail' in byHttp ? { detail } : {}) };
}
