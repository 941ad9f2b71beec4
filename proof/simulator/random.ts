/**
 * Chance from a seed: the same seed gives the same numbers on every machine. (sfc32 of Chris Doty-Humphrey's PractRand, with the
 * warm-up it asks for.)
 */
export class Random {
  #a = 0x9e3779b9;
  #b = 0x243f6a88;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#c = seed | 0;
    for (let round = 0; round < 15; round += 1) this.next();
  }

  /** From 0 up to, and without, 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number from 0 up to, and without, `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** @param values not empty. */
  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error('Bug! There is nothing to pick from.');
    return value;
  }

  between(least: number, most: number): number {
    return Math.round(least + this.next() * (most - least));
  }

  /** As often between 1 and 10 as between 10 and 100. */
  spread(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.next());
  }
}
