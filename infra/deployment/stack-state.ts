import type { StackStatus } from '@aws-sdk/client-cloudformation';

/** A stack, and the stage by which the scripts call it. */
export interface StackName {
  name: string;
  stage: string;
}

/** What CloudFormation says of a stack. */
export interface StackState {
  /** Its ARN. A stack that was deleted can still be asked for by it. */
  id: string;
  status: StackStatus;
  isProtected: boolean;
  /** When its last operation began, as ISO 8601. */
  changedAt: string;
}

export const TABLE = 'AWS::DynamoDB::Table';

/** What CloudFormation says of one of its resources. */
export interface StackResource {
  logicalId: string;
  /** Such as `TABLE`. */
  type: string;
  /** Undefined where it was never made. */
  physicalId: string | undefined;
  status: string;
  /** Why it failed, in AWS's own words. */
  reason: string | undefined;
}

/**
 * - `none`: nothing was made, or all of it is gone;
 * - `good`: it takes an update;
 * - `never-worked`: its creation failed, and it takes nothing but to be deleted;
 * - `half-deleted`: its deletion failed, and it takes nothing but another one;
 * - `stuck`: a person must first let it go on or back;
 * - `busy`: somebody changes it at this moment.
 */
export type Condition = 'none' | 'good' | 'never-worked' | 'half-deleted' | 'stuck' | 'busy';

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html lists the codes. */
const CONDITIONS: Record<StackStatus, Condition> = {
  // A change set that nobody executed: a person said no to it, or the process ended.
  REVIEW_IN_PROGRESS: 'none',
  DELETE_COMPLETE: 'none',
  CREATE_COMPLETE: 'good',
  UPDATE_COMPLETE: 'good',
  UPDATE_ROLLBACK_COMPLETE: 'good',
  IMPORT_COMPLETE: 'good',
  IMPORT_ROLLBACK_COMPLETE: 'good',
  CREATE_FAILED: 'never-worked',
  ROLLBACK_COMPLETE: 'never-worked',
  ROLLBACK_FAILED: 'never-worked',
  DELETE_FAILED: 'half-deleted',
  UPDATE_FAILED: 'stuck',
  UPDATE_ROLLBACK_FAILED: 'stuck',
  IMPORT_ROLLBACK_FAILED: 'stuck',
  CREATE_IN_PROGRESS: 'busy',
  ROLLBACK_IN_PROGRESS: 'busy',
  DELETE_IN_PROGRESS: 'busy',
  UPDATE_IN_PROGRESS: 'busy',
  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: 'busy',
  UPDATE_ROLLBACK_IN_PROGRESS: 'busy',
  UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: 'busy',
  IMPORT_IN_PROGRESS: 'busy',
  IMPORT_ROLLBACK_IN_PROGRESS: 'busy',
};

/** Undefined: CloudFormation has no such stack. A status that AWS has added since is left to a person. */
export const conditionOf = (stack: StackState | undefined): Condition =>
  stack === undefined ? 'none' : (CONDITIONS[stack.status] ?? 'stuck');

/** What lets a stuck stack go on, of `aws cloudformation`. */
const RELEASES: Partial<Record<StackStatus, string>> = {
  UPDATE_FAILED: 'rollback-stack',
  UPDATE_ROLLBACK_FAILED: 'continue-update-rollback',
};

/**
 * Why the stack takes no deployment as it is, and what a person does about it.
 *
 * @returns undefined where it takes one, if only after a failed creation was removed.
 */
export function hindranceOf(
  { name, stage }: StackName,
  stack: StackState | undefined,
  resources: StackResource[],
): string | undefined {
  if (stack === undefined) return undefined;
  const { status, changedAt } = stack;
  const again = `npm run deploy -- --stage ${stage}`;
  switch (conditionOf(stack)) {
    case 'busy':
      return `${name} has been changing since ${changedAt} (${status}). Wait until that has ended, and run ${again} again.`;
    case 'half-deleted':
      return `${name} was not deleted to its end (${status}).${failuresOf(resources)}
Mend that, run npm run destroy -- --stage ${stage} again, and then ${again}.`;
    case 'stuck': {
      const release = RELEASES[status];
      const way = release ? `run aws cloudformation ${release} --stack-name ${name}` : 'bring it to rest';
      return `${name} is in ${status}: an update failed, and was not taken back.${failuresOf(resources)}
Mend that, ${way}, wait until that has ended, and run ${again} again.`;
    }
    case 'none':
    case 'good':
    case 'never-worked':
      return undefined;
  }
}

/** What CloudFormation failed at, a line each, with AWS's reason. */
export function failuresOf(resources: StackResource[]): string {
  const failed = resources.filter(({ status }) => status.endsWith('_FAILED'));
  if (failed.length === 0) return '';
  const lines = failed.map(
    ({ logicalId, type, status, reason }) =>
      `  - ${logicalId} (${type}) ${status}${reason === undefined ? '' : `: ${reason}`}`,
  );
  return ` It failed at:\n${lines.join('\n')}`;
}

/** What a deployment that failed has left, and what follows. Undefined where nothing of the stack changed. */
export function afterFailure(
  { name, stage }: StackName,
  before: StackState | undefined,
  after: StackState | undefined,
  resources: StackResource[],
): string | undefined {
  if (after === undefined || (after.status === before?.status && after.changedAt === before.changedAt)) {
    return undefined;
  }
  const again = `npm run deploy -- --stage ${stage}`;
  switch (conditionOf(after)) {
    case 'never-worked':
      return `The first deployment of ${name} failed, and nothing works yet. Mend what is named above, and run ${again} again: it first removes what this one left.`;
    case 'good':
      return after.status.includes('ROLLBACK')
        ? `The update of ${name} failed and was taken back: the version before works on. Mend what is named above, and run ${again} again.`
        : undefined;
    default:
      return hindranceOf({ name, stage }, after, resources);
  }
}
