import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type * as z from 'zod/mini';
import { assetOf, type FunctionName } from '../build.ts';
import type { StageSettings } from '../stages.ts';
import { addAlarm } from './alarm.ts';
import type { AlarmTopic } from './alarm-topic.ts';

/** `Own`: what the construct itself adds to the environment. */
export interface RelayFunctionProps<Schema extends z.ZodMiniType, Own extends string = never> {
  name: FunctionName;
  stage: StageSettings;
  /** Who hears of alarms. */
  topic: AlarmTopic;
  /** What a failure of this function means for clients and money. */
  impact: string;
  timeout: Duration;
  /**
   * The schema with which the function reads its environment. If something is missing below, it does not compile.
   */
  schema: Schema;
  environment: Omit<z.input<Schema>, 'STAGE' | Own>;
  /**
   * What the function may do; nothing else. Actions by resource; of a table, only the keys that begin so, and of an
   * item only these attributes. Not with a put, which replaces the item: all others would be gone.
   */
  may: { actions: string[]; on: string; keys?: string[]; attributes?: string[] }[];
}

/** 1,769 MB are one CPU. With half of one, a start takes under a second, and a warm run only waits. */
const MEMORY_MB = 1024;

/** A function of the relay: its bundle, a role of its own, its log, and alarms that say what a failure means. */
export class RelayFunction<Schema extends z.ZodMiniType, Own extends string = never> extends Construct {
  readonly lambda: LambdaFunction;

  constructor(scope: Construct, props: RelayFunctionProps<Schema, Own>) {
    super(scope, props.name);
    const { name, stage, topic, impact } = props;
    const logGroup = new LogGroup(this, 'Log', {
      retention: stage.logRetention,
      removalPolicy: stage.protectsData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
    });
    // Not the managed policy for basic execution, which may write to every log of the account.
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    for (const { actions, on, keys, attributes } of props.may) {
      role.addToPolicy(
        new PolicyStatement({ actions, resources: [on], conditions: tableConditions(keys, attributes) }),
      );
    }

    this.lambda = new LambdaFunction(this, 'Function', {
      description: `Recharge Relay: ${name}`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(assetOf(name)),
      handler: 'index.handler',
      timeout: props.timeout,
      memorySize: MEMORY_MB,
      role,
      logGroup,
      tracing: Tracing.ACTIVE,
      environment: { ...props.environment, STAGE: stage.name },
    });
    Validations.of(role).acknowledge({
      id: 'AwsSolutions::AwsSolutions-IAM5[Resource::*]',
      reason: 'X-Ray takes traces (xray:PutTraceSegments, xray:PutTelemetryRecords) on no narrower resource.',
    });
    const every5Minutes = { period: Duration.minutes(5) };
    addAlarm(this, {
      name: `${name} errors`,
      impact,
      topic,
      metric: this.lambda.metricErrors(every5Minutes),
    });
    addAlarm(this, {
      name: `${name} throttled`,
      impact,
      topic,
      metric: this.lambda.metricThrottles(every5Minutes),
    });
  }
}

/**
 * `dynamodb:Attributes` is every attribute that a request names, to write it or in a condition, its keys included:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
 * `ForAllValues` also holds where a request names none at all, so `Null` says that it must.
 */
function tableConditions(keys: string[] | undefined, attributes: string[] | undefined) {
  return {
    ...(keys ? { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys } } : {}),
    ...(attributes
      ? {
          'ForAllValues:StringEquals': { 'dynamodb:Attributes': attributes },
          Null: { 'dynamodb:Attributes': 'false' },
        }
      : {}),
  };
}
