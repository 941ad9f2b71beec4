import { formAsJson, unpack } from '../shared/incoming/body.ts';
import type { QuarantinedWebhook } from '../shared/incoming/quarantine.ts';
import { readTime } from '../shared/incoming/signature.ts';
import { standardWebhooksKey } from '../shared/incoming/standard-webhooks.ts';
import { type Verifier, verifierSchema } from '../shared/incoming/verifier-settings.ts';
import { type IncomingRequest, verifyRequest } from '../shared/incoming/verifiers.ts';
import { findSignatures, type Settings, timesIn } from './find-signatures.ts';

/** A verifier that lets a delivery in. */
export interface Match {
  /** As it is written into the configuration. */
  settings: Settings;
  verifier: Verifier;
  /** The secret it agrees with. */
  secret: string;
  /** How old the signed time was when the delivery came; 0 if none is signed. */
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
  urls: string[];
}

/** More than any body may hold unpacked. */
const MAX_UNPACKED_BYTES = 1024 * 1024;

/** The body as the relay reads it: unpacked, and a form as JSON. If that is too large, the body as it came. */
export const readableBody = ({ headers, body }: Pick<QuarantinedWebhook, 'headers' | 'body'>) =>
  formAsJson({ headers, body: unpack({ headers, body }, MAX_UNPACKED_BYTES) ?? body });

/**
 * Finds the verifiers that would have let a delivery in. The relay's own code tries each one, as of the time that
 * the delivery signs.
 *
 * @param secrets the current one first.
 * @param address where the relay is reached, as far as it is known: one of those that the sender may sign.
 */
export function findVerifiers(delivery: QuarantinedWebhook, secrets: string[], address?: string): Search {
  const { headers, query = {}, body, receivedAt, route } = delivery;
  const [headerList, queryList] = [Object.entries(headers), Object.entries(query)];
  const urls = addressesOf(headers, route, address);
  const evidences = secrets.map((secret) => ({
    headers: headerList,
    query: queryList,
    body,
    receivedAt,
    secret,
    urls,
  }));
  const unpacked = unpack({ headers, body }, MAX_UNPACKED_BYTES) ?? body;
  const matches = evidences.flatMap((evidence) => [
    ...standardWebhooks(evidence),
    ...[...new Set([body, unpacked])].flatMap((signed) => signatures({ ...evidence, body: signed })),
    ...tokens(evidence),
  ]);
  const names = [...headerList.map(([name]) => name), ...queryList.map(([name]) => `?${name}=`)];
  const times = [
    ...new Set(timesIn(headerList).map(({ header, prefix }) => header + (prefix && ` (${prefix})`))),
  ];
  const lookedAt = [
    secrets.length === 0
      ? 'no secret is set for this address, so nothing could be tried: set the one the sender shows'
      : `${secrets.length === 1 ? 'the secret' : `${secrets.length} secrets`} as a token, as the key of HMAC with SHA-1, ` +
        'SHA-256 and SHA-512 in hex and base64 with any short prefix, over the body alone and together with times, ids and ' +
        'addresses, and as Standard Webhooks',
    `in: ${names.join(', ') || 'nothing, it has no headers'}`,
    `times in: ${times.join(', ') || 'no header holds one'}`,
    `addresses: ${urls.join(', ') || 'none is known'}. One with a query cannot be tried: it held the token of the capture`,
    ...(matches.length === 0 ? evidences.flatMap(nearMisses) : []),
  ];
  return { matches: distinct(matches), lookedAt: [...new Set(lookedAt)] };
}

/** The address of the relay, and the one that the request itself names. */
function addressesOf(headers: Record<string, string>, route: string, address: string | undefined): string[] {
  const hosts = [headers['x-forwarded-host'], headers.host].filter((host) => host !== undefined);
  const urls = [
    ...(address === undefined ? [] : [new URL(route, address).href]),
    ...hosts.map((host) => `https://${host}${route}`),
  ];
  return [...new Set(urls)].filter((url) => URL.canParse(url)).slice(0, 3);
}

const distinct = (matches: Match[]) => {
  const said = matches.map(({ settings }) => JSON.stringify(settings));
  return matches.filter((_, index) => said.indexOf(said[index] ?? '') === index);
};

function tokens(evidence: Evidence): Match[] {
  const { headers, query, secret } = evidence;
  return [
    ...headers.flatMap(([header, value]) =>
      [value, ...value.split(',')].slice(0, 8).flatMap((part) => {
        const text = part.trim();
        if (!text.endsWith(secret)) return [];
        const prefix = text.slice(0, text.length - secret.length);
        // A part with a digit in it differs each time: a time, a count.
        if (/[\d,]/.test(prefix)) return [];
        const settings: Settings = { type: 'token', header, ...(prefix === '' ? {} : { prefix }) };
        return judged(settings, { ...evidence, query: [] });
      }),
    ),
    ...query.flatMap(([name]) => judged({ type: 'token', query: name }, { ...evidence, headers: [] })),
  ];
}

function signatures(evidence: Evidence): Match[] {
  const matches = findSignatures(evidence).flatMap(({ settings, signedAt }) =>
    judged(settings, evidence, signedAt),
  );
  const isTimed = ({ settings }: Match) => 'timestampHeader' in settings;
  return [...matches.filter(isTimed), ...matches.filter((match) => !isTimed(match))];
}

/** Where the three headers stand, under whatever prefix. */
function standardWebhooks(evidence: Evidence): Match[] {
  const held = new Map(evidence.headers);
  return standardPrefixes(evidence).flatMap((prefix) => {
    const signedAt = readTime(held.get(`${prefix}timestamp`)?.split(',')[0]?.trim() ?? '');
    const known = prefix === 'webhook-' || prefix === 'svix-';
    const settings: Settings = { type: 'standard-webhooks', ...(known ? {} : { headerPrefix: prefix }) };
    return judged(settings, evidence, signedAt);
  });
}

function standardPrefixes({ headers }: Evidence): string[] {
  const names = new Set(headers.map(([name]) => name));
  return [...names]
    .filter((name) => name.endsWith('-signature'))
    .map((name) => name.slice(0, -'signature'.length))
    .filter((prefix) => names.has(`${prefix}id`) && names.has(`${prefix}timestamp`));
}

/** The relay has the last word: what it would refuse is no match. */
function judged(settings: Settings, evidence: Evidence, signedAt?: number): Match[] {
  const verifier = verifierSchema.safeParse(settings).data;
  if (!verifier) return [];
  const { secret, body, receivedAt } = evidence;
  const request: IncomingRequest = {
    headers: Object.fromEntries(evidence.headers),
    query: Object.fromEntries(evidence.query),
    body,
  };
  const now = signedAt ?? receivedAt;
  if (!verifyRequest({ ...request, verifiers: [verifier], secrets: [secret], now }).ok) return [];
  return [{ settings, verifier, secret, ageSeconds: Math.round((receivedAt - now) / 1_000) }];
}

/** What is nearly a match, and why no verifier takes it. */
function nearMisses(evidence: Evidence): string[] {
  const { headers, query, body, secret } = evidence;
  const inBody = body.includes(secret) ? ['the body holds the secret: no verifier looks for it there'] : [];
  const within = [...headers, ...query]
    .filter(([, value]) => value.includes(secret))
    .map(([name]) => `${name} holds the secret, and more behind it: a token is compared to its end`);
  const standard =
    standardWebhooksKey(secret) === undefined
      ? standardPrefixes(evidence).map(
          (prefix) =>
            `${prefix}signature looks like Standard Webhooks, and the secret is none of theirs: whsec_ and base64`,
        )
      : [];
  const changed = otherBodies(body).flatMap(([what, other]) =>
    findSignatures({ ...evidence, body: other }).map(
      ({ settings }) => `${settings.header} is the signature of ${what}: what came is not what was signed`,
    ),
  );
  return [...new Set([...within, ...inBody, ...standard, ...changed])];
}

/** What a body may have been before something on its way changed it. */
function otherBodies(body: Buffer): [what: string, body: Buffer][] {
  const text = body.toString('utf8');
  const others: [string, string][] = [
    ['the body without the blanks around it', text.trim()],
    ['the body with a line feed behind it', `${text}\n`],
    ['the JSON of the body, written in another way', rewritten(text)],
    ['an empty body', ''],
  ];
  return others.filter(([, other]) => other !== text).map(([what, other]) => [what, Buffer.from(other)]);
}

function rewritten(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}
