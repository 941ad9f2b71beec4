import { createHash } from 'node:crypto';
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import {
  inboundSecretsSchema,
  isWithoutValue,
  outboundSecretsSchema,
  parseSecrets,
} from '../shared/secrets.ts';

/** Of both entries. Members that are not known here are kept: another version of the relay may know them. */
const valuesSchema = z.looseObject({
  webhook: inboundSecretsSchema.shape.webhook.unwrap().exactOptional(),
  channels: inboundSecretsSchema.shape.channels.unwrap().exactOptional(),
  ...outboundSecretsSchema.shape,
  channelTokens: outboundSecretsSchema.shape.channelTokens.unwrap().exactOptional(),
});

/** An entry of Secrets Manager as it was read. */
export interface Entry {
  id: string;
  values: z.infer<typeof valuesSchema>;
  /** Absent before the first value. */
  versionId: string | undefined;
}

export interface SecretEntries {
  /** @throws an Error that never holds the content. */
  read(id: string): Promise<Entry>;
  /**
   * Writes the values where the entry is still what was read. Not covered: a change by other means (the AWS
   * console) in the milliseconds between the last look and the write.
   *
   * @throws an Error where it has changed, or AWS refuses.
   */
  write(entry: Entry): Promise<void>;
}

export function createSecretEntries(): SecretEntries {
  const client = new SecretsManagerClient();
  const read = async (id: string): Promise<Entry> => {
    try {
      const { SecretString = '', VersionId } = await client.send(new GetSecretValueCommand({ SecretId: id }));
      return { id, values: parseSecrets(id, SecretString, valuesSchema), versionId: VersionId };
    } catch (error) {
      if (isWithoutValue(error)) return { id, values: {}, versionId: undefined };
      throw error;
    }
  };
  return {
    read,
    async write({ id, values, versionId }) {
      const changed = 'Somebody else has changed it meanwhile: look, and run this again.';
      if ((await read(id)).versionId !== versionId) throw new Error(changed);
      try {
        await client.send(
          new PutSecretValueCommand({
            SecretId: id,
            SecretString: JSON.stringify(valuesSchema.parse(values)),
            ClientRequestToken: versionAfter(versionId),
          }),
        );
      } catch (error) {
        throw error instanceof ResourceExistsException ? new Error(changed) : error;
      }
    },
  };
}

/**
 * Two of us that follow the same version draw the same id for theirs, and Secrets Manager refuses the
 * second. The hour: after somebody has put an earlier version back, it can be followed once more.
 */
function versionAfter(versionId: string | undefined): string {
  const hour = new Date().toISOString().slice(0, 13);
  return createHash('sha256').update(`${versionId} ${hour}`).digest('hex');
}
