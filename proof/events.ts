import { type Action, spend } from './action.ts';
import { ledgerVerbs } from './memory-ledger.ts';
import { land, settlements } from './parties.ts';
import type { Scenario } from './scenario.ts';
import type { Draft, World } from './world.ts';

function change(world: World, say: string, isOptional: boolean, alter: (draft: Draft) => void): Action {
  return {
    say,
    isOptional,
    next() {
      const draft: Draft = { ...world };
      alter(draft);
      return draft;
    },
  };
}

/** What the endpoint and the platform do by themselves. */
export function ofParties(world: World): Action[] {
  return [
    ...world.flights.map((flight) =>
      change(world, `a late ${flight.kind} arrives`, false, (draft) => land(draft, flight)),
    ),
    ...settlements(world).map(({ say, settle }) => change(world, say, true, settle)),
  ];
}

/** The configuration changes for all who begin from then on. */
export function deployments(world: World, { setups }: Scenario): Action[] {
  const { chances, deployed } = world;
  if (chances.deployments === 0 || deployed + 1 >= setups.length) return [];
  return [
    change(world, 'another configuration is deployed', true, (draft) => {
      draft.deployed += 1;
      draft.chances = spend(chances, 'deployments');
    }),
  ];
}

/** A person suspends the client, or enables them again. */
export function accountChanges(world: World, { account: { email } }: Scenario): Action[] {
  const { chances } = world;
  if (chances.accountChanges === 0) return [];
  return [
    change(world, 'the client is suspended, or enabled again', true, (draft) => {
      draft.chances = spend(chances, 'accountChanges');
      const verbs = ledgerVerbs(draft);
      const read = verbs.readAccount(email);
      const status = read.status === 'active' ? 'suspended' : 'active';
      const statusChange = { at: draft.now, note: 'a person wants it' };
      verbs.writeAccount(read, { ...read, status, statusChange });
    }),
  ];
}
