const EMPTY = 0;
/** Slots of a table that is more than half full are looked at too often. */
const FULL = 0.5;

/**
 * Gives things numbers, 0 for the first and one more for each that is new, and keeps 64 bits of each instead of the thing:
 * 12 bytes, so that 100 million fit. Two different things are taken for one with a chance of n²/2 in 2⁶⁴: of 12 million, one
 * in 250,000; of 100 million, one in 3,700.
 */
export class Numbering {
  size = 0;
  #mask = 2 ** 16 - 1;
  /** Number + 1 of what is in each slot. */
  #slots = new Uint32Array(this.#mask + 1);
  #high = new Uint32Array(2 ** 15);
  #low = new Uint32Array(2 ** 15);

  /** @returns its number, which is the size before where it is new. */
  ofText(text: string): number {
    let high = 0xdeadbeef;
    let low = 0x41c6ce57;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      high = Math.imul(high ^ code, 2654435761);
      high = (high << 13) | (high >>> 19);
      low = Math.imul(low ^ code, 1597334677);
      low = (low << 17) | (low >>> 15);
    }
    return this.#find(high, low);
  }

  /** @param whole numbers from 0 on, in their order. */
  ofNumbers(whole: readonly number[]): number {
    let high = 0xdeadbeef ^ whole.length;
    let low = 0x41c6ce57 ^ whole.length;
    for (const number of whole) {
      const upper = (number / 2 ** 32) | 0;
      high = mixed(Math.imul(high, 5) + (number | 0)) ^ upper;
      low = Math.imul(low ^ (number | 0), 1597334677) + Math.imul(upper + 1, 2246822507);
      low = (low << 17) | (low >>> 15);
    }
    return this.#find(high, low);
  }

  #find(upper: number, lower: number): number {
    // What differs in either half differs in both.
    const high = mixed(upper ^ Math.imul(lower, 3266489909)) >>> 0;
    const low = mixed(lower ^ Math.imul(high, 2246822507)) >>> 0;
    for (let slot = low & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const number = (this.#slots[slot] ?? EMPTY) - 1;
      if (number < 0) return this.#add(slot, high, low);
      if (this.#high[number] === high && this.#low[number] === low) return number;
    }
  }

  #add(slot: number, high: number, low: number): number {
    const number = this.size;
    this.size += 1;
    if (this.#high.length === number) {
      this.#high = longer(this.#high);
      this.#low = longer(this.#low);
    }
    this.#high[number] = high;
    this.#low[number] = low;
    this.#slots[slot] = number + 1;
    if (this.size > this.#slots.length * FULL) this.#spread();
    return number;
  }

  #spread(): void {
    this.#mask = this.#slots.length * 2 - 1;
    this.#slots = new Uint32Array(this.#mask + 1);
    for (let number = 0; number < this.size; number += 1) {
      let slot = (this.#low[number] ?? 0) & this.#mask;
      while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = number + 1;
    }
  }
}

/** Each bit of what it is given changes each bit of this with a chance of a half (the last step of MurmurHash3). */
function mixed(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 2246822507);
  hash = Math.imul(hash ^ (hash >>> 13), 3266489909);
  return hash ^ (hash >>> 16);
}

function longer(numbers: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const twice = new Uint32Array(numbers.length * 2);
  twice.set(numbers);
  return twice;
}

/** A list of whole numbers below 2³² that grows, four bytes each. */
export class Numbers {
  length = 0;
  #kept = new Uint32Array(2 ** 12);

  push(number: number): void {
    if (this.length === this.#kept.length) this.#kept = longer(this.#kept);
    this.#kept[this.length] = number;
    this.length += 1;
  }

  at(index: number): number | undefined {
    return index < this.length ? this.#kept[index] : undefined;
  }
}
