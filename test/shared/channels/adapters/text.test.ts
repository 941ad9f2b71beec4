import { describe, expect, it } from 'vitest';
import { splitText, withLinks } from '../../../../shared/channels/adapters/text.ts';
import { cpuMsOf } from '../../../support/cpu.ts';

const words = (text: string) => text.split(/\s+/).join('');

describe('a text that is too long', () => {
  it('is left as it is while it fits, white space and all', () => {
    for (const text of ['', ' ', 'x'.repeat(100), `\n${'x'.repeat(98)} `]) {
      expect(splitText(text, 100)).toEqual([text]);
    }
  });

  it('is cut one unit beyond the limit, into parts of at most the limit', () => {
    expect(splitText('x'.repeat(101), 100)).toEqual(['x'.repeat(100), 'x']);
    expect(splitText('x'.repeat(200), 100)).toEqual(['x'.repeat(100), 'x'.repeat(100)]);
  });

  it('is cut shorter from a part on, and the parts before stay what they were', () => {
    const text = 'x'.repeat(250);
    const lengths = (cuts: { fromPart: number; maxLength: number }[]) =>
      splitText(text, 100, cuts).map(({ length }) => length);
    expect(lengths([{ fromPart: 0, maxLength: 60 }])).toEqual([60, 60, 60, 60, 10]);
    expect(lengths([{ fromPart: 1, maxLength: 60 }])).toEqual([100, 60, 60, 30]);
    const twice = [
      { fromPart: 1, maxLength: 60 },
      { fromPart: 2, maxLength: 40 },
    ];
    expect(lengths(twice)).toEqual([100, 60, 40, 40, 10]);
    expect(lengths([{ fromPart: 0, maxLength: 900 }])).toEqual([100, 100, 50]);
  });

  it('is cut at the last end of a line, where that is in the second half', () => {
    const first = `${'a'.repeat(30)} ${'b'.repeat(29)}`;
    expect(splitText(`${first}\n${'c'.repeat(20)} ${'d'.repeat(60)}`, 100)).toEqual([
      first,
      `${'c'.repeat(20)} ${'d'.repeat(60)}`,
    ]);
    expect(splitText(`Dear,\n${'a'.repeat(60)} ${'b'.repeat(60)}`, 100)).toEqual([
      `Dear,\n${'a'.repeat(60)}`,
      'b'.repeat(60),
    ]);
  });

  it('is cut at a blank, also at one just behind the part', () => {
    expect(splitText(`${'a'.repeat(100)} ${'b'.repeat(10)}`, 100)).toEqual(['a'.repeat(100), 'b'.repeat(10)]);
    expect(splitText(`${'a'.repeat(70)} ${'b'.repeat(40)}`, 100)).toEqual(['a'.repeat(70), 'b'.repeat(40)]);
  });

  it('is cut in a word rather than after a short beginning', () => {
    expect(splitText(`Hi ${'a'.repeat(120)}`, 100)).toEqual([`Hi ${'a'.repeat(97)}`, 'a'.repeat(23)]);
  });

  it.each([
    ['an emoji outside the basic plane', '😀'],
    ['a family held together by joiners', '👨‍👩‍👧‍👦'],
    ['a flag', '🇳🇱'],
    ['a thumb with a skin', '👍🏽'],
    ['a letter with two marks', 'a\u0301\u0323'],
    ['a syllable of Hangul letters', '\u1112\u1161\u11ab'],
    ['a line break of two characters', '\r\n'],
  ])('is never cut within one character: %s', (_name, character) => {
    for (let before = 0; before < character.length; before += 1) {
      const text = 'x'.repeat(99 - before) + character + 'y'.repeat(150);
      const parts = splitText(text, 100);
      expect(words(parts.join(''))).toBe(words(text));
      for (const part of parts) {
        expect(part.length).toBeLessThanOrEqual(100);
        expect(part.isWellFormed()).toBe(true);
      }
      if (character !== '\r\n') expect(parts.filter((part) => part.includes(character))).toHaveLength(1);
    }
  });

  it('is cut between code points where one character is longer than a part', () => {
    const text = `a${'\u0301'.repeat(250)}`;
    expect(splitText(text, 100).map(({ length }) => length)).toEqual([100, 100, 51]);
    const joined = `😀${'\u200d😀'.repeat(80)}`;
    for (const part of splitText(joined, 100)) expect(part.isWellFormed()).toBe(true);
    expect(splitText(joined, 100).join('')).toBe(joined);
  });

  it('loses nothing but white space at the cuts, however it is made', () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const pieces = ['word', ' ', '\n', '\n\n', '😀', '🇳🇱', 'é', '   ', 'x'.repeat(140), '\t', '中'];
    for (let round = 0; round < 300; round += 1) {
      const text = `s${Array.from({ length: random(200) }, () => pieces[random(pieces.length)]).join('')}e`;
      const parts = splitText(text, 100);
      expect(words(parts.join(' ')), text).toBe(words(text));
      for (const part of parts) {
        expect(part.length).toBeLessThanOrEqual(100);
        expect(part.trim()).not.toBe('');
      }
    }
  });

  it('is cut in no time: a megabyte of blanks, of lines, of one word', () => {
    for (const text of [
      ' \n'.repeat(500_000),
      'a\n'.repeat(500_000),
      'a'.repeat(1_000_000),
      '\u0301'.repeat(200_000),
    ]) {
      expect(cpuMsOf(() => splitText(`x${text}x`, 4_000))).toBeLessThan(2_000);
    }
  });
});

describe('links', () => {
  it('stand below the text, one a line, and alone where there is none', () => {
    const attachments = ['https://example.com/1', 'https://example.com/2'];
    expect(withLinks({ text: 'See:', attachments })).toBe(
      'See:\nhttps://example.com/1\nhttps://example.com/2',
    );
    expect(withLinks({ text: '', attachments })).toBe('https://example.com/1\nhttps://example.com/2');
    expect(withLinks({ text: 'Hello', attachments: [] })).toBe('Hello');
  });
});
