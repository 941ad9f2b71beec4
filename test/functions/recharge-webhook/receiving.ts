import { createHash } from 'node:crypto';
import { GetCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { expect } from 'vitest';
import { rechargeWebhookDeps } from '../../../functions/recharge-webhook/deps.ts';
import { createRechargeWebhookHandler } from '../../../functions/recharge-webhook/handler.ts';
import { REFUSED } from '../../../shared/incoming/refusals.ts';
import { signRequest } from '../../../shared/incoming/verifiers.ts';
import { createLogger } from '../../../shared/logger.ts';
import { parseConfig } from '../../../shared/settings/config.ts';
import { createSecrets, inboundSecretsSchema } from '../../../shared/settings/secrets.ts';
import type { createDocumentClient } from '../../../shared/storage/clients.ts';
import { useQueue } from '../../support/queue.ts';
import { useLedger } from '../../support/store.ts';

export const NOW = Date.UTC(2026, 0, 5, 9, 30, 0, 123);
export const DAY_MS = 86_400_000;
export const SECRET = 'correct horse battery staple';
export const EMAIL = 'jane@example.com';
export const BODY = '{"idempotency_key":"key-1","email":"jane@example.com","credits":500}';

export const CREDITS_AS_SENT = { creditsField: 'credits' };

interface Given {
  /** What the configuration's section `recharge` says besides the verifiers; `creditsField` unless given. */
  recharge?: Record<string, unknown>;
  /** The stored secret; a function where it changes. */
  secret?: () => string | Promise<string>;
  client?: ReturnType<typeof createDocumentClient>;
}

function withoutTime(line: string): Record<string, unknown> {
  const { time: _, ...rest } = JSON.parse(line);
  return rest;
}

export interface Sent {
  /** Besides the signature that goes with the body; `null` for no signature. */
  headers?: Record<string, string>;
  secret?: string | null;
  query?: Record<string, string>;
  base64?: boolean;
}

/** As API Gateway makes it: payload format 2.0. Signed unless told otherwise. */
export function anEvent(
  body: string | Buffer,
  { headers = {}, secret = SECRET, query, base64 = false }: Sent = {},
  now = () => NOW,
): APIGatewayProxyEventV2 {
  const bytes = Buffer.from(body);
  const signature = secret === null ? {} : signRequest({ secret, body: bytes, now: now() });
  return {
    version: '2.0',
    routeKey: 'POST /webhooks/auto-recharge',
    rawPath: '/webhooks/auto-recharge',
    rawQueryString: new URLSearchParams(query).toString(),
    headers: { 'content-type': 'application/json', ...signature, ...headers },
    ...(query === undefined ? {} : { queryStringParameters: query }),
    requestContext: {
      accountId: '123456789012',
      apiId: 'api',
      domainName: 'api.example.com',
      domainPrefix: 'api',
      http: {
        method: 'POST',
        path: '/webhooks/auto-recharge',
        protocol: 'HTTP/1.1',
        sourceIp: '192.0.2.1',
        userAgent: 'test',
      },
      requestId: 'id',
      routeKey: 'POST /webhooks/auto-recharge',
      stage: '$default',
      time: '05/Jan/2026:09:30:00 +0000',
      timeEpoch: NOW,
    },
    ...(bytes.length === 0 ? {} : { body: bytes.toString(base64 ? 'base64' : 'utf8') }),
    isBase64Encoded: base64,
  };
}

export function answerOf({ statusCode, headers, body }: APIGatewayProxyStructuredResultV2) {
  expect(headers).toEqual({ 'content-type': 'application/json' });
  return { status: statusCode, body: JSON.parse(body ?? '') };
}

export const order = (over: Record<string, unknown> = {}) =>
  JSON.stringify({ idempotency_key: 'key-1', email: EMAIL, credits: 500, ...over });

/** One table and one queue for each test of a file, a handler over them, and what they hold afterwards. */
export function useWebhook() {
  const store = useLedger();
  const queue = useQueue();

  /** The handler over its engines, its clock, and what it logged. */
  function aWebhook(given: Given = {}) {
    const { client, table } = store();
    const clock = { now: NOW };
    const now = () => clock.now;
    const lines: Record<string, unknown>[] = [];
    const reads = { count: 0 };
    const config = parseConfig(
      {
        platform: { baseUrl: 'https://api.example.com/v1' },
        pricing: { currency: 'USD', perCredit: '0.10' },
        payment: { type: 'http', url: 'https://pay.example.com' },
        recharge: {
          verifiers: [{ type: 'token' }, { type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' }],
          ...(given.recharge ?? CREDITS_AS_SENT),
        },
      },
      'the test',
    );
    const handler = createRechargeWebhookHandler(
      rechargeWebhookDeps({
        config,
        client: given.client ?? client,
        table,
        secrets: createSecrets(
          'inbound',
          async () => {
            reads.count += 1;
            return (await given.secret?.()) ?? JSON.stringify({ webhook: [SECRET] });
          },
          inboundSecretsSchema,
          { now },
        ),
        queue: queue().queue,
        sweepAgainMs: 180_000,
        logger: createLogger((line) => lines.push(withoutTime(line))),
        now,
      }),
    );
    return {
      clock,
      lines,
      reads,
      alerts: () => lines.filter(({ level }) => level === 'alert').map(({ message }) => message),
      send: async (body: string | Buffer, sent: Sent = {}) =>
        answerOf(await handler(anEvent(body, sent, now))),
      handler,
    };
  }

  /** All but the counts of what was refused. */
  async function everythingStored(): Promise<Record<string, unknown>[]> {
    const { client, table } = store();
    const { Items = [] } = await client.send(new ScanCommand({ TableName: table, ConsistentRead: true }));
    return Items.filter(({ pk }) => !String(pk).startsWith(REFUSED));
  }

  /** What is kept of the webhook with this body. */
  async function quarantined(body: string | Buffer): Promise<Record<string, unknown> | undefined> {
    const { client, table } = store();
    const pk = `QUARANTINE#${createHash('sha256').update('/webhooks/auto-recharge\n').update(body).digest('hex')}`;
    const { Item } = await client.send(
      new GetCommand({ TableName: table, Key: { pk }, ConsistentRead: true }),
    );
    return Item;
  }

  async function nothingHappened(): Promise<void> {
    expect(await everythingStored()).toEqual([]);
    expect(await queue().taken()).toEqual([]);
  }

  return { store, queue, aWebhook, everythingStored, quarantined, nothingHappened };
}

export const RECEIVED = { status: 202, body: { status: 'received', idempotency_key: 'key-1' } };
export const NOT_STORED = {
  status: 500,
  body: { error: { code: 'NOT_STORED', message: 'The webhook could not be stored. Please send it again.' } },
};
export const UNAUTHORIZED = {
  status: 401,
  body: { error: { code: 'UNAUTHORIZED', message: 'The webhook could not be verified.' } },
};
export const notUnderstood = (reason: string) => ({
  status: 400,
  body: {
    error: { code: 'NOT_UNDERSTOOD', message: `Not understood: ${reason}. The webhook is kept for 30 days.` },
  },
});
