import { spawnSync } from 'node:child_process';
import { createRequire, enableCompileCache } from 'node:module';
import { createInterface } from 'node:readline/promises';
import { ownConfigFile } from '../shared/settings/config-file.ts';
import { readArguments } from './run-arguments.ts';
import type { StageSettings } from './stages.ts';

const say = (line: string) => {
  process.stdout.write(`${line}\n`);
};

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const { command, stage, values } = readArguments(process.argv.slice(2));
  const { profile } = values;
  switch (command) {
    case 'synth':
      return synth(stage, values.strict ?? false);
    case 'diff':
      return cdk(['diff', ...profileFlag(profile)], { RELAY_STAGE: stage.name });
    case 'deploy':
      await checkConfig(stage);
      return deployStage(stage, values);
    case 'destroy':
      return destroyStage(stage, { profile, yes: values.yes === true || values.force === true });
  }
}

/** The app alone, because CDK's command line takes a second and adds nothing. */
function synth({ name }: StageSettings, strict: boolean): number {
  const code = run(['infra/app.ts'], { CDK_OUTDIR: 'cdk.out', RELAY_STAGE: name, RELAY_STRICT: `${strict}` });
  if (code === 0) say(`cdk.out/recharge-relay-${name}.template.json`);
  return code;
}

/** Settings that would deploy without a fault, and be of no use. */
async function checkConfig({ name, protectsData }: StageSettings): Promise<void> {
  const file = ownConfigFile(name, process.env);
  if (file === undefined) {
    throw new Error(
      'Write relay.config.json first (copy relay.config.example.json): the example names no real platform.',
    );
  }
  // Loaded here, so that a misspelt word need not wait for all rules of the configuration.
  const { readStageConfig } = await import('./config.ts');
  const { alertEmail } = readStageConfig(file);
  if (protectsData && alertEmail === undefined)
    throw new Error('Set alertEmail: nobody would hear an alarm.');
}

interface DeployValues {
  profile?: string | undefined;
  'require-approval'?: string | undefined;
  'beside-old-table'?: boolean | undefined;
}

async function deployStage({ name: stage, protectsData }: StageSettings, values: DeployValues) {
  const [{ deploy }, cloud] = await Promise.all([import('./deployment/deploy.ts'), cloudOf(values.profile)]);
  const approval = values['require-approval'];
  return deploy({
    name: `recharge-relay-${stage}`,
    stage,
    protectsData,
    besideOldTable: values['beside-old-table'] ?? false,
    cloud,
    say,
    cdk: async ({ locked, approved }) => {
      const asked = approved ? 'never' : approval;
      return cdk(
        [
          'deploy',
          ...profileFlag(values.profile),
          ...(asked === undefined ? [] : ['--require-approval', asked]),
        ],
        // The region that was looked at: without one, CDK would take us-east-1.
        { RELAY_STAGE: stage, RELAY_UNLOCKED: `${!locked}`, AWS_REGION: cloud.region },
      );
    },
  });
}

async function destroyStage(
  { name: stage, protectsData }: StageSettings,
  { profile, yes }: { profile: string | undefined; yes: boolean },
): Promise<number> {
  const [{ destroy }, cloud] = await Promise.all([import('./deployment/destroy.ts'), cloudOf(profile)]);
  await destroy({ name: `recharge-relay-${stage}`, stage, protectsData, yes, cloud, ask, say });
  return 0;
}

async function cloudOf(profile: string | undefined) {
  const { openCloud } = await import('./deployment/cloud.ts');
  return openCloud({ profile });
}

/** A line of standard input, from a terminal or not. */
async function ask(question: string): Promise<string> {
  const reader = createInterface({ input: process.stdin });
  process.stdout.write(question);
  try {
    const { value = '' } = await reader[Symbol.asyncIterator]().next();
    return value.trim();
  } finally {
    reader.close();
  }
}

function profileFlag(profile: string | undefined): string[] {
  return profile === undefined ? [] : ['--profile', profile];
}

function cdk(words: string[], env: NodeJS.ProcessEnv): number {
  return run([createRequire(import.meta.url).resolve('aws-cdk/bin/cdk'), ...words], {
    ...env,
    CDK_DISABLE_CLI_TELEMETRY: 'true',
  });
}

/** A Node program in a process of its own. What it compiles is kept for the next run. */
function run(words: string[], env: NodeJS.ProcessEnv): number {
  const { status, error } = spawnSync(process.execPath, words, {
    stdio: 'inherit',
    env: { ...process.env, NODE_COMPILE_CACHE: enableCompileCache().directory, ...env },
  });
  if (error) throw error;
  return status ?? 1;
}
