import * as z from 'zod';

/** The section `reconcile` of the configuration. */
export const reconcileSchema = z.strictObject({
  /** Whether the books are compared each night. */
  nightly: z.boolean().default(false),
});
