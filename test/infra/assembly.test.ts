import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CfnResource, Stack } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { askedOfApp, ruledApp, synthesise } from '../../infra/assembly.ts';
import { stageSettings } from '../../infra/stages.ts';

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
function synthesiseWith(strict: boolean, addTo: (stack: Stack) => unknown): void {
  const app = ruledApp({ strict });
  addTo(new Stack(app, 'broken'));
  // CDK prints what it finds.
  const printed = vi.spyOn(console, 'error').mockImplementation(() => {});
  try {
    synthesise(app, { strict });
  } finally {
    printed.mockRestore();
  }
}

/** CDK's rules take this for a warning. */
const addWithoutHandler = (stack: Stack) =>
  new CfnResource(stack, 'Bare', {
    type: 'AWS::Lambda::Function',
    properties: {
      Runtime: 'nodejs24.x',
      Code: { ZipFile: 'exports.handler = () => {};' },
      Role: 'arn:aws:iam::111122223333:role/some',
    },
  });

describe('rules', () => {
  it('of cdk-nag hold in each synthesis', () => {
    expect(() => synthesiseWith(false, (stack) => new Queue(stack, 'Bare'))).toThrow('AwsSolutions-SQS4');
  });

  it('of CDK hold in a strict one, which `npm run check` makes; a warning is enough', () => {
    expect(() => synthesiseWith(false, addWithoutHandler)).not.toThrow();
    expect(() => synthesiseWith(true, addWithoutHandler)).toThrow(/The template breaks rules:\n {2}- W/);
  });
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
