import { Option } from 'commander';
import { unknownChannel } from '../../operate/known-channels.ts';
import {
  knownOfContact,
  listMessages,
  type MessageFilter,
  messageJson,
  readMessage,
  replayAllMessages,
  replayMessage,
} from '../../operate/messages.ts';
import {
  DIRECTIONS,
  MESSAGE_STATUSES,
  type Message,
  type MessageStatus,
  messageIdOf,
} from '../../shared/channels/message.ts';
import type { Known } from '../../shared/channels/messages.ts';
import { printableLine } from '../../shared/printable.ts';
import { type Cli, wholeNumber } from '../program.ts';

/** A channel that was removed still has messages. Only a channel without any may be misspelt. */
function tellIfUnknown(channel: string | undefined, { target, tell }: Cli): void {
  const remark = channel === undefined ? undefined : unknownChannel(channel, target());
  if (remark !== undefined) tell(remark);
}

export function addMessageCommands(cli: Cli): void {
  const { program, connected, say, sayJson, fail } = cli;
  const messages = program.command('messages').description('what became of each chat message');

  messages
    .command('list')
    .description('the messages of the last days, newest first; they are kept for 30 days')
    .option('--channel <name>', 'only those of this channel')
    .addOption(new Option('--direction <way>', 'only those that go this way').choices(DIRECTIONS))
    .addOption(new Option('--status <status>', 'only those in this status').choices(MESSAGE_STATUSES))
    .option('--contact <id>', 'only those of this contact')
    .option('--days <n>', 'how many days back; 3, or with a status all 30 unless given', wholeNumber)
    .option('--json', 'as a JSON array')
    .action(async ({ json, ...options }: MessageFilter & { json?: boolean }) => {
      const rows = await listMessages(await connected(), options);
      if (rows.length === 0) tellIfUnknown(options.channel, cli);
      if (json) return sayJson(rows.map(messageJson));
      for (const row of rows) say(messageLine(row));
      say(`${rows.length} ${rows.length === 1 ? 'message' : 'messages'}`);
    });

  messages
    .command('show')
    .description('one message: what it says, and what happened when')
    .argument('<id>', 'rrm-…, as the list, the log or an alert names it')
    .option('--json', 'as a JSON object')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const connection = await connected();
      const row = await readMessage(connection, id);
      const known = await knownOfContact(connection, row);
      if (json) return sayJson({ ...messageJson(row), ...(row.direction === 'outgoing' ? { known } : {}) });
      say(messageText(row, known));
    });

  messages
    .command('replay-all')
    .description('the same for all of a status, in the order in which they were received')
    .addOption(new Option('--status <status>', 'which').choices(['failed', 'parked']).makeOptionMandatory())
    .option('--channel <name>', 'only those of this channel')
    .addOption(new Option('--direction <way>', 'only those that go this way').choices(DIRECTIONS))
    .option('--contact <id>', 'only those of this contact')
    .option('--days <n>', 'how many days back; all 30 unless given', wholeNumber)
    .action(async (options: MessageFilter) => {
      const count = await replayAllMessages(await connected(), options, (id, refusal) => {
        say(refusal ?? `Message ${id} is on its way again.`);
        if (refusal !== undefined) fail();
      });
      if (count === 0) tellIfUnknown(options.channel, cli);
      say(`${count} ${count === 1 ? 'message' : 'messages'} replayed`);
    });

  messages
    .command('replay')
    .description(
      'sends a failed or parked message on its way again; what was delivered of it is not sent twice',
    )
    .argument('<id>', 'rrm-…')
    .option('--json', 'print the message as a JSON object')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const row = await replayMessage(await connected(), id);
      if (json) return sayJson(messageJson(row));
      say(`Message ${id} is ${row.status} again. What becomes of it: npx relay messages show ${id}`);
    });
}

/** One line a message. */
function messageLine(row: Message): string {
  return [
    iso(row.receivedAt),
    row.status.padEnd(10),
    `${row.channel}/${row.direction}`.padEnd(20),
    printableLine(row.content.contact).padEnd(16),
    messageIdOf(row),
    printableLine(firstWords(row.content.text)),
  ].join('  ');
}

/** A message for people: what it is, and what happened when. */
function messageText(row: Message, { replyTo, maxLength }: Known): string {
  const { content, cuts } = row;
  const waits = row.status === 'queued' && row.notBefore !== undefined;
  const name = [content.firstName, content.lastName].filter((part) => part !== undefined).join(' ');
  const facts: [string, string | undefined][] = [
    ['status', row.status],
    ['', MEANING[row.status].replace(/replay$/, `replay ${messageIdOf(row)}`)],
    ['not before', waits ? `${iso(row.notBefore ?? 0)}, as it was asked for` : undefined],
    ['channel', `${row.channel}, ${row.direction}`],
    ['contact', name === '' ? content.contact : `${content.contact} (${name})`],
    ["sender's id", content.id],
    ["receiver's id", row.externalIds.join(', ') || undefined],
    ['type', content.type === 'text' ? undefined : content.type],
    ['replies to', content.replyTo],
    ['goes to', replyTo],
    ['in parts of', cuts && `at most ${cuts.at(-1)?.maxLength} characters, as it was asked for`],
    ['contact takes', maxLength === undefined ? undefined : `at most ${maxLength} characters`],
    ['text', content.text === '' ? undefined : content.text],
    ['attachments', content.attachments.join(' ') || undefined],
  ];
  return [
    `Message ${messageIdOf(row)}`,
    ...facts.flatMap(([label, value]) =>
      value === undefined
        ? []
        : [`  ${label.padEnd(15)}${label === 'text' ? indented(value) : printableLine(value)}`],
    ),
    '',
    ...messageTimeline(row),
  ].join('\n');
}

/** What a customer wrote has lines of its own; none of them looks like ours. */
const indented = (text: string) => text.replaceAll('\n', `\n${' '.repeat(17)}`);

const MEANING: Record<MessageStatus, string> = {
  received: 'stored, not in the queue yet: within two minutes it goes on by itself',
  queued: 'on its way, or waiting for its turn',
  delivering: 'being delivered right now',
  delivered: 'its receiver has it',
  failed: 'given up; mend the cause, then: npx relay messages replay',
  parked: 'it may have been delivered: look, and where it was not: npx relay messages replay',
};

/** One line an event. */
export function messageTimeline({ history, receivedAt }: Pick<Message, 'history' | 'receivedAt'>): string[] {
  return history.map(({ at, event, detail, times }) => {
    const since = `+${((at - receivedAt) / 1_000).toFixed(2)} s`;
    const repeated = times === undefined ? '' : ` (${times} times)`;
    const line = printableLine(`${event}${detail === undefined ? '' : `: ${detail}`}${repeated}`);
    return `  ${iso(at)}  ${since.padStart(11)}  ${line}`;
  });
}

/** Enough to recognise it in a list, on one line. */
const WORDS_SHOWN = 40;
const firstWords = (text: string) => {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > WORDS_SHOWN ? `${line.slice(0, WORDS_SHOWN)}…` : line;
};

const iso = (time: number) => new Date(time).toISOString();
