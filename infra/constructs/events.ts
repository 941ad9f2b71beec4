import { CfnOutput, Duration, SecretValue, Stack, Validations } from 'aws-cdk-lib';
import {
  ApiDestination,
  Archive,
  Authorization,
  Connection,
  EventBus,
  HttpMethod,
  Rule,
  RuleTargetInput,
} from 'aws-cdk-lib/aws-events';
import { ApiDestination as ApiDestinationTarget } from 'aws-cdk-lib/aws-events-targets';
import { EventSourceMapping, FilterCriteria, FilterRule, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { envSchema } from '../../functions/recharge-events/env.ts';
import { ALERT } from '../../shared/alerts.ts';
import { EVENT_SOURCE } from '../../shared/events/event-bus.ts';
import type { EventsSettings } from '../../shared/events/settings.ts';
import { EVENT_PHASES } from '../../shared/events/transitions.ts';
import { ACCOUNT } from '../../shared/recharge/dynamo-accounts.ts';
import { RECHARGE } from '../../shared/recharge/dynamo-recharges.ts';
import type { StageSettings } from '../stages.ts';
import { addAlarm } from './alarm.ts';
import type { AlarmTopic } from './alarm-topic.ts';
import { RelayFunction } from './relay-function.ts';
import type { RelayTable } from './relay-table.ts';

export interface EventsProps {
  stage: StageSettings;
  topic: AlarmTopic;
  table: RelayTable;
  /** The agency's address; without it, events end on the bus, where rules of the agency's own may pick them up. */
  settings: EventsSettings | undefined;
}

/** As long as DynamoDB keeps a change, and as EventBridge may try a delivery. */
const A_DAY = Duration.hours(24);
/** What a receiver missed can be sent again from the archive for as long as its dead letters are kept. */
const TWO_WEEKS = Duration.days(14);

/** Events out: the table's stream → recharge-events → a bus of the stack's own → the agency's address. */
export class Events extends Construct {
  readonly function: RelayFunction<typeof envSchema>;
  readonly deadLetters: Queue;
  /** Absent where the agency has no address for events. */
  readonly undelivered: Queue | undefined;

  constructor(scope: Construct, { stage, topic, table, settings }: EventsProps) {
    super(scope, 'Events');
    const { stackName } = Stack.of(this);
    const bus = new EventBus(this, 'Bus', { eventBusName: stackName });
    this.deadLetters = this.#deadLetterQueue('DeadLetters');
    this.function = new RelayFunction(this, {
      name: 'recharge-events',
      impact: 'Your own systems are not told what happens to recharges. Charging and granting go on.',
      stage,
      topic,
      timeout: Duration.seconds(60),
      schema: envSchema,
      environment: {
        STACK: stackName,
        EVENT_BUS: bus.eventBusName,
        ALARM_TOPIC: topic.topicArn,
        DEAD_LETTER_URL: this.deadLetters.queueUrl,
      },
      may: [
        { actions: ['events:PutEvents'], on: bus.eventBusArn },
        { actions: ['sns:Publish'], on: topic.topicArn },
      ],
    });
    this.#readStream(table);
    this.#watch(topic);
    if (settings) this.undelivered = this.#deliver(bus, settings, topic);
    new CfnOutput(Stack.of(this), 'EventDeadLettersUrl', { value: this.deadLetters.queueUrl });
    new CfnOutput(Stack.of(this), 'EventBusArn', {
      value: bus.eventBusArn,
      description: 'For rules of your own',
    });
  }

  /** One reader a shard, and a change after the other: so the events of a recharge keep their order. */
  #readStream(table: RelayTable): void {
    const key = (prefix: string) => ({ pk: { S: FilterRule.beginsWith(prefix) } });
    table.grantStreamRead(this.function.lambda);
    new EventSourceMapping(this, 'Source', {
      target: this.function.lambda,
      eventSourceArn: table.streamArn,
      // Not the latest only: what changes while the first deployment is still going on is an event, too.
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: 100,
      // What comes within a second is one run, and one mail.
      maxBatchingWindow: Duration.seconds(1),
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      maxRecordAge: A_DAY,
      onFailure: new SqsDlq(this.deadLetters),
      // What can be no event costs no run: claims, grants under way, messages.
      filters: [
        FilterCriteria.filter({
          dynamodb: { Keys: key(RECHARGE), NewImage: { phase: { S: FilterRule.or(...EVENT_PHASES) } } },
        }),
        FilterCriteria.filter({ dynamodb: { Keys: key(ACCOUNT) } }),
        FilterCriteria.filter({ dynamodb: { Keys: key(ALERT) } }),
      ],
    });
  }

  #watch(topic: AlarmTopic): void {
    const everyMinute = { period: Duration.minutes(1), statistic: 'Maximum' };
    addAlarm(this, {
      name: 'recharge-events is behind',
      impact:
        'Your own systems hear late of what happens to recharges. After a day they are not told at all.',
      topic,
      metric: this.function.lambda.metric('IteratorAge', everyMinute),
      threshold: Duration.minutes(15).toMilliseconds(),
    });
    addAlarm(this, {
      name: 'recharge-events dead letters',
      impact: 'Your own systems are not told of a change, and will not be by themselves.',
      topic,
      metric: this.deadLetters.metricApproximateNumberOfMessagesVisible(everyMinute),
    });
  }

  /** Posts each event to the agency's address, again and again for a day. */
  #deliver(bus: EventBus, { url, header }: EventsSettings, topic: AlarmTopic): Queue {
    const secret = new Secret(this, 'Secret', {
      description: 'Recharge Relay: what proves us to your address for events',
      generateSecretString: { excludePunctuation: true, passwordLength: 40 },
    });
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions::AwsSolutions-SMG4',
      reason:
        "The other end is the agency's own system: a person changes it there and here (docs/events.md).",
    });
    const connection = new Connection(this, 'Connection', {
      authorization: Authorization.apiKey(header, SecretValue.secretsManager(secret.secretArn)),
    });
    const destination = new ApiDestination(this, 'Destination', {
      connection,
      endpoint: url,
      httpMethod: HttpMethod.POST,
    });
    // The class is not what the target takes: its optional ARN may be given, and undefined.
    const { apiDestinationArn } = destination;
    const target = ApiDestination.fromApiDestinationAttributes(this, 'Target', {
      apiDestinationArn,
      connection,
    });
    const undelivered = this.#deadLetterQueue('Undelivered');
    const ours = { source: [EVENT_SOURCE] };
    const rule = new Rule(this, 'Delivery', {
      eventBus: bus,
      eventPattern: ours,
      targets: [
        new ApiDestinationTarget(target, {
          event: RuleTargetInput.fromEventPath('$.detail'),
          retryAttempts: 185,
          maxEventAge: A_DAY,
          deadLetterQueue: undelivered,
        }),
      ],
    });
    const archive = new Archive(this, 'Archive', {
      sourceEventBus: bus,
      eventPattern: ours,
      retention: TWO_WEEKS,
    });
    addAlarm(this, {
      name: 'events not delivered',
      impact:
        'Your address for events refused some, or was away for a day: your own systems do not know them.',
      topic,
      metric: undelivered.metricApproximateNumberOfMessagesVisible({
        period: Duration.minutes(1),
        statistic: 'Maximum',
      }),
    });
    const stack = Stack.of(this);
    new CfnOutput(stack, 'EventsSecretId', {
      value: secret.secretArn,
      description: `What your address finds in the header ${header}`,
    });
    new CfnOutput(stack, 'UndeliveredEventsUrl', { value: undelivered.queueUrl });
    new CfnOutput(stack, 'EventArchiveArn', { value: archive.archiveArn });
    new CfnOutput(stack, 'EventRuleArn', { value: rule.ruleArn });
    new CfnOutput(stack, 'EventConnectionName', { value: connection.connectionName });
    return undelivered;
  }

  #deadLetterQueue(id: string): Queue {
    const queue = new Queue(this, id, {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: TWO_WEEKS,
    });
    Validations.of(queue).acknowledge({
      id: 'AwsSolutions::AwsSolutions-SQS3',
      reason: 'It is a dead-letter queue itself.',
    });
    return queue;
  }
}
