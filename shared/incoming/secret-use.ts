import { createHash } from 'node:crypto';
import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import type { Logger } from '../logger.ts';

/** What the keys of these items begin with. */
export const SECRET_USED = 'SECRET-USED#';

/** A sender that still signs with a previous secret costs one write an hour, and an operator knows it by the hour. */
const NOTED_EVERY_MS = 3_600_000;
/** After the last use. By then nobody waits for that sender any more. */
const KEPT_DAYS = 100;

/**
 * What an operator and the table call one value of a secret: 8 hex digits of its hash, together with the secret's name.
 * They tell values apart, and say nothing of them.
 */
export const secretId = (name: string, value: string) =>
  createHash('sha256').update(`${name}\n${value}`).digest('hex').slice(0, 8);

/** When a previous secret last verified a sender. Uses of the current secret are not noted: they are the rule. */
export interface SecretUses {
  /** Notes it at most once an hour a process. If storage fails, that is only logged: the delivery is genuine. */
  saw(name: string, value: string): Promise<void>;
  /** Unix milliseconds, up to an hour early; undefined if no use was seen. */
  lastUsed(name: string, id: string): Promise<number | undefined>;
}

export function createSecretUses(
  client: DynamoDBDocumentClient,
  table: string,
  { logger, now }: { logger: Pick<Logger, 'error'>; now: () => number },
): SecretUses {
  const noted = new Map<string, number>();
  return {
    async saw(name, value) {
      const pk = `${SECRET_USED}${name}#${secretId(name, value)}`;
      const usedAt = now();
      if (usedAt < (noted.get(pk) ?? Number.NEGATIVE_INFINITY) + NOTED_EVERY_MS) return;
      noted.set(pk, usedAt);
      const expiresAt = Math.floor(usedAt / 1_000) + KEPT_DAYS * 86_400;
      try {
        await client.send(new PutCommand({ TableName: table, Item: { pk, v: 1, usedAt, expiresAt } }));
      } catch (error) {
        logger.error('the use of a previous secret could not be noted', error, { secret: name });
      }
    },

    async lastUsed(name, id) {
      const { Item } = await client.send(
        new GetCommand({ TableName: table, Key: { pk: `${SECRET_USED}${name}#${id}` } }),
      );
      return Item && z.object({ usedAt: z.int() }).parse(Item).usedAt;
    },
  };
}
