import type { Condition } from './pointer-settings.ts';

/** The members' names that a pointer is made of. */
export const partsOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

/** The value that these members lead to, or undefined. Own members only: `/constructor` is no field of a payload. */
export function followed(document: unknown, parts: readonly string[]): unknown {
  let value = document;
  for (const part of parts) {
    if (typeof value !== 'object' || value === null) return undefined;
    const member = Object.getOwnPropertyDescriptor(value, part);
    // A list's own `length` is no element of it.
    value = member?.enumerable === true ? member.value : undefined;
  }
  return value;
}

/** The value a pointer leads to, or undefined. */
export const pointed = (document: unknown, pointer: string): unknown => followed(document, partsOf(pointer));

/** Whether there is something: `null` is nothing. */
export const isThere = (value: unknown): boolean => value !== undefined && value !== null;

/** The first of several pointers that leads to a value. */
export const firstPointed = (document: unknown, pointers: readonly string[]): unknown =>
  pointers.map((pointer) => pointed(document, pointer)).find(isThere);

type Json = string | { [name: string]: Json };

/** The document with `value` where the pointer leads: the way back from `pointed`. */
export function placed(document: Json, pointer: string, value: string): Json {
  const [, name, ...rest] = pointer.split('/');
  if (name === undefined) return value;
  const members = typeof document === 'string' ? {} : document;
  const member = name.replaceAll('~1', '/').replaceAll('~0', '~');
  const below = rest.map((part) => `/${part}`).join('');
  const held = Object.hasOwn(members, member) ? members[member] : undefined;
  return { ...members, [member]: placed(held ?? {}, below, value) };
}

/** Whether a value is what a condition asks of it. An empty list is there no more than `null`: nothing is in it. */
export const holds = (condition: Condition, value: unknown): boolean =>
  'exists' in condition
    ? condition.exists === (isThere(value) && !(Array.isArray(value) && value.length === 0))
    : condition.equals === value;

/** Whether the document has what the condition asks for. */
export const fulfils = (document: unknown, condition: Condition): boolean =>
  holds(condition, pointed(document, condition.at));
