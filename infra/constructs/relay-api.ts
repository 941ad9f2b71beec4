import { CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  ApiMapping,
  DomainName,
  HttpApi,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { StageSettings } from '../stages.ts';

/** No query string, which may carry a token, and no header. */
const ACCESS_LOG = JSON.stringify({
  time: '$context.requestTime',
  requestId: '$context.requestId',
  ip: '$context.identity.sourceIp',
  route: '$context.routeKey',
  status: '$context.status',
  bytes: '$context.responseLength',
  latencyMs: '$context.responseLatency',
  integrationError: '$context.integrationErrorMessage',
});

/** The HTTP API: throttled far above what a platform sends, logged, measured by route. */
export class RelayApi extends Construct {
  readonly api: HttpApi;
  readonly stage: HttpStage;
  readonly url: string;

  constructor(scope: Construct, { name, logRetention, protectsData, domain }: StageSettings) {
    super(scope, 'Api');
    this.api = new HttpApi(this, 'HttpApi', {
      apiName: `recharge-relay-${name}`,
      createDefaultStage: false,
      disableExecuteApiEndpoint: domain?.only ?? false,
    });
    const logGroup = new LogGroup(this, 'AccessLog', {
      retention: logRetention,
      removalPolicy: protectsData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
    });
    this.stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: 200, burstLimit: 400 },
      detailedMetricsEnabled: true,
      accessLogSettings: {
        destination: new LogGroupLogDestination(logGroup),
        format: AccessLogFormat.custom(ACCESS_LOG),
      },
    });
    this.url = domain ? `https://${domain.name}` : this.api.apiEndpoint;
    if (domain) {
      const certificate = Certificate.fromCertificateArn(this, 'Certificate', domain.certificateArn);
      const domainName = new DomainName(this, 'Domain', { domainName: domain.name, certificate });
      new ApiMapping(this, 'Mapping', { api: this.api, domainName, stage: this.stage });
      new CfnOutput(Stack.of(this), 'DomainTarget', {
        value: domainName.regionalDomainName,
        description: `${domain.name} must be a CNAME of this`,
      });
    }
  }
}
