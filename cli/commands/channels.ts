import {
  addressesOf,
  type ChannelTestStep,
  findChannel,
  findChannels,
  testChannel,
  waitsOf,
} from '../../operate/channels.ts';
import { findInbound, findOutbound } from '../../operate/connection.ts';
import { messageJson } from '../../operate/messages.ts';
import { whenText } from '../../shared/ages.ts';
import type { Channel } from '../../shared/channels/channels.ts';
import { isEnded, type Message, messageIdOf } from '../../shared/channels/message.ts';
import type { WaitsInForce } from '../../shared/channels/waits.ts';
import type { InboundSecrets } from '../../shared/settings/secrets.ts';
import { confirmChange, YES } from '../confirm.ts';
import { messageTimeline } from '../message-text.ts';
import { type Cli, examples } from '../program.ts';

export function addChannelCommands(cli: Cli): void {
  const { program, connected, target, say, sayJson, fail } = cli;
  const channels = program.command('channels').description('the chat systems that are connected');

  channels
    .command('list')
    .description('each channel, its adapter, its addresses, what it lacks, and what it waits for')
    .option('--json', 'as a JSON array')
    .addHelpText('after', examples('channels list'))
    .action(({ json }: { json?: boolean }) => list(cli, json));

  channels
    .command('test')
    .description("sends a sample into the platform, as the channel's chat system would, and shows each stage")
    .argument('<name>', 'the channel')
    .option(...YES)
    .option('--json', 'print the message as a JSON object at the end')
    .addHelpText('after', examples('channels test demo'))
    .action(async (name: string, { yes, json }: { yes?: boolean; json?: boolean }) => {
      const inbound = await findInbound(target());
      const channel = findChannel(name, target());
      await confirmChange(cli, { question: `Send a sample into the platform, through ${name}?`, yes });
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

async function list(cli: Cli, json?: boolean): Promise<void> {
  const { target, say, sayJson, io } = cli;
  const inbound = await findInbound(target());
  const all = [...findChannels(target())];
  const secrets = await inbound.secrets();
  const waits = await allWaits(
    cli,
    all.map(([name]) => name),
  );
  if (json) {
    return sayJson(
      all.map(([name, channel]) => ({
        name,
        adapter: channel.settings.adapter,
        settings: channel.settings,
        addresses: addressesOf(name, channel, inbound.url, secrets).map(
          ({ hasVerifier, hasSecret, ...address }) => ({
            ...address,
            has_verifier: hasVerifier,
            has_secret: hasSecret,
          }),
        ),
        ...(waits ? { waits: waitsJson(waits.get(name)) } : {}),
      })),
    );
  }
  for (const [name, channel] of all) {
    say(channelText(name, channel, inbound.url, secrets));
    for (const line of waitLines(waits?.get(name), io.now())) say(line);
  }
  say(`${all.length} ${all.length === 1 ? 'channel' : 'channels'}`);
}

/** Undefined where the table or the tokens cannot be read: the rest can be listed all the same. */
async function allWaits(cli: Cli, names: string[]): Promise<Map<string, WaitsInForce> | undefined> {
  try {
    const [connection, { channelTokens: tokens }] = await Promise.all([
      cli.connected(),
      findOutbound(cli.target()),
    ]);
    const waits = names.map(async (name) => [name, await waitsOf(connection, name, tokens)] as const);
    return new Map(await Promise.all(waits));
  } catch (error) {
    cli.tell(`Whether a chat system asked to wait is not known here. ${cli.sentenceOf(error)}`);
    return undefined;
  }
}

const waitsJson = ({ until, places }: WaitsInForce = { places: [] }) => ({
  until: until === undefined ? null : new Date(until).toISOString(),
  places: places.map((end) => new Date(end).toISOString()),
});

function waitLines({ until, places }: WaitsInForce = { places: [] }, now: number): string[] {
  const [last] = places;
  return [
    ...(until === undefined
      ? []
      : [`  waits     until ${whenText(until, now)}: the chat system asked for it`]),
    ...(last === undefined
      ? []
      : [
          `  waits     ${places.length === 1 ? 'one contact' : `${places.length} contacts`}, until ${whenText(last, now)}`,
        ]),
  ];
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
