import { type ConfigFault, checkConfig } from '../../operate/config-check.ts';
import { type Cli, examples, text } from '../program.ts';

export function addConfigCommands({ program, target, say, sayJson, fail }: Cli): void {
  program
    .command('config')
    .description('the configuration')
    .command('check')
    .description('says all faults of a configuration at once, each with its line')
    .argument('[file]', 'else RELAY_CONFIG or relay.config.json; with --stack, that of the stage', text)
    .option('--json', 'as a JSON object')
    .addHelpText('after', examples('config check', 'config check relay.config.prod.json'))
    .action((given: string | undefined, { json = false }: { json?: boolean }) => {
      const { stack } = target();
      const { file, faults, lacks } = checkConfig(target(), given);
      const isWhole = lacks.length === 0;
      if (faults.length > 0 || (stack !== undefined && !isWhole)) fail();
      if (json) return sayJson({ file, faults, lacks });
      for (const fault of faults) say(faultLine(file, fault));
      const part = isWhole
        ? ''
        : ` It is a part: enough for npm start, but to be deployed it lacks ${lacks.join(', ')}.`;
      say(`${file}: ${faults.length === 0 ? 'no faults' : count(faults.length)}.${part}`);
    });
}

const count = (faults: number) => `${faults} ${faults === 1 ? 'fault' : 'faults'}`;

/** As editors and terminals open it with a click: file:line. */
const faultLine = (file: string, { line, setting, message }: ConfigFault) =>
  `${file}${line === undefined ? '' : `:${line}`}: ${setting || 'the file'} ${message}`;
