import type { Logger } from '../logger.ts';
import { type Message, messageIdOf } from './message.ts';
import type { Messages } from './messages.ts';
import { type Delivered, withDelivered } from './receipt.ts';
import type { Receipts } from './receipts.ts';

interface SettleDeps {
  messages: Pick<Messages, 'read' | 'write'>;
  receipts: Pick<Receipts, 'read'>;
  logger: Logger;
  now: () => number;
}

/**
 * Brings the message's row in line with what its chat system said. Only a failure concerns it: the message is then
 * `failed`, for a person to see and to replay, and no longer if its contact has it after all. Everything else stands with
 * the receipts alone, and costs the row nothing.
 *
 * Two receipts may come at once, and the one that looked first may write last. So what was said is read again after each
 * write, until the row needs none.
 */
export async function settleReceipts(standing: Delivered, deps: SettleDeps): Promise<void> {
  const { messages, receipts, logger, now } = deps;
  let known = standing;
  let left: Message | undefined;
  while (known.of !== undefined && known.said.failed !== undefined) {
    const row = await messages.read(known.of.id);
    const next = row && withDelivered(row, known, now());
    if (row === undefined || next === undefined) break;
    const written = await messages.write(row, next);
    if (written.kind === 'written') left = written.row;
    known = (await receipts.read(known.channel, known.externalId)) ?? known;
  }
  if (left?.status !== 'failed') return;
  const { channel, direction, status, history } = left;
  const tags = { id: messageIdOf(left), channel, direction, status };
  const { detail } = history.at(-1) ?? {};
  logger.info('decided', { ...tags, outcome: 'undelivered' }, { messages_failed: 1 });
  logger.alert('message_failed', { ...tags, detail });
}
