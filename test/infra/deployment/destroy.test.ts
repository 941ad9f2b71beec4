import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { useAccount } from './account.ts';

const { account, template, said, nameOf, deploy, destroy } = useAccount();
const PROD = nameOf('prod');
const DEV = nameOf('dev');

const tableOf = (name: string) =>
  account()
    .named(name)
    .resources.find(({ type }) => type === 'AWS::DynamoDB::Table')?.physicalId ?? '';

describe('npm run destroy of dev', () => {
  it('needs no terminal with --yes; the table goes, and what stays is named with what it costs', async () => {
    await deploy({ stage: 'dev' });
    const table = tableOf(DEV);
    await destroy({ stage: 'dev', yes: true });
    expect(account().find(DEV)).toBeUndefined();
    expect(account().tables.size).toBe(0);
    expect(said()).toContain(`The table ${table} is deleted, too, with every recharge in it.`);
    expect(said()).toContain('2 secrets, with the keys in them: 0.40 USD a month each');
    expect(said()).not.toContain('logs');
    expect(account().standing()).toHaveLength(2);
    for (const { physicalId } of account().standing()) {
      expect(said()).toContain(
        `aws secretsmanager delete-secret --secret-id ${physicalId} --recovery-window-in-days 30`,
      );
    }
  });

  it.each([
    ['y', true],
    ['yes', true],
    ['n', false],
    ['', false],
  ])('asks, and takes %j', async (answer, agreed) => {
    await deploy({ stage: 'dev' });
    const attempt = destroy({ stage: 'dev', answer });
    if (agreed) await attempt;
    else await expect(attempt).rejects.toThrow('Nothing was done. Answer y, or add --yes');
    expect(account().find(DEV) === undefined).toBe(agreed);
  });
});

describe('npm run destroy of prod', () => {
  it('asks for the name to be typed, whatever was said before, and keeps the table, the secrets and the logs', async () => {
    await deploy({ stage: 'prod' });
    const table = tableOf(PROD);
    for (const answer of ['y', DEV, '']) {
      await expect(destroy({ stage: 'prod', yes: true, answer })).rejects.toThrow(
        `Nothing was done: ${PROD} was not typed.`,
      );
    }
    expect(account().named(PROD)).toMatchObject({ isProtected: true, status: 'UPDATE_COMPLETE' });
    await destroy({ stage: 'prod', answer: PROD });
    expect(account().find(PROD)).toBeUndefined();
    expect(account().tables.get(table)).toMatchObject({ isProtected: true });
    expect(said()).toContain('1 table, with every recharge: 0.25 USD a GB a month');
    expect(said()).toMatch(/\d+ logs, whose lines go after a year: 0.03 USD a GB a month/);
    expect(said()).toContain(`aws dynamodb delete-table --table-name ${table}`);
    expect(
      new Set(
        account()
          .standing()
          .map(({ type }) => type),
      ),
    ).toEqual(new Set(['AWS::DynamoDB::Table', 'AWS::SecretsManager::Secret', 'AWS::Logs::LogGroup']));
  });

  it('says how many recharges are not finished before it asks', async () => {
    await deploy({ stage: 'prod' });
    Object.assign(account().tables.get(tableOf(PROD)) ?? {}, { unfinished: 2 });
    await expect(destroy({ stage: 'prod' })).rejects.toThrow('was not typed');
    // Two that wait for a time, and two for a person.
    expect(said()).toContain('Recharges that are not finished: 4.');
  });
});

it('what AWS cannot delete is named, and how to give it up; a second try goes on from there', async () => {
  await deploy({ stage: 'dev' });
  const role =
    account()
      .named(DEV)
      .resources.find(({ type }) => type === 'AWS::IAM::Role')?.logicalId ?? '';
  account().undeletable.set(role, 'Cannot delete entity, must detach all policies first.');
  const attempt = destroy({ stage: 'dev', yes: true });
  await expect(attempt).rejects.toThrow(
    `It failed at:\n  - ${role} (AWS::IAM::Role) DELETE_FAILED: Cannot delete entity`,
  );
  await expect(attempt).rejects.toThrow(`--stack-name ${DEV} --retain-resources ${role}`);
  await expect(deploy({ stage: 'dev' })).rejects.toThrow('was not deleted to its end');

  account().undeletable.clear();
  await destroy({ stage: 'dev', yes: true });
  expect(account().find(DEV)).toBeUndefined();
  expect(await deploy({ stage: 'dev' })).toBe(0);
});

it('what a failed first deployment left goes, too, although its table was never made', async () => {
  const [failsAt = ''] =
    Object.entries<any>(template('dev', false).Resources).find(
      ([, { Type }]) => Type === 'AWS::DynamoDB::Table',
    ) ?? [];
  expect(await deploy({ stage: 'dev', failsAt })).toBe(1);
  await destroy({ stage: 'dev', yes: true });
  expect(account().find(DEV)).toBeUndefined();
  expect(said()).not.toContain('This stays');
});

it('a change set that nobody executed goes with its empty stack', async () => {
  account().review(DEV);
  await destroy({ stage: 'dev', yes: true });
  expect(account().find(DEV)).toBeUndefined();
});

it('nothing is done where there is no stack, or somebody changes it at this moment', async () => {
  await expect(destroy({ stage: 'dev', yes: true })).rejects.toThrow(
    `There is no stack ${DEV} in eu-west-1. Nothing was done.`,
  );
  await deploy({ stage: 'dev' });
  account().named(DEV).status = 'UPDATE_IN_PROGRESS';
  await expect(destroy({ stage: 'dev', yes: true })).rejects.toThrow('Wait until that has ended.');
});

describe('as a process', () => {
  /** `npm run …`, beside this process, in which AWS answers. */
  async function run(words: string[], { input = '', env = {} }: { input?: string; env?: NodeJS.ProcessEnv }) {
    const child = spawn(process.execPath, ['infra/run.ts', ...words], { env: { ...process.env, ...env } });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
    }
    child.stdin.end(input);
    const [code] = await once(child, 'close');
    return { code, text };
  }

  it('the name may come through a pipe', async () => {
    await deploy({ stage: 'prod' });
    const [refused, done] = [
      await run(['destroy', '--stage', 'prod', '--yes'], {}),
      await run(['destroy', '--stage', 'prod'], { input: `${PROD}\n` }),
    ];
    expect(refused).toMatchObject({ code: 1, text: expect.stringContaining('was not typed') });
    expect(done).toMatchObject({ code: 0, text: expect.stringContaining(`${PROD} is deleted.`) });
  });

  it.each([
    ['region', { AWS_REGION: undefined }, 'No AWS region is set: set AWS_REGION, or one in your profile.'],
    [
      'credentials',
      { AWS_ACCESS_KEY_ID: undefined, AWS_EC2_METADATA_DISABLED: 'true' },
      'No AWS credentials (',
    ],
  ])('a shell without %s is told so in one sentence', async (_what, env, sentence) => {
    const nowhere = { AWS_CONFIG_FILE: '/nowhere', AWS_SHARED_CREDENTIALS_FILE: '/nowhere', ...env };
    const { code, text } = await run(['destroy', '--stage', 'dev', '--yes'], { env: nowhere });
    expect(text.trimEnd().split('\n')).toEqual([expect.stringContaining(sentence)]);
    expect(code).toBe(1);
  });
});
