import { sendOnce } from '../http.ts';
import { describeError } from '../logger.ts';
import { PlatformError, type PlatformOperations, PlatformRequestError } from '../platform/operations.ts';
import type { OutboundSecrets, Secrets } from '../settings/secrets.ts';
import type { Adapter, Delivery, ForDelivery } from './adapter.ts';
import { withLinks } from './adapters/text.ts';
import type { OpenChannels } from './channels.ts';
import type { Sent, UnknownPolicy } from './decide.ts';
import { type Content, type Cut, type Message, messageIdOf } from './message.ts';
import type { Messages } from './messages.ts';
import type { Linked } from './receipt.ts';
import type { Prepared, Targets } from './relay.ts';
import type { ChannelSettings } from './settings.ts';
import type { Sender, Waits } from './waits.ts';

export interface TargetDeps {
  /** By name. */
  channels: OpenChannels;
  operations: Pick<PlatformOperations, 'sendMessage' | 'receiveMessage'>;
  messages: Pick<Messages, 'known' | 'rememberReplyTo' | 'rememberLength'>;
  /** Notes whose message it is that a chat calls so. */
  link(of: Linked): Promise<void>;
  waits: Pick<Waits, 'until' | 'keep'>;
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
      const settings = deps.channels.settingsOf(channel);
      if (!settings) return 'park';
      return direction === 'send' ? settings.send.unknown : outgoingUnknown(settings);
    },
    async prepare(message) {
      const channel = await deps.channels.open(message.channel);
      if (!channel) throw new Error('the configuration has no such channel');
      // This also loads the platform's key. The platform's call then finds it in memory and awaits nothing.
      const { channelTokens } = await deps.secrets.get();
      if (message.direction !== 'outgoing') return toPlatform(message, channel.settings, deps.operations);
      return toChat(message, channel.adapter, tokenOf(message.channel, channelTokens), deps);
    },
    async link(message) {
      const { channel, direction, externalIds } = message;
      if (direction !== 'outgoing' || !(await deps.channels.open(channel))?.adapter.reportsDelivery) return;
      const id = messageIdOf(message);
      for (const [part, externalId] of externalIds.entries()) {
        await deps.link({ channel, externalId, of: { id, part } });
      }
    },
    report: (message) => reportEnd(message, deps),
  };
}

/** What a delivery means whose outcome nobody knows: repeated only where the chat system dedupes by our id. */
export function outgoingUnknown(settings: ChannelSettings): UnknownPolicy {
  const dedupes = settings.adapter === 'webhook' && settings.delivery.dedupes;
  return settings.outgoing.unknown ?? (dedupes ? 'repeat' : 'park');
}

/** @returns why the chat did not take it; undefined where it did, or wants to hear nothing. */
async function reportEnd(message: Message, deps: TargetDeps): Promise<string | undefined> {
  const { channel, direction, status: ended, content } = message;
  const adapter = direction === 'incoming' ? (await deps.channels.open(channel))?.adapter : undefined;
  if (adapter?.report === undefined || (ended !== 'delivered' && ended !== 'failed')) return undefined;
  const token = tokenOf(channel, (await deps.secrets.get()).channelTokens);
  if (adapter.needsToken && token.trim() === '') return 'no token is set';
  const sender = { channel, token, place: adapter.place(content) };
  if ((await deps.waits.until(sender)) !== undefined) return 'the chat asked us to wait';
  const told = { id: content.id, contact: content.contact, ourId: messageIdOf(message) };
  const request = adapter.report(told, { ended, token, now: deps.now() });
  const reply = await sendOnce({ ...request, timeoutMs: deps.callMs });
  if (reply.kind !== 'response') return reply.detail;
  const judged = keepable(adapter.judge(reply, deps.now()));
  if (judged.kind === 'not_applied' && judged.whoWaits && judged.retryAfterMs !== undefined) {
    await deps.waits.keep(sender, judged.whoWaits, deps.now() + judged.retryAfterMs);
  }
  return reply.status < 300 ? undefined : `HTTP ${reply.status}`;
}

/** Own names only: a channel may be called `constructor`. */
const tokenOf = (channel: string, tokens: Record<string, string>) =>
  new Map(Object.entries(tokens)).get(channel) ?? '';

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
  return {
    parts: 1,
    held: async () => undefined,
    send: () => call().then(delivered, (error: unknown) => deliveryOf(error, parks)),
  };
}

/** The platform takes no blank names. */
function nameOf({ firstName, lastName, email }: Content) {
  return {
    ...(firstName ? { firstName } : {}),
    ...(lastName ? { lastName } : {}),
    ...(email ? { email } : {}),
  };
}

const delivered = ({ messageId }: { messageId?: string }): Sent => ({
  kind: 'delivered',
  ...named(messageId),
});

/** @param parks whether the message ends where nobody knows. */
function deliveryOf(error: unknown, parks: boolean): Sent {
  if (error instanceof PlatformRequestError) return { kind: 'refused', detail: error.message };
  // Any other error was thrown before there was a request: the key could not be read.
  if (!(error instanceof PlatformError)) return { kind: 'not_applied', detail: describeError(error) };
  const { outcome: kind, status, retryAfterMs } = error;
  // The message stays too large however often it is sent, and its contact's later messages would wait for it.
  if (status === 413) return { kind: 'refused', detail: 'it is too large for the platform: status 413' };
  // The history merges equal waits into one entry. With a request id in them, no two would be equal.
  const waits = kind === 'not_applied' || (kind === 'unknown' && !parks);
  const detail = waits ? error.message.replace(/\.? \(request id [^)]*\)/, '') : error.message;
  if (kind !== 'not_applied' || retryAfterMs === undefined) return { kind, detail };
  return { kind, detail, retryAfterMs };
}

async function toChat(
  message: Message,
  adapter: Adapter,
  token: string,
  deps: TargetDeps,
): Promise<Prepared> {
  const { content, channel } = message;
  if (adapter.needsToken && token.trim() === '') {
    throw new Error(`no token is set: npx relay secrets set ${channel}/token`);
  }
  const { replyTo, maxLength } = await deps.messages.known(channel, content.contact);
  const cuts = message.cuts ?? (maxLength === undefined ? [] : [{ fromPart: 0, maxLength }]);
  const given: ForDelivery = {
    ...content,
    ourId: messageIdOf(message),
    receivedAt: message.receivedAt,
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(cuts.length === 0 ? {} : { cuts }),
  };
  const requests = adapter.requests(given, token);
  const sender = { channel, token, place: adapter.place(given) };
  return {
    parts: requests.length,
    held: () => deps.waits.until(sender),
    async send(part) {
      const request = requests[part];
      if (!request) throw new Error(`Bug! There is no part ${part}.`);
      const reply = await sendOnce({ ...request, timeoutMs: deps.callMs });
      if (reply.kind === 'response' && reply.status === 401) deps.onUnauthorized();
      const delivery = withoutToken(keepable(adapter.judge(reply, deps.now())), token);
      return followed(delivery, { message, given, part, sender }, adapter, deps);
    },
  };
}

/**
 * What a row can hold, whatever the other side says. A wait is in whole milliseconds (it may say `64.57` seconds) and a
 * length in whole characters: a row with a fraction could not be read again. An id beyond 255 characters is none: it would
 * fill the row.
 */
function keepable(delivery: Delivery): Delivery {
  if (delivery.kind === 'not_applied' && delivery.retryAfterMs !== undefined) {
    return { ...delivery, retryAfterMs: Math.ceil(Math.min(delivery.retryAfterMs, LONGEST_WAIT_MS)) };
  }
  if (delivery.kind === 'too_long' && delivery.maxLength !== undefined) {
    return { ...delivery, maxLength: Math.floor(Math.min(delivery.maxLength, Number.MAX_SAFE_INTEGER)) };
  }
  if (delivery.kind !== 'delivered') return delivery;
  const { externalId, ...rest } = delivery;
  return { ...rest, ...named(externalId) };
}

/** The longest id that is read anywhere. */
const MAX_ID_LENGTH = 255;
const named = (externalId: string | undefined) =>
  externalId === undefined || externalId.length > MAX_ID_LENGTH ? {} : { externalId };

/** Ten times as long as a message is worth delivering. */
const LONGEST_WAIT_MS = 30 * 24 * 3_600_000;

/** A system that repeats the request in its answer repeats our token, too. */
const withoutToken = <Any extends Delivery>(delivery: Any, token: string): Any =>
  'detail' in delivery && token.trim() !== ''
    ? { ...delivery, detail: delivery.detail.replaceAll(token, '(the token)') }
    : delivery;

/**
 * Stores what the other side asks for before the next try, so that it holds for everything else that is sent there.
 * Nothing was delivered. If storage fails, this message waits anyway, and the other side tells the next one again.
 */
async function followed(
  delivery: Delivery,
  { message, given, part, sender }: { message: Message; given: ForDelivery; part: number; sender: Sender },
  adapter: Adapter,
  { messages, waits, now }: TargetDeps,
): Promise<Sent> {
  const { channel, content } = message;
  const of = { channel, contact: content.contact, at: now() };
  switch (delivery.kind) {
    case 'not_applied': {
      const { whoWaits, ...rest } = delivery;
      if (whoWaits === undefined || delivery.retryAfterMs === undefined) return rest;
      return noted(rest, () => waits.keep(sender, whoWaits, now() + (delivery.retryAfterMs ?? 0)));
    }
    case 'moved':
      return noted(delivery, () => messages.rememberReplyTo({ ...of, replyTo: delivery.replyTo }));
    case 'too_long': {
      const { detail } = delivery;
      const cuts = shorter(given, part, adapter.maxLength, delivery.maxLength);
      const maxLength = cuts?.at(-1)?.maxLength;
      if (cuts === undefined || maxLength === undefined) return { kind: 'refused', detail };
      return noted({ kind: 'shortened', detail, cuts }, () => messages.rememberLength({ ...of, maxLength }));
    }
    default:
      return delivery;
  }
}

async function noted(sent: Sent, write: () => Promise<void>): Promise<Sent> {
  try {
    await write();
    return sent;
  } catch (error) {
    if (sent.kind === 'not_applied') return sent;
    const said = 'detail' in sent ? sent.detail : '';
    return { kind: 'not_applied', detail: `${said}, which could not be kept: ${describeError(error)}` };
  }
}

/** What is shorter than this is no text any more. */
const LEAST_LENGTH = 20;
/** Each of them halves the text at least, so more are never needed. */
const MOST_CUTS = 20;

/**
 * The cuts with one more: to the named length, or else to half of what was too long.
 *
 * @returns undefined where there is nothing left to cut.
 */
function shorter(given: ForDelivery, part: number, adapterMax: number, named?: number): Cut[] | undefined {
  const { cuts = [] } = given;
  const most = Math.min(adapterMax, withLinks(given).length, ...cuts.map(({ maxLength }) => maxLength));
  const maxLength = named !== undefined && named < most ? named : Math.floor(most / 2);
  return maxLength < LEAST_LENGTH || cuts.length >= MOST_CUTS
    ? undefined
    : [...cuts, { fromPart: part, maxLength }];
}
