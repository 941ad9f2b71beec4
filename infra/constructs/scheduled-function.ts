import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { Construct } from 'constructs';
import type * as z from 'zod/mini';
import { addAlarm } from './alarm.ts';
import { RelayFunction, type RelayFunctionProps } from './relay-function.ts';

export interface ScheduledFunctionProps<Schema extends z.ZodMiniType> extends RelayFunctionProps<Schema> {
  every: Duration;
}

/** A function that runs again and again, and an alarm for when it does not. A missed run is not made up for. */
export class ScheduledFunction<Schema extends z.ZodMiniType> extends RelayFunction<Schema> {
  constructor(scope: Construct, props: ScheduledFunctionProps<Schema>) {
    super(scope, props);
    const { name, topic, impact, every } = props;
    new Rule(this, 'Schedule', {
      schedule: Schedule.rate(every),
      targets: [new LambdaFunction(this.lambda, { retryAttempts: 0, maxEventAge: Duration.seconds(60) })],
    });
    this.lambda.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.seconds(60) });
    addAlarm(this, {
      name: `${name} not running`,
      impact,
      topic,
      metric: this.lambda.metricInvocations({ period: Duration.minutes(5), statistic: 'Sum' }),
      mustHappen: true,
      evaluationPeriods: 2,
    });
  }
}
