import { createHash } from 'node:crypto';
import { judgeSignature, type Scheme, type SignedId, signBody, type Verdict } from './signature.ts';
import {
  DEFAULT_TOLERANCE_SECONDS,
  judgeStandardWebhook,
  schemesOf,
  standardWebhooksKey,
} from './standard-webhooks.ts';
import { judgeToken } from './token.ts';
import type { HmacVerifier, Verifier } from './verifier-settings.ts';

export interface IncomingRequest {
  /** Lower-case names; values of a repeated header joined with commas. */
  headers: Record<string, string>;
  query: Record<string, string>;
  /** The query as it was sent, where the gateway tells it. */
  rawQuery?: string;
  /** The bytes as they arrived: a parsed and re-written body has another signature. */
  body: Buffer;
}

interface Evidence extends IncomingRequest {
  /** Current and previous. */
  secrets: string[];
  /** Unix time in milliseconds. */
  now: number;
}

/** `verifier` is the `type` of the one that agreed. The reason is fit for a log. */
export type Verification =
  | { ok: true; verifier: Verifier['type']; id?: SignedId }
  | { ok: false; reason: string };

/**
 * Says whether a request comes from someone who holds one of the secrets. One verifier and one secret that
 * agree are enough, which is how a secret or a scheme is changed without losing a webhook. Fails closed:
 * without a verifier or without a secret nothing passes.
 *
 * @returns which verifier agreed, or a reason that holds neither a secret nor a signature, neither ours nor theirs.
 */
export function verifyRequest({
  verifiers,
  ...evidence
}: Evidence & { verifiers: Verifier[] }): Verification {
  const secrets = usable(evidence.secrets);
  if (verifiers.length === 0) return { ok: false, reason: 'no verifier is configured' };
  if (secrets.length === 0) return { ok: false, reason: 'no secret is set' };

  const reasons: string[] = [];
  for (const verifier of verifiers) {
    const verdict = judge(verifier, { ...evidence, secrets });
    if (verdict.ok) return { ...verdict, verifier: verifier.type };
    reasons.push(`${verifier.type}: ${verdict.reason}`);
  }
  return { ok: false, reason: reasons.join('; ') };
}

/**
 * The usable secrets: trimmed, because a pasted secret often brings a line feed at its end, and without empty ones. A
 * secret store starts out empty, and an empty secret would be one that everybody knows.
 */
export const usable = (secrets: string[]) =>
  secrets.map((secret) => secret.trim()).filter((secret) => secret !== '');

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
 * @param request.headers the headers that the request already has, by lower-case names: an id among them is signed.
 * @returns for example `{'x-webhook-signature': 'sha256=<64 hex digits>'}`; nothing where the secret does not have the
 *   form that the verifier needs.
 */
export function signRequest(request: {
  secret: string;
  body: Buffer;
  now: number;
  headers?: Record<string, string>;
  verifier?: Verifier;
}): Record<string, string> {
  const { secret, body, now, headers = {}, verifier = DEFAULT_HMAC } = request;
  const sign = (scheme: Scheme, key: string | Buffer) => {
    const id = headers[scheme.idHeader ?? ''] ?? idOf(body);
    return signBody(scheme, key, { body, now, id });
  };
  switch (verifier.type) {
    case 'token':
      return { [verifier.header]: verifier.prefix + secret };
    case 'hmac':
      return sign(verifier, secret);
    case 'standard-webhooks': {
      const schemes = schemesOf(verifier);
      const scheme = schemes.find(({ idHeader }) => headers[idHeader] !== undefined) ?? schemes[0];
      const key = standardWebhooksKey(secret);
      return scheme && key ? sign(scheme, key) : {};
    }
  }
}

/** The same body gets the same id, so a message without an id of its own is recognised when it comes twice. */
const idOf = (body: Buffer) => `msg_${createHash('sha256').update(body).digest('hex').slice(0, 24)}`;

function judge(verifier: Verifier, evidence: Evidence): Verdict {
  switch (verifier.type) {
    case 'token':
      return judgeToken(verifier, evidence);
    case 'hmac':
      return judgeSignature(verifier, evidence, evidence.secrets);
    case 'standard-webhooks':
      return judgeStandardWebhook(verifier, evidence);
  }
}

/** How far off a signed time may be; undefined where none is signed. */
export function toleranceSecondsOf(verifier: Verifier): number | undefined {
  switch (verifier.type) {
    case 'token':
      return undefined;
    case 'hmac':
      return verifier.timestampHeader === undefined ? undefined : verifier.toleranceSeconds;
    case 'standard-webhooks':
      return verifier.toleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS;
  }
}

/** The headers whose value a signature of this verifier covers as the id of the delivery. */
export function signedIdHeaders(verifier: Verifier): string[] {
  switch (verifier.type) {
    case 'token':
      return [];
    case 'hmac':
      return verifier.idHeader === undefined ? [] : [verifier.idHeader];
    case 'standard-webhooks':
      return schemesOf(verifier).map(({ idHeader }) => idHeader);
  }
}
