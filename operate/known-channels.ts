import * as z from 'zod';
import { readRuntime } from '../local/state.ts';
import { ConfigError, fileName, parseWith, readConfigFile } from '../shared/settings/config-file.ts';
import { configFileOf, type Target } from './target.ts';

/** The part of a channel's settings that is read here. The rest, and its faults, are judged elsewhere. */
const channelSchema = z.looseObject({
  adapter: z.string().exactOptional(),
  verifiers: z.array(z.looseObject({ type: z.string().exactOptional() })).exactOptional(),
});
const fileSchema = z.looseObject({ channels: z.record(z.string(), channelSchema).default({}) });
export type KnownChannel = z.infer<typeof channelSchema>;
export type KnownChannels = ReadonlyMap<string, KnownChannel>;

/**
 * The channels of the configuration. For a stack they are those of the file from which it is deployed, although it
 * may have been deployed from another one. Otherwise they are those of `RELAY_CONFIG` and of the last `npm start`.
 *
 * @returns undefined if there is no such file.
 * @throws ConfigError if the file cannot be read.
 */
export function knownChannels(target: Target): KnownChannels | undefined {
  const { env, stack } = target;
  const file = configFileOf(target);
  if (stack !== undefined && file === undefined) return undefined;
  const { channels } =
    file === undefined ? { channels: {} } : parseWith(fileSchema, readConfigFile(file), fileName(file));
  const started = stack === undefined ? readRuntime(env)?.config.channels : undefined;
  return new Map<string, KnownChannel>([...Object.entries(started ?? {}), ...Object.entries(channels)]);
}

/**
 * A remark for a person who found nothing under a channel's name, which may be misspelt. The relay may have been
 * deployed from another file. So this is never a reason to look no further.
 *
 * @returns undefined if the configuration here has such a channel.
 */
export function unknownChannel(name: string, target: Target): string | undefined {
  const known = readableChannels(target);
  if (!known) return `Whether there is a channel ${name} is not known: no configuration here can be read.`;
  return known.has(name) ? undefined : `No configuration here has a channel ${name}, ${butOnly(known)}.`;
}

/** The names there are, for the end of a sentence that misses one. */
export const butOnly = (channels: ReadonlyMap<string, unknown>) =>
  channels.size === 0 ? 'or any other' : `only ${[...channels.keys()].sort().join(', ')}`;

function readableChannels(target: Target): KnownChannels | undefined {
  try {
    return knownChannels(target);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
