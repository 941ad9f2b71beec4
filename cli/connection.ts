import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { engineAt } from '../local/aws.ts';
import { localPolicy } from '../local/policy.ts';
import { FOLDER, localSecrets, readRuntime, START_FIRST } from '../local/state.ts';
import { createDynamoMessages, type Messages } from '../shared/channels/messages.ts';
import { createSqsMessageQueue, type MessageQueue } from '../shared/channels/queue.ts';
import { type Capture, createDynamoCapture } from '../shared/incoming/capture.ts';
import { createDynamoQuarantine, type Quarantine } from '../shared/incoming/quarantine.ts';
import { type Accounts, createAccounts } from '../shared/recharge/accounts.ts';
import type { Charging } from '../shared/recharge/charging.ts';
import { createDynamoCharging } from '../shared/recharge/dynamo-charging.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import type { Ledger } from '../shared/recharge/ledger.ts';
import { type Policy, productionPolicy } from '../shared/recharge/policy.ts';
import type { InboundSecrets } from '../shared/settings/secrets.ts';
import { createDocumentClient, createSqsClient } from '../shared/storage/clients.ts';
import { readStack } from './stack.ts';

/** The relay a command speaks of. */
export interface Connection {
  ledger: Ledger;
  accounts: Accounts;
  charging: Charging;
  quarantine: Pick<Quarantine, 'list' | 'show'>;
  capture: Pick<Capture, 'start' | 'stop' | 'list'>;
  messages: Messages;
  /** @throws an Error that says what to start, or to deploy, where there is none. */
  messageQueue(): MessageQueue;
  policy: Policy;
  now: () => number;
}

const NOT_STARTED = `No relay was started in ${FOLDER}. ${START_FIRST}`;

/**
 * Finds the relay on AWS, where `stack` names one; else the one that `npm start` runs in
 * `RELAY_LOCAL_DIR`, or whose engine `DYNAMODB_ENDPOINT` names.
 *
 * @throws an Error that says what to start, or to deploy, where there is none.
 */
export async function connect(env: NodeJS.ProcessEnv, stack?: string): Promise<Connection> {
  if (stack !== undefined) {
    const { TableName, MessageQueueUrl } = await readStack(stack);
    const queue = () => {
      if (MessageQueueUrl !== undefined) return createSqsMessageQueue(createSqsClient(), MessageQueueUrl);
      throw new Error(`The stack ${stack} has no channels yet: deploy it anew.`);
    };
    return connection(createDocumentClient(), TableName, queue, productionPolicy);
  }
  const runtime = readRuntime();
  const endpoint = env.DYNAMODB_ENDPOINT ?? runtime?.dynamodbEndpoint;
  if (endpoint === undefined) throw new Error(NOT_STARTED);
  const { table = 'recharge-relay', messageQueueUrl, sqsEndpoint } = runtime ?? {};
  const queue = () => {
    if (messageQueueUrl === undefined || sqsEndpoint === undefined) throw new Error(NOT_STARTED);
    return createSqsMessageQueue(createSqsClient(engineAt(sqsEndpoint)), messageQueueUrl);
  };
  return connection(createDocumentClient(engineAt(endpoint)), table, queue, localPolicy);
}

function connection(
  client: DynamoDBDocumentClient,
  table: string,
  messageQueue: Connection['messageQueue'],
  policy: Policy,
): Connection {
  const ledger = createDynamoLedger(client, table);
  return {
    ledger,
    accounts: createAccounts(client, table, ledger),
    charging: createDynamoCharging(client, table, { freshMs: 0, now: Date.now }),
    quarantine: createDynamoQuarantine(client, table),
    capture: createDynamoCapture(client, table),
    messages: createDynamoMessages(client, table, Date.now),
    messageQueue,
    policy,
    now: Date.now,
  };
}

/** Where the relay receives, and what proves senders to it. */
export interface Inbound {
  /** Its own address, or that of its webhook: all routes have one origin. */
  url: string;
  secrets(): Promise<InboundSecrets>;
}

/** @throws an Error that says what to start, or to deploy, where there is none. */
export async function findInbound(env: NodeJS.ProcessEnv, stack?: string): Promise<Inbound> {
  if (stack === undefined) {
    const url = readRuntime()?.url;
    if (url === undefined) throw new Error(NOT_STARTED);
    return { url, secrets: async () => localSecrets(env).inbound };
  }
  const { WebhookUrl, InboundSecretId } = await readStack(stack);
  const { inboundSecrets } = await import('../shared/settings/secrets-manager.ts');
  return { url: WebhookUrl, secrets: () => inboundSecrets(InboundSecretId).get() };
}

/**
 * Where webhooks go, and the secret they are signed with.
 *
 * @param url instead of the relay's own address.
 * @throws an Error that says what to start, to deploy or to set, where something is missing.
 */
export async function findReceiver(
  env: NodeJS.ProcessEnv,
  stack?: string,
  url?: string,
): Promise<{ url: string; secret: string }> {
  if (stack === undefined) {
    const target = url ?? readRuntime()?.url;
    if (target === undefined) throw new Error(NOT_STARTED);
    return { url: target, secret: localSecrets(env).inbound.webhook[0] ?? '' };
  }
  const { url: own, secrets } = await findInbound(env, stack);
  const { webhook } = await secrets();
  if (!webhook[0]) throw new Error('No webhook secret is set yet. Set it: npm run relay -- secrets init');
  return { url: url ?? own, secret: webhook[0] };
}
