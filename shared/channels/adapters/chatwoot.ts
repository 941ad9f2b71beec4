import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import type { Reply } from '../../http.ts';
import type { Adapter, Delivery, ForDelivery, Parsed } from '../adapter.ts';
import { pointed } from '../pointer.ts';
import { STAGES } from '../receipt.ts';
import { kindOf, tagged, text, told, words } from './beside.ts';
import { judgeHttp, reasoned, waitingAs } from './judging.ts';
import { NOT_JSON, readId, readLink, readPayload, readPerson, readText } from './reading.ts';
import type { ChatwootSettings } from './settings.ts';
import { splitText, withLinks } from './text.ts';

/** Of `message_created`: https://www.chatwoot.com/hc/user-guide/articles/1677693021-how-to-use-webhooks */
const id = z.pipe(z.transform(readId), z.string());
const person = z.object({
  id: z.optional(z.unknown()),
  name: z.optional(z.unknown()),
  email: z.optional(z.unknown()),
});
const messageSchema = z.object({
  id,
  content: z.pipe(z.transform(readText), z.string()),
  content_type: z.optional(z.unknown()),
  content_attributes: z.optional(z.unknown()),
  private: z.nullish(z.boolean()),
  /** A word in webhooks; a number, 0 for incoming, where Chatwoot writes its own enumeration. */
  message_type: z.union([z.string(), z.int()]),
  account: z.nullish(z.object({ id })),
  inbox: z.nullish(z.object({ id })),
  /** Null where whoever wrote was deleted since. */
  sender: z.nullish(z.extend(person, { id: z.nullish(id), type: z.nullish(z.string()) })),
  conversation: z.object({
    id: z.optional(id),
    display_id: z.optional(id),
    meta: z.nullish(z.object({ sender: z.nullish(person) })),
  }),
  attachments: z.nullish(z.array(z.unknown())),
});
type ChatwootMessage = z.infer<typeof messageSchema>;

export function createChatwootAdapter(settings: ChatwootSettings): Adapter {
  return {
    verifiers: settings.verifiers,
    parse: ({ body }) => parse(body, settings),
    needsToken: true,
    maxLength: settings.maxLength,
    place: ({ replyTo, contact }) => replyTo ?? contact,
    accepted: { status: 200, body: '' },
    reportsDelivery: true,
    requests: (message, token) => requests(message, token, settings),
    judge,
    sample: ({ id: messageId, contact, text }) =>
      JSON.stringify({
        event: 'message_created',
        id: messageId,
        content: text,
        message_type: 'incoming',
        content_type: 'text',
        private: false,
        sender: { id: contact, name: 'Test', type: 'contact' },
        inbox: { id: settings.inboxIds?.[0] ?? 1, name: 'Test' },
        // There is none: the platform's answer to the test must not reach a customer's conversation.
        conversation: { id: 0 },
        account: { id: settings.accountId, name: 'Test' },
      }),
  };
}

function parse(body: Buffer, { accountId, inboxIds }: ChatwootSettings): Parsed {
  const payload = readPayload(body);
  if (payload === undefined) return NOT_JSON;
  const event = 'event' in payload ? payload.event : undefined;
  if (typeof event !== 'string')
    return { kind: 'fault', fault: 'event is not text: this is no webhook of Chatwoot' };
  const answer = event === 'message_updated' ? answerIn(payload) : '';
  if (event === 'message_updated' && answer === '') return readReceipt(payload, accountId);
  if (event !== 'message_created' && answer === '') return NO_NEWS;
  // What agents and bots wrote, our deliveries among them, may lack what a contact's message has.
  const type = 'message_type' in payload ? payload.message_type : undefined;
  const isIncoming = ['incoming', '0'].includes(String(type));
  if (answer === '' && !isIncoming && (typeof type === 'string' || typeof type === 'number')) {
    return { kind: 'ignored', why: 'not written by a contact' };
  }
  const read = messageSchema.safeParse(payload);
  if (!read.success) {
    const places = read.error.issues.map(({ path }) => path.join('.'));
    return { kind: 'fault', fault: `not a message as Chatwoot describes it: ${places.join(', ')}` };
  }
  const message = read.data;
  if (message.private) return { kind: 'ignored', why: 'a private note' };
  if (answer === '' && (message.sender?.type ?? 'contact').toLowerCase() !== 'contact') {
    return { kind: 'ignored', why: 'not written by a contact' };
  }
  if (message.account && message.account.id !== String(accountId)) {
    return { kind: 'ignored', why: 'of another account' };
  }
  if (inboxIds && !inboxIds.some((inbox) => String(inbox) === message.inbox?.id)) {
    return { kind: 'ignored', why: 'of an inbox that is not in inboxIds' };
  }
  if (message.content_type === 'voice_call') {
    return { kind: 'ignored', why: 'a call, in which nothing is written' };
  }
  if (pointed(message.content_attributes, '/deleted') === true) {
    return { kind: 'ignored', why: 'deleted by whoever wrote it' };
  }
  return readMessage(answer === '' ? message : answering(message, answer));
}

const NO_NEWS: Parsed = { kind: 'ignored', why: 'neither a new message nor an answer to a form' };

/**
 * How far an outgoing message has come: https://developers.chatwoot.com/self-hosted/message-statuses. The message itself
 * has a `status` only from https://github.com/chatwoot/chatwoot/pull/15908 on. Before, it stands in the conversation, with
 * its last message; of a message that is not the last one, all that is told is a failure, by its `external_error`.
 */
function readReceipt(payload: object, accountId: number): Parsed {
  const externalId = readId(pointed(payload, '/id'));
  if (!['outgoing', '1'].includes(text(payload, '/message_type')) || externalId === undefined) return NO_NEWS;
  const account = readId(pointed(payload, '/account/id'));
  if (account !== undefined && account !== String(accountId)) {
    return { kind: 'ignored', why: 'of another account' };
  }
  const last = pointed(payload, '/conversation/messages/0');
  const error = text(payload, '/content_attributes/external_error');
  const status =
    text(payload, '/status') ||
    (readId(pointed(last, '/id')) === externalId ? text(last, '/status') : '') ||
    (error === '' ? '' : 'failed');
  const stage = STAGES.find((one) => one === status);
  if (stage === undefined) return NO_NEWS;
  const words = stage === 'failed' ? reasoned(status, error) : status;
  return { kind: 'receipts', receipts: [{ externalId, stage, words }] };
}

/**
 * What the contact chose or filled in, a line each; '' where an update is about something else. Chatwoot keeps it in the
 * message that asked, which it then updates: of options their titles, of a form its names and values, of its own
 * question for an email the address. A rating is no message to anybody.
 * https://github.com/chatwoot/docs/blob/main/docs/product/others/interactive-messages.md
 */
function answerIn(payload: object): string {
  const submitted = pointed(payload, '/content_attributes/submitted_values');
  const asked = pointed(payload, '/content_attributes/items');
  if (!Array.isArray(submitted)) return text(payload, '/content_attributes/submitted_email').trim();
  const labelOf = (name: string) =>
    text(Array.isArray(asked) ? asked.find((item) => text(item, '/name') === name) : undefined, '/label') ||
    name;
  return submitted
    .map((one) => {
      const name = text(one, '/name');
      const value = words(pointed(one, '/value'));
      return name === '' ? text(one, '/title') || value : `${labelOf(name)}: ${value}`;
    })
    .filter((line) => line.trim() !== '')
    .join('\n');
}

/** A later update brings the same answer again: it bears the same id. Another answer to the same form is another message. */
function answering(message: ChatwootMessage, answer: string): ChatwootMessage {
  const hash = createHash('sha256').update(answer).digest('hex').slice(0, 8);
  return {
    ...message,
    id: `${message.id}:${hash}`,
    content: answer,
    content_attributes: {},
    attachments: [],
    // Whoever asked. The one who answers is the conversation's contact.
    sender: null,
  };
}

/**
 * The contact is the person, and stays the same over conversations. Replies go to the conversation last written in. If
 * the person was deleted, the conversation's own contact is used, or else the conversation, whose id is marked so that
 * it is not taken for a contact's number.
 */
function readMessage(message: ChatwootMessage): Parsed {
  const { id: messageId, sender, conversation } = message;
  const replyTo = conversation.id ?? conversation.display_id;
  if (replyTo === undefined) return { kind: 'fault', fault: 'conversation.id is missing' };
  const owner = conversation.meta?.sender;
  const contact = sender?.id ?? readId(owner?.id) ?? `conversation:${replyTo}`;
  const { text, files } = contentOf(message);
  if (text === '' && files.length === 0) return { kind: 'ignored', why: 'neither text nor attachment' };
  const name = sender?.name ?? owner?.name;
  const [firstName, ...names] = typeof name === 'string' ? name.trim().split(/\s+/) : [];
  const email = sender?.email ?? owner?.email;
  const read = {
    id: messageId,
    contact,
    type: 'text' as const,
    text,
    attachments: files,
    ...readPerson({ firstName, lastName: names.join(' '), email }),
    replyTo,
  };
  return { kind: 'messages', messages: [read] };
}

/** What was written, without what it answers; else all of it. */
const EMAIL_TEXTS = [
  'text_content/reply',
  'text_content/full',
  'html_content/reply',
  'html_content/full',
].map((name) => `/email/${name}`);

/**
 * What a person can read of a message. Chatwoot's text is Markdown, in which links hold their addresses; of an email the
 * subject stands beside it, of a story the address.
 * https://github.com/chatwoot/chatwoot/blob/develop/app/models/message.rb
 */
function contentOf({ content, content_attributes: beside, attachments }: ChatwootMessage) {
  const parts = (attachments ?? []).map(readAttachment);
  const lines = [
    ...told('subject', pointed(beside, '/email/subject')),
    // Of an email that Chatwoot could make no text of.
    content.trim() || text(beside, ...EMAIL_TEXTS),
    ...told('story', pointed(beside, '/story_url')),
    ...(pointed(beside, '/is_unsupported') === true ? [tagged('unsupported')] : []),
    ...parts.flatMap(({ line }) => line),
  ];
  return {
    text: lines
      .filter((line) => line.trim() !== '')
      .join('\n')
      .trim(),
    files: parts.flatMap(({ link }) => link ?? []),
  };
}

/**
 * A file is a link, and told where it has none; a place, a card and what was shared are told. `fallback` is what
 * Chatwoot has no kind for. https://github.com/chatwoot/chatwoot/blob/develop/app/models/attachment.rb
 */
function readAttachment(attachment: unknown): { line: string[]; link?: string | undefined } {
  const link = readLink(pointed(attachment, '/data_url'));
  const title = text(attachment, '/fallback_title');
  switch (pointed(attachment, '/file_type')) {
    case 'location':
      return {
        line: told('location', {
          name: title,
          latitude: pointed(attachment, '/coordinates_lat'),
          longitude: pointed(attachment, '/coordinates_long'),
        }),
      };
    case 'contact':
      return { line: told('contact', { phone: title, ...Object(pointed(attachment, '/meta')) }) };
    case 'fallback':
    case 'share':
      return title === '' && link !== undefined
        ? { line: [], link }
        : { line: [tagged('shared', title, link)] };
    default: {
      const kind = kindOf(text(attachment, '/file_type')) ?? 'file';
      const spoken = text(attachment, '/transcribed_text');
      const line = link === undefined || spoken !== '' ? [tagged(kind, title, spoken)] : [];
      return { line, link };
    }
  }
}

const answerSchema = z.object({ id });

/** A conversation takes so many messages a minute, and no more: `Limits.conversation_message_per_minute_limit`. */
const FLOODED = /too many messages/i;

/** By HTTP, except that Chatwoot names what it took: a 200 without a name is somebody else's. */
function judge(reply: Reply, now: number): Delivery {
  const judged = judgeHttp(reply, now, (answer) => answerSchema.safeParse(answer).data?.id);
  if (judged.kind === 'delivered' && judged.externalId === undefined) {
    return { kind: 'unknown', detail: 'a success, but not an answer of Chatwoot' };
  }
  if (judged.kind === 'refused' && FLOODED.test(judged.detail)) {
    return { kind: 'not_applied', detail: judged.detail, retryAfterMs: 60_000, whoWaits: 'place' };
  }
  // Its limits are on an address, and so on all that we send: config/initializers/rack_attack.rb.
  return waitingAs(judged, 'channel');
}

/** https://developers.chatwoot.com/api-reference/messages/create-new-message */
function requests(message: ForDelivery, token: string, { baseUrl, accountId, maxLength }: ChatwootSettings) {
  const { replyTo } = message;
  // A dot or two would be taken for steps in the path.
  if (replyTo === undefined || /^\.+$/.test(replyTo)) return [];
  const url = `${baseUrl}/api/v1/accounts/${accountId}/conversations/${encodeURIComponent(replyTo)}/messages`;
  return splitText(notFilled(withLinks(message)), maxLength, message.cuts).map((content) => ({
    method: 'POST' as const,
    url,
    headers: { 'content-type': 'application/json', api_access_token: token },
    body: JSON.stringify({ content, message_type: 'outgoing', private: false }),
  }));
}

/**
 * Chatwoot fills in Liquid's placeholders, `{{agent.name}}` and `{% … %}`, in whatever is outgoing
 * (https://github.com/chatwoot/chatwoot/blob/develop/app/models/concerns/liquidable.rb): a customer could have the
 * platform's AI repeat one. Nothing is filled in where a space of no width stands between its first two characters.
 */
const notFilled = (text: string) => text.replaceAll(/\{(?=[{%])/g, '{\u200b');
