import { isUtf8 } from 'node:buffer';
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import * as z from 'zod';

/** Headers reach us under lower-case names, so configured names are lowered once, here. */
const headerName = z
  .string()
  .regex(/^[A-Za-z0-9-]+$/, 'must be a header name')
  .toLowerCase();

/** Five minutes either way: what Standard Webhooks, Slack and Stripe allow for clocks and slow networks. */
const DEFAULT_TOLERANCE_SECONDS = 300;

/** The secret itself, in a header or in the URL. */
const tokenVerifierSchema = z.strictObject({
  type: z.literal('token'),
  header: headerName.default('x-webhook-token'),
  /** What stands before it in the header, for example `Bearer `. */
  prefix: z.string().default(''),
  query: z.string().min(1).default('token'),
});

/** HMAC-SHA256 over the raw body, over `<unix seconds>.<raw body>`, or as Slack has it. */
const hmacVerifierSchema = z
  .strictObject({
    type: z.literal('hmac'),
    header: headerName,
    encoding: z.enum(['hex', 'base64']).default('hex'),
    /** What stands before the signature in the header, for example `sha256=`. */
    prefix: z.string().default(''),
    signs: z.enum(['{body}', '{timestamp}.{body}', 'v0:{timestamp}:{body}']).default('{body}'),
    timestampHeader: headerName.optional(),
    toleranceSeconds: z.int().positive().default(DEFAULT_TOLERANCE_SECONDS),
  })
  .refine(({ signs, timestampHeader }) => (signs === '{body}') === (timestampHeader === undefined), {
    path: ['timestampHeader'],
    error: 'belongs to what signs a {timestamp} and only there: one that is not signed proves nothing',
  });

/** https://www.standardwebhooks.com: `webhook-id`, `webhook-timestamp`, `webhook-signature`; secret `whsec_…`. */
const standardWebhooksVerifierSchema = z.strictObject({ type: z.literal('standard-webhooks') });

/** One way in which a sender may prove itself. */
export const verifierSchema = z.discriminatedUnion('type', [
  tokenVerifierSchema,
  hmacVerifierSchema,
  standardWebhooksVerifierSchema,
]);

export type Verifier = z.infer<typeof verifierSchema>;
export type HmacVerifier = z.infer<typeof hmacVerifierSchema>;

export interface IncomingRequest {
  /** Lower-case names; values of a repeated header joined with commas. */
  headers: Record<string, string>;
  query: Record<string, string>;
  /** The bytes as they arrived: a parsed and re-written body has another signature. */
  body: Buffer;
}

interface Evidence extends IncomingRequest {
  /** Current and previous, never blank. */
  secrets: string[];
  /** Unix time in milliseconds. */
  now: number;
}

/** `true`, and nothing but `true`, lets a request in; a text says why not. */
type Verdict = true | string;

/**
 * Says whether a request comes from someone who holds one of the secrets. One verifier and one secret that
 * agree are enough, which is how a secret or a scheme is changed without losing a webhook. Fails closed:
 * without a verifier or without a secret nothing passes.
 *
 * @returns the `type` of the verifier that agreed, or a reason fit for a log: it holds neither a secret nor
 *   a signature, neither ours nor theirs.
 */
export function verifyRequest({
  verifiers,
  ...evidence
}: Evidence & { verifiers: Verifier[] }): { ok: true; verifier: string } | { ok: false; reason: string } {
  // A secret store starts out empty; an empty secret would be one that everybody knows.
  const secrets = evidence.secrets.filter((secret) => secret.trim() !== '');
  if (verifiers.length === 0) return { ok: false, reason: 'no verifier is configured' };
  if (secrets.length === 0) return { ok: false, reason: 'no secret is set' };

  const reasons: string[] = [];
  for (const verifier of verifiers) {
    const verdict = judge(verifier, { ...evidence, secrets });
    if (verdict === true) return { ok: true, verifier: verifier.type };
    reasons.push(`${verifier.type}: ${verdict}`);
  }
  return { ok: false, reason: reasons.join('; ') };
}

/** What a request to ourselves is signed with, unless told otherwise. */
const DEFAULT_HMAC: HmacVerifier = {
  type: 'hmac',
  header: 'x-webhook-signature',
  encoding: 'hex',
  prefix: 'sha256=',
  signs: '{body}',
  toleranceSeconds: DEFAULT_TOLERANCE_SECONDS,
};

/**
 * The headers with which `verifyRequest` lets `body` in: for the command line and for tests.
 *
 * @param request.now Unix milliseconds; matters only where the verifier signs a timestamp.
 * @returns for example `{'x-webhook-signature': 'sha256=<64 hex digits>'}`.
 */
export function signRequest(request: {
  secret: string;
  body: Buffer;
  now: number;
  verifier?: HmacVerifier;
}): Record<string, string> {
  const { secret, body, now, verifier = DEFAULT_HMAC } = request;
  const timestamp = String(Math.floor(now / 1000));
  return {
    ...(verifier.timestampHeader === undefined ? {} : { [verifier.timestampHeader]: timestamp }),
    [verifier.header]: verifier.prefix + hmacSignature(verifier, secret, timestamp, body),
  };
}

function judge(verifier: Verifier, evidence: Evidence): Verdict {
  switch (verifier.type) {
    case 'token':
      return judgeToken(verifier, evidence);
    case 'hmac':
      return judgeHmac(verifier, evidence);
    case 'standard-webhooks':
      return judgeStandardWebhook(evidence);
  }
}

function judgeToken(
  { header, prefix, query: parameter }: z.infer<typeof tokenVerifierSchema>,
  { headers, query, secrets }: Evidence,
): Verdict {
  const inHeader = headers[header]?.startsWith(prefix) ? headers[header].slice(prefix.length) : undefined;
  const tokens = [inHeader, query[parameter]].filter((token) => token !== undefined);
  if (tokens.length === 0) return 'no token in the request';
  const known = tokens.some((token) => secrets.some((secret) => sameText(token, secret)));
  return known || 'the token is not known';
}

function judgeHmac(verifier: HmacVerifier, { headers, body, secrets, now }: Evidence): Verdict {
  const header = headers[verifier.header];
  if (header === undefined) return `no header ${verifier.header}`;
  if (!header.startsWith(verifier.prefix))
    return `${verifier.header} does not begin with the configured prefix`;

  let timestamp = '';
  if (verifier.timestampHeader !== undefined) {
    timestamp = headers[verifier.timestampHeader] ?? '';
    const fresh = judgeTimestamp(timestamp, verifier.toleranceSeconds, now);
    if (fresh !== true) return fresh;
  }

  const given = header.slice(verifier.prefix.length);
  // Texts are compared, not decoded bytes: what is malformed, too short or doubled then simply differs.
  const presented = verifier.encoding === 'hex' ? given.toLowerCase() : given;
  const signed = secrets.some((secret) =>
    sameText(presented, hmacSignature(verifier, secret, timestamp, body)),
  );
  return signed || 'the signature does not match';
}

/**
 * The package makes the signatures; the window is ours. Its own `verify` reads the system clock, takes
 * `1700000000x` for a timestamp, and turns a body that is not UTF-8 into replacement characters, so that
 * many bodies share one signature.
 */
function judgeStandardWebhook({ headers, body, secrets, now }: Evidence): Verdict {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'] ?? '';
  // One header may carry several signatures, `v1,<base64> v1,<base64>`, while the sender changes its secret.
  const signatures = (headers['webhook-signature'] ?? '').split(' ');
  if (!id) return 'no header webhook-id';
  const fresh = judgeTimestamp(timestamp, DEFAULT_TOLERANCE_SECONDS, now);
  if (fresh !== true) return fresh;
  // `v1,<base64>, v1,<base64>` is what two headers look like once they are joined.
  if (!signatures.every((signature) => /^v\w+,[A-Za-z0-9+/]+=*$/.test(signature))) {
    return 'webhook-signature is missing or malformed';
  }
  if (!isUtf8(body)) return 'the body is not UTF-8';

  const keys = secrets.flatMap((secret) => standardWebhooksKey(secret) ?? []);
  if (keys.length === 0) return 'no secret is a Standard Webhooks secret (whsec_ and base64)';
  const signed = keys.some((key) => {
    const expected = key.sign(id, new Date(Number(timestamp) * 1000), body.toString('utf8'));
    return signatures.some((signature) => sameText(signature, expected));
  });
  return signed || 'the signature does not match';
}

function standardWebhooksKey(secret: string): Webhook | undefined {
  try {
    return new Webhook(secret);
  } catch {
    return undefined;
  }
}

function judgeTimestamp(seconds: string, toleranceSeconds: number, now: number): Verdict {
  if (!/^[1-9]\d{0,11}$/.test(seconds)) return 'the timestamp is missing or not a Unix time in seconds';
  const ageMs = now - Number(seconds) * 1000;
  if (Math.abs(ageMs) <= toleranceSeconds * 1000) return true;
  return ageMs > 0 ? 'the timestamp is too old' : 'the timestamp is too new';
}

function hmacSignature(verifier: HmacVerifier, secret: string, timestamp: string, body: Buffer): string {
  const hmac = createHmac('sha256', secret);
  if (verifier.signs !== '{body}') {
    hmac.update(verifier.signs.replace('{timestamp}', timestamp).replace('{body}', ''));
  }
  return hmac.update(body).digest(verifier.encoding);
}

/** Compares digests, which have one length, so that the time tells neither the length nor a common beginning. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}
