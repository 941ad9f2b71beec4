import { findInbound } from '../../operate/connection.ts';
import { readQuarantined, replayQuarantined, shownHeaders } from '../../operate/quarantine.ts';
import { printableLine } from '../../shared/printable.ts';
import type { Cli } from '../program.ts';

export function addQuarantineCommands({ program, connected, target, io, print, say, fail }: Cli): void {
  const quarantine = program.command('quarantine').description('genuine webhooks that were not understood');

  quarantine
    .command('list')
    .description(
      'the newest hundred, and why; kept for 30 days each; those of "capture" have a list of their own',
    )
    .action(async () => {
      const kept = await (await connected()).quarantine.list();
      for (const { id, receivedAt, route, reason } of kept)
        say(`${new Date(receivedAt).toISOString()}  ${route}  ${id}  ${printableLine(reason)}`.trimEnd());
      say(`${kept.length} kept`);
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
      'sends one to the relay again, signed anew: after the mapping is mended; its key makes it count once',
    )
    .argument('<id>', 'as the alert, or the list, names it')
    .option('--unverified', 'also a captured one that nobody proved to have sent')
    .action(async (id: string, { unverified = false }: { unverified?: boolean }) => {
      const kept = await readQuarantined(await connected(), id);
      const inbound = await findInbound(target());
      const options = { target: target(), unverified, now: io.now() };
      const { status, body, advice } = await replayQuarantined(kept, inbound, options);
      say(`${status} ${body}`);
      if (advice !== undefined) say(advice);
      if (status < 200 || status > 299) fail();
    });
}
