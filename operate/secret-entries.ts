import * as z from 'zod';
import { localFile, readStoredSecrets, writeStoredSecrets } from '../local/state.ts';
import { inboundSecretsSchema, outboundSecretsSchema, parseSecrets } from '../shared/settings/secrets.ts';
import { OperateError } from './error.ts';
import { notStarted } from './target.ts';

/**
 * The form of both entries. Members that are not known here are kept: another version of the relay may know them.
 */
export const valuesSchema = z.looseObject({
  webhook: z.exactOptional(inboundSecretsSchema.shape.webhook.def.innerType),
  stripeWebhook: inboundSecretsSchema.shape.stripeWebhook,
  channels: z.exactOptional(inboundSecretsSchema.shape.channels.def.innerType),
  ...outboundSecretsSchema.shape,
  channelTokens: z.exactOptional(outboundSecretsSchema.shape.channelTokens.def.innerType),
  /** When each value was set, in Unix milliseconds, by the secret's name and `secretId`. For people alone. */
  setAt: z.record(z.string(), z.record(z.string(), z.int())).exactOptional(),
});
export type Values = z.infer<typeof valuesSchema>;

/** `inbound` proves others to us, `outbound` us to others. */
export type EntryName = 'inbound' | 'outbound';

/** An entry as it was read. */
export interface Entry {
  name: EntryName;
  values: Values;
  /** Absent before the first value. */
  version: string | undefined;
}

export interface SecretEntries {
  /** @throws an Error that never holds the content. */
  read(name: EntryName): Promise<Entry>;
  /**
   * Writes the values if the entry is still what was read.
   *
   * @throws an Error if it has changed, or cannot be written.
   */
  write(entry: Entry): Promise<void>;
}

export const changed = () =>
  new OperateError('changed', 'Somebody else has changed it meanwhile: look, and run this again.');

/**
 * The two parts of the file that `npm start` keeps. It makes none, because a person who forgot --stack must be
 * told.
 */
export function createLocalEntries(env: NodeJS.ProcessEnv): SecretEntries {
  const readFile = () => {
    const stored = readStoredSecrets(env);
    if (stored) return stored;
    throw notStarted(env);
  };
  return {
    async read(name) {
      const { secrets, version } = readFile();
      const values = parseSecrets(
        localFile(env, 'secrets.json'),
        JSON.stringify(secrets[name]),
        valuesSchema,
      );
      return { name, values, version };
    },
    async write({ name, values, version }) {
      const stored = readFile();
      const secrets = { ...stored.secrets, [name]: valuesSchema.parse(values) };
      if (stored.version !== version || writeStoredSecrets(env, secrets, stored.version) === 'changed')
        throw changed();
    },
  };
}
