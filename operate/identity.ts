import { folderOf } from '../local/state.ts';
import packageJson from '../package.json' with { type: 'json' };
import type { StackOutputs } from './stack.ts';
import { stageOf } from './target.ts';

/** Which relay this is. */
export interface RelayIdentity {
  /** The name of the stack, or `npm start` with its folder. */
  name: string;
  /** `prod`, `dev`; `local` for the one that `npm start` runs here. */
  stage: string;
  /** Of a stack. */
  region?: string;
  account?: string;
  /** Of the relay that was deployed, or that stands here. Absent in a stack of an earlier version. */
  version?: string;
  /** Where webhooks go. */
  webhookUrl?: string;
}

/** arn:aws:sns:REGION:ACCOUNT:NAME */
const ARN = /^arn:[^:]*:[^:]*:(?<region>[^:]*):(?<account>[^:]*):/;

export function identityOfStack(
  stack: string,
  { AlarmTopicArn = '', InboundSecretId, Version, WebhookUrl }: StackOutputs,
): RelayIdentity {
  const { region, account } = (ARN.exec(AlarmTopicArn) ?? ARN.exec(InboundSecretId))?.groups ?? {};
  return {
    name: stack,
    stage: stageOf(stack),
    ...(region ? { region } : {}),
    ...(account ? { account } : {}),
    ...(Version === undefined ? {} : { version: Version }),
    webhookUrl: WebhookUrl,
  };
}

export const identityOfThisFolder = (env: NodeJS.ProcessEnv, url: string | undefined): RelayIdentity => ({
  name: `npm start in ${folderOf(env)}`,
  stage: 'local',
  version: packageJson.version,
  ...(url === undefined ? {} : { webhookUrl: `${url}/webhooks/auto-recharge` }),
});
