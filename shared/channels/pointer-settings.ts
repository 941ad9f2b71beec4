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
