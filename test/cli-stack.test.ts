import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineAt } from '../local/aws.ts';
import { createTable, type Engine, startDynamo } from '../local/engines.ts';
import { createDocumentClient } from '../shared/aws.ts';
import { type IncomingRequest, verifierSchema, verifyRequest } from '../shared/http/verifiers.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import { aRecharge } from './support/builders.ts';
import { startFakeAws } from './support/fake-aws.ts';
import { type Ended, type Env, ROOT } from './support/relay-process.ts';

const WEBHOOK_URL = 'https://hooks.example.com/webhooks/auto-recharge';

const folder = mkdtempSync(join(tmpdir(), 'relay-stack-'));
let aws: Awaited<ReturnType<typeof startFakeAws>>;
let dynamo: Engine;
/** An operator's shell, and nothing of ours. */
let shell: Env;

beforeAll(async () => {
  [aws, dynamo] = await Promise.all([startFakeAws(), startDynamo()]);
  shell = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/compiled'),
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'operator',
    AWS_SECRET_ACCESS_KEY: 'operator',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL_CLOUDFORMATION: aws.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url,
    AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
  };
});
afterAll(async () => {
  aws.close();
  await dynamo.stop();
  rmSync(folder, { recursive: true, force: true });
});

const without = (...names: string[]) =>
  Object.fromEntries(Object.entries(shell).filter(([name]) => !names.includes(name)));

interface RunOptions {
  input?: string;
  env?: Env;
}

async function run(command: string, args: string[], { input = '', env = shell }: RunOptions): Promise<Ended> {
  const child = spawn(command, args, { cwd: folder, env });
  const said = { stdout: '', stderr: '' };
  for (const channel of ['stdout', 'stderr'] as const) {
    child[channel].setEncoding('utf8').on('data', (text: string) => {
      said[channel] += text;
    });
  }
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, ...said };
}

let stacks = 0;

/** A stack that was just deployed: both secrets without a value. */
function aStack(outputs: Record<string, string> = {}) {
  stacks += 1;
  const name = `recharge-relay-${stacks}`;
  const [inbound, outbound] = [`${name}-inbound`, `${name}-outbound`];
  aws.stacks.set(name, {
    TableName: name,
    InboundSecretId: inbound,
    OutboundSecretId: outbound,
    WebhookUrl: WEBHOOK_URL,
    ...outputs,
  });
  aws.secrets.set(inbound, { versions: new Map() });
  aws.secrets.set(outbound, { versions: new Map() });
  return {
    name,
    inbound,
    outbound,
    cli: (args: string[], options: RunOptions = {}) =>
      run('node', [join(ROOT, 'cli/main.ts'), '--stack', name, ...args], options),
  };
}

const refused = (sentence: string) => ({ code: 1, stdout: '', stderr: `${sentence}\n` });

describe.concurrent('with --stack', () => {
  it('recharges, accounts and the switch are those of its table, and waits those of production', async () => {
    const stack = aStack();
    const client = createDocumentClient(engineAt(dynamo.endpoint));
    await createTable(client, stack.name);
    await createDynamoLedger(client, stack.name).claim(aRecharge({ phase: 'needs_review' }));

    const shown = await stack.cli(['recharges', 'show', 'key-1']);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    // Its deadline of 12:02:10 and fifteen minutes.
    expect(shown.stdout).toContain('"refund" from 2026-01-05T12:17:10.000Z on');
    expect(shown.stdout).toContain(
      `  npm run relay -- --stack ${stack.name} recharges resolve key-1 confirm-granted --version`,
    );
    // The option may also stand behind the command.
    const list = ['recharges', 'list', '--json', '--stack', stack.name];
    const listed = await run('node', [join(ROOT, 'cli/main.ts'), ...list], {});
    expect(JSON.parse(listed.stdout)).toMatchObject([{ key: 'key-1', phase: 'needs_review' }]);

    await stack.cli(['accounts', 'set', 'demo@example.com', '--daily-count', '2']);
    const { stdout: account } = await stack.cli(['accounts', 'show', 'demo@example.com', '--json']);
    expect(JSON.parse(account)).toMatchObject({ limits: { dailyCount: 2 } });
    expect((await stack.cli(['pause', '--note', 'a look'])).stdout).toContain(
      `npm run relay -- --stack ${stack.name} resume\n`,
    );
  });

  it('one line says what is missing', async () => {
    const stack = aStack();
    const list = (env: Env) => stack.cli(['recharges', 'list'], { env });
    expect(await list(without('AWS_REGION'))).toEqual(
      refused('No AWS region is set: set AWS_REGION, or one in your profile.'),
    );
    expect(await list(without('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'))).toEqual(
      refused(
        'No AWS credentials (Could not load credentials from any providers): sign in, or set AWS_PROFILE.',
      ),
    );
    aws.stacks.delete(stack.name);
    expect(await list(shell)).toEqual(
      refused(
        `There is no stack ${stack.name} in this account and region. Check AWS_PROFILE and AWS_REGION, or deploy it: npm run deploy -- --stage …`,
      ),
    );
    aws.stacks.set(stack.name, { WebhookUrl: WEBHOOK_URL, TableName: 'a-table' });
    expect(await list(shell)).toEqual(
      refused(
        `The stack ${stack.name} does not say its InboundSecretId, OutboundSecretId: deploy it: npm run deploy -- --stage …`,
      ),
    );
    expect(await list({ ...shell, AWS_ENDPOINT_URL_CLOUDFORMATION: 'http://127.0.0.1:1' })).toEqual(
      refused(`The stack ${stack.name} could not be read: connect ECONNREFUSED 127.0.0.1:1`),
    );
    const blank = await run('node', [join(ROOT, 'cli/main.ts'), '--stack', '', 'recharges', 'list'], {});
    expect(blank).toMatchObject({ code: 1, stderr: expect.stringContaining("a stack's name is letters") });
  });

  it('webhook send goes to its address, and carries what its verifiers ask for', async () => {
    const requests: IncomingRequest[] = [];
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const { 'x-webhook-token': token = '', 'x-webhook-signature': signature = '' } = request.headers;
      requests.push({
        headers: { 'x-webhook-token': `${token}`, 'x-webhook-signature': `${signature}` },
        query: {},
        body: Buffer.concat(chunks),
      });
      response.writeHead(202).end(request.url);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const origin = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    const stack = aStack({ WebhookUrl: `${origin}/dev/webhooks/auto-recharge` });

    expect(await stack.cli(['webhook', 'send'])).toEqual(
      refused(`No webhook secret is set yet. Set it: npm run relay -- --stack ${stack.name} secrets init`),
    );
    aws.put(stack.inbound, { webhook: ['the current one', 'the one before'] });
    expect(await stack.cli(['webhook', 'send', '--key', 'key-1'])).toEqual({
      code: 0,
      stdout: '202 /dev/webhooks/auto-recharge\n',
      stderr: '',
    });
    const verdict = (verifier: unknown) =>
      verifyRequest({
        ...(requests.at(-1) ?? expect.unreachable()),
        verifiers: [verifierSchema.parse(verifier)],
        secrets: ['the current one'],
        now: Date.now(),
      }).ok;
    const token = { type: 'token' };
    const hmac = { type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' };
    expect([verdict(token), verdict(hmac)]).toEqual([true, true]);

    // Another receiver is not told the secret.
    await stack.cli(['webhook', 'send', '--url', `${origin}/elsewhere`]);
    expect([verdict(token), verdict(hmac)]).toEqual([false, true]);
    server.close();
  });
});
