import type * as z from 'zod/mini';
import { ConfigError } from './config-file.ts';

/**
 * Reads a function's environment.
 *
 * @throws ConfigError with all faults at once, without values.
 */
export function readEnv<Schema extends z.ZodMiniType>(
  schema: Schema,
  source: NodeJS.ProcessEnv,
): z.infer<Schema> {
  const parsed = schema.safeParse(source);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    'The environment',
    parsed.error.issues.map(({ path }) => `${path.join('.')}: is missing, or not what it should be`),
  );
}
