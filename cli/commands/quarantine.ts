import { findInbound } from '../../operate/connection.ts';
import {
  listedJson,
  listQuarantined,
  planQuarantineReplay,
  quarantinedJson,
  type ReplayedOne,
  readQuarantined,
  replayAllQuarantined,
  replayQuarantined,
  shownHeaders,
} from '../../operate/quarantine.ts';
import { routeSchema, WEBHOOK_ROUTE } from '../../operate/routes.ts';
import type { ListedWebhook } from '../../shared/incoming/quarantine.ts';
import { printableLine } from '../../shared/printable.ts';
import { confirmChange, YES } from '../confirm.ts';
import { UsageError } from '../failure.ts';
import { type Column, timeColumns } from '../output.ts';
import { type Cli, checked, examples, wholeNumber } from '../program.ts';

const route = checked(routeSchema);

export function addQuarantineCommands(cli: Cli): void {
  const { program, connected, io, print, say, sayJson } = cli;
  const quarantine = program.command('quarantine').description('genuine webhooks that were not understood');

  quarantine
    .command('list')
    .description(
      'the newest first, and why; kept for 30 days each; those of "capture" have a list of their own',
    )
    .option(
      '--route <path>',
      `only those that came to it: ${WEBHOOK_ROUTE}, /channels/NAME/incoming …`,
      route,
    )
    .option('--limit <n>', 'how many', wholeNumber, 100)
    .option('--after <id>', 'goes on behind this one')
    .option('--json', 'as a JSON array')
    .addHelpText('after', examples('quarantine list', `quarantine list --route ${WEBHOOK_ROUTE} --json`))
    .action((options: ListOptions) => list(cli, options));

  quarantine
    .command('show')
    .description('one webhook as it came: why it was not understood, its headers, and its body')
    .argument('<id>', 'as the alert, or the list, names it')
    .option('--body', 'the bytes of its body and nothing else, for a file')
    .option('--json', 'as a JSON object; its body as text, and as base64 where it is none')
    .addHelpText('after', examples('quarantine show 5f0c…', 'quarantine show 5f0c… --body > webhook.json'))
    .action(async (id: string, { body, json }: { body?: boolean; json?: boolean }) => {
      const kept = await readQuarantined(await connected(), id);
      if (body) return void io.stdout.write(kept.body);
      if (json) return sayJson(quarantinedJson(id, kept));
      say(`${new Date(kept.receivedAt).toISOString()}  ${kept.route}  ${printableLine(kept.reason)}\n`);
      for (const [name, value] of Object.entries(shownHeaders(kept))) say(printableLine(`${name}: ${value}`));
      print(`\n${kept.body.toString('utf8')}`);
    });

  quarantine
    .command('replay')
    .description(
      'sends one, or all, to the relay again, signed anew, once the mapping is mended; each counts once',
    )
    .argument('[id]', 'as the alert, or the list, names it')
    .option('--all', 'with --route: all that came there; counts them, and asks')
    .option('--route <path>', 'with --all', route)
    .option('--dry-run', 'with --all: only counts them, and says why each was kept')
    .option(...YES)
    .option('--unverified', 'with an id: also a captured one that nobody proved to have sent')
    .option('--json', 'as a JSON object, at the end')
    .addHelpText(
      'after',
      examples('quarantine replay 5f0c…', `quarantine replay --all --route ${WEBHOOK_ROUTE} --dry-run`),
    )
    .action((id: string | undefined, options: ReplayOptions) => {
      if (options.all) return replayAll(cli, id, options);
      if (id === undefined)
        throw new UsageError('Name one by its id, or all that came to a route: --all --route PATH.');
      return replayOne(cli, id, options);
    });
}

interface ListOptions {
  limit: number;
  route?: string;
  after?: string;
  json?: boolean;
}

async function list({ connected, say, sayJson, sayTable, io }: Cli, given: ListOptions): Promise<void> {
  const { limit, json, ...options } = given;
  const rows: ListedWebhook[] = [];
  let more = false;
  for await (const webhook of listQuarantined(await connected(), options)) {
    more = rows.length === limit;
    if (more) break;
    rows.push(webhook);
  }
  if (json) return sayJson(rows.map(listedJson));
  if (rows.length > 0) sayTable(columns(io.now()), rows);
  if (more) {
    const only = options.route === undefined ? '' : ` --route ${options.route}`;
    const last = rows.at(-1)?.id;
    return say(
      `${rows.length} shown. More: npx relay quarantine list${only} --limit ${limit} --after ${last}`,
    );
  }
  say(options.after === undefined ? `${rows.length} kept` : `${rows.length} shown, and no more`);
}

const columns = (now: number): Column<ListedWebhook>[] => [
  ...timeColumns<ListedWebhook>('received', ({ receivedAt }) => receivedAt, now),
  { title: 'route', value: ({ route: at }) => at },
  { title: 'id', value: ({ id }) => id },
  { title: 'reason', value: ({ reason }) => reason, cut: true },
];

async function replayOne(
  cli: Cli,
  id: string,
  { unverified = false, yes, json }: ReplayOptions,
): Promise<void> {
  const { connected, target, io, say, sayJson, fail } = cli;
  const kept = await readQuarantined(await connected(), id);
  const inbound = await findInbound(target());
  await confirmChange(cli, { question: `Send ${id} to ${kept.route} again?`, yes });
  const answer = await replayQuarantined(kept, inbound, {
    ...{ target: target(), unverified, now: io.now() },
  });
  const { status, body, advice } = answer;
  if (status < 200 || status > 299) fail();
  if (json) return sayJson(answer);
  say(`${status} ${body}`);
  if (advice !== undefined) say(advice);
}

interface ReplayOptions {
  all?: boolean;
  route?: string;
  dryRun?: boolean;
  yes?: boolean;
  unverified?: boolean;
  json?: boolean;
}

async function replayAll(
  cli: Cli,
  id: string | undefined,
  { route: at, yes, unverified, dryRun, json }: ReplayOptions,
): Promise<void> {
  const { connected, target, say, sayJson, tell, tellProgress, fail } = cli;
  if (id !== undefined || unverified)
    throw new UsageError('--all goes neither with an id nor with --unverified.');
  if (at === undefined)
    throw new UsageError(`Say which: --route ${WEBHOOK_ROUTE}, or /channels/NAME/incoming.`);
  const connection = await connected();
  const { ids, reasons } = await planQuarantineReplay(connection, at);
  for (const [reason, count] of reasons)
    tell(`${String(count).padStart(6)}  ${printableLine(reason)}`.trimEnd());
  const nothing = { taken: 0, refused: 0, unanswered: 0, untried: 0 };
  if (dryRun || ids.length === 0) {
    if (json) return sayJson({ found: ids.length, ...nothing });
    return say(`${ids.length} are kept of ${at}. Nothing was sent.`);
  }
  const inbound = await findInbound(target());
  await confirmChange(cli, {
    question: `Send ${ids.length} to ${at} again, the oldest first?`,
    yes,
    always: true,
  });
  const done = await replayAllQuarantined(connection, ids, { inbound, target: target() }, (one) => {
    tellProgress(`${one.number} of ${ids.length}`);
    if (!json) say(replayedLine(one, ids.length));
  });
  const { taken, refused, unanswered, untried } = done;
  if (taken < ids.length) fail();
  if (json) return sayJson({ found: ids.length, ...done });
  const notTried = untried === 0 ? '' : ` ${untried} were not tried: the relay does not answer.`;
  say(`${taken} taken, ${refused} refused, ${unanswered} without an answer.${notTried}`);
}

function replayedLine({ id, number, answer, error }: ReplayedOne, total: number): string {
  const said = answer === undefined ? (error ?? '') : `${answer.status} ${answer.body}`;
  return `${number} of ${total}  ${id}  ${printableLine(said)}`;
}
