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

/** A field with this value, such as the vendor's mark of a message of its own. */
export const conditionSchema = z.strictObject({
  at: pointerSchema,
  equals: z.union([z.string(), z.number(), z.boolean()]),
});

/** The value a pointer leads to, or undefined. Own members only: `/constructor` is no field of a payload. */
export function pointed(document: unknown, pointer: string): unknown {
  let value = document;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.entries(value).find(([member]) => member === name)?.[1];
  }
  return value;
}

/** The first of several pointers that leads to a value. */
export function firstPointed(document: unknown, pointers: readonly string[]): unknown {
  for (const pointer of pointers) {
    const value = pointed(document, pointer);
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

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

/** Whether the document has what the condition asks for. */
export const fulfils = (document: unknown, { at, equals }: z.infer<typeof conditionSchema>) =>
  pointed(document, at) === equals;
