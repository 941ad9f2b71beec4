import { settlesAt } from '../../shared/recharge/answers.ts';
import type { Answer, Call, Host, Program } from '../process.ts';
import type { Setup } from '../programs.ts';
import { promisedFor } from '../sleeps.ts';
import { type Around, rowOf } from '../world.ts';
import type { Agenda } from './agenda.ts';
import { HOUR, SECOND } from './plan.ts';
import type { Random } from './random.ts';
import type { Troubles } from './troubles.ts';

const FAILED = 'throws, not made';
const LOST = 'throws, made';
const PREPARES = ['payments.prepareCharge', 'platform.prepareGrant'];
/** A person looks into the books of both sides, and has something to say. */
export const LOOKS = 'person.look';
/** Three tries of two seconds. */
const STORAGE_GIVES_UP_MS = 6 * SECOND;

/** Who runs, about which recharge, and for how long it may. */
export interface About {
  kind: 'webhook' | 'worker' | 'sweeper' | 'person';
  /** Of a sweeper none. */
  key: string;
  setup: Setup;
  /** The runtime ends it then. */
  mostMs: number;
}

/** What a process asks for, and what it gets. */
export type Asked<Value> = Omit<Call<Around>, 'make'> & { make(world: Around, way: string): Value };
export type Made<Value> = { value: Value } | { error: Error };

/** One step of a process: a call that was made, in a way. */
export interface Step {
  running: Running;
  port: string;
  given: readonly unknown[];
  way: string;
  answer: Made<unknown>;
}

/** What all processes of a simulation stand in. */
export interface Surroundings {
  agenda: Agenda;
  world: Around;
  troubles: Troubles;
  random: Random;
  /** How far a clock may be from ours. */
  skewMs: number;
  /** How many of the answers of people say what is not so. */
  wrongShare: number;
  /** Makes a call. A promise where an engine beside has its part in it. */
  make<Value>(call: Asked<Value>, way: string): Made<Value> | Promise<Made<Value>>;
  made(step: Step): void;
  wrote(running: Running, line: string): void;
  said(running: Running, what: string): void;
}

/**
 * A process of the real code, run as it is. Each port call waits for an event of the agenda; what becomes of it is drawn.
 * Of a process that has died, the promises stay without an answer, and nothing of it runs any more.
 */
export class Running implements Host<Around> {
  readonly name: string;
  readonly about: About;
  readonly #around: Surroundings;
  readonly #skewMs: number;
  readonly #endsAt: number;
  readonly #ended: (end: Answer | 'died') => void;
  #asleepUntil = Number.NEGATIVE_INFINITY;
  #hasEnded = false;

  constructor(name: string, about: About, around: Surroundings, ended: (end: Answer | 'died') => void) {
    this.name = name;
    this.about = about;
    this.#around = around;
    this.#ended = ended;
    this.#endsAt = around.agenda.now + about.mostMs;
    // A person's time is storage's, which is the one that counts.
    this.#skewMs = about.kind === 'person' ? 0 : around.random.between(-around.skewMs, around.skewMs);
  }

  start(program: Program<Around>): void {
    program.run(this).then(
      (value) => this.#end({ value }),
      (error: unknown) => this.#end({ error: error instanceof Error ? error : new Error(String(error)) }),
    );
  }

  // Programs hand these on by themselves.
  readonly now = (): number => this.#around.agenda.now + this.#skewMs;
  readonly nowForLog = this.now;
  readonly write = (line: string): void => this.#around.wrote(this, line);

  ask<Value>(call: Asked<Value>): Promise<Value> {
    const { agenda, world, troubles, random } = this.#around;
    const { now } = agenda;
    const { port } = call;
    const way = this.#wayOf(call);
    const isPerson = this.about.kind === 'person';
    const dies = !isPerson && troubles.happens('dies', now);
    const sleeps = !isPerson && !dies && troubles.happens('sleeps', now);
    const isBefore = (dies || sleeps) && random.chance(0.5);
    const promisedTo =
      sleeps && isBefore ? promisedFor(world, call, this.about.setup) : Number.POSITIVE_INFINITY;
    if (sleeps && isBefore) this.#sleep(`before ${port}`);

    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    const hear = (made: Made<Value>) => ('error' in made ? reject(made.error) : resolve(made.value));
    this.#later(this.#latencyOf(call, way), async () => {
      if (dies && isBefore) return this.#die(`dies before ${port}`);
      // Between the last look at the clock and the bytes nothing can be known. What is promised ends here.
      if (agenda.now > promisedTo) return this.#die(`wakes too late for ${port}`);
      const made = await this.#around.make(call, way);
      this.#around.made({ running: this, port, given: call.given, way, answer: made });
      if (dies) return this.#die(`dies after ${port}`);
      if (!sleeps || isBefore) return hear(made);
      this.#sleep(`after ${port}`);
      this.#later(0, () => hear(made));
    });
    return promise;
  }

  #wayOf({ port, ways, faults }: Asked<unknown>): string {
    const { agenda, troubles, random } = this.#around;
    // Where nobody ever errs, nothing is drawn for it: the weeks stay the same.
    const { wrongShare } = this.#around;
    if (port === LOOKS) return random.pick(wrongShare > 0 && random.chance(wrongShare) ? faults : ways);
    const ofStorage = faults.includes(LOST) ? 'write' : 'read';
    const isStorage = faults.includes(FAILED) && !PREPARES.includes(port) && port !== 'queue.send';
    const drawn = troubles.wayOf(isStorage ? ofStorage : port, agenda.now);
    return drawn ?? ways[0] ?? 'made';
  }

  /** How long a call is under way, in milliseconds. */
  #latencyOf({ port, given }: Asked<unknown>, way: string): number {
    const { random, world, agenda } = this.#around;
    const { kind, key, setup } = this.about;
    const { policy } = setup;
    if (port === 'sleep') return Number(given[0]);
    if (port === LOOKS) {
      const row = rowOf(world, key);
      const settled = (row && settlesAt(row, { policy })) ?? agenda.now;
      return Math.max(0, settled - agenda.now) + random.spread(SECOND, 4 * HOUR);
    }
    if (kind === 'person') return random.spread(20, 12 * HOUR);
    const isSilent = way.startsWith('unknown') || way === 'no answer';
    if (port.startsWith('payments.')) return isSilent ? policy.chargeCallMs : random.spread(200, 4 * SECOND);
    if (port.startsWith('platform.')) return isSilent ? policy.grantCallMs : random.spread(100, 2 * SECOND);
    return way.startsWith('throws') ? STORAGE_GIVES_UP_MS : random.spread(2, 40);
  }

  #sleep(where: string): void {
    const { agenda, random, said } = this.#around;
    const ms = random.spread(20 * SECOND, 26 * HOUR);
    this.#asleepUntil = agenda.now + ms;
    said(this, `falls asleep ${where}`);
  }

  /** After a time, unless it has died or sleeps then. */
  #later(ms: number, run: () => void | Promise<void>): void {
    const { agenda } = this.#around;
    agenda.in(ms, () => {
      if (this.#hasEnded) return undefined;
      if (agenda.now > this.#endsAt) return this.#die('is ended by its runtime');
      if (agenda.now < this.#asleepUntil) return this.#later(this.#asleepUntil - agenda.now, run);
      return run();
    });
  }

  #die(how: string): void {
    if (this.#hasEnded) return;
    this.#around.said(this, how);
    this.#hasEnded = true;
    this.#ended('died');
  }

  #end(end: Answer): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#ended(end);
  }
}
