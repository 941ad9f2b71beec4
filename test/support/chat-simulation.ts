import { setImmediate as drained } from 'node:timers/promises';
import { productionMessagePolicy } from '../../shared/channels/decide.ts';
import type { Message } from '../../shared/channels/message.ts';
import type { Written } from '../../shared/storage/table.ts';
import { type ChatWorld, type ChatWorldOptions, chatWorldInMemory } from './chat-world.ts';
import type { Around } from './ports.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** What a sender says, in this order: the next one of a contact only after an answer to the one before. */
export interface Saying {
  contact: string;
  text: string;
}

export interface Course {
  options: ChatWorldOptions;
  says: Saying[];
  /** Whether a sender who got no 2xx says it again; if not, there is the sweeper. */
  repeats: boolean;
  /** Of a thousand calls, how many do not go well. */
  unlucky: number;
  /** What is chosen where there is a choice, one after the other; then, always what goes well. */
  chances: number[];
}

/** What becomes of a port call, or of the process that makes it. */
type Fate =
  | 'goes well'
  | 'throws, not made'
  | 'throws, made'
  | 'answer lost'
  | 'dies before it'
  | 'dies after it'
  | 'falls asleep before it'
  | 'falls asleep after it';

const FATES: readonly Fate[] = [
  'throws, not made',
  'throws, made',
  'answer lost',
  'dies before it',
  'dies after it',
  'falls asleep before it',
  'falls asleep after it',
];
/** Of the request itself, only what comes after it is drawn. */
const SENDS = 'target.send';
const AFTER = 'after it';

/** Within its time, beyond it, until the queue shows again what it holds, when another one is at it, and beyond that. */
const SLEEPS_MS = [20 * SECOND, 100 * SECOND, 6 * MINUTE, 7 * MINUTE];
/** AWS ends them then. */
const LIVES_MS = {
  webhook: 10 * SECOND,
  worker: productionMessagePolicy.runMs,
  sweeper: 50 * SECOND,
  person: MINUTE,
};
/** As on AWS: `maxConcurrency` of the queue. */
const MOST_WORKERS = 2;
/** Far more than any course takes. */
const MOST_STEPS = 3_000;
const AGAIN_MS = [SECOND, 6 * MINUTE];

/** A part of a text, counted from 1, that a process was told to be delivered. */
export interface Heard {
  text: string;
  part: number;
}

interface Call {
  port: string;
  /** Of a request: what it delivers. */
  delivers?: Heard;
  make(): Promise<unknown>;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

interface Process {
  name: string;
  kind: keyof typeof LIVES_MS;
  endsAt: number;
  calls: Call[];
  /** What it heard to be delivered, and has had no trouble since. */
  heard: Heard[];
  /** Whose sender waits for its answer. */
  saying?: Left;
  /** Asleep at this call, which may be made already. */
  asleep?: { call: Call; until: number; answer?: { value: unknown } };
  isOver: boolean;
  /** It slept past its time once, and nothing ends it any more: as on a machine that was suspended. */
  isLate?: boolean;
}

/** What is left to say. */
interface Left extends Saying {
  at: number;
  /** Who is to answer. */
  by?: Process;
}

/** One thing that may happen next. */
type Step = () => Promise<void>;

/**
 * Messages on their way through the real handlers, over a queue that keeps order by the documentation of SQS FIFO, and
 * storage in memory. Every port call of every process is a step, and what happens next is drawn: which process goes on,
 * what becomes of its call, whether time passes. So many faults meet, where the crash tests try one at every place.
 */
export class ChatSimulation {
  readonly world: ChatWorld;
  readonly course: Course;
  /** What happened, for whoever reads a violation. */
  readonly story: string[] = [];
  /** The texts in the order in which their sender got a 2xx. */
  readonly answered: string[] = [];
  /** Those that a person sent on their way again. */
  readonly replayed = new Set<string>();
  /** What a process heard that had no trouble after that, and came to its own end. */
  readonly heard: Heard[] = [];
  #processes: Process[] = [];
  #drawn = 0;
  #started = 0;
  #left: Left[];
  #sweepAt: number;

  constructor(course: Course) {
    this.course = course;
    this.world = chatWorldInMemory(course.options);
    this.#left = course.says.map((saying) => ({ ...saying, at: this.world.now() }));
    this.#sweepAt = this.world.now() + MINUTE;
  }

  /** Until all is said, the queue is empty, nothing waits for the sweeper and nobody is at work. */
  async toRest(): Promise<void> {
    for (let steps = 0; steps < MOST_STEPS; steps += 1) {
      this.#endWhoseTimeIsOver();
      const next = [...this.#callsToAnswer(), ...(await this.#beginnings())];
      const isIdle = next.length === 0;
      if (!isIdle) next.push(() => this.#pass(SECOND * (1 + this.#draw(4))));
      const step = isIdle ? await this.#nextTime() : next[this.#draw(next.length)];
      if (step === undefined) return;
      await step();
    }
    throw new Error('It does not come to rest.');
  }

  /** 0, where nothing is left to draw. */
  #draw(below: number): number {
    const drawn = this.course.chances[this.#drawn] ?? 0;
    this.#drawn += 1;
    return drawn % below;
  }

  #tell(what: string): void {
    const seconds = (this.world.now() - Date.UTC(2026, 0, 5, 12)) / SECOND;
    this.story.push(`${seconds.toFixed(1)} s: ${what}`);
  }

  // ── Processes ──────────────────────────────────────────────────────────────────────────────────────

  async #start<Result>(
    kind: Process['kind'],
    run: (process: ReturnType<ChatWorld['start']>) => Promise<Result>,
    ended: (result: Result | undefined, process: Process) => void = () => {},
    saying?: Left,
  ): Promise<void> {
    this.#started += 1;
    const process: Process = {
      name: `${kind} ${this.#started}`,
      kind,
      endsAt: this.world.now() + LIVES_MS[kind],
      calls: [],
      heard: [],
      isOver: false,
      ...(saying === undefined ? {} : { saying }),
    };
    if (saying !== undefined) saying.by = process;
    this.#processes.push(process);
    const around: Around = <Value>(port: string, make: () => Promise<Value>) =>
      new Promise<Value>((resolve, reject) => {
        // Nothing comes between its last look at the clock and the request.
        const sent = port === SENDS ? make() : undefined;
        const request = sent && this.world.requests.at(-1);
        const call: Call = {
          port,
          ...(request === undefined ? {} : { delivers: heardOf(request) }),
          make: () => sent ?? make(),
          resolve: (answer) => resolve(answer as Value),
          reject,
        };
        process.calls.push(call);
      });
    this.#tell(`${process.name} begins`);
    run(this.world.start(around))
      .catch(() => undefined)
      .then((result) => {
        if (process.isOver) return;
        this.#end(process);
        this.heard.push(...process.heard);
        ended(result, process);
      });
    await drained();
  }

  #end(process: Process): void {
    process.isOver = true;
    this.#processes = this.#processes.filter((other) => other !== process);
  }

  /** Who sleeps knows of no time, and wakes as if nothing had been; its sender does not wait for it. */
  #endWhoseTimeIsOver(): void {
    for (const process of this.#processes) {
      if (this.world.now() <= process.endsAt) continue;
      this.#sayAgain(process);
      if (process.asleep !== undefined || process.isLate) continue;
      this.#tell(`the time of ${process.name} is over`);
      this.#end(process);
    }
  }

  #callsToAnswer(): Step[] {
    return this.#processes.flatMap((process) => {
      const { asleep } = process;
      if (asleep !== undefined) return asleep.until <= this.world.now() ? [() => this.#wake(process)] : [];
      return process.calls.map((call) => () => this.#answer(process, call, this.#fateOf(call)));
    });
  }

  #fateOf({ port }: Call): Fate {
    if (this.#draw(1_000) < 1_000 - this.course.unlucky) return 'goes well';
    const fate = FATES[this.#draw(FATES.length)] ?? 'goes well';
    const isWrite = port === 'messages.mark' || port === 'messages.write';
    if (fate === 'answer lost' && !isWrite) return 'goes well';
    // It is made already; what does not arrive is a matter of the receiver.
    if (port === SENDS && !fate.endsWith(AFTER)) return 'goes well';
    return fate;
  }

  async #answer(process: Process, call: Call, fate: Fate): Promise<void> {
    if (fate !== 'goes well') this.#tell(`${process.name}: ${call.port} ${fate}`);
    if (fate.startsWith('throws')) process.heard = [];
    const over = () => {
      process.calls = process.calls.filter((other) => other !== call);
    };
    switch (fate) {
      case 'dies before it':
        return this.#die(process);
      case 'falls asleep before it':
        process.asleep = { call, until: this.world.now() + this.#sleepMs() };
        return;
      case 'throws, not made':
        over();
        call.reject(new Error('no answer, and nothing done'));
        break;
      default: {
        const answer = await call.make();
        if (fate === 'dies after it') return this.#die(process);
        if (fate === 'falls asleep after it') {
          process.asleep = { call, until: this.world.now() + this.#sleepMs(), answer: { value: answer } };
          return;
        }
        over();
        if (fate !== 'throws, made') noteHeard(process, call, answer);
        if (fate === 'throws, made') call.reject(new Error('no answer, though it is done'));
        else
          call.resolve(
            fate === 'answer lost' ? { ...(answer as Written<Message>), kind: 'conflict' } : answer,
          );
      }
    }
    await drained();
  }

  #sleepMs(): number {
    return SLEEPS_MS[this.#draw(SLEEPS_MS.length)] ?? 0;
  }

  #die(process: Process): void {
    this.#end(process);
    this.#sayAgain(process);
  }

  async #wake(process: Process): Promise<void> {
    const { asleep } = process;
    if (asleep === undefined) return;
    this.#tell(`${process.name} wakes`);
    process.isLate = this.world.now() > process.endsAt;
    Reflect.deleteProperty(process, 'asleep');
    if (asleep.answer === undefined) return;
    process.calls = process.calls.filter((other) => other !== asleep.call);
    noteHeard(process, asleep.call, asleep.answer.value);
    asleep.call.resolve(asleep.answer.value);
    await drained();
  }

  // ── What begins ────────────────────────────────────────────────────────────────────────────────────

  async #beginnings(): Promise<Step[]> {
    const { world } = this;
    const steps: Step[] = this.#toSay()
      .filter(({ at }) => at <= world.now())
      .map((saying) => () => this.#say(saying));
    const awake = this.#processes.filter(({ kind, asleep }) => kind === 'worker' && asleep === undefined);
    if (awake.length < MOST_WORKERS && world.fifo.length > 0 && world.fifo.nextAt() <= world.now())
      steps.push(() => this.#work());
    if (this.#sweepAt <= world.now() && (await this.#mustSweep())) steps.push(() => this.#sweep());
    const failed = await this.#toReplay();
    if (failed !== undefined) steps.push(() => this.#replay(failed));
    return steps;
  }

  /** Of each contact the next text. */
  #toSay() {
    return this.#left.filter(
      (saying, index) =>
        saying.by === undefined &&
        !this.#left.slice(0, index).some(({ contact }) => contact === saying.contact),
    );
  }

  async #say(saying: Left): Promise<void> {
    this.#tell(`"${saying.text}" is said`);
    await this.#start(
      'webhook',
      (process) => process.webhook(saying.text, saying.contact),
      (status = 0, process) => {
        // It woke, and nobody waits any more.
        if (saying.by !== process) return;
        this.#tell(`"${saying.text}" is answered with ${status}`);
        if (status < 200 || status >= 300) return this.#again(saying);
        this.answered.push(saying.text);
        this.#left = this.#left.filter((other) => other !== saying);
      },
      saying,
    );
  }

  /** Its sender waited in vain for an answer. */
  #sayAgain(process: Process): void {
    if (process.saying?.by === process) this.#again(process.saying);
  }

  #again(saying: Left): void {
    Reflect.deleteProperty(saying, 'by');
    if (!this.course.repeats) {
      this.#left = this.#left.filter((other) => other !== saying);
      return;
    }
    saying.at = this.world.now() + (AGAIN_MS[this.#draw(AGAIN_MS.length)] ?? SECOND);
  }

  async #work(): Promise<void> {
    const batch = this.world.fifo.receive(10 - this.#draw(10));
    // A record that is not deleted, though it was handled, comes back: the queue says "at least once" of that.
    const spared =
      this.#draw(1_000) >= 1_000 - this.course.unlucky / 2 ? batch.at(-1)?.receiptHandle : undefined;
    if (spared !== undefined) this.#tell('the last record of the next batch is not deleted');
    await this.#start('worker', (process) => process.worker(batch, LIVES_MS.worker, spared));
  }

  async #mustSweep(): Promise<boolean> {
    const { items } = await this.world.messages.due(Number.MAX_SAFE_INTEGER);
    return items.length > 0 && !this.#processes.some(({ kind }) => kind === 'sweeper');
  }

  async #sweep(): Promise<void> {
    this.#sweepAt = this.world.now() + MINUTE;
    await this.#start('sweeper', (process) => process.sweeper());
  }

  /** A person replays what has certainly not arrived, once. */
  async #toReplay(): Promise<string | undefined> {
    for (const { text } of this.course.says) {
      if (this.replayed.has(text)) continue;
      const row = await this.world.messages.read(this.world.idOf(text));
      if (row?.status === 'failed' && this.world.now() - row.queuedAt > 10 * MINUTE) return text;
    }
    return undefined;
  }

  async #replay(text: string): Promise<void> {
    this.replayed.add(text);
    this.#tell(`a person replays "${text}"`);
    await this.#start('person', (process) => process.replay(text));
  }

  // ── Time ───────────────────────────────────────────────────────────────────────────────────────────

  async #pass(ms: number): Promise<void> {
    this.world.advance(ms);
  }

  /** Nobody can go on now: to the next moment at which somebody can; undefined where there is none. */
  async #nextTime(): Promise<Step | undefined> {
    const { world } = this;
    const times = [
      ...this.#toSay().map(({ at }) => at),
      ...this.#processes.map(({ asleep, endsAt }) => asleep?.until ?? endsAt + 1),
      ...(world.fifo.length > 0 ? [world.fifo.nextAt()] : []),
      ...((await this.#mustSweep()) ? [this.#sweepAt] : []),
    ];
    if (times.length === 0) return undefined;
    const next = Math.min(...times);
    return async () => world.moveTo(Math.max(next, world.now() + 1));
  }
}

/** @param request `text`, or `text/part` where there are several. */
function heardOf(request: string): Heard {
  const [text = '', part = '1'] = request.split('/');
  return { text, part: Number(part) };
}

function noteHeard(process: Process, { delivers }: Call, answer: unknown): void {
  const { kind } = (answer ?? {}) as { kind?: unknown };
  if (delivers !== undefined && kind === 'delivered') process.heard.push(delivers);
}
