import * as z from 'zod';

/** The section `reconcile` of the configuration. */
export const reconcileSchema = z.strictObject({
  /** Whether a function compares the books each night, on AWS. */
  nightly: z.boolean().default(false),
});
