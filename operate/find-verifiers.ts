import { createHash } from 'node:crypto';
import type * as z from 'zod';
import type { QuarantinedWebhook } from '../shared/incoming/quarantine.ts';
import { withoutProofs } from '../shared/incoming/request.ts';
import {
  type HmacVerifier,
  type IncomingRequest,
  signRequest,
  type Verifier,
  verifierSchema,
  verifyRequest,
} from '../shared/incoming/verifiers.ts';

type Settings = z.input<typeof verifierSchema>;
type HmacSettings = Extract<Settings, { type: 'hmac' }>;

/** A verifier that lets a delivery in. */
export interface Match {
  /** As it is written into the configuration. */
  settings: Settings;
  verifier: Verifier;
  /** The secret it agrees with. */
  secret: string;
  /** How old the signed time was when the delivery came; 0 where none is signed. */
  ageSeconds: number;
}

export interface Search {
  /** What proves most first. */
  matches: Match[];
  /** What was tried, and what was seen that no verifier takes. No value is quoted. */
  lookedAt: string[];
}

interface Evidence {
  headers: [string, string][];
  query: [string, string][];
  body: Buffer;
  /** Unix milliseconds. */
  receivedAt: number;
  secret: string;
}

/** What stands before a signature: `sha256=`, `v1=`, `HMAC `. Anything longer is not the same every time. */
const PREFIX = /^([A-Za-z][A-Za-z0-9_-]{0,15}[=: ,]? ?)?$/;

const ENCODINGS = ['hex', 'base64'] as const;
const TIMED = ['{timestamp}.{body}', 'v0:{timestamp}:{body}'] as const;

/**
 * Finds the verifiers that would have let a delivery in. Each one is tried by the relay's own code, as of
 * the time at which the delivery came.
 */
export function findVerifiers(delivery: QuarantinedWebhook, secrets: string[]): Search {
  const { headers, query = {}, body, receivedAt } = delivery;
  const [headerList, queryList] = [Object.entries(headers), Object.entries(query)];
  const evidences = secrets.map((secret) => ({
    headers: headerList,
    query: queryList,
    body,
    receivedAt,
    secret,
  }));
  const matches = evidences.flatMap((evidence) => [
    ...standardWebhooks(evidence),
    ...signatures(evidence),
    ...tokens(evidence),
  ]);
  const names = [...headerList.map(([name]) => name), ...queryList.map(([name]) => `?${name}=`)];
  const lookedAt = [
    secrets.length === 0
      ? 'no secret is set for this address, so nothing could be tried: set the one the sender shows'
      : `${secrets.length === 1 ? 'the secret' : `${secrets.length} secrets`} as a token, as the key of HMAC-SHA256 ` +
        'in hex and base64 with any short prefix, over {body}, {timestamp}.{body} and v0:{timestamp}:{body}, ' +
        'and as Standard Webhooks',
    `in: ${names.join(', ') || 'nothing, it has no headers'}`,
    `times in: ${
      timestamps(headerList)
        .map(({ name }) => name)
        .join(', ') || 'no header holds Unix seconds'
    }`,
    ...(matches.length === 0 ? evidences.flatMap(nearMisses) : []),
  ];
  return { matches, lookedAt };
}

function tokens(evidence: Evidence): Match[] {
  const { headers, query, secret } = evidence;
  return [
    ...headers
      .filter(([, value]) => value.endsWith(secret))
      .flatMap(([header, value]) => {
        const prefix = value.slice(0, value.length - secret.length);
        // One with a digit in it is another one each time: a time, a count.
        if (/\d/.test(prefix)) return [];
        return judged(
          { type: 'token', header, ...(prefix === '' ? {} : { prefix }) },
          { ...evidence, query: [] },
        );
      }),
    ...query
      .filter(([, value]) => value === secret)
      .flatMap(([name]) => judged({ type: 'token', query: name }, { ...evidence, headers: [] })),
  ];
}

function signatures(evidence: Evidence): Match[] {
  const matches = candidates(evidence).flatMap(({ settings, expected, timestamp, value }) => {
    const prefix = prefixOf(value, expected, settings.encoding);
    if (prefix === undefined || !PREFIX.test(prefix)) return [];
    return judged(leaveDefaults({ ...settings, prefix }), evidence, timestamp);
  });
  const isTimed = ({ settings }: Match) => 'timestampHeader' in settings;
  return [...matches.filter(isTimed), ...matches.filter((match) => !isTimed(match))];
}

/** Every place where a signature may stand, with the signature that belongs there. */
function candidates({ headers, body, receivedAt, secret }: Evidence) {
  const times = timestamps(headers);
  return headers.flatMap(([header, value]) =>
    ENCODINGS.flatMap((encoding) => {
      const signing = [
        ...times.flatMap(({ name, seconds }) =>
          TIMED.map((signs) => ({ signs, timestampHeader: name, timestamp: seconds })),
        ),
        { signs: '{body}' as const, timestamp: undefined },
      ];
      return signing
        .filter((one) => !('timestampHeader' in one) || one.timestampHeader !== header)
        .flatMap(({ timestamp, ...rest }) => {
          const settings = { type: 'hmac' as const, header, encoding, ...rest };
          const parsed = verifierSchema.safeParse(settings).data;
          if (parsed?.type !== 'hmac') return [];
          const now = timestamp === undefined ? receivedAt : timestamp * 1_000;
          const expected = signatureOf(parsed, secret, body, now);
          return [{ settings, expected, timestamp, value }];
        });
    }),
  );
}

const signatureOf = (verifier: HmacVerifier, secret: string, body: Buffer, now: number) =>
  signRequest({ secret, body, now, verifier })[verifier.header] ?? '';

/** What stands before the signature, undefined where it is not the last thing in the value. */
function prefixOf(value: string, expected: string, encoding: 'hex' | 'base64'): string | undefined {
  const given = encoding === 'hex' ? value.toLowerCase() : value;
  return given.endsWith(expected) ? value.slice(0, value.length - expected.length) : undefined;
}

/** As one would write it: what is the default is left out. */
function leaveDefaults({ encoding, prefix, signs, ...rest }: HmacSettings): HmacSettings {
  return {
    ...rest,
    ...(encoding === 'hex' ? {} : { encoding }),
    ...(prefix === '' ? {} : { prefix }),
    ...(signs === '{body}' ? {} : { signs }),
  };
}

function standardWebhooks(evidence: Evidence): Match[] {
  const seconds = timestamps(evidence.headers).find(({ name }) => name === 'webhook-timestamp')?.seconds;
  return seconds === undefined ? [] : judged({ type: 'standard-webhooks' }, evidence, seconds);
}

/** The last word is the relay's own: what it would refuse is no match. */
function judged(settings: Settings, evidence: Evidence, timestamp?: number): Match[] {
  const verifier = verifierSchema.safeParse(settings).data;
  if (!verifier) return [];
  const { secret, body, receivedAt } = evidence;
  const request: IncomingRequest = {
    headers: Object.fromEntries(evidence.headers),
    query: Object.fromEntries(evidence.query),
    body,
  };
  const now = timestamp === undefined ? receivedAt : timestamp * 1_000;
  if (!verifyRequest({ ...request, verifiers: [verifier], secrets: [secret], now }).ok) return [];
  return [{ settings, verifier, secret, ageSeconds: Math.round((receivedAt - now) / 1_000) }];
}

const timestamps = (headers: [string, string][]) =>
  headers.flatMap(([name, value]) => (/^[1-9]\d{9}$/.test(value) ? [{ name, seconds: Number(value) }] : []));

/** What is nearly a match, and why no verifier takes it. */
function nearMisses(evidence: Evidence): string[] {
  const { headers, query, body, secret } = evidence;
  const inBody = body.includes(secret) ? ['the body holds the secret: no verifier looks for it there'] : [];
  const within = [...headers, ...query]
    .filter(([, value]) => value.includes(secret))
    .map(([name]) => `${name} holds the secret, and more behind it: a token is compared to its end`);
  const signed = candidates(evidence)
    .filter(({ value, expected, settings: { encoding } }) =>
      (encoding === 'hex' ? value.toLowerCase() : value).includes(expected),
    )
    .map(({ settings }) => `${settings.header} holds the right signature among other characters`);
  const milliseconds = headers
    .filter(([, value]) => /^[1-9]\d{12}$/.test(value))
    .map(([name]) => `${name} looks like Unix milliseconds: signed times are seconds`);
  return [...new Set([...within, ...inBody, ...signed, ...milliseconds])];
}

/** A signature or a key by its look: 32 letters and digits, or more, in a row. An id of a delivery is none. */
const LOOKS_SECRET = /[A-Za-z0-9+/]{32,}|[\w-]{32,}/;
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

/**
 * Headers, or names of the address, for the eyes of a person: of what may prove a sender only how long it is,
 * and the beginning of its hash, which tells two of them apart.
 */
export function masked(
  values: Record<string, string>,
  { matches, secrets }: { matches: Match[]; secrets: string[] },
): Record<string, string> {
  const plain = withoutProofs(
    values,
    matches.map(({ verifier }) => verifier),
  );
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const isSecret =
        plain[name] === undefined ||
        LOOKS_SECRET.test(value.replaceAll(UUID, '')) ||
        secrets.some((secret) => value.includes(secret));
      const hash = createHash('sha256').update(value).digest('hex').slice(0, 8);
      return [name, isSecret ? `(${value.length} characters, sha256 ${hash}…)` : value];
    }),
  );
}
