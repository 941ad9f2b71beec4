/**
 * Foreign text for a terminal. Whoever sent it may have meant the terminal, or the eye: what is no character to see
 * (control, escape, direction, invisible ones) is shown as `\u{1b}`, not obeyed. Lines and tabs stay.
 */
export const printable = (text: string) => text.replaceAll(/[^\P{C}\n\t\r]|\r(?!\n)/gu, escaped);

/** The same on one line: a text between ours could otherwise go on with lines that look like ours. */
export const printableLine = (text: string) => text.replaceAll(/[\p{C}\u2028\u2029]/gu, escaped);

const NAMED: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const escaped = (character: string) => NAMED[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`;

/** JSON in which such characters are escaped, as JSON has it: it reads back as the same value. */
export const printableJson = (value: unknown) =>
  JSON.stringify(value, null, 2).replaceAll(/[^\P{C}\n]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => unitOf(character, index)).join(''),
  );

const unitOf = (text: string, index: number) => `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`;
