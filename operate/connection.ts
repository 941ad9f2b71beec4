import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { engineAt } from '../local/aws.ts';
import { localWaits } from '../local/policy.ts';
import { localSecrets, readRuntime } from '../local/state.ts';
import { createDynamoMessages, type Messages } from '../shared/channels/messages.ts';
import { createSqsMessageQueue, type MessageQueue } from '../shared/channels/queue.ts';
import { createDynamoReceipts, type Receipts } from '../shared/channels/receipts.ts';
import { createDynamoWaits, type Waits } from '../shared/channels/waits.ts';
import { type Capture, createDynamoCapture } from '../shared/incoming/capture.ts';
import { createDynamoQuarantine, forgetQuarantined, type Quarantine } from '../shared/incoming/quarantine.ts';
import { createSecretUses, type SecretUses } from '../shared/incoming/secret-use.ts';
import type { Logger } from '../shared/logger.ts';
import { type Accounts, createAccounts } from '../shared/recharge/accounts.ts';
import type { Charging } from '../shared/recharge/charging.ts';
import { createDynamoCharging } from '../shared/recharge/dynamo-charging.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import { createDynamoRows, type Rows } from '../shared/recharge/dynamo-rows.ts';
import type { Ledger } from '../shared/recharge/ledger.ts';
import { type Policy, productionPolicy } from '../shared/recharge/policy.ts';
import type { InboundSecrets, OutboundSecrets } from '../shared/settings/secrets.ts';
import { createSqs } from '../shared/storage/aws-json.ts';
import { createDocumentClient } from '../shared/storage/clients.ts';
import { storageClockOf } from '../shared/storage/clock.ts';
import { createSweeps, type Sweeps } from '../shared/sweeps.ts';
import { type AlertRows, createAlertRows } from './alert-rows.ts';
import { OperateError } from './error.ts';
import { identityOfStack, identityOfThisFolder, type RelayIdentity } from './identity.ts';
import { withoutLongKeys } from './long-keys.ts';
import type { Queues } from './queues.ts';
import { createRefusedCounts, type RefusedCounts } from './refused.ts';
import { readStack, type StackOutputs } from './stack.ts';
import { notStarted, type Target } from './target.ts';
import { readableTerms, type Terms } from './terms.ts';

/** The relay on which deeds act. */
export interface Connection {
  relay: RelayIdentity;
  /** The name of the table that holds the ledger. */
  table: string;
  ledger: Ledger;
  accounts: Accounts;
  rows: Rows;
  alerts: AlertRows;
  refused: RefusedCounts;
  sweeps: Pick<Sweeps, 'last'>;
  charging: Charging;
  quarantine: Pick<Quarantine, 'list' | 'show'>;
  forgetQuarantined(id: string): Promise<void>;
  capture: Pick<Capture, 'start' | 'stop' | 'list'>;
  secretUses: Pick<SecretUses, 'lastUsed'>;
  messages: Messages;
  receipts: Pick<Receipts, 'read'>;
  waits: Pick<Waits, 'inForce'>;
  /** @throws an OperateError that says what to start, or to deploy, if there is none. */
  messageQueue(): MessageQueue;
  /** Loads SQS's client, which most commands do without. @throws likewise, where not all of them are known. */
  queues(): Promise<Queues>;
  policy: Policy;
  /** Undefined: nothing on this machine says them. */
  terms(): Terms | undefined;
  /** Is told what a deed goes on without. */
  logger: Logger;
  now: () => number;
  /** The time where the rows are kept, once something was read; undefined if that does not say it. */
  storageNow: () => number | undefined;
}

/**
 * Finds the relay on AWS, if `stack` names one. If not, the one that `npm start` runs in `RELAY_LOCAL_DIR`, or the
 * one whose engine `DYNAMODB_ENDPOINT` names.
 *
 * @throws an OperateError that says what to start, or to deploy, if there is none.
 */
export async function connect(
  target: Target,
  { logger, now }: Pick<Connection, 'logger' | 'now'>,
): Promise<Connection> {
  const { env, stack } = target;
  const terms = once(() => readableTerms(target));
  if (stack !== undefined) {
    const outputs = await readStack(stack);
    const { TableName, MessageQueueUrl } = outputs;
    const queue = () => {
      if (MessageQueueUrl !== undefined) return createSqsMessageQueue(createSqs(), MessageQueueUrl);
      throw new OperateError('not_ready', `The stack ${stack} has no channels yet: deploy it anew.`);
    };
    return {
      relay: identityOfStack(stack, outputs),
      ...stores(createDocumentClient(), TableName, { logger, now }),
      terms,
      messageQueue: queue,
      queues: once(() => queuesOf(stack, outputs)),
      policy: productionPolicy,
    };
  }
  const runtime = readRuntime(env);
  const endpoint = env.DYNAMODB_ENDPOINT ?? runtime?.dynamodbEndpoint;
  if (endpoint === undefined) throw notStarted(env);
  const { table = 'recharge-relay', queues: urls, sqsEndpoint } = runtime ?? {};
  const known = once(() => {
    if (urls === undefined || sqsEndpoint === undefined) throw notStarted(env);
    const engine = engineAt(sqsEndpoint);
    return { engine, sender: createSqs(engine), urls };
  });
  return {
    relay: identityOfThisFolder(env, runtime?.url),
    ...stores(createDocumentClient(engineAt(endpoint)), table, { logger, now }),
    terms,
    messageQueue() {
      const { sender, urls } = known();
      return createSqsMessageQueue(sender, urls.messages);
    },
    queues: once(async () => {
      const { engine, ...queues } = known();
      return { sqs: await sqsClient(engine), ...queues };
    }),
    policy: localWaits(env, []).policy,
  };
}

/** A client has connections of its own: one is enough for a whole visit. */
function once<Made>(make: () => Made): () => Made {
  let made: Made | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

async function sqsClient(engine?: ReturnType<typeof engineAt>) {
  const { createSqsClient } = await import('../shared/storage/sqs-client.ts');
  return createSqsClient(engine);
}

async function queuesOf(stack: string, outputs: StackOutputs): Promise<Queues> {
  const {
    RechargeQueueUrl: recharges,
    RechargeDeadLettersUrl: rechargeDeadLetters,
    MessageQueueUrl: messages,
    MessageDeadLettersUrl: messageDeadLetters,
    EventDeadLettersUrl: unreadChanges,
    UndeliveredEventsUrl: undeliveredEvents,
  } = outputs;
  if (!recharges || !rechargeDeadLetters || !messages || !messageDeadLetters) {
    throw new OperateError(
      'not_ready',
      `The stack ${stack} does not say where its queues are: deploy it anew.`,
    );
  }
  return {
    sqs: await sqsClient(),
    sender: createSqs(),
    urls: {
      recharges,
      rechargeDeadLetters,
      messages,
      messageDeadLetters,
      unreadChanges,
      undeliveredEvents,
    },
  };
}

function stores(
  tableClient: DynamoDBDocumentClient,
  table: string,
  { logger, now }: Pick<Connection, 'logger' | 'now'>,
) {
  const client = withoutLongKeys(tableClient);
  const storageNow = storageClockOf(client);
  const ledger = createDynamoLedger(client, table);
  return {
    storageNow,
    table,
    ledger,
    accounts: createAccounts(client, table, ledger),
    rows: createDynamoRows(client, table),
    alerts: createAlertRows(client, table),
    refused: createRefusedCounts(client, table),
    sweeps: createSweeps(client, table),
    charging: createDynamoCharging(client, table, { freshMs: 0, now }),
    quarantine: createDynamoQuarantine(client, table),
    forgetQuarantined: (id: string) => forgetQuarantined(client, table, id),
    capture: createDynamoCapture(client, table),
    secretUses: createSecretUses(client, table, { logger, now }),
    messages: createDynamoMessages(client, table, now),
    receipts: createDynamoReceipts(client, table, now),
    waits: createDynamoWaits(client, table, now),
    logger,
    now,
  };
}

/** Where the relay receives, and what proves senders to it. */
export interface Inbound {
  /** Its own address, or that of its webhook: all routes have one origin. */
  url: string;
  secrets(): Promise<InboundSecrets>;
}

/** @throws an OperateError that says what to start, or to deploy, if there is none. */
export async function findInbound({ env, stack }: Target): Promise<Inbound> {
  if (stack === undefined) {
    const url = readRuntime(env)?.url;
    if (url === undefined) throw notStarted(env);
    return { url, secrets: async () => localSecrets(env).inbound };
  }
  const { WebhookUrl, InboundSecretId } = await readStack(stack);
  const { inboundSecrets } = await import('../shared/settings/secrets-manager.ts');
  return { url: WebhookUrl, secrets: () => inboundSecrets(InboundSecretId).get() };
}

/**
 * What proves the relay to others: never to be shown.
 *
 * @throws an OperateError that says what to start, or to deploy, if there is no relay.
 */
export async function findOutbound({ env, stack }: Target): Promise<OutboundSecrets> {
  if (stack === undefined) {
    if (readRuntime(env) === undefined) throw notStarted(env);
    return localSecrets(env).outbound;
  }
  const { OutboundSecretId } = await readStack(stack);
  const { outboundSecrets } = await import('../shared/settings/secrets-manager.ts');
  return outboundSecrets(OutboundSecretId).get();
}

/**
 * Where webhooks go, and the secret they are signed with.
 *
 * @param url instead of the relay's own address.
 * @throws an OperateError that says what to start, to deploy or to set, if something is missing.
 */
export async function findReceiver(target: Target, url?: string): Promise<{ url: string; secret: string }> {
  if (target.stack === undefined) {
    const receiver = url ?? readRuntime(target.env)?.url;
    if (receiver === undefined) throw notStarted(target.env);
    return { url: receiver, secret: localSecrets(target.env).inbound.webhook[0] ?? '' };
  }
  const { url: own, secrets } = await findInbound(target);
  const { webhook } = await secrets();
  if (!webhook[0]) {
    throw new OperateError('not_ready', 'No webhook secret is set yet. Set it: npx relay secrets init');
  }
  return { url: url ?? own, secret: webhook[0] };
}
