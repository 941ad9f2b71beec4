import { sendOnce } from '../http.ts';
import { describeError } from '../logger.ts';
import { PlatformError, type PlatformOperations, PlatformRequestError } from '../platform/operations.ts';
import type { OutboundSecrets, Secrets } from '../settings/secrets.ts';
import type { Adapter, Delivery } from './adapter.ts';
import type { Channel } from './channels.ts';
import { type Content, type Message, messageIdOf } from './message.ts';
import type { Messages } from './messages.ts';
import type { Prepared, Targets } from './relay.ts';
import { type ChannelSettings, outgoingUnknown } from './settings.ts';

export interface TargetDeps {
  /** By name. */
  channels: ReadonlyMap<string, Channel>;
  operations: Pick<PlatformOperations, 'sendMessage' | 'receiveMessage'>;
  messages: Pick<Messages, 'replyTo'>;
  secrets: Secrets<Pick<OutboundSecrets, 'channelTokens'>>;
  /** For one request to a chat. */
  callMs: number;
  /** Called on every 401 of a chat: its token may have been changed a minute ago. */
  onUnauthorized: () => void;
  now: () => number;
}

/** The platform, for what comes from a chat or from the agency's own systems; the chat, for what comes from the platform. */
export function createTargets(deps: TargetDeps): Targets {
  return {
    unknownPolicy({ channel, direction }) {
      // The platform takes in a message of one `messageSid` once.
      if (direction === 'incoming') return 'repeat';
      const settings = deps.channels.get(channel)?.settings;
      if (!settings) return 'park';
      return direction === 'send' ? settings.send.unknown : outgoingUnknown(settings);
    },
    async prepare(message) {
      const channel = deps.channels.get(message.channel);
      if (!channel) throw new Error('the configuration has no such channel');
      // For the platform's key, too: its own call then finds it in memory, and waits for nothing.
      const { channelTokens } = await deps.secrets.get();
      if (message.direction !== 'outgoing') return toPlatform(message, channel.settings, deps.operations);
      const token = new Map(Object.entries(channelTokens)).get(message.channel) ?? '';
      return toChat(message, channel.adapter, token, deps);
    },
  };
}

function toPlatform(
  { channel, direction, content, ...row }: Message,
  settings: ChannelSettings,
  operations: TargetDeps['operations'],
): Prepared {
  const campaignId = content.campaignId ?? settings.campaignId;
  const message = {
    fromId: content.contact,
    // The platform knows no attachments: they travel as links.
    body: [content.text, ...content.attachments].filter((line) => line.trim() !== '').join('\n'),
    ...(campaignId === undefined ? {} : { campaignId }),
    ...nameOf(content),
  };
  const call = () =>
    direction === 'incoming'
      ? operations.receiveMessage({
          ...message,
          messageSid: messageIdOf({ channel, direction, content, ...row }),
          toId: settings.toId,
          channel: settings.label ?? channel,
          messageType: content.type,
        })
      : operations.sendMessage({ ...message, customChannel: settings.customChannel ?? channel });
  const parks = direction === 'send' && settings.send.unknown === 'park';
  return { parts: 1, send: () => call().then(delivered, (error: unknown) => deliveryOf(error, parks)) };
}

/** The platform takes no blank names. */
function nameOf({ firstName, lastName, email }: Content) {
  return {
    ...(firstName ? { firstName } : {}),
    ...(lastName ? { lastName } : {}),
    ...(email ? { email } : {}),
  };
}

const delivered = ({ messageId }: { messageId?: string }): Delivery => ({
  kind: 'delivered',
  ...(messageId === undefined ? {} : { externalId: messageId }),
});

/** @param parks whether the message ends where nobody knows. */
function deliveryOf(error: unknown, parks: boolean): Delivery {
  if (error instanceof PlatformRequestError) return { kind: 'refused', detail: error.message };
  // What else it rejects with was thrown before there was a request: the key could not be read.
  if (!(error instanceof PlatformError)) return { kind: 'not_applied', detail: describeError(error) };
  const { outcome: kind, status, retryAfterMs } = error;
  // However often it is sent, it stays too large, and its contact's later messages would wait for it.
  if (status === 413) return { kind: 'refused', detail: 'it is too large for the platform: status 413' };
  // Equal waits are one entry of the history; with a request id no two are equal.
  const waits = kind === 'not_applied' || (kind === 'unknown' && !parks);
  const detail = waits ? error.message.replace(/\.? \(request id [^)]*\)/, '') : error.message;
  if (kind !== 'not_applied' || retryAfterMs === undefined) return { kind, detail };
  return { kind, detail, retryAfterMs };
}

async function toChat(
  message: Message,
  adapter: Adapter,
  token: string,
  { messages, callMs, onUnauthorized, now }: TargetDeps,
): Promise<Prepared> {
  const { content } = message;
  if (adapter.needsToken && token.trim() === '') {
    throw new Error(`no token is set: npm run relay -- secrets set ${message.channel}/token`);
  }
  const replyTo = await messages.replyTo(message.channel, content.contact);
  const requests = adapter.requests(
    { ...content, ourId: messageIdOf(message), ...(replyTo === undefined ? {} : { replyTo }) },
    token,
  );
  return {
    parts: requests.length,
    async send(part) {
      const request = requests[part];
      if (!request) throw new Error(`Bug! There is no part ${part}.`);
      const reply = await sendOnce({ ...request, timeoutMs: callMs });
      if (reply.kind === 'response' && reply.status === 401) onUnauthorized();
      return adapter.judge(reply, now());
    },
  };
}
