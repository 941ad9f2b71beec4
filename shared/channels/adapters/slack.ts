import * as z from 'zod/mini';
import { type Reply, readJson, retryAfterMs } from '../../http.ts';
import type { Verifier } from '../../incoming/verifier-settings.ts';
import type { Adapter, Delivery, ForDelivery, Parsed } from '../adapter.ts';
import { judgeHttp, waitingAs } from './judging.ts';
import { NOT_JSON, readId, readPayload, readText } from './reading.ts';
import type { SlackSettings } from './settings.ts';
import { contentOf } from './slack-content.ts';
import { splitText, withLinks } from './text.ts';

/** https://docs.slack.dev/authentication/verifying-requests-from-slack */
const VERIFIER: Verifier = {
  type: 'hmac',
  header: 'x-slack-signature',
  encoding: 'hex',
  prefix: 'v0=',
  signs: 'v0:{timestamp}:{body}',
  timestampHeader: 'x-slack-request-timestamp',
  toleranceSeconds: 300,
};

/**
 * What Slack recommends; it cuts off beyond 40,000, which the escapes of 4,000 characters, five for one at
 * most, do not reach. https://docs.slack.dev/reference/methods/chat.postMessage
 */
const MAX_LENGTH = 4_000;

/**
 * Of the kinds of message events, those in which a person says something.
 * https://docs.slack.dev/reference/events/message
 */
const SAYING = [undefined, 'file_share', 'me_message', 'thread_broadcast'];

/** Slack's own account of notices to people. */
const SLACKBOT = 'USLACKBOT';

/** Short enough for two of them to make an id. */
const id = z.pipe(z.transform(readId), z.string().check(z.maxLength(100)));
const callbackSchema = z.object({
  event_id: id,
  event: z.looseObject({ type: z.string() }),
  authorizations: z.optional(
    z.array(z.object({ user_id: z.optional(z.unknown()), is_bot: z.optional(z.unknown()) })),
  ),
});
const messageSchema = z.object({
  channel: id,
  ts: id,
  /** Of a person who was deleted, or whom the workspace does not know, there may be none. */
  user: z.nullish(id),
  text: z.pipe(z.transform(readText), z.string()),
  thread_ts: z.optional(id),
  files: z.nullish(z.array(z.unknown())),
  attachments: z.nullish(z.array(z.unknown())),
  blocks: z.nullish(z.array(z.unknown())),
  root: z.optional(z.unknown()),
});
const reactionSchema = z.object({
  user: id,
  reaction: id,
  item: z.object({ type: z.string(), channel: z.optional(id) }),
});
const challengeSchema = z.object({ challenge: z.string().check(z.minLength(1), z.maxLength(1_000)) });

export function createSlackAdapter({ apiUrl, threads }: SlackSettings): Adapter {
  return {
    verifiers: [VERIFIER],
    parse: ({ body }) => parse(body, threads),
    needsToken: true,
    accepted: { status: 200, body: '' },
    maxLength: MAX_LENGTH,
    place: ({ replyTo, contact }) => (replyTo ?? contact).split(':')[0] ?? '',
    requests: (message, token) => requests(message, token, apiUrl),
    judge,
    sample({ id: eventId, contact, text }, now) {
      const [channel = '', user = channel] = contact.split(':');
      // As exact as our clock: two tests are two messages.
      const ts = (now / 1000).toFixed(6);
      const event = { type: 'message', channel_type: 'channel', channel, user, text, ts, event_ts: ts };
      return JSON.stringify({ type: 'event_callback', event_id: eventId, event });
    },
  };
}

function parse(body: Buffer, threads: SlackSettings['threads']): Parsed {
  const payload = readPayload(body);
  if (payload === undefined) return NOT_JSON;
  const type = 'type' in payload ? payload.type : undefined;
  if (typeof type !== 'string')
    return { kind: 'fault', fault: 'type is not text: this is no event of Slack' };
  if (type === 'url_verification') {
    // https://docs.slack.dev/reference/events/url_verification
    const { data } = challengeSchema.safeParse(payload);
    return data
      ? { kind: 'reply', contentType: 'text/plain', body: data.challenge }
      : { kind: 'fault', fault: 'url_verification comes without a challenge' };
  }
  if (type === 'app_rate_limited') return { kind: 'ignored', why: 'Slack says that it holds events back' };
  if (type !== 'event_callback') return { kind: 'ignored', why: 'not an event' };
  const callback = callbackSchema.safeParse(payload);
  if (!callback.success) return { kind: 'fault', fault: 'not an event as Slack describes it' };
  const { event, event_id: eventId, authorizations = [] } = callback.data;
  const ownUser = authorizations.find(({ is_bot: isBot }) => isBot === true)?.user_id;
  // Slack's mark of what apps wrote, ours among them.
  if (
    event.bot_id ||
    event.subtype === 'bot_message' ||
    event.user === SLACKBOT ||
    (ownUser && event.user === ownUser)
  ) {
    return { kind: 'ignored', why: 'written by an app' };
  }
  if (event.type === 'message') return readMessage(event, threads);
  if (event.type === 'reaction_added') return readReaction(eventId, event);
  return { kind: 'ignored', why: 'an event that is neither a message nor a reaction' };
}

/**
 * Its id is channel and `ts`, which name a message for ever: the same over the repetitions of an event
 * (https://docs.slack.dev/apis/events-api#retries), and also where one message is the subject of several
 * events, as in a channel that two workspaces share. A contact is a person in a channel, so that each gets
 * the replies where they asked.
 */
function readMessage(event: Record<string, unknown>, threads: SlackSettings['threads']): Parsed {
  if (!SAYING.some((subtype) => event.subtype === subtype)) {
    return { kind: 'ignored', why: 'an edit, a deletion or a notice' };
  }
  const read = messageSchema.safeParse(event);
  if (!read.success) {
    const places = read.error.issues.map(({ path }) => path.join('.'));
    return { kind: 'fault', fault: `not a message as Slack describes it: ${places.join(', ')}` };
  }
  const { channel, ts, user, thread_ts: threadTs } = read.data;
  const { text, attachments } = contentOf(read.data);
  if (text.trim() === '' && attachments.length === 0) {
    return { kind: 'ignored', why: 'neither text nor file' };
  }
  const thread = threads === 'always' ? (threadTs ?? ts) : threads === 'follow' ? threadTs : undefined;
  const replyTo = thread === undefined ? channel : `${channel}:${thread}`;
  const contact = user ? `${channel}:${user}` : channel;
  const message = { id: `${channel}:${ts}`, contact, type: 'text' as const };
  return { kind: 'messages', messages: [{ ...message, text, attachments, replyTo }] };
}

/** https://docs.slack.dev/reference/events/reaction_added: an event's id is all that names a reaction. */
function readReaction(eventId: string, event: Record<string, unknown>): Parsed {
  const read = reactionSchema.safeParse(event);
  if (!read.success) return { kind: 'fault', fault: 'not a reaction as Slack describes it' };
  const { user, reaction, item } = read.data;
  if (item.type !== 'message' || item.channel === undefined) {
    return { kind: 'ignored', why: 'a reaction to what is not a message' };
  }
  const message = { id: eventId, contact: `${item.channel}:${user}`, type: 'reaction' as const };
  return { kind: 'messages', messages: [{ ...message, text: `:${reaction}:`, attachments: [] }] };
}

/**
 * Its control characters, and no others. https://docs.slack.dev/messaging/formatting-message-text#escaping
 */
const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** https://docs.slack.dev/reference/methods/chat.postMessage; `replyTo` is `channel` or `channel:ts`. */
function requests(message: ForDelivery, token: string, apiUrl: string) {
  const [channel = '', place = ''] = (message.replyTo ?? message.contact).split(':');
  // A contact is `channel:user`, and a user is no thread.
  const thread = /^\d+\.\d+$/.test(place) ? { thread_ts: place } : {};
  return splitText(withLinks(message), MAX_LENGTH, message.cuts).map((text) => ({
    method: 'POST' as const,
    url: `${apiUrl}/chat.postMessage`,
    headers: { 'content-type': 'application/json; charset=utf-8', authorization: `Bearer ${token}` },
    body: JSON.stringify({ channel, text: escaped(text), ...thread }),
  }));
}

const answerSchema = z.union([
  z.object({ ok: z.literal(true), ts: z.string() }),
  z.object({ ok: z.literal(false), error: z.string().check(z.regex(/^\w{1,60}$/)) }),
]);

/**
 * https://docs.slack.dev/reference/methods/chat.postMessage#errors: about the pace, the token, the workspace.
 */
const NOT_APPLIED = [
  'ratelimited',
  'rate_limited',
  'message_limit_exceeded',
  'not_authed',
  'invalid_auth',
  'account_inactive',
  'token_expired',
  'token_revoked',
  'not_allowed_token_type',
  'missing_scope',
  'no_permission',
  'access_denied',
  'accesslimited',
  'ekm_access_denied',
  'enterprise_is_restricted',
  'external_channel_migrating',
  'org_login_required',
  'team_access_not_granted',
  'team_added_to_org',
  'two_factor_setup_required',
  'request_timeout',
];

/** About this message or its place. */
const REFUSED = [
  'is_archived',
  'is_inactive',
  'messages_tab_disabled',
  'msg_blocks_too_long',
  'no_text',
  'as_user_not_supported',
  'metadata_too_large',
  'metadata_must_be_sent_from_app',
  'slack_connect_canvas_sharing_blocked',
  'slack_connect_file_link_sharing_blocked',
  'slack_connect_lists_sharing_blocked',
  'deprecated_endpoint',
  'method_deprecated',
];

/**
 * Words that by themselves say that something was wrong before anything was done: `thread_not_found`, `not_in_channel`,
 * `invalid_thread_ts`, `restricted_action_thread_locked`. Slack has more of them than its documentation lists.
 */
const REFUSING =
  /_not_found$|_not_supported$|^invalid_|^not_in_|^restricted_action|^cannot_|^cant_|^too_many_|^missing_|^user_(is|not)_|_denied$/;

/**
 * Slack answers 200 whatever became of the message. Of `fatal_error` and `internal_error` its documentation
 * says that some of it may have been done; a word that is not listed means nothing certain either.
 *
 * A wait is for a method of an app in a workspace, which is what a token stands for:
 * https://docs.slack.dev/apis/web-api/rate-limits
 */
function judge(reply: Reply, now: number): Delivery {
  const byHttp = judgeHttp(reply, now);
  if (reply.kind !== 'response' || byHttp.kind !== 'delivered') return waitingAs(byHttp, 'channel');
  const answer = answerSchema.safeParse(readJson(reply.body)).data;
  if (answer === undefined) return { kind: 'unknown', detail: 'HTTP 200, but not an answer of Slack' };
  if (answer.ok) return { kind: 'delivered', externalId: answer.ts };
  const { error } = answer;
  const detail = `Slack says ${error}`;
  if (error === 'msg_too_long') return { kind: 'too_long', detail };
  if (NOT_APPLIED.includes(error)) {
    const wait = retryAfterMs(reply.headers, now);
    const asked = wait === undefined ? {} : { retryAfterMs: wait };
    return waitingAs({ kind: 'not_applied', detail, ...asked }, 'channel');
  }
  return { kind: REFUSED.includes(error) || REFUSING.test(error) ? 'refused' : 'unknown', detail };
}
