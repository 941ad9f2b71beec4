import { createHmac } from 'node:crypto';
import { type Answer, json } from '../server.ts';
import { type Dialect, hexOf, numberOf } from './dialect.ts';

const ACCOUNT = `AC${'0'.repeat(32)}`;
/** Ours, which contacts write to. */
const NUMBER = '+14155238886';

/** As Twilio knows the relay. The way from there to this machine is a tunnel that is not tried here. */
const PUBLIC_URL = 'https://relay.example.com/channels/sandbox/incoming';

/** https://www.twilio.com/docs/api/errors */
const refuse = (status: number, code: number, message: string): Answer =>
  json(status, { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status });

/** https://www.twilio.com/docs/errors/21617 */
const MAX_LENGTH = 1_600;

const OPTED_OUT = refuse(400, 21610, 'Attempt to send to unsubscribed recipient');
const refusals = {
  unauthorized: refuse(401, 20003, 'Authenticate'),
  forbidden: refuse(403, 20403, 'Forbidden'),
  not_found: refuse(400, 21211, "The 'To' number is not a valid phone number."),
  invalid: refuse(400, 21602, 'Message body is required.'),
  error: refuse(500, 20500, 'Internal Server Error'),
};

const sidOf = (id: string) => `SM${hexOf(id, 32)}`;

/** https://www.twilio.com/docs/usage/webhooks/webhooks-security: over the address and the fields in their order. */
function signed(url: string, fields: Record<string, string>, secret: string) {
  const names = Object.keys(fields).toSorted();
  const text = url + names.map((name) => name + fields[name]).join('');
  return {
    headers: {
      'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
      'x-twilio-signature': createHmac('sha1', secret).update(text).digest('base64'),
    },
    body: new URLSearchParams(fields).toString(),
  };
}

/** https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding */
const GSM_7 = /^[@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà^{}\\[~\]|€]*$/;
/** These take the place of two. */
const EXTENDED = /[\^{}\\[~\]|€]/g;

/**
 * GSM-7 holds 160 characters in one segment and 153 in each of several, UCS-2 70 and 67.
 * https://www.twilio.com/docs/glossary/what-sms-character-limit
 */
function segmentsOf(text: string): number {
  const isGsm = GSM_7.test(text);
  const [one, each] = isGsm ? [160, 153] : [70, 67];
  const length = isGsm ? text.replaceAll(EXTENDED, '..').length : text.length;
  return length <= one ? 1 : Math.ceil(length / each);
}

/** https://help.twilio.com/articles/223134027: Twilio's own words, of SMS. */
const STOPS = ['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'REVOKE', 'OPTOUT'];
const STARTS = ['START', 'YES', 'UNSTOP'];

/** Twilio's words for the same. */
const STATUSES: Record<string, string> = { failed: 'undelivered' };

/** An account of Twilio with one number, for SMS and WhatsApp. https://www.twilio.com/docs/messaging */
export const twilioDialect: Dialect = {
  name: 'Twilio',
  settings: (chatUrl) => ({
    adapter: 'twilio',
    accountSid: ACCOUNT,
    publicUrl: PUBLIC_URL,
    apiUrl: chatUrl,
  }),
  addressOf(person) {
    const isNumber = /^(whatsapp:)?\+\d{7,15}$/.test(person);
    const contact = isNumber ? person : `+1555${String(numberOf(person, 7)).padStart(7, '0')}`;
    return { contact, place: contact };
  },
  reachesStrangers: true,
  dedupes: false,
  /** https://www.twilio.com/docs/messaging/guides/webhook-request */
  writes({ id, name, text, attachments = [] }, { secret, address }) {
    const isWhatsApp = address.contact.startsWith('whatsapp:');
    const files = attachments.flatMap((link, index) => [
      [`MediaUrl${index}`, link],
      [`MediaContentType${index}`, 'application/octet-stream'],
    ]);
    const fields: Record<string, string> = {
      ToCountry: 'US',
      SmsMessageSid: sidOf(id),
      SmsSid: sidOf(id),
      MessageSid: sidOf(id),
      AccountSid: ACCOUNT,
      ApiVersion: '2010-04-01',
      SmsStatus: 'received',
      NumSegments: String(segmentsOf(text)),
      NumMedia: String(attachments.length),
      From: address.contact,
      To: isWhatsApp ? `whatsapp:${NUMBER}` : NUMBER,
      Body: text,
      ...(isWhatsApp ? { ProfileName: name, WaId: address.contact.replace(/\D/g, '') } : {}),
      ...Object.fromEntries(files),
    };
    return signed(PUBLIC_URL, fields, secret);
  },
  /** https://www.twilio.com/docs/messaging/guides/track-outbound-message-status */
  reports({ status, error }, { id, statusUrl = PUBLIC_URL }, { secret, address }) {
    const word = STATUSES[status] ?? status;
    const fields: Record<string, string> = {
      SmsSid: sidOf(id),
      SmsStatus: word,
      MessageStatus: word,
      To: address.contact,
      From: address.contact.startsWith('whatsapp:') ? `whatsapp:${NUMBER}` : NUMBER,
      MessageSid: sidOf(id),
      AccountSid: ACCOUNT,
      ApiVersion: '2010-04-01',
      ...(error === undefined ? {} : { ErrorCode: error }),
    };
    const wire = signed(statusUrl, fields, secret);
    // Behind the tunnel, its address is the relay's here.
    if (statusUrl.startsWith(PUBLIC_URL)) return { ...wire, behind: statusUrl.slice(PUBLIC_URL.length) };
    return { ...wire, url: statusUrl };
  },
  routes: [`POST /2010-04-01/Accounts/${ACCOUNT}/Messages.json`],
  read({ headers, body }, token) {
    const refused = (answer: Answer) => ({ kind: 'refused' as const, answer });
    const proof = Buffer.from(`${ACCOUNT}:${token}`).toString('base64');
    if (headers.authorization !== `Basic ${proof}`) return refused(refusals.unauthorized);
    const fields = new URLSearchParams(body);
    const [to, text, media] = [fields.get('To'), fields.get('Body') ?? '', fields.getAll('MediaUrl')];
    if (!to) return refused(refuse(400, 21604, "A 'To' phone number is required."));
    if (!/^(whatsapp:)?\+\d{7,15}$/.test(to)) return refused(refusals.not_found);
    if (!fields.get('From') && !fields.get('MessagingServiceSid')) {
      return refused(refuse(400, 21603, "A 'From' phone number is required."));
    }
    if (text === '' && media.length === 0) return refused(refusals.invalid);
    if (text.length > MAX_LENGTH) {
      return refused(
        refuse(400, 21617, `The concatenated message body exceeds the ${MAX_LENGTH} character limit.`),
      );
    }
    const statusUrl = fields.get('StatusCallback');
    return {
      kind: 'message',
      place: to,
      text,
      ...(media.length === 0 ? {} : { attachments: media }),
      ...(statusUrl ? { statusUrl } : {}),
    };
  },
  /** https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource */
  taken: ({ id, at, text, attachments = [] }, { place }) =>
    json(201, {
      sid: sidOf(id),
      account_sid: ACCOUNT,
      api_version: '2010-04-01',
      body: text,
      date_created: new Date(at).toUTCString(),
      direction: 'outbound-api',
      error_code: null,
      error_message: null,
      from: NUMBER,
      num_media: String(attachments.length),
      num_segments: String(segmentsOf(text)),
      status: 'queued',
      to: place,
    }),
  refusals,
  limited: () => refuse(429, 20429, 'Too Many Requests'),
  own: { opted_out: () => OPTED_OUT },
  consent({ contact, text }) {
    // On WhatsApp, only a Messaging Service with Advanced Opt-Out keeps such a list.
    if (contact.startsWith('whatsapp:')) return undefined;
    const word = text.trim().toUpperCase();
    if (STOPS.includes(word)) return 'stop';
    return STARTS.includes(word) ? 'start' : undefined;
  },
};
