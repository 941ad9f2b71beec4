import type { z } from 'zod';
import { ConfigError } from './config-file.ts';

/**
 * Reads a function's environment.
 *
 * @throws ConfigError with all faults at once, without values.
 */
export function readEnv<Schema extends z.ZodType>(
  schema: Schema,
  source: NodeJS.ProcessEnv,
): z.infer<Schema> {
  const parsed = schema.safeParse(source);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    'The environment',
    parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`),
  );
}
