import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { readRuntime } from '../local/state.ts';
import { type Channel, openChannels } from '../shared/channels/channels.ts';
import { DIRECTIONS, isEnded, type Message, messageIdOf } from '../shared/channels/message.ts';
import { channelsSchema } from '../shared/channels/settings.ts';
import { fileName, ownConfigFile, parseWith, readConfigFile } from '../shared/settings/config-file.ts';
import type { InboundSecrets } from '../shared/settings/secrets.ts';
import type { Connection, Inbound } from './connection.ts';
import { messageTimeline } from './messages.ts';
import { proofsFor } from './proofs.ts';

/** What is read here of the configuration; the rest is checked where it is used. */
const fileSchema = z.looseObject({ channels: channelsSchema });

/**
 * The channels of the relay `npm start` runs; for a stack those of the file it is deployed from, which may be
 * newer than what is deployed.
 *
 * @throws an Error that names the file that is missing; ConfigError for its faults.
 */
export function findChannels(stack: string | undefined): ReadonlyMap<string, Channel> {
  if (stack === undefined) return openChannels(channelsSchema.parse(readRuntime()?.channels ?? {}));
  const stage = stack.replace(/^recharge-relay-/, '');
  const file = ownConfigFile(stage);
  if (file === undefined) {
    throw new Error(
      `There is no relay.config.${stage}.json here, so the channels of ${stack} are not known.`,
    );
  }
  return openChannels(parseWith(fileSchema, readConfigFile(file), fileName(file)).channels);
}

/** A channel, its addresses, and what it lacks. */
export function channelText(
  name: string,
  { adapter, settings }: Channel,
  url: string,
  secrets: InboundSecrets,
): string {
  const verifiers = {
    incoming: adapter.verifiers,
    outgoing: settings.outgoing.verifiers,
    send: settings.send.verifiers,
  };
  const lines = DIRECTIONS.map((direction) => {
    const isSet = (secrets.channels[`${name}/${direction}`] ?? []).some((secret) => secret.trim() !== '');
    const lacks = [
      ...(verifiers[direction].length === 0 ? ['no verifier is configured: nothing is let in'] : []),
      ...(isSet ? [] : [`no secret is set: secrets set ${name}/${direction}`]),
    ];
    const remark = lacks.length === 0 ? '' : `  (${lacks.join('; ')})`;
    return `  ${direction.padEnd(10)}${url}/channels/${name}/${direction}${remark}`;
  });
  return [`${name} (${settings.adapter})`, ...lines].join('\n');
}

/** Longer than an outage of a moment, shorter than a person's patience. */
const WATCHED_MS = 30_000;
const LOOK_EVERY_MS = 200;

/**
 * Sends a sample message as the channel's chat system would, and tells what becomes of it.
 *
 * @param say takes one line.
 * @returns the message as it was left.
 * @throws an Error where the relay did not take it.
 */
export async function testChannel(
  name: string,
  { adapter }: Channel,
  { url, secrets }: Inbound,
  { messages, now }: Pick<Connection, 'messages' | 'now'>,
  say: (line: string) => void,
): Promise<Message> {
  const known = (await secrets()).channels[`${name}/incoming`] ?? [];
  const secret = known.find((one) => one.trim() !== '');
  if (secret === undefined) {
    throw new Error(`No secret is set. Set it: npm run relay -- secrets set ${name}/incoming`);
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
  const parsed = adapter.parse({ headers, query: {}, body });
  const [content] = parsed.kind === 'messages' ? parsed.messages : [];
  if (!content) throw new Error(`Bug! The adapter does not understand its own sample: ${parsed.kind}.`);
  const id = messageIdOf({ channel: name, direction: 'incoming', content });

  const target = new URL(`/channels/${name}/incoming`, url);
  say(`A sample message of the contact ${content.contact} goes to ${target.href} …`);
  const response = await fetch(target, { method: 'POST', headers, body });
  say(`… which answers ${response.status} ${await response.text()}`);
  if (!response.ok)
    throw new Error(
      `The relay did not take it. Is channels.${name} in force, with the secret that is set (a running npm start takes a new one at its next start)?`,
    );
  return watch(id, messages, say);
}

async function watch(
  id: string,
  messages: Connection['messages'],
  say: (line: string) => void,
): Promise<Message> {
  const endsAt = Date.now() + WATCHED_MS;
  let told: string[] = [];
  for (;;) {
    const row = await messages.read(id);
    const lines = row ? messageTimeline(row) : [];
    for (const line of lines.filter((known) => !told.includes(known))) say(line);
    told = lines;
    if (row && (isEnded(row) || Date.now() > endsAt)) {
      say(
        isEnded(row)
          ? `Message ${id} is ${row.status}.`
          : `Message ${id} is still ${row.status}: messages show ${id}`,
      );
      return row;
    }
    if (Date.now() > endsAt)
      throw new Error(`The message ${id} was taken, and is not stored: is this the relay's table?`);
    await sleep(LOOK_EVERY_MS);
  }
}
