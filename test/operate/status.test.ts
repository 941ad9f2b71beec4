import { expect, it } from 'vitest';
import { statusLineText } from '../../cli/status-line.ts';
import { identityOfStack } from '../../operate/identity.ts';
import { readStatus, statusJson } from '../../operate/status.ts';
import { statusLine } from '../../operate/status-line.ts';
import { createDynamoQuarantine } from '../../shared/incoming/quarantine.ts';
import { createRefusals } from '../../shared/incoming/refusals.ts';
import { createLogger } from '../../shared/logger.ts';
import { createSweeps } from '../../shared/sweeps.ts';
import { aRecharge, utc } from '../support/builders.ts';
import { useFoundRelay } from '../support/found-relay.ts';

const NOON = utc('2026-01-05 12:20:00');
const HOUR = 3_600_000;
const relay = useFoundRelay({ now: () => NOON });

const status = () => readStatus(relay().connection, relay().target);

it('a quiet relay says so, part by part', async () => {
  expect(await status()).toMatchObject({
    relay: { stage: 'local', name: expect.stringContaining('npm start in '), version: expect.any(String) },
    at: NOON,
    pause: { value: undefined },
    waiting: { value: { groups: [], reviews: 0, more: false } },
    alerts: { value: [] },
    sweep: { value: undefined },
    webhooks: { value: { accepted: 0, keptAside: 0, refused: [] } },
    quarantined: { value: { count: 0, more: false } },
  });
});

it('what waits is grouped by phase and reason, and the oldest review is named', async () => {
  const { ledger, connection } = relay();
  const ago = (hours: number, event: string, detail?: string) => [
    { at: NOON - hours * HOUR, event, ...(detail === undefined ? {} : { detail }) },
  ];
  for (const [key, given] of Object.entries({
    young: { phase: 'needs_review', history: ago(1, 'grant_unknown') },
    old: { phase: 'needs_review', history: ago(30, 'grant_unknown') },
    differs: { phase: 'needs_review', review: 'grant_differs', history: ago(2, 'grant_differs') },
    waiting: { phase: 'received', receivedAt: NOON - HOUR, history: ago(1, 'waiting', 'status 503') },
    waits: { phase: 'received', receivedAt: NOON - 2 * HOUR, history: ago(1, 'waiting', 'status 503') },
    // Looked at late, after its end: it waits for nobody.
    ended: { phase: 'completed', nextAttemptAt: NOON },
  } as const)) {
    await ledger.claim(aRecharge({ key, ...given, history: [...('history' in given ? given.history : [])] }));
  }
  const { waiting } = await status();
  expect(waiting).toEqual({
    value: {
      groups: [
        { phase: 'needs_review', reason: 'grant_unknown', count: 2, oldestAt: NOON - 30 * HOUR },
        { phase: 'received', reason: 'status 503', count: 2, oldestAt: NOON - 2 * HOUR },
        { phase: 'needs_review', reason: 'grant_differs', count: 1, oldestAt: NOON - 2 * HOUR },
      ],
      reviews: 3,
      oldestReview: { key: 'old', since: NOON - 30 * HOUR },
      more: false,
    },
  });
  // While charging is paused, that is what all uncharged ones wait for.
  await connection.charging.pause({ reason: 'prices change', by: 'jane@desk' });
  expect(await status()).toMatchObject({
    pause: { value: { reason: 'prices change', by: 'jane@desk', since: NOON } },
    waiting: {
      value: {
        groups: expect.arrayContaining([expect.objectContaining({ reason: 'charging is paused', count: 2 })]),
      },
    },
  });
});

it('webhooks are counted since the whole hour before this one: accepted, kept aside, refused by reason', async () => {
  const { client, table, ledger, clock } = relay();
  for (const [key, receivedAt] of Object.entries({ now: NOON, before: NOON - HOUR, older: NOON - 2 * HOUR }))
    await ledger.claim(aRecharge({ key, receivedAt, phase: 'completed' }));
  const quarantine = createDynamoQuarantine(client, table);
  const kept = { route: '/webhooks/auto-recharge', headers: {}, reason: 'credits: missing' };
  await quarantine.keep({ ...kept, body: Buffer.from('1'), receivedAt: NOON });
  await quarantine.keep({ ...kept, body: Buffer.from('2'), receivedAt: NOON - 5 * HOUR });
  const logger = createLogger(() => {});
  const refuse = async (at: number, reason: string) => {
    clock.time = at;
    const refusals = createRefusals(client, table, { logger, now: () => at });
    await refusals.answered('/webhooks/auto-recharge', 401, { reason });
  };
  await refuse(NOON - HOUR, 'no such token');
  await refuse(NOON - 2 * HOUR, 'too old to count');
  for (const reason of ['no such token', 'no signature']) await refuse(NOON, reason);
  expect(await status()).toMatchObject({
    webhooks: {
      value: {
        since: utc('2026-01-05 11:00:00'),
        accepted: 2,
        keptAside: 1,
        refused: [
          { route: '/webhooks/auto-recharge', status: 401, reason: 'no such token', count: 2, lastAt: NOON },
          { reason: 'no signature', count: 1 },
        ],
      },
    },
    quarantined: { value: { count: 2 } },
  });
});

it('a part that cannot be read says why, and keeps no other from being shown', async () => {
  const { client, table, connection, target } = relay();
  await createSweeps(client, table).note({ sweptAt: NOON, queued: 3, failed: false });
  const ledger = { ...connection.ledger, due: () => Promise.reject(new Error('no answer')) };
  const read = await readStatus({ ...connection, ledger }, target);
  expect(read).toMatchObject({
    waiting: { unreadable: 'Error: no answer' },
    queues: { unreadable: expect.stringMatching(/^No relay was started in .*Run .*npm start/) },
    sweep: { value: { sweptAt: NOON, queued: 3 } },
    pause: { value: undefined },
  });
  expect(statusJson(read)).toMatchObject({
    waiting: { unreadable: 'Error: no answer' },
    charging: { paused: false },
    last_sweep: { at: '2026-01-05T12:20:00.000Z', queued: 3, failed: false },
  });
});

it('secrets are named with whether they are set, and never with what they are', async () => {
  const { secrets } = await status();
  expect(secrets).toMatchObject({
    value: expect.arrayContaining([
      { name: 'webhook', isSet: true, previous: 0 },
      { name: 'paymentHook', isSet: true, previous: 0 },
      { name: 'demo/token', isSet: true, previous: 0 },
    ]),
  });
});

it('the line above every list says what waits and what rang within a day; what cannot be read is left out', async () => {
  const { ledger, connection, logger, clock } = relay();
  await ledger.claim(aRecharge({ phase: 'needs_review' }));
  logger.alert('grant_unknown', { key: 'key-1' });
  await logger.kept();
  clock.time += 25 * HOUR;
  logger.alert('message_failed', { id: 'rrm-1' });
  await logger.kept();
  const read = await statusLine({ ...connection, relay: { name: 'r', stage: 'prod' } });
  expect(read).toEqual({
    relay: { name: 'r', stage: 'prod' },
    paused: false,
    reviews: { count: 1, more: false },
    alerts: 1,
  });
  const charging = { ...connection.charging, paused: () => Promise.reject(new Error('no answer')) };
  expect(await statusLine({ ...connection, charging })).not.toHaveProperty('paused');
});

it('a stack says which account and region it is in, also one of an earlier version that names no topic', () => {
  const outputs = {
    TableName: 'table',
    InboundSecretId: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:inbound',
    OutboundSecretId: 'outbound',
    WebhookUrl: 'https://hooks.example.com/webhooks/auto-recharge',
  };
  const relayThere = {
    name: 'recharge-relay-prod',
    stage: 'prod',
    region: 'eu-central-1',
    account: '111122223333',
  };
  expect(identityOfStack('recharge-relay-prod', outputs)).toEqual({
    ...relayThere,
    webhookUrl: outputs.WebhookUrl,
  });
  const AlarmTopicArn = 'arn:aws:sns:us-east-1:444455556666:alarms';
  expect(
    identityOfStack('recharge-relay-prod', { ...outputs, AlarmTopicArn, Version: '0.2.0' }),
  ).toMatchObject({
    region: 'us-east-1',
    account: '444455556666',
    version: '0.2.0',
  });
  const line = { relay: relayThere, paused: true, reviews: { count: 100, more: true }, alerts: 0 };
  expect(statusLineText(line)).toBe(
    'prod eu-central-1 · charging PAUSED · 100+ wait for you · no alerts in 24 h',
  );
  expect(statusLineText({ relay: relayThere })).toBe(
    'prod eu-central-1 · charging not known · what waits not known · alerts not known',
  );
});
