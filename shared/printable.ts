/**
 * Makes foreign text safe for a terminal. Its sender may try to control the terminal or to deceive the reader.
 * Characters that cannot be seen (control, escape, direction, invisible ones) are shown escaped, such as `\u{1b}`.
 * Lines and tabs stay.
 */
export const printable = (text: string) => text.replaceAll(/[^\P{C}\n\t\r]|\r(?!\n)/gu, escaped);

/** The same on one line. Otherwise foreign text inside our output could add lines that look like ours. */
export const printableLine = (text: string) => text.replaceAll(/[\p{C}\u2028\u2029]/gu, escaped);

const NAMED: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const escaped = (character: string) => NAMED[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`;

/** JSON in which such characters are escaped, as JSON has it: it reads back as the same value. */
export const printableJson = (value: unknown) =>
  JSON.stringify(value, null, 2).replaceAll(/[^\P{C}\n]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => unitOf(character, index)).join(''),
  );

const unitOf = (text: string, index: number) => `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`;
