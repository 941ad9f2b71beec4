import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import type { Logger } from '../logger.ts';
import { PATIENCE } from '../storage/clients.ts';
import { createSecrets, inboundSecretsSchema, outboundSecretsSchema } from './secrets.ts';

/**
 * @param secretId name or ARN in Secrets Manager; kept for 5 minutes.
 * @param logger of a function that stays; a command reads once.
 */
export function inboundSecrets(secretId: string, logger?: Logger) {
  return createSecrets(
    'inbound',
    readFromSecretsManager(new SecretsManagerClient(PATIENCE), secretId),
    inboundSecretsSchema,
    { ...(logger ? { logger } : {}) },
  );
}

/** Likewise. */
export function outboundSecrets(secretId: string, logger?: Logger) {
  return createSecrets(
    'outbound',
    readFromSecretsManager(new SecretsManagerClient(PATIENCE), secretId),
    outboundSecretsSchema,
    { ...(logger ? { logger } : {}) },
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
