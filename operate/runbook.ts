import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { ConfigError, readConfigFile } from '../shared/settings/config-file.ts';
import { configFileOf, type Target } from './target.ts';

/**
 * What RUNBOOK.md says about an alert or a reason: what it means, what to look at, what to do. Undefined where it has no
 * section of this name.
 */
export function runbookText(word: string): string | undefined {
  const runbook = readFileSync(new URL('../RUNBOOK.md', import.meta.url), 'utf8');
  const [, ...sections] = runbook.split(/^## /m);
  const section = sections.find((text) => text.startsWith(`\`${word}\`\n`));
  return section?.slice(section.indexOf('\n')).trim();
}

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
