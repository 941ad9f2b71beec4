import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';

/**
 * A secret without a value, kept when the stack goes. `relay secrets` fills it, and no template ever holds its
 * value.
 */
export function addSecret(
  scope: Construct,
  id: 'InboundSecret' | 'OutboundSecret',
  description: string,
): string {
  const secret = new CfnSecret(scope, id, { description });
  secret.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
  Validations.of(secret).acknowledge({
    id: 'AwsSolutions::AwsSolutions-SMG4',
    reason:
      'Both ends of each secret are other parties: a person changes them there and here (relay secrets rotate).',
  });
  return secret.ref;
}
