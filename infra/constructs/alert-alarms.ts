import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { MEANING_OF } from '../../shared/alert-words.ts';
import { ALERTS, METRIC_NAMESPACE } from '../../shared/logger.ts';
import { addAlarm } from './alarm.ts';
import type { AlarmTopic } from './alarm-topic.ts';

/** The metric under which an alert, or any other count of the log, arrives. */
export function relayMetric(name: string, stage: string, statistic = 'Sum'): Metric {
  return new Metric({
    namespace: METRIC_NAMESPACE,
    metricName: name,
    dimensionsMap: { stage },
    statistic,
    period: Duration.minutes(5),
  });
}

export interface AlertAlarmsProps {
  stage: string;
  topic: AlarmTopic;
}

/** One alarm for every word of the closed list of alerts, and a few for what only numbers show. */
export class AlertAlarms extends Construct {
  constructor(scope: Construct, { stage, topic }: AlertAlarmsProps) {
    super(scope, 'Alerts');
    for (const word of ALERTS) {
      addAlarm(this, {
        name: word,
        impact: MEANING_OF[word],
        look: 'alerts',
        topic,
        metric: relayMetric(word, stage),
      });
    }
    addAlarm(this, {
      name: 'webhooks refused',
      impact: 'Webhooks cannot be verified: if they are genuine, no client gets credits.',
      topic,
      // A quiet agency has a webhook an hour. If all of them are refused, it must ring; for a single stray one it
      // must not. What strangers post counts only if it has the form of a webhook.
      metric: relayMetric('webhook_401_plausible', stage).with({ period: Duration.hours(6) }),
      threshold: 3,
    });
    addAlarm(this, {
      name: 'channel messages refused',
      impact: 'Messages of a channel cannot be verified: if they are genuine, none of them is relayed.',
      topic,
      metric: relayMetric('channel_401', stage).with({ period: Duration.hours(6) }),
      threshold: 3,
    });
    addAlarm(this, {
      name: 'messages wait',
      look: 'messages list --status queued',
      impact: 'A chat message has waited for more than half an hour: its contact waits for an answer.',
      topic,
      // The queue's own age leaves out what was received three times or more. So in an outage it shows nothing.
      metric: relayMetric('oldest_message_seconds', stage, 'Maximum').with({ period: Duration.minutes(30) }),
      threshold: Duration.minutes(30).toSeconds(),
    });
    addAlarm(this, {
      name: 'review is old',
      look: 'recharges list --phase needs_review',
      impact:
        'A recharge has waited for a person for more than two days: a client paid, or may have paid, for nothing.',
      topic,
      metric: relayMetric('oldest_review_seconds', stage, 'Maximum'),
      threshold: Duration.days(2).toSeconds(),
    });
  }
}
