import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { channelNameSchema, DIRECTIONS, type Direction } from '../shared/channels/message.ts';
import { faultOfKey } from '../shared/payments/stripe/key.ts';
import { OperateError } from './error.ts';
import type { KnownChannel, KnownChannels } from './known-channels.ts';
import type { PaymentType } from './payment-type.ts';
import type { EntryName, Values } from './secret-entries.ts';

/** Made here, and told to another party. */
interface Made {
  make(): string;
  pasteInto: string;
}
/** Made by another party, and told to us. */
interface Told {
  madeBy: string;
}

/** One secret: what it is called, where it is kept, and who makes it. */
export type Secret = {
  name: string;
  /** Of those of a channel. */
  channel?: string;
  entry: EntryName;
  question: string;
  /** What becomes of the value before. */
  replaced: string;
  /** Only a relay whose payments are of this type uses it. */
  payment?: PaymentType;
  /**
   * What is wrong with a value, beyond its characters, as `faultOf` says it.
   *
   * @param live whether the relay is in production.
   */
  fault?(value: string, live: boolean): string | undefined;
  /** The current value first, then those before, which are accepted until they are dropped; none is blank. */
  of(values: Values): string[];
  /** The values with these of it; of one that we show to others only the first counts. */
  with(values: Values, held: string[]): Values;
} & (Made | Told);
export type MadeSecret = Secret & Made;

/** @throws an OperateError, `refused`, for one that only another party can make. */
export function madeHere(secret: Secret): MadeSecret {
  if ('make' in secret) return secret;
  const { madeBy, name } = secret;
  throw new OperateError(
    'refused',
    `${madeBy} makes ${name}, not the relay: take a new one from there, with secrets set ${name}.`,
  );
}

const filled = (values: string[]) => values.filter((value) => value.trim() !== '');
const staysValid = (name: string) =>
  `The one before stays valid beside it, until you drop it (secrets drop ${name}).`;

/**
 * Hex digits are base64, too, and need no escape in an address. Every verifier takes them, and so does Telegram,
 * whose `secret_token` is letters, digits, `_` and `-` (https://core.telegram.org/bots/api#setwebhook).
 */
const makeInbound = () => `whsec_${randomBytes(24).toString('hex')}`;
const telegramFault = (value: string) =>
  /^[\w-]{1,256}$/.test(value) ? undefined : 'is at most 256 letters, digits, _ and -, as Telegram takes it';

const isStandardWebhooksSecret = (value: string) =>
  value.startsWith('whsec_') && z.base64().min(1).safeParse(value.slice('whsec_'.length)).success;

const webhook: Secret = {
  name: 'webhook',
  entry: 'inbound',
  question: "The platform's webhook secret",
  replaced: staysValid('webhook'),
  make: makeInbound,
  pasteInto: "the platform's settings for the auto-recharge webhook",
  of: (values) => filled(values.webhook ?? []),
  with: (values, held) => ({ ...values, webhook: held }),
};
const platformApiKey: Secret = {
  name: 'platformApiKey',
  entry: 'outbound',
  question: "The platform's API key",
  replaced: 'Let the platform accept the one before until then.',
  madeBy: 'The platform',
  of: (values) => filled([values.platformApiKey ?? '']),
  with: (values, [platformApiKey = '']) => ({ ...values, platformApiKey }),
};
const paymentHook: Secret = {
  name: 'paymentHook',
  entry: 'outbound',
  question: "The payment endpoint's signing secret, whsec_…",
  replaced: 'Your payment endpoint must accept the one before and this one until then.',
  payment: 'http',
  fault: (value) =>
    isStandardWebhooksSecret(value) ? undefined : 'is whsec_ and base64, as Standard Webhooks defines it',
  make: () => `whsec_${randomBytes(24).toString('base64')}`,
  pasteInto: 'the settings of your payment endpoint',
  of: (values) => filled([values.paymentHook ?? '']),
  with: (values, [paymentHook = '']) => ({ ...values, paymentHook }),
};
const stripeKey: Secret = {
  name: 'stripeKey',
  entry: 'outbound',
  question: "Stripe's restricted key, rk_…",
  replaced: 'Let the one before live at Stripe until then.',
  payment: 'stripe',
  fault: faultOfKey,
  madeBy: 'Stripe',
  of: (values) => filled([values.stripeKey ?? '']),
  with: (values, [stripeKey = '']) => ({ ...values, stripeKey }),
};
const stripeWebhook: Secret = {
  name: 'stripeWebhook',
  entry: 'inbound',
  question: "The signing secret of Stripe's webhook, whsec_…",
  replaced: staysValid('stripeWebhook'),
  payment: 'stripe',
  fault: (value) =>
    /^whsec_.{8,}$/.test(value) ? undefined : 'is no signing secret of Stripe: they begin with whsec_',
  madeBy: 'Stripe',
  of: (values) => filled(values.stripeWebhook ?? []),
  with: (values, held) => ({ ...values, stripeWebhook: held }),
};
/** Of the relay as a whole. */
export const OWN_SECRETS = [webhook, platformApiKey, paymentHook, stripeKey, stripeWebhook];

/** Those that a relay needs which is paid in this way. */
export const ownSecretsFor = (type: PaymentType) =>
  OWN_SECRETS.filter(({ payment = type }) => payment === type);

/** Who sends to a channel's address, and makes the secret unless it is made here. */
function partyOf(channel: string, direction: Direction, known: KnownChannel = {}): Made | Told {
  const address = `/channels/${channel}/${direction}`;
  const made = (pasteInto: string) => ({ make: makeInbound, pasteInto });
  if (direction === 'outgoing') return made(`the platform's settings for its replies, to ${address}`);
  if (direction === 'send') return made(`your own systems, which POST to ${address}`);
  switch (known.adapter) {
    case 'slack':
      return { madeBy: 'Slack' };
    case 'twilio':
      return { madeBy: 'Twilio' };
    case 'respondio':
      return { madeBy: 'respond.io' };
    case 'chatwoot':
      // A Chatwoot that does not sign is let in by a token in the address. We make that token.
      return known.verifiers?.some(({ type }) => type === 'token')
        ? made(`Chatwoot's webhook, whose address is ${address}?token= and this`)
        : { madeBy: 'Chatwoot' };
    case 'telegram':
      return made(`the secret_token of Telegram's setWebhook (docs/channels.md), for ${address}`);
    default:
      return made(`the settings of the chat system that POSTs to ${address}`);
  }
}

const INBOUND_QUESTIONS: Record<Direction, (channel: string) => string> = {
  incoming: (channel) => `The secret of the chat system of ${channel}`,
  outgoing: (channel) => `The secret of the platform's replies on ${channel}`,
  send: (channel) => `The secret of your own systems on ${channel}`,
};

function inboundSecret(channel: string, direction: Direction, known?: KnownChannel): Secret {
  const name = `${channel}/${direction}`;
  return {
    name,
    channel,
    entry: 'inbound',
    question: INBOUND_QUESTIONS[direction](channel),
    replaced: staysValid(name),
    ...(direction === 'incoming' && known?.adapter === 'telegram' ? { fault: telegramFault } : {}),
    ...partyOf(channel, direction, known),
    of: ({ channels = {} }) => filled(channels[name] ?? []),
    with: (values, held) => ({ ...values, channels: { ...values.channels, [name]: held } }),
  };
}

function tokenSecret(channel: string): Secret {
  return {
    name: `${channel}/token`,
    channel,
    entry: 'outbound',
    question: `The token that delivers to the chat system of ${channel}`,
    replaced: 'Let the chat system accept the one before until then.',
    madeBy: 'The chat system',
    // A channel may be called `constructor`.
    of: ({ channelTokens = {} }) =>
      filled(Object.hasOwn(channelTokens, channel) ? [channelTokens[channel] ?? ''] : []),
    with: (values, [token = '']) => ({
      ...values,
      channelTokens: { ...values.channelTokens, [channel]: token },
    }),
  };
}

export const secretsOfChannel = (channel: string, known?: KnownChannel): Secret[] => [
  ...DIRECTIONS.map((direction) => inboundSecret(channel, direction, known)),
  tokenSecret(channel),
];

/** Undefined for what names no secret. */
export function secretNamed(name: string, channels?: KnownChannels): Secret | undefined {
  const own = OWN_SECRETS.find((secret) => secret.name === name);
  const [channel = ''] = name.split('/');
  if (own || !channelNameSchema.safeParse(channel).success) return own;
  return secretsOfChannel(channel, channels?.get(channel)).find((secret) => secret.name === name);
}
