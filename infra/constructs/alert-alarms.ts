import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { ALERTS, type Alert, METRIC_NAMESPACE } from '../../shared/logger.ts';
import { addAlarm } from './alarm.ts';

/** What each alert means, in one sentence; the whole story is in the runbook. */
const IMPACT: Record<Alert, string> = {
  charge_unknown: 'It is not known whether a client was charged; nothing was granted.',
  grant_unknown: 'A client has paid, and it is not known whether the credits were granted.',
  grant_differs: 'A client has paid, and something else was granted than was asked for.',
  grant_refused: 'A client has paid, and the platform refuses the credits.',
  grant_expired: 'A client has paid, and no grant went through for three days.',
  refund_unknown: 'A client is owed a refund, and it is not known whether it was made.',
  refund_failed: 'A client is owed a refund, and the provider refused it.',
  review_waiting: 'A recharge has waited for a person for another day.',
  granted_twice: 'A client may hold credits twice: a loss for the agency.',
  granted_after_refund: 'A client holds credits although the money went back: a loss for the agency.',
  paid_after_end: 'A client was charged for a recharge that had ended without a payment.',
  payment_hook_misconfigured: 'The payment endpoint refuses our requests: no client can be charged.',
  recharge_blocked:
    'A client asked for credits and was refused before anything was charged: its AI will stop.',
  recharge_expired:
    'A client could not be charged within a day, and gets no credits unless it is started again.',
  client_must_act: 'A client gets no credits until it has confirmed its payment itself.',
  other_counterparty:
    'A recharge began with another payment endpoint or platform than is configured now, and waits.',
  charging_paused: 'No client is charged: grants cannot be made now.',
  monthly_cap_near: 'A client has used 80 % of its monthly amount.',
  monthly_cap_reached: 'A client has used all of its monthly amount; its next recharge is refused.',
  no_progress: 'A recharge keeps coming back without getting any further.',
  newer_row: 'A recharge or message is left alone: it was written by a later version than the one running.',
  secret_unreadable:
    'A secret cannot be read: its last known values are used, and a function that starts anew has none.',
  key_reused: 'The platform sent other content under a known key; nothing was done for it.',
  webhook_quarantined: 'A genuine webhook was not understood; its client gets no credits.',
  message_failed: 'A chat message was given up: whoever it was for did not get it.',
  message_parked: 'It is not known whether a chat message was delivered; it is not sent again by itself.',
  message_quarantined: 'A genuine chat message was not understood, and not relayed.',
};

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
  topic: ITopic;
}

/** One alarm for every word of the closed list of alerts, and a few for what only numbers show. */
export class AlertAlarms extends Construct {
  constructor(scope: Construct, { stage, topic }: AlertAlarmsProps) {
    super(scope, 'Alerts');
    for (const word of ALERTS) {
      addAlarm(this, { name: word, impact: IMPACT[word], topic, metric: relayMetric(word, stage) });
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
      impact: 'A chat message has waited for more than half an hour: its contact waits for an answer.',
      topic,
      // The queue's own age leaves out what was received three times or more. So in an outage it shows nothing.
      metric: relayMetric('oldest_message_seconds', stage, 'Maximum').with({ period: Duration.minutes(30) }),
      threshold: Duration.minutes(30).toSeconds(),
    });
    addAlarm(this, {
      name: 'review is old',
      impact:
        'A recharge has waited for a person for more than two days: a client paid, or may have paid, for nothing.',
      topic,
      metric: relayMetric('oldest_review_seconds', stage, 'Maximum'),
      threshold: Duration.days(2).toSeconds(),
    });
  }
}
