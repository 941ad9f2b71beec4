import { isThere, pointed } from '../pointer.ts';
import { type Kind, kindOf, linked, tagged, text, told } from './beside.ts';
import { readText } from './reading.ts';
import { richText } from './rich.ts';

/** A message of the Bot API, whose text and caption are read; all else of it may be anything. */
export type TelegramMessage = Record<string, unknown> & { text: string; caption: string };

/**
 * An update holds a file only as an id. The link to the file holds the bot's token, so the kind of it is told, with
 * its name, and the file stays at Telegram. Where a message has two of these, the first one names it.
 * https://core.telegram.org/bots/api#getfile
 */
const FILES = [
  'animation',
  'audio',
  'document',
  'live_photo',
  'paid_media',
  'photo',
  'sticker',
  'video',
  'video_note',
  'voice',
];

/** What else a person can send, and what we call it. A venue is a location, too. https://core.telegram.org/bots/api#message */
const OTHERS: [string, Kind][] = [
  ['venue', 'location'],
  ['location', 'location'],
  ['contact', 'contact'],
  ['poll', 'poll'],
  ['checklist', 'checklist'],
  ['dice', 'dice'],
  ['game', 'game'],
  ['invoice', 'invoice'],
  ['story', 'story'],
  ['giveaway', 'giveaway'],
  ['giveaway_winners', 'giveaway'],
];

/** What nobody wrote: the service messages of Bot API 10.1. https://core.telegram.org/bots/api#message */
const SERVICE = new Set([
  'new_chat_members',
  'left_chat_member',
  'chat_owner_left',
  'chat_owner_changed',
  'new_chat_title',
  'new_chat_photo',
  'delete_chat_photo',
  'group_chat_created',
  'supergroup_chat_created',
  'channel_chat_created',
  'message_auto_delete_timer_changed',
  'migrate_to_chat_id',
  'migrate_from_chat_id',
  'pinned_message',
  'successful_payment',
  'refunded_payment',
  'user_shared',
  'users_shared',
  'chat_shared',
  'gift',
  'unique_gift',
  'gift_upgrade_sent',
  'connected_website',
  'write_access_allowed',
  'passport_data',
  'proximity_alert_triggered',
  'boost_added',
  'chat_background_set',
  'checklist_tasks_done',
  'checklist_tasks_added',
  'direct_message_price_changed',
  'forum_topic_created',
  'forum_topic_edited',
  'forum_topic_closed',
  'forum_topic_reopened',
  'general_forum_topic_hidden',
  'general_forum_topic_unhidden',
  'giveaway_created',
  'giveaway_completed',
  'managed_bot_created',
  'paid_message_price_changed',
  'poll_option_added',
  'poll_option_deleted',
  'suggested_post_approved',
  'suggested_post_approval_failed',
  'suggested_post_declined',
  'suggested_post_paid',
  'suggested_post_refunded',
  'video_chat_scheduled',
  'video_chat_started',
  'video_chat_ended',
  'video_chat_participants_invited',
  'voice_chat_scheduled',
  'voice_chat_started',
  'voice_chat_ended',
  'voice_chat_participants_invited',
  'web_app_data',
]);

/** Who replies to a long message sees its beginning, and finds the rest in the chat. UTF-16 units. */
const QUOTED_LENGTH = 500;

/** Whether a message tells of something that happened in the chat, which nobody wrote. */
export const isService = (message: TelegramMessage): boolean =>
  message.text === '' && message.caption === '' && Object.keys(message).some((name) => SERVICE.has(name));

/** What a person can read of a message, each thing on a line of its own; blank where there is nothing. */
export function contentOf(message: TelegramMessage): string {
  const own = ownContent(message);
  // Nobody writes by replying alone: what is not known to us stands beside the quotation, and must not get lost.
  return own === ''
    ? ''
    : [...forwarded(message), own, ...quoted(message), ...links(message, own)].join('\n');
}

function ownContent(message: TelegramMessage): string {
  const file = FILES.find((name) => isThere(message[name]));
  const caption = withAddresses(message.caption, message.caption_entities);
  // Of those that are there the first one: a venue has its location in it.
  const other = OTHERS.find(([name]) => isThere(message[name]));
  return [
    withAddresses(message.text, message.entities),
    richText(pointed(message, '/rich_message/blocks')),
    file === undefined ? caption : fileLine(file, message[file], caption),
    ...(other === undefined ? [] : told(other[1], message[other[0]])),
  ]
    .filter((line) => line.trim() !== '')
    .join('\n');
}

function fileLine(name: string, file: unknown, caption: string): string {
  const [line = ''] = told(kindOf(name) ?? 'file', Array.isArray(file) ? {} : file);
  return [line, caption].filter((part) => part.trim() !== '').join(' ');
}

/**
 * A text with the addresses that stand in its entities alone. They count in UTF-16 units, as JavaScript does; one that
 * is beyond the text keeps its address all the same. https://core.telegram.org/bots/api#messageentity
 */
function withAddresses(written: string, entities: unknown): string {
  const found = (Array.isArray(entities) ? entities : [])
    .map((entity) => ({
      address: text(entity, '/url'),
      offset: Number(pointed(entity, '/offset')),
      length: Number(pointed(entity, '/length')),
    }))
    .filter(({ address }) => address !== '')
    .toSorted((a, b) => a.offset - b.offset);
  const parts: string[] = [];
  const left: string[] = [];
  let at = 0;
  for (const { address, offset, length } of found) {
    const end = offset + length;
    if (!(offset >= at && end <= written.length)) {
      left.push(address);
      continue;
    }
    parts.push(written.slice(at, offset), linked(written.slice(offset, end), address));
    at = end;
  }
  const whole = parts.join('') + written.slice(at);
  return [whole, ...left]
    .filter((part) => part !== '')
    .join('\n')
    .toWellFormed();
}

/** Whose words it was first; the older fields are those of a Bot API server before 7.0. */
function forwarded(message: TelegramMessage): string[] {
  const origin =
    message.forward_origin ??
    message.forward_from ??
    message.forward_from_chat ??
    message.forward_sender_name;
  return typeof origin === 'string' ? [tagged('forwarded', 'from', origin)] : told('forwarded', origin);
}

/**
 * What it answers: the part that was chosen, else the beginning of the message. The first message of a topic or
 * thread is named by all that stand below it, and tells of its opening.
 */
function quoted(message: TelegramMessage): string[] {
  const { external_reply: elsewhere, reply_to_message: replied } = message;
  const [origin = ''] = told('forwarded', pointed(elsewhere, '/origin'));
  const from = origin.replace('[forwarded] ', '') || nameOf(replied);
  const chosen = text(message, '/quote/text');
  const original = chosen || beginning(originalOf(replied) || originalOf(elsewhere));
  const [story] = told('story', message.reply_to_story);
  return [
    ...(original === '' && origin === '' ? [] : [tagged('quoted', from === '' ? '' : `${from}:`, original)]),
    ...(story === undefined ? [] : [tagged('quoted', story)]),
  ];
}

/** Of a post the channel: its sender is Telegram. */
function nameOf(message: unknown): string {
  const person = [text(message, '/from/first_name'), text(message, '/from/last_name')].filter(Boolean);
  const name = text(message, '/sender_chat/title') || person.join(' ');
  return name === '' ? '' : `from ${name}`;
}

function originalOf(message: unknown): string {
  if (typeof message !== 'object' || message === null) return '';
  const read = { ...message, text: textAt(message, '/text'), caption: textAt(message, '/caption') };
  return isService(read) ? '' : ownContent(read);
}

const textAt = (message: object, at: string) => readText(pointed(message, at)) ?? '';

const beginning = (whole: string) =>
  whole.length > QUOTED_LENGTH ? `${whole.slice(0, QUOTED_LENGTH).toWellFormed()}…` : whole;

/** Addresses that stand beside the text: of the preview, where the sender chose another, and of buttons. */
function links(message: TelegramMessage, own: string): string[] {
  const preview = text(message, '/link_preview_options/url');
  const rows = pointed(message, '/reply_markup/inline_keyboard');
  const buttons = (Array.isArray(rows) ? rows : []).flat().flatMap((button) => {
    const address = text(button, '/url', '/login_url/url', '/web_app/url');
    return address === '' ? [] : [tagged('button', linked(text(button, '/text'), address))];
  });
  return [...(preview === '' || own.includes(preview) ? [] : [tagged('link', preview)]), ...buttons];
}
