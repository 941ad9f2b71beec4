import { folderOf, isRunning, readRuntime, type SandboxPart, startFirst } from '../local/state.ts';
import { ownConfigFile } from '../shared/settings/config-file.ts';
import { OperateError } from './error.ts';

/** Which relay a person means, and where to look for it. */
export interface Target {
  /** The name of a stack on AWS, such as recharge-relay-prod; undefined: the relay that `npm start` runs here. */
  stack: string | undefined;
  /** The environment of the process, which may name a folder, a configuration, and parts of a relay. */
  env: NodeJS.ProcessEnv;
}

/**
 * The configuration of the relay, as far as this machine has it. For a stack it is the file from which it is
 * deployed, which may be newer than what is deployed, or another's. Otherwise it is `RELAY_CONFIG`, as `npm start`
 * reads it.
 */
export const configFileOf = ({ stack, env }: Target): string | undefined =>
  stack === undefined ? env.RELAY_CONFIG : ownConfigFile(stageOf(stack), env);

export const STACK_PREFIX = 'recharge-relay-';

/** The stage of a stack: its configuration is `relay.config.<stage>.json`. */
export const stageOf = (stack: string) =>
  stack.startsWith(STACK_PREFIX) ? stack.slice(STACK_PREFIX.length) : stack;

/** Whether money of real clients moves there, so that a change is asked about. The local relay is never production. */
export const isProduction = (stack: string | undefined) => stack !== undefined && stageOf(stack) === 'prod';

export const notStarted = (env: NodeJS.ProcessEnv) =>
  new OperateError('not_ready', `No relay was started in ${folderOf(env)}. ${startFirst(env)}`);

/**
 * Whether this is the address of a part of the sandbox, as the last `npm start` of this folder had it.
 *
 * @throws an OperateError where it is, and that start has ended: nobody answers there any more, or somebody else does.
 */
export function isSandboxAddress(url: string, part: SandboxPart, env: NodeJS.ProcessEnv): boolean {
  const runtime = readRuntime(env);
  const own = part === 'platform' ? runtime?.platformUrl : runtime?.paymentsUrl;
  if (url !== own || !runtime?.sandbox?.includes(part)) return false;
  if (isRunning(env)) return true;
  const what = part === 'platform' ? 'platform' : 'payment endpoint';
  throw new OperateError(
    'not_ready',
    `The sandbox's ${what} was at ${url}, and has ended with its npm start. ${startFirst(env)}`,
  );
}
