import type { Command } from 'commander';
import { CommanderError } from 'commander';
import { cliWith } from '../../cli/main.ts';
import { ioOf } from './command.ts';

/** Stands for what a reader fills in: `KEY`, `<key>`, `[id]`, `/channels/NAME/incoming`, `rrm-…`. */
const isPlaceholder = (value: string) => /\b[A-Z]+\b|…|[<[]/.test(value);

/** As a shell would: blanks part words, quotes keep them together. What comes of a pipe is not ours. */
function wordsOf(line: string): string[] {
  const [command = ''] = line.split(/ \|(?= )| >(?= )/);
  return [...command.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) =>
    word.replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2'),
  );
}

/** What may be missing where a command is only named, and what follows it in a sentence. */
const IN_A_SENTENCE = [
  'commander.missingArgument',
  'commander.missingMandatoryOptionValue',
  'commander.optionMissingArgument',
  'commander.help',
  'commander.excessArguments',
];
const FORGIVEN = {
  /** It can be pasted. */
  whole: [],
  /** It is named in a sentence, behind `npx relay`. */
  named: IN_A_SENTENCE,
  /** It is named without that, so it may be something else. */
  mentioned: [...IN_A_SENTENCE, 'commander.unknownCommand'],
} satisfies Record<string, string[]>;
export type Form = keyof typeof FORGIVEN;

/**
 * Reads command lines with the real commands, and runs none of them.
 *
 * @returns what is wrong with a line behind `npx relay`, if anything is. Values are checked, but placeholders.
 */
export async function commandLineReader() {
  const { program } = await cliWith('all', ioOf({ env: {} }).io);
  const tame = (command: Command): void => {
    if (command.commands.length === 0) command.action(() => {});
    const read: any[] = [...command.options, ...command.registeredArguments];
    for (const one of read.filter(({ parseArg }) => parseArg !== undefined)) {
      const { parseArg } = one;
      one.parseArg = (value: string, previous: unknown) =>
        isPlaceholder(value) ? value : parseArg.call(one, value, previous);
    }
    command.commands.forEach(tame);
  };
  tame(program);
  program.configureOutput({ writeOut: () => {}, writeErr: () => {} });
  for (const command of program.commands) command.configureOutput({ writeOut: () => {}, writeErr: () => {} });

  return async (line: string, form: Form): Promise<string | undefined> => {
    // In a function of the shell it stands for whatever is typed.
    if (line.startsWith('"$@"')) return undefined;
    const words = wordsOf(line).filter((word) => word !== '…');
    try {
      await program.parseAsync(words, { from: 'user' });
      return undefined;
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      // Which command it is, is filled in, too.
      if (/unknown command '[A-Z]+'/.test(error.message)) return undefined;
      if (error.exitCode === 0 || FORGIVEN[form].some((code) => code === error.code)) return undefined;
      return `${line}: ${error.message}`;
    }
  };
}
