import type { Secrets } from '../settings/secrets.ts';
import type { Verifier } from './verifier-settings.ts';
import {
  type IncomingRequest,
  signedIdHeaders,
  usable,
  type Verification,
  verifyRequest,
} from './verifiers.ts';

/** Besides those of the configured verifiers: a sender may send more proofs than are asked for. */
const SECRET_HEADER = /authorization|cookie|token|secret|signature|api-?key/;

type Texts = Record<string, string | undefined> | null | undefined;
type Lists = Record<string, string[] | undefined> | null | undefined;

/**
 * The parts of an event that are read. The event may come from API Gateway with payload format 2.0 or 1.0, a function
 * URL, or a load balancer. Some of them leave out empty fields, others set them to `null`.
 */
export interface GatewayEvent {
  headers?: Texts;
  multiValueHeaders?: Lists;
  queryStringParameters?: Texts;
  multiValueQueryStringParameters?: Lists;
  rawQueryString?: string | undefined;
  rawPath?: string;
  /** Of format 1.0. */
  path?: string;
  pathParameters?: Texts;
  body?: string | null | undefined;
  isBase64Encoded?: boolean;
}

/** A request as its sender wrote it: names in lower case, and the body's bytes in whichever form the gateway has them. */
export function readIncoming(event: GatewayEvent): IncomingRequest {
  const { body, rawQueryString } = event;
  return {
    headers: read(event.headers, event.multiValueHeaders, (name) => name.toLowerCase()),
    query: read(event.queryStringParameters, event.multiValueQueryStringParameters, (name) => name),
    ...(typeof rawQueryString === 'string' ? { rawQuery: rawQueryString } : {}),
    body: Buffer.from(typeof body === 'string' ? body : '', event.isBase64Encoded ? 'base64' : 'utf8'),
  };
}

/** The path it came to, without the query. */
export const pathOf = ({ rawPath, path }: GatewayEvent): string => rawPath ?? path ?? '';

/** Version 1.0 has both, and then the lists know all values; some emulators leave the lists empty. */
const read = (texts: Texts, lists: Lists, nameOf: (name: string) => string) => ({
  ...joined(texts, nameOf),
  ...joined(lists, nameOf),
});

/** What came more than once is joined with commas, as version 2.0 does it. */
function joined(values: Texts | Lists, nameOf: (name: string) => string): Record<string, string> {
  const found = new Map<string, string>();
  for (const [given, value] of Object.entries(values ?? {})) {
    const name = nameOf(given);
    const texts = [found.get(name), value].flat().filter((text) => typeof text === 'string');
    if (texts.length > 0) found.set(name, texts.join(','));
  }
  return Object.fromEntries(found);
}

/**
 * Verifies a request. If no secret verifies it, the secrets are read again and it is tried once more: one may have been
 * changed a minute ago.
 *
 * @param given.pick which of the secrets this sender may hold.
 * @param given.content the body unpacked: some senders sign before they pack, others after.
 * @param given.onPrevious is called with the secret that verified this request, if it is no longer the current one.
 */
export async function verifyIncoming<Values>(
  request: IncomingRequest,
  verifiers: Verifier[],
  given: {
    secrets: Secrets<Values>;
    pick: (values: Values) => string[];
    now: () => number;
    content: Buffer | undefined;
    onPrevious: (secret: string) => Promise<void>;
  },
): Promise<Verification> {
  const { secrets, pick, now, content, onPrevious } = given;
  const attempt = async () => {
    const held = usable(pick(await secrets.get()));
    const verify = (body: Buffer, by = held) =>
      verifyRequest({ ...request, body, verifiers, secrets: by, now: now() });
    const tellPrevious = async (body: Buffer) => {
      const previous = previousThat((secret) => verify(body, [secret]).ok, held);
      if (previous !== undefined) await onPrevious(previous);
    };
    const first = verify(request.body);
    if (first.ok) await tellPrevious(request.body);
    if (first.ok || content === undefined || content === request.body) return first;
    const unpacked = verify(content);
    if (unpacked.ok) await tellPrevious(content);
    return unpacked.ok ? unpacked : first;
  };
  const first = await attempt();
  return first.ok || (await secrets.reread()) === 'kept' ? first : attempt();
}

/** The secret that vouches, unless it is the current one. With one secret there is nothing to look for. */
function previousThat(
  vouches: (secret: string) => boolean,
  [current, ...previous]: string[],
): string | undefined {
  if (current === undefined || previous.length === 0 || vouches(current)) return undefined;
  return previous.find(vouches);
}

/**
 * The headers that may be kept: without what proves the sender.
 *
 * @param needed names that are kept whatever they look like. So are signed ids: a replay without its id would be
 *   another delivery.
 */
export function withoutProofs(
  headers: IncomingRequest['headers'],
  verifiers: Verifier[],
  needed: string[] = [],
): IncomingRequest['headers'] {
  const kept = new Set([...needed, ...verifiers.flatMap(signedIdHeaders)]);
  const proofs = new Set(
    verifiers.flatMap((verifier) => (verifier.type === 'standard-webhooks' ? [] : [verifier.header])),
  );
  const plain = Object.entries(headers).filter(
    ([name]) => !proofs.has(name) && (kept.has(name) || !SECRET_HEADER.test(name)),
  );
  return Object.fromEntries(plain);
}
