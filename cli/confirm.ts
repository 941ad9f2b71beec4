import { createInterface } from 'node:readline/promises';
import type { Cli } from './program.ts';

/** Asks for a word to be typed, which a hasty person does not. @returns whether it was. */
export async function isTyped({ io, tell }: Cli, word: string, question: string): Promise<boolean> {
  const reader = createInterface({ input: io.stdin, output: io.stderr });
  try {
    tell(question);
    const { value = '' } = await reader[Symbol.asyncIterator]().next();
    return value.trim() === word;
  } finally {
    reader.close();
  }
}
