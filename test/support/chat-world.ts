import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { createChannelWebhookHandler } from '../../functions/channel-webhook/handler.ts';
import { createChannelWorkerHandler } from '../../functions/channel-worker/handler.ts';
import { createRechargeSweeperHandler } from '../../functions/recharge-sweeper/handler.ts';
import { createMemoryLedger, EMPTY_TABLE } from '../../proof/memory-ledger.ts';
import { createMemoryMessages } from '../../proof/memory-messages.ts';
import { replayMessage } from '../../shared/channels/accept.ts';
import type { Adapter, Parsed } from '../../shared/channels/adapter.ts';
import type { Channel, OpenChannels } from '../../shared/channels/channels.ts';
import { productionMessagePolicy, type Sent } from '../../shared/channels/decide.ts';
import {
  type Content,
  type Direction,
  type Message,
  messageIdOf,
  newMessage,
} from '../../shared/channels/message.ts';
import type { Messages } from '../../shared/channels/messages.ts';
import type { MessageQueue, WorkQueue } from '../../shared/channels/queue.ts';
import type { RelayDeps, Targets } from '../../shared/channels/relay.ts';
import { channelSchema } from '../../shared/channels/settings.ts';
import { verifierSchema } from '../../shared/incoming/verifier-settings.ts';
import { createLogger } from '../../shared/logger.ts';
import type { Ledger } from '../../shared/recharge/ledger.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import { utc } from './builders.ts';
import { createFifo } from './fifo.ts';
import { type Around, everyVerb } from './ports.ts';

export const TOKEN = 'channel-token-5c1e';
export const CONTACT = '+15551234567';

/** A chat that says what it is told in the relay's own words: `{"messages": […]}`. */
/** One channel, with an adapter of the test's own. */
export const openedChannel = (name: string, channel: Channel): OpenChannels => ({
  settingsOf: (asked) => (asked === name ? channel.settings : undefined),
  open: async (asked) => (asked === name ? channel : undefined),
});

/** The channels, whose adapters take every request for what `parse` says. */
export const parsingAs = (channels: Pick<OpenChannels, 'open'>, parse: Adapter['parse']) => ({
  async open(name: string) {
    const channel = await channels.open(name);
    return channel && { ...channel, adapter: { ...channel.adapter, parse } };
  },
});

export const plainAdapter = (given: Partial<Adapter> = {}): Adapter => ({
  verifiers: [verifierSchema.parse({ type: 'token' })],
  parse: ({ body }): Parsed => ({ kind: 'messages', messages: JSON.parse(body.toString()).messages }),
  needsToken: false,
  maxLength: 1_000,
  place: ({ contact }) => contact,
  accepted: { status: 200, body: '{"ok":true}' },
  requests: () => [],
  judge: () => ({ kind: 'delivered' }),
  sample: () => '',
  ...given,
});

/** The settings of a channel whose chat is any other. */
export const plainSettings = (given: Record<string, unknown> = {}) =>
  channelSchema.parse({
    adapter: 'webhook',
    toId: 'agency-1',
    incoming: { verifiers: [{ type: 'token' }], id: '/id', contact: '/contact', text: '/text' },
    delivery: { url: 'https://chat.example.com/messages' },
    outgoing: { verifiers: [{ type: 'token' }], id: '/id', contact: '/to', text: '/text' },
    send: { verifiers: [{ type: 'token' }] },
    ...given,
  });

/** What one request to the receiver does: it arrives or not, and this is what the sender learns of it. */
export interface Fate {
  arrives: boolean;
  says: Sent;
  /** The run's clock goes on meanwhile. */
  takesMs?: number;
}

export const ARRIVES: Fate = { arrives: true, says: { kind: 'delivered' } };
export const NOT_NOW: Fate = { arrives: false, says: { kind: 'not_applied', detail: 'HTTP 429' } };
export const ASKS_FOR_A_DAY: Fate = {
  arrives: false,
  says: { kind: 'not_applied', detail: 'HTTP 429', retryAfterMs: 86_400_000 },
};
export const REFUSED: Fate = { arrives: false, says: { kind: 'refused', detail: 'no such contact' } };
export const ANSWER_LOST: Fate = { arrives: true, says: { kind: 'unknown', detail: 'no answer in time' } };
export const HANGS: Fate = { arrives: false, says: { kind: 'unknown', detail: 'no answer in time' } };

export interface ChatWorldOptions {
  /** `incoming` is safe to repeat; `send` is not. */
  direction?: Direction;
  /** What becomes of the requests of a text, one after the other; then, and where nothing is said, they arrive. */
  fates?: Record<string, Fate[]>;
  /** Parts of a text; 1 where nothing is said. */
  parts?: Record<string, number>;
  unknown?: 'repeat' | 'park';
  /** Where the chat says that it takes replies, whoever writes. */
  replyTo?: string;
  /** Until when the receiver asked for no request, in Unix milliseconds. */
  heldUntil?: (message: Message) => number | undefined;
}

/** There are no recharges and no receipts in these worlds. */
const elsewhere = (): never => {
  throw new Error('Bug! Nobody should ask for this here.');
};

/** The longest that a message is hidden for; it may wait for longer. */
const MAX_HIDDEN_MS = 39_600_000;
/** The sweeper's timeout. */
const SWEEP_MS = 50_000;

/** What a world keeps, in memory or in a table; there is no recharge. */
interface Stored {
  messages: Messages;
  ledger: Ledger;
}

/** One receiver with true books, one queue, one table, and a clock that stands still until it is moved. */
export function createChatWorld(
  { channel, storage }: { channel: string; storage: (now: () => number) => Stored },
  {
    direction = 'incoming',
    fates = {},
    parts = {},
    heldUntil = () => undefined,
    ...options
  }: ChatWorldOptions = {},
) {
  const unknown = options.unknown ?? (direction === 'incoming' ? 'repeat' : 'park');
  let time = utc('2026-01-05 12:00:00');
  const now = () => time;
  const lines: string[] = [];
  const logger = createLogger((line) => lines.push(line), { now });
  const fifo = createFifo(now);
  const dead: string[] = [];
  /** What the receiver has, in the order in which it came: texts, and `text/part` where there are several. */
  const arrived: { contact: string; what: string; at: number }[] = [];
  const requests: string[] = [];
  const left = structuredClone(fates);
  const known = new Set<string>();

  const request = (message: Message, part: number): Fate => {
    const { text, contact } = message.content;
    const what = (parts[text] ?? 1) > 1 ? `${text}/${part + 1}` : text;
    const fate = left[what]?.shift() ?? ARRIVES;
    requests.push(what);
    const id = `${messageIdOf(message)}-${part}`;
    const isAgain = unknown === 'repeat' && known.has(id);
    if (fate.arrives && !isAgain) arrived.push({ contact, what, at: time });
    if (fate.arrives) known.add(id);
    time += fate.takesMs ?? 0;
    return fate;
  };

  // All worlds share one table.
  const own = new Set<string>();
  const { messages: messagesOfAll, ledger } = storage(now);
  const bare: { messages: Messages; queue: MessageQueue & WorkQueue; targets: Targets } = {
    messages: {
      ...messagesOfAll,
      async mark(message) {
        own.add(messageIdOf(message));
        return messagesOfAll.mark(message);
      },
      async due(until, cursor) {
        const page = await messagesOfAll.due(until, cursor);
        return { ...page, items: page.items.filter((id) => own.has(id)) };
      },
    },
    queue: {
      send: async (message) =>
        fifo.send(
          message.content.contact,
          `${messageIdOf(message)}-${message.queuedNo}`,
          JSON.stringify({ message: messageIdOf(message) }),
        ),
      hide: async (received, ms) => {
        for (const { receiptHandle } of received) fifo.hide(receiptHandle, Math.min(ms, MAX_HIDDEN_MS));
      },
      bury: async ({ body }) => void dead.push(body),
    },
    targets: {
      unknownPolicy: () => unknown,
      prepare: async (message) => ({
        parts: parts[message.content.text] ?? 1,
        held: async () => heldUntil(message),
        send: async (part) => request(message, part).says,
      }),
    },
  };

  /** A new process, with `around` between it and every one of its ports. */
  const start = (around: Around = (_port, work) => work()) => {
    const messages = everyVerb('messages', bare.messages, around);
    const queue = everyVerb('queue', bare.queue, around);
    const targets: Targets = {
      unknownPolicy: bare.targets.unknownPolicy,
      prepare: async (message) => {
        const prepared = await around('target.prepare', () => bare.targets.prepare(message));
        return { ...prepared, send: (part) => around('target.send', () => prepared.send(part)) };
      },
    };
    const deps: RelayDeps & { queue: WorkQueue } = {
      messages,
      queue,
      targets,
      policy: productionMessagePolicy,
      logger,
      now,
      sleep: (ms) =>
        around('sleep', async () => {
          time += ms;
        }),
    };
    const channels = openedChannel(channel, { settings: plainSettings(), adapter: plainAdapter() });
    const receive = createChannelWebhookHandler({
      channels,
      messages,
      queue,
      secrets: {
        get: async () => ({ channels: { [`${channel}/${direction}`]: [TOKEN] } }),
        reread: async () => 'kept',
        doubt: () => {},
      },
      receipts: {
        note: elsewhere,
        read: async () => undefined,
      },
      quarantine: { keep: async () => 'kept' },
      capture: { take: async () => false },
      secretUses: { saw: async () => {} },
      refusals: { answered: async () => {} },
      logger,
      now,
    });
    const work = createChannelWorkerHandler(deps);
    const sweep = createRechargeSweeperHandler({
      ledger: everyVerb('ledger', ledger, around),
      queue: { send: elsewhere },
      messages,
      messageQueue: queue,
      sweeps: { note: async () => {} },
      policy: productionPolicy,
      logger,
      now,
    });
    return {
      deps,
      /** @returns the HTTP status. */
      async webhook(text: string, contact = CONTACT): Promise<number> {
        const path = `/channels/${channel}/${direction}`;
        const { statusCode = 0 } = await receive(
          webhookEvent(path, bodyOf(direction, contentOf(text, contact))),
        );
        return statusCode;
      },
      /** Receives a batch, as Lambda does, and deletes what succeeded. @param kept is not deleted all the same. */
      async worker(
        batch = fifo.receive(),
        leftMs = productionMessagePolicy.runMs,
        kept?: string,
      ): Promise<void> {
        const endsAt = time + leftMs;
        const { batchItemFailures } = await work(
          { Records: batch },
          { getRemainingTimeInMillis: () => endsAt - time },
        );
        const failed = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
        for (const { messageId, receiptHandle } of batch) {
          if (!failed.includes(messageId) && receiptHandle !== kept) fifo.delete(receiptHandle);
        }
      },
      /** Brings back what is due at this time. */
      async sweeper(): Promise<void> {
        await sweep({}, { getRemainingTimeInMillis: () => SWEEP_MS });
      },
      replay: (text: string) => replayMessage(idOf(text), { messages, queue, logger, now }),
    };
  };

  const contentOf = (text: string, contact: string): Content => ({
    id: `id of ${text}`,
    contact,
    type: 'text',
    text,
    attachments: [],
    ...(options.replyTo === undefined ? {} : { replyTo: options.replyTo }),
  });
  const idOf = (text: string) => messageIdOf({ channel, direction, content: { id: `id of ${text}` } });
  return {
    channel,
    start,
    fifo,
    dead,
    arrived,
    requests,
    messages: bare.messages,
    now,
    advance(ms: number) {
      time += ms;
    },
    moveTo(at: number) {
      time = Math.max(time, at);
    },
    idOf,
    /** As a process leaves it that ended right after the mark. */
    async mark(text: string, contact = CONTACT): Promise<void> {
      await bare.messages.mark(newMessage({ channel, direction, content: contentOf(text, contact) }, time));
    },
    async row(text: string): Promise<Message> {
      const row = await bare.messages.read(idOf(text));
      if (!row) throw new Error(`There is no row of "${text}".`);
      return row;
    },
    lines: (): Record<string, unknown>[] => lines.map((line) => JSON.parse(line)),
    alerts: (): unknown[] =>
      lines
        .map((line) => JSON.parse(line))
        .filter(({ level }) => level === 'alert')
        .map(({ message }) => message),
  };
}

export type ChatWorld = ReturnType<typeof createChatWorld>;
export type ChatProcess = ReturnType<ChatWorld['start']>;

function bodyOf(direction: Direction, content: Content): string {
  const { id, contact, text } = content;
  switch (direction) {
    case 'incoming':
      return JSON.stringify({ messages: [content] });
    case 'outgoing':
      return JSON.stringify({ id, to: contact, text });
    case 'send':
      return JSON.stringify({ id, fromId: contact, body: text });
  }
}

/** Only the parts the handler reads. */
export function webhookEvent(
  rawPath: string,
  body: string | Buffer,
  headers: Record<string, string> = { 'x-webhook-token': TOKEN },
): APIGatewayProxyEventV2 {
  const isBase64Encoded = typeof body !== 'string';
  const text = isBase64Encoded ? body.toString('base64') : body;
  return { rawPath, body: text, headers, isBase64Encoded } as unknown as APIGatewayProxyEventV2;
}

/** A world whose messages are in memory, which the contract suite holds equal to the engine's: for many worlds at once. */
export const chatWorldInMemory = (options?: ChatWorldOptions): ChatWorld =>
  createChatWorld(
    {
      channel: 'chat',
      storage: (now) => ({
        messages: createMemoryMessages(now),
        ledger: createMemoryLedger({ table: EMPTY_TABLE }),
      }),
    },
    options,
  );
