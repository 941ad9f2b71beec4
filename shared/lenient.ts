import * as z from 'zod/mini';

/**
 * A member of somebody's answer that is left out where it cannot be read, so that the rest of the answer counts. `z.catch`
 * does the same, and has 8 KB of zod loaded that nothing else needs.
 */
export const orLeftOut = <Schema extends z.ZodMiniType>(schema: Schema) =>
  z.optional(
    z.union([
      schema,
      z.pipe(
        z.unknown(),
        z.transform(() => undefined),
      ),
    ]),
  );
