import * as z from 'zod/mini';
import { type Reply, readJson } from '../../http.ts';
import type { Verifier } from '../../incoming/verifier-settings.ts';
import type { Adapter, Delivery, ForDelivery, Parsed } from '../adapter.ts';
import type { Content } from '../message.ts';
import { judgeHttp, reasoned, waitingAs } from './judging.ts';
import { NOT_JSON, readId, readPayload, readPerson, readText } from './reading.ts';
import type { TelegramSettings } from './settings.ts';
import { contentOf, isService } from './telegram-content.ts';
import { splitText, withLinks } from './text.ts';

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
 * Accounts of Telegram's own: the one that forwards the posts of a channel into its group, and those that stand for a
 * group or a channel in whose name somebody writes. https://core.telegram.org/bots/api#message
 */
const NO_PERSONS = ['777000', '1087968824', '136817688'];

/** The topic that every forum has. Its number is known, and `sendMessage` does not find it: it is the chat itself. */
const GENERAL_TOPIC = '1';

/** Short enough for two of them to make an id. */
const idSchema = z.pipe(z.transform(readId), z.string().check(z.maxLength(100)));
const textSchema = z.pipe(z.transform(readText), z.string());
const userSchema = z.object({
  id: idSchema,
  is_bot: z.optional(z.boolean()),
  first_name: z.optional(z.unknown()),
  last_name: z.optional(z.unknown()),
});
const chatSchema = z.object({
  id: idSchema,
  type: z.optional(z.string()),
  is_direct_messages: z.optional(z.boolean()),
});
const messageSchema = z.looseObject({
  chat: chatSchema,
  from: z.nullish(userSchema),
  sender_chat: z.optional(z.unknown()),
  is_automatic_forward: z.optional(z.unknown()),
  message_thread_id: z.optional(idSchema),
  is_topic_message: z.optional(z.unknown()),
  direct_messages_topic: z.optional(z.object({ topic_id: idSchema })),
  business_connection_id: z.optional(idSchema),
  text: textSchema,
  caption: textSchema,
});
type Sent = z.infer<typeof messageSchema>;

const reactionSchema = z.object({ type: z.string(), emoji: z.optional(z.string()) });
const reactionsSchema = z.object({
  chat: chatSchema,
  user: z.nullish(userSchema),
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
    maxLength: MAX_LENGTH,
    place: (message) => placeOf(message).chat,
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
  const sent = 'message' in payload ? payload.message : undefined;
  // What customers write to a business account that the bot was connected to.
  const written = sent ?? ('business_message' in payload ? payload.business_message : undefined);
  if (written !== undefined) {
    const message = messageSchema.safeParse(written);
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

/**
 * A message is answered at the place within its chat where it was written. The place for replies names it:
 * `chat:topic=n` is a topic of a forum, or of a private chat; `direct` a conversation of a channel's direct messages;
 * `thread` what stands below a message of a group without topics, such as the comments on a channel's post. A chat of
 * a business account is a contact of its own. https://core.telegram.org/bots/api#message
 */
function readMessage(id: string, message: Sent, groups: boolean): Parsed {
  // Also where the sender is a person, as in the fake senders that Telegram fills in.
  if (message.is_automatic_forward || message.sender_chat || NO_PERSONS.includes(message.from?.id ?? '')) {
    return { kind: 'ignored', why: 'in the name of a channel or group: no person wrote it' };
  }
  if (message.business_connection_id !== undefined && message.from?.id !== message.chat.id) {
    return { kind: 'ignored', why: 'written by the business itself' };
  }
  const sender = readSender(message.chat, message.from, groups);
  if ('why' in sender) return { kind: 'ignored', why: sender.why };
  const { replyTo: chat, ...who } = sender;
  if (isService(message)) return { kind: 'ignored', why: 'a service message of the chat' };
  const text = contentOf(message);
  if (text === '') return { kind: 'fault', fault: 'a message of a kind that is not known here' };
  const { business_connection_id: business } = message;
  // Another conversation than the person's own with the bot, though of the same number.
  const contact = business === undefined ? who.contact : `${message.chat.id}:business=${business}`;
  const replyTo = placeWithin(message, chat);
  const place = replyTo === undefined ? {} : { replyTo };
  return {
    kind: 'messages',
    messages: [{ id, type: 'text', text, attachments: [], ...who, contact, ...place }],
  };
}

/** @param chat the group; undefined in a private chat, where replies need no place but a topic. */
function placeWithin(message: Sent, chat: string | undefined): string | undefined {
  const { message_thread_id: thread, direct_messages_topic: direct, is_topic_message: isTopic } = message;
  if (direct !== undefined) return `${message.chat.id}:direct=${direct.topic_id}`;
  if (thread === undefined) return chat;
  if (isTopic && (chat === undefined || thread !== GENERAL_TOPIC)) {
    return `${message.chat.id}:topic=${thread}`;
  }
  if (isTopic) return chat;
  return chat === undefined ? undefined : `${message.chat.id}:thread=${thread}`;
}

function readReaction(id: string, given: z.infer<typeof reactionsSchema>, groups: boolean): Parsed {
  const read = readSender(given.chat, given.user, groups);
  if ('why' in read) return { kind: 'ignored', why: read.why };
  // It names no topic, so it must not move the place for replies out of one.
  const { replyTo: _, ...sender } = read;
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
  from: z.infer<typeof userSchema> | null | undefined,
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
  // The direct messages of a channel are one person's each, though they share a chat.
  if (!groups && !chat.is_direct_messages) return { why: 'from a group, and groups are not relayed' };
  if (!from) return { why: 'from a group, by nobody in particular' };
  return { contact: `${chat.id}:${from.id}`, replyTo: chat.id, ...person };
}

/** `chat_id` is a number, of up to 52 bits; a text is taken for the name of a chat. */
const numeric = (id: string) => (/^-?\d{1,15}$/.test(id) ? Number(id) : id);

/** What `sendMessage` calls a place within a chat. https://core.telegram.org/bots/api#sendmessage */
const PLACES = new Map<string, (place: string) => object>([
  ['topic', (place) => ({ message_thread_id: numeric(place) })],
  ['direct', (place) => ({ direct_messages_topic_id: numeric(place) })],
  // Groups without topics know no threads but what answers a message.
  [
    'thread',
    (place) => ({
      reply_parameters: { message_id: numeric(place), allow_sending_without_reply: true },
    }),
  ],
  ['business', (place) => ({ business_connection_id: place })],
]);

/** Of a contact of a group, who has not written yet, the chat alone is known. */
function placeOf({ replyTo, contact }: Pick<ForDelivery, 'replyTo' | 'contact'>) {
  const [, chat = '', kind = '', place = ''] = /^([^:]*)(?::([a-z]+)=(.*))?/.exec(replyTo ?? contact) ?? [];
  return { chat, within: PLACES.get(kind)?.(place) ?? {} };
}

/**
 * https://core.telegram.org/bots/api#making-requests: the token stands in the address, so that is in no log.
 */
function requests(message: ForDelivery, token: string, apiUrl: string) {
  const { chat, within } = placeOf(message);
  const url = `${apiUrl}/bot${encodeURIComponent(token).replaceAll('%3A', ':')}/sendMessage`;
  return splitText(withLinks(message), MAX_LENGTH, message.cuts).map((text) => ({
    method: 'POST' as const,
    url,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ chat_id: numeric(chat), ...within, text }),
  }));
}

const answerSchema = z.union([
  z.object({ ok: z.literal(true), result: z.object({ message_id: z.int() }) }),
  z.object({
    ok: z.literal(false),
    description: z._default(z.string(), ''),
    parameters: z._default(
      z.object({ retry_after: z.optional(z.number()), migrate_to_chat_id: z.optional(idSchema) }),
      {},
    ),
  }),
]);

/** `Too Many Requests: retry after 35`, of a Bot API server that leaves out the parameters. */
function saidSeconds(description: string): number | undefined {
  const [, seconds] = /retry after (\d{1,6})/i.exec(description) ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}

/**
 * What an answer means: https://core.telegram.org/bots/api#making-requests. 400 (no such chat, no such topic) and
 * 403 (blocked by the user, no longer in the group) are Telegram's word on this message. 401 and 404 are about the
 * token. A group that became a supergroup has another number, which `migrate_to_chat_id` names.
 *
 * A 429 does not say whose it is: of one chat (one message a second, in a group 20 a minute) or of the bot (30 a
 * second). So it is taken for the chat's, until many chats are told the same: `waits.ts`.
 * https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
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
  if (answer === undefined || answer.ok) return waitingAs(byHttp, 'place');
  const { description, parameters } = answer;
  const detail = reasoned(`HTTP ${status}`, description);
  if (parameters.migrate_to_chat_id !== undefined) {
    return { kind: 'moved', detail, replyTo: parameters.migrate_to_chat_id };
  }
  if (status === 400 && /too[ _]long/i.test(description)) return { kind: 'too_long', detail };
  if (status === 400 || status === 403) return { kind: 'refused', detail };
  if (status === 401 || status === 404) return { kind: 'not_applied', detail };
  if (byHttp.kind === 'unknown') return { ...byHttp, detail };
  if (byHttp.kind !== 'not_applied') return byHttp;
  const seconds = parameters.retry_after ?? saidSeconds(description);
  const asked = seconds === undefined ? {} : { retryAfterMs: seconds * 1000 };
  return waitingAs({ ...byHttp, detail, ...asked }, 'place');
}
