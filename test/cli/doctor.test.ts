import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HealthFinding } from '../../operate/doctor/finding.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { readConfig } from '../../shared/settings/config.ts';
import { digestOf } from '../../shared/settings/config-in-use.ts';
import { useOperator } from '../support/operator.ts';
import { useTraces } from '../support/traces.ts';

const traces = useTraces();
const { aws, shell, folder, newStack } = useOperator();
const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:alarms';
const RELAY_CONFIG = join(folder, 'relay.config.json');

/** The platform, the payment endpoint and the relay's address, as one server sees them: nobody is let in. */
const server = createServer((_request, response) => response.writeHead(401).end());
let origin = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    platform: { baseUrl: `${origin}/v1` },
    recharge: { mode: 'live', verifiers: [{ type: 'token' }], creditsField: 'credits' },
    pricing: { currency: 'USD', perCredit: '0.10' },
    payment: { type: 'http', url: `${origin}/payments` },
  };
  writeFileSync(RELAY_CONFIG, JSON.stringify(config));
});
afterAll(() => server.close());

/** A stack on the engines of this test, of which everything is said that a new one says. */
function aStack(outputs: Record<string, string> = {}) {
  const { runtime, urls } = traces();
  shell.AWS_ENDPOINT_URL_DYNAMODB = runtime.dynamodbEndpoint;
  shell.AWS_ENDPOINT_URL_SQS = runtime.sqsEndpoint ?? '';
  const stack = newStack({
    TableName: runtime.table,
    WebhookUrl: `${origin}/webhooks/auto-recharge`,
    RechargeQueueUrl: urls.recharges,
    RechargeDeadLettersUrl: urls.rechargeDeadLetters,
    MessageQueueUrl: urls.messages,
    MessageDeadLettersUrl: urls.messageDeadLetters,
    AlarmTopicArn: TOPIC,
    Version: packageJson.version,
    ConfigDigest: digestOf(readConfig(RELAY_CONFIG)),
    ...outputs,
  });
  const looked = async (env: Record<string, string> = {}) => {
    const { stdout, code } = await stack.cli(['doctor', '--json'], { env: { RELAY_CONFIG, ...env } });
    const { ok, findings }: { ok: boolean; findings: HealthFinding[] } = JSON.parse(stdout);
    expect(ok).toBe(code === 0);
    return (id: string) => findings.find((one) => one.id === id) ?? expect.unreachable(`no ${id}`);
  };
  return { ...stack, looked };
}

const heard = (...arns: string[]) =>
  aws().subscriptions.set(
    TOPIC,
    arns.map((SubscriptionArn) => ({ SubscriptionArn, Endpoint: 'jane.doe@example.com' })),
  );

describe('relay doctor --stack', () => {
  it('prints each finding with what to do, for this relay, and ends with 1 where something is to be mended', async () => {
    heard('arn:confirmed');
    const stack = aStack();
    const { code, stdout } = await stack.cli(['doctor'], { env: { RELAY_CONFIG } });
    expect(code).toBe(1);
    expect(stdout).toContain(
      `ok    relay               The stack ${stack.name} is there, version ${packageJson.version}.`,
    );
    expect(stdout).toContain('FAIL  secret:webhook      The secret webhook is not set.');
    expect(stdout).toContain(`do: npx relay --stack ${stack.name} secrets set webhook`);
    expect(stdout).toMatch(/\n\d+ fine, \d+ to mend, \d+ to know, \d+ not looked at\n$/);
  });

  it('names the right that is missing', async () => {
    heard('arn:confirmed');
    aws().denied.add('secretsmanager:GetSecretValue').add('sns:ListSubscriptionsByTopic');
    const of = await aStack().looked();
    aws().denied.clear();
    expect(of('access')).toMatchObject({
      state: 'fail',
      found: 'Not all can be read: you may not secretsmanager:GetSecretValue on both secrets.',
      todo: expect.stringContaining('docs/deploy.md'),
    });
    expect(of('secrets')).toMatchObject({ state: 'skipped', found: 'The secrets cannot be read.' });
    expect(of('alarms')).toMatchObject({
      state: 'warn',
      todo: expect.stringContaining('sns:ListSubscriptionsByTopic'),
    });
  });

  it('says whether somebody hears an alarm', async () => {
    const stack = aStack();
    heard();
    expect((await stack.looked())('alarms')).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('no subscription'),
    });
    heard('PendingConfirmation');
    expect((await stack.looked())('alarms')).toMatchObject({
      state: 'fail',
      found: 'Nobody hears an alarm: j***@example.com has not confirmed the subscription.',
    });
    heard('arn:confirmed', 'PendingConfirmation');
    expect((await stack.looked())('alarms').state).toBe('warn');
    heard('arn:confirmed');
    expect((await stack.looked())('alarms')).toMatchObject({
      state: 'ok',
      found: '1 receiver hears of alarms.',
    });
  });

  it('says that events were not sent', async () => {
    heard('arn:confirmed');
    const { sqs, urls } = traces();
    await sqs.send(new SendMessageCommand({ QueueUrl: urls.recharges, MessageBody: '{}' }));
    expect((await aStack().looked())('events').state).toBe('ok');
    expect((await aStack({ UndeliveredEventsUrl: urls.recharges }).looked())('events')).toMatchObject({
      state: 'warn',
      found: 'Events were not sent: 0 that could not be read, 1 that your address did not take.',
    });
  });

  it('says whether what is deployed is what stands here', async () => {
    heard('arn:confirmed');
    expect((await aStack().looked())('deployment').state).toBe('ok');
    expect((await aStack({ Version: '0.0.9' }).looked())('deployment').found).toContain(
      'Version 0.0.9 is deployed',
    );
    expect((await aStack({ ConfigDigest: 'another' }).looked())('deployment')).toMatchObject({
      state: 'warn',
      found: 'Another configuration is deployed than stands here.',
    });
  });

  it('says which secret two relays share, and never what it is', async () => {
    heard('arn:confirmed');
    const [one, other] = [aStack(), aStack()];
    aws().put(one.outbound, { paymentHook: 'whsec_c2hhcmVkLWJ5LWJvdGg=', platformApiKey: 'key-of-one' });
    expect((await one.looked())('shared_secrets').state).toBe('ok');
    aws().put(other.outbound, { paymentHook: 'whsec_c2hhcmVkLWJ5LWJvdGg=', platformApiKey: 'another' });
    const finding = (await one.looked())('shared_secrets');
    expect(finding).toMatchObject({
      state: 'warn',
      found: expect.stringContaining(`${one.name} and ${other.name} have the same paymentHook:`),
    });
    expect(JSON.stringify(finding)).not.toContain('c2hhcmVk');
    aws().denied.add('cloudformation:DescribeStacks');
    expect((await one.looked())('shared_secrets').state).toBe('skipped');
    aws().denied.clear();
  });

  it('has nothing to look at in a stack that is not there, and says so once', async () => {
    const stack = aStack();
    aws().stacks.delete(stack.name);
    const of = await stack.looked();
    expect(of('relay')).toMatchObject({
      state: 'fail',
      found: expect.stringContaining(`There is no stack ${stack.name}`),
    });
    expect(of('platform')).toMatchObject({ state: 'skipped' });
  });
});
