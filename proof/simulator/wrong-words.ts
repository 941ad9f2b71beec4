import { isDeepStrictEqual } from 'node:util';
import { type Around, falsehoods, rowOf } from '../world.ts';
import { LOOKS, type Running, type Step } from './running.ts';

/** What is counted of a wrong word, and of what came of it. */
export const SAID = 'a person says wrongly ';
export const LOST = ', and is lost: ';

/**
 * What people say that is not so, and what is lost by that. No check can prevent it. It is counted for the recharge of which it
 * was said, and for no other: that a wrong word harms no other recharge is checked as ever.
 */
export class WrongWords {
  readonly #count: (what: string) => void;
  /** What each is about to say. */
  readonly #meant = new Map<Running, string>();
  /** By the recharge: what was said of it first, and what came of that. */
  readonly #said = new Map<string, { words: string; lost: Set<string> }>();

  constructor(count: (what: string) => void) {
    this.#count = count;
  }

  /** A step was made: perhaps a look into the books of both sides. */
  made({ running, port, answer }: Step, world: Around): void {
    const row = port === LOOKS && rowOf(world, running.about.key);
    if (!row || !('value' in answer)) return;
    const wrong = falsehoods(world, row).find((statement) => isDeepStrictEqual(statement, answer.value));
    if (wrong) this.#meant.set(running, `${wrong.answer}, of ${row.review ?? row.phase}`);
  }

  /** A person has written what they had to say. */
  spoke(running: Running): void {
    const words = this.#meant.get(running);
    if (words === undefined) return;
    this.#count(SAID + words);
    const { key } = running.about;
    if (!this.#said.has(key)) this.#said.set(key, { words, lost: new Set() });
  }

  /** @returns whether what does not hold of a recharge was lost by a wrong word. */
  explain(what: string, key: string): boolean {
    const said = this.#said.get(key);
    if (!said) return false;
    if (!said.lost.has(what)) this.#count(SAID + said.words + LOST + what);
    said.lost.add(what);
    return true;
  }
}
