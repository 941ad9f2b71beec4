import * as fc from 'fast-check';

/** What somebody writes who wants to break a reader, or whose own program is broken. */

/** What parts, prefixes, times, escapes, numbers, signatures and names are made of. */
const PIECES = [
  ...[
    ',',
    ';',
    ' ',
    '\t',
    '=',
    '"',
    "'",
    '%',
    '%2B',
    '+',
    '&',
    '\\',
    '\n',
    '\r\n',
    '\0',
    '{',
    '[',
    '/',
    '~1',
  ],
  ...['t=', 'ts=', 'v1=', 'v1,', 'sha256=', 'token=', 'Bearer ', 'whsec_', 'null', '1767605400', '==', 'e5'],
  ...['\u{1F98A}', '\ud83d', '\ufeff', '\u202e', '\u200b', 'é', 'ſ', 'K', '１', '{{token}}', '<b>'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'jane@example.com', '2026-01-05T09:30:00Z'],
  ...['-1', '0x10', '1e3', '1e999', '9007199254740993', 'a'.repeat(64), 'AAAA', '../', 'https://a.example/'],
];

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { arbitrary: fc.constantFrom(...PIECES), weight: 3 },
  {
    arbitrary: fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join('')),
    weight: 3,
  },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 20 }), weight: 2 },
  { arbitrary: fc.tuple(fc.constantFrom(...PIECES), fc.constantFrom(300, 5_000)), weight: 1 }.arbitrary.map(
    ([piece, times]) => piece.repeat(times),
  ),
);

/** What may stand in a header: printable, and without blanks at its ends, which HTTP leaves out. */
export const headerText = hostileText.map((text) => text.replaceAll(/[^ -~]/g, '').trim() || 'x');

/** Names that an object has without having been given them. */
const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '0', 'length', ''];

const hostileNumber = fc.oneof(
  fc.constantFrom(
    0,
    -0,
    -1,
    1,
    500,
    0.5,
    499.5,
    1e-7,
    1e21,
    1e308,
    2 ** 31,
    2 ** 53,
    2 ** 53 - 1,
    -(2 ** 53),
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** Any value that JSON can have. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { arbitrary: fc.constantFrom<unknown[]>(null, true, false, [], {}, [[]], ''), weight: 3 },
  { arbitrary: hostileNumber, weight: 4 },
  { arbitrary: hostileText, weight: 4 },
  { arbitrary: fc.array(fc.oneof(hostileNumber, hostileText), { maxLength: 3 }), weight: 1 },
  {
    arbitrary: fc
      .array(
        fc.tuple(fc.oneof(fc.constantFrom(...NAMES), hostileText), fc.oneof(hostileNumber, hostileText)),
        {
          maxLength: 3,
        },
      )
      .map((members) => Object.fromEntries(members)),
    weight: 2,
  },
  { arbitrary: fc.constantFrom(30, 800).map((depth) => nested(depth)), weight: 1 },
);

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** One thing that is done to a value, somewhere in it. */
type Edit = { at: number } & (
  | { kind: 'replace'; by: unknown }
  | { kind: 'remove' }
  | { kind: 'wrap' }
  | { kind: 'rename'; name: string }
  | { kind: 'add'; name: string; value: unknown }
  | { kind: 'write'; text: string; end: 'before' | 'after' }
);

const edit = (names: readonly string[]): fc.Arbitrary<Edit> => {
  const name = fc.oneof(fc.constantFrom(...NAMES, ...names), hostileText);
  const at = fc.nat(400);
  return fc.oneof(
    fc.record({ at, kind: fc.constant('replace' as const), by: hostileValue }),
    fc.record({ at, kind: fc.constant('remove' as const) }),
    fc.record({ at, kind: fc.constant('wrap' as const) }),
    fc.record({ at, kind: fc.constant('rename' as const), name }),
    fc.record({ at, kind: fc.constant('add' as const), name, value: hostileValue }),
    fc.record({
      at,
      kind: fc.constant('write' as const),
      text: hostileText,
      end: fc.constantFrom('before' as const, 'after' as const),
    }),
  );
};

/** A value as it should be, changed in none to a few places. @param names that a reader may look for. */
export const mutated = (samples: readonly unknown[], names: readonly string[] = []): fc.Arbitrary<unknown> =>
  fc
    .tuple(
      fc.constantFrom(...samples.map((sample) => JSON.stringify(sample))),
      fc.array(edit(names), { maxLength: 3, size: 'max' }),
    )
    .map(([sample, edits]) => edits.reduce<unknown>(edited, JSON.parse(sample)));

interface Place {
  within: object;
  name: string;
}

/** Every member of an object or list, at any depth. */
function placesIn(value: unknown): Place[] {
  const places: Place[] = [];
  const left = [value];
  for (let one = left.pop(); one !== undefined && places.length < 400; one = left.pop()) {
    if (typeof one !== 'object' || one === null) continue;
    for (const [name, member] of Object.entries(one)) {
      places.push({ within: one, name });
      left.push(member);
    }
  }
  return places;
}

/** Own members, also `__proto__`. */
const put = (within: object, name: string, value: unknown) =>
  Object.defineProperty(within, name, { value, enumerable: true, configurable: true, writable: true });

function edited(value: unknown, change: Edit): unknown {
  const root = { root: value };
  const places = placesIn(root);
  const { within, name } = places[change.at % places.length] ?? { within: root, name: 'root' };
  const member: unknown = Object.getOwnPropertyDescriptor(within, name)?.value;
  switch (change.kind) {
    case 'replace':
      put(within, name, structuredClone(change.by));
      break;
    case 'remove':
      Reflect.deleteProperty(within, name);
      break;
    case 'wrap':
      put(within, name, [member]);
      break;
    case 'rename':
      if (Array.isArray(within) || within === root) break;
      Reflect.deleteProperty(within, name);
      put(within, change.name, member);
      break;
    case 'add':
      if (typeof member === 'object' && member !== null && !Array.isArray(member))
        put(member, change.name, structuredClone(change.value));
      break;
    case 'write':
      if (typeof member === 'string')
        put(within, name, change.end === 'before' ? change.text + member : member + change.text);
      break;
  }
  return root.root;
}

/** As a body: mostly the JSON of it, sometimes with a slip in its text. */
export const written = (value: fc.Arbitrary<unknown>): fc.Arbitrary<Buffer> =>
  fc.tuple(value, fc.option(slip, { freq: 4 })).map(([one, change]) => {
    const text = JSON.stringify(one) ?? '';
    return change === null ? Buffer.from(text) : slipped(text, change);
  });

const slip = fc.record({
  at: fc.nat(2_000),
  kind: fc.constantFrom('cut', 'insert', 'double', 'latin1', 'mark', 'utf16', 'nest'),
  piece: hostileText,
});

function slipped(text: string, { at, kind, piece }: { at: number; kind: string; piece: string }): Buffer {
  const place = text.length === 0 ? 0 : at % text.length;
  switch (kind) {
    case 'cut':
      return Buffer.from(text.slice(0, place));
    case 'insert':
      return Buffer.from(text.slice(0, place) + piece + text.slice(place));
    case 'double':
      return Buffer.from(text + text);
    case 'latin1':
      return Buffer.from(text + piece, 'latin1');
    case 'nest':
      return Buffer.from(`${'['.repeat(at * 10)}${text}${']'.repeat(at * 10)}`);
    case 'mark':
      return Buffer.from(`\ufeff${text}`);
    default:
      return Buffer.from(text, 'utf16le');
  }
}

/** Headers beside those that a request needs: odd ones, the same ones twice in another case, long ones. */
export const hostileHeaders = (names: readonly string[]): fc.Arbitrary<Record<string, string>> =>
  fc
    .array(
      fc.tuple(
        fc.oneof(
          fc.constantFrom(...names, 'content-encoding', 'content-type', '__proto__', 'constructor'),
          fc.string(),
        ),
        fc.oneof(
          hostileText,
          fc.constantFrom('gzip', 'br', 'deflate', 'GZIP', 'application/x-www-form-urlencoded', 'text/plain'),
        ),
        fc.constantFrom('as it is', 'in capitals'),
      ),
      { maxLength: 4 },
    )
    .map((headers) =>
      Object.fromEntries(
        headers.map(([name, value, as]) => [as === 'in capitals' ? name.toUpperCase() : name, value]),
      ),
    );
