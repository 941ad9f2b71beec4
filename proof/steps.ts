import { type Action, faultsOf, made, waysOf } from './action.ts';
import { looks } from './persons.ts';
import type { Scenario } from './scenario.ts';
import { interruptions, wakes } from './sleeps.ts';
import type { Process, World } from './world.ts';

/** What may become next of a process that has begun. */
export function stepsOf(world: World, process: Process, scenario: Scenario): Action[] {
  if (process.asleep) return wakes(world, process, process.asleep, scenario);
  return [...process.state.calls].flatMap(([number, call]) => {
    if (call.port === 'person.look') return looks(world, process, number, call, scenario);
    const step = (way: string, isFault: boolean): Action => ({
      say: `${process.name}: ${call.port}, ${way}`,
      isOptional: process.kind === 'person' && !process.state.isNew,
      next: () => made(world, process, number, call, way, isFault),
    });
    const ways = waysOf(call, scenario);
    const steps = ways.map((way) => step(way, false));
    if (world.chances.faults === 0) return steps;
    return [
      ...steps,
      ...faultsOf(call, scenario).map((fault) => step(fault, true)),
      ...interruptions(world, process, number, call, scenario, ways),
    ];
  });
}
