import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { awaitsCounterparty } from '../shared/recharge/machine/parties.ts';
import { isFinished, type Recharge } from '../shared/recharge/recharge.ts';
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

/** The section that helps with a recharge as it is now; undefined where none is needed. */
export function runbookWordOf(row: Recharge): string | undefined {
  if (row.review !== undefined) return row.review;
  if (awaitsCounterparty(row)) return 'other_counterparty';
  if (row.phase === 'blocked') return 'recharge_blocked';
  if (row.phase === 'declined' && row.reason === 'expired') return 'recharge_expired';
  return row.actionUrl !== undefined && !isFinished(row) ? 'client_must_act' : undefined;
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
