interface Event {
  at: number;
  /** Of two at the same time, the one that was noted first comes first. */
  number: number;
  run(): void | Promise<void>;
}

/** What is to happen, and when. Time goes from one event to the next, and stands still between them. */
export class Agenda {
  now: number;
  #noted = 0;
  /** A binary heap: no event is earlier than the one at half its place. */
  readonly #heap: Event[] = [];

  constructor(startsAt: number) {
    this.now = startsAt;
  }

  in(ms: number, run: Event['run']): void {
    this.at(this.now + ms, run);
  }

  /** What is noted for a time that has passed happens now. */
  at(time: number, run: Event['run']): void {
    const event = { at: Math.max(time, this.now), number: this.#noted++, run };
    let place = this.#heap.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = this.#heap[above];
      if (!other || !isBefore(event, other)) break;
      this.#heap[place] = other;
      place = above;
    }
    this.#heap[place] = event;
  }

  /** Time goes on to the next event. @returns undefined where nothing more is noted. */
  next(): Event | undefined {
    const [first] = this.#heap;
    const last = this.#heap.pop();
    if (!first || !last) return undefined;
    if (this.#heap.length > 0) this.#sink(last);
    this.now = first.at;
    return first;
  }

  #sink(event: Event): void {
    let place = 0;
    for (;;) {
      const left = this.#heap[2 * place + 1];
      const right = this.#heap[2 * place + 2];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const below = isRight ? right : left;
      if (!below || !isBefore(below, event)) break;
      this.#heap[place] = below;
      place = 2 * place + (isRight ? 2 : 1);
    }
    this.#heap[place] = event;
  }
}

const isBefore = (one: Event, other: Event) =>
  one.at < other.at || (one.at === other.at && one.number < other.number);
