import { createHash } from 'node:crypto';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import { FOLDER, localFile, readStoredSecrets, START_FIRST, writeStoredSecrets } from '../local/state.ts';
import { inboundSecretsSchema, outboundSecretsSchema, parseSecrets } from '../shared/secrets.ts';
import { isWithoutValue } from '../shared/secrets-manager.ts';

/** Of both entries. Members that are not known here are kept: another version of the relay may know them. */
const valuesSchema = z.looseObject({
  webhook: inboundSecretsSchema.shape.webhook.unwrap().exactOptional(),
  channels: inboundSecretsSchema.shape.channels.unwrap().exactOptional(),
  ...outboundSecretsSchema.shape,
  channelTokens: outboundSecretsSchema.shape.channelTokens.unwrap().exactOptional(),
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
   * Writes the values where the entry is still what was read.
   *
   * @throws an Error where it has changed, or cannot be written.
   */
  write(entry: Entry): Promise<void>;
}

const CHANGED = 'Somebody else has changed it meanwhile: look, and run this again.';

/**
 * Entries of Secrets Manager, by their ids there. What `write` does not notice: a change by other means (the AWS
 * console) in the milliseconds between its last look and the write.
 */
export function createStackEntries(ids: Record<EntryName, string>): SecretEntries {
  const client = new SecretsManagerClient();
  const read = async (name: EntryName): Promise<Entry> => {
    const id = ids[name];
    try {
      const { SecretString = '', VersionId } = await client.send(new GetSecretValueCommand({ SecretId: id }));
      return { name, values: parseSecrets(id, SecretString, valuesSchema), version: VersionId };
    } catch (error) {
      if (isWithoutValue(error)) return { name, values: {}, version: undefined };
      throw error;
    }
  };
  return {
    read,
    async write({ name, values, version }) {
      if ((await read(name)).version !== version) throw new Error(CHANGED);
      try {
        await client.send(
          new PutSecretValueCommand({
            SecretId: ids[name],
            SecretString: JSON.stringify(valuesSchema.parse(values)),
            ClientRequestToken: versionAfter(version),
          }),
        );
      } catch (error) {
        throw error instanceof ResourceExistsException ? new Error(CHANGED) : error;
      }
    },
  };
}

/**
 * Two of us that follow the same version draw the same id for theirs, and Secrets Manager refuses the
 * second. The hour: after somebody has put an earlier version back, it can be followed once more.
 */
function versionAfter(version: string | undefined): string {
  const hour = new Date().toISOString().slice(0, 13);
  return createHash('sha256').update(`${version} ${hour}`).digest('hex');
}

/** The two parts of the file that `npm start` keeps. Makes none: who forgot --stack must be told. */
export function createLocalEntries(): SecretEntries {
  const readFile = () => {
    const stored = readStoredSecrets();
    if (stored) return stored;
    throw new Error(`No relay was started in ${FOLDER}. ${START_FIRST}`);
  };
  return {
    async read(name) {
      const { secrets, version } = readFile();
      const values = parseSecrets(localFile('secrets.json'), JSON.stringify(secrets[name]), valuesSchema);
      return { name, values, version };
    },
    async write({ name, values, version }) {
      const stored = readFile();
      const secrets = { ...stored.secrets, [name]: valuesSchema.parse(values) };
      if (stored.version !== version || writeStoredSecrets(secrets, stored.version) === 'changed')
        throw new Error(CHANGED);
    },
  };
}
