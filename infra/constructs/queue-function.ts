import { Duration } from 'aws-cdk-lib';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type * as z from 'zod';
import { addAlarm } from './alarm.ts';
import { RelayFunction, type RelayFunctionProps } from './relay-function.ts';

export interface QueueFunctionProps<Schema extends z.ZodType> extends RelayFunctionProps<Schema> {
  /** How long a message stays hidden while it is handled: six times the timeout, and longer than any lease. */
  visibility: Duration;
  maxReceiveCount: number;
  /** From this age of the oldest message on, the queue is not being worked off. */
  oldestMessage: Duration;
}

/** A function fed by a queue of its own, one message at a time, with a dead-letter queue and its way back. */
export class QueueFunction<Schema extends z.ZodType> extends RelayFunction<Schema> {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, props: QueueFunctionProps<Schema>) {
    super(scope, props);
    const { name, topic, impact, stage } = props;
    const common = {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    };
    this.deadLetters = new Queue(this, 'DeadLetters', { ...common, visibilityTimeout: props.visibility });
    this.queue = new Queue(this, 'Queue', {
      ...common,
      visibilityTimeout: props.visibility,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: props.maxReceiveCount },
    });
    const source = { batchSize: 1, reportBatchItemFailures: true, maxConcurrency: stage.workerConcurrency };
    this.lambda.addEventSource(new SqsEventSource(this.queue, source));
    // Switched on by hand, the function works its dead letters off: no script needed at night.
    this.lambda.addEventSource(new SqsEventSource(this.deadLetters, { ...source, enabled: false }));

    const everyMinute = { period: Duration.minutes(1) };
    addAlarm(this, {
      name: `${name} dead letters`,
      impact: 'A message failed again and again. No recharge is lost: each row brings itself back.',
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
