import type { Reply } from '../../http.ts';
import type { Verifier } from '../../incoming/verifier-settings.ts';
import type { Adapter, Delivery, ForDelivery, Parsed } from '../adapter.ts';
import { pointed } from '../pointer.ts';
import { kindOf, tagged, text, told } from './beside.ts';
import { judgeHttp, waitingAs } from './judging.ts';
import { NOT_JSON, readId, readLink, readPayload } from './reading.ts';
import type { RespondioSettings } from './settings.ts';
import { splitText, withLinks } from './text.ts';

/** The channel's API token, the same both ways. https://respond.io/help/custom-channel/custom-channel */
const VERIFIER: Verifier = { type: 'token', header: 'authorization', prefix: 'Bearer ', query: 'token' };

/** The rule for custom ids, which phone numbers fulfil, too. https://respond.io/help/custom-channel/custom-channel */
const CONTACT_ID = /^[A-Za-z0-9_=+/@]{1,50}$/;

/** What else the channel's protocol knows, and nobody wrote to a contact. */
const NO_MESSAGES: Record<string, string> = {
  message_echo: 'an echo of what was written elsewhere',
  message_status: 'a receipt',
};

export function createRespondioAdapter(settings: RespondioSettings): Adapter {
  return {
    verifiers: [VERIFIER],
    parse: ({ body }, deliveryId) => parse(body, deliveryId, settings),
    needsToken: true,
    maxLength: settings.maxLength,
    place: ({ contact }) => contact,
    accepted: { status: 200, body: '{}' },
    // At most 50 characters, as for all names of messages.
    acceptedAs: (id) => JSON.stringify({ mId: id.slice(0, 50) }),
    requests: (message, token) => requests(message, token, settings),
    judge,
    report: (message, of) => report(message, of, settings),
    sample: ({ id, contact, text: said }) =>
      JSON.stringify({
        channelId: settings.channelId,
        contactId: contact.replaceAll(/[^A-Za-z0-9_=+/@]/g, '_').slice(0, 50),
        mId: id,
        message: { type: 'text', text: said },
      }),
  };
}

/**
 * What a user, a workflow or a broadcast of respond.io writes to a contact of the channel: `{channelId?, contactId,
 * message: {type, …}}`. It has no id: respond.io takes the `mId` of our answer for one. So each delivery is a message
 * of its own, unless it holds an `mId`, as a sample does.
 */
function parse(body: Buffer, deliveryId: string | undefined, { channelId }: RespondioSettings): Parsed {
  const payload = readPayload(body);
  if (payload === undefined) return NOT_JSON;
  const type = text(payload, '/type', '/events/0/type');
  const why = Object.hasOwn(NO_MESSAGES, type) ? NO_MESSAGES[type] : undefined;
  if (why !== undefined) return { kind: 'ignored', why };
  const channel = readId(pointed(payload, '/channelId'));
  if (channel !== undefined && channel !== channelId) return { kind: 'ignored', why: 'of another channel' };
  const contact = readId(pointed(payload, '/contactId'));
  if (contact === undefined || !CONTACT_ID.test(contact)) {
    return {
      kind: 'fault',
      fault: 'contactId is not 1 to 50 letters, digits and signs that respond.io allows',
    };
  }
  const content = contentOf(pointed(payload, '/message'));
  if (content === undefined) {
    return { kind: 'fault', fault: 'message is of no type that is known, or lacks what its type needs' };
  }
  const id = readId(pointed(payload, '/mId')) ?? deliveryId;
  if (id === undefined) return { kind: 'fault', fault: 'mId is missing, and nothing else names the message' };
  return { kind: 'messages', messages: [{ id, contact, type: 'text', ...content }] };
}

/**
 * What a person can read of a message, by its `type`. Files come below `attachment`, or as a message of their own kind.
 *
 * @returns undefined where there is nothing to read.
 */
function contentOf(message: unknown): { text: string; attachments: string[] } | undefined {
  const type = text(message, '/type');
  const said = (...lines: string[]) => ({
    text: lines.filter((line) => line.trim() !== '').join('\n'),
    attachments: [],
  });
  const content = () => {
    switch (type) {
      case 'text':
        return said(text(message, '/text'));
      case 'email':
        return said(...told('subject', pointed(message, '/subject')), text(message, '/text', '/body'));
      case 'quick_reply':
        return said(text(message, '/title', '/text'), ...told('button', pointed(message, '/replies')));
      case 'location':
        return said(...told('location', pointed(message, '/location') ?? message));
      case 'attachment':
        return readFile(pointed(message, '/attachment') ?? message);
      case 'image':
      case 'video':
      case 'audio':
      case 'file':
        return readFile(message);
      default:
        return undefined;
    }
  };
  const read = content();
  return read && (read.text !== '' || read.attachments.length > 0) ? read : undefined;
}

/** A file is a link below its caption. Without a link it is told, with its name. */
function readFile(file: unknown): { text: string; attachments: string[] } {
  const link = readLink(pointed(file, '/url'));
  const caption = text(file, '/caption', '/description');
  if (link !== undefined) return { text: caption, attachments: [link] };
  const kind = kindOf(text(file, '/type')) ?? 'file';
  return { text: tagged(kind, text(file, '/fileName', '/filename', '/name'), caption), attachments: [] };
}

/**
 * A message of the contact, in respond.io's eyes. An id that breaks its rule belongs to nobody there.
 * https://respond.io/help/custom-channel/custom-channel
 */
function requests(message: ForDelivery, token: string, settings: RespondioSettings) {
  const { contact: contactId, ourId, receivedAt } = message;
  if (!CONTACT_ID.test(contactId)) return [];
  return splitText(withLinks(message), settings.maxLength, message.cuts).map((part, index) => {
    const event = {
      type: 'message',
      mId: index === 0 ? ourId : `${ourId}-${index + 1}`,
      // Milliseconds. Parts of one time would have no order.
      timestamp: receivedAt + index,
      message: { type: 'text', text: part },
    };
    return toWebhook(contactId, [event], token, settings);
  });
}

/** A receipt of a message that respond.io knows by the `mId` that it was answered. */
function report(
  { contact: contactId, ourId: mId }: Pick<ForDelivery, 'contact' | 'ourId'>,
  { ended: value, token, now: timestamp }: { ended: string; token: string; now: number },
  settings: RespondioSettings,
) {
  const failed = value === 'failed' ? { message: 'The receiver refused it.' } : {};
  const event = { type: 'message_status', mId, timestamp, status: { value, ...failed } };
  return toWebhook(contactId, [event], token, settings);
}

function toWebhook(
  contactId: string,
  events: object[],
  token: string,
  { baseUrl, channelId }: RespondioSettings,
) {
  return {
    method: 'POST' as const,
    url: `${baseUrl}/custom/channel/webhook/`,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ channelId, contactId, events }),
  };
}

/** By HTTP. What a success says is not documented, but it is no page: those come from a host that moved. */
function judge(reply: Reply, now: number): Delivery {
  const judged = judgeHttp(reply, now);
  if (judged.kind === 'delivered' && reply.kind === 'response' && /^\s*</.test(reply.body)) {
    return { kind: 'unknown', detail: 'a success, but a page and no answer of respond.io' };
  }
  return waitingAs(judged, 'channel');
}
