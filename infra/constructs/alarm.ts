import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

export interface RelayAlarmProps {
  /** Its section in RUNBOOK.md has this heading. */
  name: string;
  /** What this means for clients and money. A person who was woken reads it first. */
  impact: string;
  metric: IMetric;
  topic: ITopic;
  /** The alarm rings from this value on. */
  threshold?: number;
  /** Rings below the threshold, and if there is no data. For what must keep happening. */
  mustHappen?: boolean;
  evaluationPeriods?: number;
}

/** One alarm, with the sentence that says what it means and where to read what to do. */
export function addAlarm(
  scope: Construct,
  { name, impact, metric, topic, ...props }: RelayAlarmProps,
): Alarm {
  const { threshold = 1, mustHappen = false, evaluationPeriods = 1 } = props;
  const alarm = new Alarm(scope, `${pascal(name)}Alarm`, {
    metric,
    threshold,
    evaluationPeriods,
    comparisonOperator: mustHappen
      ? ComparisonOperator.LESS_THAN_THRESHOLD
      : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: mustHappen ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    alarmDescription: `${impact} What to do: RUNBOOK.md#${anchorOf(name)}`,
  });
  alarm.addAlarmAction(new SnsAction(topic));
  return alarm;
}

/** The anchor GitHub gives a heading. */
export const anchorOf = (heading: string) => heading.toLowerCase().replaceAll('`', '').replaceAll(' ', '-');

const pascal = (name: string) =>
  name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('');
