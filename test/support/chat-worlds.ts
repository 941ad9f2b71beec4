import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { beforeAll } from 'vitest';
import { createDynamoMessages } from '../../shared/channels/messages.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { type ChatWorld, type ChatWorldOptions, createChatWorld } from './chat-world.ts';
import { useDynamo } from './store.ts';

/**
 * One engine and one table for the tests of a file; a channel, and so rows, for each world.
 *
 * @returns makes a world.
 */
export function useChatWorlds() {
  const { connect, newTable } = useDynamo();
  let client: DynamoDBDocumentClient | undefined;
  let table = '';
  let worlds = 0;
  beforeAll(async () => {
    client = connect();
    table = await newTable(client);
    return () => client?.destroy();
  });
  return (options?: ChatWorldOptions): ChatWorld => {
    if (!client) throw new Error('Bug! The engine was not started.');
    worlds += 1;
    const on = { client, table };
    const storage = (now: () => number) => ({
      messages: createDynamoMessages(on.client, on.table, now),
      ledger: createDynamoLedger(on.client, on.table),
    });
    return createChatWorld({ channel: `chat-${worlds}`, storage }, options);
  };
}
