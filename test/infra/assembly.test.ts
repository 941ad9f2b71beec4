import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CfnResource, Stack } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ruledApp, synthesise } from '../../infra/assembly.ts';
import { askedOfApp, stageSettings } from '../../infra/stages.ts';
import { NODE_COMPILE_CACHE } from '../support/command.ts';

const folder = mkdtempSync(join(tmpdir(), 'relay-assembly-'));
const before = process.env.CDK_OUTDIR;
beforeAll(() => {
  process.env.CDK_OUTDIR = folder;
});
afterAll(() => {
  if (before === undefined) delete process.env.CDK_OUTDIR;
  else process.env.CDK_OUTDIR = before;
  rmSync(folder, { recursive: true });
});

/** A stack with something in it that breaks a rule. */
function synthesiseWith(addTo: (stack: Stack) => unknown): void {
  const app = ruledApp({ strict: false });
  addTo(new Stack(app, 'broken'));
  // CDK prints what it finds.
  const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
  try {
    synthesise(app, { strict: false });
  } finally {
    printed.mockRestore();
  }
}

/** CDK's rules take this for a warning. */
const WITHOUT_HANDLER = {
  type: 'AWS::Lambda::Function',
  properties: {
    Runtime: 'nodejs24.x',
    Code: { ZipFile: 'exports.handler = () => {};' },
    Role: 'arn:aws:iam::111122223333:role/some',
  },
};

/** In a process of its own: CDK's rules are compiled for ten seconds, beside whatever a process does afterwards. */
async function saidOfStrict(resource: typeof WITHOUT_HANDLER): Promise<string> {
  const script = `
    import { CfnResource, Stack } from 'aws-cdk-lib';
    import { ruledApp, synthesise } from './infra/assembly.ts';
    const app = ruledApp({ strict: true });
    new CfnResource(new Stack(app, 'broken'), 'Bare', ${JSON.stringify(resource)});
    synthesise(app, { strict: true });`;
  const env = { ...process.env, NODE_COMPILE_CACHE };
  const ended = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    env,
  }).catch((error: { stderr: string }) => error);
  return ended.stderr;
}

describe('rules', () => {
  it('of cdk-nag hold in each synthesis', () => {
    expect(() => synthesiseWith((stack) => new Queue(stack, 'Bare'))).toThrow('AwsSolutions-SQS4');
  });

  it('of CDK hold in a strict one, which `npm run check` makes; a warning is enough', async () => {
    const bare = (stack: Stack) => new CfnResource(stack, 'Bare', WITHOUT_HANDLER);
    expect(() => synthesiseWith(bare)).not.toThrow();
    expect(await saidOfStrict(WITHOUT_HANDLER)).toMatch(/Error: The template breaks rules:\n {2}- W/);
  }, 60_000);
});

it('npm run check asks for all rules, and for nothing that needs an embedded engine', () => {
  const { check } = JSON.parse(readFileSync('package.json', 'utf8')).scripts;
  expect(check).toContain('npm run synth -- --stage prod --strict');
  expect(check).not.toMatch(/vitest|npm (run )?(test|start)/);
});

it.each([
  [{}, { stage: 'dev', locked: false, strict: false }],
  [{ RELAY_STAGE: 'prod' }, { stage: 'prod', locked: true, strict: false }],
  [
    { RELAY_STAGE: 'prod', RELAY_UNLOCKED: 'true', RELAY_STRICT: 'true' },
    { stage: 'prod', locked: false, strict: true },
  ],
  [
    { RELAY_STAGE: 'prod', RELAY_UNLOCKED: 'false' },
    { stage: 'prod', locked: true, strict: false },
  ],
  [
    { RELAY_STAGE: 'dev', RELAY_UNLOCKED: 'false' },
    { stage: 'dev', locked: false, strict: false },
  ],
])('the app is asked by %j', (env, { stage, ...asked }) => {
  expect(askedOfApp(env)).toEqual({ stage: stageSettings(stage), ...asked });
});
