import { createHash } from 'node:crypto';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { parseSecrets } from '../shared/settings/secrets.ts';
import { isWithoutValue } from '../shared/settings/secrets-manager.ts';
import { changed, type Entry, type EntryName, type SecretEntries, valuesSchema } from './secret-entries.ts';

/**
 * Entries of Secrets Manager, by their ids there. `write` does not notice a change by other means (the AWS console)
 * in the milliseconds between its last look and the write.
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
      if ((await read(name)).version !== version) throw changed();
      try {
        await client.send(
          new PutSecretValueCommand({
            SecretId: ids[name],
            SecretString: JSON.stringify(valuesSchema.parse(values)),
            ClientRequestToken: versionAfter(version),
          }),
        );
      } catch (error) {
        throw error instanceof ResourceExistsException ? changed() : error;
      }
    },
  };
}

/**
 * Two writers that follow the same version draw the same id for theirs, and Secrets Manager refuses the second. The
 * hour is in the id so that an earlier version, which somebody has put back, can be followed once more.
 */
function versionAfter(version: string | undefined): string {
  const hour = new Date().toISOString().slice(0, 13);
  return createHash('sha256').update(`${version} ${hour}`).digest('hex');
}
