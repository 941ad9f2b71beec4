import { Option } from 'commander';
import { localFile } from '../../local/state.ts';
import { knownChannels } from '../../operate/known-channels.ts';
import { madeHere, type Secret } from '../../operate/secret-names.ts';
import { type Ask, findSecret, openSecrets, type SecretChanges } from '../../operate/secrets.ts';
import { askHidden } from '../ask-hidden.ts';
import type { Cli } from '../program.ts';

function secretFor(name: string, { target, tell }: Cli): Secret {
  const { secret, isConfigured } = findSecret(name, target());
  if (!isConfigured) {
    tell(`No configuration here has a channel ${secret.channel}: go on if it is configured elsewhere.`);
  }
  return secret;
}

async function list({ stack, target, say, sayJson, tell }: Cli, json?: boolean): Promise<void> {
  const channels = knownChannels(target());
  if (!channels) tell(`There is no configuration here, so the channels of ${stack()} are not known.`);
  const all = await (await openSecrets(target())).list(channels ?? new Map());
  if (json) return sayJson(all);
  const width = Math.max(...all.map(({ name }) => name.length)) + 2;
  for (const { name, state, note } of all) {
    say(`${name.padEnd(width)}${state}${note === undefined ? '' : `  (${note})`}`);
  }
}

const ALL_SET =
  'All three are set. To change one, or to set those of a channel: secrets set NAME, secrets rotate NAME.';

const isNothing = ({ changed, notSet }: SecretChanges) => changed.length === 0 && notSet.length === 0;

function changesText({ changed, file, notSet }: SecretChanges): string {
  const made = changed.filter(({ pasteInto }) => pasteInto !== undefined);
  return [
    ...changed.map(({ name, inUse, replaced, remark }) =>
      [`${name} is set${inUse}`, replaced, remark].filter((part) => part !== undefined).join(' '),
    ),
    ...(file === undefined
      ? []
      : [
          `${file}, readable by you alone, holds what is new:`,
          ...made.map(({ name, pasteInto }) => `  ${name}: paste it into ${pasteInto}`),
          'Then delete the file.',
        ]),
    ...notSet.map((name) => `${name} is not set yet: npm run relay -- secrets set ${name}`),
  ].join('\n');
}

const NAME = [
  '<name>',
  'webhook, platformApiKey, paymentHook, or CHANNEL/incoming, /outgoing, /send, /token',
] as const;

export function addSecretCommands(cli: Cli): void {
  const { program, target, say, io } = cli;
  const ask: Ask = (questions) => askHidden(io, questions);
  const secrets = program
    .command('secrets')
    .description(
      "the relay's secrets: the platform's, those of channels, and those we show to others; never printed",
    );
  const toFile = new Option(
    '--file <file>',
    `where new ones are written, for pasting; <stack>.secrets or ${localFile(io.env, 'new.secrets')} unless given`,
  );

  secrets
    .command('init')
    .description(
      "on AWS: asks for each of the relay's own that is not set yet, hidden, or line by line from standard input",
    )
    .addOption(toFile)
    .action(async ({ file }: { file?: string }) => {
      const done = await (await openSecrets(target(), file)).init(ask);
      say(isNothing(done) ? ALL_SET : changesText(done));
    });

  secrets
    .command('list')
    .description('which are set, never what they are')
    .option('--json', 'as a JSON array')
    .action(({ json }: { json?: boolean }) => list(cli, json));

  secrets
    .command('set')
    .description(
      'asks for one: hidden, or from standard input; what proves others to us stays valid when it is replaced',
    )
    .argument(...NAME)
    .action(async (name: string) => {
      const secret = secretFor(name, cli);
      say(changesText(await (await openSecrets(target())).set(secret, ask)));
    });

  secrets
    .command('rotate')
    .description('makes a new one, where that is ours to do, and writes it to a file for pasting')
    .argument(...NAME)
    .addOption(toFile)
    .action(async (name: string, { file }: { file?: string }) => {
      const secret = madeHere(secretFor(name, cli));
      say(changesText(await (await openSecrets(target(), file)).rotate(secret)));
    });
}
