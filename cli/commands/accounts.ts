import { InvalidArgumentError, Option } from 'commander';
import * as z from 'zod';
import { accountJson, listAccounts, readAccount, setAccount, unlinkAccount } from '../../operate/accounts.ts';
import { formatMoney } from '../../shared/money.ts';
import { printableLine } from '../../shared/printable.ts';
import { ACCOUNT_STATUSES, type Account } from '../../shared/recharge/account.ts';
import { pricingSchema } from '../../shared/recharge/pricing.ts';
import { type Cli, checked, email, text, wholeNumber } from '../program.ts';

const pricing = (text: string) => {
  try {
    return checked(z.string().transform((json) => pricingSchema.parse(JSON.parse(json))))(text);
  } catch {
    throw new InvalidArgumentError('JSON such as {"currency":"USD","perCredit":"0.08"}');
  }
};

/**
 * For a setting that `none` takes away. It becomes `null` later, because commander makes a blank text of `null`.
 */
const NONE = 'none';
const orNone =
  <Value>(parse: (text: string) => Value) =>
  (given: string) =>
    given === NONE ? NONE : parse(given);

export function addAccountCommands({ program, connected, say, sayJson }: Cli): void {
  const accounts = program.command('accounts').description("the agency's clients");

  accounts
    .command('list')
    .description('the clients that are set up')
    .option('--json', 'as a JSON array of accounts')
    .action(async ({ json }: { json?: boolean }) => {
      const connection = await connected();
      if (json) return sayJson((await listAccounts(connection)).map(accountJson));
      for (const address of await connection.accounts.list()) say(address);
    });

  accounts
    .command('set')
    .description(
      'sets a client up, or changes what is given; "none" takes a setting away; counters are never touched',
    )
    .argument('<email>', 'the client', email)
    .addOption(new Option('--status <status>', 'active, disabled, or suspended').choices(ACCOUNT_STATUSES))
    .option(
      '--platform-id <id>',
      "the platform's id of the sub-account, for webhooks without an email, or none",
      orNone(text),
    )
    .option(
      '--grant-email <email>',
      'the address as the platform spells it, where it is not all lower case, or none',
      orNone(text),
    )
    .option('--customer <id>', 'what the payment hook knows the client by, or none', orNone(text))
    .option('--pricing <json>', 'a price list of its own, or none', orNone(pricing))
    .option('--daily-count <n>', "recharges a UTC day, or none: the configuration's", orNone(wholeNumber))
    .option('--monthly-amount <n>', 'minor units a UTC month, or none likewise', orNone(wholeNumber))
    .option('--cooldown-seconds <n>', 'from one recharge to the next, or none likewise', orNone(wholeNumber))
    .option('--json', 'print the account as a JSON object')
    .action(async (address: string, { json, ...options }) => {
      const given = Object.entries(options).map(([name, value]) => [name, value === NONE ? null : value]);
      const { dailyCount, monthlyAmount, cooldownSeconds, ...settings } = Object.fromEntries(given);
      const limits = Object.fromEntries(
        Object.entries({ dailyCount, monthlyAmount, cooldownSeconds }).filter(
          ([, limit]) => limit !== undefined,
        ),
      );
      const account = await setAccount(await connected(), address, { ...settings, limits });
      if (json) return sayJson(accountJson(account));
      say(accountText(account));
    });

  accounts
    .command('unlink')
    .description(
      'frees an id of the platform: no webhook that names it charges anybody, until it is set again',
    )
    .argument('<id>', "the platform's id of a sub-account", text)
    .action(async (platformId: string) => {
      const owner = await unlinkAccount(await connected(), platformId);
      say(`The platform id ${platformId} led to ${owner}. A webhook that names it is quarantined now.`);
    });

  accounts
    .command('show')
    .description('one client: settings, and what the guard counted')
    .argument('<email>', 'the client', email)
    .option('--json', 'as a JSON object')
    .action(async (address: string, { json }: { json?: boolean }) => {
      const account = await readAccount(await connected(), address);
      if (json) return sayJson(accountJson(account));
      say(accountText(account));
    });
}

function accountText(account: Account): string {
  const { limits, pricing, last } = account;
  const facts: [string, string | undefined][] = [
    ['status', account.status ?? 'not known: set it up with accounts set'],
    ['grant email', account.grantEmail],
    ['platform id', account.platformId],
    ['customer', account.customer],
    ['pricing', pricing && JSON.stringify(pricing)],
    ['limits', Object.keys(limits).length === 0 ? "the configuration's" : JSON.stringify(limits)],
    ['last', last && `${last.key} at ${new Date(last.at).toISOString()}`],
    ...Object.entries(account.counts).map(([day, count]): [string, string] => [day, `${count} recharges`]),
    ...Object.entries(account.spent).map(([name, amount]): [string, string] => {
      const [month = '', currency = ''] = name.split('_');
      return [month, `${formatMoney({ amount, currency })} reserved`];
    }),
  ];
  return [
    `Account ${account.email}`,
    ...facts.flatMap(([name, value]) =>
      value === undefined ? [] : [`  ${name.padEnd(12)}${printableLine(value)}`],
    ),
  ].join('\n');
}
