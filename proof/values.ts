import { Numbering } from './numbering.ts';

/** Equal values get equal numbers, so that whole worlds are compared by a few of them. */
const numbers = new Numbering();
const known = new WeakMap<object, number>();

export function idOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return numbers.ofText(textOf(value));
  const found = known.get(value);
  if (found !== undefined) return found;
  const number = numbers.ofText(textOf(value));
  known.set(value, number);
  return number;
}

/** Its members by their numbers, whatever order they have; an absent member and one that is undefined are the same. */
function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  if (value instanceof Error) return `error ${value.name} ${value.message}`;
  if (value instanceof Map) return `map${textOf([...value])}`;
  if (Array.isArray(value)) return `[${value.map(idOf).join()}]`;
  const members: string[] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined)
      members.push(`${name}:${typeof member === 'object' ? `#${idOf(member)}` : JSON.stringify(member)}`);
  }
  return `{${members.sort().join()}}`;
}
