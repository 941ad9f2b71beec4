import { createHash, randomBytes } from 'node:crypto';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import { recentPage } from '../storage/table.ts';
import { CAPTURED, type Quarantine } from './quarantine.ts';
import type { IncomingRequest } from './verifiers.ts';

const CONTROL = 'CONTROL#capture#';
/** The partition of the `recent` index that names the switches. */
const CAPTURE_LIST = 'CAPTURE';

/** Enough to see every kind of delivery and its repetitions, and few enough that a flood cannot fill the table. */
export const MAX_CAPTURED = 20;

/** Only a token that begins so is looked up: a wrong secret in `?token=` costs no request, and is never hashed. */
const TOKEN_PREFIX = 'capture-';

/**
 * A switch in front of the quarantine, one for each route: while it is on, deliveries that nobody can verify
 * are kept whole where their address holds the token that was drawn for it. They have no other effect.
 */
export interface Capture {
  /**
   * Takes one of the places. One conditional write, and no read.
   *
   * @param now Unix milliseconds.
   * @returns false where nothing is switched on for this route and token, its time is over, or it is full.
   * @throws what storage throws.
   */
  take(route: string, token: string, now: number): Promise<boolean>;
  /**
   * Switches it on; what was on for the route before ends.
   *
   * @param until Unix milliseconds.
   * @returns the token, which is stored nowhere.
   */
  start(route: string, until: number): Promise<string>;
  /** @returns false where none was ever on for the route. */
  stop(route: string): Promise<boolean>;
  /** Those that are on. */
  list(now: number): Promise<{ route: string; until: number; kept: number }[]>;
}

const switchSchema = z.object({ route: z.string(), until: z.int(), kept: z.int() });

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');

export function createDynamoCapture(client: DynamoDBDocumentClient, table: string): Capture {
  /** @returns false where the condition failed. */
  const update = async (route: string, { set, only }: Record<'set' | 'only', string>, values: object) => {
    try {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: { pk: CONTROL + route },
          UpdateExpression: set,
          ConditionExpression: only,
          ExpressionAttributeNames: { '#until': 'until' },
          ExpressionAttributeValues: { ...values },
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  };

  return {
    take: (route, token, now) =>
      update(
        route,
        { set: 'ADD kept :one', only: 'tokenHash = :hash AND #until > :now AND kept < :max' },
        { ':one': 1, ':hash': hashOf(token), ':now': now, ':max': MAX_CAPTURED },
      ),

    async start(route, until) {
      const token = TOKEN_PREFIX + randomBytes(18).toString('base64url');
      await client.send(
        new PutCommand({
          TableName: table,
          Item: {
            pk: CONTROL + route,
            v: 1,
            list: CAPTURE_LIST,
            listKey: `${until}#${route}`,
            route,
            tokenHash: hashOf(token),
            until,
            kept: 0,
            expiresAt: Math.ceil(until / 1_000),
          },
        }),
      );
      return token;
    },

    stop: (route) =>
      update(route, { set: 'SET #until = :over', only: 'attribute_exists(pk)' }, { ':over': 0 }),

    async list(now) {
      const { items } = await recentPage(client, table, CAPTURE_LIST);
      const rows = items.map(async ({ pk }) => {
        const { Item } = await client.send(
          new GetCommand({ TableName: table, Key: { pk }, ConsistentRead: true }),
        );
        const found = switchSchema.safeParse(Item).data;
        return found && found.until > now ? [found] : [];
      });
      return (await Promise.all(rows)).flat();
    },
  };
}

/**
 * Keeps a request that no verifier accepted, if it came to an address that was handed out for capturing. Everything
 * but the token is kept, because the purpose is to find out which header proves the sender.
 *
 * @returns the id under which it is kept; undefined means: refuse it as if there were no capture.
 * @throws what storage throws: the sender must then be told to send it again.
 */
export async function captureDelivery(
  { headers, query: { token, ...query }, body }: IncomingRequest,
  route: string,
  deps: { capture: Pick<Capture, 'take'>; quarantine: Pick<Quarantine, 'keep'>; now: () => number },
): Promise<string | undefined> {
  const receivedAt = deps.now();
  if (!token?.startsWith(TOKEN_PREFIX) || !(await deps.capture.take(route, token, receivedAt)))
    return undefined;
  const id = await deps.quarantine.keep({ route, body, headers, query, reason: CAPTURED, receivedAt });
  return id;
}
