import { Argument } from 'commander';
import { SHELLS, type Shell } from '../completion.ts';
import { type Cli, examples } from '../program.ts';

/** @param everything makes the command line with all of its commands. */
export function addCompletionCommand({ program, io }: Cli, everything: () => Promise<Cli>): void {
  program
    .command('completion')
    .description('prints what makes a shell complete commands, options and their values')
    .addArgument(new Argument('<shell>', 'which').choices(SHELLS))
    .addHelpText(
      'after',
      `${examples('completion bash > ~/.relay-completion.bash')}

A shell completes the name relay, so give it one, in ~/.bashrc or ~/.zshrc:
  relay() { npx relay "$@"; }
  source ~/.relay-completion.bash`,
    )
    .action(async (shell: Shell) => {
      const { completionScript } = await import('../completion.ts');
      const { program: whole } = await everything();
      io.stdout.write(completionScript(shell, whole));
    });
}
