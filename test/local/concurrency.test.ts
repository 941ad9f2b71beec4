import { describe, expect, it, vi } from 'vitest';
import { send, useParties } from '../support/parties.ts';
import { eventually, type Row, type RunningRelay, useEngines, useRelays } from '../support/relay-process.ts';

const { start } = useRelays();
const newEngines = useEngines();
const newParties = useParties();

vi.setConfig({ testTimeout: 60_000 });

const client = (number: number) => `client-${String(number).padStart(3, '0')}@example.com`;

/** 20 keys of 20 clients, 10 times each, all at once: key by key, the statuses of its ten answers. */
async function flood(relays: RunningRelay[]): Promise<number[][]> {
  const keys = Array.from({ length: 20 }, (_, index) => index + 1);
  const copies = Array.from({ length: 10 }, (_, index) => index);
  return Promise.all(
    keys.map((key) =>
      Promise.all(
        copies.map(async (copy) => {
          const relay = relays[copy % relays.length];
          if (!relay) throw new Error('Bug! No relay to send to.');
          const payload = { idempotency_key: `key-${key}`, email: client(key), credits: 100 * key };
          return (await send(relay, payload)).status;
        }),
      ),
    ),
  );
}

const ONE_NEW_NINE_KNOWN = [200, 200, 200, 200, 200, 200, 200, 200, 200, 202];
const TWENTY_CLIENTS = Array.from({ length: 20 }, (_, index) => client(index + 1));

async function rest(relay: RunningRelay): Promise<Row[]> {
  return eventually(async () => {
    const rows = await relay.json<Row[]>('recharges', 'list');
    const open = rows.filter(({ phase }) => phase !== 'completed' && phase !== 'blocked');
    expect(open).toEqual([]);
    return rows;
  });
}

describe.concurrent('many webhooks at once', () => {
  it('each of 20 keys is charged and granted once, of which 10 copies come at once to two relays that share their engines', async () => {
    const parties = await newParties();
    const { env } = await newEngines();
    const relays = await Promise.all(
      [1, 2].map(() => start({ ...parties, threads: true, env: { ...parties.env, ...env } })),
    );
    const statuses = await flood(relays);
    expect(statuses.map((ten) => ten.toSorted())).toEqual(Array(20).fill(ONE_NEW_NINE_KNOWN));

    const views = await Promise.all(relays.map(rest));
    expect(views[0]).toHaveLength(20);
    expect(views[1]).toEqual(views[0]);
    expect(parties.captures().toSorted()).toEqual(TWENTY_CLIENTS);
    expect(parties.grants().toSorted()).toEqual(TWENTY_CLIENTS);
    expect(new Set(views[0]?.map(({ phase }) => phase))).toEqual(new Set(['completed']));
    expect(totals(parties)).toEqual({ amounts: 210_000, credits: 21_000 });
  });

  it('a client has one unfinished recharge at a time, and no more than the cap', async () => {
    const parties = await newParties();
    const relay = await start(parties);
    const [free, capped] = [client(51), client(52)];
    // Whoever has saved a card is set up already.
    await relay.cli('accounts', 'add', capped);
    await relay.json('accounts', 'set', capped, '--daily-count', '2');
    for (const email of [free, capped])
      parties.payments.fault({ operation: 'charge', fault: 'slow', ms: 150, times: 'always', email });

    const ask = (email: string, name: string) =>
      send(relay, { idempotency_key: `${email} ${name}`, email, credits: 300 });
    const atOnce = ['a', 'b', 'c', 'd', 'e'];
    const answers = await Promise.all(
      [free, capped].flatMap((email) => atOnce.map((name) => ask(email, name))),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(202));
    await rest(relay);
    // One after the other: nothing is unfinished any more, so the cap alone refuses.
    for (const name of ['f', 'g', 'h']) {
      await ask(capped, name);
      await relay.reaches(`${capped} ${name}`, 'completed', 'blocked');
    }

    const rows = await rest(relay);
    expect(rows).toHaveLength(13);
    for (const email of [free, capped]) {
      const own = rows.filter((row) => row.email === email);
      const completed = own.filter(({ phase }) => phase === 'completed');
      expect(completed.length).toBeGreaterThan(0);
      expect(parties.captures().filter((one) => one === email)).toHaveLength(completed.length);
      expect(parties.grants().filter((one) => one === email)).toHaveLength(completed.length);
      expect(neverTwoAtOnce(parties, email)).toBe(true);
      const words = own.flatMap(({ phase, reason }) => (phase === 'blocked' ? [reason] : []));
      expect(words).toHaveLength(own.length - completed.length);
      const possible = email === free ? ['unfinished_recharge'] : ['unfinished_recharge', 'over_daily_count'];
      for (const word of words) expect(possible).toContain(word);
    }
    const completed = rows.filter(({ email, phase }) => email === capped && phase === 'completed');
    expect(completed).toHaveLength(2);
    expect(rows.find(({ key }) => key === `${capped} h`)).toMatchObject({ reason: 'over_daily_count' });
  });
});

type Parties = Awaited<ReturnType<typeof newParties>>;

function totals({ payments, platform }: Parties) {
  const sum = (amounts: number[]) => amounts.reduce((total, amount) => total + amount, 0);
  return {
    amounts: sum(payments.books.flatMap((event) => (event.kind === 'capture' ? [event.amount] : []))),
    credits: sum(platform.books.flatMap((event) => (event.kind === 'grant' ? [event.amount] : []))),
  };
}

/** Each charge of the client comes after the grant for the one before. */
function neverTwoAtOnce({ payments, platform }: Parties, email: string): boolean {
  const times = (events: readonly { kind: string; email: string; at: string }[], wanted: string) =>
    events.filter((event) => event.kind === wanted && event.email === email).map(({ at }) => at);
  const captures = times(payments.books, 'capture');
  const grants = times(platform.books, 'grant');
  return captures.slice(1).every((at, index) => at >= (grants[index] ?? ''));
}
