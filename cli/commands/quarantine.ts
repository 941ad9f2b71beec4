import { connected, print, program, say } from '../program.ts';

export function addQuarantineCommands(): void {
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
}
