import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { proofsFor } from '../../../../operate/proofs.ts';
import type { Delivery } from '../../../../shared/channels/adapter.ts';
import type { Stage } from '../../../../shared/channels/receipt.ts';
import type { Reply } from '../../../../shared/http.ts';
import { verifyRequest } from '../../../../shared/incoming/verifiers.ts';
import {
  adapterOf,
  common,
  expectBitsToCount,
  expectSound,
  forDelivery,
  fuzzed,
  message,
  NOW,
  parsed,
  reply,
} from './support.ts';

const ACCOUNT = `AC${'a1'.repeat(16)}`;
const PUBLIC_URL = 'https://relay.example.com/channels/sms/incoming';
const SETTINGS = { adapter: 'twilio', accountSid: ACCOUNT, publicUrl: PUBLIC_URL };
const twilio = adapterOf(SETTINGS);

/** The parameters of https://www.twilio.com/docs/messaging/guides/webhook-request, as an object of the form's fields. */
const SMS = {
  ToCountry: 'US',
  SmsMessageSid: 'SM0123456789abcdef0123456789abcdef',
  NumMedia: '0',
  SmsSid: 'SM0123456789abcdef0123456789abcdef',
  SmsStatus: 'received',
  Body: 'Is it open on Friday?',
  FromCountry: 'US',
  To: '+15017122661',
  NumSegments: '1',
  MessageSid: 'SM0123456789abcdef0123456789abcdef',
  AccountSid: ACCOUNT,
  From: '+15558675310',
  ApiVersion: '2010-04-01',
};
const WHATSAPP = {
  ...SMS,
  From: 'whatsapp:+15558675310',
  To: 'whatsapp:+14155238886',
  ProfileName: 'Jane van der Berg',
  WaId: '15558675310',
  MessageType: 'text',
};

describe('a webhook of Twilio', () => {
  it('is a message of its sender, answered from the number it was written to', () => {
    expect(message(twilio, SMS)).toEqual({
      id: SMS.MessageSid,
      contact: '+15558675310',
      type: 'text',
      text: 'Is it open on Friday?',
      attachments: [],
      replyTo: '+15017122661',
    });
  });

  it('brings the name on WhatsApp, where the same person is another contact', () => {
    expect(message(twilio, WHATSAPP)).toMatchObject({
      contact: 'whatsapp:+15558675310',
      replyTo: 'whatsapp:+14155238886',
      firstName: 'Jane',
      lastName: 'van der Berg',
    });
  });

  it('brings files as links, in their order, and tells of one whose link is none', () => {
    const links = Array.from({ length: 11 }, (_, n) => `https://api.twilio.com/Media/ME${n}`);
    const media = Object.fromEntries(links.map((link, n) => [`MediaUrl${n}`, link]));
    const types = { MediaContentType11: 'image/jpeg' };
    const given = { ...SMS, Body: '', NumMedia: '12', ...media, MediaUrl11: 'ftp://x', ...types };
    expect(message(twilio, given)).toMatchObject({ text: '[photo]', attachments: links });
  });

  it.each<[string, object, string]>([
    ['a button', { Body: '', ButtonText: 'Yes', ButtonPayload: 'yes' }, 'Yes'],
    ['a text over several lines, as it stands', { Body: ' a\n\n b ' }, 'a\n\n b'],
    ['a forwarded text', { Body: 'Sale!', Forwarded: 'true' }, '[forwarded]\nSale!'],
    ['a text that is not forwarded', { Body: 'Sale!', Forwarded: 'false' }, 'Sale!'],
    ['a kind that we know', { Body: '', MessageType: 'sticker' }, '[sticker]'],
    ['a kind that we do not know', { Body: '', MessageType: 'hologram' }, '[unsupported]'],
    ['STOP, which the platform should know of', { Body: 'STOP', OptOutType: 'STOP' }, 'STOP'],
  ])('tells of %s', (_name, fields, text) => {
    expect(message(twilio, { ...WHATSAPP, ...fields })?.text).toBe(text);
  });

  it.each<[string, object, string]>([
    ['a message we sent', { MessageStatus: 'sending' }, 'the status of a message on its way'],
    ['one of another account', { MessageStatus: 'sent', AccountSid: 'AC1' }, 'of another account'],
    ['another account', { AccountSid: `AC${'0'.repeat(32)}` }, 'of another account'],
    ['nothing', { Body: ' ' }, 'neither text nor file'],
  ])('is ignored where it tells of %s', (_name, fields, why) => {
    expect(parsed(twilio, { ...SMS, ...fields })).toEqual({ kind: 'ignored', why });
  });

  /** https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks */
  const CALLBACK = { AccountSid: ACCOUNT, MessageSid: 'SM1', SmsSid: 'SM1', ApiVersion: '2010-04-01' };
  it.each<[string, object, Stage, string]>([
    ['is with the carrier', { MessageStatus: 'sent', SmsStatus: 'sent' }, 'sent', 'sent'],
    ['arrived', { MessageStatus: 'delivered', RawDlrDoneDate: '2211221205' }, 'delivered', 'delivered'],
    ['was read', { MessageStatus: 'read', EventType: 'READ' }, 'read', 'read'],
    [
      'did not arrive',
      { MessageStatus: 'undelivered', ErrorCode: '30003' },
      'failed',
      "undelivered, Twilio's error 30003",
    ],
    [
      'did not arrive, for a reason of nobody knows how many words',
      { MessageStatus: 'failed', ErrorCode: '30003'.repeat(10_000) },
      'failed',
      "failed, Twilio's error 3000330003",
    ],
    [
      'was refused by WhatsApp',
      {
        MessageStatus: 'failed',
        ErrorCode: '63016',
        ChannelStatusMessage: 'Outside the window of +15558675310',
      },
      'failed',
      "failed, Twilio's error 63016: Outside the window of (number)",
    ],
    [
      'is for somebody who wrote STOP',
      {
        MessageStatus: 'failed',
        ErrorCode: '21610',
        ErrorMessage: 'Attempt to send to unsubscribed recipient',
      },
      'failed',
      "failed, Twilio's error 21610: Attempt to send to unsubscribed recipient",
    ],
    [
      'as older accounts hear it',
      { SmsStatus: 'delivered', MessageSid: undefined },
      'delivered',
      'delivered',
    ],
  ])('tells of a message we sent that it %s', (_name, fields, stage, words) => {
    expect(parsed(twilio, { ...CALLBACK, ...fields })).toEqual({
      kind: 'receipts',
      receipts: [{ externalId: 'SM1', stage, words }],
    });
  });

  it('is kept aside where it is no message as Twilio describes it', () => {
    const { MessageSid: _, ...without } = SMS;
    const fault = 'not a message as Twilio describes it: MessageSid, Body';
    expect(parsed(twilio, { ...without, Body: ['a', 'b'] })).toEqual({ kind: 'fault', fault });
    expect(parsed(twilio, 'CallSid')).toMatchObject({ kind: 'fault' });
  });

  it('never brings out what the rest could not handle', () => {
    const full = {
      ...WHATSAPP,
      MediaUrl0: 'https://x.example/a',
      Latitude: '1',
      Longitude: '2',
      Forwarded: 'true',
    };
    for (const payload of [SMS, full, JSON.parse(twilio.sample({ id: '1', contact: '+1', text: 'x' }, NOW))])
      expect(expectSound(twilio, fuzzed(payload, 17)).fault).toBeGreaterThan(20);
  });

  it('is answered with TwiML that says nothing: plain text would be sent to the contact', () => {
    expect(twilio.accepted).toEqual({
      status: 200,
      contentType: 'text/xml',
      body: '<?xml version="1.0" encoding="UTF-8"?><Response></Response>',
    });
  });
});

describe('the signature of Twilio', () => {
  const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
  /** https://www.twilio.com/docs/usage/security#validating-requests */
  const EXAMPLE = {
    publicUrl: 'https://mycompany.com/myapp.php?foo=1&bar=2',
    body: 'CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212',
    signature: 'RSOYDt4T1cUTdK1PDd93/VVr8B8=',
  };
  const isIn = (body: string, signature: string, publicUrl: string, rawQuery = '') =>
    verifyRequest({
      verifiers: adapterOf({ ...SETTINGS, publicUrl }).verifiers,
      secrets: ['12345'],
      // The host is whatever a proxy, or a forger, writes there.
      headers: { ...FORM, 'x-twilio-signature': signature, host: '10.0.0.7' },
      query: {},
      rawQuery,
      body: Buffer.from(body),
      now: NOW,
    }).ok;

  it('is over the configured address and the sorted fields: the example of Twilio’s documentation', () => {
    const { body, signature, publicUrl } = EXAMPLE;
    expect(isIn(body, signature, publicUrl)).toBe(true);
    expect(isIn(body.split('&').toReversed().join('&'), signature, publicUrl)).toBe(true);
    expect(isIn(body.replace('Digits=1234', 'Digits=1235'), signature, publicUrl)).toBe(false);
    expect(isIn(`${body}&More=1`, signature, publicUrl)).toBe(false);
    expect(isIn(body, signature, 'https://mycompany.com/myapp.php?foo=1&bar=3')).toBe(false);
    const headers = { 'x-twilio-signature': signature };
    expectBitsToCount(adapterOf({ ...SETTINGS, publicUrl }), '12345', { headers, body, now: NOW });
  });

  it('is made by the relay for its own test message, whose body is JSON', () => {
    const body = Buffer.from(twilio.sample({ id: 'SM1', contact: '+15558675310', text: 'a+b & c=d' }, NOW));
    const headers = proofsFor(twilio.verifiers, { secret: '12345', body, now: NOW });
    expect(isIn(body.toString(), headers['x-twilio-signature'] ?? '', PUBLIC_URL)).toBe(true);
    expect(isIn(body.toString().replace('a+b', 'a-b'), headers['x-twilio-signature'] ?? '', PUBLIC_URL)).toBe(
      false,
    );
    expect(message(twilio, body)).toMatchObject({ contact: '+15558675310', text: 'a+b & c=d' });
  });

  it('is over the hash in the address where the body is no form, and the body must be of that hash', () => {
    const body = JSON.stringify(SMS);
    const rawQuery = `bodySHA256=${createHash('sha256').update(body).digest('hex')}`;
    const signature = createHmac('sha1', '12345').update(`${PUBLIC_URL}?${rawQuery}`).digest('base64');
    expect(isIn(body, signature, PUBLIC_URL, rawQuery)).toBe(true);
    expect(isIn(`${body} `, signature, PUBLIC_URL, rawQuery)).toBe(false);
    expect(isIn('{}', signature, PUBLIC_URL, rawQuery)).toBe(false);
    expect(isIn(body, signature, PUBLIC_URL)).toBe(false);
    // A signature over the address alone, as of a GET or of a form without fields, lets no body in that says anything.
    const bare = createHmac('sha1', '12345').update(PUBLIC_URL).digest('base64');
    expect(isIn(body, bare, PUBLIC_URL)).toBe(false);
    expect(isIn('', bare, PUBLIC_URL)).toBe(true);
    expect(parsed(twilio, '')).toMatchObject({ kind: 'fault' });
  });
});

describe('a delivery to Twilio', () => {
  const sent = (fields: object, settings = {}, token = 'auth-token') =>
    adapterOf({ ...SETTINGS, ...settings }).requests(
      forDelivery({ contact: '+15558675310', replyTo: '+15017122661', ...fields }),
      token,
    );
  const fieldsOf = (fields: object, settings = {}) =>
    sent(fields, settings).map(({ body }) => Object.fromEntries(new URLSearchParams(body)));
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

  it('is a message of the account, from the number that was written to', () => {
    expect(sent({ text: 'Yes & no' })).toEqual([
      {
        method: 'POST',
        url: `https://api.twilio.com/2010-04-01/Accounts/${ACCOUNT}/Messages.json`,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          authorization: basic(`${ACCOUNT}:auth-token`),
        },
        body:
          'To=%2B15558675310&From=%2B15017122661&Body=Yes+%26+no' +
          '&StatusCallback=https%3A%2F%2Frelay.example.com%2Fchannels%2Fsms%2Fincoming',
      },
    ]);
  });

  it('is proved by an API key as well', () => {
    const key = `SK${'0'.repeat(32)}:its-secret`;
    expect(sent({}, {}, `${key}\n`)[0]?.headers?.authorization).toBe(basic(key));
  });

  it('is from the configured sender for a contact who has not written, and nowhere without one', () => {
    expect(sent({ replyTo: undefined })).toEqual([]);
    const from = (sender: string) => fieldsOf({ replyTo: undefined, text: 'x' }, { sender });
    const rest = { Body: 'x', StatusCallback: PUBLIC_URL };
    expect(from('+15017122661')).toEqual([{ To: '+15558675310', From: '+15017122661', ...rest }]);
    const service = `MG${'0'.repeat(32)}`;
    expect(from(service)).toEqual([{ To: '+15558675310', MessagingServiceSid: service, ...rest }]);
  });

  it('holds 1,600 characters at most, with files as links, or as media in a message each', () => {
    const file = 'https://files.example.com/a.pdf';
    expect(fieldsOf({ text: 'x'.repeat(1_700) }).map(({ Body }) => Body?.length)).toEqual([1_600, 100]);
    expect(fieldsOf({ attachments: [file] })).toMatchObject([{ Body: `Hello\n${file}` }]);
    const media = fieldsOf({ attachments: [file, file] }, { files: 'media' });
    expect(media.map(({ Body, MediaUrl }) => Body ?? MediaUrl)).toEqual(['Hello', file, file]);
    expect(fieldsOf({ text: '', attachments: [file] }, { files: 'media' })).toHaveLength(1);
  });

  const error = (code: number, said: string, status = 400) =>
    reply(status, { code, message: said, more_info: `https://www.twilio.com/docs/errors/${code}`, status });
  it.each<[string, Reply, Delivery]>([
    ...common('channel'),
    [
      'it is taken',
      reply(201, { sid: 'SM1', num_segments: '3' }),
      { kind: 'delivered', externalId: 'SM1', note: '3 segments' },
    ],
    ['by a service', reply(201, { sid: 'SM1', num_segments: '0' }), { kind: 'delivered', externalId: 'SM1' }],
    [
      'nobody’s success',
      reply(200, '<html>'),
      { kind: 'unknown', detail: 'a success, but not an answer of Twilio' },
    ],
    [
      'the contact wrote STOP',
      error(21610, 'Attempt to send to unsubscribed recipient'),
      { kind: 'refused', detail: "Twilio's error 21610: Attempt to send to unsubscribed recipient" },
    ],
    [
      'a number that is none',
      error(21211, "The 'To' number +15558675310 is not a valid phone number."),
      {
        kind: 'refused',
        detail: "Twilio's error 21211: The 'To' number (number) is not a valid phone number.",
      },
    ],
    [
      'too many files, which no shorter text mends',
      error(21623, 'Number of media files exceeds allowed limit'),
      { kind: 'refused', detail: "Twilio's error 21623: Number of media files exceeds allowed limit" },
    ],
    [
      'too long',
      error(21617, 'The concatenated message body exceeds the 1600 character limit.'),
      { kind: 'too_long', maxLength: 1_600, detail: expect.stringContaining('21617') },
    ],
    [
      'too many requests',
      error(20429, 'Too Many Requests', 429),
      { kind: 'not_applied', detail: "Twilio's error 20429: Too Many Requests" },
    ],
    [
      'a full queue',
      error(21611, "This 'From' number has exceeded the maximum number of queued messages"),
      { kind: 'not_applied', detail: expect.stringContaining('21611') },
    ],
    [
      'a wrong token',
      error(20003, 'Authenticate', 401),
      { kind: 'not_applied', detail: "Twilio's error 20003: Authenticate" },
    ],
    [
      'no such account',
      error(20404, 'was not found', 404),
      { kind: 'not_applied', detail: "Twilio's error 20404: was not found" },
    ],
    [
      'a fault of theirs',
      error(20500, 'Internal Server Error', 500),
      { kind: 'unknown', detail: 'HTTP 500' },
    ],
  ])('is judged: %s', (_name, answer, delivery) => {
    expect(twilio.judge(answer, NOW)).toEqual(delivery);
  });
});
