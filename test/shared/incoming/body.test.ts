import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { formAsJson, unpack } from '../../../shared/incoming/body.ts';

const LIMIT = 1_000;

describe('a packed body', () => {
  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('is unpacked up to the limit and not a byte further: %s', (encoding, pack) => {
    const of = (bytes: number) => {
      const body = pack(Buffer.alloc(bytes, 'x'));
      return unpack({ headers: { 'content-encoding': encoding }, body }, LIMIT);
    };
    expect(of(LIMIT)).toEqual(Buffer.alloc(LIMIT, 'x'));
    expect(of(LIMIT + 1)).toBeUndefined();
    // 5 MB of it are a few KB at most.
    expect(of(5_000_000)).toBeUndefined();
  });

  it.each(['', 'identity', 'zstd', 'gzip, gzip', 'constructor', '__proto__'])(
    'is left as it is under the encoding "%s"',
    (encoding) => {
      const body = gzipSync('x');
      expect(unpack({ headers: { 'content-encoding': encoding }, body }, LIMIT)).toBe(body);
    },
  );
});

describe('a form', () => {
  const read = (body: string, type = 'application/x-www-form-urlencoded') => {
    const read1 = formAsJson({ headers: { 'content-type': type }, body: Buffer.from(body) });
    return { ...read1, body: read1.body.toString() };
  };

  it.each<[string, string, object]>([
    ['names and values', 'a=1&b=x+y%2B%C3%BC', { a: '1', b: 'x y+ü' }],
    ['a value with = in it, none, and no name', 'a=b=c&d&=e', { a: 'b=c', d: '', '': 'e' }],
    ['a name twice alike', 'a=1&a=1', { a: '1' }],
    ['a name twice with two values', 'a=1&a=2', { a: ['1', '2'] }],
    ['names of brackets and dots as they are', 'a[b]=1&c.d=2', { 'a[b]': '1', 'c.d': '2' }],
  ])('is an object of texts: %s', (_name, body, expected) => {
    const { body: json, isForm } = read(body);
    expect(JSON.parse(json)).toEqual(expected);
    expect(isForm).toBe(true);
  });

  it('that holds nothing but a JSON object is that object, under whatever name', () => {
    expect(read('payload=%7B%22a%22%3A1%7D')).toEqual({ body: '{"a":1}', isForm: false });
    expect(read('payload=%7B%22a%22%3A1%7D&x=1').isForm).toBe(true);
    expect(read('payload=%5B1%5D').isForm).toBe(true);
  });

  it('has members of its own alone, whatever they are called', () => {
    const value: unknown = JSON.parse(read('__proto__=x&constructor=y').body);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.entries(Object(value))).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  it.each<[string, string, string?]>([
    ['it does not say that it is one', 'a=1', 'text/plain'],
    ['its type only begins like one', 'a=1', 'application/x-www-form-urlencoded-v2'],
    ['it is JSON', ' {"a":1}'],
    ['it is empty', ''],
    ['an escape in it is no UTF-8: two values would be one', 'a=%ff'],
    ['an escape in it is half', 'a=%4'],
  ])('is left as it is where %s', (_name, body, type) => {
    expect(read(body, type)).toEqual({ body, isForm: false });
  });
});
