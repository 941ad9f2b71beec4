import { expect } from 'vitest';
import type { Adapter, Delivery, ForDelivery, Parsed } from '../../../../shared/channels/adapter.ts';
import { createAdapter } from '../../../../shared/channels/adapters/index.ts';
import { channelSchema } from '../../../../shared/channels/settings.ts';
import type { Reply } from '../../../../shared/http.ts';
import { verifyRequest } from '../../../../shared/incoming/verifiers.ts';
import { cpuMsOf } from '../../../support/cpu.ts';

/** 2026-11-22 12:00 UTC. */
export const NOW = 1_795_348_800_000;
/** What names a message that has no id of its own. */
export const DELIVERY_ID = 'd0a7c2de-9c4c-4a3b-8f4e-0123456789ab';
export const OUR_ID = 'rrm-0123456789abcdef01234567';

export const adapterOf = (settings: Record<string, unknown>): Adapter =>
  createAdapter(channelSchema.parse({ toId: 'agency', ...settings }));

export function parsed(adapter: Adapter, payload: unknown) {
  const body = Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  return adapter.parse({ headers: {}, query: {}, body }, DELIVERY_ID);
}

/** The one message of a payload. */
export function message(adapter: Adapter, payload: unknown) {
  const result = parsed(adapter, payload);
  if (result.kind !== 'messages') throw new Error(`not a message: ${JSON.stringify(result)}`);
  expect(result.messages).toHaveLength(1);
  return result.messages[0];
}

export const reply = (status: number, body: unknown = '', headers: Record<string, string> = {}): Reply => ({
  kind: 'response',
  status,
  headers,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

export const forDelivery = (fields: Partial<ForDelivery> = {}): ForDelivery => ({
  id: 'reply-1',
  contact: 'contact-1',
  type: 'text',
  text: 'Hello',
  attachments: [],
  ourId: OUR_ID,
  receivedAt: NOW,
  ...fields,
});

/** What the requests' bodies hold, as the receiver reads them. */
export function bodies(adapter: Adapter, fields: Partial<ForDelivery>, token = 'the-token'): any[] {
  return adapter.requests(forDelivery(fields), token).map(({ body }) => JSON.parse(body ?? ''));
}

/**
 * The lines of every judge that HTTP alone decides, and what never got an answer.
 *
 * @param whoWaits whom a wait is for that is asked for.
 */
export const common = (whoWaits: 'place' | 'channel'): [string, Reply, Delivery][] => [
  [
    'a connection that never stood',
    { kind: 'not_sent', detail: 'ECONNREFUSED' },
    { kind: 'not_applied', detail: 'ECONNREFUSED' },
  ],
  [
    'no answer',
    { kind: 'no_answer', detail: 'no answer in time' },
    { kind: 'unknown', detail: 'no answer in time' },
  ],
  ['a redirect', reply(302), { kind: 'not_applied', detail: 'HTTP 302: a redirect, which is not followed' }],
  ['401 of a gateway', reply(401), { kind: 'not_applied', detail: 'HTTP 401' }],
  ['403 of a gateway', reply(403), { kind: 'not_applied', detail: 'HTTP 403' }],
  [
    '404 of a gateway',
    reply(404, '<html>Not Found</html>'),
    { kind: 'not_applied', detail: 'HTTP 404: there is nothing at this address' },
  ],
  ['405 of a gateway', reply(405), { kind: 'not_applied', detail: 'HTTP 405' }],
  ['408', reply(408), { kind: 'unknown', detail: 'HTTP 408' }],
  ['409', reply(409), { kind: 'unknown', detail: 'HTTP 409' }],
  ['413', reply(413), { kind: 'refused', detail: 'HTTP 413' }],
  ['429 without a wait', reply(429), { kind: 'not_applied', detail: 'HTTP 429' }],
  [
    '429 with a wait',
    reply(429, 'Retry later', { 'retry-after': '30' }),
    { kind: 'not_applied', detail: expect.stringContaining('HTTP 429'), retryAfterMs: 30_000, whoWaits },
  ],
  ['500', reply(500), { kind: 'unknown', detail: 'HTTP 500' }],
  ['502', reply(502, '<html>Bad Gateway</html>'), { kind: 'unknown', detail: 'HTTP 502' }],
  ['503', reply(503), { kind: 'unknown', detail: 'HTTP 503' }],
];

/** Pseudo-random numbers (mulberry32) from a seed, from 0 to below 1: a failure can be repeated. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const ODD: unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1e308,
  0.1,
  '',
  ' ',
  'text',
  '\u0000',
  '\ud800',
  '{{token}}',
  '<@U1|x>'.repeat(50),
  '&'.repeat(2_000),
  'x'.repeat(200),
  'x'.repeat(20_000),
  [],
  {},
  [[]],
  { constructor: 1 },
  JSON.parse('{"__proto__": {"id": 1, "bot_id": "B1", "is_bot": true}}'),
];

/** Every member of the payload replaced or removed, one at a time and at random; cut, wrapped and nested bodies. */
export function fuzzed(payload: unknown, seed: number, count = 400): Buffer[] {
  const random = randomFrom(seed);
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)];
  const places: (string | number)[][] = [];
  const walk = (value: unknown, path: (string | number)[]) => {
    places.push(path);
    if (typeof value !== 'object' || value === null) return;
    for (const [name, member] of Object.entries(value)) walk(member, [...path, name]);
  };
  walk(payload, []);
  const replaced = (path: (string | number)[], by: unknown) => {
    if (path.length === 0) return by;
    const copy: any = structuredClone(payload);
    let at = copy;
    for (const name of path.slice(0, -1)) at = at[name];
    const last = path.at(-1) ?? '';
    if (by === undefined) delete at[last];
    else at[last] = by;
    return copy;
  };
  const each = places.flatMap((path) =>
    [undefined, ...ODD].map((by) => JSON.stringify(replaced(path, by)) ?? ''),
  );
  const text = JSON.stringify(payload);
  const cut = Array.from({ length: count }, () => text.slice(0, Math.floor(random() * text.length)));
  const bytes = Array.from({ length: count }, () => {
    const buffer = Buffer.from(text);
    for (let flips = 0; flips < 3; flips += 1) {
      buffer[Math.floor(random() * buffer.length)] = Math.floor(random() * 256);
    }
    return buffer;
  });
  const nested = [60_000, 30_000].map((depth) => '['.repeat(depth) + ']'.repeat(depth));
  const deep = [...nested, `{"a":${nested[1]}}`, `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`];
  const random_ = Array.from({ length: count }, () =>
    JSON.stringify({ [String(pick(['id', 'type', 'event', 'update_id', 'message']))]: pick(ODD) }),
  );
  return [...each, ...cut, ...deep, ...random_, '', 'null', '[]', '"', '\ufeff{}']
    .map((body) => Buffer.from(body))
    .concat(bytes);
}

/** What no payload may make a parser do: throw, hang, or bring out a message that the rest could not handle. */
export function expectSound(adapter: Adapter, bodies: Buffer[]): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const body of bodies) {
    const results: Parsed[] = [];
    const ms = cpuMsOf(() => results.push(parsed(adapter, body)));
    const [result] = results;
    if (!result) throw new Error('Nothing was parsed.');
    // A parser that hangs takes minutes.
    expect(ms, body.subarray(0, 200).toString()).toBeLessThan(2_000);
    kinds[result.kind] = (kinds[result.kind] ?? 0) + 1;
    if (result.kind === 'fault') expect(result.fault).toMatch(/^[\w (),.:/;*-]{5,250}$/);
    if (result.kind !== 'messages') continue;
    for (const { id, contact, text, attachments, replyTo, ...person } of result.messages) {
      expect(id).toMatch(/^[^\p{C}]{1,255}$/u);
      expect(contact).toMatch(/^[^\p{C}]{1,255}$/u);
      if (replyTo !== undefined) expect(replyTo).toMatch(/^[^\p{C}]{1,255}$/u);
      expect(text.isWellFormed()).toBe(true);
      expect(text.trim() !== '' || attachments.length > 0).toBe(true);
      for (const link of attachments) expect(new URL(link).protocol).toMatch(/^https?:$/);
      expect(
        Object.keys(person).filter((name) => !['type', 'firstName', 'lastName', 'email'].includes(name)),
      ).toEqual([]);
      for (const value of Object.values(person)) expect(value).toMatch(/\S/);
    }
  }
  return kinds;
}

/** Every bit of the body, of the signature and of the signed time. */
export function expectBitsToCount(
  adapter: Adapter,
  secret: string,
  { headers, body, now }: { headers: Record<string, string>; body: string; now: number },
): void {
  const verify = (given: Record<string, string>, bytes: Buffer) =>
    verifyRequest({
      verifiers: adapter.verifiers,
      secrets: [secret],
      headers: given,
      query: {},
      body: bytes,
      now,
    }).ok;
  const bytes = Buffer.from(body);
  expect(verify(headers, bytes)).toBe(true);
  for (const [name, value] of Object.entries(headers)) {
    for (let bit = 0; bit < value.length * 8; bit += 1) {
      const changed = Buffer.from(value);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const text = changed.toString('latin1');
      // A digit of hexadecimal is the same one in capitals.
      if (text.toLowerCase() === value) continue;
      expect(verify({ ...headers, [name]: text }, bytes), `${name}, bit ${bit}`).toBe(false);
    }
    const { [name]: _, ...others } = headers;
    expect(verify(others, bytes), `without ${name}`).toBe(false);
  }
  if (Object.keys(headers).length === 1) return;
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(verify(headers, changed), `body, bit ${bit}`).toBe(false);
  }
}
