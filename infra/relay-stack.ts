import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import type { Construct } from 'constructs';
import { envSchema as reconcilerEnv } from '../functions/books-reconciler/env.ts';
import { envSchema as sweeperEnv } from '../functions/recharge-sweeper/env.ts';
import { envSchema as webhookEnv } from '../functions/recharge-webhook/env.ts';
import { envSchema as workerEnv } from '../functions/recharge-worker/env.ts';
import packageJson from '../package.json' with { type: 'json' };
import { ALERT, ALERT_ATTRIBUTES } from '../shared/alerts.ts';
import { TOLD_ATTRIBUTES } from '../shared/incoming/quarantine.ts';
import { REFUSED } from '../shared/incoming/refusals.ts';
import { SECRET_USED } from '../shared/incoming/secret-use.ts';
import { PAY } from '../shared/payments/pay-pages.ts';
import { claimedAttributes } from '../shared/recharge/dynamo-recharges.ts';
import { productionPolicy } from '../shared/recharge/policy.ts';
import type { Config } from '../shared/settings/config.ts';
import { digestOf } from '../shared/settings/config-in-use.ts';
import { SWEEP } from '../shared/sweeps.ts';
import { AlarmTopic } from './constructs/alarm-topic.ts';
import { AlertAlarms } from './constructs/alert-alarms.ts';
import { Channels } from './constructs/channels.ts';
import { Events } from './constructs/events.ts';
import { PaymentPage } from './constructs/payment-page.ts';
import { PaymentWebhook } from './constructs/payment-webhook.ts';
import { QueueFunction } from './constructs/queue-function.ts';
import { RelayApi } from './constructs/relay-api.ts';
import { RelayDashboard } from './constructs/relay-dashboard.ts';
import { addSecret } from './constructs/relay-secret.ts';
import { RelayTable } from './constructs/relay-table.ts';
import { RoutedFunction } from './constructs/routed-function.ts';
import { ScheduledFunction } from './constructs/scheduled-function.ts';
import type { StageSettings } from './stages.ts';

export interface RelayStackProps extends StackProps {
  stage: StageSettings;
  config: Config;
  /**
   * Whether the stack and its table refuse to be deleted. Default: as the stage says. A first deployment is not locked,
   * because CloudFormation could not take it back where it fails.
   */
  locked?: boolean;
}

/**
 * The whole system: webhook → table and queue → worker, the relay of messages, the sweeper that brings back what is due
 * of either, and the events that tell others what happened.
 * Timeouts in the order that keeps a grant single: call < function < grant deadline (120 s) < visibility.
 */
export class RelayStack extends Stack {
  constructor(
    scope: Construct,
    id: string,
    { stage, config, locked = stage.protectsData, ...props }: RelayStackProps,
  ) {
    super(scope, id, { terminationProtection: locked, ...props });
    const topic = new AlarmTopic(this, { email: config.alertEmail, runbookUrl: config.runbookUrl });
    const table = new RelayTable(this, { locked, ...stage });
    const inbound = addSecret(this, 'InboundSecret', 'Recharge Relay: what proves senders of webhooks to us');
    const outbound = addSecret(
      this,
      'OutboundSecret',
      'Recharge Relay: what proves us to the platform and the payment endpoint',
    );
    const { api, stage: apiStage, url } = new RelayApi(this, stage);

    const worker = new QueueFunction(this, {
      name: 'recharge-worker',
      impact:
        'Recharges are not driven: clients wait for their credits. Nothing is lost; each row brings itself back.',
      stage,
      topic,
      timeout: Duration.millis(productionPolicy.runMs),
      visibility: Duration.seconds(360),
      maxReceiveCount: 5,
      oldestMessage: Duration.minutes(30),
      deadLetterImpact:
        'A message names no recharge, or the function dies of it. No recharge is lost: each row brings itself back.',
      schema: workerEnv,
      environment: { TABLE_NAME: table.tableName, PUBLIC_URL: url, OUTBOUND_SECRET: outbound },
      may: [
        { actions: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:UpdateItem'], on: table.tableArn },
        { actions: ['dynamodb:PutItem'], on: table.tableArn, keys: [`${PAY}*`] },
        { actions: ['secretsmanager:GetSecretValue'], on: outbound },
      ],
    });
    const webhook = new RoutedFunction(this, {
      name: 'recharge-webhook',
      impact: 'Webhooks are not accepted: the platform must send them again, or clients get no credits.',
      stage,
      topic,
      timeout: Duration.seconds(10),
      api,
      apiStage,
      method: HttpMethod.POST,
      path: '/webhooks/auto-recharge',
      schema: webhookEnv,
      environment: {
        TABLE_NAME: table.tableName,
        RECHARGE_QUEUE_URL: worker.queue.queueUrl,
        INBOUND_SECRET: inbound,
      },
      may: [
        // It faces the internet: it can neither read nor change an account, nor switch charging on, nor write of a
        // recharge what the worker goes by.
        { actions: ['dynamodb:GetItem'], on: table.tableArn, keys: ['RECHARGE#*', 'ACCOUNT-ID#*'] },
        {
          actions: ['dynamodb:UpdateItem'],
          on: table.tableArn,
          keys: ['RECHARGE#*'],
          attributes: claimedAttributes(),
        },
        { actions: ['dynamodb:PutItem'], on: table.tableArn, keys: ['QUARANTINE#*', `${SECRET_USED}*`] },
        {
          actions: ['dynamodb:UpdateItem'],
          on: table.tableArn,
          keys: ['QUARANTINE#*'],
          attributes: TOLD_ATTRIBUTES,
        },
        { actions: ['dynamodb:UpdateItem'], on: table.tableArn, keys: ['CONTROL#capture#*', `${REFUSED}*`] },
        {
          actions: ['dynamodb:UpdateItem'],
          on: table.tableArn,
          keys: [`${ALERT}*`],
          attributes: ALERT_ATTRIBUTES,
        },
        { actions: ['sqs:SendMessage'], on: worker.queue.queueArn },
        { actions: ['secretsmanager:GetSecretValue'], on: inbound },
      ],
    });
    const ofStripe =
      config.payment.type === 'stripe'
        ? [
            new PaymentWebhook(this, {
              stage,
              topic,
              api,
              apiStage,
              url,
              table,
              queue: worker.queue,
              inbound,
            }),
            new PaymentPage(this, { stage, topic, api, apiStage, table, queue: worker.queue }),
          ]
        : [];
    const channels = new Channels(this, {
      stage,
      topic,
      api,
      apiStage,
      table,
      inbound,
      outbound,
    });
    const sweeper = new ScheduledFunction(this, {
      name: 'recharge-sweeper',
      impact:
        'Recharges that wait are not brought back: whoever was charged may wait for credits. Nor are messages that were stored and never queued.',
      stage,
      topic,
      timeout: Duration.seconds(50),
      every: Duration.minutes(1),
      schema: sweeperEnv,
      environment: {
        TABLE_NAME: table.tableName,
        RECHARGE_QUEUE_URL: worker.queue.queueUrl,
        MESSAGE_QUEUE_URL: channels.worker.queue.queueUrl,
      },
      may: [
        { actions: ['dynamodb:Query'], on: table.index('open') },
        {
          actions: ['dynamodb:GetItem', 'dynamodb:UpdateItem'],
          on: table.tableArn,
          keys: ['RECHARGE#*', 'MESSAGE#*'],
        },
        { actions: ['dynamodb:UpdateItem'], on: table.tableArn, keys: ['CONTACT#*', `${ALERT}*`, SWEEP] },
        { actions: ['sqs:SendMessage'], on: worker.queue.queueArn },
        { actions: ['sqs:SendMessage'], on: channels.worker.queue.queueArn },
      ],
    });

    const reconcilers = config.reconcile?.nightly
      ? [
          new ScheduledFunction(this, {
            name: 'books-reconciler',
            impact: "The books are not compared: what differs from the provider's is not noticed.",
            stage,
            topic,
            timeout: Duration.minutes(15),
            every: Duration.days(1),
            // After the platforms' and providers' own nightly work, and before anybody's morning.
            at: { hour: '3', minute: '30' },
            schema: reconcilerEnv,
            environment: { TABLE_NAME: table.tableName, OUTBOUND_SECRET: outbound },
            may: [
              { actions: ['dynamodb:Query'], on: table.index('open') },
              { actions: ['dynamodb:Query'], on: table.index('recent') },
              { actions: ['dynamodb:BatchGetItem'], on: table.tableArn, keys: ['RECHARGE#*'] },
              { actions: ['dynamodb:UpdateItem'], on: table.tableArn, keys: [`${ALERT}*`] },
              { actions: ['secretsmanager:GetSecretValue'], on: outbound },
            ],
          }),
        ]
      : [];

    const events = new Events(this, { stage, topic, table, settings: config.events });

    new AlertAlarms(this, { stage: stage.name, topic });
    new RelayDashboard(this, {
      stage: stage.name,
      currency: config.pricing.currency,
      functions: [
        ...[webhook, worker, sweeper, events.function, channels.webhook, channels.worker],
        ...ofStripe,
        ...reconcilers,
      ],
      events,
      queues: { recharges: worker, messages: channels.worker },
    });
    new CfnOutput(this, 'WebhookUrl', {
      value: `${url}/webhooks/auto-recharge`,
      description: "For the platform's settings; add ?token=… where it takes a secret in the address only",
    });
    new CfnOutput(this, 'ChannelsUrl', {
      value: `${url}/channels`,
      description:
        'For chat systems, the platform and your own: add /NAME/incoming, /NAME/outgoing or /NAME/send',
    });
    new CfnOutput(this, 'RechargeQueueUrl', { value: worker.queue.queueUrl });
    new CfnOutput(this, 'RechargeDeadLettersUrl', { value: worker.deadLetters.queueUrl });
    new CfnOutput(this, 'MessageQueueUrl', { value: channels.worker.queue.queueUrl });
    new CfnOutput(this, 'MessageDeadLettersUrl', { value: channels.worker.deadLetters.queueUrl });
    new CfnOutput(this, 'TableName', { value: table.tableName });
    new CfnOutput(this, 'InboundSecretId', { value: inbound });
    new CfnOutput(this, 'OutboundSecretId', { value: outbound });
    new CfnOutput(this, 'AlarmTopicArn', { value: topic.topicArn });
    new CfnOutput(this, 'Version', { value: packageJson.version, description: 'Of the relay' });
    new CfnOutput(this, 'ConfigDigest', {
      value: digestOf(config),
      description: 'Tells whether relay.config.json has changed since this was deployed',
    });
  }
}
