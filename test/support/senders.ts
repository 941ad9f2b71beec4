import { createHmac } from 'node:crypto';
import type * as z from 'zod';
import type { verifierSchema } from '../../shared/incoming/verifier-settings.ts';

/** One delivery as a sender makes it, and the settings that let it in. */
export interface SenderCase {
  verifier: z.input<typeof verifierSchema>;
  secret: string;
  headers: Record<string, string>;
  query?: Record<string, string>;
  rawQuery?: string;
  body: string;
  /** Unix milliseconds. */
  now: number;
}

/** 2026-01-05, 09:30 UTC. */
const SECONDS = '1767605400';
const NOW = 1_767_605_400_123;
const SECRET = 'tv7Xq0+aR9/zKf3m==';
const URL = 'https://hooks.example.com/webhooks/auto-recharge';
const BODY = '{"id":448812,"email":"client-001@example.com","credits":500,"name":"Zoë"}';
const FORM = 'From=%2B491234&Body=Hi+there%21&SmsSid=SM1&Body=Hi+there%21';

const hmac = (signed: string, encoding: 'hex' | 'base64' = 'hex', algorithm = 'sha256') =>
  createHmac(algorithm, SECRET).update(signed).digest(encoding);
const sent = { secret: SECRET, body: BODY, now: NOW };

/**
 * What senders really send. The signatures of the first ones are published by those who make them; those of the others
 * are made here, by what their documentation says is signed.
 */
export const SENDERS: Record<string, SenderCase> = {
  'GitHub, its published example': {
    verifier: { type: 'hmac', header: 'x-hub-signature-256', prefix: 'sha256=' },
    secret: "It's a Secret to Everybody",
    headers: {
      'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    },
    body: 'Hello, World!',
    now: NOW,
  },
  'Slack, its published example': {
    verifier: {
      type: 'hmac',
      header: 'x-slack-signature',
      prefix: 'v0=',
      signs: 'v0:{timestamp}:{body}',
      timestampHeader: 'x-slack-request-timestamp',
    },
    secret: '8f742231b10e8888abcd99yyyzzz85a5',
    headers: {
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
      'x-slack-request-timestamp': '1531420618',
    },
    body:
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&' +
      'channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&' +
      'response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F' +
      '96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
    now: 1_531_420_618_000,
  },
  'Twilio, its published example': {
    verifier: {
      type: 'hmac',
      header: 'x-twilio-signature',
      algorithm: 'sha1',
      encoding: 'base64',
      signs: '{url}{form}',
      url: 'https://mycompany.com/myapp.php?foo=1&bar=2',
    },
    secret: '12345',
    headers: {
      'x-twilio-signature': 'RSOYDt4T1cUTdK1PDd93/VVr8B8=',
      'content-type': 'application/x-www-form-urlencoded',
      host: 'mycompany.com',
    },
    query: { foo: '1', bar: '2' },
    rawQuery: 'foo=1&bar=2',
    body: 'To=%2B18005551212&CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309',
    now: NOW,
  },
  // https://github.com/twilio/twilio-go/blob/main/client/request_validator_test.go
  'Twilio, its published example of a body that is no form': {
    verifier: {
      type: 'hmac',
      header: 'x-twilio-signature',
      algorithm: 'sha1',
      encoding: 'base64',
      signs: '{url}{form}',
      url: 'https://mycompany.com/myapp.php',
    },
    secret: '12345',
    headers: { 'x-twilio-signature': 'y77kIzt2vzLz71DgmJGsen2scGs=', 'content-type': 'application/json' },
    query: { bodySHA256: '0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620' },
    rawQuery: 'bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620',
    body: '{"property": "value", "boolean": true}',
    now: NOW,
  },
  'Svix, the published example of Standard Webhooks': {
    verifier: { type: 'standard-webhooks' },
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    headers: {
      'svix-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'svix-timestamp': '1614265330',
      'svix-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
    body: '{"test": 2432232314}',
    now: 1_614_265_330_000,
  },
  'a sender that calls the Standard Webhooks otherwise': {
    verifier: { type: 'standard-webhooks', headerPrefix: 'x-acme-' },
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    headers: {
      'x-acme-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'x-acme-timestamp': '1614265330',
      'x-acme-signature': 'v1a,c2lnbmF0dXJl v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
    body: '{"test": 2432232314}',
    now: 1_614_265_330_000,
  },
  'Stripe, with a part of its old scheme': {
    ...sent,
    verifier: {
      type: 'hmac',
      header: 'stripe-signature',
      prefix: 'v1=',
      signs: '{timestamp}.{body}',
      timestampHeader: 'stripe-signature',
    },
    headers: { 'stripe-signature': `t=${SECONDS},v1=${hmac(`${SECONDS}.${BODY}`)},v0=${'6'.repeat(64)}` },
  },
  'Stripe, while its secret is changed': {
    ...sent,
    verifier: {
      type: 'hmac',
      header: 'stripe-signature',
      prefix: 'v1=',
      signs: '{timestamp}.{body}',
      timestampHeader: 'stripe-signature',
    },
    headers: { 'stripe-signature': `t=${SECONDS},v1=${'6'.repeat(64)},v1=${hmac(`${SECONDS}.${BODY}`)}` },
  },
  'Persona, with a whole set for each secret': {
    ...sent,
    verifier: {
      type: 'hmac',
      header: 'persona-signature',
      prefix: 'v1=',
      signs: '{timestamp}.{body}',
      timestampHeader: 'persona-signature',
    },
    headers: {
      'persona-signature': `t=${SECONDS},v1=${'6'.repeat(64)} t=${SECONDS},v1=${hmac(`${SECONDS}.${BODY}`)}`,
    },
  },
  'Paddle, with semicolons and a colon': {
    ...sent,
    verifier: {
      type: 'hmac',
      header: 'paddle-signature',
      prefix: 'h1=',
      signs: '{timestamp}:{body}',
      timestampHeader: 'paddle-signature',
    },
    headers: { 'paddle-signature': `ts=${SECONDS};h1=${hmac(`${SECONDS}:${BODY}`)}` },
  },
  'parts in another order, and in milliseconds under a name of its own': {
    ...sent,
    verifier: {
      type: 'hmac',
      header: 'x-signature',
      prefix: 's=',
      signs: '{timestamp}.{body}',
      timestampHeader: 'x-signature',
      timestampPrefix: 'sent-at=',
    },
    headers: {
      'x-signature': `alg=hmac, s=${hmac(`1767605400001.${BODY}`)}, kid=7, sent-at=1767605400001`,
    },
  },
  'parts with colons, between bars': {
    ...sent,
    verifier: {
      type: 'hmac',
      header: 'x-signature',
      encoding: 'base64',
      prefix: 'sig:',
      signs: '{timestamp}|{body}',
      timestampHeader: 'x-signature',
      timestampPrefix: 't:',
    },
    headers: { 'x-signature': `t:${SECONDS}|sig:${hmac(`${SECONDS}|${BODY}`, 'base64')}` },
  },
  'PagerDuty, with several signatures': {
    ...sent,
    verifier: { type: 'hmac', header: 'x-pagerduty-signature', prefix: 'v1=' },
    headers: { 'x-pagerduty-signature': `v1=${'6'.repeat(64)},v1=${hmac(BODY)}` },
  },
  'Shopify, in base64': {
    ...sent,
    verifier: { type: 'hmac', header: 'x-shopify-hmac-sha256', encoding: 'base64' },
    headers: { 'x-shopify-hmac-sha256': hmac(BODY, 'base64') },
  },
  'Typeform, in base64 behind a prefix': {
    ...sent,
    verifier: { type: 'hmac', header: 'typeform-signature', encoding: 'base64', prefix: 'sha256=' },
    headers: { 'typeform-signature': `sha256=${hmac(BODY, 'base64')}` },
  },
  'Paystack, with SHA-512': {
    ...sent,
    verifier: { type: 'hmac', header: 'x-paystack-signature', algorithm: 'sha512' },
    headers: { 'x-paystack-signature': hmac(BODY, 'hex', 'sha512') },
  },
  'Intercom, with SHA-1': {
    ...sent,
    verifier: { type: 'hmac', header: 'x-hub-signature', algorithm: 'sha1', prefix: 'sha1=' },
    headers: { 'x-hub-signature': `sha1=${hmac(BODY, 'hex', 'sha1')}` },
  },
  'Zoom, as Slack under names of its own': {
    ...sent,
    verifier: {
      type: 'hmac',
      header: 'x-zm-signature',
      prefix: 'v0=',
      signs: 'v0:{timestamp}:{body}',
      timestampHeader: 'x-zm-request-timestamp',
    },
    headers: {
      'x-zm-signature': `v0=${hmac(`v0:${SECONDS}:${BODY}`)}`,
      'x-zm-request-timestamp': SECONDS,
    },
  },
  'Zendesk, with an ISO date and nothing between': {
    ...sent,
    verifier: {
      type: 'hmac',
      header: 'x-zendesk-webhook-signature',
      encoding: 'base64',
      signs: '{timestamp}{body}',
      timestampHeader: 'x-zendesk-webhook-signature-timestamp',
    },
    headers: {
      'x-zendesk-webhook-signature': hmac(`2026-01-05T09:30:00Z${BODY}`, 'base64'),
      'x-zendesk-webhook-signature-timestamp': '2026-01-05T09:30:00Z',
    },
  },
  'Webflow, in milliseconds': {
    ...sent,
    verifier: {
      type: 'hmac',
      header: 'x-webflow-signature',
      signs: '{timestamp}:{body}',
      timestampHeader: 'x-webflow-timestamp',
    },
    headers: {
      'x-webflow-signature': hmac(`1767605400001:${BODY}`),
      'x-webflow-timestamp': '1767605400001',
    },
  },
  'HubSpot, with method and address before the body and the time behind it': {
    ...sent,
    verifier: {
      type: 'hmac',
      header: 'x-hubspot-signature-v3',
      encoding: 'base64',
      signs: 'POST{url}{body}{timestamp}',
      timestampHeader: 'x-hubspot-request-timestamp',
      url: URL,
    },
    headers: {
      'x-hubspot-signature-v3': hmac(`POST${URL}${BODY}1767605400001`, 'base64'),
      'x-hubspot-request-timestamp': '1767605400001',
      host: 'hooks.example.com',
    },
  },
  'Square, with the address before the body': {
    ...sent,
    verifier: {
      type: 'hmac',
      header: 'x-square-hmacsha256-signature',
      encoding: 'base64',
      signs: '{url}{body}',
      url: URL,
    },
    headers: {
      'x-square-hmacsha256-signature': hmac(`${URL}${BODY}`, 'base64'),
      host: 'hooks.example.com',
    },
  },
  'Twilio, with a query and a field twice': {
    ...sent,
    verifier: {
      type: 'hmac',
      header: 'x-twilio-signature',
      algorithm: 'sha1',
      encoding: 'base64',
      signs: '{url}{form}',
      url: URL,
    },
    headers: {
      'x-twilio-signature': hmac(`${URL}?brand=a%20bBodyHi there!From+491234SmsSidSM1`, 'base64', 'sha1'),
      'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
      host: 'hooks.example.com',
    },
    query: { brand: 'a b' },
    rawQuery: 'brand=a%20b',
    body: FORM,
  },
  'an id, a time and the body, in hex under names of its own': {
    ...sent,
    verifier: {
      type: 'hmac',
      header: 'x-signature',
      signs: '{id}.{timestamp}.{body}',
      timestampHeader: 'x-request-timestamp',
      idHeader: 'x-event-id',
    },
    headers: {
      'x-signature': hmac(`evt_1.${SECONDS}.${BODY}`),
      'x-event-id': 'evt_1',
      'x-request-timestamp': SECONDS,
    },
  },
  'the secret itself, pasted into the address': {
    ...sent,
    verifier: { type: 'token' },
    headers: {},
    query: { token: 'tv7Xq0 aR9/zKf3m==' },
    rawQuery: 'token=tv7Xq0+aR9/zKf3m==',
  },
  'the secret itself as a bearer': {
    ...sent,
    verifier: { type: 'token', header: 'authorization', prefix: 'Bearer ' },
    headers: { authorization: `Bearer ${SECRET}` },
  },
};
