import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readArguments } from '../../infra/run-arguments.ts';
import { NODE_COMPILE_CACHE } from '../support/command.ts';

/** A configuration of the test's own, so that no real one of this checkout is read. */
const folder = mkdtempSync(join(tmpdir(), 'relay-run-'));
const config = join(folder, 'relay.config.json');
const run = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['infra/run.ts', ...words], {
    env: { ...process.env, NODE_COMPILE_CACHE, RELAY_CONFIG: config, AWS_REGION: 'us-east-1' },
    encoding: 'utf8',
  });
  return { status, said: stdout + stderr };
};

it.each([
  [['deploy'], 'Say which stage: npm run deploy -- --stage dev (mind the -- in the middle)'],
  [['destroy'], 'Say which stage: npm run destroy -- --stage dev (mind the -- in the middle)'],
  [['destroy', 'prod'], 'Not understood: prod. Write: npm run destroy -- --stage dev (mind the --)'],
  [['deploy', '--stgae', 'prod'], "Unknown option '--stgae'"],
  [['deploy', '--stage', 'production'], 'There is no stage "production". Stages: dev, prod.'],
  [['explode'], 'Say what to do: synth, diff, deploy, destroy.'],
])('%j reaches no stage: %s', (words, sentence) => {
  expect(() => readArguments(words)).toThrow(sentence);
});

const example = {
  platform: { baseUrl: 'https://api.example.com/v1' },
  pricing: { currency: 'USD', perCredit: '0.10' },
  payment: { type: 'http', url: 'https://pay.example.com' },
};
afterAll(() => rmSync(folder, { recursive: true }));

it.each(['deploy', 'synth'])(
  'nothing is deployed that calls the machine it was written on: %s names all such addresses',
  (command) => {
    writeFileSync(
      config,
      JSON.stringify({
        ...example,
        platform: { baseUrl: 'http://127.0.0.1:3000/v1' },
        payment: { type: 'http', url: 'https://localhost/pay' },
      }),
    );
    const { status, said } = run(command, '--stage', 'dev');
    for (const place of ['platform.baseUrl', 'payment.url']) {
      expect(said).toContain(`${place}: names this machine, which a function on AWS does not reach`);
    }
    expect(status).toBe(1);
  },
);

it('a stage that carries money is not deployed where nobody would hear its alarms', () => {
  writeFileSync(config, JSON.stringify(example));
  const { status, said } = run('deploy', '--stage', 'prod');
  expect(said).toContain('Set alertEmail');
  expect(status).toBe(1);
});
