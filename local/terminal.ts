import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import { printable } from '../shared/printable.ts';
import type { Tone } from './talk.ts';

// Whoever read what we say may have gone (`npm start | head`). The relay goes on.
process.stdout.on('error', () => {});

/** One line on standard output, of text that is printable but for our own colours. */
export const sayPainted = (line: string) => {
  process.stdout.write(`${line}\n`);
};

/** One text and a line end, on standard output. */
export const say = (text: string) => sayPainted(printable(text));

const STYLES = {
  plain: [],
  good: ['green'],
  bad: ['yellow'],
  alert: ['bold', 'red'],
  quiet: ['dim'],
} as const satisfies Record<Tone, unknown>;

/** Coloured on a terminal that takes colours, unless `NO_COLOR` is set. */
export const paint = (tone: Tone, text: string) =>
  styleText([...STYLES[tone]], text, { stream: process.stdout });

/** @returns asks the person at the terminal; undefined where there is none. */
export function asker(): ((question: string) => Promise<boolean>) | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return async (question) => {
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    try {
      // Ctrl-C and Ctrl-D close it, and no answer comes then.
      const closed = once(reader, 'close').then(() => 'no');
      const answer = await Promise.race([reader.question(`${question} [Y/n] `), closed]);
      return /^(y|yes)?$/i.test(answer.trim());
    } finally {
      reader.close();
    }
  };
}
