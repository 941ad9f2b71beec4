import { createServer } from 'node:http';
import { BatchGetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { beforeEach, describe, expect, it } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { type AlertRow, alertOf } from '../../shared/alert-row.ts';
import { ALERT_ATTRIBUTES, keepingAlerts, withAlertRows } from '../../shared/alerts.ts';
import { createLogger } from '../../shared/logger.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { recentPage } from '../../shared/storage/table.ts';
import { utc } from '../support/builders.ts';
import { meter, type Store, useLedger } from '../support/store.ts';

const store = useLedger();
const NOON = utc('2026-01-05 12:00:00');

let time: number;
let lines: string[];
beforeEach(() => {
  time = NOON;
  lines = [];
});

/** @param client where the table does not answer as it should. */
function aLogger(client = store().client, withinMs?: number) {
  const now = () => time;
  return withAlertRows(
    createLogger((line) => lines.push(line), { now }),
    {
      client,
      table: store().table,
      now,
      ...(withinMs === undefined ? {} : { withinMs }),
    },
  );
}

/** All of them, the one that rang last first. */
async function rows({ client, table }: Pick<Store, 'client' | 'table'> = store()): Promise<AlertRow[]> {
  const { items } = await recentPage(client, table, 'alerts');
  const Keys = items.map(({ pk }) => ({ pk }));
  if (Keys.length === 0) return [];
  const { Responses } = await client.send(new BatchGetCommand({ RequestItems: { [table]: { Keys } } }));
  const found = (Responses?.[table] ?? []).map(alertOf).filter((row) => row !== undefined);
  return found.sort((a, b) => b.lastAt - a.lastAt);
}

const grantUnknown = { key: 'key-1', email: 'jane@example.com', phase: 'needs_review', detail: 'status 502' };

describe('an alert', () => {
  it('is a row when the handler that raised it returns, and its line was there before', async () => {
    const logger = aLogger();
    const handler = keepingAlerts(logger, async () => {
      logger.alert('grant_unknown', grantUnknown);
      return lines.length;
    });
    expect(await handler()).toBe(1);
    expect(await rows()).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{32}$/),
        word: 'grant_unknown',
        subject: 'key-1',
        key: 'key-1',
        email: 'jane@example.com',
        detail: 'status 502',
        firstAt: NOON,
        lastAt: NOON,
        times: 1,
      },
    ]);
    expect(lines.join()).toContain('"grant_unknown":1');
    expect(lines.join()).not.toContain('jane@');
  });

  it('that rings again is the same row: counted, with what was said last, and listed anew', async () => {
    const logger = aLogger();
    logger.alert('grant_unknown', grantUnknown);
    logger.alert('charging_paused', { key: 'key-1', detail: 'pool_empty' });
    await logger.kept();
    time += 60_000;
    logger.alert('grant_unknown', { key: 'key-1', email: 'jane@example.com' });
    await logger.kept();
    const [latest, before] = await rows();
    expect(latest).toMatchObject({ word: 'grant_unknown', times: 2, firstAt: NOON, lastAt: NOON + 60_000 });
    expect(latest).not.toHaveProperty('detail');
    expect(before).toMatchObject({ word: 'charging_paused', subject: 'charging', times: 1 });
  });

  it('is kept for 90 days after it last rang', async () => {
    const logger = aLogger();
    logger.alert('grant_unknown', grantUnknown);
    await logger.kept();
    const { client, table } = store();
    const { Items } = await client.send(
      new QueryCommand({
        TableName: table,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': `ALERT#${(await rows())[0]?.id}` },
      }),
    );
    expect(Items).toMatchObject([{ expiresAt: utc('2026-04-05 12:00:00') / 1_000, v: 1 }]);
    // The rights of the functions that face the internet name these.
    expect(new Set(ALERT_ATTRIBUTES)).toEqual(new Set([...Object.keys(Items?.[0] ?? {}), 'quarantine']));
  });

  it.each([
    [
      'webhook_quarantined',
      { route: '/webhooks/auto-recharge', reason: 'credits: missing', quarantine: 'a1' },
    ],
    ['message_quarantined', { channel: 'support', direction: 'incoming', id: 'rrm-1', quarantine: 'a1' }],
    ['payment_hook_misconfigured', { key: 'key-1', email: 'jane@example.com', detail: 'status 401' }],
    ['secret_unreadable', { secret: 'inbound', detail: 'no answer' }],
  ] as const)('%s is one row, whoever meets it', async (word, fields) => {
    const logger = aLogger();
    for (let n = 0; n < 60; n += 1) {
      logger.alert(
        word,
        'quarantine' in fields ? { ...fields, quarantine: `a${n}` } : { ...fields, key: `key-${n}` },
      );
    }
    await logger.kept();
    const kept = await rows();
    expect(kept).toMatchObject([{ word, times: 60 }]);
    if ('reason' in fields) expect(kept).toMatchObject([{ detail: fields.reason, subject: fields.route }]);
  });

  it('of one word about two things is two rows', async () => {
    const logger = aLogger();
    logger.alert('message_failed', { id: 'rrm-1', channel: 'support', detail: 'no such chat' });
    logger.alert('message_failed', { id: 'rrm-2', channel: 'support', detail: 'no such chat' });
    await logger.kept();
    expect((await rows()).map(({ subject }) => subject).toSorted()).toEqual(['rrm-1', 'rrm-2']);
  });

  it('of a key and a client of 64 characters is a row below 1 KB, one write unit, whatever was said', async () => {
    const counted = meter(store().client);
    const logger = aLogger();
    const long = 'x'.repeat(5_000);
    logger.alert('grant_unknown', {
      key: 'k'.repeat(64),
      email: `${'e'.repeat(52)}@example.com`,
      detail: long,
    });
    await logger.kept();
    // The table's, and that of its entry in the index.
    expect(counted).toMatchObject({ requests: 1, writeUnits: 2 });
  });
});

describe('what is not raised, or cannot be kept', () => {
  it('a handler that raises nothing asks the table for nothing', async () => {
    const { client } = store();
    const counted = meter(client);
    const logger = aLogger(client);
    await keepingAlerts(logger, async () => logger.info('done'))();
    expect(counted.requests).toBe(0);
  });

  it('where the table is away, or refuses, the line and its metric come, and the handler returns', async () => {
    const logger = aLogger(createDocumentClient({ ...engineAt('http://127.0.0.1:9'), maxAttempts: 1 }));
    const handler = keepingAlerts(logger, async () => {
      logger.alert('grant_unknown', grantUnknown);
      return 'done';
    });
    expect(await handler()).toBe('done');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'alert', message: 'grant_unknown', grant_unknown: 1 },
      { level: 'error', word: 'grant_unknown', key: 'key-1', error: expect.stringContaining('ECONNREFUSED') },
    ]);
  });

  it('where the table does not answer, the handler waits no longer than it may', async () => {
    const asked = Promise.withResolvers<void>();
    const silent = createServer(() => asked.resolve()).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const logger = aLogger(createDocumentClient(engineAt(`http://127.0.0.1:${port}`)), 100);
    logger.alert('grant_unknown', grantUnknown);
    await asked.promise;
    await logger.kept();
    expect(lines.at(-1)).toContain('an alert could not be kept as a row');
    silent.close();
    silent.closeAllConnections();
  });

  it('a handler that fails keeps what it raised, and fails as it did', async () => {
    const logger = aLogger();
    const handler = keepingAlerts(logger, async () => {
      logger.alert('newer_row', { rows: 3, detail: 'the row RECHARGE#key-1' });
      throw new Error('the queue did not answer');
    });
    await expect(handler()).rejects.toThrow('the queue did not answer');
    expect(await rows()).toMatchObject([{ word: 'newer_row', subject: 'rows' }]);
  });

  it('of a storm in one process at most a hundred are under way; each has its line', async () => {
    const logger = aLogger();
    for (let n = 0; n < 150; n += 1) logger.alert('no_progress', { key: `key-${n}` });
    expect(lines).toHaveLength(150);
    await logger.kept();
    expect(await rows()).toHaveLength(100);
  });

  it('an item that is no alert is none', async () => {
    expect(alertOf({ pk: 'RECHARGE#key-1', word: 'grant_unknown' })).toBeUndefined();
  });
});
