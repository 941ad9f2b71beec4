// A type alone: `npm run deploy` reads its arguments without loading CDK.
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';

/** What differs between a stage that carries money and one that does not. */
export interface StageSettings {
  name: string;
  /** Whether data outlives the stack, and the table refuses to be deleted. */
  protectsData: boolean;
  logRetention: RetentionDays;
  /**
   * Recharges driven at a time, at least 2. A fresh AWS account runs 10 functions at once, of all kinds together.
   */
  workerConcurrency: number;
  /**
   * A host name of the agency's for the API, with its certificate in the same region. Without it AWS's own is used.
   */
  domain?: {
    name: string;
    certificateArn: string;
    /** Switches AWS's own address off. Set it only once the platform uses this one. */
    only?: boolean;
  };
}

const STAGES: readonly StageSettings[] = [
  { name: 'dev', protectsData: false, logRetention: 30, workerConcurrency: 2 },
  { name: 'prod', protectsData: true, logRetention: 365, workerConcurrency: 2 },
];

/** @throws an Error that names the stages there are. */
export function stageSettings(name: string): StageSettings {
  const settings = STAGES.find((stage) => stage.name === name);
  if (settings) return settings;
  throw new Error(`There is no stage "${name}". Stages: ${STAGES.map((stage) => stage.name).join(', ')}.`);
}

/**
 * What `infra/run.ts` asks of the app, which CDK starts as a process of its own. Started otherwise, it is dev, locked
 * as the stage says, and not strict.
 */
export function askedOfApp({ RELAY_STAGE = 'dev', RELAY_UNLOCKED, RELAY_STRICT }: NodeJS.ProcessEnv) {
  const stage = stageSettings(RELAY_STAGE);
  const locked = stage.protectsData && RELAY_UNLOCKED !== 'true';
  return { stage, locked, strict: RELAY_STRICT === 'true' };
}
