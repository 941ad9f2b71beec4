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
 * @param logger for a function, which lives on and reads again; a command reads once and needs none.
 */
export function inboundSecrets(secretId: string, logger?: Logger) {
  return createSecrets(
    'inbound',
    readFromSecretsManager(new SecretsManagerClient(PATIENCE), secretId),
    inboundSecretsSchema,
    { ...(logger ? { logger } : {}) },
  );
}

/** Takes the same parameters as `inboundSecrets`. */
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

/** The stack creates secrets without a value. Only the error's message tells such a secret from one that is missing. */
export function isWithoutValue(error: unknown): boolean {
  return error instanceof ResourceNotFoundException && error.message.includes('staging label');
}
