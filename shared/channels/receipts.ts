import { createHash } from 'node:crypto';
import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import type { Delivered, Linked, Receipt } from './receipt.ts';

/** Receipts on disk. Every verb is one request on one item, and may be repeated. */
export interface Receipts {
  /** Whoever the message belongs to. @returns what stands there then. */
  note(channel: string, receipt: Receipt): Promise<Delivered>;
  /** Says whose message it is that the chat system calls so. @returns what stands there then: it may have spoken first. */
  link(of: Linked): Promise<Delivered>;
  /** Consistent. */
  read(channel: string, externalId: string): Promise<Delivered | undefined>;
}

/** The keys under which receipts stand, one item for each message, or part, of a chat system. */
export const RECEIPT = 'RECEIPT#';

const DAY_SECONDS = 86_400;
/** As long as a message is kept. */
const LINKED_DAYS = 30;
/**
 * A receipt may overtake our own write by seconds, and that of a part by as long as the others may wait (72 hours). A chat
 * system also tells of messages that are not ours at all.
 */
const UNLINKED_DAYS = 4;

const said = z.exactOptional(z.object({ at: z.int(), words: z.string() }));
const schema = z.pipe(
  z.object({
    message: z.exactOptional(z.string()),
    part: z.exactOptional(z.int()),
    sent: said,
    failed: said,
    delivered: said,
    read: said,
  }),
  z.transform(({ message, part, ...stages }) => ({
    ...(message === undefined || part === undefined ? {} : { of: { id: message, part } }),
    said: stages,
  })),
);

/**
 * What a message of a chat system is ours for, and what was said of it, stand in one item. Whichever is written second
 * sees both, so none is lost where a receipt comes before the answer to our own request.
 */
export function createDynamoReceipts(
  client: DynamoDBDocumentClient,
  table: string,
  now: () => number,
): Receipts {
  const until = (days: number) => Math.floor(now() / 1_000) + days * DAY_SECONDS;
  const update = async (
    { channel, externalId }: Pick<Delivered, 'channel' | 'externalId'>,
    set: string,
    names: Record<string, string>,
    values: Record<string, unknown>,
  ): Promise<Delivered> => {
    const { Attributes } = await client.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: pkOf(channel, externalId) },
        UpdateExpression: `SET v = :v, ${set}`,
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: { ':v': 1, ...values },
        ReturnValues: 'ALL_NEW',
      }),
    );
    return { channel, externalId, ...schema.parse(Attributes) };
  };
  return {
    note: (channel, { externalId, stage, words }) =>
      update(
        { channel, externalId },
        '#stage = if_not_exists(#stage, :said), expiresAt = if_not_exists(expiresAt, :until)',
        { '#stage': stage },
        { ':said': { at: now(), words }, ':until': until(UNLINKED_DAYS) },
      ),
    link: ({ of, ...known }) =>
      update(
        known,
        '#message = :id, #part = :part, expiresAt = :until',
        { '#message': 'message', '#part': 'part' },
        { ':id': of.id, ':part': of.part, ':until': until(LINKED_DAYS) },
      ),
    async read(channel, externalId) {
      const { Item } = await client.send(
        new GetCommand({ TableName: table, Key: { pk: pkOf(channel, externalId) }, ConsistentRead: true }),
      );
      return Item && { channel, externalId, ...schema.parse(Item) };
    },
  };
}

/** Hashed: a chat system may call a message by whatever it likes. */
function pkOf(channel: string, externalId: string): string {
  const hash = createHash('sha256').update(externalId).digest('hex').slice(0, 32);
  return `${RECEIPT}${channel}#${hash}`;
}
