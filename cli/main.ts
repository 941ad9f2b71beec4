import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import * as z from 'zod';
import { localFile } from '../local/state.ts';
import { signRequest } from '../shared/http/verifiers.ts';
import { ACCOUNT_STATUSES } from '../shared/recharge/account.ts';
import { ANSWERS } from '../shared/recharge/answers.ts';
import { rechargeEvidence, rechargeJson, rechargeText } from '../shared/recharge/present.ts';
import { pricingSchema } from '../shared/recharge/pricing.ts';
import { PHASES } from '../shared/recharge/recharge.ts';
import { emailSchema } from '../shared/recharge/webhook.ts';
import { accountJson, accountText } from './accounts.ts';
import { type Connection, connect, findReceiver, START_FIRST } from './connection.ts';
import {
  type ListOptions,
  listRecharges,
  type Resolution,
  readRecharge,
  rechargeLine,
  resolveRecharge,
} from './recharges.ts';
import { createStackSecrets, MADE_NAMES, type MadeName, SECRET_NAMES, type SecretName } from './secrets.ts';
import { readStack } from './stack.ts';

/** Turns a schema into a check of one argument, with the schema's own sentence. */
const checked =
  <Value>(schema: z.ZodType<Value>) =>
  (text: string): Value => {
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'not understood');
  };
const wholeNumber = checked(z.string().regex(/^\d+$/, 'a whole number').transform(Number));
const email = checked(emailSchema);
const pricing = (text: string) => {
  try {
    return checked(z.string().transform((json) => pricingSchema.parse(JSON.parse(json))))(text);
  } catch {
    throw new InvalidArgumentError('JSON such as {"currency":"USD","perCredit":"0.08"}');
  }
};

const text = checked(z.string().trim().min(1, 'it is blank'));
const stackName = checked(
  z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, "a stack's name is letters, digits and -"),
);
/** Of a setting: `none` takes it away. It becomes `null` later: commander makes a blank text of that. */
const NONE = 'none';
const orNone =
  <Value>(parse: (text: string) => Value) =>
  (given: string) =>
    given === NONE ? NONE : parse(given);

const program = new Command('relay')
  .description('Recharge Relay: look at recharges, answer for them, set up clients.')
  .option(
    '--stack <name>',
    "the relay on AWS, such as recharge-relay-prod, with your shell's AWS credentials",
    stackName,
  );
const stack = () => program.opts<{ stack?: string }>().stack;
const connected = (): Promise<Connection> => connect(process.env, stack());

/** A command that is printed leads to this relay when it is pasted. */
const pasteable = (said: string) =>
  stack() === undefined ? said : said.replaceAll('npm run relay --', `npm run relay -- --stack ${stack()}`);
const print = (said: string) => {
  process.stdout.write(`${said}\n`);
};
const say = (said: string) => print(pasteable(said));
const sayJson = (value: unknown) => print(JSON.stringify(value, null, 2));

/**
 * What `fetch`, the AWS SDK and our own errors hide in their causes; of a connection that is refused on this
 * machine, that the relay, or its engine, has ended.
 */
function sentenceOf(error: unknown): string {
  const messages: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (stack() === undefined && 'code' in cause && cause.code === 'ECONNREFUSED') {
      return `Nothing answers (${cause.message}). ${START_FIRST}`;
    }
    messages.push(cause.message);
  }
  return pasteable(messages.join(': ') || String(error));
}

const recharges = program.command('recharges').description('what happened to each webhook');

recharges
  .command('list')
  .description('the recharges of the last days, and every unfinished one')
  .addOption(new Option('--phase <phase>', 'only those in this phase').choices(PHASES))
  .option('--email <email>', 'only those of this client', email)
  .option('--days <n>', 'how many days back', wholeNumber, 31)
  .option('--json', 'as a JSON array')
  .action(async ({ json, ...options }: ListOptions & { json?: boolean }) => {
    const rows = await listRecharges(await connected(), options);
    if (json) return sayJson(rows.map(rechargeJson));
    for (const row of rows) say(rechargeLine(row));
    say(`${rows.length} ${rows.length === 1 ? 'recharge' : 'recharges'}`);
  });

recharges
  .command('show')
  .description('one recharge: its timeline, and what to do')
  .argument('<key>', "the platform's idempotency key")
  .option('--json', 'as a JSON object')
  .action(async (key: string, { json }: { json?: boolean }) => {
    const connection = await connected();
    const row = await readRecharge(connection, key);
    if (json) return sayJson(rechargeJson(row));
    say(rechargeText(row, connection.policy));
  });

recharges
  .command('resolve')
  .description('say what happened to a recharge that needs review; the worker then does the rest')
  .argument('<key>', "the platform's idempotency key")
  .addArgument(program.createArgument('<answer>', 'what happened').choices(ANSWERS))
  .requiredOption('--note <text>', 'what you looked at, and what you saw; kept in the history')
  .option('--payment-ref <ref>', 'with confirm-charged: the payment you found')
  .option(
    '--version <n>',
    'the version you were shown: refuses if the recharge has changed since',
    wholeNumber,
  )
  .option('--json', 'print the row as a JSON object')
  .action(
    async (
      key: string,
      answer: Resolution['answer'],
      { json, ...options }: Omit<Resolution, 'answer'> & { json?: boolean },
    ) => {
      const connection = await connected();
      const row = await readRecharge(connection, key);
      if (!json) say(`${rechargeEvidence(row)}\n`);
      const resolved = await resolveRecharge(connection, row, { answer, ...options });
      if (json) return sayJson(rechargeJson(resolved));
      say(`${answer}: the recharge is now ${resolved.phase}.`);
    },
  );

const accounts = program.command('accounts').description("the agency's clients");

accounts
  .command('list')
  .description('the clients that are set up')
  .option('--json', 'as a JSON array of accounts')
  .action(async ({ json }: { json?: boolean }) => {
    const { accounts: store } = await connected();
    const emails = await store.list();
    if (!json) return emails.forEach(say);
    const all = await Promise.all(emails.map((address) => store.show(address)));
    sayJson(all.flatMap((account) => (account ? [accountJson(account)] : [])));
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
    const account = await (await connected()).accounts.set(address, { ...settings, limits });
    if (json) return sayJson(accountJson(account));
    say(accountText(account));
  });

accounts
  .command('show')
  .description('one client: settings, and what the guard counted')
  .argument('<email>', 'the client', email)
  .option('--json', 'as a JSON object')
  .action(async (address: string, { json }: { json?: boolean }) => {
    const account = await (await connected()).accounts.show(address);
    if (!account)
      throw new Error(`No account ${address}. Set it up: npm run relay -- accounts set ${address}`);
    if (json) return sayJson(accountJson(account));
    say(accountText(account));
  });

program
  .command('pause')
  .description('stops new charges until resume; webhooks are still accepted, and wait')
  .requiredOption('--note <text>', 'why')
  .action(async ({ note }: { note: string }) => {
    await (await connected()).charging.pause({ reason: note });
    say(
      'No new charge begins from now on (other processes: within 5 seconds). Go on: npm run relay -- resume',
    );
  });

program
  .command('resume')
  .description('lets charges begin again')
  .action(async () => {
    await (await connected()).charging.resume();
    say('Charges begin again; waiting recharges come back by themselves within 15 minutes.');
  });

program
  .command('webhook')
  .description('auto-recharge webhooks')
  .command('send')
  .description('sends a signed webhook, as the platform would')
  .option('--key <key>', 'the idempotency key; a new one each time unless given')
  .option('--email <email>', 'the client', 'demo@example.com')
  .option('--credits <n>', 'whole credits', wholeNumber, 500)
  .option('--body <file>', 'the whole payload instead, where yours has other fields')
  .option('--url <url>', "where to; the relay's own address unless given")
  .action(
    async ({
      key = randomUUID(),
      email: client,
      credits,
      body: file,
      url,
    }: {
      key?: string;
      email: string;
      credits: number;
      body?: string;
      url?: string;
    }) => {
      const { url: base, secret } = await findReceiver(process.env, stack(), url);
      const payload = { idempotency_key: key, email: client, credits };
      const body = file === undefined ? Buffer.from(JSON.stringify(payload)) : readFileSync(file);
      const target =
        new URL(base).pathname === '/' ? new URL('/webhooks/auto-recharge', base) : new URL(base);
      const response = await fetch(target, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...signRequest({ secret, body, now: Date.now() }),
          // For the verifier that wants the secret itself: told to nobody but the relay.
          ...(url === undefined ? { 'x-webhook-token': secret } : {}),
        },
        body,
      });
      say(`${response.status} ${await response.text()}`);
      if (!response.ok) process.exitCode = 1;
    },
  );

const quarantine = program.command('quarantine').description('genuine webhooks that were not understood');

quarantine
  .command('list')
  .description('the newest hundred, kept for 30 days each')
  .action(async () => {
    const kept = await (await connected()).quarantine.list();
    for (const { id, receivedAt } of kept) say(`${new Date(receivedAt).toISOString()}  ${id}`);
    say(`${kept.length} kept`);
  });

quarantine
  .command('show')
  .description('one webhook as it came: why it was not understood, its headers, and its body')
  .argument('<id>', 'as the alert, or the list, names it')
  .action(async (id: string) => {
    const kept = await (await connected()).quarantine.show(id);
    if (!kept) throw new Error(`Nothing is kept under ${id}: npm run relay -- quarantine list`);
    say(`${new Date(kept.receivedAt).toISOString()}  ${kept.reason}\n`);
    for (const [name, value] of Object.entries(kept.headers)) say(`${name}: ${value}`);
    print(`\n${kept.body.toString('utf8')}`);
  });

const secrets = program
  .command('secrets')
  .description("the secrets of the relay on AWS: the platform's, and those we show to others; never printed");
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

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${sentenceOf(error)}\n`);
  process.exitCode = 1;
}
