import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { channelWebhookDeps } from '../../../functions/channel-webhook/deps.ts';
import {
  type ChannelWebhookDeps,
  createChannelWebhookHandler,
} from '../../../functions/channel-webhook/handler.ts';
import { createQueue } from '../../../local/engines.ts';
import { type Message, messageIdOf } from '../../../shared/channels/message.ts';
import { createDynamoMessages } from '../../../shared/channels/messages.ts';
import { createSqsMessageQueue, readMessageId } from '../../../shared/channels/queue.ts';
import { channelsSchema } from '../../../shared/channels/settings.ts';
import { createDynamoQuarantine } from '../../../shared/incoming/quarantine.ts';
import { createLogger } from '../../../shared/logger.ts';
import { createSecrets, inboundSecretsSchema } from '../../../shared/settings/secrets.ts';
import { TOKEN, webhookEvent } from '../../support/chat-world.ts';
import { useQueue } from '../../support/queue.ts';
import { useLedger } from '../../support/store.ts';

export const NOW = Date.UTC(2026, 0, 5, 12, 0, 0);
export const MINUTE = 60_000;
export const STANDARD_SECRET = `whsec_${Buffer.from('outgoing-secret-of-a-test').toString('base64')}`;
export const SLACK_SECRET = 'slack-signing-secret';

export const CHANNELS = {
  support: {
    adapter: 'webhook',
    toId: 'agency-1',
    incoming: {
      verifiers: [{ type: 'token' }],
      id: '/id',
      contact: '/from',
      text: '/text',
      firstName: '/name',
      replyTo: '/reply',
      attachments: '/files',
      ignore: [{ at: '/echo', equals: true }],
    },
    delivery: { url: 'https://chat.example.com/messages' },
    outgoing: {
      verifiers: [{ type: 'token' }, { type: 'standard-webhooks' }],
      id: '/messageId',
      contact: '/to',
      text: '/body',
    },
    send: { verifiers: [{ type: 'token' }] },
  },
  team: { adapter: 'slack', toId: 'agency-1' },
};

interface Given {
  channels?: Record<string, unknown>;
  deps?: (deps: ChannelWebhookDeps) => Partial<ChannelWebhookDeps>;
}

/** One table for each test of a file, and handlers over it with a queue each. */
export function useChannelWebhook() {
  const store = useLedger();
  const queue = useQueue();
  let queues = 0;

  /** The handler over real engines, its clock, and what it logged. */
  async function aWebhook({ channels = CHANNELS, deps: change = () => ({}) }: Given = {}) {
    const { client, table } = store();
    const sqs = queue().client;
    queues += 1;
    const queueUrl = await createQueue(sqs, {
      name: `messages-${queues}.fifo`,
      deadLetterName: `messages-${queues}-dead.fifo`,
      visibilityTimeoutSeconds: 30,
      maxReceiveCount: 1_000,
    });
    const clock = { now: NOW };
    const now = () => clock.now;
    const lines: string[] = [];
    const secret = {
      channels: {
        'support/incoming': [TOKEN],
        'support/outgoing': [TOKEN, STANDARD_SECRET],
        'support/send': [TOKEN],
        'team/incoming': [SLACK_SECRET],
      },
    };
    const deps = channelWebhookDeps({
      config: { channels: channelsSchema.parse(channels) },
      client,
      table,
      secrets: createSecrets('inbound', async () => JSON.stringify(secret), inboundSecretsSchema, { now }),
      queue: createSqsMessageQueue(queue().sender, queueUrl),
      logger: createLogger((line) => lines.push(line), { now }),
      now,
    });
    const handler = createChannelWebhookHandler({ ...deps, ...change(deps) });
    const messages = createDynamoMessages(client, table, now);
    return {
      clock,
      queueUrl,
      messages,
      deps,
      lines: (): any[] => lines.map((line) => JSON.parse(line)),
      text: () => lines.join('\n'),
      alerts: () => lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'alert'),
      async post(route: string, body: unknown, headers?: Record<string, string>) {
        const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
        const answer = await handler(webhookEvent(`/channels/${route}`, bytes, headers));
        const { statusCode: status = 0, body: text = '' } = answer;
        return { status, body: text.startsWith('{') ? JSON.parse(text) : text, headers: answer.headers };
      },
      handler,
      /** The ids that wait, each once, in the order in which the queue gives them. */
      async queued(): Promise<string[]> {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
        );
        return Messages.map(({ Body = '' }) => readMessageId(Body));
      },
      async rows(): Promise<(Message & { pk: string })[]> {
        const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
        return Items.filter(({ pk }) => pk.startsWith('MESSAGE#')) as (Message & { pk: string })[];
      },
      quarantine: createDynamoQuarantine(client, table),
    };
  }

  return { store, sqs: () => queue().client, aWebhook };
}

export const INCOMING = { id: 'm-1', from: '+15551234567', text: 'Hello', name: 'Jane' };
export const OUTGOING = { messageId: 'p-1', to: '+15551234567', body: 'Hi Jane' };
export const SEND = { id: 's-1', fromId: '+15551234567', body: 'Your order is on its way' };
export const idOf = (direction: Message['direction'], id: string, channel = 'support') =>
  messageIdOf({ channel, direction, content: { id } });
