import { RemovalPolicy } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import type { StageSettings } from '../stages.ts';

export interface RelayTableProps extends Pick<StageSettings, 'protectsData'> {
  /** Whether it refuses to be deleted. */
  locked: boolean;
}

/** The one table: on demand, recoverable to any second of the last 35 days, and hard to delete. */
export class RelayTable extends Table {
  constructor(scope: Construct, { protectsData, locked }: RelayTableProps) {
    super(scope, 'Table', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      timeToLiveAttribute: 'expiresAt',
      stream: StreamViewType.NEW_AND_OLD_IMAGES,
      deletionProtection: locked,
      removalPolicy: protectsData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
    });
    this.addGlobalSecondaryIndex({
      indexName: 'open',
      partitionKey: { name: 'open', type: AttributeType.STRING },
      sortKey: { name: 'nextAttemptAt', type: AttributeType.NUMBER },
      projectionType: ProjectionType.KEYS_ONLY,
    });
    this.addGlobalSecondaryIndex({
      indexName: 'recent',
      partitionKey: { name: 'list', type: AttributeType.STRING },
      sortKey: { name: 'listKey', type: AttributeType.STRING },
      projectionType: ProjectionType.KEYS_ONLY,
    });
  }

  get streamArn(): string {
    if (this.tableStreamArn === undefined) throw new Error('Bug! The table has no stream.');
    return this.tableStreamArn;
  }

  index(name: 'open' | 'recent'): string {
    return `${this.tableArn}/index/${name}`;
  }
}
