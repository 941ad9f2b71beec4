import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { expect, it } from 'vitest';
import { createRefusals } from '../../../shared/incoming/refusals.ts';
import { createLogger } from '../../../shared/logger.ts';
import { utc } from '../../support/builders.ts';
import { meter, useLedger } from '../../support/store.ts';

const store = useLedger();
const ROUTE = '/webhooks/auto-recharge';
const NINE = utc('2026-01-05 09:59:00');

/** A process that counts, at a time that is moved by hand. */
function aProcess(given: { everyMs?: number } = {}) {
  const { client, table } = store();
  const clock = { time: NINE };
  const lines: string[] = [];
  const logger = createLogger((line) => lines.push(line));
  const counting = given.everyMs === undefined ? {} : { countEveryMs: given.everyMs };
  const refusals = createRefusals(client, table, { logger, now: () => clock.time, ...counting });
  const refuse = (reason: string) => refusals.answered(ROUTE, 401, { word: 'unauthorized', reason });
  return { clock, lines, refusals, refuse };
}

async function counted(hour: string) {
  const { client, table } = store();
  const { Item } = await client.send(
    new GetCommand({ TableName: table, Key: { pk: `CONTROL#refused#${hour}` } }),
  );
  return Item;
}

it('what is refused is counted by route, status and reason, in one item an hour', async () => {
  const { clock, refusals, refuse } = aProcess();
  await refuse('no such token');
  await refuse('no such token');
  await refuse('no signature');
  await refusals.answered(ROUTE, 413, { word: 'too_large' });
  await refusals.answered(ROUTE, 202, { word: 'received' });
  // The first was written at once. The others wait for a minute to be over, and then for any answer.
  const first = { [`${ROUTE} 401 no such token`]: 1, lastAt: NINE };
  expect(await counted('2026-01-05T09')).toMatchObject(first);
  clock.time += 60_000;
  await refusals.answered(ROUTE, 202, { word: 'received' });
  expect(await counted('2026-01-05T09')).toMatchObject(first);
  expect(await counted('2026-01-05T10')).toEqual({
    pk: 'CONTROL#refused#2026-01-05T10',
    v: 1,
    lastAt: clock.time,
    expiresAt: utc('2026-02-14 10:00:00') / 1_000,
    [`${ROUTE} 401 no such token`]: 1,
    [`${ROUTE} 401 no signature`]: 1,
    [`${ROUTE} 413 too_large`]: 1,
  });
});

it('whoever is let in costs no request, and a flood one a minute in each process', async () => {
  const counts = meter(store().client);
  const { clock, refusals, refuse } = aProcess();
  for (let n = 0; n < 10; n += 1) await refusals.answered(ROUTE, 202, { word: 'received' });
  expect(counts.requests).toBe(0);
  for (let n = 0; n < 1_000; n += 1) await refuse(`reason ${n}`);
  clock.time += 60_000;
  await refuse('one more');
  expect(counts.requests).toBe(2);
  // Whatever a stranger makes up, the item stays small: twenty reasons, and all the others.
  const { pk: _p, v: _v, lastAt: _l, expiresAt: _e, ...reasons } = (await counted('2026-01-05T10')) ?? {};
  expect(Object.keys(reasons)).toHaveLength(21);
  expect(Object.values(reasons).reduce((sum, count) => sum + count, 0)).toBe(1_000);
});

it('processes add up', async () => {
  await Promise.all([1, 2, 3].map(() => aProcess().refuse('no such token')));
  expect(await counted('2026-01-05T09')).toMatchObject({ [`${ROUTE} 401 no such token`]: 3 });
});

it('what could not be written is written later, and keeps no answer from being given', async () => {
  const { clock, lines, refusals, refuse } = aProcess();
  const { client } = store();
  let isAway = true;
  client.middlewareStack.add(
    (next) => (args) => (isAway ? Promise.reject(new Error('no answer')) : next(args)),
    { step: 'initialize' },
  );
  await refuse('no such token');
  const asked = lines.length;
  clock.time += 60_000;
  await refusals.answered(ROUTE, 500, { word: 'not_stored' });
  expect(lines).toHaveLength(asked);
  expect(lines.join()).toContain('what was refused could not be counted');
  isAway = false;
  await refuse('no such token');
  expect(await counted('2026-01-05T10')).toMatchObject({
    [`${ROUTE} 401 no such token`]: 2,
    [`${ROUTE} 500 not_stored`]: 1,
  });
});
