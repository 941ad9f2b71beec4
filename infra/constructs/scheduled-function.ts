import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { Construct } from 'constructs';
import type * as z from 'zod/mini';
import { addAlarm } from './alarm.ts';
import { RelayFunction, type RelayFunctionProps } from './relay-function.ts';

export interface ScheduledFunctionProps<Schema extends z.ZodMiniType> extends RelayFunctionProps<Schema> {
  every: Duration;
  /** When, where it is a time of the day, in UTC; else from the deployment on. */
  at?: { hour: string; minute: string };
}

/**
 * An alarm counts over two of these, or of the function's own: two days are allowed, as the period is over an hour.
 * Source: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html, Period.
 */
const COUNTED_MS = 5 * 60_000;

/** A function that runs again and again, and an alarm for when it does not. A missed run is not made up for. */
export class ScheduledFunction<Schema extends z.ZodMiniType> extends RelayFunction<Schema> {
  constructor(scope: Construct, props: ScheduledFunctionProps<Schema>) {
    super(scope, props);
    const { name, topic, impact, every, at } = props;
    const period = Duration.millis(Math.max(every.toMilliseconds(), COUNTED_MS));
    new Rule(this, 'Schedule', {
      schedule: at === undefined ? Schedule.rate(every) : Schedule.cron(at),
      targets: [new LambdaFunction(this.lambda, { retryAttempts: 0, maxEventAge: Duration.seconds(60) })],
    });
    this.lambda.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.seconds(60) });
    addAlarm(this, {
      name: `${name} not running`,
      impact,
      topic,
      metric: this.lambda.metricInvocations({ period, statistic: 'Sum' }),
      mustHappen: true,
      evaluationPeriods: 2,
    });
  }
}
