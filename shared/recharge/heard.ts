import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';

const HEARD = 'HEARD#';

/** An event can be resent by hand for a month; source: docs.stripe.com/webhooks. */
const KEPT_DAYS = 100;

/** What was told already, and must not be done again when it is heard again: a person may have undone it since. */
export interface Heard {
  /** @param what of ours and of the provider: `dispute du_…`. */
  before(what: string): Promise<boolean>;
  /** To be called once all is done: a process that ends before does it again, which is better than never. */
  done(what: string): Promise<void>;
}

export function createHeard(client: DynamoDBDocumentClient, table: string, now: () => number): Heard {
  const keyOf = (what: string) => ({ pk: HEARD + what });
  return {
    async before(what) {
      const { Item } = await client.send(
        new GetCommand({ TableName: table, Key: keyOf(what), ConsistentRead: true }),
      );
      return Item !== undefined;
    },
    async done(what) {
      const at = now();
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: keyOf(what),
          UpdateExpression: 'SET v = :v, heardAt = :at, expiresAt = :expiresAt',
          ExpressionAttributeValues: {
            ':v': 1,
            ':at': at,
            ':expiresAt': Math.floor(at / 1_000) + KEPT_DAYS * 86_400,
          },
        }),
      );
    },
  };
}
