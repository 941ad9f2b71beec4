import { describe, expect, it } from 'vitest';
import { actionsOf } from '../../proof/actions.ts';
import { firstWorld } from '../../proof/explorer.ts';
import { before, EMPTY_TABLE, ledgerVerbs } from '../../proof/memory-ledger.ts';
import { NO_SLEEP, type Scenario, scenario } from '../../proof/scenario.ts';
import type { World } from '../../proof/world.ts';
import { unknownAccount } from '../../shared/recharge/account.ts';

/** @param steps what is said of each, from the first world on; of several that begin so, the first. */
async function worldAfter(given: Scenario, ...steps: string[]): Promise<World> {
  let world = firstWorld(given);
  for (const step of steps) {
    const action = actionsOf(world, given).find(({ say }) => say.startsWith(step));
    if (!action) throw new Error(`${step} is not possible, but: ${says(world, given).join('; ')}`);
    world = await action.next();
  }
  return world;
}

const says = (world: World, given: Scenario) => actionsOf(world, given).map(({ say }) => say);

const RECEIVED = [
  'the platform sends',
  'webhook key-1: ledger.claim, made',
  'webhook key-1: queue.send',
  'the queue delivers key-1',
  'worker-1: ledger.read, made',
];
const UNTIL_WRITE = [
  'worker-1: ledger.readAccount, made',
  'worker-1: charging.paused, made',
  'worker-1: ledger.writeAccount, made',
  'worker-1: charging.paused, made',
  'worker-1: payments.prepareCharge',
  'worker-1: payments.charge, paid',
];

describe('the explorer keeps apart what can differ, and no more:', () => {
  const wanting = scenario(
    'wanting',
    'a person wants something',
    { deeds: 1 },
    { deeds: ['stop', 'give back'] },
  );

  it('a person acts right before somebody reads or writes the row, and not before a look at the account', async () => {
    const atAccount = await worldAfter(wanting, ...RECEIVED);
    expect(says(atAccount, wanting)).toEqual(['worker-1: ledger.readAccount, made']);
    const atRow = await worldAfter(wanting, ...RECEIVED, ...UNTIL_WRITE);
    expect(says(atRow, wanting)).toEqual([
      'worker-1: ledger.write, made',
      'a person wants to stop key-1',
      'a person wants to give back key-1',
    ]);
  });

  it('what a person wants and is refused at once is the same world, and their chance is not spent', async () => {
    const world = await worldAfter(wanting, ...RECEIVED, ...UNTIL_WRITE);
    const [, stops, givesBack] = actionsOf(world, wanting);
    expect(await givesBack?.next()).toBe(world);
    expect(await stops?.next()).not.toBe(world);
  });

  it.each([
    [false, ['person key-1: ledger.write, made']],
    [true, ['worker-1: ledger.write, made', 'person key-1: ledger.write, made']],
  ])(
    'where it is %s that a person hesitates, what goes on before they write is %j',
    async (hesitates, expected) => {
      const given = { ...wanting, hesitates };
      const world = await worldAfter(given, ...RECEIVED, ...UNTIL_WRITE, 'a person wants to stop key-1');
      expect(says(world, given)).toEqual(expected);
    },
  );

  it('of two workers who have learnt the same the first goes on, until one has learnt more', async () => {
    const twice = scenario('twice', 'the message comes twice', { redeliveries: 1 });
    const begun = [
      ...RECEIVED.slice(0, 3),
      'the queue delivers key-1, and keeps it',
      'worker-1: ledger.read',
    ];
    const alike = await worldAfter(twice, ...begun, 'the queue delivers key-1', 'worker-2: ledger.read');
    expect(says(alike, twice)).toEqual(['worker-1: ledger.readAccount, made']);
    const apart = await worldAfter(
      twice,
      ...[
        ...begun,
        'the queue delivers key-1',
        'worker-2: ledger.read',
        'worker-1: ledger.readAccount, made',
      ],
      'worker-1: charging.paused, made',
    );
    expect(says(apart, twice)).toEqual([
      'worker-1: ledger.writeAccount, made',
      'worker-2: ledger.readAccount, made',
    ]);
  });

  it('a way that is ordinary in a scenario is no fault, also of whoever wakes', async () => {
    const given = scenario(
      'refused',
      'a worker sleeps before a grant that is refused',
      { faults: 1 },
      {
        ways: { 'platform.grant': ['refused'] },
        sleepsMs: { ...NO_SLEEP, workers: [50_000] },
      },
    );
    const asleep = await worldAfter(
      given,
      ...[
        ...RECEIVED,
        ...UNTIL_WRITE,
        'worker-1: ledger.write, made',
        'worker-1: platform.prepareGrant, made',
      ],
      ...['worker-1 falls asleep before platform.grant', 'it is'],
    );
    const refused = actionsOf(asleep, given).find(({ say }) => say.endsWith('platform.grant: refused'));
    expect((await refused?.next())?.chances.faults).toBe(0);
  });
});

it('an eventual read may find what stood there before the last write, and nothing where there was only one', () => {
  const holder = { table: EMPTY_TABLE };
  const verbs = ledgerVerbs(holder);
  const account = unknownAccount('jane@example.com');
  const first = verbs.writeAccount(account, { ...account, status: 'active' });
  verbs.writeAccount(first.row, { ...first.row, status: 'suspended' });
  expect(ledgerVerbs({ table: before(holder.table) }).readAccount(account.email)).toEqual(first.row);
});
