import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { beforeEach, describe, expect, it } from 'vitest';
import { createRechargeEventsHandler, type Letter } from '../../functions/recharge-events/handler.ts';
import { withAlertRows } from '../../shared/alerts.ts';
import type { Message } from '../../shared/events/person.ts';
import { createLogger } from '../../shared/logger.ts';
import { newRecharge, type Recharge } from '../../shared/recharge/recharge.ts';
import { aRecharge, utc } from '../support/builders.ts';
import { useStream } from '../support/stream.ts';

const store = useStream();
const EMAIL = 'jane.doe@example.com';

let published: string[];
let told: Message[];
let buried: Letter[];
let log: string[];
/** What fails from now on, and after how many events the bus takes no more. */
let broken: { bus?: number; topic?: boolean; deadLetters?: boolean };
beforeEach(() => {
  [published, told, buried, log, broken] = [[], [], [], [], {}];
});

/** One run over these changes. @returns the sequence numbers that Lambda brings again. */
async function run(records: Awaited<ReturnType<ReturnType<typeof store>['records']>>): Promise<string[]> {
  const handler = createRechargeEventsHandler({
    limits: { monthlyAmount: 10_000 },
    relay: { stack: 'recharge-relay-test' },
    async publish(events) {
      const taken = Math.min(events.length, broken.bus ?? events.length);
      published.push(...events.slice(0, taken).map(({ id }) => id));
      return { taken, error: new Error('ThrottlingException') };
    },
    async tell(message) {
      if (broken.topic) throw new Error('SNS is away');
      told.push(message);
    },
    async bury(letter) {
      if (broken.deadLetters) throw new Error('SQS is away');
      buried.push(letter);
    },
    logger: createLogger((line) => log.push(line)),
    now: Date.now,
  });
  const { batchItemFailures } = await handler(
    { Records: records },
    { getRemainingTimeInMillis: () => 60_000 },
  );
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
}

/** A recharge that goes through these phases, as the ledger writes it. */
async function aCourse(key: string, ...phases: Recharge['phase'][]): Promise<void> {
  const { ledger } = store();
  const claimed = await ledger.claim(
    newRecharge({ key, email: EMAIL, credits: 500 }, utc('2026-01-05 12:00'), 1),
  );
  let { row } = claimed;
  for (const phase of phases) {
    ({ row } = await ledger.write(row, { ...aRecharge({ ...row, phase }) }));
  }
}
const sequenceNumberOf = (
  records: Awaited<ReturnType<ReturnType<typeof store>['records']>>,
  version: number,
) =>
  records.find(({ dynamodb }) => dynamodb?.NewImage?.version?.N === String(version))?.dynamodb
    ?.SequenceNumber;

describe('what the table tells by its stream', () => {
  it('becomes the events of a recharge, in their order', async () => {
    await aCourse('key-1', 'charge_pending', 'granting', 'needs_review', 'charged', 'granting', 'completed');
    expect(await run(await store().records())).toEqual([]);
    expect(published).toEqual(['key-1:needs_review:4', 'key-1:completed:7']);
    expect(told).toMatchObject([{ subject: 'recharge-relay-test: grant_unknown: key-1' }]);
  });

  it('becomes an alert, a suspended client, a cap that is near', async () => {
    const { ledger, client, table } = store();
    const logger = withAlertRows(
      createLogger(() => {}),
      { client, table, now: () => utc('2026-01-05 12:00') },
    );
    logger.alert('charging_paused', { detail: 'the platform refused' });
    logger.alert('charging_paused', { detail: 'the platform refused' });
    await logger.kept();
    const { row } = await ledger.writeAccount(await ledger.readAccount(EMAIL), {
      ...(await ledger.readAccount(EMAIL)),
      status: 'active',
    });
    const spent = { '2026-01_USD': 8_000 };
    await ledger.writeAccount(row, { ...row, status: 'suspended', spent });
    expect(await run(await store().records())).toEqual([]);
    expect(published).toEqual([
      expect.stringMatching(/^[0-9a-f]{32}:charging_paused:1$/),
      `${EMAIL}:suspended:2`,
      `${EMAIL}:cap_near:2`,
    ]);
    expect(told).toMatchObject([{ subject: 'recharge-relay-test: charging_paused' }]);
  });

  it('tells of a client without a look at their reservations, of which no event tells', async () => {
    const { ledger, client, table } = store();
    const account = await ledger.readAccount(EMAIL);
    await ledger.writeAccount(account, { ...account, status: 'active' });
    await client.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: `ACCOUNT#${EMAIL}` },
        UpdateExpression: 'SET #status = :suspended, r_1_1 = :unreadable ADD revision :one',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':suspended': 'suspended', ':unreadable': 'no reservation', ':one': 1 },
      }),
    );
    expect(await run(await store().records())).toEqual([]);
    expect(published).toEqual([`${EMAIL}:suspended:2`]);
    expect(buried).toEqual([]);
  });

  it('is nothing where an item was removed, or is none that others hear of', async () => {
    await aCourse('key-1', 'completed');
    const { client, table } = store();
    await client.send(new DeleteCommand({ TableName: table, Key: { pk: 'RECHARGE#key-1' } }));
    for (const pk of ['MESSAGE#1', 'CONTROL#charging', 'ACCOUNT-ID#sub-1', 'QUARANTINE#1']) {
      await client.send(new PutCommand({ TableName: table, Item: { pk, v: 1 } }));
    }
    expect(await run(await store().records())).toEqual([]);
    expect(published).toEqual(['key-1:completed:2']);
    expect(buried).toEqual([]);
  });

  it('costs no one a line of the log, and names no client in it', async () => {
    await aCourse('key-1', 'completed');
    await run(await store().records());
    expect(log).toEqual([]);
    broken.bus = 0;
    await run(await store().records());
    expect(log.join()).toContain('key-1:completed:2');
    expect(log.join()).not.toContain(EMAIL);
  });
});

describe('where something fails', () => {
  it('the first change that was not taken comes again, with all that follow it', async () => {
    await aCourse('key-1', 'needs_review', 'charged', 'completed');
    await aCourse('key-2', 'completed');
    const records = await store().records();
    broken.bus = 1;
    expect(await run(records)).toEqual([sequenceNumberOf(records, 4)]);
    expect(published).toEqual(['key-1:needs_review:2']);
    broken = {};
    const from = records.findIndex(
      ({ dynamodb }) => dynamodb?.SequenceNumber === sequenceNumberOf(records, 4),
    );
    expect(await run(records.slice(from))).toEqual([]);
    expect(published).toEqual(['key-1:needs_review:2', 'key-1:completed:4', 'key-2:completed:2']);
    expect(told).toHaveLength(1);
  });

  it('of a run that died after it had published, the same ids come again', async () => {
    await aCourse('key-1', 'needs_review', 'charged', 'completed');
    const records = await store().records();
    await run(records);
    const first = [...published];
    await run(records);
    expect(published).toEqual([...first, ...first]);
  });

  it('what nobody could be told comes again', async () => {
    await aCourse('key-1', 'completed');
    await aCourse('key-2', 'needs_review');
    const records = await store().records();
    broken.topic = true;
    const [failed] = await run(records);
    expect(records.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === failed)).toBe(3);
    broken = {};
    expect(await run(records.slice(3))).toEqual([]);
    expect(told).toMatchObject([{ subject: 'recharge-relay-test: grant_unknown: key-2' }]);
  });

  it.each([
    [
      'a later version wrote',
      { v: 99, phase: 'completed' },
      /NewerRowError: The row RECHARGE#key-2 is stored with schema version 99/,
    ],
    ['nobody can read', { v: 2, phase: 'completed' }, /ZodError/],
  ])('a row that %s is kept aside, and holds nothing up', async (_, row, error) => {
    await aCourse('key-1', 'completed');
    const { client, table } = store();
    await client.send(new PutCommand({ TableName: table, Item: { pk: 'RECHARGE#key-2', ...row } }));
    await aCourse('key-3', 'completed');
    expect(await run(await store().records())).toEqual([]);
    expect(published).toEqual(['key-1:completed:2', 'key-3:completed:2']);
    expect(buried).toEqual([
      {
        pk: 'RECHARGE#key-2',
        sequenceNumber: expect.stringMatching(/^\d+$/),
        error: expect.stringMatching(error),
      },
    ]);
  });

  it('a row that cannot be kept aside either comes again, after what stood before it', async () => {
    await aCourse('key-1', 'completed');
    const { client, table } = store();
    await client.send(new PutCommand({ TableName: table, Item: { pk: 'RECHARGE#key-2', v: 99 } }));
    await aCourse('key-3', 'completed');
    broken.deadLetters = true;
    const records = await store().records();
    const [failed] = await run(records);
    expect(records.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === failed)).toBe(2);
    expect(published).toEqual(['key-1:completed:2']);
  });
});
