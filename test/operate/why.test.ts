import { expect, it } from 'vitest';
import { whyJson, whyNot } from '../../operate/why.ts';
import { createDynamoQuarantine } from '../../shared/incoming/quarantine.ts';
import { createRefusals } from '../../shared/incoming/refusals.ts';
import { createLogger } from '../../shared/logger.ts';
import { dayOf } from '../../shared/recharge/account.ts';
import { createAccounts } from '../../shared/recharge/accounts.ts';
import type { Recharge } from '../../shared/recharge/recharge.ts';
import { aRecharge } from '../support/builders.ts';
import { useFoundRelay } from '../support/found-relay.ts';

/** What is kept aside expires by the real clock. */
const NOW = Date.now();
const DAY = 86_400_000;
const MINUTE = 60_000;
const EMAIL = 'demo@example.com';
const limits = { cooldownSeconds: 600, dailyCount: 2, monthlyAmount: 100_000 };
const relay = useFoundRelay({ now: () => NOW, guard: { limits } });

const why = (email = EMAIL) => whyNot(relay().connection, relay().target, email);
const known = () => createAccounts(relay().client, relay().table, relay().ledger);
const stored = (given: Partial<Recharge>) =>
  relay().ledger.claim(aRecharge({ receivedAt: NOW - MINUTE, ...given }));

async function refused(reason: string, at = NOW): Promise<void> {
  const { client, table } = relay();
  const refusals = createRefusals(client, table, { logger: createLogger(() => {}), now: () => at });
  await refusals.answered('/webhooks/auto-recharge', 401, { reason });
}

const keep = (body: string, receivedAt: number) =>
  createDynamoQuarantine(relay().client, relay().table).keep({
    route: '/webhooks/auto-recharge',
    headers: {},
    body: Buffer.from(body),
    reason: 'credits: missing',
    receivedAt,
  });

it('nobody has set the client up: that is what to do', async () => {
  const { next, account, recharges } = await why();
  expect(account).toMatchObject({ refusal: 'account_unknown', recharged: { today: 0, spent: [] } });
  expect(recharges).toEqual([]);
  expect(next).toMatchObject({ who: 'you', what: 'Nobody has set this client up.' });
  expect(next.commands).toMatchObject([{ command: `npx relay accounts add ${EMAIL}` }]);
});

it('nothing came in: where to look on the platform, and for which address', async () => {
  await known().set(EMAIL, {});
  const { next, account } = await why();
  expect(account).not.toHaveProperty('refusal');
  expect(next.who).toBe('you');
  expect(next.what).toContain('No webhook about this client came in the last 31 days');
  expect(next.what).toContain('http://127.0.0.1:9/webhooks/auto-recharge');
});

it('what was refused with 401 is counted, and nobody pretends to know whose it was', async () => {
  await known().set(EMAIL, {});
  await refused('no such token');
  await refused('no such token', NOW - 48 * 60 * MINUTE);
  await refused('long ago', NOW - 96 * 60 * MINUTE);
  const { next, refused: counts } = await why();
  expect(counts).toMatchObject([{ status: 401, reason: 'no such token', count: 2, lastAt: NOW }]);
  expect(next).toMatchObject({ who: 'you', commands: [{ command: 'npx relay secrets set webhook' }] });
  expect(next.what).toContain('nobody can say whose');
});

it('a genuine webhook that names the client and was not understood comes before that', async () => {
  await known().set(EMAIL, { platformId: 'sub-77' });
  await refused('no such token');
  await keep('{"email":"other@example.com"}', NOW - 2);
  await keep('{"client":"sub-77"}', NOW - 1);
  const id = await keep('{"email":"Demo@Example.com"}', NOW);
  const { next, quarantined } = await why();
  expect(quarantined.map(({ receivedAt }) => receivedAt)).toEqual([NOW, NOW - 1]);
  expect(next.who).toBe('you');
  expect(next.what).toContain('credits: missing');
  expect(next.commands.map(({ command }) => command)).toEqual([
    `npx relay quarantine show ${id}`,
    `npx relay quarantine replay ${id}`,
  ]);
});

it('a recharge that is under way says itself who must do what', async () => {
  await known().set(EMAIL, {});
  await keep(`{"email":"${EMAIL}"}`, NOW);
  await stored({ phase: 'needs_review' });
  const { next, recharges } = await why();
  expect(next.who).toBe('you');
  expect(next.commands[0]?.command).toContain('recharges resolve key-1 confirm-granted');
  expect(recharges[0]?.next).toEqual(next);
});

it('one that was refused says why, and how it is started again', async () => {
  await known().set(EMAIL, { status: 'suspended' });
  await stored({ phase: 'blocked', reason: 'account_suspended' });
  const { next, account } = await why();
  expect(account).toMatchObject({ status: 'suspended', refusal: 'account_suspended' });
  expect(next).toMatchObject({ who: 'you', what: 'The client is suspended.' });
  expect(next.commands.at(-1)?.command).toContain(`recharges start ${EMAIL} --for key-1`);
});

it('one that went through says so; what the guard would say now stands beside it', async () => {
  const { ledger } = relay();
  await known().set(EMAIL, {});
  await stored({ phase: 'completed' });
  const account = await ledger.readAccount(EMAIL);
  await ledger.writeAccount(account, {
    ...account,
    last: { key: 'key-1', at: NOW - MINUTE },
    counts: { [dayOf(NOW)]: 1, [dayOf(NOW - DAY)]: 9 },
    spent: { [`${dayOf(NOW).slice(0, 7)}_USD`]: 5_000, '2025-12_USD': 99_000 },
  });
  const { account: state, next } = await why();
  expect(state).toMatchObject({
    status: 'active',
    refusal: 'cooldown',
    coolsUntil: NOW + 9 * MINUTE,
    limits,
    limitsAreKnown: true,
    currency: 'USD',
    recharged: { today: 1, spent: [{ amount: 5_000, currency: 'USD' }] },
  });
  expect(next.who).toBe('nobody');
  expect(next.what).toContain('was paid and granted, and no webhook about this client was accepted since');
  expect(next.commands).toEqual([]);
  // What was refused since may have been the next one.
  await refused('no such token');
  const { next: later } = await why();
  expect(later).toMatchObject({ who: 'nobody', commands: [{ command: 'npx relay secrets set webhook' }] });
  expect(later.what).toContain('Refused with 401: 1, the last at');
});

it('a limit that is used up is said before the next webhook meets it', async () => {
  const { ledger } = relay();
  await known().set(EMAIL, {});
  const account = await ledger.readAccount(EMAIL);
  await ledger.writeAccount(account, { ...account, counts: { [dayOf(NOW)]: 2 } });
  expect((await why()).next).toMatchObject({
    who: 'you',
    commands: [{ command: `npx relay accounts set ${EMAIL} --daily-count N` }],
  });
});

it('open alerts of this client, and of all clients, are there; those of others are not', async () => {
  const { logger, connection } = relay();
  await connection.charging.pause({ reason: 'pool_empty', until: NOW + MINUTE });
  logger.alert('monthly_cap_near', { key: 'a', email: EMAIL });
  logger.alert('monthly_cap_near', { key: 'b', email: 'other@example.com' });
  logger.alert('charging_paused', { key: 'b', email: 'other@example.com', detail: 'pool_empty' });
  await logger.kept();
  const read = await why();
  expect(read.alerts.map(({ word, subject }) => `${word} ${subject}`)).toEqual([
    'charging_paused charging',
    `monthly_cap_near ${EMAIL}`,
  ]);
  expect(read.pause).toMatchObject({ reason: 'pool_empty' });
  expect(whyJson(read)).toMatchObject({
    email: EMAIL,
    charging: { paused: true, reason: 'pool_empty' },
    account: { known: false },
  });
});

it('without a configuration it is not known what holds for all clients, and that is said', async () => {
  const { connection } = relay();
  await known().set(EMAIL, { limits: { dailyCount: 1 } });
  const nowhere = { stack: 'recharge-relay-nowhere', env: { RELAY_CONFIG: '/there/is/none.json' } };
  expect((await whyNot(connection, nowhere, EMAIL)).account).toMatchObject({
    limitsAreKnown: false,
    limits: { dailyCount: 1 },
    status: 'active',
  });
});
