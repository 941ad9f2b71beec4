import type { Written } from '../../shared/storage/table.ts';

/** Every port call of a process goes through here: to be counted, delayed, failed or stopped. */
export type Around = <T>(port: string, work: () => Promise<T>) => Promise<T>;

type Verb = (...given: unknown[]) => Promise<unknown>;

/** The port, with `around` between it and whoever calls it; its calls are named `name.verb`. */
export function everyVerb<Port extends object>(name: string, port: Port, around: Around): Port {
  const verbs = Object.entries(port).map(([verb, call]) => [
    verb,
    (...given: unknown[]) => around(`${name}.${verb}`, () => (call as Verb).apply(port, given)),
  ]);
  return Object.fromEntries(verbs) as Port;
}

/**
 * What happens to one port call.
 *
 * `before` and `after`: the process stops there, with the call not made, or made and unheard.
 * `answer lost`: a write is made, and then found made: the row that comes back is its own.
 * `throws …`: the call fails, not made, or made all the same; the process lives on.
 */
export type Mishap = 'before' | 'after' | 'answer lost' | 'throws before' | 'throws after';

/** What a process meets, at the n-th of its port calls, counted from 1. */
export interface Misfortune {
  mishap?: Mishap;
  n?: number;
  /** A port at which it does not happen. */
  spared?: string;
}

/**
 * Lets one thing happen to the process that gets this `around`.
 *
 * @param writes the ports whose answer can be lost, as they are called.
 * @returns `calls` names its port calls so far; `stopped` is there once it stopped; `wake` lets it go on, unaware.
 */
export function unluckyAround({ mishap, n = 0, spared }: Misfortune, writes: string[]) {
  const calls: string[] = [];
  const stopped = Promise.withResolvers<'stopped'>();
  const woken = Promise.withResolvers<void>();
  let asleep = false;
  const sleep = async () => {
    asleep = true;
    stopped.resolve('stopped');
    await woken.promise;
    asleep = false;
  };
  const around: Around = async (port, work) => {
    // What a stopped process had begun beside the call it stopped at goes no further either.
    if (asleep) await woken.promise;
    calls.push(port);
    if (mishap === undefined || calls.length !== n || port === spared) return work();
    if (mishap === 'before') await sleep();
    if (mishap === 'throws before') throw new Error('no answer, and nothing done');
    const result = await work();
    if (mishap === 'after') await sleep();
    if (mishap === 'throws after') throw new Error('no answer, though it is done');
    const lost = mishap === 'answer lost' && writes.includes(port);
    return lost ? (foundMade(port, result) as typeof result) : result;
  };
  return { around, calls, stopped: stopped.promise, wake: () => woken.resolve() };
}

/** What storage answers to the repetition of a write that it has made already. */
function foundMade(port: string, result: unknown): unknown {
  if (port === 'ledger.postpone') return undefined;
  return { ...(result as Written<unknown>), kind: 'conflict' };
}
