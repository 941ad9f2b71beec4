import { channelText, findChannels, testChannel } from '../channels.ts';
import { findInbound } from '../connection.ts';
import { butOnly } from '../known-channels.ts';
import { messageJson } from '../messages.ts';
import { connected, program, say, sayJson, stack } from '../program.ts';

export function addChannelCommands(): void {
  const channels = program.command('channels').description('the chat systems that are connected');

  channels
    .command('list')
    .description('each channel, its adapter, its addresses, and what it lacks')
    .option('--json', 'as a JSON array')
    .action(async ({ json }: { json?: boolean }) => {
      const inbound = await findInbound(process.env, stack());
      const all = [...findChannels(stack())];
      if (json) return sayJson(all.map(([name, { settings }]) => ({ name, ...settings })));
      const secrets = await inbound.secrets();
      const { origin } = new URL(inbound.url);
      for (const [name, channel] of all) say(channelText(name, channel, origin, secrets));
      say(`${all.length} ${all.length === 1 ? 'channel' : 'channels'}`);
    });

  channels
    .command('test')
    .description("sends a sample into the platform, as the channel's chat system would, and shows each stage")
    .argument('<name>', 'the channel')
    .option('--json', 'print the message as a JSON object at the end')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const inbound = await findInbound(process.env, stack());
      const all = findChannels(stack());
      const channel = all.get(name);
      if (!channel) throw new Error(`There is no channel ${name}, ${butOnly(all)}.`);
      const row = await testChannel(name, channel, inbound, await connected(), json ? () => {} : say);
      if (json) sayJson(messageJson(row));
      if (row.status !== 'delivered') process.exitCode = 1;
    });
}
