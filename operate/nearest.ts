/** More changes than this make another word, and no slip of the pen. */
const MOST_CHANGES = 3;
const MOST_NAMED = 3;

/**
 * Those of `known` that a person may have meant: the nearest by changes of letters, at most three.
 *
 * @returns in the order of `known`; empty where none is near.
 */
export function nearest(word: string, known: Iterable<string>): string[] {
  // A short word becomes any other one by three changes.
  let most = Math.min(MOST_CHANGES, Math.floor(word.length / 3));
  let found: string[] = [];
  for (const candidate of known) {
    const changes = changesBetween(word, candidate, most);
    if (changes > most) continue;
    if (changes < most) found = [];
    most = changes;
    if (found.length < MOST_NAMED) found.push(candidate);
  }
  return found;
}

/**
 * Letters to insert, to drop, to replace, or to swap with their neighbour (the optimal string alignment distance).
 *
 * @returns more than `most` as soon as that is certain.
 */
function changesBetween(from: string, to: string, most: number): number {
  if (Math.abs(from.length - to.length) > most) return most + 1;
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const isSame = from[i - 1] === to[j - 1];
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      next[j] = Math.min(
        at(row, j) + 1,
        at(next, j - 1) + 1,
        at(row, j - 1) + (isSame ? 0 : 1),
        isSwapped ? at(before, j - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    if (Math.min(...next) > most) return most + 1;
    before = row;
    row = next;
  }
  return at(row, to.length);
}

const at = (row: number[], index: number) => row[index] ?? Number.POSITIVE_INFINITY;
