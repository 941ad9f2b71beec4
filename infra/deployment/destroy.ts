import type { Cloud } from './cloud.ts';
import { keptInWords, removalOf } from './kept.ts';
import {
  conditionOf,
  failuresOf,
  type StackName,
  type StackResource,
  type StackState,
  TABLE,
} from './stack-state.ts';

export interface DestroyOptions extends StackName {
  /** Whether the name of the stack must be typed, and no option stands for it. */
  protectsData: boolean;
  /** Whether a person has said yes on the command line. */
  yes: boolean;
  cloud: Cloud;
  /** Prints a question, and returns the line that is answered; a blank one where nobody answers. */
  ask: (question: string) => Promise<string>;
  say: (line: string) => void;
}

/**
 * Says what is deleted and what stays, asks, and deletes the stack.
 *
 * @throws an Error that says why nothing was done, or what CloudFormation could not delete.
 */
export async function destroy(options: DestroyOptions): Promise<void> {
  const { name, cloud, say } = options;
  const stack = await cloud.describe(name);
  if (stack === undefined) throw new Error(`There is no stack ${name} in ${cloud.region}. Nothing was done.`);
  if (conditionOf(stack) === 'busy') {
    throw new Error(
      `${name} has been changing since ${stack.changedAt} (${stack.status}). Nothing was done. Wait until that has ended.`,
    );
  }
  const { kept, lost } = await inventory(cloud, stack);
  say(`${name} in ${cloud.region} is going to be deleted. Its address takes no webhook any more.`);
  for (const { physicalId } of [...kept, ...lost].filter(({ type }) => type === TABLE)) {
    const unfinished = await cloud.unfinished(physicalId);
    if (unfinished > 0) {
      say(`Recharges that are not finished: ${unfinished}. Their clients may have paid, and get nothing.`);
    }
  }
  for (const { physicalId } of lost.filter(({ type }) => type === TABLE)) {
    say(`The table ${physicalId} is deleted, too, with every recharge in it.`);
  }
  if (kept.length > 0) say(`This stays, and is paid for, until you delete it:\n${keptInWords(kept)}`);
  await agree(options);

  if (stack.isProtected) await cloud.unprotect(name);
  say('Deleting. It takes some minutes …');
  const after = await cloud.remove(stack.id);
  if (conditionOf(after) !== 'none') throw new Error(notDeleted(options, await cloud.resources(stack.id)));
  say(`${name} is deleted.`);
  if (kept.length > 0) {
    say(`Once neither you nor your accountant need what stays, this deletes it:\n${removalOf(kept)}`);
  }
}

type Standing = StackResource & { physicalId: string };

/** What the stack holds, by what becomes of it. */
async function inventory(cloud: Cloud, stack: StackState): Promise<{ kept: Standing[]; lost: Standing[] }> {
  // A stack that was never made has neither resources nor a template.
  if (conditionOf(stack) === 'none') return { kept: [], lost: [] };
  const keptIds = await cloud.keptIds(stack.id);
  const standing = (await cloud.resources(stack.id)).flatMap((resource): Standing[] => {
    const { physicalId, status } = resource;
    const isThere = status !== 'DELETE_COMPLETE' && status !== 'CREATE_FAILED';
    return isThere && physicalId !== undefined ? [{ ...resource, physicalId }] : [];
  });
  return {
    kept: standing.filter(({ logicalId }) => keptIds.has(logicalId)),
    lost: standing.filter(({ logicalId }) => !keptIds.has(logicalId)),
  };
}

/** @throws an Error where a person does not agree. */
async function agree({ name, protectsData, yes, ask }: DestroyOptions): Promise<void> {
  if (protectsData) {
    if ((await ask(`Type ${name} to delete it: `)) === name) return;
    throw new Error(`Nothing was done: ${name} was not typed.`);
  }
  if (yes || /^y(es)?$/i.test(await ask('Delete it? (y/N) '))) return;
  throw new Error('Nothing was done. Answer y, or add --yes where there is no terminal.');
}

function notDeleted({ name, stage }: StackName, resources: StackResource[]): string {
  const failed = resources.filter(({ status }) => status === 'DELETE_FAILED');
  const ids = failed.map(({ logicalId }) => logicalId).join(' ');
  return `${name} could not be deleted.${failuresOf(resources)}
Mend that, and run npm run destroy -- --stage ${stage} again.
To give up the stack and keep these: aws cloudformation delete-stack --stack-name ${name} --retain-resources ${ids}`;
}
