import * as z from 'zod/mini';
import { type Reply, readJson } from '../../http.ts';
import type { Verifier } from '../../incoming/verifier-settings.ts';
import type { Adapter, Delivery, ForDelivery, Parsed } from '../adapter.ts';
import type { Stage } from '../receipt.ts';
import { kindOf, tagged, told, words } from './beside.ts';
import { judgeHttp, reasoned, waitingAs } from './judging.ts';
import { NOT_JSON, readId, readLink, readPayload, readPerson, readText } from './reading.ts';
import type { TwilioSettings } from './settings.ts';
import { splitText, withLinks } from './text.ts';

/** https://www.twilio.com/docs/errors/21617: a message has at most so many characters. */
const MAX_LENGTH = 1_600;

/** It has no verb in it, so Twilio sends nothing. Plain text would be sent to the contact. https://www.twilio.com/docs/messaging/twiml */
const EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>';

/** https://www.twilio.com/docs/messaging/guides/webhook-request */
const id = z.pipe(z.transform(readId), z.string());
const messageSchema = z.looseObject({
  MessageSid: id,
  From: id,
  To: id,
  Body: z.pipe(z.transform(readText), z.string()),
});
type TwilioMessage = z.infer<typeof messageSchema>;

export function createTwilioAdapter(settings: TwilioSettings): Adapter {
  const { accountSid, publicUrl } = settings;
  return {
    verifiers: [verifierOf(publicUrl)],
    parse: ({ body }) => parse(body, accountSid),
    needsToken: true,
    maxLength: MAX_LENGTH,
    place: ({ contact }) => contact,
    accepted: { status: 200, body: EMPTY_TWIML, contentType: 'text/xml' },
    reportsDelivery: true,
    requests: (message, token) => requests(message, token, settings),
    judge,
    sample: ({ id: MessageSid, contact, text }) =>
      JSON.stringify({
        MessageSid,
        AccountSid: accountSid,
        From: contact,
        // No number of ours: the platform's answer to the test must not reach anybody.
        To: 'relay-test',
        Body: text,
        NumMedia: '0',
        SmsStatus: 'received',
      }),
  };
}

/** https://www.twilio.com/docs/usage/webhooks/webhooks-security. No time is signed: a repetition is known by its `MessageSid`. */
function verifierOf(url: string): Verifier {
  const signature = { header: 'x-twilio-signature', encoding: 'base64', prefix: '' } as const;
  // The verifier's form has it. No time is signed, so it counts for nothing.
  const toleranceSeconds = 300;
  return { type: 'hmac', ...signature, algorithm: 'sha1', signs: '{url}{form}', url, toleranceSeconds };
}

function parse(body: Buffer, accountSid: string): Parsed {
  const payload = readPayload(body);
  if (payload === undefined) return NOT_JSON;
  const fields = new Map<string, unknown>(Object.entries(payload));
  const status = fields.get('MessageStatus') ?? fields.get('SmsStatus') ?? 'received';
  const account = fields.get('AccountSid');
  if (typeof account === 'string' && account !== accountSid) {
    return { kind: 'ignored', why: 'of another account' };
  }
  if (typeof status === 'string' && status !== 'received' && status !== 'receiving') {
    return readReceipt(fields, status);
  }
  const read = messageSchema.safeParse(payload);
  if (!read.success) {
    const places = read.error.issues.map(({ path }) => path.join('.'));
    return { kind: 'fault', fault: `not a message as Twilio describes it: ${places.join(', ')}` };
  }
  return readMessage(read.data);
}

/**
 * https://www.twilio.com/docs/messaging/api/message-resource#message-status-values; what is not here is on its way to
 * one of these. SMS has no `read`.
 */
const STAGE_OF = new Map<string, Stage>([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['undelivered', 'failed'],
  ['failed', 'failed'],
  ['canceled', 'failed'],
]);

/** Twilio's errors have five digits. What somebody else puts there must not fill a row. */
const MAX_CODE_LENGTH = 10;

/**
 * A status callback, of a message that we sent: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status.
 * It gives the number of an error; on WhatsApp also the words of whoever carries the message.
 */
function readReceipt(fields: Map<string, unknown>, status: string): Parsed {
  const stage = STAGE_OF.get(status);
  if (stage === undefined) return { kind: 'ignored', why: 'the status of a message on its way' };
  const externalId = readId(fields.get('MessageSid') ?? fields.get('SmsSid'));
  if (externalId === undefined) return { kind: 'fault', fault: 'a status without a MessageSid' };
  const code = words(fields.get('ErrorCode')).slice(0, MAX_CODE_LENGTH);
  const said = reasoned(
    code === '' ? status : `${status}, Twilio's error ${code}`,
    words(fields.get('ErrorMessage')) || words(fields.get('ChannelStatusMessage')),
  );
  return { kind: 'receipts', receipts: [{ externalId, stage, words: said }] };
}

/**
 * A contact is an address as Twilio has it, `+15551234567` or `whatsapp:+15551234567`: the same person is another contact
 * on WhatsApp. Replies come from the address that was written to.
 */
function readMessage(message: TwilioMessage): Parsed {
  const { MessageSid, From, To, ProfileName } = message;
  const { text, attachments } = contentOf(message);
  if (text === '' && attachments.length === 0) return { kind: 'ignored', why: 'neither text nor file' };
  const [firstName, ...names] = typeof ProfileName === 'string' ? ProfileName.trim().split(/\s+/) : [];
  const read = {
    id: MessageSid,
    contact: From,
    type: 'text' as const,
    text,
    attachments,
    ...readPerson({ firstName, lastName: names.join(' ') }),
    replyTo: To,
  };
  return { kind: 'messages', messages: [read] };
}

/** Twilio says that a message was forwarded, and not whose it was. A message that is answered is named by its number only. */
function contentOf(message: TwilioMessage) {
  const files = filesOf(message);
  const { Latitude: latitude, Longitude: longitude, Label: name, Address: address } = message;
  const isForwarded = [message.Forwarded, message.FrequentlyForwarded].some((said) => words(said) === 'true');
  const page = [message.ReferralHeadline, message.ReferralBody, message.ReferralSourceUrl];
  const lines = [
    ...told('forwarded', isForwarded),
    message.Body.trim() === '' ? words(message.ButtonText) : message.Body,
    ...(words(latitude) === '' ? [] : told('location', { name, address, latitude, longitude })),
    ...(page.some((part) => words(part) !== '') ? [tagged('shared', ...page)] : []),
    ...files.flatMap(({ link, type }) => (link === undefined ? [tagged(kindOfFile(type))] : [])),
  ];
  const attachments = files.flatMap(({ link }) => link ?? []);
  const text = lines
    .filter((line) => line.trim() !== '')
    .join('\n')
    .trim();
  const type = words(message.MessageType);
  const isOfNoText = type !== '' && type !== 'text' && text === '' && attachments.length === 0;
  return { text: isOfNoText ? tagged(kindOf(type) ?? 'unsupported') : text, attachments };
}

/** `MediaUrl0`, `MediaUrl1` … in the order of their numbers. A message has ten at most. */
function filesOf(message: TwilioMessage): { link: string | undefined; type: string }[] {
  return Object.keys(message)
    .flatMap((name) => /^MediaUrl(\d{1,2})$/.exec(name)?.[1] ?? [])
    .toSorted((a, b) => Number(a) - Number(b))
    .map((number) => ({
      link: readLink(message[`MediaUrl${number}`]),
      type: words(message[`MediaContentType${number}`]),
    }));
}

/** `image/jpeg` → photo. */
const kindOfFile = (contentType: string) => kindOf(contentType.split('/', 1)[0] ?? '') ?? 'file';

/** https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource */
function requests(message: ForDelivery, token: string, settings: TwilioSettings) {
  const { accountSid, apiUrl, files, publicUrl: StatusCallback } = settings;
  const sender = message.replyTo ?? settings.sender;
  if (sender === undefined) return [];
  const from = { [/^MG[0-9a-f]{32}$/.test(sender) ? 'MessagingServiceSid' : 'From']: sender };
  const isMedia = files === 'media';
  const parts = [
    ...splitText(isMedia ? message.text : withLinks(message), MAX_LENGTH, message.cuts)
      .filter((text) => text !== '')
      .map((text) => ({ Body: text })),
    // One each: that is all that a WhatsApp message takes. https://www.twilio.com/docs/whatsapp/guidance-whatsapp-media-messages
    ...(isMedia ? message.attachments.map((url) => ({ MediaUrl: url })) : []),
  ];
  return parts.map((part) => ({
    method: 'POST' as const,
    url: `${apiUrl}/2010-04-01/Accounts/${accountSid}/Messages.json`,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(credentials(token, accountSid)).toString('base64')}`,
    },
    // What is said here counts before what a number or a Messaging Service is set to.
    body: new URLSearchParams({ To: message.contact, ...from, ...part, StatusCallback }).toString(),
  }));
}

/** The account's auth token, or an API key and its secret: `SK…:secret`. https://www.twilio.com/docs/usage/requests-to-twilio */
function credentials(token: string, accountSid: string): string {
  const given = token.trim();
  return /^SK[0-9a-f]{32}:/.test(given) ? given : `${accountSid}:${given}`;
}

const takenSchema = z.object({
  sid: z.string().check(z.minLength(1), z.maxLength(255)),
  /** 0 where a Messaging Service has yet to choose the number. */
  num_segments: z.optional(z.unknown()),
});
const errorSchema = z.object({ code: z.int(), message: z.string() });

/** https://www.twilio.com/docs/errors/21617 */
const TOO_LONG = 21617;
/**
 * About what is full or shut for now: too many replies between two numbers (14107), too many requests (20429), the
 * sender's queue is full (21611). https://www.twilio.com/docs/api/errors
 */
const NOT_NOW = [14107, 20429, 21611];

/**
 * By HTTP, and by Twilio's own number where its answer is a refusal. Among those is 21610: the contact wrote STOP, and gets
 * nothing until START. Twilio keeps that list itself, and sends nothing. https://www.twilio.com/docs/errors/21610
 */
function judge(reply: Reply, now: number): Delivery {
  const answer = reply.kind === 'response' ? readJson(reply.body) : undefined;
  const judged = judgeHttp(reply, now);
  if (judged.kind === 'delivered') return taken(answer);
  const said = errorSchema.safeParse(answer).data;
  // A server that failed, or was asked twice, may have sent the message all the same, whatever it says.
  if (said === undefined || judged.kind === 'unknown') return waitingAs(judged, 'channel');
  const detail = reasoned(`Twilio's error ${said.code}`, said.message);
  if (NOT_NOW.includes(said.code) || judged.kind === 'not_applied') {
    const asked = 'retryAfterMs' in judged ? { retryAfterMs: judged.retryAfterMs } : {};
    return waitingAs({ kind: 'not_applied', detail, ...asked }, 'channel');
  }
  return said.code === TOO_LONG
    ? { kind: 'too_long', detail, maxLength: MAX_LENGTH }
    : { kind: 'refused', detail };
}

function taken(answer: unknown): Delivery {
  const { data } = takenSchema.safeParse(answer);
  if (data === undefined) return { kind: 'unknown', detail: 'a success, but not an answer of Twilio' };
  const segments = Number(data.num_segments);
  const note = segments === 1 ? '1 segment' : `${segments} segments`;
  const isKnown = Number.isSafeInteger(segments) && segments > 0;
  return { kind: 'delivered', externalId: data.sid, ...(isKnown ? { note } : {}) };
}
