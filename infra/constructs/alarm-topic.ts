import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';

export interface AlarmTopicProps {
  /** Must confirm its subscription. */
  email: string | undefined;
  /** Where whoever is told can read what to do. */
  runbookUrl: string | undefined;
}

/** Where alarms go: to an email address, and to whatever is added later. */
export class AlarmTopic extends Topic {
  readonly runbookUrl: string | undefined;

  constructor(scope: Construct, { email, runbookUrl }: AlarmTopicProps) {
    super(scope, 'Alarms', { displayName: 'Recharge Relay', enforceSSL: true });
    this.runbookUrl = runbookUrl;
    // A policy of its own replaces SNS's default one, which lets CloudWatch of this account publish.
    this.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    if (email !== undefined) this.addSubscription(new EmailSubscription(email));
  }
}
