import { z } from 'zod';

/** A part of a long run: some seeds one after the other, and what happened in them. */
export const simulatedSchema = z.object({
  seeds: z.number(),
  steps: z.number(),
  counts: z.record(z.string(), z.number()),
  violations: z.array(
    z.object({ seed: z.number(), what: z.string(), key: z.string(), story: z.array(z.string()) }),
  ),
  /** The pairs of where a row stands and an outcome that the machine was asked to decide. */
  seen: z.array(z.string()),
});
export type Part = z.infer<typeof simulatedSchema>;

/** The seeds of a part, of which a process is told, and how many answers of people are wrong. */
export const seedsSchema = z.object({ from: z.number(), to: z.number(), wrongShare: z.number() });
export type Seeds = z.infer<typeof seedsSchema>;

export const EMPTY_PART: Part = { seeds: 0, steps: 0, counts: {}, violations: [], seen: [] };

export function together(one: Part, other: Part): Part {
  const counts = { ...one.counts };
  for (const [what, times] of Object.entries(other.counts)) counts[what] = (counts[what] ?? 0) + times;
  return {
    seeds: one.seeds + other.seeds,
    steps: one.steps + other.steps,
    counts,
    violations: [...one.violations, ...other.violations],
    seen: [...new Set([...one.seen, ...other.seen])],
  };
}
