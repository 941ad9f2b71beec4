import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { ownConfigFile } from './build.ts';
import { stageSettings } from './stages.ts';

const COMMANDS = ['synth', 'deploy', 'diff', 'destroy'] as const;

/** What `cdk destroy` leaves, said before it asks. */
function whatIsKept(protectsData: boolean): string {
  const secrets = 'both secrets (delete them in Secrets Manager when the keys in them are no longer valid)';
  return protectsData
    ? `Kept, and paid for, after this: the table with every recharge (it also refuses deletion: switch that off first), the logs, and ${secrets}.`
    : `Kept after this: ${secrets}. The table of this stage, with every recharge, and its logs are deleted.`;
}

function main(): number {
  const { values, positionals } = parseArgs({
    options: { stage: { type: 'string', default: 'dev' } },
    allowPositionals: true,
    strict: false,
  });
  const command = COMMANDS.find((candidate) => candidate === positionals[0]);
  if (!command) throw new Error(`Say what to do: ${COMMANDS.join(', ')}.`);
  const stage = stageSettings(String(values.stage));
  if (command === 'deploy' && ownConfigFile() === undefined) {
    throw new Error(
      'Write relay.config.json first (copy relay.config.example.json): the example names no real platform.',
    );
  }
  if (command === 'destroy') process.stdout.write(`${whatIsKept(stage.protectsData)}\n`);
  const args = { synth: ['synth', '--quiet'], deploy: ['deploy'], diff: ['diff'], destroy: ['destroy'] }[
    command
  ];
  const cdk = createRequire(import.meta.url).resolve('aws-cdk/bin/cdk');
  const { status } = spawnSync(process.execPath, [cdk, ...args], {
    stdio: 'inherit',
    env: { ...process.env, RELAY_STAGE: stage.name, CDK_DISABLE_CLI_TELEMETRY: 'true' },
  });
  return status ?? 1;
}

try {
  process.exitCode = main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
