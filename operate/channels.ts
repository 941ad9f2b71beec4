import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { readRuntime } from '../local/state.ts';
import { openChannels } from '../shared/channels/all-channels.ts';
import type { Channel } from '../shared/channels/channels.ts';
import {
  DIRECTIONS,
  type Direction,
  isEnded,
  type Message,
  messageIdOf,
} from '../shared/channels/message.ts';
import { channelsSchema } from '../shared/channels/settings.ts';
import type { WaitsInForce } from '../shared/channels/waits.ts';
import { fileName, parseWith, readConfigFile } from '../shared/settings/config-file.ts';
import type { InboundSecrets } from '../shared/settings/secrets.ts';
import type { Connection, Inbound } from './connection.ts';
import { OperateError } from './error.ts';
import { butOnly } from './known-channels.ts';
import { proofsFor } from './proofs.ts';
import { secretsOf } from './routes.ts';
import { configFileOf, stageOf, type Target } from './target.ts';

/** What is read here of the configuration; the rest is checked where it is used. */
const fileSchema = z.looseObject({ channels: channelsSchema });

/**
 * The channels of the relay that `npm start` runs. For a stack they are those of the file from which it is
 * deployed, which may be newer than what is deployed.
 *
 * @throws an OperateError that names the file that is missing; ConfigError for its faults.
 */
export function findChannels(target: Target): ReadonlyMap<string, Channel> {
  const { stack, env } = target;
  if (stack === undefined) return openChannels(channelsSchema.parse(readRuntime(env)?.config.channels ?? {}));
  const file = configFileOf(target);
  if (file === undefined) {
    throw new OperateError(
      'not_ready',
      `There is no relay.config.${stageOf(stack)}.json here, so the channels of ${stack} are not known.`,
    );
  }
  return openChannels(parseWith(fileSchema, readConfigFile(file), fileName(file)).channels);
}

/** @throws an OperateError, `not_found`, that names those there are. */
export function findChannel(name: string, target: Target): Channel {
  const all = findChannels(target);
  const channel = all.get(name);
  if (channel) return channel;
  throw new OperateError('not_found', `There is no channel ${name}, ${butOnly(all)}.`);
}

/** An address of a channel, and what is missing before it lets anybody in. */
export interface ChannelAddress {
  direction: Direction;
  url: string;
  hasVerifier: boolean;
  hasSecret: boolean;
}

/**
 * @param url of the relay.
 * @param secrets as they are set.
 */
export function addressesOf(
  name: string,
  { adapter, settings }: Channel,
  url: string,
  secrets: InboundSecrets,
): ChannelAddress[] {
  const { origin } = new URL(url);
  const verifiers = {
    incoming: adapter.verifiers,
    outgoing: settings.outgoing.verifiers,
    send: settings.send.verifiers,
  };
  return DIRECTIONS.map((direction) => {
    const route = `/channels/${name}/${direction}`;
    return {
      direction,
      url: origin + route,
      hasVerifier: verifiers[direction].length > 0,
      hasSecret: secretsOf(route, secrets).length > 0,
    };
  });
}

/**
 * What the channel's chat system has asked us to wait for.
 *
 * @param tokens of all channels: two channels with one token are one sender.
 */
export const waitsOf = (
  { waits }: Pick<Connection, 'waits'>,
  name: string,
  tokens: Record<string, string>,
): Promise<WaitsInForce> =>
  waits.inForce({ channel: name, token: Object.hasOwn(tokens, name) ? (tokens[name] ?? '') : '' });

/** What a test of a channel tells while it goes on. */
export type ChannelTestStep =
  | { kind: 'sending'; contact: string; url: string }
  | { kind: 'answered'; status: number; body: string }
  /** The message as it is now; told whenever it has changed. */
  | { kind: 'stored'; message: Message };

/** Longer than an outage of a moment, shorter than a person's patience. */
const WATCHED_MS = 30_000;
const LOOK_EVERY_MS = 200;

/**
 * Sends a sample message as the channel's chat system would, and tells what happens to it.
 *
 * @param tell takes each step as it is made.
 * @returns the message as it was left.
 * @throws an OperateError if it cannot be sent, or the relay did not take it.
 */
export async function testChannel(
  name: string,
  { adapter }: Channel,
  { url, secrets }: Inbound,
  { messages, now }: Pick<Connection, 'messages' | 'now'>,
  tell: (step: ChannelTestStep) => void,
): Promise<Message> {
  const [secret] = secretsOf(`/channels/${name}/incoming`, await secrets());
  if (secret === undefined) {
    throw new OperateError('not_ready', `No secret is set. Set it: npx relay secrets set ${name}/incoming`);
  }
  const unique = randomBytes(6).toString('hex');
  const sample = {
    id: `relay-test-${unique}`,
    contact: 'relay-test',
    text: `Test of the channel ${name}, ${unique}`,
  };
  const body = Buffer.from(adapter.sample(sample, now()));
  const headers = {
    'content-type': 'application/json',
    ...proofsFor(adapter.verifiers, { secret, body, now: now() }),
  };
  const parsed = adapter.parse({ headers, query: {}, body }, sample.id);
  const [content] = parsed.kind === 'messages' ? parsed.messages : [];
  if (!content) throw new Error(`Bug! The adapter does not understand its own sample: ${parsed.kind}.`);
  const id = messageIdOf({ channel: name, direction: 'incoming', content });

  const target = new URL(`/channels/${name}/incoming`, url);
  tell({ kind: 'sending', contact: content.contact, url: target.href });
  const response = await fetch(target, { method: 'POST', headers, body });
  tell({ kind: 'answered', status: response.status, body: await response.text() });
  if (!response.ok)
    throw new OperateError(
      'refused',
      `The relay did not take it. Is channels.${name} in force, with the secret that is set (a running npm start takes a new one at its next start)?`,
    );
  return watch(id, messages, tell);
}

async function watch(
  id: string,
  messages: Connection['messages'],
  tell: (step: ChannelTestStep) => void,
): Promise<Message> {
  const endsAt = Date.now() + WATCHED_MS;
  let told: number | undefined;
  for (;;) {
    const row = await messages.read(id);
    if (row && row.version !== told) tell({ kind: 'stored', message: row });
    told = row?.version;
    if (row && (isEnded(row) || Date.now() > endsAt)) return row;
    if (Date.now() > endsAt) {
      throw new OperateError(
        'not_found',
        `The message ${id} was taken, and is not stored: is this the relay's table?`,
      );
    }
    await sleep(LOOK_EVERY_MS);
  }
}
