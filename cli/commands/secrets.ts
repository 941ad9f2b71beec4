import { Option } from 'commander';
import { localFile } from '../../local/state.ts';
import { program, say, stack } from '../program.ts';
import { createStackSecrets, MADE_NAMES, type MadeName, SECRET_NAMES, type SecretName } from '../secrets.ts';
import { readStack } from '../stack.ts';

export function addSecretCommands(): void {
  const secrets = program
    .command('secrets')
    .description(
      "the secrets of the relay on AWS: the platform's, and those we show to others; never printed",
    );
  const stackSecrets = async (file?: string) => {
    const name = stack();
    if (name !== undefined) return createStackSecrets(name, await readStack(name), file);
    throw new Error(
      `Say which relay on AWS: npm run relay -- --stack NAME secrets … (npm start keeps its own in ${localFile('secrets.json')}).`,
    );
  };
  const toFile = new Option(
    '--file <file>',
    'where new ones are written, for pasting; <stack>.secrets unless given',
  );

  secrets
    .command('init')
    .description('asks for each one that is not set yet: hidden, or line by line from standard input')
    .addOption(toFile)
    .action(async ({ file }: { file?: string }) => say(await (await stackSecrets(file)).init()));

  secrets
    .command('set')
    .description('asks for one: hidden, or from standard input; a webhook secret before it stays valid')
    .addArgument(program.createArgument('<name>', 'which').choices(SECRET_NAMES))
    .action(async (name: SecretName) => say(await (await stackSecrets()).set(name)));

  secrets
    .command('rotate')
    .description('makes a new one; a webhook secret before it stays valid')
    .addArgument(program.createArgument('<name>', 'which').choices(MADE_NAMES))
    .addOption(toFile)
    .action(async (name: MadeName, { file }: { file?: string }) =>
      say(await (await stackSecrets(file)).rotate(name)),
    );
}
