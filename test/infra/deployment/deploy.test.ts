import { StackStatus } from '@aws-sdk/client-cloudformation';
import { describe, expect, it } from 'vitest';
import { useAccount } from './account.ts';

const { account, template, said, runs, nameOf, deploy } = useAccount();
const PROD = nameOf('prod');

const tableOf = (name: string) => {
  const table = account()
    .named(name)
    .resources.find(({ type }) => type === 'AWS::DynamoDB::Table');
  const held = account().tables.get(table?.physicalId ?? '');
  if (!table || !held) throw new Error('no table');
  return { ...table, held };
};

describe('a first deployment', () => {
  it('locks stack and table in prod once it has worked, and asks nobody twice', async () => {
    expect(await deploy({ stage: 'prod' })).toBe(0);
    expect(runs()).toEqual([
      { locked: false, approved: false },
      { locked: true, approved: true },
    ]);
    expect(account().named(PROD)).toMatchObject({ status: 'UPDATE_COMPLETE', isProtected: true });
    expect(tableOf(PROD).held.isProtected).toBe(true);
    expect(said()).toContain('A second run locks it');
  });

  it('is one run in dev, where nothing is locked', async () => {
    expect(await deploy({ stage: 'dev' })).toBe(0);
    expect(runs()).toEqual([{ locked: false, approved: false }]);
    expect(account().named(nameOf('dev')).isProtected).toBe(false);
  });

  /** One resource of each of these types, the last of them in the template. */
  const failing = [
    'SNS::Topic',
    'DynamoDB::Table',
    'SecretsManager::Secret',
    'Lambda::Function',
    'CloudWatch::Dashboard',
  ];

  it.each(failing)('that fails at its %s leaves nothing behind, and can be tried again', async (type) => {
    const resources = Object.entries<any>(template('prod', false).Resources);
    const [failsAt = ''] = resources.findLast(([, { Type }]) => Type === `AWS::${type}`) ?? [];
    expect(await deploy({ stage: 'prod', failsAt })).toBe(1);
    expect(said()).toContain(`The first deployment of ${PROD} failed, and nothing works yet.`);
    expect(account().named(PROD)).toMatchObject({ status: 'ROLLBACK_COMPLETE', isProtected: false });
    expect(account().standing()).toEqual([]);
    expect(account().tables.size).toBe(0);

    runs().length = 0;
    expect(await deploy({ stage: 'prod' })).toBe(0);
    expect(said()).toContain('It is removed first.');
    expect(account().named(PROD)).toMatchObject({ status: 'UPDATE_COMPLETE', isProtected: true });
  });

  it('that ends before the lock is locked by the next one', async () => {
    expect(await deploy({ stage: 'prod', failsAgain: true })).toBe(1);
    expect(said()).toContain('not protected yet: run npm run deploy -- --stage prod again');
    expect(tableOf(PROD).held.isProtected).toBe(false);
    expect(await deploy({ stage: 'prod' })).toBe(0);
    expect(tableOf(PROD).held.isProtected).toBe(true);
    expect(account().named(PROD).isProtected).toBe(true);
  });

  it('goes on from a change set that nobody executed', async () => {
    account().review(PROD).isProtected = true;
    expect(await deploy({ stage: 'prod' })).toBe(0);
    expect(runs()).toMatchObject([{ locked: false }, { locked: true }]);
  });
});

describe('what the first deployment of an earlier version left, which protected and kept all from the start', () => {
  const failed = () => {
    const old = template('prod', true);
    for (const resource of Object.values<any>(old.Resources)) {
      if (resource.DeletionPolicy === 'RetainExceptOnCreate') resource.DeletionPolicy = 'Retain';
    }
    account().review(PROD).isProtected = true;
    const last = Object.keys(old.Resources).at(-1);
    account().create(PROD, old, last);
    expect(account().named(PROD)).toMatchObject({ status: 'ROLLBACK_COMPLETE', isProtected: true });
    return tableOf(PROD);
  };

  it('is removed where no row exists, and what stays of it is named with the commands that delete it', async () => {
    const { physicalId } = failed();
    expect(await deploy({ stage: 'prod' })).toBe(0);
    expect(account().named(PROD)).toMatchObject({ status: 'UPDATE_COMPLETE', isProtected: true });
    expect(account().tables.has(physicalId)).toBe(true);
    expect(said()).toContain('It leaves, without a row:');
    expect(said()).toContain('2 secrets');
    expect(said()).toContain(`aws dynamodb delete-table --table-name ${physicalId}`);
    expect(said()).toMatch(/aws logs delete-log-group --log-group-name \S+/);
  });

  it('is left alone where a row exists', async () => {
    const { physicalId, held } = failed();
    held.rows = 1;
    await expect(deploy({ stage: 'prod' })).rejects.toThrow(
      `left the table ${physicalId}, which holds rows. Nothing was done.`,
    );
    expect(account().named(PROD)).toMatchObject({ status: 'ROLLBACK_COMPLETE', isProtected: true });
    expect(runs()).toEqual([]);
    await expect(deploy({ stage: 'prod', besideOldTable: true })).rejects.toThrow('Nothing was done.');
  });

  it('is left alone, too, where only the table itself still tells of it', async () => {
    const { physicalId, held } = failed();
    held.rows = 1;
    account().named(PROD).resources.length = 0;
    await expect(deploy({ stage: 'prod' })).rejects.toThrow(`The table ${physicalId} of an earlier stack`);
    expect(account().named(PROD)).toMatchObject({ status: 'ROLLBACK_COMPLETE', isProtected: true });
  });

  it('is named where AWS cannot delete it', async () => {
    failed();
    const [id = ''] =
      Object.entries(account().named(PROD).template.Resources).find(
        ([, { Type }]) => Type === 'AWS::SNS::Topic',
      ) ?? [];
    account().undeletable.set(id, 'The topic is in use.');
    const topic = account()
      .named(PROD)
      .resources.find(({ logicalId }) => logicalId === id);
    Object.assign(topic ?? {}, { status: 'DELETE_FAILED' });
    account().named(PROD).status = 'ROLLBACK_FAILED';
    await expect(deploy({ stage: 'prod' })).rejects.toThrow(
      `could not be removed. It failed at:\n  - ${id} (AWS::SNS::Topic) DELETE_FAILED: The topic is in use.`,
    );
    expect(runs()).toEqual([]);
  });
});

describe('the table of an earlier stack', () => {
  it('with rows stops a new stack, which would charge again what the platform sends again', async () => {
    account().tables.set(`${PROD}-Table1-OLD`, { isProtected: true, rows: 7, unfinished: 0 });
    account().tables.set(`${PROD}-Table0-EMPTY`, { isProtected: true, rows: 0, unfinished: 0 });
    account().tables.set('another', { isProtected: false, rows: 1, unfinished: 0 });
    await expect(deploy({ stage: 'prod' })).rejects.toThrow(
      `The table ${PROD}-Table1-OLD of an earlier stack ${PROD} holds rows. Nothing was done.`,
    );
    expect(runs()).toEqual([]);
    expect(await deploy({ stage: 'prod', besideOldTable: true })).toBe(0);
  });

  it('is no matter where the stack has one of its own, or another stage has it', async () => {
    await deploy({ stage: 'prod' });
    tableOf(PROD).held.rows = 1;
    expect(await deploy({ stage: 'prod' })).toBe(0);
    expect(await deploy({ stage: 'dev' })).toBe(0);
  });
});

describe('an update', () => {
  it('is one run, and locks what somebody has unlocked', async () => {
    await deploy({ stage: 'prod' });
    account().named(PROD).isProtected = false;
    runs().length = 0;
    expect(await deploy({ stage: 'prod' })).toBe(0);
    expect(runs()).toEqual([{ locked: true, approved: false }]);
    expect(account().named(PROD).isProtected).toBe(true);
  });

  it('that fails and is taken back says that the version before works on', async () => {
    await deploy({ stage: 'prod' });
    expect(await deploy({ stage: 'prod', failsAt: 'anything' })).toBe(1);
    expect(said()).toContain('failed and was taken back: the version before works on.');
    expect(await deploy({ stage: 'prod' })).toBe(0);
  });

  it('that fails, and whose way back fails, names what it failed at and the command that goes on', async () => {
    await deploy({ stage: 'prod' });
    const stack = account().named(PROD);
    const cdk = async () => {
      Object.assign(stack, { status: 'UPDATE_ROLLBACK_FAILED', updatedAt: stack.updatedAt + 1_000 });
      Object.assign(stack.resources[3] ?? {}, { status: 'UPDATE_FAILED', reason: 'Rate exceeded' });
      return 1;
    };
    expect(await deploy({ stage: 'prod', cdk })).toBe(1);
    expect(said()).toContain('UPDATE_FAILED: Rate exceeded');
    expect(said()).toContain('aws cloudformation continue-update-rollback');
    expect(said()).not.toContain('Nothing was done');
  });

  it('that CDK did not begin says nothing of the stack', async () => {
    await deploy({ stage: 'prod' });
    const before = said();
    expect(await deploy({ stage: 'prod', cdk: async () => 1 })).toBe(1);
    expect(said()).toBe(before);
  });
});

describe('each state of a stack', () => {
  const GOOD = [
    'CREATE_COMPLETE',
    'UPDATE_COMPLETE',
    'UPDATE_ROLLBACK_COMPLETE',
    'IMPORT_COMPLETE',
    'IMPORT_ROLLBACK_COMPLETE',
  ];
  const NEW = [
    'REVIEW_IN_PROGRESS',
    'CREATE_FAILED',
    'ROLLBACK_COMPLETE',
    'ROLLBACK_FAILED',
    'DELETE_COMPLETE',
  ];
  const SAYS: Record<string, RegExp> = {
    DELETE_FAILED:
      /was not deleted to its end .* run npm run destroy -- --stage prod again, and then npm run deploy/s,
    UPDATE_FAILED: /aws cloudformation rollback-stack --stack-name recharge-relay-prod, wait/,
    UPDATE_ROLLBACK_FAILED:
      /aws cloudformation continue-update-rollback --stack-name recharge-relay-prod, wait/,
    IMPORT_ROLLBACK_FAILED: /bring it to rest/,
  };

  it.each([...Object.values(StackStatus), 'SOMETHING_NEW'])('%s', async (status) => {
    await deploy({ stage: 'prod' });
    Object.assign(account().named(PROD), { status, isProtected: true });
    if (status === 'ROLLBACK_FAILED' || status === 'CREATE_FAILED') tableOf(PROD).held.isProtected = false;
    runs().length = 0;
    const outcome = await deploy({ stage: 'prod' }).catch((error: Error) => error.message);
    if (GOOD.includes(status)) {
      expect(runs()).toEqual([{ locked: true, approved: false }]);
    } else if (NEW.includes(status)) {
      expect(runs()).toMatchObject([{ locked: false }, { locked: true }]);
    } else {
      const sentence =
        SAYS[status] ?? (status.endsWith('_IN_PROGRESS') ? /Wait until that has ended/ : /rest/);
      expect(outcome).toMatch(sentence);
      expect(outcome).toContain('Nothing was done.');
      expect(runs()).toEqual([]);
      return;
    }
    expect(outcome).toBe(0);
    expect(account().named(PROD)).toMatchObject({ status: 'UPDATE_COMPLETE', isProtected: true });
  });

  it('one that is stuck names what it failed at, in the words of AWS', async () => {
    await deploy({ stage: 'prod' });
    const stack = account().named(PROD);
    stack.status = 'UPDATE_ROLLBACK_FAILED';
    Object.assign(stack.resources[3] ?? {}, { status: 'UPDATE_FAILED', reason: 'Rate exceeded' });
    await expect(deploy({ stage: 'prod' })).rejects.toThrow(
      `It failed at:\n  - ${stack.resources[3]?.logicalId} (${stack.resources[3]?.type}) UPDATE_FAILED: Rate exceeded`,
    );
  });
});
