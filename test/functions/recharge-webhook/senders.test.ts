import { createHmac } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { proofsFor } from '../../../operate/proofs.ts';
import type { GatewayEvent } from '../../../shared/incoming/request.ts';
import { verifierSchema } from '../../../shared/incoming/verifier-settings.ts';
import { signRequest } from '../../../shared/incoming/verifiers.ts';
import {
  answerOf,
  BODY,
  CREDITS_AS_SENT,
  EMAIL,
  NOW,
  notUnderstood,
  RECEIVED,
  SECRET,
  UNAUTHORIZED,
  useWebhook,
} from './receiving.ts';

const { store, aWebhook, quarantined, nothingHappened } = useWebhook();

describe('a body that is no JSON object, but says what it is', () => {
  const FORM = 'idempotency_key=key-1&email=jane%40example.com&credits=500&note=a+b';
  const form = { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' };

  it.each<[string, string | Buffer, Record<string, string>]>([
    ['a list of one', `[${BODY}]`, {}],
    ['a form', FORM, form],
    ['a form in a file that ends in a line feed', `${FORM.replace('&note=a+b', '')}\n`, form],
    ['a form whose type is in capitals', FORM, { 'content-type': 'Application/X-WWW-Form-Urlencoded' }],
    ['a form with a field twice alike', `${FORM}&credits=500`, form],
    ['a form whose only field holds JSON', `payload=${encodeURIComponent(BODY)}`, form],
    ['gzip', gzipSync(BODY), { 'content-encoding': 'gzip' }],
    ['a form in gzip', gzipSync(FORM), { ...form, 'Content-Encoding': 'X-GZIP' }],
    ['deflate', deflateSync(BODY), { 'content-encoding': 'deflate' }],
    ['brotli', brotliCompressSync(BODY), { 'content-encoding': 'br' }],
    ['what a gateway has unpacked, but not its header', BODY, { 'content-encoding': 'gzip' }],
    ['JSON under the type of a form', BODY, form],
  ])('is read where it is %s', async (_name, body, headers) => {
    const { send } = aWebhook();
    expect(await send(body, { headers, base64: true })).toEqual(RECEIVED);
    expect(await store().ledger.read('key-1')).toMatchObject({ email: EMAIL, credits: 500 });
  });

  it('is verified by a signature over the packed bytes, and by one over the unpacked', async () => {
    const body = gzipSync(BODY);
    const headers = { 'content-encoding': 'gzip' };
    expect(await aWebhook().send(body, { headers, base64: true })).toEqual(RECEIVED);
    const unpacked = signRequest({ secret: SECRET, body: Buffer.from(BODY), now: NOW });
    const before = { headers: { ...headers, ...unpacked }, secret: null, base64: true };
    expect((await aWebhook().send(body, before)).status).toBe(200);
    const of = signRequest({ secret: SECRET, body: Buffer.from(`${BODY} `), now: NOW });
    const another = { headers: { ...headers, ...of }, secret: null, base64: true };
    expect(await aWebhook().send(body, another)).toEqual(UNAUTHORIZED);
  });

  it.each<[string, string | Buffer, Record<string, string>, string]>([
    [
      'a form that does not say so',
      FORM,
      { 'content-type': 'text/plain' },
      'the body is not a JSON object in UTF-8',
    ],
    ['gzip that does not say so', gzipSync(BODY), {}, 'the body is not a JSON object in UTF-8'],
    ['gzip in gzip', gzipSync(gzipSync(BODY)), { 'content-encoding': 'gzip, gzip' }, 'is not a JSON object'],
    [
      'half of its gzip',
      gzipSync(BODY).subarray(0, -12),
      { 'content-encoding': 'gzip' },
      'is not a JSON object',
    ],
    [
      'a bomb, of which no more is unpacked than a webhook may hold',
      gzipSync(Buffer.alloc(40_000_000)),
      { 'content-encoding': 'gzip' },
      'unpacked, the body is larger than 65536 bytes',
    ],
    ['a form in which two clients have one name', `${FORM}&email=john%40example.com`, form, 'must be text'],
    ['a form that is not UTF-8', `${FORM}&x=%ff`, form, 'is not a JSON object'],
    ['a form with words for credits', FORM.replace('500', '5e2'), form, 'must be a whole number'],
    ['a form in which a member comes from its parents', '__proto__=x&constructor=y', form, 'must be text'],
  ])('is kept aside where it is %s', async (_name, body, headers, reason) => {
    const { send, alerts } = aWebhook();
    const answer = await send(body, { headers, base64: true });
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining(reason) } },
    });
    expect((await quarantined(body))?.body).toEqual(new Uint8Array(Buffer.from(body)));
    expect(alerts()).toEqual(['webhook_quarantined']);
    expect(await store().ledger.read('key-1')).toBeUndefined();
  });
});

describe('an event of another gateway', () => {
  const signature = signRequest({ secret: SECRET, body: Buffer.from(BODY), now: NOW });
  const receive = async (event: unknown) => answerOf(await aWebhook().handler(event as GatewayEvent));
  const restApi = {
    resource: '/webhooks/auto-recharge',
    path: '/webhooks/auto-recharge',
    httpMethod: 'POST',
    multiValueHeaders: null,
    queryStringParameters: null,
    multiValueQueryStringParameters: null,
    pathParameters: null,
    stageVariables: null,
    requestContext: { stage: 'prod' },
    body: BODY,
    isBase64Encoded: false,
  };

  it.each<[string, object]>([
    [
      'a REST API (version 1.0), its names as they were sent',
      { ...restApi, headers: { 'X-Webhook-Signature': signature['x-webhook-signature'] } },
    ],
    [
      'a REST API with lists of values',
      {
        ...restApi,
        headers: { 'X-Webhook-Token': 'the last one' },
        multiValueHeaders: { 'X-Webhook-Token': ['the last one', SECRET], Accept: null },
      },
    ],
    [
      'an emulator whose lists are empty',
      {
        ...restApi,
        headers: signature,
        multiValueHeaders: {},
        multiValueQueryStringParameters: {},
      },
    ],
    [
      'a REST API with the token in the address',
      { ...restApi, headers: null, queryStringParameters: { token: SECRET } },
    ],
    [
      'a load balancer, which undoes no escapes',
      {
        requestContext: { elb: {} },
        path: '/webhooks/auto-recharge',
        multiValueQueryStringParameters: { token: [encodeURIComponent(SECRET)] },
        body: Buffer.from(BODY).toString('base64'),
        isBase64Encoded: true,
      },
    ],
    [
      'a function URL',
      {
        version: '2.0',
        rawPath: '/',
        rawQueryString: '',
        headers: signature,
        body: BODY,
        isBase64Encoded: false,
      },
    ],
    ['one that writes null for the query', { headers: signature, queryStringParameters: null, body: BODY }],
    [
      'one that spells a name twice',
      { headers: { 'x-webhook-token': 'x', 'X-Webhook-Token': SECRET }, body: BODY },
    ],
  ])('is read: of %s', async (_name, event) => {
    expect(await receive(event)).toEqual(RECEIVED);
  });

  it.each<[string, object]>([
    ['nothing at all', {}],
    ['null for everything', { headers: null, queryStringParameters: null, body: null, rawQueryString: null }],
    ['a body that is no text', { headers: signature, body: { idempotency_key: 'key-1' } }],
    [
      'values that are no text',
      { headers: { 'x-webhook-token': 7, a: { b: 1 } }, queryStringParameters: { token: [1] } },
    ],
  ])('is refused with a sentence where it holds %s', async (_name, event) => {
    expect(await receive(event)).toEqual(UNAUTHORIZED);
    await nothingHappened();
  });
});

describe('the key in a header', () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const body = '{"email":"jane@example.com","credits":500}';
  const signed = (id = 'msg_1', prefix = 'webhook-') => ({
    secret: null,
    headers: {
      [`${prefix}id`]: id,
      [`${prefix}timestamp`]: String(Math.floor(NOW / 1_000)),
      [`${prefix}signature`]: new Webhook(secret).sign(id, new Date(NOW), body),
      'idempotency-key': 'evt_88',
    },
  });
  const standard = (recharge: Record<string, unknown>) =>
    aWebhook({
      recharge: { ...CREDITS_AS_SENT, verifiers: [{ type: 'standard-webhooks' }], ...recharge },
      secret: () => JSON.stringify({ webhook: [secret] }),
    });

  it('is the one the operator trusts, or the one that is signed, under either name', async () => {
    const trusting = standard({ keyHeader: 'idempotency-key', keyHeaderTrusted: true });
    expect((await trusting.send(body, signed())).body).toEqual({
      status: 'received',
      idempotency_key: 'evt_88',
    });
    const bySignature = standard({ keyHeader: 'webhook-id' });
    expect((await bySignature.send(body, signed())).body).toEqual({
      status: 'received',
      idempotency_key: 'msg_1',
    });
    const bySvix = standard({ keyHeader: 'svix-id' });
    expect((await bySvix.send(body, signed('msg_2', 'svix-'))).body).toEqual({
      status: 'received',
      idempotency_key: 'msg_2',
    });
  });

  it('is taken out of the quotes in which its draft has it', async () => {
    const { send } = standard({ keyHeader: 'idempotency-key', keyHeaderTrusted: true });
    const { headers, secret: none } = signed();
    const quoted = { ...headers, 'idempotency-key': '"evt_88"' };
    expect((await send(body, { secret: none, headers: quoted })).body).toMatchObject({
      idempotency_key: 'evt_88',
    });
    expect((await send(body, signed())).status).toBe(200);
  });

  it('is the signed one also where a gateway joined two of them', async () => {
    const { headers } = signed();
    const twice = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, `${value},${value}`]),
    );
    const { send } = standard({ keyHeader: 'webhook-id' });
    expect((await send(body, { secret: null, headers: twice })).body).toMatchObject({
      idempotency_key: 'msg_1',
    });
    expect((await send(body, signed())).status).toBe(200);
    const joined = { ...headers, 'webhook-id': 'msg_1,msg_2' };
    expect((await send(body, { secret: null, headers: joined })).status).toBe(200);
  });

  it('is not one that a repetition could change: kept aside, and read once the setting is there', async () => {
    const { send, alerts } = standard({ keyHeader: 'svix-id' });
    expect(await send(body, signed())).toEqual(
      notUnderstood(
        'the signature does not cover the idempotency key (header svix-id): recharge.keyHeaderTrusted is not set',
      ),
    );
    expect(alerts()).toEqual(['webhook_quarantined']);
    const kept = await quarantined(body);
    expect(kept?.headers).toMatchObject({ 'webhook-id': 'msg_1', 'idempotency-key': 'evt_88' });
    expect((await standard({ keyHeader: 'webhook-id' }).send(body, signed())).status).toBe(202);
  });

  it('is kept with what is kept aside, whatever its name looks like', async () => {
    const { send } = standard({ keyHeader: 'x-token-id', keyHeaderTrusted: true, creditsField: 'none' });
    await send(body, {
      ...signed(),
      headers: { ...signed().headers, 'X-Token-Id': 'k', 'x-other-token': 'k' },
    });
    const headers = Object(await quarantined(body)).headers;
    expect(headers).toHaveProperty('x-token-id', 'k');
    expect(headers).not.toHaveProperty('x-other-token');
  });
});

describe('what was kept aside', () => {
  const standard = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const body = '{"email":"jane@example.com","credits":"500"}';
  const packed = gzipSync(body);

  it('is read by a replay once the settings are there, under the key it came with', async () => {
    const verifiers = [{ type: 'standard-webhooks' }];
    const under = (recharge: Record<string, unknown>) =>
      aWebhook({
        recharge: { ...CREDITS_AS_SENT, verifiers, ...recharge },
        secret: () => JSON.stringify({ webhook: [standard] }),
      });
    const key = Buffer.from(standard.slice('whsec_'.length), 'base64');
    const signed = Buffer.concat([Buffer.from('msg_7.1767605400.'), packed]);
    const headers = {
      'content-encoding': 'gzip',
      'svix-id': 'msg_7',
      'svix-timestamp': '1767605400',
      'svix-signature': `v1,${createHmac('sha256', key).update(signed).digest('base64')}`,
    };
    expect((await under({}).send(packed, { secret: null, headers, base64: true })).status).toBe(400);
    const kept = await quarantined(packed);
    const keptHeaders: Record<string, string> = Object(kept?.headers);
    const keptBody = Buffer.from(Object(kept?.body));
    expect(keptHeaders).not.toHaveProperty('svix-signature');

    const replay = {
      secret: null,
      base64: true,
      headers: {
        ...keptHeaders,
        ...proofsFor(
          verifiers.map((verifier) => verifierSchema.parse(verifier)),
          { secret: standard, body: keptBody, headers: keptHeaders, now: NOW },
        ),
      },
    };
    expect((await under({}).send(keptBody, replay)).status).toBe(400);
    const mended = under({ keyHeader: 'svix-id', creditsAsText: true });
    expect((await mended.send(keptBody, replay)).body).toEqual({
      status: 'received',
      idempotency_key: 'msg_7',
    });
    // The sender's own repetition is the same recharge.
    expect((await mended.send(packed, { secret: null, headers, base64: true })).status).toBe(200);
  });
});
