import { Duration, Validations } from 'aws-cdk-lib';
import {
  CfnStage,
  type HttpApi,
  type HttpMethod,
  HttpRoute,
  HttpRouteKey,
  type HttpStage,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { type IMetric, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type * as z from 'zod/mini';
import { addAlarm } from './alarm.ts';
import { RelayFunction, type RelayFunctionProps } from './relay-function.ts';

export interface RoutedFunctionProps<Schema extends z.ZodMiniType> extends RelayFunctionProps<Schema> {
  api: HttpApi;
  apiStage: HttpStage;
  method: HttpMethod;
  /** Another method of the same path. */
  alsoMethod?: HttpMethod;
  path: string;
  /** Why anybody may call it. Default: the function checks a secret. */
  openBecause?: string;
  /**
   * Requests a second, and at once; what is more is answered 429 before it costs an execution. Default: the API's.
   */
  throttle?: { rate: number; burst: number };
}

/** A function behind one route, with an alarm for answers of 5xx: the sender was told to try again. */
export class RoutedFunction<Schema extends z.ZodMiniType> extends RelayFunction<Schema> {
  constructor(scope: Construct, props: RoutedFunctionProps<Schema>) {
    super(scope, props);
    const { api, apiStage, method, alsoMethod, path, name, topic, impact, throttle } = props;
    const { openBecause = CHECKS_SECRET } = props;
    const integration = new HttpLambdaIntegration('Integration', this.lambda);
    const methods = [method, ...(alsoMethod === undefined ? [] : [alsoMethod])];
    const answers5xx = methods.map((one) => {
      const route = new HttpRoute(this, one === method ? 'Route' : `Route${one}`, {
        httpApi: api,
        routeKey: HttpRouteKey.with(path, one),
        integration,
      });
      Validations.of(route).acknowledge({ id: 'AwsSolutions::AwsSolutions-APIG4', reason: openBecause });
      if (throttle) throttleRoute(apiStage, route, `${one} ${path}`, throttle);
      return new Metric({
        namespace: 'AWS/ApiGateway',
        metricName: '5xx',
        dimensionsMap: { ApiId: api.apiId, Stage: apiStage.stageName, Method: one, Resource: path },
        statistic: 'Sum',
        period: Duration.minutes(5),
      });
    });
    addAlarm(this, { name: `${name} answers 5xx`, impact, topic, metric: sumOf(answers5xx) });
  }
}

const CHECKS_SECRET =
  'The sender proves itself by a secret over the raw body, which only the function can check. It fails closed.';

/** A metric that nobody has written yet counts as 0. */
function sumOf(metrics: Metric[]): IMetric {
  const [only, ...others] = metrics;
  if (only !== undefined && others.length === 0) return only;
  return new MathExpression({
    expression: metrics.map((_, index) => `FILL(m${index}, 0)`).join(' + '),
    usingMetrics: Object.fromEntries(metrics.map((metric, index) => [`m${index}`, metric])),
    period: Duration.minutes(5),
  });
}

/**
 * CloudFormation refuses settings of a route that does not exist yet. The settings of a route replace the stage's.
 */
function throttleRoute(
  stage: HttpStage,
  route: HttpRoute,
  routeKey: string,
  { rate, burst }: { rate: number; burst: number },
): void {
  stage.node.addDependency(route);
  const resource = stage.node.defaultChild;
  if (!(resource instanceof CfnStage)) throw new Error('Bug! The stage of the API is no resource.');
  resource.addPropertyOverride(`RouteSettings.${routeKey}`, {
    ThrottlingRateLimit: rate,
    ThrottlingBurstLimit: burst,
    DetailedMetricsEnabled: true,
  });
}
