import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { Webhook } from 'standardwebhooks';
import { beforeEach } from 'vitest';
import { channelWebhookDeps } from '../../../functions/channel-webhook/deps.ts';
import { createChannelWebhookHandler } from '../../../functions/channel-webhook/handler.ts';
import { rechargeWebhookDeps } from '../../../functions/recharge-webhook/deps.ts';
import { createRechargeWebhookHandler } from '../../../functions/recharge-webhook/handler.ts';
import { createQueue } from '../../../local/engines.ts';
import { createSqsMessageQueue } from '../../../shared/channels/queue.ts';
import { createDynamoCapture } from '../../../shared/incoming/capture.ts';
import { createLogger } from '../../../shared/logger.ts';
import { parseConfig } from '../../../shared/settings/config.ts';
import { createSecrets, inboundSecretsSchema } from '../../../shared/settings/secrets.ts';
import { useQueue } from '../../support/queue.ts';
import { useLedger } from '../../support/store.ts';

export const document: any = JSON.parse(readFileSync('docs/relay.openapi.json', 'utf8'));

export const RECHARGE = '/webhooks/auto-recharge';
export const INCOMING = '/channels/{channel}/incoming';
export const OUTGOING = '/channels/{channel}/outgoing';
export const SEND = '/channels/{channel}/send';

const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
// It is strict about the schemas; what stands around them is no schema.
ajv.addVocabulary(Object.keys(document));
ajv.addFormat('date-time', (text) => !Number.isNaN(Date.parse(text)));
ajv.addSchema(document, 'relay');

/** @param place where the schema stands in the document. */
export function check(place: string[], value: unknown): string[] {
  const pointer = place.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
  const validate = ajv.getSchema(`relay#/${pointer}`);
  if (!validate) throw new Error(`The document has nothing at ${pointer}.`);
  return validate(value)
    ? []
    : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}
export const isA = (name: string, value: unknown) =>
  check(['components', 'schemas', name], value).length === 0;

export const NOW = Date.UTC(2026, 0, 5, 12, 0, 0);
/** One that every scheme can use. */
export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
export const EMAIL = 'client@example.com';
const VERIFIERS = [
  { type: 'token' },
  { type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' },
  { type: 'standard-webhooks' },
];
const COMMON = {
  toId: 'agency-1',
  outgoing: { verifiers: VERIFIERS, id: '/messageId', contact: '/contactId', text: '/body' },
  send: { verifiers: VERIFIERS },
};
const TWILIO_URL = 'https://relay.example.com/channels/twilio/incoming';
/** One of each kind, named as its adapter. */
export const CHANNELS: Record<string, object> = {
  telegram: { ...COMMON, adapter: 'telegram' },
  chatwoot: { ...COMMON, adapter: 'chatwoot', baseUrl: 'https://chat.example.com', accountId: 1 },
  slack: { ...COMMON, adapter: 'slack' },
  gohighlevel: { ...COMMON, adapter: 'gohighlevel', locationId: 'GKAWb4yu7A4LSc0skQ6g' },
  twilio: { ...COMMON, adapter: 'twilio', accountSid: `AC${'0'.repeat(32)}`, publicUrl: TWILIO_URL },
  respondio: { ...COMMON, adapter: 'respondio', channelId: 'your-channel-id' },
  webhook: {
    ...COMMON,
    adapter: 'webhook',
    incoming: { verifiers: VERIFIERS, id: '/message/id', contact: '/sender/phone', text: '/message/text' },
    delivery: { url: 'https://chat.example.com/messages' },
  },
  unmapped: { ...COMMON, adapter: 'slack', outgoing: { verifiers: VERIFIERS } },
};

export interface Answer {
  status: number | undefined;
  type: unknown;
  body: unknown;
}

export interface Sent {
  /** Default: a token that is known. */
  headers?: Record<string, string>;
  query?: Record<string, string>;
  channel?: string;
}

type Ask = (path: string, body: unknown, sent?: Sent) => Promise<Answer>;
export const textOf = (body: unknown) => (typeof body === 'string' ? body : JSON.stringify(body));

const tokenHeaderOf = (channel: string) =>
  channel === 'telegram' ? 'x-telegram-bot-api-secret-token' : 'x-webhook-token';

export const order = (over: object = {}) => ({
  idempotency_key: 'key-1',
  email: EMAIL,
  credits: 500,
  ...over,
});
export const reply = (over: object = {}) => ({ messageId: 'm-1', contactId: 'c-1', body: 'Hello', ...over });
export const message = (over: object = {}) => ({ id: 'm-1', fromId: 'c-1', body: 'Hello', ...over });
export const chat = (over: object = {}) => ({
  message: { id: 'm-1', text: 'Hello' },
  sender: { phone: '+15551234567' },
  ...over,
});
export const exampleOf = (path: string, name: string) =>
  document.paths[path].post.requestBody.content['application/json'].examples[name].value;

export const hmac = (secret: string, text: string) => createHmac('sha256', secret).update(text).digest('hex');
export const SECONDS = String(NOW / 1_000);

export type Proof = { headers: Record<string, string>; query?: Record<string, string> };

/** By the document's name of it, what proves who holds the secret and sends this body. */
export const PROOFS: Record<string, (body: string, secret?: string) => Proof> = {
  tokenInHeader: (_body, secret = SECRET) => ({ headers: { 'x-webhook-token': secret } }),
  tokenInAddress: (_body, secret = SECRET) => ({ headers: {}, query: { token: secret } }),
  hmac: (body, secret = SECRET) => ({ headers: { 'x-webhook-signature': `sha256=${hmac(secret, body)}` } }),
  standardWebhooks: (body, secret = SECRET) => ({
    headers: {
      'webhook-id': 'msg_1',
      'webhook-timestamp': SECONDS,
      'webhook-signature': new Webhook(secret).sign('msg_1', new Date(NOW), body),
    },
  }),
  telegram: (_body, secret = SECRET) => ({ headers: { 'x-telegram-bot-api-secret-token': secret } }),
  gohighlevel: (_body, secret = SECRET) => ({ headers: { 'x-webhook-token': secret } }),
  chatwoot: (body, secret = SECRET) => ({
    headers: {
      'x-chatwoot-timestamp': SECONDS,
      'x-chatwoot-signature': `sha256=${hmac(secret, `${SECONDS}.${body}`)}`,
    },
  }),
  respondio: (_body, secret = SECRET) => ({ headers: { authorization: `Bearer ${secret}` } }),
  slack: (body, secret = SECRET) => ({
    headers: {
      'x-slack-request-timestamp': SECONDS,
      'x-slack-signature': `v0=${hmac(secret, `v0:${SECONDS}:${body}`)}`,
    },
  }),
  twilio(body, secret = SECRET) {
    const bodySHA256 = createHash('sha256').update(body).digest('hex');
    const signed = createHmac('sha1', secret).update(`${TWILIO_URL}?bodySHA256=${bodySHA256}`);
    return { headers: { 'x-twilio-signature': signed.digest('base64') }, query: { bodySHA256 } };
  },
};

/** Only the parts that handlers read. */
function anEvent(path: string, body: unknown, { headers, query, channel = 'webhook' }: Sent) {
  return {
    rawPath: path.replace('{channel}', channel),
    headers: headers ?? { [path === INCOMING ? tokenHeaderOf(channel) : 'x-webhook-token']: SECRET },
    queryStringParameters: query,
    rawQueryString: new URLSearchParams(query).toString(),
    body: textOf(body),
    isBase64Encoded: false,
  } as unknown as APIGatewayProxyEventV2;
}

/** Both handlers over real engines, asked at the addresses of the document. */
export function useHandlers() {
  const store = useLedger();
  const queue = useQueue();
  let handle: Ask | undefined;
  let queues = 0;

  beforeEach(async () => {
    const { client, table } = store();
    const sqs = queue().client;
    queues += 1;
    const messageQueue = await createQueue(sqs, {
      name: `messages-${queues}.fifo`,
      deadLetterName: `messages-${queues}-dead.fifo`,
      visibilityTimeoutSeconds: 30,
      maxReceiveCount: 5,
    });
    const config = parseConfig(
      {
        platform: { baseUrl: 'https://api.example.com/v1' },
        pricing: { currency: 'USD', perCredit: '0.10' },
        payment: { type: 'http', url: 'https://pay.example.com' },
        recharge: { verifiers: VERIFIERS, creditsField: 'credits' },
        channels: CHANNELS,
      },
      'the test',
    );
    const ways = ['incoming', 'outgoing', 'send'];
    const channels = Object.keys(CHANNELS).flatMap((name) => ways.map((way) => [`${name}/${way}`, [SECRET]]));
    const secrets = JSON.stringify({ webhook: [SECRET], channels: Object.fromEntries(channels) });
    const common = {
      config,
      client,
      table,
      secrets: createSecrets('inbound', async () => secrets, inboundSecretsSchema, { now: () => NOW }),
      logger: createLogger(() => {}),
      now: () => NOW,
    };
    const recharge = createRechargeWebhookHandler(
      rechargeWebhookDeps({ ...common, queue: queue().queue, sweepAgainMs: 180_000 }),
    );
    const channel = createChannelWebhookHandler(
      channelWebhookDeps({ ...common, queue: createSqsMessageQueue(queue().sender, messageQueue) }),
    );
    handle = async (path, body, sent = {}) => {
      const result = await (path === RECHARGE ? recharge : channel)(anEvent(path, body, sent));
      const { statusCode: status, headers, body: text = '' } = result;
      const type = headers?.['content-type'];
      return { status, type, body: type === 'application/json' ? JSON.parse(text) : text };
    };
  });

  const ask: Ask = (...given) => {
    if (!handle) throw new Error('Bug! Somebody is asked inside of tests only.');
    return handle(...given);
  };

  /** A vendor's own example, signed as that vendor signs. */
  function askAs(
    adapter: 'telegram' | 'chatwoot' | 'slack' | 'gohighlevel' | 'twilio' | 'respondio',
    body: unknown = exampleOf(INCOMING, adapter),
  ) {
    return ask(INCOMING, body, { channel: adapter, headers: {}, ...PROOFS[adapter]?.(textOf(body)) });
  }

  async function captured(path: string): Promise<Answer> {
    const { client, table } = store();
    const route = path.replace('{channel}', 'webhook');
    const token = await createDynamoCapture(client, table).start(route, NOW + 1);
    return ask(path, '{}', { ...NOBODY, query: { token } });
  }

  async function withoutTable(path: string, body: unknown): Promise<Answer> {
    const { client, table } = store();
    await client.send(new DeleteTableCommand({ TableName: table }));
    return ask(path, body);
  }

  async function twice(path: string, first: unknown, second: unknown = first): Promise<Answer> {
    await ask(path, first);
    return ask(path, second);
  }

  return { store, ask, askAs, captured, withoutTable, twice };
}

export const withUnset = (field: string) => ({ [field]: undefined });

export const NOBODY = { headers: {} };
