import {
  CloudFormationClient,
  DeleteStackCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
  paginateListStackResources,
  UpdateTerminationProtectionCommand,
} from '@aws-sdk/client-cloudformation';
import {
  DynamoDBClient,
  paginateListTables,
  paginateQuery,
  paginateScan,
  ResourceNotFoundException,
} from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { awsFault } from '../../shared/aws-fault.ts';
import type { WaitsFor } from '../../shared/recharge/ledger.ts';
import { conditionOf, type StackResource, type StackState } from './stack-state.ts';

/** A stack takes minutes to be deleted. */
const POLL_MS = 5_000;

export interface CloudOptions {
  /** Of the shell's AWS configuration; default: what the SDK takes by itself. */
  profile?: string | undefined;
  pollMs?: number;
}

export type Cloud = Awaited<ReturnType<typeof openCloud>>;

/**
 * What the scripts ask of AWS beside CDK, with the credentials of the shell.
 *
 * @throws an Error that says in one sentence what the shell lacks: region, credentials, rights.
 */
export async function openCloud({ profile, pollMs = POLL_MS }: CloudOptions) {
  const config = profile === undefined ? {} : { profile };
  const stacks = new CloudFormationClient(config);
  const tables = new DynamoDBClient(config);
  const region = await inWords(stacks.config.region());

  const describe = async (nameOrId: string): Promise<StackState | undefined> => {
    try {
      const { Stacks: [stack] = [] } = await stacks.send(new DescribeStacksCommand({ StackName: nameOrId }));
      if (stack?.StackStatus === undefined) return undefined;
      return {
        id: stack.StackId ?? nameOrId,
        status: stack.StackStatus,
        isProtected: stack.EnableTerminationProtection ?? false,
        changedAt: (stack.LastUpdatedTime ?? stack.CreationTime ?? new Date(0)).toISOString(),
      };
    } catch (error) {
      if (
        error instanceof Error &&
        error.name === 'ValidationError' &&
        /does not exist/.test(error.message)
      ) {
        return undefined;
      }
      throw error;
    }
  };

  return {
    region,
    describe: (nameOrId: string) => inWords(describe(nameOrId)),

    resources: (nameOrId: string): Promise<StackResource[]> =>
      inWords(
        collected(paginateListStackResources({ client: stacks }, { StackName: nameOrId }), (page) =>
          (page.StackResourceSummaries ?? []).map((resource) => ({
            logicalId: resource.LogicalResourceId ?? '',
            type: resource.ResourceType ?? '',
            physicalId: resource.PhysicalResourceId,
            status: resource.ResourceStatus ?? '',
            reason: resource.ResourceStatusReason,
          })),
        ),
      ),

    /** The logical ids of what outlives the stack, by the template that is deployed. */
    async keptIds(nameOrId: string): Promise<Set<string>> {
      const { TemplateBody } = await inWords(
        stacks.send(new GetTemplateCommand({ StackName: nameOrId, TemplateStage: 'Processed' })),
      );
      const { Resources } = templateSchema.parse(JSON.parse(TemplateBody ?? '{}'));
      const kept = Object.entries(Resources).filter(([, { DeletionPolicy = '' }]) =>
        DeletionPolicy.startsWith('Retain'),
      );
      return new Set(kept.map(([logicalId]) => logicalId));
    },

    async unprotect(name: string): Promise<void> {
      await inWords(
        stacks.send(
          new UpdateTerminationProtectionCommand({ StackName: name, EnableTerminationProtection: false }),
        ),
      );
    },

    /** Waits for the end, which may be `DELETE_FAILED`. */
    async remove(id: string): Promise<StackState | undefined> {
      await inWords(stacks.send(new DeleteStackCommand({ StackName: id })));
      for (;;) {
        const stack = await inWords(describe(id));
        if (conditionOf(stack) !== 'busy') return stack;
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    },

    /** False, too, where there is no such table. */
    async hasRows(table: string): Promise<boolean> {
      const pages = paginateScan({ client: tables }, { TableName: table, Limit: 1, ConsistentRead: true });
      const some = async () => {
        for await (const { Count = 0 } of pages) if (Count > 0) return true;
        return false;
      };
      return (await ifThere(some())) ?? false;
    },

    /** Recharges that are not at rest: they wait for a time or for a person. None where there is no such table. */
    async unfinished(table: string): Promise<number> {
      const partitions: WaitsFor[] = ['time', 'person'];
      const counts = partitions.map(async (open) => {
        const pages = paginateQuery(
          { client: tables },
          {
            TableName: table,
            IndexName: 'open',
            KeyConditionExpression: '#open = :open',
            ExpressionAttributeNames: { '#open': 'open' },
            ExpressionAttributeValues: { ':open': { S: open } },
            Select: 'COUNT',
          },
        );
        const pageCounts = await ifThere(collected(pages, ({ Count = 0 }) => [Count]));
        return (pageCounts ?? []).reduce((sum, count) => sum + count, 0);
      });
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    },

    async tablesNamed(prefix: string): Promise<string[]> {
      const names = await inWords(
        collected(paginateListTables({ client: tables }, {}), ({ TableNames = [] }) => TableNames),
      );
      return names.filter((name) => name.startsWith(prefix));
    },

    close(): void {
      stacks.destroy();
      tables.destroy();
    },
  };
}

const templateSchema = z.object({
  Resources: z.record(z.string(), z.object({ DeletionPolicy: z.string().exactOptional() })).default({}),
});

async function collected<Page, Item>(
  pages: AsyncIterable<Page>,
  itemsOf: (page: Page) => Item[],
): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of pages) items.push(...itemsOf(page));
  return items;
}

async function inWords<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call;
  } catch (cause) {
    const fault = awsFault(cause);
    throw fault === undefined ? cause : new Error(fault, { cause });
  }
}

/** Undefined where there is no such table. */
async function ifThere<Result>(call: Promise<Result>): Promise<Result | undefined> {
  return inWords(call).catch((error: unknown) => {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  });
}
