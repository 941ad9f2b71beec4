import { Duration } from 'aws-cdk-lib';
import { type HttpApi, HttpMethod, type HttpStage } from 'aws-cdk-lib/aws-apigatewayv2';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { envSchema } from '../../functions/payment-page/env.ts';
import { ASKED_ATTRIBUTES, PAY } from '../../shared/payments/pay-pages.ts';
import type { StageSettings } from '../stages.ts';
import type { AlarmTopic } from './alarm-topic.ts';
import type { RelayTable } from './relay-table.ts';
import { RoutedFunction } from './routed-function.ts';

export interface PaymentPageProps {
  stage: StageSettings;
  topic: AlarmTopic;
  api: HttpApi;
  apiStage: HttpStage;
  table: RelayTable;
  /** The worker's, which has payments confirmed. */
  queue: Queue;
}

/** Where Stripe takes the money: the page on which a client confirms a payment that their bank asks about. */
export class PaymentPage extends RoutedFunction<typeof envSchema> {
  constructor(scope: Construct, { table, queue, ...props }: PaymentPageProps) {
    super(scope, {
      ...props,
      name: 'payment-page',
      impact: 'Clients whose bank asks them cannot confirm their payments: they get no credits.',
      timeout: Duration.seconds(10),
      method: HttpMethod.GET,
      alsoMethod: HttpMethod.POST,
      path: '/pay/{token}',
      openBecause:
        'Whoever holds the link may confirm the one payment that it was made for, with that client at their bank.',
      // As with channels: strangers keep no more than two of a fresh account's ten functions busy.
      throttle: { rate: 50, burst: 100 },
      schema: envSchema,
      environment: { TABLE_NAME: table.tableName, RECHARGE_QUEUE_URL: queue.queueUrl },
      may: [
        // It faces the internet. So it changes no recharge, and no secret is in its reach.
        { actions: ['dynamodb:GetItem'], on: table.tableArn, keys: ['RECHARGE#*', `${PAY}*`] },
        {
          actions: ['dynamodb:UpdateItem'],
          on: table.tableArn,
          keys: [`${PAY}*`],
          attributes: ASKED_ATTRIBUTES,
        },
        { actions: ['sqs:SendMessage'], on: queue.queueArn },
      ],
    });
  }
}
