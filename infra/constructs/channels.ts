import { Duration } from 'aws-cdk-lib';
import { type HttpApi, HttpMethod, type HttpStage } from 'aws-cdk-lib/aws-apigatewayv2';
import { Construct } from 'constructs';
import { envSchema as webhookEnv } from '../../functions/channel-webhook/env.ts';
import { envSchema as workerEnv } from '../../functions/channel-worker/env.ts';
import { ALERT, ALERT_ATTRIBUTES } from '../../shared/alerts.ts';
import { RECEIPT } from '../../shared/channels/receipts.ts';
import { TOLD_ATTRIBUTES } from '../../shared/incoming/quarantine.ts';
import { REFUSED } from '../../shared/incoming/refusals.ts';
import { SECRET_USED } from '../../shared/incoming/secret-use.ts';
import type { StageSettings } from '../stages.ts';
import type { AlarmTopic } from './alarm-topic.ts';
import { QueueFunction } from './queue-function.ts';
import type { RelayTable } from './relay-table.ts';
import { RoutedFunction } from './routed-function.ts';

export interface ChannelsProps {
  stage: StageSettings;
  topic: AlarmTopic;
  api: HttpApi;
  apiStage: HttpStage;
  table: RelayTable;
  inbound: string;
  outbound: string;
}

/** The relay of messages: one route for all channels and ways → table and ordered queue → worker. */
export class Channels extends Construct {
  readonly webhook: RoutedFunction<typeof webhookEnv>;
  readonly worker: QueueFunction<typeof workerEnv, 'MESSAGE_QUEUE_URL' | 'MESSAGE_DEAD_LETTER_URL'>;

  constructor(scope: Construct, { stage, topic, api, apiStage, table, inbound, outbound }: ChannelsProps) {
    super(scope, 'Channels');
    this.worker = new QueueFunction(this, {
      name: 'channel-worker',
      impact:
        'Chat messages are not delivered: contacts wait for answers. Nothing is lost, and order is kept.',
      stage,
      topic,
      timeout: Duration.seconds(60),
      visibility: Duration.seconds(360),
      // To wait by itself, the worker hides a message for up to 15 minutes, which counts as one receive. 72 h of
      // outage are about 600 receives, and fewer if a chat asks for longer waits. A message ends by the worker's
      // verdict, never by being received too often.
      maxReceiveCount: 1_000,
      oldestMessage: Duration.minutes(30),
      deadLetterImpact: 'A chat message was not delivered, and will not be by itself.',
      ordered: true,
      schema: workerEnv,
      environment: { TABLE_NAME: table.tableName, OUTBOUND_SECRET: outbound },
      ownQueues: { queue: 'MESSAGE_QUEUE_URL', deadLetters: 'MESSAGE_DEAD_LETTER_URL' },
      may: [
        {
          actions: ['dynamodb:GetItem'],
          on: table.tableArn,
          keys: ['MESSAGE#*', 'CONTACT#*', 'WAIT#*', `${RECEIPT}*`],
        },
        {
          actions: ['dynamodb:UpdateItem'],
          on: table.tableArn,
          keys: ['MESSAGE#*', 'CONTACT#*', `${RECEIPT}*`, `${ALERT}*`],
        },
        { actions: ['dynamodb:PutItem'], on: table.tableArn, keys: ['WAIT#*'] },
        { actions: ['secretsmanager:GetSecretValue'], on: outbound },
      ],
    });
    this.webhook = new RoutedFunction(this, {
      name: 'channel-webhook',
      impact: 'Chat messages are not accepted: who sent them must send them again.',
      stage,
      topic,
      timeout: Duration.seconds(10),
      api,
      apiStage,
      method: HttpMethod.POST,
      path: '/channels/{channel}/{direction}',
      // Anybody may post here, and a fresh account runs ten functions at once, the money's among them: at 50 a
      // second and some 30 ms each, strangers keep two of them busy, and all ten for no longer than a second.
      throttle: { rate: 50, burst: 100 },
      schema: webhookEnv,
      environment: {
        TABLE_NAME: table.tableName,
        MESSAGE_QUEUE_URL: this.worker.queue.queueUrl,
        INBOUND_SECRET: inbound,
      },
      may: [
        // It faces the internet. So recharges, accounts and the switch for charging are out of its reach.
        { actions: ['dynamodb:GetItem'], on: table.tableArn, keys: ['MESSAGE#*', `${RECEIPT}*`] },
        {
          actions: ['dynamodb:PutItem'],
          on: table.tableArn,
          keys: ['MESSAGE#*', 'QUARANTINE#*', `${SECRET_USED}*`],
        },
        {
          actions: ['dynamodb:UpdateItem'],
          on: table.tableArn,
          keys: ['QUARANTINE#*'],
          attributes: TOLD_ATTRIBUTES,
        },
        {
          actions: ['dynamodb:UpdateItem'],
          on: table.tableArn,
          keys: ['MESSAGE#*', 'CONTACT#*', `${RECEIPT}*`, 'CONTROL#capture#*', `${REFUSED}*`],
        },
        {
          actions: ['dynamodb:UpdateItem'],
          on: table.tableArn,
          keys: [`${ALERT}*`],
          attributes: ALERT_ATTRIBUTES,
        },
        { actions: ['sqs:SendMessage'], on: this.worker.queue.queueArn },
        { actions: ['secretsmanager:GetSecretValue'], on: inbound },
      ],
    });
  }
}
