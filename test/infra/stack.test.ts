import { readFileSync } from 'node:fs';
import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { RelayStack } from '../../infra/relay-stack.ts';
import { type StageSettings, stageSettings } from '../../infra/stages.ts';
import { TABLE_DEFINITION, TTL_ATTRIBUTE } from '../../local/engines.ts';
import { anchorOf } from '../../shared/alert-words.ts';
import { EVENT_PHASES } from '../../shared/events/transitions.ts';
import { ALERTS } from '../../shared/logger.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import { type Config, readConfig } from '../../shared/settings/config.ts';
import { runCommand } from '../support/command.ts';
import { useEmptyBundles } from './empty-bundles.ts';

const CONFIG = 'relay.config.example.json';
const EVENTS_URL = 'https://agency.example.com/relay-events?a=1';
type Resource = { Type: string; Properties: Record<string, any>; DeletionPolicy?: string };

/** Without any rules: app.ts asks cdk-nag each time, and `npm run check` CDK's own, which take three seconds. */
function synthesise(stage: StageSettings, given: Partial<Config> = {}): Template {
  const app = new App({ builtinCloudFormationValidation: false });
  const config = { ...readConfig(CONFIG), alertEmail: 'ops@example.com', ...given };
  const stack = new RelayStack(app, `recharge-relay-${stage.name}`, { stage, config });
  return Template.fromStack(stack);
}

/** With an address for events, and the books compared each night. */
let dev: Template;
/** Without one; Stripe takes the money. */
let prod: Template;
const ofType = (template: Template, type: string): [string, Resource][] =>
  Object.entries(template.findResources(type)) as [string, Resource][];
const functionNamed = (template: Template, name: string): Resource => {
  const found = ofType(template, 'AWS::Lambda::Function').find(
    ([, { Properties }]) => Properties.Description === `Recharge Relay: ${name}`,
  );
  if (!found) throw new Error(`no function ${name}`);
  return found[1];
};

useEmptyBundles();
beforeAll(() => {
  dev = synthesise(stageSettings('dev'), {
    events: { url: EVENTS_URL, header: 'x-relay' },
    reconcile: { nightly: true },
  });
  prod = synthesise(stageSettings('prod'), { payment: { type: 'stripe', receipts: true } });
});

it('the order that keeps a grant single holds: call < function < grant deadline < redelivery', () => {
  const { grantCallMs, chargeCallMs, runMs, grantDeadlineMs } = productionPolicy;
  const visibilityMs = 1_000 * ofType(prod, 'AWS::SQS::Queue')[0]?.[1].Properties.VisibilityTimeout;
  expect(Math.max(grantCallMs, chargeCallMs)).toBeLessThan(runMs);
  expect(runMs).toBeLessThan(grantDeadlineMs);
  expect(grantDeadlineMs).toBeLessThan(visibilityMs);
  expect(functionNamed(prod, 'recharge-worker').Properties.Timeout * 1_000).toBe(runMs);
});

describe('the functions', () => {
  it('run on Node 24 and arm64, traced, with no reserved concurrency: a fresh account has ten runs in all', () => {
    const functions = ofType(prod, 'AWS::Lambda::Function');
    expect(functions).toHaveLength(8);
    for (const [, { Properties }] of functions) {
      expect(Properties.Runtime).toBe('nodejs24.x');
      expect(Properties.Architectures).toEqual(['arm64']);
      expect(Properties.TracingConfig).toEqual({ Mode: 'Active' });
      expect(Properties.Handler).toBe('index.handler');
      expect(Properties).not.toHaveProperty('ReservedConcurrentExecutions');
    }
  });

  it.each([
    ['recharge-webhook', 10],
    ['recharge-worker', 60],
    ['recharge-sweeper', 50],
    ['recharge-events', 60],
    ['channel-webhook', 10],
    ['channel-worker', 60],
    ['payment-webhook', 10],
    ['payment-page', 10],
  ])('%s ends after %i s', (name, seconds) => {
    expect(functionNamed(prod, name).Properties.Timeout).toBe(seconds);
  });

  it('the worker is given one message at a time, at most two at once, and reports failures one by one', () => {
    prod.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1,
      ScalingConfig: { MaximumConcurrency: 2 },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      Enabled: Match.absent(),
    });
  });

  it('the channel worker is given up to ten messages at a time, and reports failures one by one', () => {
    const worker = Object.entries(prod.findResources('AWS::Lambda::Function')).find(
      ([, { Properties }]) => Properties.Description === 'Recharge Relay: channel-worker',
    )?.[0];
    const sources = ofType(prod, 'AWS::Lambda::EventSourceMapping').filter(
      ([, { Properties }]) => Properties.FunctionName.Ref === worker,
    );
    expect(sources.map(([, { Properties }]) => Properties)).toMatchObject([
      {
        BatchSize: 10,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ScalingConfig: { MaximumConcurrency: 2 },
      },
    ]);
  });

  it('messages keep their order by group, and die by verdict: a thousand receives are more than 72 h of waiting', () => {
    const ordered = ofType(prod, 'AWS::SQS::Queue').filter(([, { Properties }]) => Properties.FifoQueue);
    expect(ordered).toHaveLength(2);
    for (const [, { Properties }] of ordered) {
      expect(Properties).toMatchObject({
        DeduplicationScope: 'messageGroup',
        FifoThroughputLimit: 'perMessageGroupId',
      });
      expect(Properties).not.toHaveProperty('ContentBasedDeduplication');
    }
    expect(ordered.map(([, { Properties }]) => Properties.RedrivePolicy?.maxReceiveCount)).toContain(1_000);
  });

  it('the books are compared each night where that is switched on, and nowhere else', () => {
    expect(functionNamed(dev, 'books-reconciler').Properties.Timeout).toBe(900);
    dev.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'cron(30 3 * * ? *)' });
    dev.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'Invocations',
      Period: 86_400,
      EvaluationPeriods: 2,
      TreatMissingData: 'breaching',
    });
    expect(() => functionNamed(prod, 'books-reconciler')).toThrow('no function');
  });

  it('the sweeper runs every minute; a run is neither repeated nor made up for later', () => {
    prod.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(1 minute)',
      Targets: [Match.objectLike({ RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 } })],
    });
    prod.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      MaximumEventAgeInSeconds: 60,
      MaximumRetryAttempts: 0,
    });
  });
});

describe('what each function may do', () => {
  /** Action by action, with the logical id or ARN it is allowed on; log and trace rights are the same for all. */
  function rightsOf(name: string, template = prod): string[] {
    const role = functionNamed(template, name).Properties.Role['Fn::GetAtt'][0];
    const policies = ofType(template, 'AWS::IAM::Policy').filter(([, { Properties }]) =>
      Properties.Roles.some((attached: { Ref: string }) => attached.Ref === role),
    );
    return policies
      .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement)
      .flatMap(({ Action, Resource: on, Effect, Condition }: Record<string, any>) => {
        const keys = Condition?.['ForAllValues:StringLike']['dynamodb:LeadingKeys'] ?? [];
        const attributes = Condition?.['ForAllValues:StringEquals']?.['dynamodb:Attributes'] ?? [];
        // Else a request that names no attribute passes.
        if (attributes.length > 0) expect(Condition.Null).toEqual({ 'dynamodb:Attributes': 'false' });
        const only = attributes.length > 0 ? [`only ${attributes.toSorted()}`] : [];
        const where = [nameOf(on), ...keys, ...only].join(' ');
        return [Action].flat().map((action: string) => `${Effect} ${action} on ${where}`);
      })
      .sort();
  }
  const nameOf = (on: any): string => {
    if (on === '*') return '*';
    if (on.Ref) return on.Ref;
    if (on['Fn::GetAtt']) return on['Fn::GetAtt'][0];
    return on['Fn::Join'][1].map((part: any) => (typeof part === 'string' ? part : nameOf(part))).join('');
  };
  const generic = (rights: string[]) => rights.map((right) => right.replace(/[0-9A-F]{8}(?=$|\/| )/g, ''));
  const traces = ['Allow xray:PutTelemetryRecords on *', 'Allow xray:PutTraceSegments on *'];
  const log = (name: string) => [
    `Allow logs:CreateLogStream on ${name}Log`,
    `Allow logs:PutLogEvents on ${name}Log`,
  ];

  it('the webhook claims and queues, forges no row and sets none back, touches no account, and reads the inbound secret only', () => {
    expect(generic(rightsOf('recharge-webhook'))).toEqual([
      'Allow dynamodb:GetItem on Table RECHARGE#* ACCOUNT-ID#*',
      'Allow dynamodb:PutItem on Table QUARANTINE#* SECRET-USED#*',
      'Allow dynamodb:UpdateItem on Table ALERT#* only detail,email,expiresAt,firstAt,key,lastAt,list,listKey,pk,quarantine,subject,times,v,word',
      'Allow dynamodb:UpdateItem on Table CONTROL#capture#* CONTROL#refused#*',
      'Allow dynamodb:UpdateItem on Table QUARANTINE#* only pk,told',
      'Allow dynamodb:UpdateItem on Table RECHARGE#* only credits,email,grantEmail,list,listKey,nextAttemptAt,open,pk,receivedAt,v',
      ...log('rechargewebhook'),
      'Allow secretsmanager:GetSecretValue on InboundSecret',
      'Allow sqs:SendMessage on rechargeworkerQueue',
      ...traces,
    ]);
  });

  it('the worker reads and updates items, takes its messages, and reads the outbound secret only', () => {
    const queueRights = [
      'ChangeMessageVisibility',
      'DeleteMessage',
      'GetQueueAttributes',
      'GetQueueUrl',
      'ReceiveMessage',
    ];
    expect(generic(rightsOf('recharge-worker'))).toEqual([
      'Allow dynamodb:BatchGetItem on Table',
      'Allow dynamodb:GetItem on Table',
      'Allow dynamodb:PutItem on Table PAY#*',
      'Allow dynamodb:UpdateItem on Table',
      ...log('rechargeworker'),
      'Allow secretsmanager:GetSecretValue on OutboundSecret',
      ...queueRights.map((right) => `Allow sqs:${right} on rechargeworkerQueue`),
      ...traces,
    ]);
  });

  it('the page on which clients confirm payments writes what they ask for, changes no recharge, and reads no secret', () => {
    expect(generic(rightsOf('payment-page'))).toEqual([
      'Allow dynamodb:GetItem on Table RECHARGE#* PAY#*',
      'Allow dynamodb:UpdateItem on Table PAY#* only askedAt,expiresAt,pk,returnedAt,uses',
      ...log('paymentpage'),
      'Allow sqs:SendMessage on rechargeworkerQueue',
      ...traces,
    ]);
  });

  it('the channel webhook marks and queues messages, and reaches nothing of recharges, accounts or charging', () => {
    expect(generic(rightsOf('channel-webhook'))).toEqual([
      'Allow dynamodb:GetItem on Table MESSAGE#* RECEIPT#*',
      'Allow dynamodb:PutItem on Table MESSAGE#* QUARANTINE#* SECRET-USED#*',
      'Allow dynamodb:UpdateItem on Table ALERT#* only detail,email,expiresAt,firstAt,key,lastAt,list,listKey,pk,quarantine,subject,times,v,word',
      'Allow dynamodb:UpdateItem on Table MESSAGE#* CONTACT#* RECEIPT#* CONTROL#capture#* CONTROL#refused#*',
      'Allow dynamodb:UpdateItem on Table QUARANTINE#* only pk,told',
      ...log('Channelschannelwebhook'),
      'Allow secretsmanager:GetSecretValue on InboundSecret',
      'Allow sqs:SendMessage on ChannelschannelworkerQueue',
      ...traces,
    ]);
  });

  it('the channel worker moves messages on, buries what is dead, and reads the outbound secret only', () => {
    expect(generic(rightsOf('channel-worker'))).toEqual([
      'Allow dynamodb:GetItem on Table MESSAGE#* CONTACT#* WAIT#* RECEIPT#*',
      'Allow dynamodb:PutItem on Table WAIT#*',
      'Allow dynamodb:UpdateItem on Table MESSAGE#* CONTACT#* RECEIPT#* ALERT#*',
      ...log('Channelschannelworker'),
      'Allow secretsmanager:GetSecretValue on OutboundSecret',
      'Allow sqs:ChangeMessageVisibility on ChannelschannelworkerQueue',
      'Allow sqs:DeleteMessage on ChannelschannelworkerQueue',
      'Allow sqs:GetQueueAttributes on ChannelschannelworkerQueue',
      'Allow sqs:GetQueueUrl on ChannelschannelworkerQueue',
      'Allow sqs:ReceiveMessage on ChannelschannelworkerQueue',
      'Allow sqs:SendMessage on ChannelschannelworkerDeadLetters',
      ...traces,
    ]);
  });

  it('events are read from the stream and published on the own bus; no item, no secret and no other topic is in reach', () => {
    expect(generic(rightsOf('recharge-events'))).toEqual([
      'Allow dynamodb:DescribeStream on Table',
      'Allow dynamodb:GetRecords on Table',
      'Allow dynamodb:GetShardIterator on Table',
      'Allow dynamodb:ListStreams on *',
      'Allow events:PutEvents on EventsBus',
      ...log('Eventsrechargeevents'),
      'Allow sns:Publish on Alarms',
      'Allow sqs:GetQueueAttributes on EventsDeadLetters',
      'Allow sqs:GetQueueUrl on EventsDeadLetters',
      'Allow sqs:SendMessage on EventsDeadLetters',
      ...traces,
    ]);
  });

  it('the webhook of Stripe queues, reaches no recharge, no account and no payment key, and reads the inbound secret only', () => {
    expect(generic(rightsOf('payment-webhook'))).toEqual([
      'Allow dynamodb:PutItem on Table SECRET-USED#*',
      'Allow dynamodb:UpdateItem on Table ALERT#* only detail,email,expiresAt,firstAt,key,lastAt,list,listKey,pk,quarantine,subject,times,v,word',
      'Allow dynamodb:UpdateItem on Table CONTROL#refused#*',
      ...log('paymentwebhook'),
      'Allow secretsmanager:GetSecretValue on InboundSecret',
      'Allow sqs:SendMessage on rechargeworkerQueue',
      ...traces,
    ]);
  });

  it('whoever does not charge with Stripe has no address for its events, and no page for its clients', () => {
    expect(() => functionNamed(dev, 'payment-webhook')).toThrow('no function');
    expect(() => functionNamed(dev, 'payment-page')).toThrow('no function');
  });

  it('the reconciler reads recharges and what proves us to the provider; it changes none, and reads no account', () => {
    expect(generic(rightsOf('books-reconciler', dev))).toEqual([
      'Allow dynamodb:BatchGetItem on Table RECHARGE#*',
      'Allow dynamodb:Query on Table/index/open',
      'Allow dynamodb:Query on Table/index/recent',
      'Allow dynamodb:UpdateItem on Table ALERT#*',
      ...log('booksreconciler'),
      'Allow secretsmanager:GetSecretValue on OutboundSecret',
      ...traces,
    ]);
  });

  it('the sweeper reads the open index, moves recharges and messages on and queues them; it reads no account and no secret', () => {
    expect(generic(rightsOf('recharge-sweeper'))).toEqual([
      'Allow dynamodb:GetItem on Table RECHARGE#* MESSAGE#*',
      'Allow dynamodb:Query on Table/index/open',
      'Allow dynamodb:UpdateItem on Table CONTACT#* ALERT#* CONTROL#sweep',
      'Allow dynamodb:UpdateItem on Table RECHARGE#* MESSAGE#*',
      ...log('rechargesweeper'),
      'Allow sqs:SendMessage on ChannelschannelworkerQueue',
      'Allow sqs:SendMessage on rechargeworkerQueue',
      ...traces,
    ]);
  });
});

describe('the table', () => {
  it('has the keys, indexes and expiry that the local one has', () => {
    const Properties = ofType(prod, 'AWS::DynamoDB::Table')[0]?.[1].Properties;
    expect(Properties?.KeySchema).toEqual(TABLE_DEFINITION.KeySchema);
    expect(new Set(Properties?.AttributeDefinitions)).toEqual(new Set(TABLE_DEFINITION.AttributeDefinitions));
    expect(Properties?.GlobalSecondaryIndexes).toEqual(TABLE_DEFINITION.GlobalSecondaryIndexes);
    expect(Properties?.BillingMode).toBe('PAY_PER_REQUEST');
    expect(Properties?.TimeToLiveSpecification).toEqual({ AttributeName: TTL_ATTRIBUTE, Enabled: true });
  });

  it('is encrypted, streamed, and recoverable to any second', () => {
    prod.hasResourceProperties('AWS::DynamoDB::Table', {
      SSESpecification: { SSEEnabled: true },
      StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
  });

  it('outlives the stack in prod, and goes with it in dev', () => {
    prod.hasResource('AWS::DynamoDB::Table', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
      Properties: { DeletionProtectionEnabled: true },
    });
    dev.hasResource('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Delete',
      Properties: { DeletionProtectionEnabled: false },
    });
  });
});

describe('queues, secrets, logs', () => {
  it('queues are encrypted, keep messages for 14 days, and take nothing unencrypted', () => {
    const queues = ofType(prod, 'AWS::SQS::Queue');
    expect(queues).toHaveLength(5);
    for (const [id, { Properties }] of queues) {
      expect(Properties.SqsManagedSseEnabled).toBe(true);
      expect(Properties.MessageRetentionPeriod).toBe(1_209_600);
      // What nobody works off by itself needs none of its own.
      expect([360, undefined]).toContain(Properties.VisibilityTimeout);
      prod.hasResourceProperties('AWS::SQS::QueuePolicy', {
        Queues: [{ Ref: id }],
        PolicyDocument: {
          Statement: [
            Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          ],
        },
      });
    }
    prod.hasResourceProperties('AWS::SQS::Queue', {
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 5 }),
    });
  });

  it('secrets are created empty and stay when the stack goes, in both stages', () => {
    for (const template of [dev, prod]) {
      const secrets = ofType(template, 'AWS::SecretsManager::Secret').filter(
        ([id]) => !id.startsWith('Events'),
      );
      expect(secrets).toHaveLength(2);
      for (const [, secret] of secrets) {
        expect(Object.keys(secret.Properties)).toEqual(['Description']);
        expect(secret.DeletionPolicy).toBe('RetainExceptOnCreate');
      }
    }
  });

  it('every log has an end: a month in dev, a year in prod', () => {
    const retention = (template: Template) =>
      ofType(template, 'AWS::Logs::LogGroup').map(([, { Properties }]) => Properties.RetentionInDays);
    expect(retention(dev)).toEqual(Array(8).fill(30));
    expect(retention(prod)).toEqual(Array(9).fill(365));
  });
});

describe('events out', () => {
  const mapping = () =>
    ofType(prod, 'AWS::Lambda::EventSourceMapping').find(([id]) => id.startsWith('Events'))?.[1].Properties;

  it('read every change from the first on, in its order, for a day; what is given up is kept aside', () => {
    const deadLetters = ofType(prod, 'AWS::SQS::Queue').find(([id]) => id.startsWith('Events'))?.[0];
    expect(mapping()).toMatchObject({
      StartingPosition: 'TRIM_HORIZON',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BisectBatchOnFunctionError: true,
      MaximumRecordAgeInSeconds: 86_400,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': [deadLetters, 'Arn'] } } },
    });
    // Without end within that day, and one reader a shard.
    for (const name of ['MaximumRetryAttempts', 'ParallelizationFactor'])
      expect(mapping()).not.toHaveProperty(name);
  });

  it('run for recharges that come to rest, for accounts and for alerts, and for nothing else', () => {
    const patterns = mapping()?.FilterCriteria.Filters.map(({ Pattern }: { Pattern: string }) =>
      JSON.parse(Pattern),
    );
    const key = (prefix: string) => ({ pk: { S: [{ prefix }] } });
    expect(patterns).toEqual([
      { dynamodb: { Keys: key('RECHARGE#'), NewImage: { phase: { S: [...EVENT_PHASES] } } } },
      { dynamodb: { Keys: key('ACCOUNT#') } },
      { dynamodb: { Keys: key('ALERT#') } },
    ]);
  });

  it('go to a bus of the stack, and nowhere else without an address', () => {
    for (const template of [dev, prod]) template.resourceCountIs('AWS::Events::EventBus', 1);
    prod.hasResourceProperties('AWS::Events::EventBus', { Name: 'recharge-relay-prod' });
    for (const type of ['ApiDestination', 'Connection', 'Archive'])
      prod.resourceCountIs(`AWS::Events::${type}`, 0);
    expect(ofType(prod, 'AWS::SecretsManager::Secret')).toHaveLength(2);
  });

  it('are posted whole to the address, for a day, with its secret in the header that it wants', () => {
    dev.hasResourceProperties('AWS::Events::ApiDestination', {
      InvocationEndpoint: EVENTS_URL,
      HttpMethod: 'POST',
    });
    const [secret] = ofType(dev, 'AWS::SecretsManager::Secret').find(([id]) => id.startsWith('Events')) ?? [];
    dev.hasResourceProperties('AWS::Events::Connection', {
      AuthorizationType: 'API_KEY',
      AuthParameters: {
        ApiKeyAuthParameters: {
          ApiKeyName: 'x-relay',
          ApiKeyValue: {
            'Fn::Join': ['', ['{{resolve:secretsmanager:', { Ref: secret }, ':SecretString:::}}']],
          },
        },
      },
    });
    const [undelivered] =
      ofType(dev, 'AWS::SQS::Queue').find(([id]) => id.startsWith('EventsUndelivered')) ?? [];
    dev.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { source: ['recharge-relay'] },
      Targets: [
        Match.objectLike({
          InputPath: '$.detail',
          RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
          DeadLetterConfig: { Arn: { 'Fn::GetAtt': [undelivered, 'Arn'] } },
        }),
      ],
    });
    dev.hasResourceProperties('AWS::Events::Archive', { RetentionDays: 14 });
  });

  it('ring when they are late, given up, or refused by the address', () => {
    const named = (template: Template) =>
      ofType(template, 'AWS::CloudWatch::Alarm').flatMap(([id]) =>
        id.startsWith('Events') ? [id.slice(0, -8)] : [],
      );
    const always = ['ErrorsAlarm', 'ThrottledAlarm', 'IsBehindAlarm', 'DeadLettersAlarm'];
    expect(
      named(prod)
        .map((id) => id.replace(/.*RechargeEvents/, ''))
        .toSorted(),
    ).toEqual(always.toSorted());
    expect(named(dev)).toContain('EventsEventsNotDeliveredAlarm');
    dev.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'IteratorAge', Threshold: 900_000 });
  });
});

describe('the HTTP API', () => {
  it('has a route for recharges, one for all channels and those of Stripe, throttled generously, measured by route', () => {
    const routes = ofType(prod, 'AWS::ApiGatewayV2::Route').map(([, { Properties }]) => Properties.RouteKey);
    expect(routes.sort()).toEqual([
      'GET /pay/{token}',
      'POST /channels/{channel}/{direction}',
      'POST /pay/{token}',
      'POST /webhooks/auto-recharge',
      'POST /webhooks/stripe',
    ]);
    prod.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: {
        ThrottlingRateLimit: 200,
        ThrottlingBurstLimit: 400,
        DetailedMetricsEnabled: true,
      },
    });
  });

  it('gives channels and Stripe smaller shares: whoever floods them does not take the executions that money needs', () => {
    const [, stage] = ofType(prod, 'AWS::ApiGatewayV2::Stage')[0] ?? [];
    const smaller = { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 100, DetailedMetricsEnabled: true };
    expect(stage?.Properties.RouteSettings).toEqual({
      'POST /channels/{channel}/{direction}': smaller,
      'POST /webhooks/stripe': smaller,
      'GET /pay/{token}': smaller,
      'POST /pay/{token}': smaller,
    });
    const [route] = ofType(prod, 'AWS::ApiGatewayV2::Route').find(
      ([, { Properties }]) => Properties.RouteKey === 'POST /channels/{channel}/{direction}',
    ) ?? [''];
    expect(stage).toMatchObject({ DependsOn: expect.arrayContaining([route]) });
  });

  it('logs requests without query strings and headers, where a secret may stand', () => {
    const stage = ofType(prod, 'AWS::ApiGatewayV2::Stage')[0]?.[1];
    const format: string = stage?.Properties.AccessLogSettings.Format;
    expect(JSON.parse(format)).toHaveProperty('route', '$context.routeKey');
    expect(format).not.toMatch(/querystring|header|path|authorizer/i);
  });

  it("takes a host name of the agency's own beside AWS's, and says what its DNS record must name", () => {
    const domain = {
      name: 'hooks.example.com',
      certificateArn: 'arn:aws:acm:eu-west-1:111122223333:certificate/a',
    };
    const template = synthesise({ ...stageSettings('prod'), domain });
    template.hasResourceProperties('AWS::ApiGatewayV2::DomainName', { DomainName: 'hooks.example.com' });
    template.hasResourceProperties('AWS::ApiGatewayV2::Api', { DisableExecuteApiEndpoint: false });
    template.hasOutput('DomainTarget', {});
    template.hasOutput('WebhookUrl', { Value: 'https://hooks.example.com/webhooks/auto-recharge' });
    const only = synthesise({ ...stageSettings('prod'), domain: { ...domain, only: true } });
    only.hasResourceProperties('AWS::ApiGatewayV2::Api', { DisableExecuteApiEndpoint: true });
  });
});

describe('alarms', () => {
  const headings = readFileSync('RUNBOOK.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('#'))
    .map((line) => anchorOf(line.replace(/^#+ /, '')));
  const alarms = () => ofType(prod, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties);

  it('each says what it means, which command shows what it is about, and links to a section that exists', () => {
    expect(alarms().length).toBeGreaterThan(25);
    const inDev = ofType(dev, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties);
    for (const { AlarmDescription } of [...alarms(), ...inDev]) {
      const [impact, look, whatToDo = ''] = AlarmDescription.split('\n');
      expect(impact).toMatch(/^.{20,}\.$/);
      expect(look).toMatch(/^What it is about: npx relay --stack recharge-relay-(dev|prod) [a-z]/);
      const [link, anchor] = whatToDo.split('#');
      expect(link).toBe(`What to do: ${readConfig(CONFIG).runbookUrl}`);
      expect(headings).toContain(anchor);
    }
  });

  it('each command in them is one that there is, with its options', async () => {
    const commands = alarms().flatMap(
      ({ AlarmDescription }) => /npx relay --stack \S+ (.*)$/m.exec(AlarmDescription)?.[1] ?? [],
    );
    expect(commands).toContain('alerts');
    for (const command of new Set(commands)) {
      const [words = '', ...options] = command.split(' --');
      const { code, stdout } = await runCommand([...words.split(' '), '--help'], { env: {} });
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringContaining(`Usage: relay ${words} `),
      });
      for (const option of options) expect(stdout).toContain(`--${option.split(' ')[0]} `);
    }
  });

  it('that of an alert says how to find the recharge that rang', () => {
    prod.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'grant_unknown',
      AlarmDescription: [
        'A client has paid, and it is not known whether the credits were granted.',
        'What it is about: npx relay --stack recharge-relay-prod alerts',
        'What to do: https://github.com/your-agency/recharge-relay/blob/main/RUNBOOK.md#grant_unknown',
      ].join('\n'),
    });
  });

  it('each rings at the topic, which CloudWatch may publish to', () => {
    for (const { AlarmActions } of alarms()) expect(AlarmActions).toHaveLength(1);
    prod.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Allow',
            Action: 'sns:Publish',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
          }),
        ]),
      },
    });
    prod.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'ops@example.com' });
  });

  it.each(ALERTS)('there is one for the alert %s, in its own stage', (word) => {
    prod.hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: 'RechargeRelay',
      MetricName: word,
      Dimensions: [{ Name: 'stage', Value: 'prod' }],
      Threshold: 1,
    });
  });

  it('the sweeper that does not run is an alarm by the very absence of data', () => {
    prod.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'Invocations',
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
    });
  });

  it('three refused webhooks in six hours ring: at one an hour, that is a secret that no longer fits', () => {
    prod.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'webhook_401_plausible',
      Period: 21_600,
      Threshold: 3,
      Statistic: 'Sum',
    });
  });

  it('a message that waits rings by what the worker says: the age of the queue sees none that was received thrice', () => {
    prod.hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: 'RechargeRelay',
      MetricName: 'oldest_message_seconds',
      Statistic: 'Maximum',
      Period: 1_800,
      Threshold: 1_800,
    });
    prod.hasResourceProperties('AWS::CloudWatch::Alarm', { MetricName: 'channel_401', Threshold: 3 });
  });

  it('a route that answers 5xx is an alarm of that route', () => {
    prod.hasResourceProperties('AWS::CloudWatch::Alarm', {
      Namespace: 'AWS/ApiGateway',
      MetricName: '5xx',
      Dimensions: Match.arrayWith([
        { Name: 'Method', Value: 'POST' },
        { Name: 'Resource', Value: '/webhooks/auto-recharge' },
      ]),
    });
  });
});

describe('the template', () => {
  it('names no account, no folder of this machine, and no secret', () => {
    const text = JSON.stringify(prod.toJSON());
    expect(text).not.toMatch(/\b\d{12}\b/);
    expect(text).not.toContain(process.cwd());
    expect(text).not.toMatch(/SecretString|GenerateSecretString|apiKey=|whsec_/);
  });

  it('fits a fresh account: nothing in it asks for concurrency of its own', () => {
    expect(JSON.stringify(prod.toJSON())).not.toMatch(/ReservedConcurrent|ProvisionedConcurrency/);
  });

  it.each([
    'WebhookUrl',
    'ChannelsUrl',
    'TableName',
    'RechargeQueueUrl',
    'RechargeDeadLettersUrl',
    'MessageQueueUrl',
    'MessageDeadLettersUrl',
    'InboundSecretId',
    'OutboundSecretId',
    'AlarmTopicArn',
    'EventBusArn',
    'EventDeadLettersUrl',
    'Version',
    'ConfigDigest',
  ])('says its %s, by which the command line and the developer find it', (output) => {
    prod.hasOutput(output, {});
  });

  it('has one dashboard, which shows every alarm, and no more metrics than are free', () => {
    const [[, dashboard] = []] = ofType(prod, 'AWS::CloudWatch::Dashboard');
    const pieces: unknown[] = dashboard?.Properties.DashboardBody['Fn::Join'][1];
    const body = JSON.parse(pieces.map((piece) => (typeof piece === 'string' ? piece : 'x')).join(''));
    const shown = (kind: string) =>
      body.widgets.flatMap(({ properties }: any) => properties[kind] ?? []).length;
    expect(shown('metrics')).toBeLessThanOrEqual(50);
    expect(shown('alarms')).toBe(ofType(prod, 'AWS::CloudWatch::Alarm').length);
    // AWS's limit for a widget.
    expect(shown('alarms')).toBeLessThanOrEqual(100);
  });

  it('costs what the table of docs/deploy.md counts', () => {
    const counted = (template: Template) => ({
      alarms: ofType(template, 'AWS::CloudWatch::Alarm').length,
      routeMetrics: 6 * ofType(template, 'AWS::ApiGatewayV2::Route').length,
    });
    const without = counted(synthesise(stageSettings('prod')));
    const stripe = counted(prod);
    const page = readFileSync('docs/deploy.md', 'utf8');
    const fixed = /\*\*fixed:\*\* (.*) \|/.exec(page)?.[1];
    expect(fixed).toContain(`${without.alarms} alarms`);
    expect(fixed).toContain(`the API's ${without.routeMetrics} metrics by route`);
    const more = [stripe.alarms - without.alarms, stripe.routeMetrics - without.routeMetrics];
    expect(page).toContain(`Stripe adds ${more[0]} alarms and ${more[1]} metrics by route`);
  });
});
