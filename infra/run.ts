import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { ownConfigFile } from '../shared/settings/config-file.ts';

import { readStageConfig } from './config.ts';
import { type StageSettings, stageSettings } from './stages.ts';

const COMMANDS = {
  synth: ['synth', '--quiet'],
  diff: ['diff'],
  deploy: ['deploy'],
  destroy: ['destroy'],
};

function main(): number {
  const { command, stage, passedOn } = readArguments();
  if (command === 'deploy') checkConfig(stage);
  if (command === 'destroy') process.stdout.write(`${whatIsKept(stage)}\n`);
  const cdk = createRequire(import.meta.url).resolve('aws-cdk/bin/cdk');
  const { status, error } = spawnSync(process.execPath, [cdk, ...COMMANDS[command], ...passedOn], {
    stdio: 'inherit',
    env: { ...process.env, RELAY_STAGE: stage.name, CDK_DISABLE_CLI_TELEMETRY: 'true' },
  });
  if (error) throw error;
  return status ?? 1;
}

/** Nothing is guessed, and nothing is dropped, because a misspelt stage or profile must not reach another one. */
function readArguments() {
  const { values, positionals } = parseArgs({
    options: {
      stage: { type: 'string' },
      profile: { type: 'string' },
      'require-approval': { type: 'string' },
    },
    allowPositionals: true,
  });
  const [name, ...further] = positionals;
  const command = Object.keys(COMMANDS).find((known): known is keyof typeof COMMANDS => known === name);
  if (!command) throw new Error(`Say what to do: ${Object.keys(COMMANDS).join(', ')}.`);
  if (further.length > 0) {
    throw new Error(
      `Not understood: ${further.join(' ')}. Write: npm run ${command} -- --stage dev (mind the --)`,
    );
  }
  if (values.stage === undefined && command !== 'synth') {
    throw new Error(`Say which stage: npm run ${command} -- --stage dev (mind the -- in the middle)`);
  }
  const { stage = 'dev', ...others } = values;
  const passedOn = Object.entries(others).flatMap(([option, value]) => [`--${option}`, String(value)]);
  return { command, stage: stageSettings(stage), passedOn };
}

/** Settings that would deploy without a fault, and be of no use. */
function checkConfig({ name, protectsData }: StageSettings): void {
  const file = ownConfigFile(name, process.env);
  if (file === undefined) {
    throw new Error(
      'Write relay.config.json first (copy relay.config.example.json): the example names no real platform.',
    );
  }
  const { alertEmail } = readStageConfig(file);
  if (protectsData && alertEmail === undefined)
    throw new Error('Set alertEmail: nobody would hear an alarm.');
}

/** What `cdk destroy` leaves. It is printed before CDK asks. */
function whatIsKept({ protectsData }: StageSettings): string {
  const secrets = 'both secrets (delete them in Secrets Manager when the keys in them are no longer valid)';
  return protectsData
    ? `Kept, and paid for, after this: the table with every recharge, the logs, and ${secrets}. The stack is protected ` +
        'against this: switch its termination protection, and the deletion protection of the table, off first.'
    : `Kept after this: ${secrets}. The table of this stage, with every recharge, and its logs are deleted.`;
}

try {
  process.exitCode = main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
