import { Duration } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type * as z from 'zod/mini';
import { addAlarm } from './alarm.ts';
import { RelayFunction, type RelayFunctionProps } from './relay-function.ts';

export interface QueueFunctionProps<Schema extends z.ZodMiniType, Own extends string = never>
  extends RelayFunctionProps<Schema, Own> {
  /** How long a message stays hidden while it is handled: six times the timeout, and longer than any lease. */
  visibility: Duration;
  maxReceiveCount: number;
  /** When the oldest message has this age, the queue is not being worked off. */
  oldestMessage: Duration;
  /** What a message in the dead-letter queue means for clients and money. */
  deadLetterImpact: string;
  /** In order within each group, up to ten messages at a time; otherwise one at a time, in any order. */
  ordered?: boolean;
  /** The variables in which the function finds its own queues, where it hides messages and buries them itself. */
  ownQueues?: { queue: Own; deadLetters: Own };
}

/** Thousands of messages a second, each deduplicated within its group. A group is one contact of one channel. */
const ORDERED = {
  fifo: true,
  deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
  fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
};

/** A function fed by a queue of its own, with a dead-letter queue. */
export class QueueFunction<Schema extends z.ZodMiniType, Own extends string = never> extends RelayFunction<
  Schema,
  Own
> {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, props: QueueFunctionProps<Schema, Own>) {
    super(scope, props);
    const { name, topic, impact, stage, ordered = false } = props;
    const common = {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      ...(ordered ? ORDERED : {}),
    };
    this.deadLetters = new Queue(this, 'DeadLetters', { ...common, visibilityTimeout: props.visibility });
    this.queue = new Queue(this, 'Queue', {
      ...common,
      visibilityTimeout: props.visibility,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: props.maxReceiveCount },
    });
    const source = {
      batchSize: ordered ? 10 : 1,
      reportBatchItemFailures: true,
      maxConcurrency: stage.workerConcurrency,
    };
    this.lambda.addEventSource(new SqsEventSource(this.queue, source));

    if (props.ownQueues) {
      this.lambda.addEnvironment(props.ownQueues.queue, this.queue.queueUrl);
      this.lambda.addEnvironment(props.ownQueues.deadLetters, this.deadLetters.queueUrl);
      const actions = ['sqs:SendMessage'];
      this.lambda.addToRolePolicy(new PolicyStatement({ actions, resources: [this.deadLetters.queueArn] }));
    }

    const everyMinute = { period: Duration.minutes(1) };
    addAlarm(this, {
      name: `${name} dead letters`,
      impact: props.deadLetterImpact,
      look: 'deadletters list',
      topic,
      metric: this.deadLetters.metricApproximateNumberOfMessagesVisible({
        ...everyMinute,
        statistic: 'Maximum',
      }),
    });
    addAlarm(this, {
      name: `${name} queue is old`,
      impact,
      topic,
      metric: this.queue.metricApproximateAgeOfOldestMessage({ ...everyMinute, statistic: 'Maximum' }),
      threshold: props.oldestMessage.toSeconds(),
    });
  }
}
