import type { Output } from '@aws-sdk/client-cloudformation';
import * as z from 'zod';
import { awsFault } from '../shared/aws-fault.ts';
import { OperateError } from './error.ts';
import { STACK_PREFIX } from './target.ts';

const outputsSchema = z.object({
  TableName: z.string(),
  InboundSecretId: z.string(),
  OutboundSecretId: z.string(),
  WebhookUrl: z.url(),
  /** A stack that was deployed before there were channels has none. */
  MessageQueueUrl: z.url().exactOptional(),
  /** Likewise, of an earlier version of the relay. */
  MessageDeadLettersUrl: z.url().exactOptional(),
  RechargeQueueUrl: z.url().exactOptional(),
  RechargeDeadLettersUrl: z.url().exactOptional(),
  EventDeadLettersUrl: z.url().exactOptional(),
  /** Where the agency has given an address for events. */
  UndeliveredEventsUrl: z.url().exactOptional(),
  AlarmTopicArn: z.string().exactOptional(),
  /** Of the relay that was deployed. */
  Version: z.string().exactOptional(),
  /** Of the configuration it was deployed with: `digestOf`. */
  ConfigDigest: z.string().exactOptional(),
});
/** What a deployed stack says of itself. */
export type StackOutputs = z.infer<typeof outputsSchema>;

/** CloudFormation answers within a second. Without a limit, a network that swallows everything holds us for minutes. */
const PATIENCE = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
};

const DEPLOY = 'deploy it: npm run deploy -- --stage …';

/**
 * Asks CloudFormation, with the operator's own AWS credentials and region.
 *
 * @throws an OperateError that says in one sentence what is missing.
 */
export async function readStack(name: string): Promise<StackOutputs> {
  // Loaded here, so that only a command that asks for a stack waits for it.
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation');
  let outputs: Record<string, string | undefined>;
  try {
    const { Stacks: [stack] = [] } = await new CloudFormationClient(PATIENCE).send(
      new DescribeStacksCommand({ StackName: name }),
    );
    outputs = byKey(stack?.Outputs);
  } catch (cause) {
    throw errorOf(cause, name);
  }
  const parsed = outputsSchema.safeParse(outputs);
  if (parsed.success) return parsed.data;
  const missing = parsed.error.issues.map(({ path }) => path.join('.'));
  throw new OperateError('not_ready', `The stack ${name} does not say its ${missing.join(', ')}: ${DEPLOY}`);
}

/** Where a relay of this account and region keeps its secrets. */
export interface RelayStack {
  name: string;
  InboundSecretId: string;
  OutboundSecretId: string;
}

const keepingSchema = z.object({ InboundSecretId: z.string(), OutboundSecretId: z.string() });

/**
 * All stacks of relays in this account and region, by what they say of themselves.
 *
 * @throws what CloudFormation says: it takes the right to describe all stacks, not the own one alone.
 */
export async function listRelayStacks(): Promise<RelayStack[]> {
  const { CloudFormationClient, DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient(PATIENCE);
  const found: RelayStack[] = [];
  let next: string | undefined;
  do {
    const page = await client.send(new DescribeStacksCommand(next === undefined ? {} : { NextToken: next }));
    for (const { StackName = '', Outputs } of page.Stacks ?? []) {
      const keeping = keepingSchema.safeParse(byKey(Outputs)).data;
      if (StackName.startsWith(STACK_PREFIX) && keeping) found.push({ name: StackName, ...keeping });
    }
    next = page.NextToken;
  } while (next !== undefined);
  return found;
}

const byKey = (outputs: Output[] = []) =>
  Object.fromEntries(outputs.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));

function errorOf(cause: unknown, name: string): Error {
  const fault = awsFault(cause);
  if (fault !== undefined) return new OperateError('not_ready', fault);
  const { name: kind, message } = cause instanceof Error ? cause : new Error(String(cause));
  if (kind === 'ValidationError' && message.endsWith('does not exist')) {
    return new OperateError(
      'not_ready',
      `There is no stack ${name} in this account and region. Check AWS_PROFILE and AWS_REGION, or ${DEPLOY}`,
    );
  }
  return new Error(`The stack ${name} could not be read`, { cause });
}
