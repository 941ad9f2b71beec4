import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import type { Secrets } from '../settings/secrets.ts';
import { type IncomingRequest, type Verifier, verifyRequest } from './verifiers.ts';

/** Besides those of the configured verifiers: a sender may send more proofs than are asked for. */
const SECRET_HEADER = /authorization|cookie|token|secret|signature|api-?key/;

/** A request as its sender wrote it: names in lower case, and the body's bytes in whichever form the gateway has them. */
export function readIncoming(event: APIGatewayProxyEventV2): IncomingRequest {
  const { headers, queryStringParameters: query = {} } = event;
  return {
    headers: present(headers, (name) => name.toLowerCase()),
    query: present(query, (name) => name),
    body: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8'),
  };
}

const present = (values: Record<string, string | undefined>, nameOf: (name: string) => string) =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[nameOf(name), value]])),
  );

/**
 * Verifies a request; where nobody can, once more with the secrets as they are now: one may have been
 * changed a minute ago.
 *
 * @param pick which of the secrets this sender may hold.
 */
export async function verifyIncoming<Values>(
  request: IncomingRequest,
  verifiers: Verifier[],
  { secrets, pick, now }: { secrets: Secrets<Values>; pick: (values: Values) => string[]; now: () => number },
): Promise<ReturnType<typeof verifyRequest>> {
  const attempt = async () =>
    verifyRequest({ ...request, verifiers, secrets: pick(await secrets.get()), now: now() });
  const first = await attempt();
  return first.ok || (await secrets.reread()) === 'kept' ? first : attempt();
}

/** The headers that may be kept: without what proves the sender. */
export function withoutProofs(
  headers: IncomingRequest['headers'],
  verifiers: Verifier[],
): IncomingRequest['headers'] {
  const proofs = new Set(
    verifiers.flatMap((verifier) => (verifier.type === 'standard-webhooks' ? [] : [verifier.header])),
  );
  const plain = Object.entries(headers).filter(([name]) => !proofs.has(name) && !SECRET_HEADER.test(name));
  return Object.fromEntries(plain);
}
