import type { Action } from './action.ts';
import { isAlone, matters } from './commuting.ts';
import { accountChanges, deployments, ofParties } from './events.ts';
import { hasTwin } from './names.ts';
import { personsBegin } from './persons.ts';
import type { Scenario } from './scenario.ts';
import { starts } from './starts.ts';
import { stepsOf } from './steps.ts';
import { timePasses } from './time.ts';
import type { Process, World } from './world.ts';

/** All that can happen next, in an order that is always the same. */
export function actionsOf(world: World, scenario: Scenario): Action[] {
  // What one process does for itself alone commutes with all that others do: it is done first. And a process that waits
  // before its first call might as well have begun later.
  const alone = world.processes.find(
    (process) => !process.asleep && (process.state.isNew || isAlone(world, process, scenario)),
  );
  if (alone) return stepsOf(world, alone, scenario).map(({ say, next }) => ({ say, next }));
  const goOn = (processes: readonly Process[]) =>
    processes
      .filter((process) => !hasTwin(world, process))
      .flatMap((process) => stepsOf(world, process, scenario));
  const started = starts(world, scenario);
  const isNow = matters(world, started.length > 0);
  const persons = world.processes.filter(({ kind }) => kind === 'person');
  return [
    ...goOn(world.processes.filter(({ kind }) => kind !== 'person')),
    ...started,
    ...(isNow.forParties ? ofParties(world) : []),
    ...(isNow.forPersons ? [...goOn(persons), ...personsBegin(world, scenario)] : []),
    ...(isNow.forAccounts ? accountChanges(world, scenario) : []),
    ...(isNow.forSetups ? deployments(world, scenario) : []),
    ...timePasses(world, scenario),
  ];
}
