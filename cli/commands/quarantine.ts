import { findInbound } from '../../operate/connection.ts';
import {
  listQuarantined,
  readQuarantined,
  replayAllQuarantined,
  replayQuarantined,
  shownHeaders,
} from '../../operate/quarantine.ts';
import { routeSchema, WEBHOOK_ROUTE } from '../../operate/routes.ts';
import { printableLine } from '../../shared/printable.ts';
import { UsageError } from '../failure.ts';
import { type Cli, checked, wholeNumber } from '../program.ts';

const route = checked(routeSchema);

export function addQuarantineCommands(cli: Cli): void {
  const { program, connected, target, io, print, say, fail } = cli;
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
    .action(async ({ limit, ...options }: { limit: number; route?: string; after?: string }) => {
      let last: string | undefined;
      let count = 0;
      for await (const { id, receivedAt, route: at, reason } of listQuarantined(await connected(), options)) {
        if (count === limit) {
          const only = options.route === undefined ? '' : ` --route ${options.route}`;
          say(`${count} shown. More: npx relay quarantine list${only} --limit ${limit} --after ${last}`);
          return;
        }
        say(`${new Date(receivedAt).toISOString()}  ${at}  ${id}  ${printableLine(reason)}`.trimEnd());
        last = id;
        count += 1;
      }
      say(options.after === undefined ? `${count} kept` : `${count} shown, and no more`);
    });

  quarantine
    .command('show')
    .description('one webhook as it came: why it was not understood, its headers, and its body')
    .argument('<id>', 'as the alert, or the list, names it')
    .option('--body', 'the bytes of its body and nothing else, for a file')
    .action(async (id: string, { body }: { body?: boolean }) => {
      const kept = await readQuarantined(await connected(), id);
      if (body) return void io.stdout.write(kept.body);
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
    .option('--all', 'with --route: all that came there; says how many, and sends them with --yes only')
    .option('--route <path>', 'with --all', route)
    .option('--yes', 'with --all: do it')
    .option('--unverified', 'with an id: also a captured one that nobody proved to have sent')
    .action(async (id: string | undefined, options: ReplayOptions) => {
      if (options.all) return replayAll(cli, id, options);
      if (id === undefined)
        throw new UsageError('Name one by its id, or all that came to a route: --all --route PATH.');
      const kept = await readQuarantined(await connected(), id);
      const inbound = await findInbound(target());
      const { unverified = false } = options;
      const { status, body, advice } = await replayQuarantined(kept, inbound, {
        ...{ target: target(), unverified, now: io.now() },
      });
      say(`${status} ${body}`);
      if (advice !== undefined) say(advice);
      if (status < 200 || status > 299) fail();
    });
}

interface ReplayOptions {
  all?: boolean;
  route?: string;
  yes?: boolean;
  unverified?: boolean;
}

async function replayAll(
  { connected, target, say, fail }: Cli,
  id: string | undefined,
  { route: at, yes, unverified }: ReplayOptions,
): Promise<void> {
  if (id !== undefined || unverified)
    throw new UsageError('--all goes neither with an id nor with --unverified.');
  if (at === undefined)
    throw new UsageError(`Say which: --route ${WEBHOOK_ROUTE}, or /channels/NAME/incoming.`);
  const connection = await connected();
  const ids: string[] = [];
  const reasons = new Map<string, number>();
  for await (const { id: one, reason } of listQuarantined(connection, { route: at })) {
    ids.unshift(one);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  if (!yes) {
    for (const [reason, count] of reasons)
      say(`${String(count).padStart(6)}  ${printableLine(reason)}`.trimEnd());
    say(
      `${ids.length} are kept of ${at}. Nothing was sent. ` +
        `To send them, the oldest first: npx relay quarantine replay --all --route ${at} --yes`,
    );
    return;
  }
  const options = { inbound: await findInbound(target()), target: target() };
  const done = await replayAllQuarantined(connection, ids, options, ({ id: one, number, answer, error }) => {
    const said = answer === undefined ? (error ?? '') : `${answer.status} ${answer.body}`;
    say(`${number} of ${ids.length}  ${one}  ${printableLine(said)}`);
  });
  const { taken, refused, unanswered, untried } = done;
  const notTried = untried === 0 ? '' : ` ${untried} were not tried: the relay does not answer.`;
  say(`${taken} taken, ${refused} refused, ${unanswered} without an answer.${notTried}`);
  if (taken < ids.length) fail();
}
