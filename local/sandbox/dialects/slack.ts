import { createHmac } from 'node:crypto';
import * as z from 'zod';
import { type Answer, json, parseJson } from '../server.ts';
import { type Dialect, lettersOf, secondsOf } from './dialect.ts';

/** Slack answers 200 whatever became of a message. https://docs.slack.dev/reference/methods/chat.postMessage */
const refuse = (error: string): Answer => json(200, { ok: false, error });

const messageSchema = z.object({
  channel: z.string().min(1),
  text: z.string(),
  thread_ts: z.string().exactOptional(),
});

/** https://docs.slack.dev/reference/methods/chat.postMessage#errors: of a text that is longer, an error. */
const MAX_LENGTH = 40_000;

/** `1355517523.000005`: the chat's own ids are microseconds, whose last six digits Slack sets apart. */
const tsOf = (id: string) => `${id.slice(0, -6)}.${id.slice(-6)}`;

/** https://docs.slack.dev/messaging/formatting-message-text#escaping */
const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const unescaped = (text: string) =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

const refusals = {
  unauthorized: refuse('invalid_auth'),
  forbidden: refuse('missing_scope'),
  not_found: refuse('channel_not_found'),
  invalid: refuse('no_text'),
  error: refuse('internal_error'),
};

/** A Slack app, in direct messages: each person has a channel with it. https://docs.slack.dev/apis/events-api */
export const slackDialect: Dialect = {
  name: 'Slack',
  settings: (chatUrl) => ({ adapter: 'slack', apiUrl: `${chatUrl}/api` }),
  addressOf(person) {
    const [, channel = `D${lettersOf(person, 10).toUpperCase()}`] = /^(\w+):\w+$/.exec(person) ?? [];
    const contact = person.includes(':') ? person : `${channel}:U${lettersOf(person, 10).toUpperCase()}`;
    return { contact, place: channel };
  },
  reachesStrangers: false,
  dedupes: false,
  /** https://docs.slack.dev/authentication/verifying-requests-from-slack */
  writes({ id, text, attachments = [] }, { secret, address, now }) {
    const [channel, user] = address.contact.split(':');
    const ts = tsOf(id);
    const files = attachments.map((link, index) => ({ id: `F${index}`, permalink: link, url_private: link }));
    const body = JSON.stringify({
      type: 'event_callback',
      team_id: 'T00SANDBOX',
      api_app_id: 'A00SANDBOX',
      event_id: `Ev${id}`,
      event_time: Number(ts.split('.')[0]),
      authorizations: [{ team_id: 'T00SANDBOX', user_id: 'U00RELAY', is_bot: true }],
      event: {
        type: 'message',
        channel,
        channel_type: 'im',
        user,
        text: escaped(text),
        ts,
        event_ts: ts,
        ...(files.length > 0 ? { subtype: 'file_share', files } : {}),
      },
    });
    const time = String(Math.floor(now / 1_000));
    const digest = createHmac('sha256', secret).update(`v0:${time}:${body}`).digest('hex');
    return {
      headers: { 'x-slack-request-timestamp': time, 'x-slack-signature': `v0=${digest}` },
      body,
    };
  },
  routes: ['POST /api/chat.postMessage'],
  read({ headers, body }, token) {
    const refused = (answer: Answer) => ({ kind: 'refused' as const, answer });
    if (headers.authorization !== `Bearer ${token}`) return refused(refusals.unauthorized);
    const { data } = messageSchema.safeParse(parseJson(body));
    if (data === undefined) return refused(refuse('invalid_arguments'));
    if (data.text.trim() === '') return refused(refusals.invalid);
    if (data.text.length > MAX_LENGTH) return refused(refuse('msg_too_long'));
    return { kind: 'message', place: data.channel, text: unescaped(data.text) };
  },
  taken({ id, text }, { place }) {
    const ts = tsOf(id);
    const message = { type: 'message', subtype: 'bot_message', bot_id: 'B00RELAY', text, ts };
    return json(200, { ok: true, channel: place, ts, message });
  },
  refusals,
  limited: (waitMs) =>
    json(429, { ok: false, error: 'ratelimited' }, { 'retry-after': String(secondsOf(waitMs)) }),
  own: { archived: () => refuse('is_archived') },
};
