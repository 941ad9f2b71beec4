import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { RelayEvent } from '../../../shared/events/event.ts';
import { createEventBridge, publishOn } from '../../../shared/events/event-bus.ts';
import { eventsOfRecharge } from '../../../shared/events/transitions.ts';
import { aRecharge } from '../../support/builders.ts';

/** EventBridge's one operation that we use, over its real protocol. */
let server: Server;
/** The ids of each request, and what is answered to the next ones instead of "taken". */
let requests: string[][];
let answers: ((id: string) => boolean)[];
let last: any;
let engine: {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
};

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    last = JSON.parse(body).Entries[0];
    const ids = JSON.parse(body).Entries.map(({ Detail }: { Detail: string }) => JSON.parse(Detail).id);
    requests.push(ids);
    const isTaken = answers.shift() ?? (() => true);
    const Entries = ids.map((id: string) =>
      isTaken(id) ? { EventId: id } : { ErrorCode: 'ThrottlingException', ErrorMessage: 'Rate exceeded' },
    );
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify({ FailedEntryCount: 0, Entries }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  engine = {
    endpoint: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
});
afterAll(() => server.close());
beforeEach(() => {
  [requests, answers] = [[], []];
});

const ended = (key: string, phase: 'completed' | 'needs_review' = 'completed', version = 4): RelayEvent[] =>
  eventsOfRecharge(undefined, aRecharge({ key, phase, version }), '2026-01-05T12:00:00.000Z');
const many = (count: number) => Array.from({ length: count }, (_, index) => ended(`key-${index}`)).flat();
const publish = async (events: RelayEvent[], forMs = 10_000) =>
  publishOn(createEventBridge(engine), 'recharge-relay-test')(events, { endsAt: Date.now() + forMs });

it('an event stands on the bus under our name, by its type, whole', async () => {
  const [event] = ended('key-1');
  expect(await publish(ended('key-1'))).toEqual({ taken: 1 });
  expect(last).toEqual({
    EventBusName: 'recharge-relay-test',
    Source: 'recharge-relay',
    DetailType: 'recharge.completed',
    Time: 1_767_614_400,
    Detail: JSON.stringify(event),
  });
});

it('ten go in a request, one request after the other', async () => {
  expect(await publish(many(23))).toEqual({ taken: 23 });
  expect(requests.map((ids) => ids.length)).toEqual([10, 10, 3]);
});

it('two of one recharge never share a request, since its entries may fail one by one', async () => {
  await publish([...ended('a', 'needs_review', 2), ...ended('b'), ...ended('a', 'completed', 5)]);
  expect(requests).toEqual([['a:needs_review:2', 'b:completed:4'], ['a:completed:5']]);
});

it('entries that are throttled go again, and nothing after them goes first', async () => {
  answers = [(id) => id !== 'key-3:completed:4', () => true];
  expect(await publish(many(12))).toEqual({ taken: 12 });
  expect(requests.map((ids) => ids.length)).toEqual([10, 1, 2]);
  expect(requests[1]).toEqual(['key-3:completed:4']);
});

it('what is throttled again and again ends the run there, with the words of EventBridge', async () => {
  answers = [() => true, ...Array(4).fill(() => false)];
  const { taken, error } = await publish(many(12));
  expect(taken).toBe(10);
  expect(String(error)).toBe('Error: EventBridge did not take an event: ThrottlingException Rate exceeded');
  expect(requests).toHaveLength(5);
});

it('a bus that is away, or a run whose time is over, takes nothing', async () => {
  expect(await publish(many(2), -1)).toMatchObject({ taken: 0, error: expect.any(Error) });
  expect(requests).toEqual([]);
  engine = { ...engine, endpoint: 'http://127.0.0.1:1' };
  expect(await publish(many(2))).toMatchObject({ taken: 0, error: expect.any(Error) });
});
