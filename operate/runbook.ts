import * as z from 'zod';
import { ConfigError, readConfigFile } from '../shared/settings/config-file.ts';
import { configFileOf, type Target } from './target.ts';

const fileSchema = z.looseObject({ runbookUrl: z.url().exactOptional() });

/**
 * Where the runbook can be read, as the configuration here says it; undefined if there is none, or it has faults, which
 * are judged elsewhere.
 */
export function runbookUrlOf(target: Target): string | undefined {
  const file = configFileOf(target);
  if (file === undefined) return undefined;
  try {
    return fileSchema.safeParse(readConfigFile(file)).data?.runbookUrl;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
