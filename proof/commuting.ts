import { isDeepStrictEqual } from 'node:util';
import type { Call } from './action.ts';
import type { ProcessState } from './process.ts';
import type { Scenario } from './scenario.ts';
import type { Draft, Process, World } from './world.ts';

const DUE = 'ledger.due';

/**
 * Calls that neither see nor change anything that anybody else sees or changes. What is put into the queue changes nothing for who
 * is at work, and nobody waits for time while its sender is.
 */
const ALONE = ['payments.prepareCharge', 'platform.prepareGrant', 'sleep', 'queue.send'];
/** Of these that is so while charging is on, and nobody can be about to pause it. */
const OF_THE_SWITCH = ['charging.paused', 'charging.grantWentThrough'];

/** Whether the next call of a process commutes with all that anybody else does. */
export function isAlone(world: World, { kind, state: { calls } }: Process, { hesitates }: Scenario): boolean {
  const [first, ...others] = calls.values();
  if (first === undefined || others.length > 0) return false;
  // Were the row to change meanwhile, the command would refuse, or decide again on the newer row: as one that begins later does.
  if (kind === 'person' && first.port === 'ledger.write') return !hesitates;
  if (first.port === DUE) return findsNothing(world, first);
  return ALONE.includes(first.port) || (OF_THE_SWITCH.includes(first.port) && !mayBePaused(world));
}

/** A sweeper that finds nothing now might find something later: but so would the next sweeper. */
function findsNothing(world: World, due: Call): boolean {
  const page = due.make({ ...world }, 'made');
  return typeof page === 'object' && page !== null && 'items' in page && isDeepStrictEqual(page.items, []);
}

/** Charging is paused by a worker that cannot prepare a grant, or hears that no client's would go through. */
const mayBePaused = ({ chances, switch: { pause }, processes }: World) =>
  chances.faults > 0 || pause !== undefined || processes.some(({ state }) => knowsAgencyFault(state));

const faulty = new WeakMap<ProcessState<Draft>, boolean>();

function knowsAgencyFault(state: ProcessState<Draft>): boolean {
  const { before } = state;
  if (!before) return false;
  const known = faulty.get(state);
  if (known !== undefined) return known;
  const { port, answer } = before.heard;
  const isHere = port.startsWith('platform.') && ('error' in answer || hasAgencyFault(answer.value));
  const found = isHere || knowsAgencyFault(before.state);
  faulty.set(state, found);
  return found;
}

const hasAgencyFault = (value: unknown) =>
  typeof value === 'object' && value !== null && 'agencyFault' in value;

/** Calls that read or write the row of a recharge. */
const OF_ROWS = ['ledger.claim', 'ledger.read', 'ledger.write', 'ledger.postpone', 'ledger.due'];
/** Calls that change what a person sees in the books of the other parties. */
const OF_BOOKS = ['payments.charge', 'payments.cancel', 'payments.refund', 'platform.grant'];
/** Calls that change or see the books of the other parties. */
const OF_PARTIES = [
  ...OF_BOOKS,
  'payments.lookup',
  'platform.findGrant',
  'platform.listGrants',
  'person.look',
];
const OF_ACCOUNTS = ['ledger.readAccount', 'ledger.writeAccount'];

/**
 * Persons and parties are never in a hurry, and all that they do concerns one kind of thing. It commutes with calls that
 * concern another. So it is done right before a call that concerns the same, or when nobody is at work.
 *
 * @param begins whether a process can begin: it reads or writes a row at once, with the configuration that is deployed.
 */
export function matters(world: World, begins: boolean) {
  const { processes, chances } = world;
  const isQuiet = processes.every(({ kind, asleep }) => kind === 'person' || asleep);
  const isBefore = (ports: readonly string[]) =>
    isQuiet ||
    processes.some(({ state }) => [...state.calls.values()].some(({ port }) => ports.includes(port)));
  // Whoever begins reads or writes a row at once.
  const ofRows = begins || isBefore(OF_ROWS);
  // A person who has not looked yet will see what they have done.
  const forParties = isBefore(OF_PARTIES) || (ofRows && chances.answers > 0);
  return {
    forParties,
    forPersons: ofRows || forParties || chances.deployments > 0,
    forAccounts: isBefore(OF_ACCOUNTS),
    forSetups: begins || isQuiet,
  };
}
