import { Option } from 'commander';
import { localFile } from '../../local/state.ts';
import { knownChannels } from '../known-channels.ts';
import { program, say, sayJson, stack, tell } from '../program.ts';
import { madeHere, type Secret, secretNamed } from '../secret-names.ts';
import { openLocalSecrets, openStackSecrets } from '../secrets.ts';
import { readStack } from '../stack.ts';

/** @throws an Error that does not repeat the name: it may be a secret, pasted at the wrong place. */
function secretFor(name: string): Secret {
  // The relay's own have nothing to do with the configuration, nor with its faults.
  const own = secretNamed(name);
  if (own && own.channel === undefined) return own;
  const channels = own && knownChannels(stack());
  const secret = own && secretNamed(name, channels);
  if (secret?.channel === undefined) {
    throw new Error(
      'A secret is called webhook, platformApiKey, paymentHook or, with the name of a channel (small letters, ' +
        'digits and -, at most 40): CHANNEL/incoming, CHANNEL/outgoing, CHANNEL/send, CHANNEL/token.',
    );
  }
  if (!channels?.has(secret.channel)) {
    tell(`No configuration here has a channel ${secret.channel}: go on if it is configured elsewhere.`);
  }
  return secret;
}

const secretsHere = async (file?: string) => {
  const name = stack();
  return name === undefined ? openLocalSecrets(file) : openStackSecrets(name, await readStack(name), file);
};

async function init(file?: string): Promise<string> {
  if (stack() !== undefined) return (await secretsHere(file)).init();
  throw new Error(
    'secrets init is for a relay on AWS: npm run relay -- --stack NAME secrets init. npm start makes its own ' +
      `in ${localFile('secrets.json')}; secrets set and secrets rotate change them.`,
  );
}

async function list(json?: boolean): Promise<void> {
  const channels = knownChannels(stack());
  if (!channels) tell(`There is no configuration here, so the channels of ${stack()} are not known.`);
  const all = await (await secretsHere()).list(channels ?? new Map());
  if (json) return sayJson(all);
  const width = Math.max(...all.map(({ name }) => name.length)) + 2;
  for (const { name, state, note } of all) {
    say(`${name.padEnd(width)}${state}${note === undefined ? '' : `  (${note})`}`);
  }
}

const NAME = [
  '<name>',
  'webhook, platformApiKey, paymentHook, or CHANNEL/incoming, /outgoing, /send, /token',
] as const;

export function addSecretCommands(): void {
  const secrets = program
    .command('secrets')
    .description(
      "the relay's secrets: the platform's, those of channels, and those we show to others; never printed",
    );
  const toFile = new Option(
    '--file <file>',
    `where new ones are written, for pasting; <stack>.secrets or ${localFile('new.secrets')} unless given`,
  );

  secrets
    .command('init')
    .description(
      "on AWS: asks for each of the relay's own that is not set yet, hidden, or line by line from standard input",
    )
    .addOption(toFile)
    .action(async ({ file }: { file?: string }) => say(await init(file)));

  secrets
    .command('list')
    .description('which are set, never what they are')
    .option('--json', 'as a JSON array')
    .action(({ json }: { json?: boolean }) => list(json));

  secrets
    .command('set')
    .description(
      'asks for one: hidden, or from standard input; what proves others to us stays valid when it is replaced',
    )
    .argument(...NAME)
    .action(async (name: string) => {
      const secret = secretFor(name);
      say(await (await secretsHere()).set(secret));
    });

  secrets
    .command('rotate')
    .description('makes a new one, where that is ours to do, and writes it to a file for pasting')
    .argument(...NAME)
    .addOption(toFile)
    .action(async (name: string, { file }: { file?: string }) => {
      const secret = madeHere(secretFor(name));
      say(await (await secretsHere(file)).rotate(secret));
    });
}
