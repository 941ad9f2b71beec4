import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, CfnResource, type Stack } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { askedOfApp, relayApp, synthesise } from '../../infra/assembly.ts';
import { stageSettings } from '../../infra/stages.ts';
import { readConfig } from '../../shared/settings/config.ts';
import { useEmptyBundles } from './empty-bundles.ts';

useEmptyBundles();

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

/** Ours, with something in it that breaks a rule. CDK prints what it finds. */
function synthesiseWith(strict: boolean, broken: (stack: Stack) => unknown): void {
  const app: App = relayApp({
    stage: stageSettings('prod'),
    config: readConfig('relay.config.example.json'),
    strict,
  });
  broken(app.node.findChild('recharge-relay-prod') as Stack);
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

it('an unlocked stack, as a first deployment has it, and its table can be deleted again', () => {
  const stackOf = (locked: boolean | undefined) => {
    const config = readConfig('relay.config.example.json');
    const app = relayApp({
      stage: stageSettings('prod'),
      config,
      strict: false,
      ...(locked === undefined ? {} : { locked }),
    });
    return app.node.findChild('recharge-relay-prod') as Stack;
  };
  expect(stackOf(false).terminationProtection).toBe(false);
  expect(stackOf(true).terminationProtection).toBe(true);
  expect(stackOf(undefined).terminationProtection).toBe(true);
});
