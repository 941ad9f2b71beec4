import { once } from 'node:events';
import { createServer } from 'node:http';

interface Template {
  Resources: Record<string, { Type: string; DeletionPolicy?: string; Properties?: Record<string, unknown> }>;
}

interface FakeResource {
  logicalId: string;
  type: string;
  physicalId: string;
  status: string;
  reason?: string;
}

interface FakeStack {
  id: string;
  name: string;
  status: string;
  isProtected: boolean;
  template: Template;
  resources: FakeResource[];
  updatedAt: number;
}

interface FakeTable {
  isProtected: boolean;
  /** What a query of the index `open` counts. */
  unfinished: number;
  rows: number;
}

interface Answer {
  status: number;
  body: string;
}

const TABLE = 'AWS::DynamoDB::Table';
const PROTECTED = 'Resource cannot be deleted as it is currently protected against deletion.';
/** AWS gives 100 resources a page. */
const PAGE = 100;

/**
 * CloudFormation and the tables of an account, with the operations that the scripts use, over their real protocols on
 * a port of this machine. It keeps to what AWS documents of stacks: what a rollback and a deletion do with each
 * DeletionPolicy, with tables that are protected, and with protected stacks.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
 */
export async function startFakeCloudFormation() {
  const stacks: FakeStack[] = [];
  const tables = new Map<string, FakeTable>();
  const undeletable = new Map<string, string>();
  let made = 0;
  let moment = Date.UTC(2026, 0, 5, 10);

  /** A deleted stack is found by its id alone. */
  const find = (nameOrId: string) =>
    stacks.find(
      ({ id, name, status }) => id === nameOrId || (name === nameOrId && status !== 'DELETE_COMPLETE'),
    );
  const named = (name: string): FakeStack => {
    const stack = find(name);
    if (stack) return stack;
    throw new Error(`There is no stack ${name}.`);
  };
  const policyOf = ({ template }: FakeStack, { logicalId }: FakeResource) =>
    template.Resources[logicalId]?.DeletionPolicy ?? 'Delete';

  /** @param keeps policies under which a resource stays in this operation. */
  function removeResources(stack: FakeStack, keeps: string[]): void {
    for (const resource of stack.resources.filter(({ status }) => status !== 'DELETE_COMPLETE').reverse()) {
      const reason =
        undeletable.get(resource.logicalId) ??
        (tables.get(resource.physicalId)?.isProtected ? PROTECTED : undefined);
      if (keeps.includes(policyOf(stack, resource))) {
        resource.status = 'DELETE_SKIPPED';
      } else if (reason !== undefined) {
        Object.assign(resource, { status: 'DELETE_FAILED', reason });
      } else {
        resource.status = 'DELETE_COMPLETE';
        tables.delete(resource.physicalId);
      }
    }
  }
  const isWhole = ({ resources }: FakeStack) => resources.every(({ status }) => status !== 'DELETE_FAILED');

  /** Makes what the template names, in its order, up to the one that fails. @returns whether all was made. */
  function make(stack: FakeStack, failsAt: string | undefined): boolean {
    for (const [logicalId, { Type, Properties = {} }] of Object.entries(stack.template.Resources)) {
      made += 1;
      const physicalId = `${stack.name}-${logicalId}-${made}`;
      const isFailing = logicalId === failsAt;
      stack.resources.push({
        logicalId,
        type: Type,
        physicalId,
        status: isFailing ? 'CREATE_FAILED' : 'CREATE_COMPLETE',
      });
      if (isFailing) return false;
      if (Type === TABLE) {
        const isProtected = Properties.DeletionProtectionEnabled === true;
        tables.set(physicalId, { isProtected, unfinished: 0, rows: 0 });
      }
    }
    return true;
  }

  const touch = (stack: FakeStack, status: string) => {
    moment += 60_000;
    Object.assign(stack, { status, updatedAt: moment });
  };

  const operations: Record<string, (form: URLSearchParams) => Answer> = {
    DescribeStacks(form) {
      const stack = find(form.get('StackName') ?? '');
      if (!stack) return refuse(`Stack with id ${form.get('StackName')} does not exist`);
      const answer = xml('DescribeStacks', {
        Stacks: [
          {
            StackId: stack.id,
            StackName: stack.name,
            StackStatus: stack.status,
            CreationTime: '2026-01-05T10:00:00Z',
            LastUpdatedTime: new Date(stack.updatedAt).toISOString(),
            EnableTerminationProtection: stack.isProtected,
          },
        ],
      });
      // What is being deleted is deleted by the next look.
      if (stack.status === 'DELETE_IN_PROGRESS') {
        removeResources(stack, ['Retain', 'RetainExceptOnCreate']);
        touch(stack, isWhole(stack) ? 'DELETE_COMPLETE' : 'DELETE_FAILED');
      }
      return answer;
    },
    ListStackResources(form) {
      const stack = find(form.get('StackName') ?? '');
      if (!stack) return refuse(`Stack with id ${form.get('StackName')} does not exist`);
      const from = Number(form.get('NextToken') ?? 0);
      const next = from + PAGE < stack.resources.length ? { NextToken: from + PAGE } : {};
      return xml('ListStackResources', {
        StackResourceSummaries: stack.resources.slice(from, from + PAGE).map((resource) => ({
          LogicalResourceId: resource.logicalId,
          PhysicalResourceId: resource.physicalId,
          ResourceType: resource.type,
          ResourceStatus: resource.status,
          ...(resource.reason === undefined ? {} : { ResourceStatusReason: resource.reason }),
          LastUpdatedTimestamp: '2026-01-05T10:00:00Z',
        })),
        ...next,
      });
    },
    GetTemplate(form) {
      const stack = find(form.get('StackName') ?? '');
      if (!stack || stack.resources.length === 0) return refuse('Stack has no template');
      return xml('GetTemplate', { TemplateBody: JSON.stringify(stack.template) });
    },
    UpdateTerminationProtection(form) {
      named(form.get('StackName') ?? '').isProtected = form.get('EnableTerminationProtection') === 'true';
      return xml('UpdateTerminationProtection', {});
    },
    DeleteStack(form) {
      const stack = named(form.get('StackName') ?? '');
      if (stack.isProtected) {
        return refuse(`Stack [${stack.name}] cannot be deleted while TerminationProtection is enabled`);
      }
      touch(stack, 'DELETE_IN_PROGRESS');
      return xml('DeleteStack', {});
    },
  };

  const askTable = (operation: string | undefined, input: Record<string, string>): Answer => {
    if (operation === 'ListTables') {
      const names = [...tables.keys()].sort();
      const from = names.indexOf(input.ExclusiveStartTableName ?? '') + 1;
      const page = names.slice(from, from + 2);
      const last = from + 2 < names.length ? { LastEvaluatedTableName: page.at(-1) } : {};
      return json(200, { TableNames: page, ...last });
    }
    const table = tables.get(input.TableName ?? '');
    if (!table) return json(400, { __type: 'ResourceNotFoundException', message: 'not found' });
    if (operation === 'Query') return json(200, { Count: table.unfinished, ScannedCount: table.unfinished });
    const items = table.rows > 0 ? [{ pk: { S: 'RECHARGE#key-1' } }] : [];
    return json(200, { Count: items.length, Items: items });
  };

  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const target = request.headers['x-amz-target'];
    const form = new URLSearchParams(body);
    const answer =
      target === undefined
        ? (operations[form.get('Action') ?? '']?.(form) ?? refuse('no such action'))
        : askTable(String(target).split('.')[1], JSON.parse(body));
    const type = target === undefined ? 'text/xml' : 'application/x-amz-json-1.0';
    response.writeHead(answer.status, { 'content-type': type }).end(answer.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();

  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    close: () => server.close(),
    tables,
    /** Logical ids that cannot be deleted, with AWS's reason. */
    undeletable,
    find,
    named,
    /** Everything that is there, of all stacks, and what they left. */
    standing: () =>
      stacks.flatMap(({ resources }) =>
        resources.filter(({ status }) => !/^(DELETE_COMPLETE|CREATE_FAILED)$/.test(status)),
      ),
    clear() {
      stacks.length = 0;
      tables.clear();
      undeletable.clear();
    },
    /** A stack that a change set names, and that has nothing yet. */
    review(name: string): FakeStack {
      const stack: FakeStack = {
        id: `arn:aws:cloudformation:eu-west-1:111122223333:stack/${name}/${stacks.length}`,
        name,
        status: 'REVIEW_IN_PROGRESS',
        isProtected: false,
        template: { Resources: {} },
        resources: [],
        updatedAt: moment,
      };
      stacks.push(stack);
      return stack;
    },
    /** @returns whether it was created; else it was taken back as far as it could be. */
    create(name: string, template: Template, failsAt?: string): boolean {
      const stack = named(name);
      stack.template = template;
      if (make(stack, failsAt)) {
        touch(stack, 'CREATE_COMPLETE');
        return true;
      }
      // RetainExceptOnCreate is no reason to keep what this very operation has made.
      removeResources(stack, ['Retain']);
      touch(stack, isWhole(stack) ? 'ROLLBACK_COMPLETE' : 'ROLLBACK_FAILED');
      return false;
    },
    update(name: string, template: Template, fails = false): boolean {
      const stack = named(name);
      touch(stack, fails ? 'UPDATE_ROLLBACK_COMPLETE' : 'UPDATE_COMPLETE');
      if (fails) return false;
      stack.template = template;
      for (const { logicalId, physicalId } of stack.resources) {
        const table = tables.get(physicalId);
        const properties = template.Resources[logicalId]?.Properties;
        if (table) table.isProtected = properties?.DeletionProtectionEnabled === true;
      }
      return true;
    },
  };
}

const refuse = (message: string): Answer => ({
  status: 400,
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>${message}</Message></Error></ErrorResponse>`,
});
const json = (status: number, body: unknown): Answer => ({ status, body: JSON.stringify(body) });

/** AWS's query protocol: lists are `member`s. */
function xml(operation: string, result: Record<string, unknown>): Answer {
  return {
    status: 200,
    body: `<${operation}Response><${operation}Result>${members(result)}</${operation}Result></${operation}Response>`,
  };
}

function members(value: unknown): string {
  if (Array.isArray(value)) return value.map((item) => `<member>${members(item)}</member>`).join('');
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, inner]) => `<${name}>${members(inner)}</${name}>`)
      .join('');
  }
  return String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
