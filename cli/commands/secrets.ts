import { type Command, Option } from 'commander';
import * as z from 'zod';
import { localFile } from '../../local/state.ts';
import type { Connection } from '../../operate/connection.ts';
import { OperateError } from '../../operate/error.ts';
import { knownChannels } from '../../operate/known-channels.ts';
import { madeHere, type Secret } from '../../operate/secret-names.ts';
import {
  type Ask,
  type ConfirmDrop,
  type DropWhich,
  findSecret,
  type LastUsed,
  type ListedSecret,
  openSecrets,
  type SecretChanges,
  type UsedSecret,
} from '../../operate/secrets.ts';
import { whenText } from '../../shared/ages.ts';
import { askHidden } from '../ask-hidden.ts';
import { confirmChange, isTyped, nameRelay, YES } from '../confirm.ts';
import { UsageError } from '../failure.ts';
import { type Column, tableLines, timeColumns } from '../output.ts';
import { type Cli, checked, examples } from '../program.ts';

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
  const { stack, target, io, sayTable, sayJson, tell } = cli;
  const channels = knownChannels(target());
  if (!channels) tell(`There is no configuration here, so the channels of ${stack()} are not known.`);
  const all = await (await openSecrets(target())).list(channels ?? new Map(), lastUsedOf(cli));
  if (json) return sayJson(all.map(({ held, ...one }) => ({ ...one, held: held.map(heldJson) })));
  sayTable(columns(io.now()), all.flatMap(linesOf));
}

interface Line extends Partial<UsedSecret> {
  secret?: string;
  state: string;
  note?: string;
}

/** One line for a secret, and where it has previous values one for each value. */
function linesOf({ name, state, note, held }: ListedSecret): Line[] {
  const [current, ...previous] = held;
  const own = { secret: name, state, ...(note === undefined ? {} : { note }) };
  if (previous.length > 0) return [own, ...held.map((one) => ({ ...one, state: `  ${one.is}` }))];
  return [{ ...own, ...(current?.setAt === undefined ? {} : { setAt: current.setAt }) }];
}

const valueColumns = (now: number): Column<Line>[] => [
  { title: 'value', value: ({ id }) => id },
  ...timeColumns<Line>('set', ({ is, setAt }) => (is === 'previous' ? undefined : setAt), now),
  ...timeColumns<Line>('replaced', ({ replacedAt }) => replacedAt, now),
  {
    title: 'last used (UTC)',
    value: ({ is, lastUse = 'not_known' }) =>
      is !== 'previous' ? undefined : typeof lastUse === 'object' ? whenText(lastUse.at, now) : USES[lastUse],
  },
];

const columns = (now: number): Column<Line>[] => [
  { title: 'secret', value: ({ secret }) => secret },
  { title: 'state', value: ({ state }) => state },
  ...valueColumns(now),
  { title: 'note', value: ({ note }) => note, cut: true },
];

const iso = (time: number) => new Date(time).toISOString();

const heldJson = ({ setAt, replacedAt, lastUse, ...one }: UsedSecret) => ({
  ...one,
  set_at: setAt && iso(setAt),
  replaced_at: replacedAt && iso(replacedAt),
  last_used: typeof lastUse === 'object' ? iso(lastUse.at) : lastUse,
});

const USES = { never_seen: 'no use seen', not_known: 'not known' };

const ALL_SET =
  "All of the relay's own are set. To change one, or to set those of a channel: secrets set NAME, secrets rotate NAME.";

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

const changesJson = ({ changed, file, notSet }: SecretChanges) => ({
  changed: changed.map(({ name, remark, pasteInto }) => ({ name, remark, paste_into: pasteInto })),
  file,
  not_set: notSet,
});

const NAME = [
  '<name>',
  'webhook, platformApiKey, paymentHook, stripeKey, stripeWebhook, or CHANNEL/incoming, /outgoing, /send, /token',
] as const;

interface Change {
  file?: string;
  yes?: boolean;
  json?: boolean;
}
const JSON_OPTION = ['--json', 'what was changed, never a value, as a JSON object'] as const;

export function addSecretCommands(cli: Cli): void {
  const { program, target, say, sayJson, io } = cli;
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
  const sayChanges = (done: SecretChanges, json?: boolean) =>
    json ? sayJson(changesJson(done)) : say(isNothing(done) ? ALL_SET : changesText(done));

  secrets
    .command('init')
    .description(
      "on AWS: asks for each of the relay's own that is not set yet, hidden, or line by line from standard input",
    )
    .addOption(toFile)
    .option(...YES)
    .option(...JSON_OPTION)
    .addHelpText('after', examples('--stack recharge-relay-prod secrets init'))
    .action(async ({ file, yes, json }: Change) => {
      await confirmChange(cli, { question: 'Set the secrets that are not set yet?', yes });
      sayChanges(await (await openSecrets(target(), file)).init(ask), json);
    });

  secrets
    .command('list')
    .description('which are set, never what they are')
    .option('--json', 'as a JSON array')
    .addHelpText('after', examples('secrets list'))
    .action(({ json }: { json?: boolean }) => list(cli, json));

  secrets
    .command('set')
    .description(
      'asks for one: hidden, or from standard input; what proves others to us stays valid when it is replaced',
    )
    .argument(...NAME)
    .option(...YES)
    .option(...JSON_OPTION)
    .addHelpText('after', examples('secrets set platformApiKey', 'secrets set support/token'))
    .action(async (name: string, { yes, json }: Change) => {
      const secret = secretFor(name, cli);
      await confirmChange(cli, { question: `Set ${name} anew?`, yes });
      sayChanges(await (await openSecrets(target())).set(secret, ask), json);
    });

  addDropCommand(secrets, cli);

  secrets
    .command('rotate')
    .description('makes a new one, where that is ours to do, and writes it to a file for pasting')
    .argument(...NAME)
    .addOption(toFile)
    .option(...YES)
    .option(...JSON_OPTION)
    .addHelpText('after', examples('secrets rotate webhook'))
    .action(async (name: string, { file, yes, json }: Change) => {
      const secret = madeHere(secretFor(name, cli));
      await confirmChange(cli, { question: `Make a new ${name}?`, yes });
      sayChanges(await (await openSecrets(target(), file)).rotate(secret), json);
    });
}

function addDropCommand(secrets: Command, cli: Cli): void {
  const { target, say, sayJson, io } = cli;
  secrets
    .command('drop')
    .description('drops previous values: whoever still signs with one of them is refused from then on')
    .argument(...NAME)
    .option('--all-previous', 'all of them: one has leaked')
    .option('--which <id>', 'one, as secrets list names it')
    .option('--older-than <age>', 'those replaced so long ago: 7d, 12h', age)
    .option(...YES)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examples('secrets drop webhook --older-than 30d', 'secrets drop webhook --all-previous'),
    )
    .action(async (name: string, { yes, json, ...options }: DropOptions) => {
      const secret = secretFor(name, cli);
      nameRelay(cli);
      const confirm: ConfirmDrop = async (dropped) => {
        if (yes) return true;
        const lines = tableLines(
          valueColumns(io.now()),
          dropped.map((one) => ({ ...one, state: one.is })),
        );
        for (const line of lines) cli.tell(line);
        return isTyped(
          cli,
          name,
          `Whoever still signs with what is dropped is refused. Type ${name} to drop it:`,
        );
      };
      const { dropped, inUse } = await (await openSecrets(target())).drop(secret, whichOf(options), {
        ...{ lastUsed: lastUsedOf(cli), confirm, now: io.now() },
      });
      if (dropped.length === 0) {
        throw new OperateError('refused', 'That was something else. Nothing was dropped.');
      }
      const ids = dropped.map(({ id }) => id);
      if (json) return sayJson({ name, dropped: ids });
      say(`Dropped: ${ids.join(', ')}. What is left of ${name} is set${inUse}`);
    });
}

interface DropOptions {
  allPrevious?: boolean;
  which?: string;
  olderThan?: number;
  yes?: boolean;
  json?: boolean;
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
