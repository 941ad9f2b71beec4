import type { Content, Cut } from '../message.ts';

/** Made with the first use: it takes ten milliseconds, and few texts are cut inside a word. */
let segmenter: Intl.Segmenter | undefined;

/**
 * Cuts a text into parts of at most `maxLength` UTF-16 units, which is never more than so many characters in
 * any other way of counting. A cut's length, if it is less, counts from the part on that the cut names. The parts
 * before stay as they were, since they may have been delivered. A text is cut at a line's end, else at a blank, if
 * there is one in the second half of the part. It is never cut inside what a reader sees as one character, unless that
 * character is longer than a part. White space at a cut is dropped, and nothing else.
 *
 * @returns the text as it is where it fits.
 */
export function splitText(text: string, maxLength: number, cuts: readonly Cut[] = []): string[] {
  const parts: string[] = [];
  let rest = text;
  while (rest !== '' || parts.length === 0) {
    const most = cuts.reduce(
      (least, cut) => (cut.fromPart <= parts.length ? Math.min(least, cut.maxLength) : least),
      maxLength,
    );
    const end = rest.length > most ? cutOf(rest, most) : rest.length;
    const part = end < rest.length ? rest.slice(0, end).trimEnd() : rest;
    rest = end < rest.length ? rest.slice(end).trimStart() : '';
    // White space alone is no part, unless it is all there is.
    if (part !== '' || (rest === '' && parts.length === 0)) parts.push(part);
  }
  return parts;
}

function cutOf(text: string, maxLength: number): number {
  // A character further, since the break itself may stand just behind the part.
  const window = text.slice(0, maxLength + 1);
  const breaks = [window.lastIndexOf('\n'), window.search(/\s\S*$/)];
  const at = breaks.find((place) => place >= maxLength / 2);
  if (at !== undefined) return at;
  // Some more, so that the character across the cut is seen whole; 64 units hold the longest emoji many
  // times.
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const { index = 0 } = segmenter.segment(text.slice(0, maxLength + 64)).containing(maxLength) ?? {};
  if (index > 0) return index;
  // One "character" of thousands of combining marks: cut between code points.
  return isLowSurrogate(text.charCodeAt(maxLength)) ? maxLength - 1 : maxLength;
}

const isLowSurrogate = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;

/** The text with its links below it, for a system that takes nothing but text. */
export function withLinks({ text, attachments }: Pick<Content, 'text' | 'attachments'>): string {
  return [text, ...attachments].filter((line) => line !== '').join('\n');
}

/** In a text of the configuration: what is put in its place. */
export const PLACEHOLDER = /\{\{(\w*)\}\}/g;
