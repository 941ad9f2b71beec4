import { Option } from 'commander';
import { DIRECTIONS, MESSAGE_STATUSES } from '../../shared/channels/message.ts';
import { unknownChannel } from '../known-channels.ts';
import {
  listMessages,
  type MessageListOptions,
  messageJson,
  messageLine,
  messageText,
  readMessage,
  replay,
  replayAll,
} from '../messages.ts';
import { connected, program, say, sayJson, stack, tell, wholeNumber } from '../program.ts';

/** A channel that was removed still has messages: only where there are none, its name may be a slip. */
function tellIfUnknown(channel: string | undefined): void {
  const remark = channel === undefined ? undefined : unknownChannel(channel, stack());
  if (remark !== undefined) tell(remark);
}

export function addMessageCommands(): void {
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
    .action(async ({ json, ...options }: MessageListOptions & { json?: boolean }) => {
      const rows = await listMessages(await connected(), options);
      if (rows.length === 0) tellIfUnknown(options.channel);
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
      const row = await readMessage(await connected(), id);
      if (json) return sayJson(messageJson(row));
      say(messageText(row));
    });

  messages
    .command('replay-all')
    .description('the same for all of a status, in the order in which they were received')
    .addOption(new Option('--status <status>', 'which').choices(['failed', 'parked']).makeOptionMandatory())
    .option('--channel <name>', 'only those of this channel')
    .addOption(new Option('--direction <way>', 'only those that go this way').choices(DIRECTIONS))
    .option('--contact <id>', 'only those of this contact')
    .option('--days <n>', 'how many days back; all 30 unless given', wholeNumber)
    .action(async (options: MessageListOptions) => {
      const count = await replayAll(await connected(), options, (id, refusal) => {
        say(refusal ?? `Message ${id} is on its way again.`);
        if (refusal !== undefined) process.exitCode = 1;
      });
      if (count === 0) tellIfUnknown(options.channel);
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
      const row = await replay(await connected(), id);
      if (json) return sayJson(messageJson(row));
      say(`Message ${id} is ${row.status} again. What becomes of it: npm run relay -- messages show ${id}`);
    });
}
