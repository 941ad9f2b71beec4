import { createHash } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import * as z from 'zod';
import { openChannels } from '../shared/channels/channels.ts';
import { channelsSchema } from '../shared/channels/settings.ts';
import { signRequest, type Verifier, verifierSchema } from '../shared/incoming/verifiers.ts';
import { readConfigFile } from '../shared/settings/config-file.ts';
import { channelOf } from './routes.ts';
import { configFileOf, type Target } from './target.ts';

/** What is read here of the configuration. The rest, and its faults, are another's to judge. */
const fileSchema = z.looseObject({
  recharge: z.looseObject({ verifiers: z.array(verifierSchema).default([]) }).prefault({}),
  channels: channelsSchema,
});

/**
 * The verifiers of a route, as far as the configuration here says them: `RELAY_CONFIG`, as `npm start` reads
 * it; for a stack the file it is deployed from. What is deployed may be older.
 *
 * @throws ConfigError where the file cannot be read.
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
}

/** The headers with which each of the verifiers lets the body in, and those of a verifier that one begins with. */
export function proofsFor(verifiers: Verifier[], signing: Signing): Record<string, string> {
  const proofs = [signRequest(signing), ...verifiers.map((verifier) => proofFor(verifier, signing))];
  return Object.fromEntries(proofs.flatMap((headers) => Object.entries(headers)));
}

function proofFor(verifier: Verifier, { secret, body, now }: Signing): Record<string, string> {
  switch (verifier.type) {
    case 'token':
      return { [verifier.header]: verifier.prefix + secret };
    case 'hmac':
      return signRequest({ secret, body, now, verifier });
    case 'standard-webhooks':
      return standardWebhook({ secret, body, now });
  }
}

function standardWebhook({ secret, body, now }: Signing): Record<string, string> {
  // Another verifier's secret need not be one of theirs.
  if (!secret.startsWith('whsec_') || !z.base64().min(1).safeParse(secret.slice('whsec_'.length)).success)
    return {};
  // The same for the same body: a message without an id of its own is known by this one when it comes twice.
  const id = `msg_${createHash('sha256').update(body).digest('hex').slice(0, 24)}`;
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now / 1_000)),
    'webhook-signature': new Webhook(secret).sign(id, new Date(now), body.toString('utf8')),
  };
}
