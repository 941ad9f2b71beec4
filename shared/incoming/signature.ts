import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** How a sender signs: what stands where, and what is signed. */
export interface Scheme {
  /** Where the signatures stand; of its parts, those that begin with `prefix`. */
  header: string;
  prefix: string;
  encoding: 'hex' | 'base64';
  /** Default: `sha256`. */
  algorithm?: (typeof ALGORITHMS)[number];
  /** A text with placeholders, such as `{timestamp}.{body}`. */
  signs: string;
  timestampHeader?: string | undefined;
  /** Default: none; where the time stands beside the signature, one of `TIME_NAMES`. */
  timestampPrefix?: string;
  toleranceSeconds: number;
  idHeader?: string;
  /** The public address that the sender was given. */
  url?: string;
}

/** HMAC is not weakened by what weakens SHA-1: https://www.rfc-editor.org/rfc/rfc6194#section-3.3 */
export const ALGORITHMS = ['sha1', 'sha256', 'sha512'] as const;

/** What of a request may be signed. `{form}` is the fields of a form, sorted, names and values joined, as Twilio has it. */
export const PLACEHOLDERS = ['{body}', '{form}', '{timestamp}', '{id}', '{url}'] as const;

/** What the time is called where it shares a header with the signature: Stripe's `t=`, Paddle's `ts=`. */
export const TIME_NAMES = ['t=', 'ts=', 'time=', 'timestamp='];

/** A sender that changes its secret sends two signatures. More parts than these are a flood, and are ignored. */
const MAX_PARTS = 32;
/** Each candidate for the signed time costs a pass over the body. A header that came twice has two candidates. */
const MAX_TIMES = 4;
/** SHA-512 in hex has 128. What is longer is not looked at. */
const MAX_SIGNATURE_LENGTH = 130;

/** An id that a signature covers: it cannot be changed by whoever repeats a delivery. */
export interface SignedId {
  header: string;
  value: string;
}

/** `true`, and nothing but `true`, lets a request in; a text says why not. */
export type Verdict = { ok: true; id?: SignedId } | { ok: false; reason: string };
export const refused = (reason: string): Verdict => ({ ok: false, reason });

/** What of a request may be signed. */
export interface Signed {
  /** Lower-case names. */
  headers: Record<string, string>;
  /** The query of the address as it was sent. */
  rawQuery?: string;
  body: Buffer;
}

/**
 * One signature that was made with one of the keys is enough: what else stands in the header is passed over.
 *
 * @param now Unix milliseconds.
 */
export function judgeSignature(
  scheme: Scheme,
  { now, ...request }: Signed & { now: number },
  keys: (string | Buffer)[],
): Verdict {
  const { header, prefix, encoding, idHeader } = scheme;
  const value = request.headers[header];
  if (value === undefined) return refused(`no header ${header}`);
  const signatures = partsBehind(prefix, value)
    .filter(({ length }) => length > 0 && length <= MAX_SIGNATURE_LENGTH)
    .map((given) => canonical(given, encoding));
  if (signatures.length === 0) return refused(`${header} holds no signature behind the configured prefix`);
  const ids = idHeader === undefined ? [''] : idsIn(request.headers[idHeader]);
  if (ids.length === 0) return refused(`no header ${idHeader}`);
  const times = freshTimes(scheme, request.headers, now);
  if ('reason' in times) return refused(times.reason);

  const id = ids.find((one) =>
    addressesOf(scheme, request).some((url) =>
      times.some((timestamp) =>
        keys.some((key) => {
          const expected = canonical(
            signatureOf(scheme, key, { ...request, timestamp, id: one, url }),
            encoding,
          );
          return signatures.some((given) => sameText(given, expected));
        }),
      ),
    ),
  );
  if (id === undefined) return refused('the signature does not match');
  return { ok: true, ...(idHeader === undefined ? {} : { id: { header: idHeader, value: id } }) };
}

/** The ids that the header may hold: its whole value, or its first part if it came twice and a gateway joined both. */
function idsIn(value = ''): string[] {
  const [first = ''] = value.split(',', 1);
  return [...new Set([value.trim(), first.trim()])].filter((id) => id !== '');
}

/**
 * The headers with which `judgeSignature` lets a body in.
 *
 * @param given.now Unix milliseconds.
 * @param given.id stands in the scheme's `idHeader`.
 */
export function signBody(
  scheme: Scheme,
  key: string | Buffer,
  { body, now, id = '' }: { body: Buffer; now: number; id?: string },
): Record<string, string> {
  const { header, prefix, timestampHeader, idHeader } = scheme;
  const timestamp = String(Math.floor(now / 1_000));
  const signature = prefix + signatureOf(scheme, key, { body, timestamp, id, url: scheme.url ?? '' });
  const time = (timePrefixesOf(scheme)[0] ?? '') + timestamp;
  return {
    ...(idHeader === undefined ? {} : { [idHeader]: id }),
    ...(timestampHeader === undefined ? {} : { [timestampHeader]: time }),
    [header]: timestampHeader === header ? `${time},${signature}` : signature,
  };
}

/**
 * The values behind a prefix in the parts of a header. Commas, semicolons, bars, ampersands and blanks separate the
 * parts. A prefix may itself hold a separator: `v1,` of the Standard Webhooks, `HMAC `. Its case does not matter:
 * `SHA256=`, `hmac `.
 */
export function partsBehind(prefix: string, value: string): string[] {
  const found: string[] = [];
  for (const { index } of value.matchAll(/[^,;|&\s]+/g)) {
    if (found.length === MAX_PARTS) break;
    if (value.slice(index, index + prefix.length).toLowerCase() !== prefix.toLowerCase()) continue;
    // A few senders write a blank behind it: `sha256= 757107…`.
    const upToSeparator = / ?([^,;|&\s]*)/y;
    upToSeparator.lastIndex = index + prefix.length;
    found.push((upToSeparator.exec(value)?.[1] ?? '').replace(/^"([^"]*)"$/, '$1'));
  }
  return found;
}

/** The times that stand where the scheme has them and are near enough; `['']` where it has none. */
function freshTimes(
  scheme: Scheme,
  headers: Record<string, string>,
  now: number,
): string[] | { reason: string } {
  const { timestampHeader, toleranceSeconds } = scheme;
  if (timestampHeader === undefined) return [''];
  const value = headers[timestampHeader] ?? '';
  const texts = timePrefixesOf(scheme).flatMap((prefix) => partsBehind(prefix, value));
  const times = [...new Set(texts)].flatMap((text) => {
    const at = readTime(text);
    return at === undefined ? [] : [{ text, ageMs: now - at }];
  });
  const [first] = times;
  if (!first) return { reason: 'the timestamp is missing, or neither a Unix time nor an ISO date' };
  const fresh = times.filter(({ ageMs }) => Math.abs(ageMs) <= toleranceSeconds * 1_000);
  if (fresh.length > 0) return fresh.slice(0, MAX_TIMES).map(({ text }) => text);
  return { reason: first.ageMs > 0 ? 'the timestamp is too old' : 'the timestamp is too new' };
}

function timePrefixesOf({ timestampHeader, timestampPrefix, header }: Scheme): string[] {
  if (timestampPrefix !== undefined) return [timestampPrefix];
  return timestampHeader === header ? TIME_NAMES : [''];
}

/** Unix milliseconds of a time as senders write it: Unix seconds, with a fraction or without, milliseconds, ISO 8601. */
export function readTime(text: string): number | undefined {
  if (/^[1-9]\d{0,13}(\.\d{1,9})?$/.test(text)) {
    const value = Number(text);
    // 1e11 s is the year 5138, 1e11 ms was in 1973.
    return value < 1e11 ? value * 1_000 : value;
  }
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isFinite(time) ? time : undefined;
}

/** The address as the sender was given it, and with the query that the sender may have added. */
function addressesOf({ url }: Scheme, { rawQuery = '' }: Signed): string[] {
  if (url === undefined) return [''];
  return rawQuery === '' || url.includes('?') ? [url] : [url, `${url}?${rawQuery}`];
}

/** One signature, in the encoding of the scheme. */
export function signatureOf(
  { signs, algorithm = 'sha256', encoding }: Scheme,
  key: string | Buffer,
  {
    body,
    timestamp,
    id = '',
    url,
  }: { body: Buffer; timestamp: string; id?: string | undefined; url: string },
): string {
  const values = new Map<string, () => string | Buffer>([
    ['{body}', () => body],
    ['{form}', () => (hasHashIn(url, body) ? '' : sortedForm(body))],
    ['{timestamp}', () => timestamp],
    ['{id}', () => id],
    ['{url}', () => url],
  ]);
  const hmac = createHmac(algorithm, key);
  for (const piece of piecesOf(signs)) hmac.update(values.get(piece)?.() ?? piece);
  return hmac.digest(encoding);
}

/** The placeholders of a template, and what stands between them. */
export const piecesOf = (template: string) => template.split(/(\{[^{}]*\})/);

/** https://www.twilio.com/docs/usage/security#how-twilio-signs-its-requests: a field that comes twice alike counts once. */
function sortedForm(body: Buffer): string {
  const valuesOf = new Map<string, Set<string>>();
  for (const [name, value] of new URLSearchParams(body.toString('utf8')))
    valuesOf.set(name, (valuesOf.get(name) ?? new Set()).add(value));
  const names = [...valuesOf.keys()].sort();
  return names
    .flatMap((name) => [...(valuesOf.get(name) ?? [])].sort().map((value) => name + value))
    .join('');
}

/** Of a body that is no form, Twilio's address holds the hash, and stands for it. */
const hasHashIn = (url: string, body: Buffer) =>
  url.includes(`bodySHA256=${createHash('sha256').update(body).digest('hex')}`);

/** One spelling of a signature: of hex in small letters, of base64 in the alphabet of addresses, unpadded. */
function canonical(signature: string, encoding: Scheme['encoding']): string {
  return encoding === 'hex'
    ? signature.toLowerCase()
    : signature.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** Compares digests, which have one length, so that the time tells neither the length nor a common beginning. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}
