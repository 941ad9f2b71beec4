import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EventsOptions, startEvents } from '../../local/events.ts';
import { createLogger } from '../../shared/logger.ts';
import { newRecharge } from '../../shared/recharge/recharge.ts';
import { aRecharge, utc } from '../support/builders.ts';
import { send, useParties } from '../support/parties.ts';
import { useRelays } from '../support/relay-process.ts';
import { useLedger } from '../support/store.ts';

interface Delivery {
  headers: IncomingHttpHeaders;
  body: any;
}

/** A webhook of one's own. */
let deliveries: Delivery[];
let url: string;
/** What it answers next; 200 from then on. */
let answers: number[];
const ends: (() => unknown)[] = [];
beforeEach(async () => {
  [deliveries, answers] = [[], []];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    deliveries.push({ headers: request.headers, body: JSON.parse(body) });
    response.writeHead(answers.shift() ?? 200).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/events`;
  ends.push(() => server.close());
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
/** Under load a second is not enough. */
const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 15_000 });

const ids = () => deliveries.map(({ body }) => body.id);

describe('events under npm start', () => {
  const store = useLedger();
  let log: string[];
  let folder: string;
  beforeEach(() => {
    log = [];
    folder = mkdtempSync(join(tmpdir(), 'relay-events-'));
    ends.push(() => rmSync(folder, { recursive: true }));
  });
  const logged = () =>
    log.flatMap((line) => {
      const { message, id } = JSON.parse(line);
      return message === 'event' ? [id] : [];
    });

  async function start(given: Partial<EventsOptions> = {}) {
    const { client, table } = store();
    const { hostname, port } = (await client.config.endpoint?.()) ?? {};
    const events = await startEvents({
      dynamodbEndpoint: `http://${hostname}:${port}`,
      client,
      table,
      placesFile: join(folder, 'events.json'),
      webhook: { url, headers: { 'x-webhook-token': 'events-secret' } },
      limits: {},
      runbookUrl: undefined,
      logger: createLogger((line) => log.push(line)),
      ...given,
    });
    ends.push(() => events.stop());
    return events;
  }
  /** A recharge that waits for a person, and then is completed. */
  async function aCourse(key: string) {
    const { ledger } = store();
    const order = { key, email: 'jane.doe@example.com', credits: 500 };
    let { row } = await ledger.claim(newRecharge(order, utc('2026-01-05 12:00'), 1));
    for (const phase of ['needs_review', 'completed'] as const) {
      ({ row } = await ledger.write(row, aRecharge({ ...row, phase })));
    }
  }

  it('are lines of the log and deliveries of the webhook, also for a table that had no stream before', async () => {
    await start();
    await aCourse('key-1');
    await eventually(() => expect(ids()).toEqual(['key-1:needs_review:2', 'key-1:completed:3']));
    expect(deliveries[0]).toMatchObject({
      headers: { 'x-webhook-token': 'events-secret', 'content-type': 'application/json; charset=utf-8' },
      body: {
        type: 'recharge.needs_review',
        data: { email: 'jane.doe@example.com', reason: 'grant_unknown' },
      },
    });
    await eventually(() => expect(logged()).toEqual(['key-1:needs_review:2', 'key-1:completed:3']));
    expect(log.join()).toContain('npx relay recharges show key-1');
    expect(log.join()).not.toMatch(/jane\.doe|events-secret/);
  });

  it('wait in their order for a webhook that is not ready, and the log does not wait', async () => {
    answers = [503, 429];
    await start();
    await aCourse('key-1');
    await eventually(() => expect(logged()).toHaveLength(2));
    await eventually(() => expect(ids().at(-1)).toBe('key-1:completed:3'));
    expect(ids()).toEqual([...Array(3).fill('key-1:needs_review:2'), 'key-1:completed:3']);
  });

  it('that the webhook refuses do not come again, and the log says so', async () => {
    answers = [401];
    await start();
    await aCourse('key-1');
    await eventually(() => expect(ids()).toEqual(['key-1:needs_review:2', 'key-1:completed:3']));
    expect(log.join()).toContain('the webhook refused an event: it is not sent again');
    expect(log.join()).toContain('HTTP 401');
  });

  it('go on after a restart where they were: what was delivered does not come again', async () => {
    const first = await start();
    await aCourse('key-1');
    await eventually(() => expect(ids()).toHaveLength(2));
    await first.stop();
    await aCourse('key-2');
    await start();
    await eventually(() => expect(ids()).toHaveLength(4));
    expect(ids().slice(2)).toEqual(['key-2:needs_review:2', 'key-2:completed:3']);
    expect(readFileSync(join(folder, 'events.json'), 'utf8')).not.toContain('jane');
  });

  it('are none on an engine without streams: the log says so, and all else goes on', async () => {
    const { stop } = await start({ table: 'no-such-table' });
    expect(log.join()).toContain('the engine has no streams: there are no events');
    await stop();
  });
});

describe('npm start', () => {
  const relays = useRelays();
  const newParties = useParties();

  it('posts to EVENTS_WEBHOOK_URL what happens to a recharge', { timeout: 60_000 }, async () => {
    const parties = await newParties();
    const env = { ...parties.env, EVENTS_WEBHOOK_URL: url, EVENTS_WEBHOOK_SECRET: 'events-secret' };
    const relay = await relays.start({ ...parties, env });
    await send(relay, { idempotency_key: 'key-1', email: 'client-001@example.com', credits: 500 });
    await eventually(() => expect(ids()).toEqual(['key-1:completed:3']));
    expect(deliveries[0]?.headers['x-webhook-token']).toBe('events-secret');
    expect((await relay.end('SIGINT')).code).toBe(0);
  });
});
