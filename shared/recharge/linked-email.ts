import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';

/** The beginning of the keys that link the platform's ids to our accounts. */
export const ALIAS = 'ACCOUNT-ID#';

export const aliasSchema = z.object({ email: z.string() });

/** @returns the email of the account that an id of the platform is linked to, by one consistent read. */
export async function linkedEmail(
  client: DynamoDBDocumentClient,
  table: string,
  platformId: string,
): Promise<string | undefined> {
  const { Item } = await client.send(
    new GetCommand({ TableName: table, Key: { pk: ALIAS + platformId }, ConsistentRead: true }),
  );
  return Item && aliasSchema.parse(Item).email;
}
