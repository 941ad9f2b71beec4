import { z } from 'zod';

const count = z.int().nonnegative();

/** What the exploration of a scenario tells whoever asked for it. */
export const foundSchema = z.object({
  states: count,
  steps: count,
  schedules: z.number(),
  deepest: count,
  complete: z.boolean(),
  violation: z.exactOptional(z.object({ what: z.string(), story: z.array(z.string()) })),
  lies: z.array(
    z.object({ said: z.string(), lost: z.exactOptional(z.string()), steps: z.exactOptional(count) }),
  ),
  /** The pairs of a phase and an outcome that the machine was asked to decide. */
  seen: z.array(z.string()),
  seconds: z.number(),
});
export type Found = z.infer<typeof foundSchema>;

/** What it tells meanwhile. */
export const progressSchema = z.object({ states: count, depth: count });
