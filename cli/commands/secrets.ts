import { Option } from 'commander';
import * as z from 'zod';
import { localFile } from '../../local/state.ts';
import type { Connection } from '../../operate/connection.ts';
import { knownChannels } from '../../operate/known-channels.ts';
import { madeHere, type Secret } from '../../operate/secret-names.ts';
import {
  type Ask,
  type ConfirmDrop,
  type DropWhich,
  findSecret,
  type LastUsed,
  openSecrets,
  type SecretChanges,
  type UsedSecret,
} from '../../operate/secrets.ts';
import { askHidden } from '../ask-hidden.ts';
import { isTyped } from '../confirm.ts';
import { UsageError } from '../failure.ts';
import { type Cli, checked } from '../program.ts';

const HOUR_MS = 3_600_000;
const age = checked(
  z
    .string()
    .regex(/^[1-9]\d{0,3}[dh]$/, 'an age such as 7d or 12h')
    .transform((text) => Number.parseInt(text, 10) * (text.endsWith('d') ? 24 * HOUR_MS : HOUR_MS)),
);

function secretFor(name: string, { target, tell }: Cli): Secret {
  const { secret, isConfigured } = findSecret(name, target());
  if (!isConfigured) {
    tell(`No configuration here has a channel ${secret.channel}: go on if it is configured elsewhere.`);
  }
  return secret;
}

/** From the relay's own table. If that cannot be asked, the secrets can still be listed and dropped. */
function lastUsedOf({ connected, tell, sentenceOf }: Cli): LastUsed {
  let connecting: Promise<Connection> | undefined;
  let isTold = false;
  return async (name, id) => {
    connecting ??= connected();
    try {
      const at = await (await connecting).secretUses.lastUsed(name, id);
      return at === undefined ? 'never_seen' : { at };
    } catch (error) {
      if (!isTold) tell(`When previous ones were last used is not known here. ${sentenceOf(error)}`);
      isTold = true;
      return 'not_known';
    }
  };
}

async function list(cli: Cli, json?: boolean): Promise<void> {
  const { stack, target, say, sayJson, tell } = cli;
  const channels = knownChannels(target());
  if (!channels) tell(`There is no configuration here, so the channels of ${stack()} are not known.`);
  const all = await (await openSecrets(target())).list(channels ?? new Map(), lastUsedOf(cli));
  if (json) return sayJson(all.map(({ held, ...one }) => ({ ...one, held: held.map(heldJson) })));
  const width = Math.max(...all.map(({ name }) => name.length)) + 2;
  for (const { name, state, note, held } of all) {
    const [current, ...previous] = held;
    const since = previous.length > 0 || current?.setAt === undefined ? '' : `, since ${iso(current.setAt)}`;
    say(`${name.padEnd(width)}${state}${since}${note === undefined ? '' : `  (${note})`}`);
    if (previous.length > 0) for (const one of held) say(`  ${heldText(one)}`);
  }
}

const iso = (time: number) => new Date(time).toISOString();

const heldJson = ({ setAt, replacedAt, lastUse, ...one }: UsedSecret) => ({
  ...one,
  set_at: setAt && iso(setAt),
  replaced_at: replacedAt && iso(replacedAt),
  last_used: typeof lastUse === 'object' ? iso(lastUse.at) : lastUse,
});

const USES = { never_seen: 'no use seen', not_known: 'last use not known' };

function heldText({ id, is, setAt, replacedAt, lastUse = 'not_known' }: UsedSecret): string {
  if (is === 'current') return `${id}  current${setAt === undefined ? '' : `, since ${iso(setAt)}`}`;
  const replaced = replacedAt === undefined ? '' : `, replaced ${iso(replacedAt)}`;
  const used = typeof lastUse === 'object' ? `last used ${iso(lastUse.at)}` : USES[lastUse];
  return `${id}  previous${replaced}, ${used}`;
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
    ...notSet.map((name) => `${name} is not set yet: npx relay secrets set ${name}`),
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
    .command('drop')
    .description('drops previous values: whoever still signs with one of them is refused from then on')
    .argument(...NAME)
    .option('--all-previous', 'all of them: one has leaked')
    .option('--which <id>', 'one, as secrets list names it')
    .option('--older-than <age>', 'those replaced so long ago: 7d, 12h', age)
    .option('--yes', 'without asking')
    .action(async (name: string, { yes, ...options }: DropOptions) => {
      const secret = secretFor(name, cli);
      const confirm: ConfirmDrop = async (dropped) => {
        if (yes) return true;
        for (const one of dropped) say(heldText(one));
        return isTyped(
          cli,
          name,
          `Whoever still signs with what is dropped is refused. Type ${name} to drop it:`,
        );
      };
      const { dropped, inUse } = await (await openSecrets(target())).drop(secret, whichOf(options), {
        ...{ lastUsed: lastUsedOf(cli), confirm, now: io.now() },
      });
      if (dropped.length === 0) throw new Error('That was something else. Nothing was dropped.');
      const ids = dropped.map(({ id }) => id).join(', ');
      say(`Dropped: ${ids}. What is left of ${name} is set${inUse}`);
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

interface DropOptions {
  allPrevious?: boolean;
  which?: string;
  olderThan?: number;
  yes?: boolean;
}

function whichOf({ allPrevious, which, olderThan }: DropOptions): DropWhich {
  const given = [
    ...(allPrevious ? ['all-previous' as const] : []),
    ...(which === undefined ? [] : [{ id: which }]),
    ...(olderThan === undefined ? [] : [{ olderThanMs: olderThan }]),
  ];
  const [one, ...more] = given;
  if (one !== undefined && more.length === 0) return one;
  throw new UsageError('Say which: one of --all-previous, --which ID and --older-than 7d.');
}
