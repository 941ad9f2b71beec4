import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Message, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { BatchGetCommand, type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUDGETS_KB, buildFunction, assetOf as builtAsset } from '../../infra/build.ts';
import { engineAt } from '../../local/aws.ts';
import { queueUrl as createdQueueUrl, createQueue, createTable, startDynamo } from '../../local/engines.ts';
import { createSandboxPayments, type SandboxPayments } from '../../local/sandbox/payments.ts';
import { createSandboxPlatform, type SandboxPlatform } from '../../local/sandbox/platform.ts';
import { createSandboxStripe, type SandboxStripe } from '../../local/sandbox/stripe/sandbox.ts';
import { startSqs } from '../../local/sqs.ts';
import { ALERTS_LIST } from '../../shared/alerts.ts';
import { STRIPE_API_VERSION } from '../../shared/payments/stripe/api.ts';
import { createAccounts } from '../../shared/recharge/accounts.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { parseConfig, readConfig } from '../../shared/settings/config.ts';
import { BUNDLED_CONFIG } from '../../shared/settings/config-in-use.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { createSqsClient } from '../../shared/storage/sqs-client.ts';
import { recentPage } from '../../shared/storage/table.ts';
import { NODE_COMPILE_CACHE } from '../support/command.ts';

const KEY = 'platform-key';
const HOOK_SECRET = `whsec_${Buffer.from('payment-hook-secret-0123').toString('base64')}`;
const WEBHOOK_SECRET = 'webhook-secret';
const CHAT_SECRET = 'chat-secret';
const STRIPE_SECRET = 'whsec_4f3c2b1a09f8e7d6c5b4';
/** The stage is production. */
const STRIPE_KEY = 'rk_live_51BundlesBundles';
const TABLE = 'recharge-relay-test';

/** What Secrets Manager holds, by what the template calls the secret. */
const SECRETS: Record<string, string> = {
  InboundSecret: JSON.stringify({
    webhook: [WEBHOOK_SECRET],
    channels: { 'support/incoming': [CHAT_SECRET] },
    stripeWebhook: [STRIPE_SECRET],
  }),
  OutboundSecret: JSON.stringify({ platformApiKey: KEY, paymentHook: HOOK_SECRET, stripeKey: STRIPE_KEY }),
};

const folder = mkdtempSync(join(tmpdir(), 'relay-bundles-'));
const outdir = join(folder, 'cdk.out');
const config = join(folder, 'relay.config.json');
const stops: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
let platform: SandboxPlatform;
let payments: SandboxPayments;
let client: DynamoDBDocumentClient;
let ledger: ReturnType<typeof createDynamoLedger>;
let stripe: SandboxStripe;
type Invoke = (event: unknown) => Promise<any>;
type Invoked = 'webhook' | 'worker' | 'sweeper' | 'events' | 'channelWebhook' | 'channelWorker';
let invoke: Record<Invoked | 'paymentWebhook' | 'paymentPage' | 'stripeWorker', Invoke>;
let takeMessage: (queue: 'recharges' | 'messages') => Promise<Message | undefined>;
let template: any;
/** The configurations that the build put beside the functions. */
const bundled: unknown[] = [];
/** The bodies that EventBridge and SNS were sent. */
const sent: string[] = [];

beforeAll(async () => {
  const [dynamo, sqsEngine, secretsUrl, eventsUrl] = await Promise.all([
    startDynamo(),
    startSqs(),
    startSecretsManager(),
    startEventBridgeAndSns(),
  ]);
  stops.push(dynamo.stop, sqsEngine.stop);
  platform = await createSandboxPlatform({ apiKey: KEY, webhookSecret: WEBHOOK_SECRET });
  payments = await createSandboxPayments({ secret: HOOK_SECRET });
  stripe = await createSandboxStripe({ apiKey: STRIPE_KEY, apiVersion: STRIPE_API_VERSION });
  stops.push(platform.close, payments.close, stripe.close);

  const configWith = (platformUrl: string, payment: object) =>
    JSON.stringify({
      platform: { baseUrl: `${platformUrl}/v1` },
      recharge: { mode: 'live', verifiers: [{ type: 'token' }], creditsField: 'credits' },
      pricing: { currency: 'USD', perCredit: '0.10' },
      payment,
      events: { url: 'https://agency.example.com/events' },
      channels: {
        support: {
          adapter: 'webhook',
          toId: 'agency',
          incoming: { verifiers: [{ type: 'token' }], id: '/id', contact: '/from', text: '/text' },
          delivery: { url: 'https://chat.example.com/messages' },
        },
      },
    });
  // So that the functions are there that hear Stripe and show its page.
  writeFileSync(config, configWith('https://api.example.com', { type: 'stripe' }));
  building('infra/app.ts', { CDK_OUTDIR: outdir, RELAY_STAGE: 'prod', RELAY_UNLOCKED: 'true' });
  template = JSON.parse(readFileSync(join(outdir, 'recharge-relay-prod.template.json'), 'utf8'));
  // No stage is made that calls this machine: what is run here is told where the parties are afterwards.
  const runWith = (payment: object) => {
    const running = parseConfig(JSON.parse(configWith(platform.url, payment)), 'relay.config.json');
    for (const { Properties } of resources('AWS::Lambda::Function'))
      writeFileSync(join(assetOf(Properties), BUNDLED_CONFIG), JSON.stringify(running));
  };
  for (const { Properties } of resources('AWS::Lambda::Function'))
    bundled.push(JSON.parse(readFileSync(join(assetOf(Properties), BUNDLED_CONFIG), 'utf8')));
  runWith({ type: 'http', url: payments.url });

  client = createDocumentClient(engineAt(dynamo.endpoint));
  const sqs = createSqsClient(engineAt(sqsEngine.endpoint));
  await createTable(client, TABLE);
  const queueUrl = await createQueue(sqs, {
    name: 'recharges',
    deadLetterName: 'dead',
    visibilityTimeoutSeconds: 360,
    maxReceiveCount: 5,
  });
  ledger = createDynamoLedger(client, TABLE);
  await createAccounts(client, TABLE, ledger).set('demo@example.com', {});
  const deadLetterName = 'messages-dead.fifo';
  const messagesUrl = await createQueue(sqs, {
    name: 'messages.fifo',
    deadLetterName,
    visibilityTimeoutSeconds: 360,
    maxReceiveCount: 1_000,
  });
  takeMessage = async (queue) => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queue === 'recharges' ? queueUrl : messagesUrl,
        WaitTimeSeconds: 1,
        MessageSystemAttributeNames: ['All'],
      }),
    );
    return Messages[0];
  };

  const physical: Record<string, string> = {
    Table: TABLE,
    rechargeworkerQueue: queueUrl,
    ChannelschannelworkerQueue: messagesUrl,
    ChannelschannelworkerDeadLetters: await createdQueueUrl(sqs, deadLetterName),
    EventsDeadLetters: await createdQueueUrl(sqs, 'event-dead-letters'),
    ApiHttpApi: 'https://relay.example.com',
  };
  const environment = {
    PATH: process.env.PATH ?? '',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
    AWS_ENDPOINT_URL_SQS: sqsEngine.endpoint,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsUrl,
    AWS_ENDPOINT_URL_EVENTBRIDGE: eventsUrl,
    AWS_ENDPOINT_URL_SNS: eventsUrl,
  };
  const started = async (name: string) => startFunction(name, physical, environment);
  const withEndpoint = {
    webhook: await started('recharge-webhook'),
    worker: await started('recharge-worker'),
    sweeper: await started('recharge-sweeper'),
    events: await started('recharge-events'),
    channelWebhook: await started('channel-webhook'),
    channelWorker: await started('channel-worker'),
  };
  runWith({ type: 'stripe', apiUrl: stripe.url });
  invoke = {
    ...withEndpoint,
    paymentWebhook: await started('payment-webhook'),
    paymentPage: await started('payment-page'),
    stripeWorker: await started('recharge-worker'),
  };
}, 60_000);

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

/** A process of its own, as `npm run` starts it. */
function building(script: string, env: NodeJS.ProcessEnv = {}): void {
  execFileSync(process.execPath, [script], {
    env: { ...process.env, NODE_COMPILE_CACHE, RELAY_CONFIG: config, ...env },
    stdio: 'ignore',
  });
}

/** The function as the template describes it: its asset, its handler string, its environment. */
async function startFunction(name: string, physical: Record<string, string>, environment: NodeJS.ProcessEnv) {
  const properties = resources('AWS::Lambda::Function').find(
    ({ Properties }) => Properties.Description === `Recharge Relay: ${name}`,
  )?.Properties;
  const logicalName = (value: any): string =>
    (value.Ref ?? value['Fn::GetAtt'][0]).replace(/[0-9A-F]{8}$/, '');
  const variables = Object.entries(properties.Environment.Variables).map(([variable, value]) => {
    if (typeof value === 'string') return [variable, value];
    const named = logicalName(value);
    return [variable, physical[named] ?? named];
  });
  const child = fork('test/support/lambda-runtime.ts', [assetOf(properties), properties.Handler], {
    env: { ...environment, ...Object.fromEntries(variables) },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  stops.push(() => child.kill('SIGKILL'));
  await answerOf(child);
  return async (event: unknown) => {
    child.send({ event, remainingMs: properties.Timeout * 1_000 });
    return (await answerOf(child)).result;
  };
}

async function answerOf(child: ChildProcess): Promise<any> {
  const [answer] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('the function ended'))),
  ]);
  return answer;
}

const resources = (type: string): any[] =>
  Object.values<any>(template.Resources).filter((resource) => resource.Type === type);
const assetOf = (properties: any) => join(outdir, `asset.${properties.Code.S3Key.replace('.zip', '')}`);

/** Secrets Manager's one operation that we use, over its real protocol. */
const startSecretsManager = () =>
  startService((_target, body) => {
    const value = SECRETS[JSON.parse(body).SecretId];
    return value === undefined ? { __type: 'ResourceNotFoundException' } : { SecretString: value };
  });

/** The one operation of each: EventBridge's in JSON, SNS's in the older form of AWS. */
const startEventBridgeAndSns = () =>
  startService((target, body) => {
    sent.push(body);
    if (target === 'AWSEvents.PutEvents') return { FailedEntryCount: 0, Entries: [{ EventId: 'e-1' }] };
    return '<PublishResponse><PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>';
  });

async function startService(answerTo: (target: unknown, body: string) => Record<string, unknown> | string) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const answer = answerTo(request.headers['x-amz-target'], body);
    const isXml = typeof answer === 'string';
    const type = isXml ? 'text/xml' : 'application/x-amz-json-1.1';
    response.writeHead(!isXml && answer.__type ? 400 : 200, { 'content-type': type });
    response.end(isXml ? answer : JSON.stringify(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

function webhookEvent(key: string, token = WEBHOOK_SECRET) {
  return {
    version: '2.0',
    headers: { 'content-type': 'application/json', 'x-webhook-token': token },
    body: JSON.stringify({ idempotency_key: key, email: 'demo@example.com', credits: 500 }),
    isBase64Encoded: false,
  };
}

it('the app makes what a first deployment needs: a stack and a table that can be taken back', () => {
  const { artifacts } = JSON.parse(readFileSync(join(outdir, 'manifest.json'), 'utf8'));
  expect(artifacts['recharge-relay-prod'].properties.terminationProtection ?? false).toBe(false);
  const [table] = resources('AWS::DynamoDB::Table');
  expect(table).toMatchObject({
    DeletionPolicy: 'RetainExceptOnCreate',
    Properties: { DeletionProtectionEnabled: false },
  });
});

describe('the built bundles, as Lambda loads them', () => {
  it('turn a webhook into one charge and one grant', async () => {
    const accepted = await invoke.webhook(webhookEvent('key-1'));
    expect(accepted.statusCode).toBe(202);
    expect(await invoke.webhook(webhookEvent('key-1', 'wrong'))).toMatchObject({ statusCode: 401 });

    const body = (await takeMessage('recharges'))?.Body;
    expect(body).toBe('{"key":"key-1"}');
    const done = await invoke.worker({ Records: [{ messageId: 'm-1', body }] });
    expect(done).toEqual({ batchItemFailures: [] });

    expect(await ledger.read('key-1')).toMatchObject({ phase: 'completed', amount: 5000, newBalance: 1000 });
    expect(payments.books.filter(({ kind }) => kind === 'capture')).toHaveLength(1);
    expect(platform.books.filter(({ kind }) => kind === 'grant')).toHaveLength(1);
    expect(await invoke.webhook(webhookEvent('key-1'))).toMatchObject({ statusCode: 200 });
  });

  it('hear Stripe, and have what it tells looked at by the worker, which loads what it needs for that', async () => {
    const { customer, paymentMethod } = stripe.saveMeans('demo@example.com');
    await createAccounts(client, TABLE, ledger).set('demo@example.com', {
      customer,
      paymentMethod: { id: paymentMethod.id, type: 'card' },
      limits: { cooldownSeconds: 0 },
    });
    const drive = (body: string) => invoke.stripeWorker({ Records: [{ messageId: 'm-4', body }] });
    await invoke.webhook(webhookEvent('key-4'));
    expect(await drive((await takeMessage('recharges'))?.Body ?? '')).toEqual({ batchItemFailures: [] });
    expect(await ledger.read('key-4')).toMatchObject({ phase: 'completed' });

    stripe.renew(paymentMethod.id, '4242424242421111');
    const body = JSON.stringify({
      id: 'evt_1',
      type: 'payment_method.automatically_updated',
      data: { object: { id: paymentMethod.id, customer } },
    });
    const event = (secret: string) => ({
      headers: {
        'stripe-signature': Stripe.webhooks.generateTestHeaderString({ payload: body, secret }),
      },
      body,
    });
    expect(await invoke.paymentWebhook(event('whsec_another'))).toMatchObject({ statusCode: 401 });
    expect(await invoke.paymentWebhook(event(STRIPE_SECRET))).toMatchObject({ statusCode: 200 });
    expect(await drive((await takeMessage('recharges'))?.Body ?? '')).toEqual({ batchItemFailures: [] });
    expect((await ledger.readAccount('demo@example.com')).paymentMethod).toMatchObject({ last4: '1111' });
  });

  it('relay a message into the platform, and let nobody unverified in', async () => {
    const message = (token: string) => ({
      version: '2.0',
      rawPath: '/channels/support/incoming',
      pathParameters: { channel: 'support', direction: 'incoming' },
      headers: { 'content-type': 'application/json', 'x-webhook-token': token },
      body: JSON.stringify({ id: 'm-1', from: 'jane', text: 'Hello' }),
      isBase64Encoded: false,
    });
    expect(await invoke.channelWebhook(message('wrong'))).toMatchObject({ statusCode: 401 });
    expect((await invoke.channelWebhook(message(CHAT_SECRET))).statusCode).toBeLessThan(300);

    const queued = await takeMessage('messages');
    const done = await invoke.channelWorker({
      Records: [
        {
          messageId: queued?.MessageId,
          receiptHandle: queued?.ReceiptHandle,
          body: queued?.Body,
          attributes: queued?.Attributes,
        },
      ],
    });
    expect(done).toEqual({ batchItemFailures: [] });
    expect(platform.books.filter(({ kind }) => kind === 'received')).toMatchObject([
      { fromId: 'jane', toId: 'agency', body: 'Hello', channel: 'support' },
    ]);
  });

  it('tell of a recharge on the bus, and a person of one that needs a review', async () => {
    const row = {
      v: 2,
      email: 'jane@example.com',
      credits: 5,
      receivedAt: 1,
      version: 3,
      review: 'grant_unknown',
    };
    const NewImage = marshall({ ...row, pk: 'RECHARGE#key-9', phase: 'needs_review' });
    const Keys = { pk: { S: 'RECHARGE#key-9' } };
    const change = { SequenceNumber: '1', ApproximateCreationDateTime: 1_767_614_400, Keys, NewImage };
    expect(await invoke.events({ Records: [{ dynamodb: change }] })).toEqual({ batchItemFailures: [] });
    const [entry] = JSON.parse(sent[0] ?? '').Entries;
    expect(entry).toMatchObject({ EventBusName: 'EventsBus', DetailType: 'recharge.needs_review' });
    const message = new URLSearchParams(sent[1]);
    expect(message.get('TopicArn')).toBe('Alarms');
    expect(message.get('Subject')).toBe('recharge-relay-prod: grant_unknown: key-9');
    expect(message.get('Message')).toContain('npx relay --stack recharge-relay-prod recharges show key-9');
  });

  it('load of Node what a webhook needs, and nothing that a module of it would load besides', () => {
    const [webhook] = resources('AWS::Lambda::Function').filter(({ Properties }) =>
      Properties.Description.endsWith(': recharge-webhook'),
    );
    const bundle = pathToFileURL(join(assetOf(webhook.Properties), 'index.mjs')).href;
    const script = `await import('${bundle}'); console.log(JSON.stringify(process.moduleLoadList))`;
    const nowhere = 'https://127.0.0.1:1';
    const said = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
      env: {
        ...{ STAGE: 'prod', TABLE_NAME: TABLE, RECHARGE_QUEUE_URL: nowhere, INBOUND_SECRET: 'inbound' },
        ...{ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' },
        AWS_ENDPOINT_URL: nowhere,
      },
      encoding: 'utf8',
    });
    const loaded: string[] = JSON.parse(said.trim().split('\n').at(-1) ?? '');
    expect(loaded).toContain('NativeModule https');
    const needless =
      /undici|worker_threads|zlib|child_process|http2|parse_args|fs.streams|webstreams|comparisons/;
    expect(loaded.filter((name) => needless.test(name))).toEqual([]);
    expect(readFileSync(new URL(bundle), 'utf8'), 'profiles are read with it').not.toContain('fs/promises');
  });

  it('sweep without anything due', async () => {
    expect(await invoke.sweeper({})).toEqual({ queued: 0 });
  });

  it('keep what they alert of as rows, each before it returns', async () => {
    const raised = async () => {
      const { items } = await recentPage(client, TABLE, ALERTS_LIST);
      const Keys = items.map(({ pk }) => ({ pk }));
      const { Responses = {} } = await client.send(
        new BatchGetCommand({ RequestItems: { [TABLE]: { Keys } } }),
      );
      return (Responses[TABLE] ?? []).map((item) => `${item.word} ${item.subject}`).toSorted();
    };
    const not = { ...webhookEvent('key-2'), body: '{"not":"ours"}' };
    await invoke.webhook(not);
    const told = ['webhook_quarantined /webhooks/auto-recharge'];
    expect(await raised()).toEqual(told);

    const headers = { 'x-webhook-token': CHAT_SECRET };
    await invoke.channelWebhook({ ...not, rawPath: '/channels/support/incoming', headers });
    told.unshift('message_quarantined /channels/support/incoming');
    expect(await raised()).toEqual(told);

    const ofLater = { v: 99, open: 'time', nextAttemptAt: 1, expiresAt: 2e9 };
    for (const pk of ['RECHARGE#later-1', 'MESSAGE#later-2'])
      await client.send(new PutCommand({ TableName: TABLE, Item: { pk, ...ofLater } }));
    await invoke.worker({ Records: [{ messageId: 'm-2', body: '{"key":"later-1"}' }] });
    told.splice(1, 0, 'newer_row later-1');
    expect(await raised()).toEqual(told);

    const attributes = { ApproximateReceiveCount: '1', MessageGroupId: 'support' };
    const received = { messageId: 'm-3', receiptHandle: 'r-3', attributes };
    await invoke.channelWorker({ Records: [{ ...received, body: '{"message":"later-2"}' }] });
    told.splice(2, 0, 'newer_row m-3');
    expect(await raised()).toEqual(told);

    await invoke.sweeper({});
    told.splice(3, 0, 'newer_row rows');
    expect(await raised()).toEqual(told);
  });

  it('show a client the page to confirm a payment on, which the worker has confirmed', async () => {
    const { customer, paymentMethod } = stripe.saveMeans('demo@example.com', '4000002760003184');
    await createAccounts(client, TABLE, ledger).set('demo@example.com', {
      customer,
      paymentMethod: { id: paymentMethod.id, type: 'card' },
    });
    const drive = async () => {
      const body = (await takeMessage('recharges'))?.Body;
      return invoke.stripeWorker({ Records: [{ messageId: 'm-5', body }] });
    };
    await invoke.webhook(webhookEvent('key-5'));
    await drive();
    const token = (await ledger.read('key-5'))?.actionUrl?.replace('https://relay.example.com/pay/', '');
    const page = (method: string, at?: string) =>
      invoke.paymentPage({
        requestContext: { http: { method } },
        pathParameters: { token },
        queryStringParameters: { at },
      });
    expect(await page('GET')).toMatchObject({ statusCode: 200, body: expect.stringContaining('50.00 USD') });
    expect(await page('POST')).toMatchObject({ statusCode: 303 });
    expect(await drive()).toEqual({ batchItemFailures: [] });
    expect((await page('GET', 'bank')).body).toContain(`${stripe.url}/bank/pi_`);
  });

  it('are the same to the byte where they are built once more, and within their budget', async () => {
    // The one of the most chunks stands for all: each is built by itself, in the same way.
    const name = 'recharge-worker';
    expect(await buildFunction(name, readConfig(config))).toBeLessThanOrEqual(BUDGETS_KB[name] * 1_024);
    const codeIn = (asset: string) =>
      readdirSync(asset)
        .filter((file) => file !== BUNDLED_CONFIG)
        .map((file) => [file, readFileSync(join(asset, file), 'base64')]);
    const [built] = resources('AWS::Lambda::Function').filter(({ Properties }) =>
      Properties.Description.endsWith(`: ${name}`),
    );
    expect(codeIn(builtAsset(name))).toEqual(codeIn(assetOf(built.Properties)));
  });

  it('hold a source map beside each file, and neither a source text nor a path of this machine', () => {
    for (const { Properties } of resources('AWS::Lambda::Function')) {
      const asset = assetOf(Properties);
      const code = readdirSync(asset).filter((file) => file.endsWith('.mjs'));
      expect(code).toContain('index.mjs');
      for (const file of code) {
        expect(existsSync(join(asset, `${file}.map`))).toBe(true);
        const map = readFileSync(join(asset, `${file}.map`), 'utf8');
        expect(map).not.toContain(process.cwd());
        expect(JSON.parse(map)).not.toHaveProperty('sourcesContent');
      }
    }
  });

  it('hold the configuration as its schemas made it, and no secret', () => {
    const checked = readConfig(config);
    expect(checked.guard.unknownAccounts).toBe('refuse');
    expect(bundled).toEqual(resources('AWS::Lambda::Function').map(() => checked));
    for (const { Properties } of resources('AWS::Lambda::Function')) {
      const asset = assetOf(Properties);
      const text = readdirSync(asset)
        .map((file) => readFileSync(join(asset, file), 'utf8'))
        .join('');
      for (const secret of [KEY, HOOK_SECRET, WEBHOOK_SECRET, CHAT_SECRET, STRIPE_SECRET, STRIPE_KEY])
        expect(text).not.toContain(secret);
    }
  });
});
