import { Option } from 'commander';
import * as z from 'zod';
import { unknownChannel } from '../../operate/known-channels.ts';
import {
  knownOfContact,
  listMessages,
  type MessageFilter,
  messageJson,
  planReplay,
  readMessage,
  receiptsJson,
  receiptsOf,
  replayMessage,
  replayMessages,
} from '../../operate/messages.ts';
import {
  DIRECTIONS,
  MESSAGE_STATUSES,
  type Message,
  type MessageStatus,
  messageIdOf,
} from '../../shared/channels/message.ts';
import { confirmChange, YES } from '../confirm.ts';
import { messageText } from '../message-text.ts';
import { type Colour, type Column, timeColumns } from '../output.ts';
import { type Cli, checked, examples, wholeNumber } from '../program.ts';

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A moment: how long ago, or when. */
const since = checked(
  z.string().transform((text, context) => {
    const [, count, unit] = /^([1-9]\d{0,3})([mhd])$/.exec(text) ?? [];
    if (unit === 'm' || unit === 'h' || unit === 'd') return Date.now() - Number(count) * UNIT_MS[unit];
    const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
    if (!Number.isNaN(time)) return time;
    context.addIssue('an age such as 2h or 3d, or a time such as 2026-10-31T08:00:00Z');
    return z.NEVER;
  }),
);

/** A channel that was removed still has messages. Only a channel without any may be misspelt. */
function tellIfUnknown(channel: string | undefined, { target, tell }: Cli): void {
  const remark = channel === undefined ? undefined : unknownChannel(channel, target());
  if (remark !== undefined) tell(remark);
}

const directionOption = () =>
  new Option('--direction <way>', 'only those that go this way').choices(DIRECTIONS);

export function addMessageCommands(cli: Cli): void {
  const { program, connected, say, sayJson } = cli;
  const messages = program.command('messages').description('what became of each chat message');

  messages
    .command('list')
    .description('the messages of the last days, newest first; they are kept for 30 days')
    .option('--channel <name>', 'only those of this channel')
    .addOption(directionOption())
    .addOption(new Option('--status <status>', 'only those in this status').choices(MESSAGE_STATUSES))
    .option('--contact <id>', 'only those of this contact')
    .option('--days <n>', 'how many days back; 3, or with a status all 30 unless given', wholeNumber)
    .option('--since <time>', 'only those received since then: 2h, 3d, or 2026-10-31T08:00:00Z', since)
    .option('--limit <n>', 'how many', wholeNumber, 100)
    .option('--after <id>', 'goes on behind this one')
    .option('--json', 'as a JSON array')
    .addHelpText(
      'after',
      examples('messages list --status failed --since 2h', 'messages list --contact +15551234567'),
    )
    .action((options: ListOptions) => list(cli, options));

  messages
    .command('show')
    .description('one message: what it says, and what happened when')
    .argument('<id>', 'rrm-…, as the list, the log or an alert names it')
    .option('--json', 'as a JSON object')
    .addHelpText('after', examples('messages show rrm-0123456789abcdef01234567'))
    .action(async (id: string, { json }: { json?: boolean }) => {
      const connection = await connected();
      const row = await readMessage(connection, id);
      const { replyTo, maxLength } = await knownOfContact(connection, row);
      const known =
        row.direction === 'outgoing' ? { known: { reply_to: replyTo, max_length: maxLength } } : {};
      const receipts = await receiptsOf(connection, row);
      const told = receipts.length === 0 ? {} : { receipts: receiptsJson(receipts) };
      if (json) return sayJson({ ...messageJson(row), ...known, ...told });
      say(messageText(row, { ...(replyTo && { replyTo }), ...(maxLength && { maxLength }) }, receipts));
    });

  messages
    .command('replay-all')
    .description(
      'the same for all of a status, in the order in which they were received: counts them, and asks',
    )
    .addOption(new Option('--status <status>', 'which').choices(['failed', 'parked']).makeOptionMandatory())
    .option('--channel <name>', 'only those of this channel')
    .addOption(directionOption())
    .option('--contact <id>', 'only those of this contact')
    .option('--days <n>', 'how many days back; all 30 unless given', wholeNumber)
    .option('--since <time>', 'only those received since then: 2h, 3d, or 2026-10-31T08:00:00Z', since)
    .option('--dry-run', 'only counts them')
    .option(...YES)
    .option('--json', 'as a JSON object, at the end')
    .addHelpText(
      'after',
      examples(
        'messages replay-all --status failed --channel support --since 3h --dry-run',
        'messages replay-all --status parked --yes',
      ),
    )
    .action((options: ReplayAllOptions) => replayAll(cli, options));

  messages
    .command('replay')
    .description(
      'sends a failed or parked message on its way again; what was delivered of it is not sent twice',
    )
    .argument('<id>', 'rrm-…')
    .option(...YES)
    .option('--json', 'print the message as a JSON object')
    .addHelpText('after', examples('messages replay rrm-0123456789abcdef01234567'))
    .action(async (id: string, { json, yes }: { json?: boolean; yes?: boolean }) => {
      const connection = await connected();
      await confirmChange(cli, { question: `Send message ${id} on its way again?`, yes });
      const row = await replayMessage(connection, id);
      if (json) return sayJson(messageJson(row));
      say(`Message ${id} is ${row.status} again. What becomes of it: npx relay messages show ${id}`);
    });
}

interface ListOptions extends MessageFilter {
  limit: number;
  after?: string;
  json?: boolean;
}

async function list(cli: Cli, { json, limit, after, ...filter }: ListOptions): Promise<void> {
  const { connected, say, sayJson, sayTable, tell, io } = cli;
  const page = { limit, ...(after === undefined ? {} : { after }) };
  const { rows, more } = await listMessages(await connected(), filter, page);
  if (rows.length === 0) tellIfUnknown(filter.channel, cli);
  const last = rows.at(-1);
  if (json) sayJson(rows.map(messageJson));
  else {
    if (rows.length > 0) sayTable(messageColumns(io.now()), rows);
    say(`${rows.length} ${rows.length === 1 ? 'message' : 'messages'}`);
  }
  if (more && last) tell(`There are more: add --after ${messageIdOf(last)}`);
}

const messageColumns = (now: number): Column<Message>[] => [
  ...timeColumns<Message>('received', ({ receivedAt }) => receivedAt, now),
  { title: 'status', value: ({ status }) => status, colour: ({ status }) => COLOURS[status] },
  { title: 'channel', value: ({ channel, direction }) => `${channel}/${direction}` },
  { title: 'contact', value: ({ content }) => content.contact },
  { title: 'id', value: messageIdOf },
  { title: 'text', value: ({ content }) => firstWords(content.text), cut: true },
];

const COLOURS: Partial<Record<MessageStatus, Colour>> = {
  failed: 'red',
  parked: 'yellow',
  delivered: 'green',
};

interface ReplayAllOptions extends MessageFilter {
  status: 'failed' | 'parked';
  dryRun?: boolean;
  yes?: boolean;
  json?: boolean;
}

async function replayAll(cli: Cli, { dryRun, yes, json, ...filter }: ReplayAllOptions): Promise<void> {
  const { connected, say, sayJson, tell, tellProgress, fail } = cli;
  const connection = await connected();
  const plan = await planReplay(connection, filter);
  const count = `${plan.length} ${plan.length === 1 ? 'message' : 'messages'}`;
  const ways = Map.groupBy(plan, ({ channel, direction }) => `${channel}/${direction}`);
  for (const [way, own] of ways) tell(`${String(own.length).padStart(6)}  ${way}`);
  if (plan.length === 0) tellIfUnknown(filter.channel, cli);
  if (dryRun || plan.length === 0) {
    if (json) return sayJson({ found: plan.length, replayed: 0, refused: [] });
    return say(`${count} ${filter.status}${plan.length === 0 ? '' : ': nothing was done'}`);
  }
  await confirmChange(cli, { question: `Send ${count} on their way again?`, yes, always: true });
  const refused: { id: string; message: string }[] = [];
  let done = 0;
  const replayed = await replayMessages(connection, plan, (id, message) => {
    done += 1;
    tellProgress(`${done} of ${plan.length}`);
    if (message === undefined) return;
    refused.push({ id, message });
    if (!json) tell(message);
  });
  if (refused.length > 0) fail();
  if (json) return sayJson({ found: plan.length, replayed, refused });
  say(`${replayed} ${replayed === 1 ? 'message' : 'messages'} replayed`);
}

/** Enough to recognise it in a list, on one line. */
const WORDS_SHOWN = 40;
const firstWords = (text: string) => {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > WORDS_SHOWN ? `${line.slice(0, WORDS_SHOWN)}…` : line;
};
