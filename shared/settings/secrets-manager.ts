import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { PATIENCE } from '../storage/clients.ts';
import { createSecrets, inboundSecretsSchema, outboundSecretsSchema } from './secrets.ts';

/** @param secretId name or ARN in Secrets Manager; kept for 5 minutes. */
export function inboundSecrets(secretId: string) {
  return createSecrets(
    'inbound',
    readFromSecretsManager(new SecretsManagerClient(PATIENCE), secretId),
    inboundSecretsSchema,
  );
}

/** @param secretId name or ARN in Secrets Manager; kept for 5 minutes. */
export function outboundSecrets(secretId: string) {
  return createSecrets(
    'outbound',
    readFromSecretsManager(new SecretsManagerClient(PATIENCE), secretId),
    outboundSecretsSchema,
  );
}

function readFromSecretsManager(client: SecretsManagerClient, secretId: string): () => Promise<string> {
  return async () => {
    try {
      const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretId }));
      return SecretString ?? '';
    } catch (error) {
      if (isWithoutValue(error)) return '';
      throw error;
    }
  };
}

/** The stack makes secrets without a value. Only the message tells such a one from a secret that is not there. */
export function isWithoutValue(error: unknown): boolean {
  return error instanceof ResourceNotFoundException && error.message.includes('staging label');
}
