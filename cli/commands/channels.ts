import {
  addressesOf,
  type ChannelTestStep,
  findChannel,
  findChannels,
  testChannel,
} from '../../operate/channels.ts';
import { findInbound } from '../../operate/connection.ts';
import { messageJson } from '../../operate/messages.ts';
import type { Channel } from '../../shared/channels/channels.ts';
import { isEnded, type Message, messageIdOf } from '../../shared/channels/message.ts';
import type { InboundSecrets } from '../../shared/settings/secrets.ts';
import type { Cli } from '../program.ts';
import { messageTimeline } from './messages.ts';

export function addChannelCommands({ program, connected, target, say, sayJson, fail }: Cli): void {
  const channels = program.command('channels').description('the chat systems that are connected');

  channels
    .command('list')
    .description('each channel, its adapter, its addresses, and what it lacks')
    .option('--json', 'as a JSON array')
    .action(async ({ json }: { json?: boolean }) => {
      const inbound = await findInbound(target());
      const all = [...findChannels(target())];
      if (json) return sayJson(all.map(([name, { settings }]) => ({ name, ...settings })));
      const secrets = await inbound.secrets();
      for (const [name, channel] of all) say(channelText(name, channel, inbound.url, secrets));
      say(`${all.length} ${all.length === 1 ? 'channel' : 'channels'}`);
    });

  channels
    .command('test')
    .description("sends a sample into the platform, as the channel's chat system would, and shows each stage")
    .argument('<name>', 'the channel')
    .option('--json', 'print the message as a JSON object at the end')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const inbound = await findInbound(target());
      const channel = findChannel(name, target());
      let told: string[] = [];
      const tellStep = (step: ChannelTestStep) => {
        const lines = stepLines(step);
        for (const line of lines.filter((known) => !told.includes(known))) say(line);
        told = lines;
      };
      const row = await testChannel(name, channel, inbound, await connected(), json ? () => {} : tellStep);
      if (json) sayJson(messageJson(row));
      else say(endText(row));
      if (row.status !== 'delivered') fail();
    });
}

/** A channel, its addresses, and what it lacks. */
function channelText(name: string, channel: Channel, url: string, secrets: InboundSecrets): string {
  const lines = addressesOf(name, channel, url, secrets).map(
    ({ direction, url: address, hasVerifier, hasSecret }) => {
      const lacks = [
        ...(hasVerifier ? [] : ['no verifier is configured: nothing is let in']),
        ...(hasSecret ? [] : [`no secret is set: secrets set ${name}/${direction}`]),
      ];
      const remark = lacks.length === 0 ? '' : `  (${lacks.join('; ')})`;
      return `  ${direction.padEnd(10)}${address}${remark}`;
    },
  );
  return [`${name} (${channel.settings.adapter})`, ...lines].join('\n');
}

function stepLines(step: ChannelTestStep): string[] {
  switch (step.kind) {
    case 'sending':
      return [`A sample message of the contact ${step.contact} goes to ${step.url} …`];
    case 'answered':
      return [`… which answers ${step.status} ${step.body}`];
    case 'stored':
      return messageTimeline(step.message);
  }
}

function endText(row: Message): string {
  const id = messageIdOf(row);
  return isEnded(row)
    ? `Message ${id} is ${row.status}.`
    : `Message ${id} is still ${row.status}: messages show ${id}`;
}
