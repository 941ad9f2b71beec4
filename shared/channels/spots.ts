import { followed, holds, isThere, partsOf } from './pointer.ts';
import type { Condition } from './pointer-settings.ts';

/** WhatsApp sends at most 1,000 in one delivery; what holds more is not read, and kept aside. */
export const MAX_MESSAGES = 1_000;

/** What a 0 in a pointer stands for in a list that has more: each of its elements, or the first alone. */
export type Lists = 'each' | 'first';

/**
 * Where one message of a payload stands. A pointer that is written for the first of a list, `/messages/0/text`, is
 * read at this message's own place in it.
 */
export interface Spot {
  /** All that the first of the pointers leads to that leads to anything; a 0 in a list of its own is each element. */
  values(pointers?: readonly string[]): unknown[];
  /** Whether any of the pointers leads to anything. */
  has(pointers?: readonly string[]): boolean;
  /** Whether that is in a list of its own while there are other messages: then whose it is cannot be told. */
  isVague(pointers?: readonly string[]): boolean;
  /** Whether what the condition's pointer leads to is what it asks for; in a list of its own, each element. */
  fulfils(condition: Condition): boolean;
}

/**
 * The messages of a payload: one for each element of the lists that the leading pointer goes through at 0. The other
 * pointers follow the same element for as long as their path is the same. With `/messages/0/id` leading,
 * `/messages/0/from` belongs to the same message, and `/contacts/0/name` is in a list of its own.
 *
 * @param leading of several the first one that leads to a value anywhere.
 * @returns undefined where there are more than 1,000.
 */
export function spotsOf(document: object, leading: readonly string[], lists: Lists): Spot[] | undefined {
  const found = leading.map(partsOf).map((way) => ({ way, spots: expanded(document, way, lists) }));
  const leads = found.find(({ spots }) => spots?.some((spot) => isThere(followed(document, spot))));
  const { way, spots } = leads ?? found[0] ?? { way: [], spots: [[]] };
  if (spots === undefined) return undefined;
  const isShared = sharedBy(spots);
  return spots.map((spot) => spotAt(document, { way, spot, lists, isShared }));
}

/** Tells whether several messages stand below the same beginning of their ways. */
function sharedBy(spots: readonly string[][]): Standing['isShared'] {
  const key = (spot: readonly string[], length: number) => JSON.stringify(spot.slice(0, length));
  const counts = new Map<string, number>();
  for (const spot of spots) {
    for (let length = 0; length <= spot.length; length += 1) {
      counts.set(key(spot, length), (counts.get(key(spot, length)) ?? 0) + 1);
    }
  }
  return (spot, length) => (counts.get(key(spot, length)) ?? 0) > 1;
}

interface Standing {
  way: readonly string[];
  /** The same way, with this message's own numbers in the lists. */
  spot: readonly string[];
  lists: Lists;
  isShared: (spot: readonly string[], length: number) => boolean;
}

function spotAt(document: object, { way, spot, lists, isShared }: Standing): Spot {
  /** What of a pointer's way is this message's own, and what follows from there. */
  const parted = (pointer: string) => {
    const parts = partsOf(pointer);
    const apart = parts.findIndex((part, index) => part !== way[index]);
    const common = apart < 0 ? parts.length : apart;
    return { common, from: followed(document, spot.slice(0, common)), rest: parts.slice(common) };
  };
  const valuesAt = (pointer: string): unknown[] => {
    const { from, rest } = parted(pointer);
    // A list that is too long yields `{}`, which is no valid text, contact or address, so nothing is read from it.
    return expanded(from, rest, lists)?.map((each) => followed(from, each)) ?? [{}];
  };
  const isAt = (pointer: string) => {
    const { from, rest } = parted(pointer);
    return leadsAnywhere(from, rest, lists);
  };
  const leads = (pointers: readonly string[]) => pointers.find(isAt) ?? pointers[0];
  return {
    values(pointers = []) {
      const pointer = leads(pointers);
      return pointer === undefined ? [] : valuesAt(pointer).filter(isThere);
    },
    has: (pointers = []) => pointers.some(isAt),
    isVague(pointers = []) {
      const pointer = leads(pointers);
      if (pointer === undefined) return false;
      const { common, from, rest } = parted(pointer);
      if (!isShared(spot, common)) return false;
      return rest.some((_, index) => Array.isArray(followed(from, rest.slice(0, index))));
    },
    fulfils: (condition) => valuesAt(condition.at).every((value) => holds(condition, value)),
  };
}

/** Whether one of the ways ends at a value. Asked a thousand times a delivery, it stops at the first. */
function leadsAnywhere(document: unknown, [part, ...rest]: readonly string[], lists: Lists): boolean {
  if (part === undefined) return isThere(document);
  return part === '0' && lists === 'each' && Array.isArray(document)
    ? document.some((element) => leadsAnywhere(element, rest, lists))
    : leadsAnywhere(followed(document, [part]), rest, lists);
}

/** A way through a document, once for each element of each list that it goes through at 0. */
function expanded(document: unknown, way: readonly string[], lists: Lists): string[][] | undefined {
  if (lists === 'first') return [[...way]];
  let ways: { at: unknown; gone: string[] }[] = [{ at: document, gone: [] }];
  for (const part of way) {
    ways = ways.flatMap(({ at, gone }) =>
      part === '0' && Array.isArray(at) && at.length > 1
        ? at
            .slice(0, MAX_MESSAGES + 1)
            .map((element, index) => ({ at: element, gone: [...gone, `${index}`] }))
        : [{ at: followed(at, [part]), gone: [...gone, part] }],
    );
    if (ways.length > MAX_MESSAGES) return undefined;
  }
  return ways.map(({ gone }) => gone);
}
