import { isDeepStrictEqual } from 'node:util';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMemoryCharging, SWITCHED_ON } from '../../proof/memory-charging.ts';
import { createMemoryLedger, EMPTY_TABLE } from '../../proof/memory-ledger.ts';
import type { Scenario } from '../../proof/scenario.ts';
import { SCENARIOS } from '../../proof/scenarios.ts';
import { type Account, unknownAccount } from '../../shared/recharge/account.ts';
import type { Charging } from '../../shared/recharge/charging.ts';
import { createDynamoCharging } from '../../shared/recharge/dynamo-charging.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import type { DueRecharge, Ledger, WaitsFor } from '../../shared/recharge/ledger.ts';
import { newRecharge, PHASES, REVIEW_REASONS, type Recharge } from '../../shared/recharge/recharge.ts';
import { type Store, useDynamo } from '../support/store.ts';
import { answerOf, callOf, type Taken, waysOf } from '../support/ways.ts';

const { connect, newTable } = useDynamo();

/** Sequences of verbs, each on two empty tables. */
const SEQUENCES = Number(process.env.RELAY_CONTRACT_RUNS ?? 60);
const NOW = Date.UTC(2026, 0, 5, 12);

// ── What is written ──────────────────────────────────────────────────────────────────────────────────

/** Few values, so that they meet. */
const KEYS = ['key-1', 'ключ 2'];
const EMAILS = ['jane@example.com', 'joe@example.com'];
const time = fc.integer({ min: 0, max: 4 }).map((minutes) => NOW + minutes * 60_000);
const word = fc.constantFrom('a', 'b');
const count = fc.integer({ min: 0, max: 3 });

const entry = fc.record(
  { at: time, event: word, detail: word, times: fc.integer({ min: 2, max: 3 }) },
  { requiredKeys: ['at', 'event'], noNullPrototype: true },
);

/** What a decision may set on a row… */
const rowChange: fc.Arbitrary<Partial<Recharge>> = fc.record(
  {
    phase: fc.constantFrom(...PHASES),
    attempt: fc.constantFrom(1, 2),
    attemptStartedAt: time,
    nextAttemptAt: time,
    notBefore: time,
    stopped: fc.boolean(),
    amount: count,
    currency: word,
    paymentRef: word,
    grantNo: count,
    grantToken: word,
    grantDeadline: time,
    review: fc.constantFrom(...REVIEW_REASONS),
    balanceBefore: fc.constantFrom(0.5, 12),
    goodwillRefund: fc.constantFrom('under_way', 'refunded'),
    history: fc.array(entry, { maxLength: 3 }),
  },
  { requiredKeys: [] },
);
/** …and take away. */
const ROW_OPTIONS = ['nextAttemptAt', 'notBefore', 'swept', 'amount', 'grantToken', 'review'] as const;
const rowRemoval = fc.subarray([...ROW_OPTIONS]);

const reservation: fc.Arbitrary<Account['reservations'][string]> = fc.oneof(
  fc.record(
    {
      state: fc.constant('reserved' as const),
      at: time,
      money: fc.record({ amount: count, currency: word }),
      credits: count,
      customer: word,
      payment: word,
      prepaid: fc.constant(true as const),
    },
    { requiredKeys: ['state', 'at'], noNullPrototype: true },
  ),
  fc.record({ state: fc.constant('refused' as const), at: time, word: fc.constant('cooldown' as const) }),
  fc.record({
    state: fc.constant('released' as const),
    at: time,
    reason: word,
    retryable: fc.boolean(),
  }),
);

const accountChange: fc.Arbitrary<Partial<Account>> = fc.record(
  {
    status: fc.constantFrom('active', 'suspended'),
    customer: word,
    limits: fc.record({ dailyCount: count, monthlyAmount: count }, { requiredKeys: [] }),
    last: fc.record({ key: word, at: time }),
    counts: fc.dictionary(fc.constantFrom('2026-01-05', '2026-01-06'), count),
    spent: fc.dictionary(fc.constantFrom('2026-01_USD', '2026-02_EUR'), count),
    reservations: fc.dictionary(fc.constantFrom('r_1_1', 'r_1_2', 'r_2_1'), reservation),
    told: fc.record({ day: word, words: fc.array(word, { maxLength: 2 }) }),
    closedTo: time,
    expiresAt: count,
  },
  { requiredKeys: [] },
);
const accountRemoval = fc.subarray(['customer', 'last', 'told'] as const);

const without = <Row extends object>(row: Row, names: readonly string[]): Row => {
  const rest = { ...row };
  for (const name of names) Reflect.deleteProperty(rest, name);
  return rest;
};

// ── What is done ─────────────────────────────────────────────────────────────────────────────────────

/** Both, with what was read of them so far. Everybody who reads keeps a copy: a later write may find it stale. */
interface Pair {
  store: Omit<Store, 'ledger'>;
  memory: { table: typeof EMPTY_TABLE; switch: typeof SWITCHED_ON };
  ledgers: [real: Ledger, memory: Ledger];
  chargings: [real: Charging, memory: Charging];
  rows: Recharge[];
  accounts: Account[];
  due: DueRecharge[];
}

/** One thing that is done to both, with the words for whoever reads a counterexample. */
interface Act {
  run(pair: Pair): Promise<void>;
  [fc.toStringMethod](): string;
}

const act =
  <Given>(name: string, run: (pair: Pair, given: Given) => Promise<void>) =>
  (given: Given): Act => ({
    run: (pair) => run(pair, given),
    [fc.toStringMethod]: () => `${name}(${fc.stringify(given)})`,
  });

/** The answer, or the kind of error. */
const heard = <Answer>(call: Promise<Answer>) =>
  call.catch((error: unknown) => ({
    threw: error instanceof Error ? error.name === 'NewerRowError' : error,
  }));

async function both<Answer>(
  { ledgers: [real, memory] }: Pair,
  ask: (ledger: Ledger) => Promise<Answer>,
): Promise<Answer | { threw: unknown }> {
  const answer = await heard(ask(real));
  expect(await heard(ask(memory))).toEqual(answer);
  return answer;
}

const ofAnEmail = fc.constantFrom(...EMAILS);
const ofAKey = fc.constantFrom(...KEYS);

/** Made twice where its answer got lost: the client of the table makes it again by itself. */
const times = fc.constantFrom(1, 1, 1, 2);

async function repeated<Answer>(pair: Pair, count: number, ask: (ledger: Ledger) => Promise<Answer>) {
  for (let n = 0; n < count; n += 1) await both(pair, ask);
}

/** The latest ones are mostly still as they were read. */
const pick = <Value>(values: Value[], index: number): Value | undefined =>
  values.at(-1 - (index % values.length));

const claim = fc.record({ key: ofAKey, email: ofAnEmail, at: time, times }).map(
  act('claim', async (pair, { key, email, at, times }) => {
    const row = newRecharge({ key, email, credits: 500 }, at, at + 180_000);
    await repeated(pair, times, (ledger) => ledger.claim(row));
    pair.rows.push(row);
  }),
);

const read = ofAKey.map(
  act('read', async (pair, key) => {
    const row = await both(pair, (ledger) => ledger.read(key));
    if (row !== undefined && !('threw' in row)) pair.rows.push(row);
  }),
);

const aWrite = fc.record({ index: fc.nat(6), change: rowChange, removal: rowRemoval });
type AWrite = typeof aWrite extends fc.Arbitrary<infer Given> ? Given : never;

/** The write to a row that was read, or nothing where none was. */
const writeOf = ({ rows }: Pair, { index, change, removal }: AWrite) => {
  const row = pick(rows, index);
  return (ledger: Ledger) =>
    row ? ledger.write(row, without({ ...row, ...change }, removal)) : Promise.resolve(undefined);
};

const write = fc.record({ it: aWrite, times }).map(
  act('write', async (pair, { it, times }) => {
    await repeated(pair, times, writeOf(pair, it));
  }),
);

/** Two at once: on the real one they happen one after the other, in whichever order. So in memory one order fits. */
const race = fc.tuple(aWrite, aWrite).map(
  act('race', async (pair, writes) => {
    const [real, memory] = pair.ledgers;
    const [one, other] = [writeOf(pair, writes[0]), writeOf(pair, writes[1])];
    const answers = await Promise.all([heard(one(real)), heard(other(real))]);
    const { table } = pair.memory;
    const inOrder = [await heard(one(memory)), await heard(other(memory))];
    if (isDeepStrictEqual(inOrder, answers)) return;
    pair.memory.table = table;
    const [second, first] = [await heard(other(memory)), await heard(one(memory))];
    expect([first, second]).toEqual(answers);
  }),
);

const readAccount = ofAnEmail.map(
  act('readAccount', async (pair, email) => {
    const account = await both(pair, (ledger) => ledger.readAccount(email));
    if (!('threw' in account)) pair.accounts.push(account);
  }),
);

const writeAccount = fc
  .record({ index: fc.nat(5), change: accountChange, removal: accountRemoval, times })
  .map(
    act('writeAccount', async (pair, { index, change, removal, times }) => {
      const account = pick(pair.accounts, index);
      if (!account) return;
      const next = without({ ...account, ...change }, removal);
      await repeated(pair, times, (ledger) => ledger.writeAccount(account, next));
    }),
  );

const inOrder = (items: DueRecharge[]) =>
  items.toSorted((a, b) => a.nextAttemptAt - b.nextAttemptAt || (a.key < b.key ? -1 : 1));

async function lookForDue(pair: Pair, waitsFor: WaitsFor, until: number): Promise<void> {
  const [real, memory] = pair.ledgers;
  // Which of two that are due at the same time comes first is nobody's promise.
  const items = inOrder((await real.due(waitsFor, until)).items);
  expect(inOrder((await memory.due(waitsFor, until)).items)).toEqual(items);
  pair.due.push(...items);
}

const waitsFor = fc.constantFrom<WaitsFor[]>('time', 'time', 'person');

const due = fc
  .record({ waitsFor, until: time })
  .map(act('due', (pair, given) => lookForDue(pair, given.waitsFor, given.until)));

/** Of one that was just found due, or earlier, and has moved since. */
const postpone = fc.record({ index: fc.nat(2), isFresh: fc.boolean(), waitsFor, to: time, times }).map(
  act('postpone', async (pair, { index, isFresh, waitsFor, to, times }) => {
    if (isFresh) await lookForDue(pair, waitsFor, Number.MAX_SAFE_INTEGER);
    const item = pick(pair.due, index);
    if (item) await repeated(pair, times, (ledger) => ledger.postpone(item, to));
  }),
);

const deployLater = ofAKey.map(
  act('a later version writes', async ({ store, memory }, key) => {
    const kept = memory.table.recharges.get(key);
    if (!kept) return;
    const row = { ...kept.row, v: 4 };
    memory.table = { ...memory.table, recharges: new Map(memory.table.recharges).set(key, { ...kept, row }) };
    await store.client.send(
      new UpdateCommand({
        TableName: store.table,
        Key: { pk: `RECHARGE#${key}` },
        UpdateExpression: 'SET v = :v',
        ExpressionAttributeValues: { ':v': 4 },
      }),
    );
  }),
);

type OfSwitch = (charging: Charging) => Promise<unknown>;
const charging = fc
  .oneof(
    fc.constant<OfSwitch>((port) => port.paused()),
    fc.constant<OfSwitch>((port) => port.resume()),
    fc.constant<OfSwitch>((port) => port.grantWentThrough()),
    ofAnEmail.map(
      (email): OfSwitch =>
        (port) =>
          port.grantFailed(email),
    ),
    fc.record({ reason: word, until: time, by: word }, { requiredKeys: ['reason'] }).map(
      (pause): OfSwitch =>
        (port) =>
          port.pause(pause),
    ),
  )
  .map(
    act('the switch', async ({ chargings: [real, memory] }, ask) => {
      const answer = await ask(real);
      expect(await ask(memory)).toEqual(answer);
    }),
  );

const acts = fc.array(
  fc.oneof(
    { arbitrary: claim, weight: 4 },
    { arbitrary: read, weight: 6 },
    { arbitrary: write, weight: 10 },
    { arbitrary: race, weight: 3 },
    { arbitrary: readAccount, weight: 4 },
    { arbitrary: writeAccount, weight: 6 },
    { arbitrary: due, weight: 1 },
    { arbitrary: postpone, weight: 6 },
    { arbitrary: charging, weight: 4 },
    { arbitrary: deployLater, weight: 1 },
  ),
  { minLength: 10, maxLength: 40, size: 'max' },
);

it('whatever is done, the ledger and the switch in memory answer as those on DynamoDB do', async () => {
  const client = connect();
  try {
    await fc.assert(
      fc.asyncProperty(acts, async (sequence) => {
        const store = { client, table: await newTable(client) };
        const memory = { table: EMPTY_TABLE, switch: SWITCHED_ON };
        const now = () => NOW + 120_000;
        const pair: Pair = {
          store,
          memory,
          ledgers: [createDynamoLedger(client, store.table), createMemoryLedger(memory)],
          chargings: [
            // As if each call were another process.
            createDynamoCharging(client, store.table, { freshMs: 0, now }),
            createMemoryCharging(memory, now),
          ],
          rows: [],
          accounts: [],
          due: [],
        };
        for (const { run } of sequence) await run(pair);
        for (const key of KEYS) await both(pair, (ledger) => ledger.read(key));
        for (const email of EMAILS) await both(pair, (ledger) => ledger.readAccount(email));
      }),
      { numRuns: SEQUENCES, interruptAfterTimeLimit: 20_000 },
    );
  } finally {
    client.destroy();
  }
});

// ── The explorer's ways, on the real engine ──────────────────────────────────────────────────────────

/** `npm run proof:engine` goes all of them; `npm test` goes every twentieth. */
const EVERY = process.env.RELAY_PROOF_WAYS === 'all' ? 1 : 20;
/** Later than that a way only waits. */
const STEPS = 120;

type Verbs = Record<string, (...given: never[]) => Promise<unknown>>;

/** A call that nobody makes, and reads of what stood there before: the engine has no such. */
const NOT_ON_THE_ENGINE = ['throws, not made', 'old', 'one write old'];

/** Makes what one step makes in memory, in the same way. @returns undefined where nobody hears an answer. */
async function madeOn(
  verbs: Verbs,
  { port, given }: { port: string; given: readonly unknown[] },
  way: string,
) {
  const verb: unknown = Reflect.get(verbs, port);
  if (typeof verb !== 'function') throw new Error(`Bug! There is no ${port}.`);
  const make = async () => ({ value: await Reflect.apply(verb, undefined, given) });
  if (NOT_ON_THE_ENGINE.includes(way)) return undefined;
  const answer = await make();
  if (way === 'made twice') return make();
  return way === 'throws, made' ? undefined : answer;
}

async function lives(
  way: Taken[],
  scenario: Scenario,
  store: Pick<Store, 'client' | 'table'>,
): Promise<number> {
  let now = scenario.startsAt;
  const ledger = createDynamoLedger(store.client, store.table);
  const charging = createDynamoCharging(store.client, store.table, { freshMs: 0, now: () => now });
  const named = (of: string, port: object) =>
    Object.entries(port).map(([name, verb]) => [`${of}.${name}`, verb]);
  const verbs: Verbs = Object.fromEntries([...named('ledger', ledger), ...named('charging', charging)]);
  await ledger.writeAccount(unknownAccount(scenario.account.email), scenario.account);
  let made = 0;
  for (const taken of way) {
    const call = callOf(taken);
    if (call === undefined || !(call.call.port in verbs)) continue;
    now = taken.world.now;
    const answer = await madeOn(verbs, call.call, call.way);
    if (answer) expect(answerOf(call, taken), taken.action.say).toEqual(answer);
    made += 1;
  }
  const end = await way.at(-1)?.action.next();
  for (const [key, { row }] of end?.table.recharges ?? []) expect(await ledger.read(key)).toEqual(row);
  for (const [email, account] of end?.table.accounts ?? [])
    expect(await ledger.readAccount(email)).toEqual(account);
  return made;
}

it.each(['one fault', 'outcomes', 'refunds', 'cap'])(
  'what the explorer does in memory (%s), with one thing other than usual, comes out the same on the real engine',
  async (name) => {
    const scenario = SCENARIOS.find((other) => other.name === name);
    if (!scenario) throw new Error(`There is no scenario ${name}.`);
    const client = connect();
    let number = 0;
    let made = 0;
    try {
      for await (const way of waysOf(scenario, STEPS)) {
        number += 1;
        if (number % EVERY === 1 % EVERY)
          made += await lives(way, scenario, { client, table: await newTable(client) });
      }
    } finally {
      client.destroy();
    }
    expect(made).toBeGreaterThan(number / EVERY);
  },
  600_000,
);
