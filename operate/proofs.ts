import * as z from 'zod';
import { openChannels } from '../shared/channels/all-channels.ts';
import { channelsSchema } from '../shared/channels/settings.ts';
import { type Verifier, verifierSchema } from '../shared/incoming/verifier-settings.ts';
import { signRequest } from '../shared/incoming/verifiers.ts';
import { readConfigFile } from '../shared/settings/config-file.ts';
import { channelOf } from './routes.ts';
import { configFileOf, type Target } from './target.ts';

/** The part of the configuration that is read here. The rest, and its faults, are judged elsewhere. */
const fileSchema = z.looseObject({
  recharge: z.looseObject({ verifiers: z.array(verifierSchema).default([]) }).prefault({}),
  channels: channelsSchema,
});

/**
 * The verifiers of a route, as far as the configuration here names them. That is `RELAY_CONFIG`, as `npm start`
 * reads it. For a stack it is the file from which the stack is deployed. What is deployed may be older.
 *
 * @throws ConfigError if the file cannot be read.
 */
export function configuredVerifiers(route: string, target: Target): Verifier[] {
  const file = configFileOf(target);
  const config = file === undefined ? undefined : fileSchema.safeParse(readConfigFile(file)).data;
  if (!config) return [];
  const way = channelOf(route);
  if (!way) return config.recharge.verifiers;
  const channel = openChannels(config.channels).get(way.name);
  if (!channel) return [];
  return way.direction === 'incoming' ? channel.adapter.verifiers : channel.settings[way.direction].verifiers;
}

interface Signing {
  secret: string;
  body: Buffer;
  /** Unix milliseconds. */
  now: number;
  /**
   * What the request holds already, by lower-case names. An id there stays: another id would be another delivery.
   */
  headers?: Record<string, string>;
}

/**
 * The headers with which each of the verifiers lets the body in, and those of a verifier that one begins with. A
 * header that several have in common has a part for each.
 */
export function proofsFor(verifiers: Verifier[], signing: Signing): Record<string, string> {
  const proofs = [
    signRequest(signing),
    ...verifiers.map((verifier) => signRequest({ ...signing, verifier })),
  ];
  const parts = new Map<string, Set<string>>();
  for (const [name, value] of proofs.flatMap((headers) => Object.entries(headers)))
    parts.set(name, (parts.get(name) ?? new Set()).add(value));
  return Object.fromEntries([...parts].map(([name, values]) => [name, [...values].join(',')]));
}
