import { worker } from '../programs.ts';
import { HOUR, MINUTE } from './plan.ts';
import { resultOf, type Stage } from './stage.ts';

/** A queue shows a message again that nobody has deleted. */
const VISIBLE_AGAIN_MS = 6 * MINUTE;
/** Then it is put aside. */
const MOST_RECEIVED = 5;

/** Names a recharge that is to be driven; or, `woken`, one whose payment is said to have changed. */
interface Message {
  key: string;
  woken: boolean;
}

/** The queue of the worker: at least once, in no order, at any time. */
export class Queue {
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Takes over what the last step has sent. */
  stepped(): void {
    const { world } = this.#stage.around;
    if (world.queue.length === 0) return;
    for (const key of world.queue) this.send({ key, woken: false });
    world.queue = [];
  }

  send(message: Message): void {
    const { around, watch } = this.#stage;
    const { agenda, troubles, random } = around;
    const { now } = agenda;
    const what = message.woken ? 'a wake' : 'a message';
    const delayMs = () => {
      const isLate = troubles.happens('delays', now);
      if (isLate) watch.count(`${what} is late`);
      return isLate ? random.spread(MINUTE, 6 * HOUR) : random.spread(20, 500);
    };
    agenda.in(delayMs(), () => this.#receive(message, 1));
    if (!troubles.happens('doubles', now)) return;
    watch.count(`${what} comes twice`);
    agenda.in(delayMs(), () => this.#receive(message, 1));
  }

  #receive(message: Message, times: number): void {
    const { around, watch } = this.#stage;
    const { agenda } = around;
    const { key, woken } = message;
    const { now } = agenda;
    this.#stage.start(
      'worker',
      key,
      (name, setup) => worker(name, key, setup, woken),
      (end) => {
        if (resultOf(end) === 0) return;
        if (end !== 'died' && !woken) watch.violated('I5: a worker has reported its message as failed', key);
        if (times < MOST_RECEIVED) agenda.at(now + VISIBLE_AGAIN_MS, () => this.#receive(message, times + 1));
        else watch.count(`${woken ? 'a wake' : 'a message'} is put aside`);
      },
    );
  }
}
