import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { createTable, type Engine, startDynamo } from '../../local/engines.ts';
import { verifierSchema } from '../../shared/incoming/verifier-settings.ts';
import { type IncomingRequest, verifyRequest } from '../../shared/incoming/verifiers.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { aRecharge } from '../support/builders.ts';
import { exits } from '../support/command.ts';
import { useOperator, WEBHOOK_URL } from '../support/operator.ts';

const { shell, aws, cli, newStack } = useOperator();
let dynamo: Engine;

beforeAll(async () => {
  dynamo = await startDynamo();
  shell.AWS_ENDPOINT_URL_DYNAMODB = dynamo.endpoint;
});
afterAll(() => dynamo.stop());

describe.concurrent('with --stack', () => {
  it('recharges, accounts and the switch are those of its table, and waits those of production', async () => {
    const stack = newStack();
    const client = createDocumentClient(engineAt(dynamo.endpoint));
    await createTable(client, stack.name);
    const grantDeadline = Date.now();
    await createDynamoLedger(client, stack.name).claim(aRecharge({ phase: 'needs_review', grantDeadline }));

    const shown = await stack.cli(['recharges', 'show', 'key-1']);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    const settled = new Date(grantDeadline + 15 * 60_000).toISOString();
    expect(shown.stdout).toContain(`Until ${settled} the grant may still arrive`);
    expect(shown.stdout).toContain(
      `  npx relay --stack ${stack.name} recharges resolve key-1 confirm-granted --version`,
    );
    // The option may also stand behind the command.
    const list = ['recharges', 'list', '--json', '--stack', stack.name];
    const listed = await cli(list);
    expect(JSON.parse(listed.stdout)).toMatchObject([{ key: 'key-1', phase: 'needs_review' }]);

    await stack.cli(['accounts', 'add', 'demo@example.com', '--daily-count', '2']);
    const { stdout: account } = await stack.cli(['accounts', 'show', 'demo@example.com', '--json']);
    expect(JSON.parse(account)).toMatchObject({ limits: { daily_count: 2 } });
    expect((await stack.cli(['pause', '--note', 'a look'])).stdout).toContain(
      `npx relay --stack ${stack.name} resume\n`,
    );
  });

  it('a change is written with who the caller is to AWS, or to their machine where AWS does not say it', async () => {
    const stack = newStack();
    await createTable(createDocumentClient(engineAt(dynamo.endpoint)), stack.name);
    const pause = async (env: NodeJS.ProcessEnv) =>
      JSON.parse((await stack.cli(['pause', '--note', 'a look', '--json'], { env })).stdout).by;
    expect(await pause({})).toBe('jane/Admin');
    expect(await pause({ AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1' })).toMatch(/^\S+@\S+$/);
  });

  it('one line says what is missing', async () => {
    const stack = newStack();
    const list = (env: NodeJS.ProcessEnv = {}) => stack.cli(['recharges', 'list'], { env });
    expect(await list({ AWS_REGION: undefined })).toEqual(
      exits(5, 'No AWS region is set: set AWS_REGION, or one in your profile.'),
    );
    expect(await list({ AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined })).toEqual(
      exits(
        5,
        'No AWS credentials (Could not load credentials from any providers): sign in, or set AWS_PROFILE.',
      ),
    );
    aws().stacks.delete(stack.name);
    expect(await list()).toEqual(
      exits(
        5,
        `There is no stack ${stack.name} in this account and region. Check AWS_PROFILE and AWS_REGION, or deploy it: npm run deploy -- --stage …`,
      ),
    );
    aws().stacks.set(stack.name, { WebhookUrl: WEBHOOK_URL, TableName: 'a-table' });
    expect(await list()).toEqual(
      exits(
        5,
        `The stack ${stack.name} does not say its InboundSecretId, OutboundSecretId: deploy it: npm run deploy -- --stage …`,
      ),
    );
    expect(await list({ AWS_ENDPOINT_URL_CLOUDFORMATION: 'http://127.0.0.1:1' })).toEqual(
      exits(5, `The stack ${stack.name} could not be read: connect ECONNREFUSED 127.0.0.1:1`),
    );
    const blank = await cli(['--stack', '', 'recharges', 'list']);
    expect(blank).toEqual(exits(2, /a stack's name is letters/));
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
    const stack = newStack({ WebhookUrl: `${origin}/dev/webhooks/auto-recharge` });

    expect(await stack.cli(['webhook', 'send'])).toEqual(
      exits(5, `No webhook secret is set yet. Set it: npx relay --stack ${stack.name} secrets init`),
    );
    aws().put(stack.inbound, { webhook: ['the current one', 'the one before'] });
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
