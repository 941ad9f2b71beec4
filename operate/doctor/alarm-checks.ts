import type { Subscription } from '@aws-sdk/client-sns';
import { describeError, maskEmails } from '../../shared/logger.ts';
import { stageOf } from '../target.ts';
import { type Found, fail, ok, skipped, warn } from './finding.ts';
import type { Check, Patient } from './patient.ts';

/** What SNS says instead of an ARN while nobody has opened the link of its email. */
const PENDING = 'PendingConfirmation';

/** The most frequent reason why nobody heard an alarm: the link in SNS's first email was never opened. */
async function alarms(patient: Patient): Promise<Found> {
  const { stack } = patient.target;
  if (stack === undefined) return skipped('npm start sends no email: npx relay alerts lists what is wrong.');
  const { AlarmTopicArn: TopicArn } = await patient.outputs();
  if (TopicArn === undefined) return skipped('The stack does not say where its alarms go: deploy it anew.');
  const { SNSClient, ListSubscriptionsByTopicCommand } = await import('@aws-sdk/client-sns');
  let subscriptions: Subscription[];
  try {
    // A hundred on the first page: more people than are ever woken.
    const page = await new SNSClient({ maxAttempts: 2 }).send(
      new ListSubscriptionsByTopicCommand({ TopicArn }),
    );
    subscriptions = page.Subscriptions ?? [];
  } catch (error) {
    return warn(
      `Whether anybody hears an alarm could not be learnt (${describeError(error)}).`,
      'It takes the right sns:ListSubscriptionsByTopic on the topic: docs/deploy.md',
    );
  }
  const pending = subscriptions.filter(({ SubscriptionArn }) => SubscriptionArn === PENDING);
  const confirmed = subscriptions.length - pending.length;
  const waiting = pending.map(({ Endpoint = '' }) => maskEmails(Endpoint)).join(', ');
  const open =
    'Open the link in the email "AWS Notification - Subscription Confirmation" (look among spam, too). After three days deploy anew.';
  if (confirmed > 0) {
    return pending.length === 0
      ? ok(`${confirmed} ${confirmed === 1 ? 'receiver hears' : 'receivers hear'} of alarms.`)
      : warn(`Alarms are heard, but not by ${waiting}: the subscription is not confirmed.`, open);
  }
  return pending.length > 0
    ? fail(`Nobody hears an alarm: ${waiting} has not confirmed the subscription.`, open)
    : fail(
        'Nobody hears an alarm: the topic has no subscription.',
        `Set alertEmail, deploy (npm run deploy -- --stage ${stageOf(stack)}), and open the link that comes by email.`,
      );
}

export const ALARM_CHECKS: Check[] = [{ id: 'alarms', run: alarms }];
