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

/**
 * CloudFormation's DescribeStacks and the two operations on secrets that the command line uses, over their
 * real protocols, on a port of this machine. What is asked otherwise is an error.
 */
export async function startFakeAws() {
  const stacks = new Map<string, Record<string, string>>();
  const secrets = new Map<string, FakeSecret>();

  const describeStacks = (form: URLSearchParams) => {
    const name = form.get('StackName') ?? '';
    const outputs = stacks.get(name);
    if (form.get('Action') !== 'DescribeStacks' || outputs === undefined) {
      return {
        status: 400,
        body: `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id ${name} does not exist</Message></Error></ErrorResponse>`,
      };
    }
    const members = Object.entries(outputs).map(
      ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
    );
    const stack = `<member><StackName>${name}</StackName><CreationTime>2026-01-05T10:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${members.join('')}</Outputs></member>`;
    return {
      status: 200,
      body: `<DescribeStacksResponse><DescribeStacksResult><Stacks>${stack}</Stacks></DescribeStacksResult></DescribeStacksResponse>`,
    };
  };

  const refuse = (type: string, message: string) => ({ status: 400, body: { __type: type, message } });
  const askSecrets = (operation: string, input: Record<string, string>) => {
    const { SecretId = '', SecretString = '', ClientRequestToken = '' } = input;
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

  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const operation = request.headers['x-amz-target'];
    if (operation === undefined) {
      const answer = describeStacks(new URLSearchParams(body));
      response.writeHead(answer.status, { 'content-type': 'text/xml' }).end(answer.body);
    } else {
      const answer = askSecrets(String(operation), JSON.parse(body));
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
