import * as z from 'zod';

/** A JSON pointer (RFC 6901): `/message/text`, `/items/0/url`, `/a~1b`. The whole document, ``, is no field. */
export const pointerSchema = z
  .string()
  .regex(/^(\/([^~/]|~[01])*)+$/, 'a field is a JSON pointer such as "/message/text"')
  .refine((pointer) => !pointer.split('/').includes('__proto__'), 'not a field of a payload');

/** One pointer, or several of which the first that leads to a value counts. */
export const pointersSchema = z.union(
  [pointerSchema.transform((pointer) => [pointer]), z.array(pointerSchema).min(1)],
  'a field is a JSON pointer such as "/message/text", or a list of them',
);

/** A field with this value, such as the vendor's mark of a message of its own; or a field that is there, or is not. */
export const conditionSchema = z.union(
  [
    z.strictObject({ at: pointerSchema, equals: z.union([z.string(), z.number(), z.boolean()]) }),
    z.strictObject({ at: pointerSchema, exists: z.boolean() }),
  ],
  'a condition is {"at": "/a/field", "equals": a text, number or boolean}, or {"at": …, "exists": true or false}',
);
export type Condition = z.infer<typeof conditionSchema>;

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
