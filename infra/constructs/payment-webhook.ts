import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import { type HttpApi, HttpMethod, type HttpStage } from 'aws-cdk-lib/aws-apigatewayv2';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { envSchema } from '../../functions/payment-webhook/env.ts';
import { ALERT, ALERT_ATTRIBUTES } from '../../shared/alerts.ts';
import { REFUSED } from '../../shared/incoming/refusals.ts';
import { SECRET_USED } from '../../shared/incoming/secret-use.ts';
import type { StageSettings } from '../stages.ts';
import { addAlarm } from './alarm.ts';
import type { AlarmTopic } from './alarm-topic.ts';
import { relayMetric } from './alert-alarms.ts';
import type { RelayTable } from './relay-table.ts';
import { RoutedFunction } from './routed-function.ts';

export interface PaymentWebhookProps {
  stage: StageSettings;
  topic: AlarmTopic;
  api: HttpApi;
  apiStage: HttpStage;
  url: string;
  table: RelayTable;
  /** The worker's, who looks up what an event is about. */
  queue: Queue;
  inbound: string;
}

/** Where Stripe takes the money: its events → the worker's queue. */
export class PaymentWebhook extends RoutedFunction<typeof envSchema> {
  constructor(scope: Construct, { table, queue, inbound, url, ...props }: PaymentWebhookProps) {
    const { stage, topic } = props;
    super(scope, {
      ...props,
      name: 'payment-webhook',
      impact: 'Stripe is not heard: payments that are being processed are known an hour later.',
      timeout: Duration.seconds(10),
      method: HttpMethod.POST,
      path: '/webhooks/stripe',
      // As with channels: strangers keep no more than two of a fresh account's ten functions busy.
      throttle: { rate: 50, burst: 100 },
      schema: envSchema,
      environment: {
        TABLE_NAME: table.tableName,
        RECHARGE_QUEUE_URL: queue.queueUrl,
        INBOUND_SECRET: inbound,
      },
      may: [
        // It faces the internet. So recharges, accounts and the payment key are out of its reach.
        { actions: ['dynamodb:PutItem'], on: table.tableArn, keys: [`${SECRET_USED}*`] },
        { actions: ['dynamodb:UpdateItem'], on: table.tableArn, keys: [`${REFUSED}*`] },
        {
          actions: ['dynamodb:UpdateItem'],
          on: table.tableArn,
          keys: [`${ALERT}*`],
          attributes: ALERT_ATTRIBUTES,
        },
        { actions: ['sqs:SendMessage'], on: queue.queueArn },
        { actions: ['secretsmanager:GetSecretValue'], on: inbound },
      ],
    });
    addAlarm(this, {
      name: 'events of Stripe refused',
      impact:
        'Events of Stripe cannot be verified: if they are genuine, payments that are being processed are known late.',
      topic,
      metric: relayMetric('payment_webhook_401_plausible', stage.name).with({ period: Duration.hours(6) }),
      threshold: 3,
    });
    new CfnOutput(Stack.of(this), 'StripeWebhookUrl', {
      value: `${url}/webhooks/stripe`,
      description: "For Stripe's event destination",
    });
  }
}
