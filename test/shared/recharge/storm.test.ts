import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { expect, it, onTestFinished } from 'vitest';
import { type Account, type Reservation, unknownAccount } from '../../../shared/recharge/account.ts';
import { withEntry } from '../../../shared/recharge/guard.ts';
import type { Ledger } from '../../../shared/recharge/ledger.ts';
import { newRecharge, type Recharge, reservationNameOf } from '../../../shared/recharge/recharge.ts';
import { reserveAttempt } from '../../../shared/recharge/reserve.ts';
import { aRecharge } from '../../support/builders.ts';
import { itemSize } from '../../support/item-size.ts';
import { useLedger } from '../../support/store.ts';
import { createWorld, EMAIL, type World } from '../../support/world.ts';

const store = useLedger();

async function aWorld(): Promise<World> {
  const world = await createWorld(store());
  onTestFinished(world.close);
  return world;
}

/** The account in memory, where 5,000 judgements take a second: its rules are those of the row, and no other is read. */
function inMemory(world: World, last: Recharge) {
  const ledger = {
    account: { ...unknownAccount(EMAIL), status: 'active' } as Account,
    async readAccount() {
      return ledger.account;
    },
    async writeAccount(read: Account, next: Account) {
      expect(read).toBe(ledger.account);
      ledger.account = { ...next, revision: read.revision + 1 };
      return { kind: 'written' as const, row: ledger.account };
    },
    read: async () => last,
  };
  const deps = { ...world.start().deps, ledger: ledger as unknown as Ledger };
  return {
    account: () => ledger.account,
    /** @returns how often which word was said. */
    async judge(rows: Iterable<Recharge>): Promise<Record<string, number>> {
      const words: Record<string, number> = {};
      for (const row of rows) {
        const outcome = await reserveAttempt(row, deps);
        const word = outcome.kind === 'refused' ? outcome.word : outcome.kind;
        words[word] = (words[word] ?? 0) + 1;
      }
      return words;
    },
  };
}

it('a client at whom 5,000 keys were fired is recharged afterwards, and their row is a few KB all the while', async () => {
  const world = await aWorld();
  const unfinished = aRecharge({ key: 'unfinished', email: EMAIL, phase: 'charge_pending' });
  const { judge, account } = inMemory(world, unfinished);
  const claimed = (key: string) => newRecharge({ key, email: EMAIL, credits: 500 }, world.now(), world.now());
  expect(await judge([claimed('unfinished')])).toEqual({ reserved: 1 });

  function* oneByOne() {
    for (let index = 0; index < 2_500; index += 1) {
      world.advance(240);
      yield claimed(`one by one ${index}`);
    }
  }
  expect(await judge(oneByOne())).toEqual({ unfinished_recharge: 2_500 });
  const atOnce = Array.from({ length: 2_500 }, (_, index) => claimed(`at once ${index}`));
  // Claimed together, and judged as a worker comes to them.
  world.advance(1_000);
  const words = await judge(atOnce);
  expect(words.unfinished_recharge).toBeLessThan(110);
  expect(words.too_many_at_once).toBe(2_500 - (words.unfinished_recharge ?? 0));

  const { ledger } = world;
  const read = await world.account();
  await ledger.writeAccount(read, {
    ...account(),
    ...world.payments.saved(EMAIL),
    revision: read.revision,
    last: { key: 'finished', at: 0 },
  });
  await world.claim({ key: 'finished' });
  const row = await world.row('finished');
  await ledger.write(row, { ...row, phase: 'completed' });
  expect(itemSize(await rawAccount())).toBeLessThan(6_000);
  world.advance(1);
  await world.claim({ key: 'after' });
  expect(await world.start().run('after')).toMatchObject({ phase: 'completed' });
  expect(world.books('after').captures).toBe(1);
});

it('a worker that judged an attempt before it was refused cannot reserve it when its refusal is not kept any more', async () => {
  const world = await aWorld();
  await world.claim();
  const row = await world.row();
  const refusal = (): Reservation => ({ state: 'refused', at: world.now(), word: 'cooldown' });
  let stormed = false;
  const { deps } = world.start(async (port, work) => {
    if (port !== 'ledger.writeAccount' || stormed) return work();
    stormed = true;
    let account = withEntry(await world.account(), row, refusal());
    for (let index = 0; index < 60; index += 1) {
      world.advance(1_000);
      account = withEntry(account, aRecharge({ key: `storm ${index}`, email: EMAIL }), refusal());
    }
    await world.ledger.writeAccount(await world.account(), account);
    return work();
  });
  expect(await reserveAttempt(row, deps)).toMatchObject({ kind: 'refused', word: 'too_many_at_once' });
  const { reservations } = await world.account();
  expect(reservations).not.toHaveProperty(reservationNameOf(row));
  expect(Object.values(reservations).map(({ state }) => state)).not.toContain('reserved');
});

/** As the item stands in the table. */
async function rawAccount(): Promise<Record<string, unknown>> {
  const { client, table } = store();
  const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk: `ACCOUNT#${EMAIL}` } }));
  return Item ?? {};
}
