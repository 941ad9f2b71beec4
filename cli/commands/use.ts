import { folderOf, rememberedStack, rememberStack } from '../../local/state.ts';
import { isProduction } from '../../operate/target.ts';
import { type Cli, examples, stackName } from '../program.ts';

export function addUseCommand({ program, io, stack, sayJson, say, tell }: Cli): void {
  program
    .command('use')
    .description('remembers which relay commands speak to, where neither --stack nor RELAY_STACK names one')
    .argument(
      '[stack]',
      'such as recharge-relay-prod; with --local instead: the relay that npm start runs here',
      stackName,
    )
    .option('--json', 'as a JSON object')
    .addHelpText('after', examples('use recharge-relay-prod', 'use --local', 'use'))
    .action((given: string | undefined, { json }: { json?: boolean }) => {
      const isLocal = program.opts<{ local?: boolean }>().local ?? false;
      if (given !== undefined || isLocal) rememberStack(io.env, given);
      const current = given ?? stack();
      if (json) return sayJson({ stack: current ?? null, remembered: rememberedStack(io.env) ?? null });
      say(
        current === undefined
          ? `Commands speak to the local relay, in ${folderOf(io.env)}.`
          : `Commands speak to ${current}${isProduction(current) ? ', which is production: changes are asked about' : ''}.`,
      );
      const { RELAY_STACK } = io.env;
      if (RELAY_STACK) tell(`RELAY_STACK is set to ${RELAY_STACK}, and goes before what is remembered.`);
    });
}
