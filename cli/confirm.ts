import { createInterface } from 'node:readline/promises';
import { folderOf } from '../local/state.ts';
import { OperateError } from '../operate/error.ts';
import { isProduction } from '../operate/target.ts';
import type { Cli } from './program.ts';

/** The option of every command that changes something. */
export const YES = ['--yes', 'does not ask whether to go on'] as const;

type Asking = Pick<Cli, 'io' | 'tell' | 'stack'>;

export interface Change {
  /** What is about to happen, as a question: `Stop the recharge key-1?` */
  question: string;
  /** Whether the person said so with `--yes`. */
  yes: boolean | undefined;
  /** Whether to ask also where it is not production: what is done touches many things. */
  always?: boolean;
}

/**
 * Stands before every change. It names the relay, beside the output. Where that is production, or the change is a
 * large one, a person must agree: on a terminal by an answer, elsewhere by `--yes`.
 *
 * @throws an OperateError, `refused`, if nobody agreed.
 */
export async function confirmChange(
  cli: Asking,
  { question, yes = false, always = false }: Change,
): Promise<void> {
  const { io } = cli;
  nameRelay(cli);
  if (yes || !(always || isProduction(cli.stack()))) return;
  if (!io.stdin.isTTY) {
    throw new OperateError(
      'refused',
      `${question} Nobody is at a terminal to say so: add --yes. Nothing was done.`,
    );
  }
  const answer = await ask(cli, `${question} [y/N]`);
  if (!/^y(es)?$/i.test(answer)) throw new OperateError('refused', 'That is no yes. Nothing was done.');
}

/** Before a change that has a question of its own. */
export function nameRelay({ io, tell, stack }: Asking): void {
  tell(`Relay: ${stack() ?? `local (${folderOf(io.env)})`}`);
}

/** Asks for a word to be typed, which a hasty person does not. @returns whether it was. */
export const isTyped = async (cli: Asking, word: string, question: string) =>
  (await ask(cli, question)) === word;

/** One line of standard input, trimmed; '' where it has ended. */
async function ask({ io, tell }: Asking, question: string): Promise<string> {
  const reader = createInterface({ input: io.stdin, output: io.stderr, terminal: false });
  try {
    tell(question);
    const { value = '' } = await reader[Symbol.asyncIterator]().next();
    return value.trim();
  } finally {
    reader.close();
  }
}
