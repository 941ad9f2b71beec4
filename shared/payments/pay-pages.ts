import { createHash, randomBytes } from 'node:crypto';
import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import type { PaymentToConfirm } from './stripe/payment-hook.ts';

/** What the keys of these items begin with. */
export const PAY = 'PAY#';

const itemSchema = z.object({
  rechargeKey: z.string(),
  chargeId: z.string(),
  paymentIntent: z.string(),
  expiresAt: z.int(),
});

/** A page on which a client confirms one payment. */
export interface PayPage extends PaymentToConfirm {
  /** Unix milliseconds. */
  expiresAt: number;
}

export interface PayPages {
  /** @returns the address of a new page, whose token stands nowhere in this table but as its hash. */
  open(payment: PaymentToConfirm): Promise<string>;
  /** Undefined where there is no such page, or its time is over. */
  find(token: string): Promise<PayPage | undefined>;
}

/** A day longer than a client has to act: by then the payment has been cancelled. */
const KEPT_MS = 4 * 24 * 3_600_000;

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');

/**
 * @param baseUrl the relay's own address, as a client's browser reaches it.
 */
export function createPayPages(
  client: DynamoDBDocumentClient,
  table: string,
  { baseUrl, now }: { baseUrl: () => string; now: () => number },
): PayPages {
  return {
    async open(payment) {
      const token = randomBytes(24).toString('base64url');
      const expiresAt = Math.floor((now() + KEPT_MS) / 1_000);
      await client.send(
        new PutCommand({
          TableName: table,
          Item: { pk: PAY + hashOf(token), v: 1, ...payment, expiresAt },
          ConditionExpression: 'attribute_not_exists(pk)',
        }),
      );
      return `${baseUrl().replace(/\/+$/, '')}/pay/${token}`;
    },
    async find(token) {
      const { Item } = await client.send(
        new GetCommand({ TableName: table, Key: { pk: PAY + hashOf(token) }, ConsistentRead: true }),
      );
      const { data } = itemSchema.safeParse(Item);
      // DynamoDB deletes what has expired hours later.
      if (!data || data.expiresAt * 1_000 <= now()) return undefined;
      const { expiresAt, ...payment } = data;
      return { ...payment, expiresAt: expiresAt * 1_000 };
    },
  };
}
