import { Option } from 'commander';
import {
  type AccountFilter,
  addAccount,
  clientJson,
  listAccounts,
  readAccount,
  type StatusDeed,
  setAccount,
  setStatus,
  unlinkAccount,
} from '../../operate/accounts.ts';
import { SettingFaults, type WrittenSettings } from '../../operate/client-settings.ts';
import { whoActs } from '../../operate/who.ts';
import { ACCOUNT_STATUSES } from '../../shared/recharge/account.ts';
import { shellQuoted } from '../../shared/shell.ts';
import { clientColumns, clientText } from '../client-text.ts';
import { confirmChange, YES } from '../confirm.ts';
import { UsageError } from '../failure.ts';
import { type Cli, email, examples, text, wholeNumber } from '../program.ts';
import { addAccountFileCommands } from './accounts-files.ts';
import { addMeansCommands } from './accounts-means.ts';
import { addEraseCommand } from './erase.ts';

/** What the two statuses mean, in every help that names them. */
const STATUSES_EXPLAINED = `
A client is active or suspended. Webhooks of a suspended client are accepted and end as blocked (account_suspended):
nothing is charged and nothing is granted, until "accounts enable". A payment that was under way is kept, and granted.
"disabled" is an earlier word for suspended.`;

export function addAccountCommands(cli: Cli): void {
  const accounts = cli.program
    .command('accounts')
    .description("the agency's clients")
    .addHelpText('after', STATUSES_EXPLAINED);
  addLooks(cli, accounts);
  addChange(cli, accounts, 'add');
  addChange(cli, accounts, 'set');
  addStatusDeed(cli, accounts, 'suspend');
  addStatusDeed(cli, accounts, 'enable');
  addUnlink(cli, accounts);
  addMeansCommands(cli, accounts);
  addAccountFileCommands(cli, accounts);
  addEraseCommand(cli, accounts);
}

type Group = ReturnType<Cli['program']['command']>;

function addLooks({ connected, say, sayTable, sayJson, io }: Cli, accounts: Group): void {
  accounts
    .command('list')
    .description('the clients that are set up, with what they spent this month and their last recharge')
    .addOption(new Option('--status <status>', 'only those').choices(ACCOUNT_STATUSES))
    .option('--after <email>', 'goes on behind this one', email)
    .option('--limit <n>', 'how many', wholeNumber, 1_000)
    .option('--json', 'as a JSON array of clients')
    .addHelpText('after', examples('accounts list', 'accounts list --status suspended --json'))
    .action(async ({ json, ...filter }: AccountFilter & { json?: boolean }) => {
      const { clients, more } = await listAccounts(await connected(), filter);
      if (json) return sayJson(clients.map(clientJson));
      if (clients.length > 0) sayTable(clientColumns(io.now()), clients);
      const last = clients.at(-1)?.account.email;
      const status = filter.status === undefined ? '' : ` --status ${filter.status}`;
      if (more && last !== undefined)
        return say(
          `${clients.length} shown. More: npx relay accounts list${status} --after ${shellQuoted(last)}`,
        );
      if (clients.length > 0 || filter.after !== undefined || filter.status !== undefined)
        return say(`${clients.length} ${clients.length === 1 ? 'client' : 'clients'}`);
      say('No client is set up yet. To set one up: npx relay accounts add client@example.com');
    });

  accounts
    .command('show')
    .description('one client: settings, what the guard counted, and the last recharge')
    .argument('<email>', 'the client', email)
    .option('--json', 'as a JSON object')
    .addHelpText('after', examples('accounts show client@example.com'))
    .action(async (address: string, { json }: { json?: boolean }) => {
      const client = await readAccount(await connected(), address);
      if (json) return sayJson(clientJson(client));
      say(clientText(client));
    });
}

const CHANGES = {
  add: {
    description: 'sets a new client up',
    example: 'accounts add client@example.com --price-per-credit "0.08 EUR" --monthly-cap "200.00 EUR"',
    deed: addAccount,
    question: (address: string) => `Set the client ${address} up?`,
  },
  set: {
    description: 'changes what is given of a client; "none" takes a setting away; counters are never touched',
    example: 'accounts set client@example.com --daily-count 3',
    deed: setAccount,
    question: (address: string) => `Change the client ${address}?`,
  },
};

const MONEY_EXPLAINED = `
Money is in whole units, in the currency that the client pays in unless you name it.
What is not given stays as it is. "none" takes a setting away: then the configuration's counts.`;

function addChange(cli: Cli, accounts: Group, name: keyof typeof CHANGES): void {
  const { description, example, deed, question } = CHANGES[name];
  accounts
    .command(name)
    .description(description)
    .argument('<email>', 'the client', email)
    .option('--platform-id <id>', "the platform's id of the sub-account, for webhooks without an email")
    .option('--grant-email <email>', 'the address as the platform spells it, where it is not all lower case')
    .option('--customer <id>', 'what the payment endpoint knows the client by')
    .option('--price-per-credit <price>', 'a price of their own, such as "0.08 EUR"')
    .option('--minimum-charge <money>', 'with a price of their own: what a smaller amount is raised to')
    .option('--pricing <json>', 'a price list of their own, as in the configuration: packs or tiers')
    .option('--daily-count <n>', 'recharges a UTC day')
    .option('--monthly-cap <money>', 'for a UTC month, such as "200.00 EUR"')
    .option('--cooldown-seconds <n>', 'from one recharge to the next')
    .option(...YES)
    .option('--json', 'print the client as a JSON object')
    .addHelpText('after', `${MONEY_EXPLAINED}\n${examples(example)}`)
    .action(async (address: string, { json, yes, ...written }: ChangeOptions) => {
      await confirmChange(cli, { question: question(address), yes });
      const connection = await cli.connected();
      await asOptions(() => deed(connection, address, written));
      const client = await readAccount(connection, address);
      if (json) return cli.sayJson(clientJson(client));
      cli.say(clientText(client));
    });
}

type ChangeOptions = WrittenSettings & { json?: boolean; yes?: boolean };

/** Faults of settings are named as the options are. */
async function asOptions<Result>(deed: () => Promise<Result>): Promise<Result> {
  try {
    return await deed();
  } catch (error) {
    if (!(error instanceof SettingFaults)) throw error;
    const sentences = error.faults.map(({ setting, message }) => {
      const option = setting.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      return `--${option}: ${message}.`;
    });
    throw new UsageError(sentences.join('\n'));
  }
}

const STATUS_DEEDS = {
  suspend: {
    status: 'suspended',
    description: 'a client is not charged any more, until you enable them; what is paid is granted',
    note: 'disputed a payment',
    done: (address: string) =>
      `${address} is suspended: nothing is charged until npx relay accounts enable ${shellQuoted(address)} --note "why"`,
  },
  enable: {
    status: 'active',
    description: 'a suspended client is charged again; what was refused meanwhile stays refused',
    note: 'the card was changed',
    done: (address: string) => `${address} is active: the next webhook is charged.`,
  },
} as const;

function addStatusDeed(cli: Cli, accounts: Group, name: keyof typeof STATUS_DEEDS): void {
  const { status, description, note: because, done } = STATUS_DEEDS[name];
  const verb = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  accounts
    .command(name)
    .description(description)
    .argument('<email>', 'the client', email)
    .requiredOption('--note <text>', 'why; it is kept, and shown with the client', text)
    .option(...YES)
    .option('--json', 'print the client as a JSON object')
    .addHelpText(
      'after',
      `${STATUSES_EXPLAINED}\n${examples(`accounts ${name} client@example.com --note "${because}"`)}`,
    )
    .action(async (address: string, { json, yes, note }: { note: string; json?: boolean; yes?: boolean }) => {
      await confirmChange(cli, { question: `${verb} the client ${address}?`, yes });
      const connection = await cli.connected();
      const deed: StatusDeed = { status, note, by: await whoActs(cli.target()) };
      const { changed } = await setStatus(connection, address, deed);
      if (json) return cli.sayJson(clientJson(await readAccount(connection, address)));
      cli.say(changed ? done(address) : `${address} is ${status} already. Nothing was changed.`);
    });
}

function addUnlink(cli: Cli, accounts: Group): void {
  accounts
    .command('unlink')
    .description(
      'frees an id of the platform: no webhook that names it charges anybody, until it is set again',
    )
    .argument('<id>', "the platform's id of a sub-account", text)
    .option(...YES)
    .option('--json', 'print whose it was, as a JSON object')
    .addHelpText('after', examples('accounts unlink 4711'))
    .action(async (platformId: string, { yes, json }: { yes?: boolean; json?: boolean }) => {
      await confirmChange(cli, { question: `Unlink the platform id ${platformId}?`, yes });
      const owner = await unlinkAccount(await cli.connected(), platformId);
      if (json) return cli.sayJson({ platform_id: platformId, email: owner });
      cli.say(`The platform id ${platformId} led to ${owner}. A webhook that names it is quarantined now.`);
    });
}
