import { createHash, randomBytes } from 'node:crypto';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import type { PaymentToConfirm } from './stripe/payment-hook.ts';

/** In the place of a token: the page on which a client arrives who has saved a card at the provider. */
export const SAVED = 'saved';

/** What the keys of these items begin with. */
export const PAY = 'PAY#';
/** All that the page itself writes of them: what the client wants, and never what came of it. */
export const ASKED_ATTRIBUTES = ['pk', 'askedAt', 'returnedAt', 'uses', 'expiresAt'];

const itemSchema = z.object({
  rechargeKey: z.string(),
  chargeId: z.string(),
  paymentIntent: z.string(),
  expiresAt: z.int(),
  askedAt: z.exactOptional(z.int()),
  returnedAt: z.exactOptional(z.int()),
  answer: z.exactOptional(z.object({ askedAt: z.int(), url: z.exactOptional(z.string()) })),
});

/** A page on which a client confirms one payment. Times are Unix milliseconds. */
export interface PayPage extends PaymentToConfirm {
  expiresAt: number;
  /** When the client last asked to be taken to their bank. */
  askedAt?: number;
  /** When the client last came back from there. */
  returnedAt?: number;
  /** What became of the question of that time: the bank's page; without it, the bank has none to show now. */
  answer?: { askedAt: number; url?: string };
}

export interface PayPages {
  /** @returns the address of a new page, whose token stands in its item as its hash alone. */
  open(payment: PaymentToConfirm): Promise<string>;
  /** Undefined where there is no such page, or its time is over. */
  find(token: string): Promise<PayPage | undefined>;
  /**
   * The client wants to be taken to their bank.
   *
   * @returns whether that is a new wish. It is none beside an earlier one that is still being worked on, and no page has
   *   more than a few dozen.
   */
  ask(token: string): Promise<boolean>;
  /** The client is back from their bank. @returns whether that is news, as of `ask`. */
  comeBack(token: string): Promise<boolean>;
  /** What became of the wish of this time. A newer one is not answered by it. */
  answer(token: string, answer: NonNullable<PayPage['answer']>): Promise<void>;
}

/** A day longer than a client has to act: by then the payment has been cancelled. */
const KEPT_MS = 4 * 24 * 3_600_000;
/** A wish is answered within seconds. One that was not is asked for anew after this time. */
export const ANSWERED_WITHIN_MS = 15_000;
/** A page that is loaded again and again is one return. */
const RETURNS_APART_MS = 5_000;
/**
 * Of a page's wishes and returns. Stripe limits how often a payment is confirmed, and then cancels it
 * (docs.stripe.com/api/payment_intents/confirm).
 */
const MOST_USES = 40;

const TOKEN = /\/pay\/([\w-]{32})$/;
/** Of the address of a page of ours; undefined where it is none. */
export const tokenOf = (address: string): string | undefined => TOKEN.exec(address)?.[1];

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');

/**
 * @param options.baseUrl the relay's own address, as a client's browser reaches it. Whoever opens no page needs none.
 */
export function createPayPages(
  client: DynamoDBDocumentClient,
  table: string,
  { baseUrl = () => '', now }: { baseUrl?: () => string; now: () => number },
): PayPages {
  /** @returns whether the condition held. */
  async function update(
    token: string,
    set: string,
    condition: string,
    values: Record<string, unknown>,
  ): Promise<boolean> {
    try {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: { pk: PAY + hashOf(token) },
          UpdateExpression: set,
          ConditionExpression: condition,
          ExpressionAttributeValues: values,
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  const use = (token: string, attribute: 'askedAt' | 'returnedAt', apartMs: number) =>
    update(
      token,
      `SET ${attribute} = :now ADD uses :one`,
      `expiresAt > :seconds AND (attribute_not_exists(uses) OR uses < :most)
       AND (attribute_not_exists(${attribute}) OR ${attribute} <= :before)`,
      {
        ':now': now(),
        ':one': 1,
        ':seconds': Math.floor(now() / 1_000),
        ':most': MOST_USES,
        ':before': now() - apartMs,
      },
    );

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
      return { ...data, expiresAt: data.expiresAt * 1_000 };
    },

    ask: (token) => use(token, 'askedAt', ANSWERED_WITHIN_MS),
    comeBack: (token) => use(token, 'returnedAt', RETURNS_APART_MS),

    async answer(token, answer) {
      await update(token, 'SET answer = :answer', 'askedAt = :askedAt', {
        ':answer': answer,
        ':askedAt': answer.askedAt,
      });
    },
  };
}
