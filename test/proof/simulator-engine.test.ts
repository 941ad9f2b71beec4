import { expect, it } from 'vitest';
import { type Beside, simulateSeed } from '../../proof/simulator/simulation.ts';
import { unknownAccount } from '../../shared/recharge/account.ts';
import { createDynamoCharging } from '../../shared/recharge/dynamo-charging.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { useDynamo } from '../support/store.ts';

const { connect, newTable } = useDynamo();

/** Twenty take two minutes. */
const SEEDS = Number(process.env.RELAY_ENGINE_SEEDS ?? 1);

/** Absent and undefined are the same in what is stored. */
const asRead = (answer: unknown): unknown => JSON.parse(JSON.stringify(answer));

/** The ledger and the switch on the real engine. */
async function onDynamo(): Promise<Beside & { calls: () => number; close: () => void }> {
  const client = connect();
  const table = await newTable(client);
  let time = 0;
  let calls = 0;
  const ledger = createDynamoLedger(client, table);
  const charging = createDynamoCharging(client, table, { freshMs: 0, now: () => time });
  const verbs = new Map<string, (...given: never[]) => Promise<unknown>>([
    ...Object.entries(ledger).map(([name, verb]) => [`ledger.${name}`, verb] as const),
    ...Object.entries(charging).map(([name, verb]) => [`charging.${name}`, verb] as const),
  ]);
  return {
    async begin(accounts) {
      for (const account of accounts)
        if (account.revision > 0) await ledger.writeAccount(unknownAccount(account.email), account);
    },
    async make({ port, given }, way, made, now) {
      time = now;
      const verb = verbs.get(port);
      if (!verb || way === 'throws, not made') return;
      calls += 1;
      const ask = async (): Promise<unknown> => Reflect.apply(verb, undefined, given);
      if (way === 'made twice') await ask();
      const answer = await ask();
      if (way !== 'throws, made') expect(asRead({ value: answer }), `${port}, ${way}`).toEqual(asRead(made));
    },
    calls: () => calls,
    close: () => client.destroy(),
  };
}

it.each(Array.from({ length: SEEDS }, (_, index) => index + 1))(
  'in the weeks of seed %i, the engine answers as the ledger in memory does',
  async (seed) => {
    const dynamo = await onDynamo();
    try {
      expect((await simulateSeed(seed, { beside: dynamo })).violations).toEqual([]);
      expect(dynamo.calls()).toBeGreaterThan(300);
    } finally {
      dynamo.close();
    }
  },
  120_000,
);
