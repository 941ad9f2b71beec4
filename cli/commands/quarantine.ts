import { CAPTURED } from '../../shared/incoming/quarantine.ts';
import { masked, printable } from '../capture.ts';
import { findInbound } from '../connection.ts';
import { connected, print, program, say, stack } from '../program.ts';
import { replay } from '../replay.ts';

export function addQuarantineCommands(): void {
  const quarantine = program.command('quarantine').description('genuine webhooks that were not understood');

  quarantine
    .command('list')
    .description(
      'the newest hundred, and why; kept for 30 days each; those of "capture" have a list of their own',
    )
    .action(async () => {
      const kept = await (await connected()).quarantine.list();
      for (const { id, receivedAt, route, reason } of kept)
        say(`${new Date(receivedAt).toISOString()}  ${route}  ${id}  ${printable(reason)}`.trimEnd());
      say(`${kept.length} kept`);
    });

  quarantine
    .command('show')
    .description('one webhook as it came: why it was not understood, its headers, and its body')
    .argument('<id>', 'as the alert, or the list, names it')
    .option('--body', 'the bytes of its body and nothing else, for a file')
    .action(async (id: string, { body }: { body?: boolean }) => {
      const kept = await find(id);
      if (body) return void process.stdout.write(kept.body);
      const headers =
        kept.reason === CAPTURED ? masked(kept.headers, { matches: [], secrets: [] }) : kept.headers;
      say(`${new Date(kept.receivedAt).toISOString()}  ${kept.route}  ${kept.reason}\n`);
      for (const [name, value] of Object.entries(headers)) say(printable(`${name}: ${value}`));
      print(`\n${printable(kept.body.toString('utf8'))}`);
    });

  quarantine
    .command('replay')
    .description(
      'sends one to the relay again, signed anew: after the mapping is mended; its key makes it count once',
    )
    .argument('<id>', 'as the alert, or the list, names it')
    .option('--unverified', 'also a captured one that nobody proved to have sent')
    .action(async (id: string, { unverified = false }: { unverified?: boolean }) => {
      const kept = await find(id);
      const inbound = await findInbound(process.env, stack());
      const options = { env: process.env, stack: stack(), unverified, now: Date.now() };
      const { status, body, advice } = await replay(kept, inbound, options);
      say(printable(`${status} ${body}`));
      if (advice !== undefined) say(advice);
      if (status < 200 || status > 299) process.exitCode = 1;
    });
}

/** @throws an Error that says where to look, where nothing is kept under this id. */
async function find(id: string) {
  const kept = await (await connected()).quarantine.show(id);
  if (kept) return kept;
  throw new Error(`Nothing is kept under ${id}: npm run relay -- quarantine list`);
}
