import type { PartReceipts } from '../operate/messages.ts';
import { type Message, type MessageStatus, messageIdOf } from '../shared/channels/message.ts';
import type { Known } from '../shared/channels/messages.ts';
import type { HistoryEntry } from '../shared/history.ts';
import { printableLine } from '../shared/printable.ts';

/** A message for people: what it is, and what happened when. */
export function messageText(
  row: Message,
  { replyTo, maxLength }: Known,
  receipts: readonly PartReceipts[],
): string {
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
    ['receipts', receipts.map((one) => spoken(one, row)).join('; ') || undefined],
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
    ...messageTimeline({ ...row, history: withReceipts(row, receipts) }),
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

/** Which part, where there are several, and how far it has come, in our word and in the chat system's own. */
function spoken({ part, stage, said }: PartReceipts, row: Message): string {
  const { words = stage } = said.find((one) => one.stage === stage) ?? {};
  return `${ofPart(part, row)}${stage}${words === stage ? '' : ` (${words})`}`;
}

const ofPart = (part: number, { externalIds }: Message) => (externalIds.length === 1 ? '' : `part ${part} `);

const withReceipts = (row: Message, receipts: readonly PartReceipts[]): HistoryEntry[] =>
  [
    ...row.history,
    ...receipts.flatMap(({ part, said }) =>
      said.map(({ at, words }) => ({ at, event: 'receipt', detail: `${ofPart(part, row)}${words}` })),
    ),
  ].sort((a, b) => a.at - b.at);

/** One line an event. */
export function messageTimeline({ history, receivedAt }: Pick<Message, 'history' | 'receivedAt'>): string[] {
  return history.map(({ at, event, detail, times }) => {
    const since = `+${((at - receivedAt) / 1_000).toFixed(2)} s`;
    const repeated = times === undefined ? '' : ` (${times} times)`;
    const line = printableLine(`${event}${detail === undefined ? '' : `: ${detail}`}${repeated}`);
    return `  ${iso(at)}  ${since.padStart(11)}  ${line}`;
  });
}

const iso = (time: number) => new Date(time).toISOString();
