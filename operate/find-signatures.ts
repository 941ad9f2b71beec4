import type * as z from 'zod';
import {
  ALGORITHMS,
  partsBehind,
  readTime,
  type Scheme,
  signatureOf,
  TIME_NAMES,
} from '../shared/incoming/signature.ts';
import type { verifierSchema } from '../shared/incoming/verifier-settings.ts';

/** A verifier as one writes it into the configuration. */
export type Settings = z.input<typeof verifierSchema>;
type HmacSettings = Extract<Settings, { type: 'hmac' }>;

/** What is searched for signatures. */
export interface Evidence {
  headers: [name: string, value: string][];
  body: Buffer;
  secret: string;
  /** Public addresses under which the sender may know the relay. */
  urls: string[];
}

/** A signature that is right, wherever it stands. */
export interface Signature {
  settings: HmacSettings;
  /** Unix milliseconds that are signed with it. */
  signedAt: number | undefined;
}

/** What stands before a signature: `sha256=`, `v1=`, `HMAC `. A longer text is not the same every time. */
const PREFIX = /^([A-Za-z][A-Za-z0-9_-]{0,15}[=: ,]? ?)?$/;
const NAME_OF_AN_ID = /(^|-)(id|key|delivery|event|nonce|uuid)$/;

/** A sender has one or two of these. Each costs one pass over the body for each way to sign. */
const MAX_TIMES = 4;
const MAX_IDS = 4;

const SEPARATORS = ['.', ':', '', '|', '\n', '-', '_', ',', ' '];
const ORDERS = [
  ['{timestamp}', '{body}'],
  ['{body}', '{timestamp}'],
  ['{id}', '{timestamp}', '{body}'],
  ['{timestamp}', '{id}', '{body}'],
  ['{id}', '{body}'],
  ['{url}', '{body}'],
  ['{body}', '{url}'],
  ['{url}', '{timestamp}', '{body}'],
  ['{timestamp}', '{url}', '{body}'],
];

/** What is signed, as senders are known to do it; the likeliest first. */
export const TEMPLATES = [
  ...SEPARATORS.flatMap((separator) => ORDERS.map((order) => order.join(separator))),
  ...['v0:{timestamp}:{body}', 'v1:{timestamp}:{body}', 'POST{url}{body}{timestamp}', 'POST{url}{body}'],
  ...['{timestamp}POST{url}{body}', '{url}{form}', '{form}', '{body}'],
];

interface Time {
  header: string;
  prefix: string;
  text: string;
}

/** The times that stand in headers, alone or as a named part. */
export const timesIn = (headers: Evidence['headers']): Time[] =>
  headers.flatMap(([header, value]) =>
    partsBehind('', value).flatMap((token) => {
      const [, prefix = '', text = ''] = /^([A-Za-z][\w-]{0,15}[=:])?(\d.*)$/.exec(token) ?? [];
      const at = readTime(text);
      // Small numbers are counts, and no time of a delivery.
      return at !== undefined && at > 1e12 ? [{ header, prefix, text }] : [];
    }),
  );

/** Every signature of this secret over this body that stands in a header. What proves most comes first. */
export function findSignatures(evidence: Evidence): Signature[] {
  const times = timesIn(evidence.headers).slice(0, MAX_TIMES);
  const ids = evidence.headers.filter(([name]) => NAME_OF_AN_ID.test(name)).slice(0, MAX_IDS);
  const isForm = evidence.headers.some(
    ([name, value]) => name === 'content-type' && value.toLowerCase().includes('form-urlencoded'),
  );
  const found = TEMPLATES.flatMap((signs) => {
    const holds = (placeholder: string) => signs.includes(placeholder);
    if (holds('{form}') && !isForm) return [];
    return (holds('{timestamp}') ? times : [undefined]).flatMap((time) =>
      (holds('{id}') ? ids : [undefined]).flatMap((id) =>
        (holds('{url}') ? evidence.urls : [undefined]).flatMap((url) =>
          ALGORITHMS.flatMap((algorithm) => standing(evidence, { signs, time, id, url, algorithm })),
        ),
      ),
    );
  });
  return found;
}

interface Signing {
  signs: string;
  time: Time | undefined;
  id: [name: string, value: string] | undefined;
  url: string | undefined;
  algorithm: (typeof ALGORITHMS)[number];
}

/** Where this signature stands. Each place is told as one would write it into the configuration. */
function standing(evidence: Evidence, { signs, time, id, url, algorithm }: Signing): Signature[] {
  const scheme: Scheme = { header: '', prefix: '', encoding: 'hex', algorithm, signs, toleranceSeconds: 1 };
  const given = { body: evidence.body, timestamp: time?.text ?? '', id: id?.[1], url: url ?? '' };
  const digest = Buffer.from(signatureOf(scheme, evidence.secret, given), 'hex');
  return (['hex', 'base64'] as const).flatMap((encoding) => {
    const expected = plain(digest.toString(encoding), encoding);
    return evidence.headers.flatMap(([header, value]) => {
      const prefix = prefixIn(value, expected, encoding);
      if (prefix === undefined) return [];
      const settings: HmacSettings = {
        type: 'hmac',
        header,
        ...(algorithm === 'sha256' ? {} : { algorithm }),
        ...(encoding === 'hex' ? {} : { encoding }),
        ...(prefix === '' ? {} : { prefix }),
        ...(signs === '{body}' ? {} : { signs }),
        ...(time === undefined ? {} : timeSettings(time, header)),
        ...(id === undefined ? {} : { idHeader: id[0] }),
        ...(url === undefined ? {} : { url }),
      };
      return [{ settings, signedAt: time && readTime(time.text) }];
    });
  });
}

function timeSettings({ header, prefix }: Time, signatureHeader: string) {
  const byDefault = header === signatureHeader ? TIME_NAMES.includes(prefix) : prefix === '';
  return { timestampHeader: header, ...(byDefault ? {} : { timestampPrefix: prefix }) };
}

/** What stands before the signature in the header, or in one of its parts; undefined if it is not there. */
function prefixIn(value: string, expected: string, encoding: 'hex' | 'base64'): string | undefined {
  const candidates = [value, ...partsBehind('', value)].flatMap((part) => {
    const text = part.replace(/^([^"]*)"([^"]*)"$/, '$1$2').replace(/={1,2}$/, '');
    const end = text.slice(-expected.length);
    return plain(end, encoding) === expected ? [text.slice(0, -expected.length)] : [];
  });
  return candidates.find((prefix) => PREFIX.test(prefix));
}

const plain = (signature: string, encoding: 'hex' | 'base64') =>
  encoding === 'hex'
    ? signature.toLowerCase()
    : signature
        .replaceAll('-', '+')
        .replaceAll('_', '/')
        .replace(/={1,2}$/, '');
