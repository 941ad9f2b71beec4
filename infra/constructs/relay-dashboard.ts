import {
  Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IMetric,
  SingleValueWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { relayMetric } from './alert-alarms.ts';
import type { Events } from './events.ts';
import type { QueueFunction } from './queue-function.ts';
import type { RelayFunction } from './relay-function.ts';

/** It shows all alarms that `scope` has by then: make it last. */
export interface RelayDashboardProps {
  stage: string;
  currency: string;
  functions: Pick<RelayFunction<never>, 'lambda' | 'node'>[];
  /** By what waits in them. */
  queues: Record<string, Pick<QueueFunction<never>, 'queue' | 'deadLetters'>>;
  events: Events;
}

/**
 * Two questions: is money moving, and is anything stuck?
 *
 * Of an account's dashboards, three are free if they show at most 50 metrics each; one with more costs 3 USD a month
 * (https://aws.amazon.com/cloudwatch/pricing/). So it shows the state of each alarm, and no graph of each alert.
 */
export class RelayDashboard extends Dashboard {
  constructor(scope: Construct, { stage, currency, functions, queues, events }: RelayDashboardProps) {
    super(scope, 'Dashboard');
    const graph = (title: string, left: IMetric[]) => new GraphWidget({ title, left, width: 12 });
    const counts = (...names: string[]) => names.map((name) => relayMetric(name, stage));
    this.addWidgets(
      new TextWidget({ markdown: `# Recharge Relay, ${stage}: is money moving?`, width: 24, height: 1 }),
    );
    this.addWidgets(
      graph(
        'Recharges that ended',
        counts(...['completed', 'declined', 'blocked', 'refunded'].map((phase) => `recharges_${phase}`)),
      ),
      graph(
        'Answers to webhooks',
        counts(...[202, 200, 400, 401, 409, 413, 500].map((status) => `webhook_${status}`)),
      ),
    );
    this.addWidgets(
      graph(`Charged, minor units of ${currency}`, counts(`charged_${currency}`)),
      graph('Credits granted', counts('credits_granted')),
    );
    this.addWidgets(
      graph(
        'Messages that ended',
        counts(...['delivered', 'failed', 'parked'].map((status) => `messages_${status}`)),
      ),
      graph(
        'Answers to channels',
        counts(...[200, 202, 400, 401, 404, 409, 413, 500].map((status) => `channel_${status}`)),
      ),
    );
    this.addWidgets(new TextWidget({ markdown: '# Is anything stuck?', width: 24, height: 1 }));
    this.addWidgets(
      new SingleValueWidget({
        title: 'Waiting for a person',
        metrics: ['needs_review', 'oldest_review_seconds'].map((name) => relayMetric(name, stage, 'Maximum')),
        width: 12,
      }),
    );
    this.addWidgets(
      ...Object.entries(queues).map(([name, { queue, deadLetters }]) =>
        graph(`Queue of ${name}`, [
          queue.metricApproximateAgeOfOldestMessage(),
          queue.metricApproximateNumberOfMessagesVisible(),
          deadLetters.metricApproximateNumberOfMessagesVisible({ label: 'dead letters' }),
        ]),
      ),
    );
    this.addWidgets(
      graph('Events: how far behind', [
        events.function.lambda.metric('IteratorAge', { statistic: 'Maximum' }),
      ]),
      graph('Events that were not sent', [
        events.deadLetters.metricApproximateNumberOfMessagesVisible({ label: 'not read' }),
        ...(events.undelivered
          ? [events.undelivered.metricApproximateNumberOfMessagesVisible({ label: 'not delivered' })]
          : []),
      ]),
    );
    const alarms = scope.node.findAll().filter((construct) => construct instanceof Alarm);
    this.addWidgets(new AlarmStatusWidget({ title: 'Alarms', alarms, width: 24, height: 8 }));
    this.addWidgets(
      graph(
        'Errors',
        functions.map(({ lambda, node }) => lambda.metricErrors({ label: node.id })),
      ),
      graph(
        'Run time, the slowest 1 %',
        functions.map(({ lambda, node }) => lambda.metricDuration({ statistic: 'p99', label: node.id })),
      ),
    );
  }
}
