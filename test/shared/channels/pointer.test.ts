import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { firstPointed, fulfils, placed, pointed } from '../../../shared/channels/pointer.ts';
import { conditionSchema, pointerSchema, pointersSchema } from '../../../shared/channels/pointer-settings.ts';

describe('a JSON pointer', () => {
  /** The document and the pointers of RFC 6901, section 5, but the one to the whole document. */
  const document = {
    foo: ['bar', 'baz'],
    '': 0,
    'a/b': 1,
    'c%d': 2,
    'e^f': 3,
    'g|h': 4,
    'i\\j': 5,
    'k"l': 6,
    ' ': 7,
    'm~n': 8,
  };
  it.each([
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/g|h', 4],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
    ['/foo/2', undefined],
    ['/foo/length', undefined],
    ['/foo/0/length', undefined],
    ['/constructor', undefined],
    ['/toString/name', undefined],
  ])('leads to the member it names, and never to what is inherited: %s', (pointer, value) => {
    expect(pointed(document, pointer)).toEqual(value);
  });

  it('undoes ~1 before ~0', () => {
    expect(pointed({ '~1': 'yes', '/': 'no' }, '/~01')).toBe('yes');
  });

  it.each(['', 'foo', 'a/b', '/a~2', '/a~', '/__proto__', '/a/__proto__/b'])('is not: %j', (text) => {
    expect(pointerSchema.safeParse(text).success).toBe(false);
  });

  it('may be one or several, of which the first that leads to a value counts', () => {
    expect(pointersSchema.parse('/a')).toEqual(['/a']);
    expect(pointersSchema.safeParse([]).success).toBe(false);
    const pointers = pointersSchema.parse(['/a', '/b', '/c']);
    expect(firstPointed({ a: null, b: '', c: 1 }, pointers)).toBe('');
    expect(firstPointed({ a: null }, pointers)).toBeUndefined();
    expect(firstPointed('text', pointers)).toBeUndefined();
  });

  it('has a way back', () => {
    const made = placed(placed(placed({}, '/a/b~1c', '1'), '/a/constructor', '2'), '/d', '3');
    expect(made).toEqual({ a: { 'b/c': '1', constructor: '2' }, d: '3' });
    expect(pointed(made, '/a/b~1c')).toBe('1');
    expect(placed({ a: 'text' }, '/a/b', '1')).toEqual({ a: { b: '1' } });
  });
});

describe('a condition', () => {
  it('holds where the field has this value, of this type', () => {
    const condition = conditionSchema.parse({ at: '/a/b', equals: 1 });
    expect(fulfils({ a: { b: 1 } }, condition)).toBe(true);
    expect(fulfils({ a: { b: '1' } }, condition)).toBe(false);
    expect(fulfils({}, condition)).toBe(false);
    expect(z.strictObject({ c: conditionSchema }).safeParse({ c: { at: '/a', equals: null } }).success).toBe(
      false,
    );
  });
});
