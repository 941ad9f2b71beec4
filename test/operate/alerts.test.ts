import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { beforeEach, describe, expect, it } from 'vitest';
import { createAlertRows } from '../../operate/alert-rows.ts';
import { listAlerts } from '../../operate/alerts.ts';
import { MEANING_OF, rankOf } from '../../shared/alert-words.ts';
import { type AlertLogger, withAlertRows } from '../../shared/alerts.ts';
import { type Content, messageIdOf, newMessage } from '../../shared/channels/message.ts';
import { createDynamoMessages } from '../../shared/channels/messages.ts';
import { ALERTS, createLogger } from '../../shared/logger.ts';
import { unknownAccount } from '../../shared/recharge/account.ts';
import { createDynamoCharging } from '../../shared/recharge/dynamo-charging.ts';
import { createDynamoRows } from '../../shared/recharge/dynamo-rows.ts';
import { OTHER_COUNTERPARTY } from '../../shared/recharge/machine/parties.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import type { Recharge } from '../../shared/recharge/recharge.ts';
import { STARTED_AGAIN } from '../../shared/recharge/started.ts';
import { aRecharge, utc } from '../support/builders.ts';
import { useLedger } from '../support/store.ts';

const store = useLedger();
const NOON = utc('2026-01-05 12:00:00');
const HOUR = 3_600_000;

let time: number;
let logger: AlertLogger;
beforeEach(() => {
  const { client, table } = store();
  time = NOON;
  logger = withAlertRows(
    createLogger(() => {}),
    { client, table, now: () => time },
  );
});

function connection() {
  const { client, table } = store();
  const now = () => time;
  return {
    now,
    policy: productionPolicy,
    alerts: createAlertRows(client, table),
    rows: createDynamoRows(client, table),
    messages: createDynamoMessages(client, table, now),
    charging: createDynamoCharging(client, table, { freshMs: 0, now }),
  };
}

const list = (all = false) => listAlerts(connection(), { all });
/** `word subject` of those that are open. */
const open = async () => (await list()).map(({ word, subject }) => `${word} ${subject}`);

async function stored(given: Partial<Recharge>): Promise<Recharge> {
  const row = aRecharge(given);
  await store().ledger.claim(row);
  return row;
}

const change = (row: Recharge, next: Partial<Recharge>) => store().ledger.write(row, { ...row, ...next });

describe('an open alert', () => {
  it('says what it is about, since when and how often it rang, where to read on, and what shows it', async () => {
    await stored({ phase: 'needs_review' });
    for (let n = 0; n < 2; n += 1) {
      logger.alert('grant_unknown', { key: 'key-1', email: 'demo@example.com', detail: 'status 502' });
      await logger.kept();
      time += HOUR;
    }
    const asked = { all: false, runbookUrl: 'https://example.com/RUNBOOK.md' };
    expect(await listAlerts(connection(), asked)).toEqual([
      {
        id: expect.any(String),
        word: 'grant_unknown',
        subject: 'key-1',
        key: 'key-1',
        email: 'demo@example.com',
        detail: 'status 502',
        firstAt: NOON,
        lastAt: NOON + HOUR,
        times: 2,
        over: false,
        runbook: 'https://example.com/RUNBOOK.md#grant_unknown',
        look: 'recharges show key-1',
      },
    ]);
  });

  it('that is worse stands first; of two alike, the one that rang last', async () => {
    await stored({ key: 'a', phase: 'needs_review' });
    await stored({ key: 'b', phase: 'needs_review' });
    await connection().charging.pause({ reason: 'pool_empty', until: NOON + HOUR });
    logger.alert('monthly_cap_near', { key: 'a', email: 'demo@example.com' });
    logger.alert('charging_paused', { detail: 'pool_empty' });
    for (const key of ['a', 'b']) {
      time += 1_000;
      logger.alert('grant_unknown', { key });
    }
    await logger.kept();
    expect(await open()).toEqual([
      'charging_paused charging',
      'grant_unknown b',
      'grant_unknown a',
      'monthly_cap_near demo@example.com',
    ]);
  });

  it('is not told twice: the reminder says no more than what it reminds of', async () => {
    await stored({ phase: 'needs_review' });
    for (const word of ['grant_unknown', 'review_waiting'] as const) logger.alert(word, { key: 'key-1' });
    await logger.kept();
    expect(await open()).toEqual(['grant_unknown key-1']);
    expect(await list(true)).toHaveLength(2);
  });

  it('of a payment that waits for its client has the link for them, until it is decided', async () => {
    const link = 'https://relay.example.com/pay/token-of-32-characters-x';
    const row = await stored({ phase: 'charge_pending', actionUrl: link });
    logger.alert('client_must_act', { key: 'key-1', email: 'demo@example.com' });
    await logger.kept();
    expect(await list()).toMatchObject([{ word: 'client_must_act', link, look: 'recharges show key-1' }]);
    const { actionUrl: _, ...decided } = row;
    await store().ledger.write(row, { ...decided, phase: 'declined' });
    expect(await open()).toEqual([]);
    expect((await list(true))[0]).not.toHaveProperty('link');
  });

  it('of a word that only a later version knows is shown, and first', async () => {
    const { client, table } = store();
    await stored({ phase: 'needs_review' });
    logger.alert('grant_unknown', { key: 'key-1' });
    await logger.kept();
    const at = {
      firstAt: NOON,
      lastAt: NOON,
      times: 1,
      list: 'alerts',
      listKey: '2026-01-05T12:00:00.000Z#a',
    };
    const later = { pk: 'ALERT#a', v: 2, word: 'sky_falls', subject: 'sky', ...at };
    await client.send(new PutCommand({ TableName: table, Item: later }));
    expect(await open()).toEqual(['sky_falls sky', 'grant_unknown key-1']);
  });

  it('has a rank and a meaning, whichever it is', () => {
    expect(Object.keys(MEANING_OF).toSorted()).toEqual(ALERTS.toSorted());
    expect(rankOf('charging_paused')).toBe(0);
  });
});

describe('an alert is over once', () => {
  it.each<[string, Parameters<AlertLogger['alert']>[0], Partial<Recharge>, Partial<Recharge>]>([
    ['a person answered', 'grant_unknown', { phase: 'needs_review' }, { phase: 'completed' }],
    ['a person answered, reminded or not', 'review_waiting', { phase: 'needs_review' }, { phase: 'charged' }],
    ['the client acted', 'client_must_act', { phase: 'charge_pending' }, { phase: 'granting' }],
    [
      'the party it began with is back',
      'other_counterparty',
      { history: [{ at: NOON, event: OTHER_COUNTERPARTY }] },
      { history: [{ at: NOON, event: 'paid' }] },
    ],
    ['the row got further', 'no_progress', { swept: 20 }, { phase: 'charge_pending' }],
    [
      'it was started again',
      'recharge_blocked',
      { phase: 'blocked' },
      { history: [{ at: NOON, event: STARTED_AGAIN, detail: 'key-1-again' }] },
    ],
    [
      'it was started again under a higher limit',
      'monthly_cap_reached',
      { phase: 'blocked' },
      { history: [{ at: NOON, event: STARTED_AGAIN, detail: 'key-1-again' }] },
    ],
    [
      'the endpoint has answered since',
      'payment_hook_misconfigured',
      { history: [{ at: NOON - 1, event: 'paid' }] },
      { history: [{ at: NOON + 1, event: 'paid' }] },
    ],
  ])('%s (%s)', async (_when, word, before, after) => {
    const row = await stored(before);
    logger.alert(word, { key: 'key-1', email: 'demo@example.com' });
    await logger.kept();
    expect(await open()).toHaveLength(1);
    const { review: _, swept: _s, ...rest } = row;
    await store().ledger.write(row, { ...rest, ...after });
    expect(await open()).toEqual([]);
    expect(await list(true)).toMatchObject([{ word, over: true }]);
  });

  it('another reason stands in its place: then that one is open', async () => {
    const row = await stored({ phase: 'needs_review', review: 'grant_unknown' });
    for (const word of ['grant_unknown', 'grant_differs'] as const) logger.alert(word, { key: 'key-1' });
    await logger.kept();
    await change(row, { review: 'grant_differs' });
    expect(await open()).toEqual(['grant_differs key-1']);
  });

  it('of a refund that came back after it was done, nothing rings for a while: no row waits for it', async () => {
    await stored({ phase: 'refunded', refundedAt: NOON - HOUR });
    logger.alert('refund_failed', { key: 'key-1', detail: 're_1: 50.00 EUR came back after it was done' });
    await logger.kept();
    expect(await open()).toEqual(['refund_failed key-1']);
    time += 30 * 24 * HOUR;
    expect(await open()).toEqual([]);
  });

  it('charging goes on', async () => {
    const { charging } = connection();
    await charging.pause({ reason: 'pool_empty', until: NOON + HOUR });
    logger.alert('charging_paused', { key: 'key-1', detail: 'pool_empty' });
    await logger.kept();
    expect(await open()).toEqual(['charging_paused charging']);
    time += HOUR;
    expect(await open()).toEqual([]);
  });

  it('the client is charged again, and not before', async () => {
    const { ledger } = store();
    const email = 'demo@example.com';
    await ledger.writeAccount(unknownAccount(email), { ...unknownAccount(email), status: 'suspended' });
    logger.alert('client_suspended', { key: 'key-1', email, detail: '3 declines in a row: card_refused' });
    await logger.kept();
    time += 30 * 24 * HOUR;
    expect(await list(false)).toMatchObject([{ subject: email, look: `accounts show ${email}` }]);
    const account = await ledger.readAccount(email);
    await ledger.writeAccount(account, { ...account, status: 'active' });
    expect(await open()).toEqual([]);
  });

  it('the message goes on, or is kept no more', async () => {
    const { messages } = connection();
    const content: Content = { id: 'm-1', contact: 'joe', type: 'text', text: 'Hi', attachments: [] };
    const message = newMessage({ channel: 'support', direction: 'incoming', content }, NOON);
    await messages.mark({ ...message, status: 'failed' });
    for (const id of [messageIdOf(message), 'rrm-gone']) logger.alert('message_failed', { id });
    await logger.kept();
    expect(await open()).toEqual([`message_failed ${messageIdOf(message)}`]);
    // One of a later version keeps no other from being judged, and is shown for a day.
    const { client, table } = store();
    const later = { pk: 'MESSAGE#rrm-later', v: 99, expiresAt: NOON };
    await client.send(new PutCommand({ TableName: table, Item: later }));
    logger.alert('message_failed', { id: 'rrm-later' });
    await logger.kept();
    expect((await open()).toSorted()).toEqual(
      [`message_failed ${messageIdOf(message)}`, 'message_failed rrm-later'].toSorted(),
    );
    time += 24 * HOUR;
    await messages.write({ ...message, status: 'failed' }, { ...message, status: 'queued' });
    expect(await open()).toEqual([]);
  });

  it('this version knows the row, where a later one was needed', async () => {
    const { client, table } = store();
    await stored({ key: 'old', phase: 'needs_review' });
    await client.send(
      new PutCommand({ TableName: table, Item: { pk: 'RECHARGE#new', v: 99, listKey: '1#a@b.c' } }),
    );
    for (const key of ['old', 'new']) logger.alert('newer_row', { key });
    logger.alert('grant_unknown', { key: 'old' });
    await logger.kept();
    // A row that cannot be read keeps no other from being judged.
    expect(await open()).toEqual(['grant_unknown old', 'newer_row new']);
  });

  it.each([
    ['webhook_quarantined', 24],
    ['secret_unreadable', 24],
    ['monthly_cap_reached', 24],
    ['books_differ', 36],
    ['granted_twice', 24 * 7],
  ] as const)('%s has not rung for %i h: no row says more', async (word, hours) => {
    await stored({ phase: 'completed' });
    const told = { route: '/r', secret: 'inbound', month: '2026-10' };
    logger.alert(word, { key: 'key-1', email: 'demo@example.com', ...told });
    await logger.kept();
    time += hours * HOUR - 1;
    expect(await open()).toHaveLength(1);
    time += 1;
    expect(await open()).toEqual([]);
    // Past its 90 days it is not shown, although the table may take days to clear it away.
    expect(await list(true)).toHaveLength(1);
    time = NOON + 90 * 24 * HOUR;
    expect(await list(true)).toEqual([]);
  });
});

describe('what shows it', () => {
  it.each([
    ['recharge_blocked', { key: "it's", email: 'demo@example.com' }, "recharges show 'it'\\''s'"],
    ['monthly_cap_near', { key: 'key-1', email: 'demo@example.com' }, 'accounts show demo@example.com'],
    ['books_differ', { month: '2026-10' }, 'reconcile --month 2026-10'],
    ['key_reused', { key: 'key-1', quarantine: 'abc' }, 'quarantine show abc'],
    ['webhook_quarantined', { route: '/webhooks/auto-recharge', quarantine: 'abc' }, 'quarantine show abc'],
    ['message_parked', { id: 'rrm-1' }, 'messages show rrm-1'],
    ['secret_unreadable', { secret: 'inbound' }, undefined],
  ] as const)('of %s', async (word, fields, look) => {
    logger.alert(word, fields);
    await logger.kept();
    expect((await list(true)).map((alert) => alert.look)).toEqual([look]);
  });
});
