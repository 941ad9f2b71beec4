import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChangeMessageVisibilityCommand, MessageNotInflight } from '@aws-sdk/client-sqs';
import { ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, expect } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { createSandboxChat, type SandboxChat } from '../../local/sandbox/chat.ts';
import { DIALECTS, type DialectName } from '../../local/sandbox/dialects/index.ts';
import { createSandboxPlatform, type SandboxPlatform } from '../../local/sandbox/platform.ts';
import { type Content, type Message, messageIdOf, newMessage } from '../../shared/channels/message.ts';
import { createDynamoMessages } from '../../shared/channels/messages.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { createSqsClient } from '../../shared/storage/sqs-client.ts';
import { historySchema } from '../../shared/storage/table.ts';
import type { Env } from './relay-process.ts';

/** One for each way of a channel: none lets in what belongs to another. */
export const secretOf = (channel: string, way: string) => `secret-of-${channel}-${way}`;
/** The sandbox's chat asks for what it proves itself with. */
export const tokenOf = (channel: string) => secretOf(channel, 'incoming');
/** The platform signs all its replies with one. */
export const REPLY_SECRET = 'secret-of-the-replies';

const API_KEY = 'platform-key';
const verifiers = [{ type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' }];

/** What a reply of the sandbox's platform looks like. */
export const OUTGOING = { verifiers, id: '/messageId', contact: '/contactId', text: '/body' };

/** A channel between the sandbox's chat and its platform; the chat takes a message of one id once. */
export const chatChannel = (chat: { url: string } | undefined, { dedupes = true } = {}) => ({
  adapter: 'webhook',
  toId: 'agency-1',
  incoming: { verifiers, id: '/id', contact: '/contact', text: '/text' },
  delivery: {
    url: `${chat?.url}/messages`,
    headers: { authorization: 'Bearer {{token}}' },
    externalId: '/id',
    dedupes,
  },
  outgoing: OUTGOING,
  send: { verifiers },
});

type Chats = Record<string, SandboxChat>;

export interface ChannelParties {
  platform: SandboxPlatform;
  /** By channel. */
  chats: Chats;
  /** Of the channel `support`. */
  chat: SandboxChat;
  /** Puts them in the place of the relay's own sandbox. */
  env: Env;
  /** What contacts of a channel wrote, as the platform has it, in its order. */
  received(channel: string): { contact: string; text: string }[];
  /** What the chat of a channel has been given for its contacts, in its order. */
  delivered(channel?: string): { contact: string; text: string }[];
}

/** A channel's settings as the sandbox's chat system of this dialect needs them. */
export const vendorChannel = (dialect: DialectName, chat: { url: string } | undefined) => ({
  toId: 'agency-1',
  ...DIALECTS[dialect].settings(chat?.url ?? '', tokenOf(dialect)),
  outgoing: OUTGOING,
  send: { verifiers },
});

/**
 * A platform with a bot and chat systems as the test's own, and in `folder` the relay's configuration and secrets. Closed
 * after the last test of the file. There is a chat for each channel of `dialects`, with `tokenOf` the channel as its secret.
 */
export function useChannelParties() {
  const open: { close(): Promise<void> }[] = [];
  afterAll(async () => {
    await Promise.all(open.map((party) => party.close()));
  });
  return async (
    folder: string,
    channelsOf: (chats: Chats) => Record<string, object>,
    dialects: Record<string, DialectName> = { support: 'webhook' },
  ): Promise<ChannelParties> => {
    const platform = await createSandboxPlatform({
      apiKey: API_KEY,
      webhookSecret: REPLY_SECRET,
      // Never given up, however long the relay is away.
      webhookRetryMs: Array(500).fill(200),
    });
    open.push(platform);
    const chats: Chats = {};
    for (const [name, dialect] of Object.entries(dialects)) {
      const chat = await createSandboxChat({ dialect, secret: tokenOf(name), retryMs: [20, 100] });
      chats[name] = chat;
      open.push(chat);
    }
    const channels = channelsOf(chats);
    const names = Object.keys(channels);
    const config = join(folder, 'relay.config.json');
    // As fast as this platform is: what is tested here is not our own pace.
    writeFileSync(config, JSON.stringify({ platform: { requestsPerMinute: 60_000 }, channels }));
    writeFileSync(join(folder, 'secrets.json'), JSON.stringify(secretsOf(names)));
    return {
      platform,
      chats,
      get chat() {
        return chats.support ?? expect.unreachable('There is no channel "support".');
      },
      env: {
        PLATFORM_BASE_URL: `${platform.url}/v1`,
        PLATFORM_API_KEY: API_KEY,
        // Nobody answers there: no recharge is asked for.
        PAYMENT_HOOK_URL: 'http://127.0.0.1:9',
        RELAY_CONFIG: config,
      },
      received: (channel) =>
        platform.books.flatMap((event) =>
          event.kind === 'received' && event.channel === channel
            ? [{ contact: event.fromId, text: event.body }]
            : [],
        ),
      delivered: (channel = 'support') =>
        (chats[channel]?.books ?? []).flatMap((event) =>
          event.kind === 'delivered' ? [{ contact: event.contact, text: event.text }] : [],
        ),
    };
  };
}

function secretsOf(channels: string[]) {
  const ways = channels.flatMap((name) => [
    [`${name}/incoming`, [secretOf(name, 'incoming')]],
    [`${name}/outgoing`, [REPLY_SECRET]],
    [`${name}/send`, [secretOf(name, 'send')]],
  ]);
  return {
    inbound: { webhook: ['webhook-secret'], channels: Object.fromEntries(ways) },
    outbound: {
      platformApiKey: API_KEY,
      paymentHook: 'whsec_cGF5bWVudC1ob29rLXNlY3JldA==',
      channelTokens: Object.fromEntries(channels.map((name) => [name, tokenOf(name)])),
    },
  };
}

/** Where the platform sends its replies, of whichever channel. */
export const repliesTo = (platform: SandboxPlatform, relay: { url: string }) =>
  platform.setReplies(`${relay.url}/channels/{channel}/outgoing`, REPLY_SECRET);

export interface Post {
  channel?: string;
  way?: string;
  /** Signed with another one, nobody is let in. */
  secret?: string;
}

/** One request to a channel. @throws where there is no answer. */
export async function post(
  { url }: { url: string },
  payload: Record<string, unknown>,
  { channel = 'support', way = 'incoming', secret = secretOf(channel, way) }: Post = {},
): Promise<number> {
  const body = JSON.stringify(payload);
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  const response = await fetch(`${url}/channels/${channel}/${way}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-webhook-signature': signature },
    body,
  });
  await response.arrayBuffer();
  return response.status;
}

/** As chat systems do: again, until it is accepted, wherever the relay is by then. @throws where it never will be. */
export async function postUntilTaken(
  relay: () => { url: string } | Promise<{ url: string }>,
  payload: Record<string, unknown>,
  of?: Post,
): Promise<void> {
  for (;;) {
    const status = await post(await relay(), payload, of).catch(() => 0);
    if (status === 200 || status === 202) return;
    if (status !== 0 && status !== 500) throw new Error(`The relay answered ${status}.`);
    await sleep(AGAIN_MS);
  }
}

const AGAIN_MS = 20;

/** All that is stored by the relay of this folder, as it stands in the table. */
export async function itemsOf({ folder }: { folder: string }): Promise<Record<string, unknown>[]> {
  const { dynamodbEndpoint, table } = runtimeOf(folder);
  const client = createDocumentClient(engineAt(dynamodbEndpoint ?? ''));
  const items: Record<string, unknown>[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const page = await client.send(new ScanCommand({ TableName: table, ExclusiveStartKey: from }));
    items.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  client.destroy();
  return items;
}

/** A message as a webhook leaves it that ended right after the mark, a minute ago. @returns its id. */
export async function markOnly({ folder }: { folder: string }, content: Content): Promise<string> {
  const { dynamodbEndpoint, table = '' } = runtimeOf(folder);
  const client = createDocumentClient(engineAt(dynamodbEndpoint ?? ''));
  const aMinuteAgo = Date.now() - 60_000;
  const row = newMessage({ channel: 'support', direction: 'incoming', content }, aMinuteAgo);
  await createDynamoMessages(client, table, Date.now).mark(row);
  client.destroy();
  return messageIdOf(row);
}

/** Its messages, without their keys. */
export async function rowsOf(relay: { folder: string }): Promise<Message[]> {
  const rows = (await itemsOf(relay)).filter(({ pk }) => `${pk}`.startsWith('MESSAGE#'));
  return rows.map(({ history, ...row }): any => ({ ...row, history: historySchema.parse(history) }));
}

/** The sweeper finds a mark that a killed relay left unqueued after a minute: it is over at once, for one channel. */
export async function aMinutePasses({ folder }: { folder: string }, channel: string): Promise<void> {
  const { dynamodbEndpoint, table = '' } = runtimeOf(folder);
  const rows = (await rowsOf({ folder })).filter((row) => row.channel === channel);
  const marks = rows.filter(({ status, direction }) => status === 'received' && direction === 'incoming');
  const client = createDocumentClient(engineAt(dynamodbEndpoint ?? ''));
  for (const row of marks) {
    await client.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: `MESSAGE#${messageIdOf(row)}` },
        UpdateExpression: 'SET nextAttemptAt = :now',
        ExpressionAttributeValues: { ':now': Date.now() },
      }),
    );
  }
  client.destroy();
}

interface Inspected {
  messages: { ready: unknown[]; inflight: { receiptHandle: string }[] };
}

/** What the messages' queue, or its dead-letter queue, holds: as fauxqs shows it, beside what SQS can say. */
export async function inQueue({ folder }: { folder: string }, { dead = false } = {}) {
  const { sqsEndpoint, table } = runtimeOf(folder);
  const answer = await fetch(`${sqsEndpoint}/_fauxqs/queues/${table}-messages${dead ? '-dead' : ''}.fifo`);
  const { messages }: Inspected = JSON.parse(await answer.text());
  return messages;
}

/**
 * What a relay that was killed had in hand comes back after 12 s: those are over at once. What it deleted with its last
 * request, which the queue may have got after its death, does not come back.
 */
export async function twelveSecondsPass(relay: { folder: string }): Promise<number> {
  const { sqsEndpoint, queues } = runtimeOf(relay.folder);
  const { inflight } = await inQueue(relay);
  const client = createSqsClient(engineAt(sqsEndpoint ?? ''));
  await Promise.all(
    inflight.map(({ receiptHandle: ReceiptHandle }) => {
      const now = { QueueUrl: queues.messages, ReceiptHandle, VisibilityTimeout: 0 };
      return client.send(new ChangeMessageVisibilityCommand(now)).catch((error: unknown) => {
        if (!(error instanceof MessageNotInflight)) throw error;
      });
    }),
  );
  client.destroy();
  return inflight.length;
}

function runtimeOf(folder: string): any {
  return JSON.parse(readFileSync(join(folder, 'runtime.json'), 'utf8'));
}

/** The texts of each contact, in the order in which they came. */
export function byContact(messages: { contact: string; text: string }[]): Record<string, string[]> {
  const groups = Map.groupBy(messages, ({ contact }) => contact);
  return Object.fromEntries([...groups].map(([contact, own]) => [contact, own.map(({ text }) => text)]));
}
