import { Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { Construct } from 'constructs';
import { runbookSection } from '../../shared/alert-words.ts';
import type { AlarmTopic } from './alarm-topic.ts';

export interface RelayAlarmProps {
  /** Its section in RUNBOOK.md has this heading. */
  name: string;
  /** What this means for clients and money. A person who was woken reads it first. */
  impact: string;
  /** The command that shows what rang, without the program's name. Default: `status`. */
  look?: string;
  metric: IMetric;
  topic: AlarmTopic;
  /** The alarm rings from this value on. */
  threshold?: number;
  /** Rings below the threshold, and if there is no data. For what must keep happening. */
  mustHappen?: boolean;
  evaluationPeriods?: number;
}

/** One alarm. Its email says what it means, the command that shows which recharge it is about, and where to read what to do. */
export function addAlarm(
  scope: Construct,
  { name, impact, metric, topic, ...props }: RelayAlarmProps,
): Alarm {
  const { look = 'status', threshold = 1, mustHappen = false, evaluationPeriods = 1 } = props;
  const alarm = new Alarm(scope, `${pascal(name)}Alarm`, {
    metric,
    threshold,
    evaluationPeriods,
    comparisonOperator: mustHappen
      ? ComparisonOperator.LESS_THAN_THRESHOLD
      : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    treatMissingData: mustHappen ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    alarmDescription: [
      impact,
      `What it is about: npx relay --stack ${Stack.of(scope).stackName} ${look}`,
      `What to do: ${runbookSection(name, topic.runbookUrl)}`,
    ].join('\n'),
  });
  alarm.addAlarmAction(new SnsAction(topic));
  return alarm;
}

const pascal = (name: string) =>
  name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('');
