import { setImmediate as drained } from 'node:timers/promises';
import { idOf } from './values.ts';

/** A port call of a process that waits for its answer. */
export interface Call<World> {
  port: string;
  /** For the story. */
  given: readonly unknown[];
  /** What may become of it where nobody is at fault… */
  ways: readonly string[];
  /** …and where somebody is. */
  faults: readonly string[];
  /** Makes it, in one of these ways. What it returns or throws is the answer. */
  make(world: World, way: string): unknown;
}

export type Answer = { value: unknown } | { error: Error };

/** What a process is given by whoever runs it. All that it learns comes from here. */
export interface Host<World> {
  /** No other process has it. */
  name: string;
  now(): number;
  /** For the log: what is logged at another time is the same. */
  nowForLog(): number;
  ask<Value>(call: Omit<Call<World>, 'make'> & { make(world: World, way: string): Value }): Promise<Value>;
  /** A line of the log. */
  write(line: string): void;
}

/** A process from its start to its end: the real code, with nothing between it and its host. */
export interface Program<World> {
  name: string;
  run(host: Host<World>): Promise<unknown>;
}

/** One answer, to the n-th call of the process, and the time at which it went on with it. */
interface Heard {
  call: number;
  port: string;
  answer: Answer;
  at: number;
}

interface Before<World> {
  state: ProcessState<World>;
  heard: Heard;
}

/**
 * Where a process stands: all that it has learnt since its start, and what it does with that. The code cannot be copied
 * in the middle of a run. So a state is reached by running the program from its start and giving it the same answers. It
 * is reached once: the same answers make the same state.
 */
export class ProcessState<World> {
  static #count = 0;
  readonly id = ProcessState.#count++;
  readonly #next = new Map<string, ProcessState<World>>();
  /** By the call and its answer: whether the process looked at the clock before it waited for the next thing. */
  readonly #looksAtClock = new Map<string, boolean>();
  readonly #program: Program<World>;
  readonly #startedAt: number;
  /** The state before, and what was heard there; of a process that has learnt nothing yet absent. */
  readonly before: Before<World> | undefined;
  /** Calls without an answer, by their number. */
  readonly calls: ReadonlyMap<number, Call<World>>;
  /** What it logged since the state before. */
  readonly lines: readonly string[];
  /** Whether it has looked at the clock since the state before. */
  readonly lookedAtClock: boolean;
  /** What it returned or threw at its end. */
  readonly end: Answer | undefined;
  /** Equal where two of one program, by whatever names, have heard the same at the same times. */
  readonly learnt: number;

  private constructor(
    program: Program<World>,
    startedAt: number,
    before: Before<World> | undefined,
    learnt: number,
    reached: Pick<ProcessState<World>, 'calls' | 'lines' | 'lookedAtClock' | 'end'>,
  ) {
    this.#program = program;
    this.#startedAt = startedAt;
    this.before = before;
    this.calls = reached.calls;
    this.lines = reached.lines;
    this.lookedAtClock = reached.lookedAtClock;
    this.end = reached.end;
    this.learnt = learnt;
  }

  get isNew(): boolean {
    return this.before === undefined;
  }

  /** @param alike equal of programs that differ in their names alone. */
  static async start<World>(
    program: Program<World>,
    at: number,
    alike: string,
  ): Promise<ProcessState<World>> {
    const learnt = idOf([alike, at]);
    return new ProcessState(program, at, undefined, learnt, await replay(program, at, []));
  }

  /**
   * The state after an answer; at once, if some other schedule came there already. Where the process does not look at the clock
   * between an answer and the next call, it does not learn when it heard the answer: that makes no other state.
   */
  hear(call: number, answer: Answer, at: number): ProcessState<World> | Promise<ProcessState<World>> {
    const what = `${call} ${idOf('error' in answer ? answer.error : answer.value)}`;
    const key = this.#looksAtClock.get(what) === false ? what : `${what} ${at}`;
    return (
      this.#next.get(key) ?? this.#reach(what, { call, port: this.calls.get(call)?.port ?? '', answer, at })
    );
  }

  async #reach(what: string, heard: Heard): Promise<ProcessState<World>> {
    const before = { state: this, heard };
    const reached = await replay(this.#program, this.#startedAt, [...this.#path(), heard]);
    const { call, answer, at } = heard;
    const learnt = idOf([this.learnt, call, answer, reached.lookedAtClock ? at : 0]);
    const state = new ProcessState(this.#program, this.#startedAt, before, learnt, reached);
    this.#looksAtClock.set(what, reached.lookedAtClock);
    this.#next.set(reached.lookedAtClock ? `${what} ${heard.at}` : what, state);
    return state;
  }

  #path(): Heard[] {
    const path: Heard[] = [];
    for (let before = this.before; before !== undefined; before = before.state.before)
      path.push(before.heard);
    return path.reverse();
  }
}

const diverged = ({ name }: { name: string }) =>
  new Error(`Bug! ${name} did not do the same with the same answers.`);

/** Runs a program on answers that are known, until it waits for one that is not. */
async function replay<World>(program: Program<World>, startedAt: number, heard: readonly Heard[]) {
  const calls: Call<World>[] = [];
  /** Whoever waits for the answer to a call, by the call's number. */
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let lines: string[] = [];
  let now = startedAt;
  let lookedAtClock = false;
  let next = 0;

  const answerNext = () => {
    const given = heard[next];
    const waits = given && waiting.get(given.call);
    if (!waits) return;
    if (calls[given.call]?.port !== given.port) throw diverged(program);
    next += 1;
    waiting.delete(given.call);
    // Not before what runs now has come to its `await`.
    queueMicrotask(() => {
      now = given.at;
      lookedAtClock = false;
      lines = [];
      if ('error' in given.answer) waits.reject(given.answer.error);
      else waits.resolve(given.answer.value);
    });
  };

  let end: Answer | undefined;
  const host: Host<World> = {
    name: program.name,
    now() {
      lookedAtClock = true;
      return now;
    },
    nowForLog: () => now,
    ask: (call) =>
      new Promise((resolve, reject) => {
        waiting.set(calls.length, { resolve, reject });
        calls.push(call);
        // Where it waits for one thing only, nothing else of it can run before the answer. It may wait for more in a moment.
        queueMicrotask(() => {
          if (waiting.size === 1) answerNext();
        });
      }),
    write: (line) => lines.push(line),
  };
  program.run(host).then(
    (value) => {
      end = { value };
    },
    (error: unknown) => {
      end = { error: error instanceof Error ? error : new Error(String(error)) };
    },
  );
  await drained();
  while (next < heard.length) {
    const before = next;
    answerNext();
    if (next === before) throw diverged(program);
    await drained();
  }
  const open = [...waiting.keys()].flatMap((number): [number, Call<World>][] => {
    const call = calls[number];
    return call ? [[number, call]] : [];
  });
  return { calls: new Map(open), lines, end, lookedAtClock };
}
