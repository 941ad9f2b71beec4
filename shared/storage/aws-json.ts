import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { partition } from '@aws-sdk/core/client';
import { SignatureV4 } from '@smithy/signature-v4';
import type * as z from 'zod/mini';
import { readJson } from '../http.ts';
import { createTableClient } from './clients.ts';

/**
 * A service of AWS that speaks JSON, of which we need an operation or two. Its own client of the SDK has all of them,
 * with their schemas, errors and endpoints: a cold start loads 20 KB and waits 5 ms for each.
 */
export interface AwsService {
  /** As the endpoint and the signature name it. */
  name: string;
  /** As the environment names it: `AWS_ENDPOINT_URL_SQS`. */
  variable: string;
  /** Stands before the operation in `X-Amz-Target`. */
  target: string;
  /** https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html, and 1_1. */
  version: '1.0' | '1.1';
}

export interface AwsJson {
  /**
   * One operation. It is tried again as the SDK does it: three times in all, where the service is overloaded, has a fault
   * or does not answer. So it may happen twice.
   *
   * @param answer what of the answer is needed.
   * @throws an AwsError where the service refuses; what the network throws where it does not answer.
   */
  ask<Answer>(operation: string, input: object, answer: z.ZodMiniType<Answer>): Promise<Answer>;
}

/** Where an engine on one's own machine, or a test's server, stands in for AWS. */
export interface AwsEngine {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  /** Instead of a true signature. */
  signer?: Extract<DynamoDBClientConfig['signer'], { sign: unknown }>;
}

/** `name` is the service's own word for it, such as `ResourceNotFoundException`. */
export class AwsError extends Error {
  readonly status: number;

  constructor(status: number, body: unknown) {
    const { __type: type = `status ${status}`, message, Message = message } = wordsOf(body);
    super(Message ?? 'without a word of why');
    // A type may have its namespace before it: `com.amazonaws.sqs#QueueDoesNotExist`.
    this.name = type.replace(/^.*#/, '');
    this.status = status;
  }
}

const TRIES = 3;
/** Before the second try at most, and twice that before the third: the SDK's own. */
const FIRST_WAIT_MS = 100;
const OVERLOADED = /Throttl|TooManyRequests|RequestLimitExceeded|SlowDown/;

/** One signed request to a service, and its answer as text. @throws what the network throws where none comes. */
export type AwsPost = (
  headers: Record<string, string>,
  body: string,
) => Promise<{ status: number; text: string }>;

/** Credentials, region, time limits and connections are found as the client of the table finds its own. */
export function createAwsPost(service: Pick<AwsService, 'name' | 'variable'>, engine?: AwsEngine): AwsPost {
  const { config } = createTableClient(engine);
  const signer = engine?.signer ?? new SignatureV4({ ...config, service: service.name });
  const endpoint = async () =>
    new URL(
      engine?.endpoint ??
        process.env[`AWS_ENDPOINT_URL_${service.variable}`] ??
        process.env.AWS_ENDPOINT_URL ??
        addressOf(service, await config.region()),
    );
  return async (headers, body) => {
    const { protocol, hostname, port, host, pathname: path } = await endpoint();
    const request = {
      method: 'POST',
      protocol,
      hostname,
      ...(port === '' ? {} : { port: Number(port) }),
      path,
      query: {},
      headers: {
        host,
        'content-length': String(Buffer.byteLength(body)),
        ...headers,
        ...traceHeader(process.env),
      },
      body,
    };
    const { response } = await config.requestHandler.handle(await signer.sign(request));
    const answered = Buffer.from(await config.streamCollector(response.body)).toString('utf8');
    return { status: response.statusCode, text: answered };
  };
}

export function createAwsJson(service: AwsService, engine?: AwsEngine): AwsJson {
  const post = createAwsPost(service, engine);
  const tryOnce = async (operation: string, body: string): Promise<unknown> => {
    const { status, text } = await post(
      {
        'content-type': `application/x-amz-json-${service.version}`,
        'x-amz-target': `${service.target}.${operation}`,
      },
      body,
    );
    const answer = readJson(text);
    if (status >= 300) throw new AwsError(status, answer);
    return answer;
  };
  return {
    async ask(operation, input, schema) {
      const body = JSON.stringify(input);
      return schema.parse(await tryAgain(() => tryOnce(operation, body)));
    },
  };
}

/** Where a service is in a region; the clouds of China and of the EU have names of their own. */
export const addressOf = ({ name }: Pick<AwsService, 'name'>, region: string) =>
  `https://${name}.${region}.${partition(region).dnsSuffix}`;

/** With it, AWS counts a message that calls the function that sent it, and X-Ray sees one trace. The SDK sends it, too. */
function traceHeader({ AWS_LAMBDA_FUNCTION_NAME, _X_AMZN_TRACE_ID: trace }: NodeJS.ProcessEnv) {
  return AWS_LAMBDA_FUNCTION_NAME === undefined || trace === undefined ? {} : { 'x-amzn-trace-id': trace };
}

async function tryAgain<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await ask();
    } catch (error) {
      if (tried === TRIES || !mayPass(error)) throw error;
      await sleep(Math.random() * FIRST_WAIT_MS * 2 ** (tried - 1));
    }
  }
}

/** Another try may succeed. What is no answer of the service comes from the network. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof AwsError)) return true;
  return error.status >= 500 || error.status === 429 || OVERLOADED.test(error.name);
}

function wordsOf(body: unknown): Partial<Record<'__type' | 'message' | 'Message', string>> {
  if (typeof body !== 'object' || body === null) return {};
  return Object.fromEntries(Object.entries(body).filter(([, value]) => typeof value === 'string'));
}

/** Sends messages. Asked at the region's endpoint, or the engine's, whatever host the queue's address names. */
export const createSqs = (engine?: AwsEngine): AwsJson =>
  createAwsJson({ name: 'sqs', variable: 'SQS', target: 'AmazonSQS', version: '1.0' }, engine);
