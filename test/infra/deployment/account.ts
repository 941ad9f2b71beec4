import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type Cloud, openCloud } from '../../../infra/deployment/cloud.ts';
import { type DeployOptions, deploy } from '../../../infra/deployment/deploy.ts';
import { type DestroyOptions, destroy } from '../../../infra/deployment/destroy.ts';
import { startFakeCloudFormation } from '../../support/fake-cloudformation.ts';
import { useEmptyBundles } from '../empty-bundles.ts';
import { stackOf } from './templates.ts';

type Account = Awaited<ReturnType<typeof startFakeCloudFormation>>;
type Stage = 'dev' | 'prod';

export interface DeployAttempt extends Partial<DeployOptions> {
  stage: Stage;
  /** The logical id at which CloudFormation fails, in the first run of CDK; of an update, any text. */
  failsAt?: string;
  /** Likewise, in the second run. */
  failsAgain?: boolean;
}

/** One AWS account for the tests of a file, empty for each of them, and the scripts that work in it. */
export function useAccount() {
  useEmptyBundles();
  let account: Account | undefined;
  let cloud: Cloud | undefined;
  let said: string[] = [];
  let runs: { locked: boolean; approved: boolean }[] = [];
  const variables = ['AWS_ENDPOINT_URL', 'AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];
  const before = variables.map((name): [string, string | undefined] => [name, process.env[name]]);

  beforeAll(async () => {
    account = await startFakeCloudFormation();
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: account.url,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
    });
    cloud = await openCloud({ pollMs: 1 });
  });
  beforeEach(() => {
    account?.clear();
    said = [];
    runs = [];
  });
  afterAll(() => {
    cloud?.close();
    account?.close();
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  const started = () => {
    if (account && cloud) return { account, cloud };
    throw new Error('Bug! The account was not started.');
  };
  const say = (line: string) => {
    said.push(line);
  };

  /** What `cdk deploy` does with a stack, in the order in which its source does it. @returns its exit code. */
  function cdkDeploy(stage: Stage, locked: boolean, failsAt: string | undefined): number {
    const { account } = started();
    const name = nameOf(stage);
    const { template, isProtected } = stackOf(stage, locked);
    const found = account.find(name);
    if (found && /^ROLLBACK_(COMPLETE|FAILED)$/.test(found.status)) throw new Error('nobody removed it');
    const stack = found ?? account.review(name);
    // Once the change set is made, and before it is executed.
    stack.isProtected = isProtected;
    const done =
      stack.status === 'REVIEW_IN_PROGRESS'
        ? account.create(name, template, failsAt)
        : account.update(name, template, failsAt !== undefined);
    return done ? 0 : 1;
  }

  return {
    account: () => started().account,
    template: (stage: Stage, locked: boolean) => structuredClone(stackOf(stage, locked).template),
    /** What was printed. */
    said: () => said.join('\n'),
    /** What each run of CDK was for. */
    runs: () => runs,
    nameOf,
    /** `npm run deploy`. */
    deploy({ stage, failsAt, failsAgain = false, ...others }: DeployAttempt): Promise<number> {
      return deploy({
        name: nameOf(stage),
        stage,
        protectsData: stage === 'prod',
        besideOldTable: false,
        cloud: started().cloud,
        say,
        cdk: async (run) => {
          runs.push(run);
          return cdkDeploy(stage, run.locked, runs.length > 1 && failsAgain ? 'again' : failsAt);
        },
        ...others,
      });
    },
    /** `npm run destroy`; `answer` is what a person types. */
    destroy({ stage, answer = '', ...others }: Partial<DestroyOptions> & { stage: Stage; answer?: string }) {
      return destroy({
        name: nameOf(stage),
        stage,
        protectsData: stage === 'prod',
        yes: false,
        cloud: started().cloud,
        ask: async (question) => {
          say(question);
          return answer;
        },
        say,
        ...others,
      });
    },
  };
}

const nameOf = (stage: Stage) => `recharge-relay-${stage}`;
