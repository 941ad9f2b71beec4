import type { Command } from 'commander';
import { type ErasePlan, prepareErasure } from '../../operate/erase.ts';
import { printableLine } from '../../shared/printable.ts';
import { confirmChange, YES } from '../confirm.ts';
import { type Cli, email, examples } from '../program.ts';

/** The same deed as `relay erase` and as `relay accounts erase`. */
export function addEraseCommand(cli: Cli, parent: Command = cli.program): void {
  parent
    .command('erase')
    .description(
      'erases what names a client, as data protection asks; recharges stay for the books, without a name',
    )
    .argument('<email>', 'the client', email)
    .option('--dry-run', 'only says what there is')
    .option(...YES)
    .option('--json', 'print what there is as a JSON object')
    .addHelpText(
      'after',
      `\nIt cannot be taken back. docs/data-protection.md says what stays, where, and why.\n${examples('erase client@example.com --dry-run', 'erase client@example.com')}`,
    )
    .action((address: string, options: EraseOptions) => erase(cli, address, options));
}

interface EraseOptions {
  dryRun?: boolean;
  yes?: boolean;
  json?: boolean;
}

async function erase(cli: Cli, address: string, { dryRun, yes, json }: EraseOptions): Promise<void> {
  const connection = await cli.connected();
  const { plan, erase: doErase } = await prepareErasure(connection, address, (looked) =>
    cli.tellProgress(`${looked} recharges looked through`),
  );
  const isOver = dryRun || isEmpty(plan);
  if (json && isOver) return cli.sayJson(planJson(plan));
  if (!json) cli.say(planText(plan));
  if (isOver) return;
  await confirmChange(cli, { question: `Erase ${address}? It cannot be taken back.`, yes, always: true });
  await doErase((one, of) => cli.tellProgress(`${one} of ${of} erased`));
  if (json) return cli.sayJson(planJson(plan));
  cli.say(`${address} is erased. Backups of the table forget it within 35 days (docs/data-protection.md).`);
}

const isEmpty = ({ account, recharges, webhooks, alerts }: ErasePlan) =>
  !account && recharges + webhooks + alerts === 0;

function planText(plan: ErasePlan): string {
  const {
    email: address,
    account,
    platformId,
    recharges,
    keysWithAddress,
    webhooks,
    alerts,
    obstacles,
  } = plan;
  if (isEmpty(plan)) return `Nothing is stored that names ${address}.`;
  const facts: [string, string][] = [
    [
      'account',
      account
        ? `goes${platformId === undefined ? '' : `, with the link of the platform id ${platformId}`}`
        : 'none',
    ],
    ['recharges', `${recharges} stay for the books, without what names the client`],
    ['webhooks', `${webhooks} kept aside go, and cannot be replayed any more`],
    ['alerts', `${alerts} go`],
    ...keysWithAddress.map((key): [string, string] => [
      'stays',
      `the key ${key} holds the address: a repeated webhook is recognised by it`,
    ]),
    ...obstacles.map(({ key, phase, why }): [string, string] => [
      'not yet',
      `${key} is ${phase}${why === 'looked_at_late' ? ', and still looked at' : ''}`,
    ]),
  ];
  return [
    `Stored of ${address}:`,
    ...facts.map(([name, value]) => `  ${name.padEnd(11)}${printableLine(value)}`),
  ].join('\n');
}

const planJson = ({ platformId, keysWithAddress, obstacles, ...plan }: ErasePlan) => ({
  ...plan,
  platform_id: platformId,
  keys_with_address: keysWithAddress,
  obstacles: obstacles.map(({ until, ...obstacle }) => ({
    ...obstacle,
    until: until === undefined ? undefined : new Date(until).toISOString(),
  })),
});
