import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Io } from './program.ts';

/**
 * One line of standard input for each question. On a terminal the questions are shown, and what is typed is not:
 * readline edits the line, and draws it nowhere.
 *
 * @returns the answers, trimmed.
 * @throws an Error if there are fewer lines, or more: a pasted secret that broke in two is no secret.
 */
export async function askHidden({ stdin, stderr }: Io, questions: string[]): Promise<string[]> {
  const isTerminal = stdin.isTTY ?? false;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: nowhere, terminal: isTerminal, historySize: 0 });
  const lines = reader[Symbol.asyncIterator]();
  const answers: string[] = [];
  try {
    for (const question of questions) {
      if (isTerminal) stderr.write(`${question}: `);
      const { value, done } = await lines.next();
      if (isTerminal) stderr.write('\n');
      if (done) throw new Error(`No answer to "${question}". Nothing was changed.`);
      answers.push(value.trim());
    }
    const begun = reader.line;
    // What was pasted is here already. What is piped has an end.
    if (isTerminal) reader.close();
    const { value: further = '' } = await lines.next();
    if (`${begun}${further}`.trim() !== '') {
      throw new Error('There were more lines than questions: paste one line each. Nothing was changed.');
    }
    return answers;
  } finally {
    reader.close();
  }
}
