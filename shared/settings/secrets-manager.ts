import * as z from 'zod/mini';
import type { Logger } from '../logger.ts';
import { createAwsJson } from '../storage/aws-json.ts';
import { createSecrets, inboundSecretsSchema, outboundSecretsSchema } from './secrets.ts';

/**
 * @param secretId name or ARN in Secrets Manager; kept for 5 minutes.
 * @param logger for a function, which lives on and reads again; a command reads once and needs none.
 */
export function inboundSecrets(secretId: string, logger?: Logger) {
  return createSecrets('inbound', readFromSecretsManager(secretId), inboundSecretsSchema, {
    ...(logger ? { logger } : {}),
  });
}

/** Takes the same parameters as `inboundSecrets`. */
export function outboundSecrets(secretId: string, logger?: Logger) {
  return createSecrets('outbound', readFromSecretsManager(secretId), outboundSecretsSchema, {
    ...(logger ? { logger } : {}),
  });
}

const SERVICE = {
  name: 'secretsmanager',
  variable: 'SECRETS_MANAGER',
  target: 'secretsmanager',
  version: '1.1',
} as const;

const valueSchema = z.object({ SecretString: z.optional(z.string()) });

function readFromSecretsManager(SecretId: string): () => Promise<string> {
  const { ask } = createAwsJson(SERVICE);
  return async () => {
    try {
      const { SecretString } = await ask('GetSecretValue', { SecretId }, valueSchema);
      return SecretString ?? '';
    } catch (error) {
      if (isWithoutValue(error)) return '';
      throw error;
    }
  };
}

/** The stack creates secrets without a value. Only the error's message tells such a secret from one that is missing. */
export function isWithoutValue(error: unknown): boolean {
  return (
    error instanceof Error &&
    error.name === 'ResourceNotFoundException' &&
    error.message.includes('staging label')
  );
}
