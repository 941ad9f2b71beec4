import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { LineFault } from '../../operate/accounts-csv.ts';
import {
  exportAccounts,
  type ImportPlan,
  importAccounts,
  type PlannedClient,
  planImport,
} from '../../operate/import-accounts.ts';
import { printable } from '../../shared/printable.ts';
import { shellQuoted } from '../../shared/shell.ts';
import { confirmChange } from '../confirm.ts';
import { UsageError } from '../failure.ts';
import { type Cli, examples, text } from '../program.ts';

const CELLS_EXPLAINED = `
A blank cell leaves a setting as it is, and "none" takes it away.
Counters, reservations and the last recharge are never touched.`;

/** Many clients at once, as a spreadsheet has them. */
export function addAccountFileCommands(cli: Cli, accounts: Command): void {
  accounts
    .command('import')
    .description(
      'sets up and changes the clients of a CSV file; says what it would do, and does it with --yes only',
    )
    .argument('<file>', 'with a header: docs/clients.md has the columns')
    .option('--yes', 'writes it; all lines, or none where one has a fault')
    .option('--json', 'as a JSON object: clients and faults')
    .addHelpText(
      'after',
      `${CELLS_EXPLAINED}\n${examples('accounts import clients.csv', 'accounts import clients.csv --yes')}`,
    )
    .action((file: string, options: ImportOptions) => importFile(cli, file, options));

  accounts
    .command('export')
    .description('all clients that are set up, as a CSV file that import reads back as the same clients')
    .option('--file <file>', 'writes it there, readable by you alone; it must not be there yet', text)
    .option('--json', 'as a JSON object: how many, and the file, or what would stand in it')
    .addHelpText('after', examples('accounts export --file clients.csv', 'accounts export > clients.csv'))
    .action(async ({ file, json }: { file?: string; json?: boolean }) => {
      const { csv, clients } = await exportAccounts(await cli.connected());
      if (file !== undefined) writeNew(file, csv);
      if (json) return cli.sayJson({ clients, ...(file === undefined ? { csv } : { file }) });
      if (file === undefined) {
        // A terminal obeys what a program takes as it is.
        return void cli.io.stdout.write(cli.io.stdout.isTTY ? printable(csv) : csv);
      }
      cli.say(`${clients} ${clients === 1 ? 'client' : 'clients'} in ${file}`);
    });
}

interface ImportOptions {
  yes?: boolean;
  json?: boolean;
}

async function importFile(cli: Cli, name: string, { yes = false, json }: ImportOptions): Promise<void> {
  const file = read(name);
  const connection = await cli.connected();
  const plan = await planImport(connection, file);
  if (plan.faults.length > 0) {
    cli.fail();
    if (json) return cli.sayJson(planJson(plan));
    for (const fault of plan.faults) cli.say(faultText(name, fault));
    const faults = plan.faults.length === 1 ? 'a fault' : `${plan.faults.length} faults`;
    return cli.say(`Nothing was imported: ${name} has ${faults}. Mend them, and run this again.`);
  }
  if (yes) {
    await confirmChange(cli, { question: `Import ${name}?`, yes });
    const done = await importAccounts(connection, file, (written, of) => {
      cli.tellProgress(`${written} of ${of} clients written`);
    });
    if (json) return cli.sayJson(planJson(done));
    return cli.say(summaryOf(done, 'done'));
  }
  if (json) return cli.sayJson(planJson(plan));
  sayChanges(cli, plan);
  cli.say(summaryOf(plan, 'planned'));
  cli.say(`Nothing was written. To write it: npx relay accounts import ${shellQuoted(name)} --yes`);
}

const faultText = (file: string, { line, column, message }: LineFault) =>
  `${file}:${line}: ${column === undefined ? '' : `${column}: `}${message}`;

const planJson = ({ clients, faults }: ImportPlan) => ({ clients, faults });

/** Enough to see whether the file is meant; with --json all of them. */
const MOST_SHOWN = 20;

function sayChanges({ say, sayTable }: Cli, { clients }: ImportPlan): void {
  const changing = clients.filter(({ kind }) => kind !== 'unchanged');
  if (changing.length === 0) return;
  sayTable<PlannedClient>(
    [
      { title: 'line', value: ({ line }) => String(line), align: 'right' },
      { title: 'client', value: ({ email }) => email },
      { title: '', value: ({ kind }) => kind },
      { title: 'what', value: changeText, cut: true },
    ],
    changing.slice(0, MOST_SHOWN),
  );
  if (changing.length > MOST_SHOWN)
    say(`… and ${changing.length - MOST_SHOWN} more: --json has all of them.`);
}

const changeText = ({ kind, changes }: PlannedClient) =>
  changes
    .filter(({ column, to }) => kind !== 'new' || column !== 'status' || to !== 'active')
    .map(({ column, from, to }) => {
      if (from === undefined) return `${column} ${to}`;
      return `${column} ${from} → ${to ?? 'none'}`;
    })
    .join(', ');

function summaryOf({ clients }: ImportPlan, state: 'planned' | 'done'): string {
  const count = (kind: PlannedClient['kind']) => clients.filter((client) => client.kind === kind).length;
  const verb = state === 'done' ? 'written' : 'read';
  return `${clients.length} clients ${verb}: ${count('new')} new, ${count('changed')} changed, ${count('unchanged')} unchanged.`;
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${codeOf(error)}).`);
  }
}

function writeNew(file: string, content: string): void {
  try {
    writeFileSync(file, content, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw new UsageError(`${file} cannot be written (${codeOf(error)}).`);
  }
}

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
