import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  type QueryCommandInput,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod/mini';
import type { HistoryEntry } from '../history.ts';

/** What all rows of the one table share: how they are written, listed, versioned, and how their history is kept. */

export type Item = Record<string, unknown>;

/** A write either happened, or lost to a newer row, which the result then holds. In every other case it throws. */
export type Written<Row> = { kind: 'written'; row: Row } | { kind: 'conflict'; row: Row };

export interface Page<Item> {
  items: Item[];
  /** Give it back for the next page; absent on the last one. */
  cursor?: string;
}

/** The row was written by a later version of this program: it is left alone, for that version to finish. */
export class NewerRowError extends Error {
  constructor(pk: string, found: number, known: number) {
    super(
      `The row ${pk} is stored with schema version ${found}; this program knows ${known}. ` +
        'It is left alone: finish the deployment, or roll forward.',
    );
    this.name = 'NewerRowError';
  }
}

/** @returns undefined where there is no such item. */
export async function getItem(
  client: DynamoDBDocumentClient,
  table: string,
  pk: string,
  consistency: 'strong' | 'eventual' = 'strong',
): Promise<Item | undefined> {
  const ConsistentRead = consistency === 'strong';
  return (await client.send(new GetCommand({ TableName: table, Key: { pk }, ConsistentRead }))).Item;
}

const versionSchema = z.object({ pk: z.string(), v: z.int() });

/** @throws NewerRowError where a later version of this program wrote the item. */
export function pkOfKnownVersion(item: Item, known: number): string {
  const { pk, v } = versionSchema.parse(item);
  if (v > known) throw new NewerRowError(pk, v, known);
  return pk;
}

/** Runs a conditional write; where its condition failed, returns the item that stands there instead. */
export async function standingItem(write: () => Promise<unknown>): Promise<Item | undefined> {
  try {
    await write();
    return undefined;
  } catch (error) {
    // ALL_OLD comes in the wire format, also through the document client.
    if (error instanceof ConditionalCheckFailedException) return error.Item ? unmarshall(error.Item) : {};
    throw error;
  }
}

type Update = Omit<UpdateCommandInput, 'TableName'>;

/** What tells whether a row is still the one that was read: a number that every write raises. */
export interface Lock {
  attribute: 'version' | 'revision';
  was: number;
  /** The number that stands for a row without the attribute. 0 stands for a row that does not exist. */
  ofAbsent?: number;
}

/** One update of the attributes that differ, on condition that the row is still the one that was read. */
export function updateOf(before: Item, after: Item, { attribute, was, ofAbsent }: Lock): Update {
  const {
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
    ...update
  } = changes(before, after);
  const same = '#lock = :lock';
  const rowIsThere = `attribute_exists(pk) AND (attribute_not_exists(#lock) OR ${same})`;
  const isNew = was === 0 && ofAbsent === 0;
  return {
    ...update,
    ConditionExpression: isNew ? 'attribute_not_exists(#lock)' : was === ofAbsent ? rowIsThere : same,
    ExpressionAttributeNames: { ...names, '#lock': attribute },
    ExpressionAttributeValues: isNew ? values : { ...values, ':lock': was },
  };
}

/** One update that makes a row, unless there is one. Not a put, which would need the right to replace one. */
export function creationOf(item: Item): Update {
  return { ...changes({}, item), ConditionExpression: 'attribute_not_exists(pk)' };
}

function changes(before: Item, after: Item) {
  const names: Record<string, string> = {};
  const values: Item = {};
  const set: string[] = [];
  const remove: string[] = [];
  for (const [index, attribute] of [...new Set([...Object.keys(before), ...Object.keys(after)])].entries()) {
    if (JSON.stringify(before[attribute]) === JSON.stringify(after[attribute]) || attribute === 'pk')
      continue;
    names[`#${index}`] = attribute;
    if (after[attribute] === undefined) {
      remove.push(`#${index}`);
    } else {
      values[`:${index}`] = after[attribute];
      set.push(`#${index} = :${index}`);
    }
  }
  return {
    Key: { pk: after.pk },
    UpdateExpression: `SET ${set.join(', ')}${remove.length > 0 ? ` REMOVE ${remove.join(', ')}` : ''}`,
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
}

const listedSchema = z.object({ pk: z.string(), listKey: z.string() });

/** A page of one list of the `recent` index, by its sort key from the last to the first. */
export const recentPage = (
  client: DynamoDBDocumentClient,
  table: string,
  list: string,
  cursor?: string,
  limit = PAGE_SIZE,
) =>
  indexPage(client, listedSchema, cursor, {
    TableName: table,
    IndexName: 'recent',
    KeyConditionExpression: '#list = :list',
    ExpressionAttributeNames: { '#list': 'list' },
    ExpressionAttributeValues: { ':list': list },
    ScanIndexForward: false,
    Limit: limit,
  });

/** The cursor of the page that begins after an entry. The entry need not be there any more. */
export const cursorAfter = (list: string, { pk, listKey }: z.output<typeof listedSchema>) =>
  JSON.stringify({ pk, list, listKey });

const openSchema = z.object({ pk: z.string(), nextAttemptAt: z.int() });

/** A page of one partition of the `open` index: what is due at a time, the most overdue first. */
export const openPage = (
  client: DynamoDBDocumentClient,
  table: string,
  open: string,
  until: number,
  cursor?: string,
) =>
  indexPage(client, openSchema, cursor, {
    TableName: table,
    IndexName: 'open',
    KeyConditionExpression: '#open = :open AND nextAttemptAt <= :until',
    ExpressionAttributeNames: { '#open': 'open' },
    ExpressionAttributeValues: { ':open': open, ':until': until },
    Limit: PAGE_SIZE,
  });

/** Keys only, under 500 bytes each. */
const PAGE_SIZE = 100;

/** A page's cursor is DynamoDB's own, as text. */
async function indexPage<Entry>(
  client: DynamoDBDocumentClient,
  schema: z.ZodMiniType<Entry>,
  cursor: string | undefined,
  query: QueryCommandInput,
): Promise<Page<Entry>> {
  const from = cursor && z.record(z.string(), z.unknown()).parse(JSON.parse(cursor));
  const { Items = [], LastEvaluatedKey: last } = await client.send(
    new QueryCommand({ ...query, ...(from ? { ExclusiveStartKey: from } : {}) }),
  );
  return {
    items: Items.map((item) => schema.parse(item)),
    ...(last ? { cursor: JSON.stringify(last) } : {}),
  };
}

/** Short names: the history is most of a row, and a row under 1 KB is one write unit. */
export const historySchema = z.array(
  z.pipe(
    z.object({ t: z.int(), e: z.string(), d: z.exactOptional(z.string()), n: z.exactOptional(z.int()) }),
    z.transform(({ t, e, d, n }) => ({
      at: t,
      event: e,
      ...(d === undefined ? {} : { detail: d }),
      ...(n === undefined ? {} : { times: n }),
    })),
  ),
);

export const itemOfHistory = (history: readonly HistoryEntry[]): Item[] =>
  history.map(({ at, event, detail, times }) => ({ t: at, e: event, d: detail, n: times }));
