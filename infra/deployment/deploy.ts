import type { Cloud } from './cloud.ts';
import { keptInWords, removalOf } from './kept.ts';
import {
  afterFailure,
  conditionOf,
  failuresOf,
  hindranceOf,
  type StackName,
  type StackResource,
  type StackState,
  TABLE,
} from './stack-state.ts';

/** What one run of `cdk deploy` is for. */
export interface CdkRun {
  /**
   * Whether stack and table refuse to be deleted from now on. Not in a first deployment: if it fails, CloudFormation
   * must be able to take all of it back, or it can never be tried again.
   */
  locked: boolean;
  /** Whether a person was asked already. */
  approved: boolean;
}

export interface DeployOptions extends StackName {
  /** Whether stack and table of this stage refuse to be deleted. */
  protectsData: boolean;
  /** Whether a new stack may begin with an empty table although there is one with rows. */
  besideOldTable: boolean;
  cloud: Cloud;
  /** Runs `cdk deploy` for this stage. Returns its exit code. */
  cdk: (run: CdkRun) => Promise<number>;
  say: (line: string) => void;
}

/**
 * Deploys a stage from whatever state its stack is in, and never deletes a table that holds a row.
 *
 * @returns the exit code of `cdk deploy`.
 * @throws an Error that says what a person does first, where nothing was done.
 */
export async function deploy(options: DeployOptions): Promise<number> {
  const { name, stage, protectsData, besideOldTable, cloud, cdk, say } = options;
  const before = await cloud.describe(name);
  const resources = before ? await cloud.resources(before.id) : [];
  const hindrance = hindranceOf({ name, stage }, before, resources);
  if (hindrance !== undefined) throw new Error(`Nothing was done. ${hindrance}`);

  const isFirst = conditionOf(before) !== 'good';
  const failed = conditionOf(before) === 'never-worked' ? before : undefined;
  if (failed) await refuseToDeleteRows(options, resources);
  if (isFirst && !besideOldTable) await refuseOldTable(options);
  if (failed) await removeFailed(options, failed);

  const code = await cdk({ locked: protectsData && !isFirst, approved: false });
  if (code !== 0) {
    const after = await cloud.describe(name);
    const told = afterFailure({ name, stage }, before, after, after ? await cloud.resources(after.id) : []);
    if (told !== undefined) say(told);
    return code;
  }
  if (!isFirst || !protectsData) return code;
  say(`\n${name} works. A second run locks it: neither stack nor table can be deleted by mistake then.`);
  const protectedCode = await cdk({ locked: true, approved: true });
  if (protectedCode !== 0)
    say(`It works, and is not protected yet: run npm run deploy -- --stage ${stage} again.`);
  return protectedCode;
}

async function refuseToDeleteRows(
  { stage, cloud }: DeployOptions,
  resources: StackResource[],
): Promise<void> {
  for (const { type, physicalId } of resources) {
    if (type !== TABLE || physicalId === undefined || !(await cloud.hasRows(physicalId))) continue;
    throw new Error(
      `The deployment that failed left the table ${physicalId}, which holds rows. Nothing was done. See what they are (aws dynamodb scan --table-name ${physicalId}). Then run npm run destroy -- --stage ${stage}, and deploy again.`,
    );
  }
}

/** CDK would delete it, too, but not where the stack is protected, as earlier versions of the relay left it. */
async function removeFailed({ name, cloud, say }: DeployOptions, failed: StackState): Promise<void> {
  say(`${name} is what a first deployment that failed has left (${failed.status}). It is removed first.`);
  if (failed.isProtected) await cloud.unprotect(name);
  const after = await cloud.remove(failed.id);
  const left = await cloud.resources(failed.id);
  if (conditionOf(after) !== 'none') throw new Error(`${name} could not be removed.${failuresOf(left)}`);
  const kept = left.filter(({ status }) => status === 'DELETE_SKIPPED');
  if (kept.length > 0) {
    say(`It leaves, without a row:\n${keptInWords(kept)}\nThis deletes it:\n${removalOf(kept)}\n`);
  }
}

/** CloudFormation names a table after its stack and its place in the template. */
async function refuseOldTable({ name, stage, cloud }: DeployOptions): Promise<void> {
  for (const table of await cloud.tablesNamed(`${name}-Table`)) {
    if (!(await cloud.hasRows(table))) continue;
    throw new Error(
      `The table ${table} of an earlier stack ${name} holds rows. Nothing was done. A new stack begins with an empty table, does not know which webhooks were paid, and would charge what the platform sends again. Read "Restore" in docs/deploy.md, and then run npm run deploy -- --stage ${stage} --beside-old-table.`,
    );
  }
}
