import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { NODE_COMPILE_CACHE, runCommand } from './command.ts';
import { startFakeAws } from './fake-aws.ts';
import type { Env } from './relay-process.ts';

/** What a stack says of itself, unless told otherwise. */
export const WEBHOOK_URL = 'https://hooks.example.com/webhooks/auto-recharge';

interface RunOptions {
  /** All of standard input. */
  input?: string;
  isTerminal?: boolean;
  /** Beside the operator's own variables; undefined takes one away. */
  env?: NodeJS.ProcessEnv;
}

/** The lines of a file of new secrets that are no comment. */
export const pastedFrom = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

/** An operator with a shell and a folder, and nothing else of ours, and a fake AWS: for the tests of one file. */
export function useOperator() {
  const folder = mkdtempSync(join(tmpdir(), 'relay-operator-'));
  const shell: Env = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    NODE_COMPILE_CACHE,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'operator',
    AWS_SECRET_ACCESS_KEY: 'operator',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  let started: Awaited<ReturnType<typeof startFakeAws>> | undefined;
  beforeAll(async () => {
    started = await startFakeAws();
    shell.AWS_ENDPOINT_URL_CLOUDFORMATION = started.url;
    shell.AWS_ENDPOINT_URL_SECRETS_MANAGER = started.url;
    shell.AWS_ENDPOINT_URL_CLOUDWATCH_LOGS = started.url;
    shell.AWS_ENDPOINT_URL_SNS = started.url;
    shell.AWS_ENDPOINT_URL_STS = started.url;
  });
  afterAll(() => {
    started?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const aws = () => {
    if (started) return started;
    throw new Error('The fake AWS is there within tests.');
  };

  const cli = (args: string[], { env = {}, ...options }: RunOptions = {}) =>
    runCommand(args, { ...options, cwd: folder, env: { ...shell, ...env } });

  let stacks = 0;
  /** A stack that was just deployed: both secrets without a value. Says of itself what is usual, and `outputs`. */
  const newStack = (outputs: Record<string, string> = {}) => {
    stacks += 1;
    const name = `recharge-relay-${stacks}`;
    const [inbound, outbound] = [`${name}-inbound`, `${name}-outbound`];
    aws().stacks.set(name, {
      TableName: name,
      InboundSecretId: inbound,
      OutboundSecretId: outbound,
      WebhookUrl: WEBHOOK_URL,
      MessageQueueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/messages.fifo',
      ...outputs,
    });
    aws().secrets.set(inbound, { versions: new Map() });
    aws().secrets.set(outbound, { versions: new Map() });
    return {
      name,
      inbound,
      outbound,
      /** Where new ones are written, unless told otherwise. */
      file: join(folder, `${name}.secrets`),
      cli: (args: string[], options: RunOptions = {}) => cli(['--stack', name, ...args], options),
    };
  };

  return { folder, shell, aws, cli, newStack };
}
