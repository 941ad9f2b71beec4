import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { rechargeWorkerDeps } from '../../functions/recharge-worker/deps.ts';
import { createRechargeWorkerHandler } from '../../functions/recharge-worker/handler.ts';
import { createLogger } from '../../shared/logger.ts';
import { createAccounts } from '../../shared/recharge/accounts.ts';
import { createDynamoCharging } from '../../shared/recharge/dynamo-charging.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import { newRecharge } from '../../shared/recharge/recharge.ts';
import { parseConfig } from '../../shared/settings/config.ts';
import { createSecrets, outboundSecretsSchema } from '../../shared/settings/secrets.ts';
import { useLedger } from '../support/store.ts';

const store = useLedger();

const SECRETS = {
  platformApiKey: 'platform-key-1',
  paymentHook: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
};
const NOBODY = 'http://127.0.0.1:1';

interface Given {
  mode?: 'observe' | 'live';
  /** Platform and payment endpoint in one. */
  url?: string;
  /** Whether the profile says that grants stand in the usage export. */
  listsGrants?: boolean;
  secrets?: () => Partial<typeof SECRETS>;
  remainingMs?: number;
}

function aWorker({
  mode = 'observe',
  url = NOBODY,
  listsGrants = false,
  secrets = () => SECRETS,
  remainingMs = 60_000,
}: Given = {}) {
  const { client, table } = store();
  const clock = { aheadMs: 0 };
  const now = () => Date.now() + clock.aheadMs;
  const lines: Record<string, unknown>[] = [];
  const handler = createRechargeWorkerHandler(
    rechargeWorkerDeps({
      config: parseConfig(
        {
          platform: { baseUrl: `${url}/v1`, usageExport: { listsGrants } },
          recharge: { mode, creditsField: 'credits' },
          pricing: { currency: 'USD', perCredit: '0.10' },
          guard: { limits: {} },
          payment: { type: 'http', url: `${url}/pay` },
        },
        'the test',
      ),
      client,
      table,
      live: false,
      publicUrl: () => 'https://relay.example.com',
      secrets: createSecrets('outbound', async () => JSON.stringify(secrets()), outboundSecretsSchema, {
        now,
      }),
      policy: productionPolicy,
      logger: createLogger((line) => lines.push(JSON.parse(line))),
      now,
    }),
  );
  return {
    clock,
    errors: () => lines.filter(({ level }) => level === 'error'),
    alerts: () => lines.filter(({ level }) => level === 'alert').map(({ message }) => message),
    work: (...bodies: string[]) =>
      handler({ Records: bodies.map(aRecord) }, { getRemainingTimeInMillis: () => remainingMs }),
  };
}

const aRecord = (body: string, index: number): SQSRecord =>
  ({
    messageId: `message-${index}`,
    receiptHandle: 'handle',
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '1767605400000',
      SenderId: 'us',
      ApproximateFirstReceiveTimestamp: '1767605400000',
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:123456789012:recharges',
    awsRegion: 'us-east-1',
  }) satisfies SQSEvent['Records'][number];

/** A row that was just received, of a client who is set up. */
async function received(key: string): Promise<void> {
  const { client, table, ledger } = store();
  const email = `${key}@example.com`;
  await createAccounts(client, table, ledger).set(email, {});
  const now = Date.now();
  await ledger.claim(newRecharge({ key, email, credits: 500 }, now, now + 180_000));
}

const message = (key: string) => JSON.stringify({ key });
const phaseOf = async (key: string) => (await store().ledger.read(key))?.phase;

describe('a batch', () => {
  it('in which all succeed reports nothing', async () => {
    await Promise.all(['a', 'b', 'c'].map(received));
    const { work, errors } = aWorker();
    expect(await work(...['a', 'b', 'c'].map(message))).toEqual({ batchItemFailures: [] });
    expect(errors()).toEqual([]);
    for (const key of ['a', 'b', 'c']) {
      expect(await store().ledger.read(key)).toMatchObject({
        phase: 'blocked',
        reason: 'observe_only',
        amount: 5_000,
        currency: 'USD',
      });
    }
  });

  it('may be empty', async () => {
    expect(await aWorker().work()).toEqual({ batchItemFailures: [] });
  });

  it('may name a recharge twice, and one that ended', async () => {
    await received('a');
    const { work, errors } = aWorker();
    expect(await work(message('a'), message('a'))).toEqual({ batchItemFailures: [] });
    const ended = await store().ledger.read('a');
    expect(await work(message('a'))).toEqual({ batchItemFailures: [] });
    expect(await store().ledger.read('a')).toEqual(ended);
    expect(errors()).toEqual([]);
  });

  it.each([
    ['no JSON', 'hello'],
    ['an empty body', ''],
    ['another message', '{"email":"a@example.com"}'],
    ['an empty key', '{"key":""}'],
    ['a number for a key', '{"key":1}'],
    ['a key nobody knows', '{"key":"unknown"}'],
  ])('reports %s alone: the others succeed', async (_name, bad) => {
    await Promise.all(['a', 'c'].map(received));
    const { work, errors } = aWorker();
    expect(await work(message('a'), bad, message('c'))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'message-1' }],
    });
    expect([await phaseOf('a'), await phaseOf('c')]).toEqual(['blocked', 'blocked']);
    expect(errors()).toEqual([
      expect.objectContaining({ message: 'a message could not be handled', messageId: 'message-1' }),
    ]);
  });

  it('says which key is not stored', async () => {
    const { work, errors } = aWorker();
    await work('{"key":"unknown"}');
    expect(errors()[0]?.error).toBe('NoRechargeError: No recharge is stored under the key unknown.');
  });

  it('says which row cannot be read, and lets the sweeper bring it back: no message does', async () => {
    const { client, table } = store();
    await Promise.all(['a', 'c'].map(received));
    await client.send(new PutCommand({ TableName: table, Item: { pk: 'RECHARGE#b', v: 1, phase: 'lost' } }));
    const { work, errors } = aWorker();
    expect(await work(...['a', 'b', 'c'].map(message))).toEqual({ batchItemFailures: [] });
    expect([await phaseOf('a'), await phaseOf('c')]).toEqual(['blocked', 'blocked']);
    expect(errors()).toEqual([
      expect.objectContaining({ message: 'a recharge could not be driven', key: 'b' }),
    ]);
  });

  it.each(['GetItemCommand', 'UpdateItemCommand'])(
    'leaves a row whose %s storage does not answer to the sweeper, and drives it the next time: no message dies of an outage',
    async (failing) => {
      await Promise.all(['a', 'b', 'c'].map(received));
      let fails = true;
      store().client.middlewareStack.add((next, { commandName }) => (args) => {
        const bad = commandName === failing && JSON.stringify(args.input).includes('RECHARGE#b');
        if (fails && bad) throw new Error('no answer');
        return next(args);
      });
      // Too little time left to try the write again.
      const { work, errors } = aWorker({ remainingMs: 4_000 });
      expect(await work(...['a', 'b', 'c'].map(message))).toEqual({ batchItemFailures: [] });
      expect([await phaseOf('a'), await phaseOf('c')]).toEqual(['blocked', 'blocked']);
      expect(errors().at(-1)).toMatchObject({
        message: 'a recharge could not be driven',
        key: 'b',
        error: 'Error: no answer',
      });
      fails = false;
      const due = await store().ledger.due('time', Number.MAX_SAFE_INTEGER);
      expect(due.items.map(({ key }) => key)).toEqual(['b']);
      expect(await phaseOf('b')).toBe('received');
      expect(await work(message('b'))).toEqual({ batchItemFailures: [] });
      expect(await phaseOf('b')).toBe('blocked');
    },
  );

  it('leaves a row of a newer version alone, with an alert', async () => {
    const { client, table, ledger } = store();
    await received('a');
    const newer = new UpdateCommand({
      TableName: table,
      Key: { pk: 'RECHARGE#a' },
      UpdateExpression: 'SET v = :v',
      ExpressionAttributeValues: { ':v': 99 },
    });
    await client.send(newer);
    const { work, alerts } = aWorker();
    await work(message('a'));
    expect(alerts()).toEqual(['newer_row']);
    await expect(ledger.read('a')).rejects.toThrow('schema version 99');
  });
});

describe('on one platform and one payment endpoint, the worker', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    await Promise.all(
      servers.splice(0).map(async (server) => {
        server.close();
        await once(server, 'close');
      }),
    );
  });

  /** Takes every charge; grants to who shows the key. */
  async function bothEndpoints(key: () => string) {
    const calls: string[] = [];
    const server = createServer((request, response) => {
      calls.push(`${request.method} ${request.url}`);
      const answer = (status: number, body: unknown) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      };
      request.resume().on('end', () => {
        if (request.url === '/pay/charges') {
          return answer(200, { status: 'paid', payment_ref: 'pay_1', amount: 5_000, currency: 'USD' });
        }
        if (request.headers['x-api-key'] !== key()) {
          return answer(401, { error: { code: 'UNAUTHORIZED', message: 'wrong key' } });
        }
        return answer(200, {
          success: true,
          sub_account_id: 'sub_1',
          credits_added: 500,
          new_balance: 542,
        });
      });
    });
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return { url: urlOf(server), calls };
  }

  function urlOf(server: Server): string {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('Bug! A server has no port.');
    return `http://127.0.0.1:${address.port}`;
  }

  it('charges once and grants once', async () => {
    await received('a');
    const { url, calls } = await bothEndpoints(() => 'platform-key-1');
    const { work, alerts } = aWorker({ mode: 'live', url });
    await work(message('a'));
    expect(calls).toEqual(['POST /pay/charges', 'POST /v1/subaccounts/credits']);
    expect(await store().ledger.read('a')).toMatchObject({
      phase: 'completed',
      paymentRef: 'pay_1',
      newBalance: 542,
    });
    expect(alerts()).toEqual([]);
  });

  it.each([
    [true, 'completed'],
    [false, 'needs_review'],
  ])('asks the usage export for an unknown grant, if grants stand there: %s', async (listsGrants, phase) => {
    await received('a');
    const header = 'Sub Account ID,Sub Account Email,Date,Amount,Reason,Credit Type,Description\r\n';
    const calls: string[] = [];
    let granted = '';
    const server = createServer(async (request, response) => {
      const { pathname } = new URL(request.url ?? '', NOBODY);
      calls.push(`${request.method} ${pathname}`);
      const { description } = (await json(request).catch(() => ({}))) as { description?: string };
      if (pathname === '/pay/charges') {
        return response.end('{"status":"paid","payment_ref":"pay_1","amount":5000,"currency":"USD"}');
      }
      if (description !== undefined) {
        granted = description;
        return response.writeHead(500).end();
      }
      return response.end(`${header}sub_1,a@example.com,2026-01-05,500,Credits added,Grant,${granted}\r\n`);
    });
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    const { work, alerts } = aWorker({ mode: 'live', url: urlOf(server), listsGrants });
    await work(message('a'));
    expect(await phaseOf('a')).toBe('needs_review');

    const { ledger } = store();
    const [due] = (await ledger.due('person', Number.MAX_SAFE_INTEGER)).items;
    if (!due) throw new Error('Nobody is waited for.');
    await ledger.postpone(due, Date.now());
    await work(message('a'));
    expect(await phaseOf('a')).toBe(phase);
    expect(calls).toEqual([
      'POST /pay/charges',
      'POST /v1/subaccounts/credits',
      ...(listsGrants ? ['GET /v1/agencies/usage/export'] : []),
    ]);
    expect(alerts()).toEqual(['grant_unknown', ...(listsGrants ? [] : ['review_waiting'])]);
  });

  it('reads its secrets again after a 401, and grants with the new key', async () => {
    await received('a');
    let stored = 'platform-key-1';
    const { url, calls } = await bothEndpoints(() => 'platform-key-2');
    const { work, alerts, clock } = aWorker({
      mode: 'live',
      url,
      secrets: () => ({ ...SECRETS, platformApiKey: stored }),
    });
    await work();
    await work(message('a'));
    expect(await phaseOf('a')).toBe('charged');
    expect(alerts()).toEqual(['charging_paused']);

    // 16 minutes later the pause is over, and the secret old enough to be read again.
    stored = 'platform-key-2';
    clock.aheadMs = 16 * 60_000;
    await vi.waitFor(async () => {
      await work(message('a'));
      expect(await phaseOf('a')).toBe('completed');
    });
    expect(calls.filter((call) => call === 'POST /pay/charges')).toHaveLength(1);
  });

  it('charges nobody while it cannot sign, and keeps what is paid while it has no key', async () => {
    await Promise.all(['a', 'b'].map(received));
    const { url, calls } = await bothEndpoints(() => 'platform-key-1');
    const unsigned = aWorker({ mode: 'live', url, secrets: () => ({ platformApiKey: 'platform-key-1' }) });
    expect(await unsigned.work(message('a'))).toEqual({ batchItemFailures: [] });
    expect(await phaseOf('a')).toBe('received');
    expect(calls).toEqual([]);

    const keyless = aWorker({ mode: 'live', url, secrets: () => ({ paymentHook: SECRETS.paymentHook }) });
    expect(await keyless.work(message('b'))).toEqual({ batchItemFailures: [] });
    expect(await store().ledger.read('b')).toMatchObject({ phase: 'charged', paymentRef: 'pay_1' });
    expect(calls).toEqual(['POST /pay/charges']);
    // And nobody else is charged for a grant that cannot be made.
    const { client, table } = store();
    const charging = createDynamoCharging(client, table, { freshMs: 0, now: Date.now });
    expect(await charging.paused()).toMatchObject({ reason: 'unauthorized' });
  });
});
