import * as z from 'zod';
import { readRuntime } from '../local/state.ts';
import type { GuardSettings } from '../shared/recharge/guard.ts';
import { pricingSchema } from '../shared/recharge/pricing.ts';
import { guardSchema } from '../shared/recharge/settings.ts';
import { ConfigError, fileName, parseWith, readConfigFile } from '../shared/settings/config-file.ts';
import { OperateError } from './error.ts';
import { configFileOf, type Target } from './target.ts';

/** On which terms clients are charged, as far as this machine knows it. */
export interface Terms extends GuardSettings {
  /** Where they stand, for people. */
  source: string;
}

/** The sections of a configuration that hold them. The rest, and its faults, are judged elsewhere. */
const sectionsSchema = z.object({
  pricing: pricingSchema,
  guard: guardSchema.prefault({}),
  recharge: z
    .object({
      mode: z.enum(['observe', 'live']).default('observe'),
      minCredits: z.int().positive().default(1),
      maxCredits: z.int().positive().default(100_000),
    })
    .prefault({}),
});

const termsOf = ({ pricing, guard, recharge }: z.infer<typeof sectionsSchema>, source: string): Terms => ({
  ...guard,
  mode: recharge.mode,
  credits: { min: recharge.minCredits, max: recharge.maxCredits },
  pricing,
  source,
});

/**
 * Those of the last `npm start` in this folder. Of a stack, those of the file from which it is deployed, which may be
 * newer than what is deployed.
 *
 * @throws an OperateError, `not_ready`, where there is neither.
 * @throws ConfigError where the file has a fault there.
 */
export function readTerms(target: Target): Terms {
  const { stack, env } = target;
  const started = stack === undefined ? readRuntime(env)?.config : undefined;
  // Absent in what an earlier version of the relay wrote.
  const parsed = sectionsSchema.safeParse(started).data;
  if (parsed) return termsOf(parsed, 'the configuration of npm start');
  const file = configFileOf(target);
  if (file === undefined) {
    throw new OperateError(
      'not_ready',
      stack === undefined
        ? 'What clients are charged is not known here: run npm start once, or name a configuration in RELAY_CONFIG.'
        : `What clients of ${stack} are charged is not known here: there is no configuration of it, and RELAY_CONFIG names none.`,
    );
  }
  const source = fileName(file);
  const isDeployed = stack === undefined ? '' : ', which may be newer than what is deployed';
  return termsOf(parseWith(sectionsSchema, readConfigFile(file), source), source + isDeployed);
}

/** The same, or undefined where nothing here says them. */
export function readableTerms(target: Target): Terms | undefined {
  try {
    return readTerms(target);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof OperateError) return undefined;
    throw error;
  }
}
