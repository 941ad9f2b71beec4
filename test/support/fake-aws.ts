import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

const WITHOUT_VALUE = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";

/** An entry of Secrets Manager; versions by their id, the current one last. */
interface FakeSecret {
  versions: Map<string, string>;
  /** Each runs once: after the next value is read, and before the next one is stored. */
  afterGet?: () => void;
  beforePut?: (token: string) => void;
}

/** Who the operator is to AWS. */
const CALLER = 'arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/jane';

const REFUSED = { status: 403, body: errorXml('AccessDenied', 'You are not authorized to perform this.') };

function errorXml(code: string, message: string): string {
  return `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`;
}

const membersXml = (members: Record<string, string>[]) =>
  members
    .map((member) => Object.entries(member).map(([name, value]) => `<${name}>${value}</${name}>`))
    .map((parts) => `<member>${parts.join('')}</member>`)
    .join('');

/**
 * CloudFormation's DescribeStacks, SNS's ListSubscriptionsByTopic, STS's GetCallerIdentity, two operations on logs and two on secrets, as the
 * command line uses them, over their real protocols, on a port of this machine. What is asked otherwise is an error.
 */
export async function startFakeAws() {
  const stacks = new Map<string, Record<string, string>>();
  const secrets = new Map<string, FakeSecret>();
  /** By the topic: what SNS says of each receiver. */
  const subscriptions = new Map<string, { SubscriptionArn: string; Endpoint: string }[]>();
  /** Actions that the operator may not do, such as `secretsmanager:GetSecretValue`. */
  const denied = new Set<string>();

  const describeStacks = (form: URLSearchParams) => {
    const wanted = form.get('StackName');
    if (wanted === null && denied.has('cloudformation:DescribeStacks')) return REFUSED;
    const found = [...stacks].filter(([name]) => wanted === null || name === wanted);
    if (form.get('Action') !== 'DescribeStacks' || (wanted !== null && found.length === 0)) {
      return { status: 400, body: errorXml('ValidationError', `Stack with id ${wanted} does not exist`) };
    }
    const described = found.map(([name, outputs]) => ({
      StackName: name,
      CreationTime: '2026-01-05T10:00:00Z',
      StackStatus: 'CREATE_COMPLETE',
      Outputs: membersXml(
        Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
      ),
    }));
    return {
      status: 200,
      body: `<DescribeStacksResponse><DescribeStacksResult><Stacks>${membersXml(described)}</Stacks></DescribeStacksResult></DescribeStacksResponse>`,
    };
  };

  const listSubscriptions = (form: URLSearchParams) => {
    if (denied.has('sns:ListSubscriptionsByTopic')) return REFUSED;
    const all = membersXml(subscriptions.get(form.get('TopicArn') ?? '') ?? []);
    return {
      status: 200,
      body: `<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions>${all}</Subscriptions></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>`,
    };
  };

  /** As https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html shows it. */
  const callerIdentity = () => ({
    status: 200,
    body: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>${CALLER}</Arn><UserId>AROA123:jane</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`,
  });

  const timeOf = (line: string) => Date.parse(/20\d\d-[^" ]+Z/.exec(line)?.[0] ?? '');
  /** CloudWatch Logs: by log group, what was logged there. */
  const logs = new Map<string, string[]>();
  const askLogs = (operation: string, input: Record<string, string>) => {
    const { logGroupNamePrefix = '', logGroupName = '', filterPattern = '', startTime = '0' } = input;
    if (denied.has(operation.replace('Logs_20140328.', 'logs:')))
      return refuse('AccessDeniedException', 'You are not authorized to perform this.');
    if (operation === 'Logs_20140328.DescribeLogGroups') {
      const names = [...logs.keys()].filter((name) => name.startsWith(logGroupNamePrefix));
      return { status: 200, body: { logGroups: names.map((name) => ({ logGroupName: name })) } };
    }
    // One text, or any of several: "…", or ?"…" ?"…".
    const wanted = [...filterPattern.matchAll(/"(?:[^"\\]|\\.)*"/g)].map(([text]) =>
      String(JSON.parse(text)),
    );
    const found = (logs.get(logGroupName) ?? []).filter(
      (line) => wanted.some((text) => line.includes(text)) && timeOf(line) >= Number(startTime),
    );
    // A line a page.
    const at = Number(input.nextToken ?? 0);
    const events = found.slice(at, at + 1).map((message) => ({ message, timestamp: timeOf(message) }));
    const next = at + 1 < found.length ? { nextToken: String(at + 1) } : {};
    return { status: 200, body: { events, ...next } };
  };

  const refuse = (type: string, message: string) => ({ status: 400, body: { __type: type, message } });
  const askSecrets = (operation: string, input: Record<string, string>) => {
    const { SecretId = '', SecretString = '', ClientRequestToken = '' } = input;
    if (denied.has(operation.replace('.', ':')))
      return refuse('AccessDeniedException', 'You are not authorized to perform this.');
    const secret = secrets.get(SecretId);
    if (!secret)
      return refuse('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    switch (operation) {
      case 'secretsmanager.GetSecretValue': {
        const current = [...secret.versions].at(-1);
        secret.afterGet?.();
        delete secret.afterGet;
        if (!current) return refuse('ResourceNotFoundException', WITHOUT_VALUE);
        return { status: 200, body: { VersionId: current[0], SecretString: current[1] } };
      }
      case 'secretsmanager.PutSecretValue': {
        secret.beforePut?.(ClientRequestToken);
        delete secret.beforePut;
        const stored = secret.versions.get(ClientRequestToken);
        if (stored !== undefined && stored !== SecretString)
          return refuse('ResourceExistsException', 'A resource with the ID you requested already exists.');
        secret.versions.set(ClientRequestToken, SecretString);
        return { status: 200, body: { VersionId: ClientRequestToken } };
      }
      default:
        return refuse('InvalidRequestException', operation);
    }
  };

  const formAnswers: Record<string, typeof listSubscriptions> = {
    ListSubscriptionsByTopic: listSubscriptions,
    GetCallerIdentity: callerIdentity,
  };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const operation = request.headers['x-amz-target'];
    if (operation === undefined) {
      const form = new URLSearchParams(body);
      const answer = formAnswers[form.get('Action') ?? '']?.(form) ?? describeStacks(form);
      response.writeHead(answer.status, { 'content-type': 'text/xml' }).end(answer.body);
    } else {
      const ask = String(operation).startsWith('Logs_') ? askLogs : askSecrets;
      const answer = ask(String(operation), JSON.parse(body));
      response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(answer.body));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;

  return {
    url,
    close: () => server.close(),
    stacks,
    logs,
    subscriptions,
    denied,
    /** @throws where there is none. */
    secret(id: string): FakeSecret {
      const secret = secrets.get(id);
      if (secret) return secret;
      throw new Error(`There is no secret ${id}.`);
    },
    secrets,
    /** Stores a value as somebody else would, beside the command line. */
    put(id: string, value: unknown) {
      this.secret(id).versions.set(randomUUID(), JSON.stringify(value));
    },
    /** The current value, without the times at which its parts were set; undefined where none was set. */
    valueOf(id: string): any {
      const text = [...(secrets.get(id)?.versions.values() ?? [])].at(-1);
      if (text === undefined) return undefined;
      const { setAt: _, ...values } = JSON.parse(text);
      return values;
    },
  };
}
