import type { IncomingRequest } from '../incoming/verifiers.ts';
import type { Parsed } from './adapter.ts';
import type { Channel } from './channels.ts';
import type { Direction } from './message.ts';
import { parseReply } from './replies.ts';
import { parseSend } from './sending.ts';

/**
 * What a delivery to one way of a channel means.
 *
 * @param request its body is unpacked, and no form any more.
 * @param deliveryId names a message that has no id of its own.
 */
export function parseDelivery(
  request: IncomingRequest,
  { direction, channel }: { direction: Direction; channel: Channel },
  deliveryId: string,
): Parsed {
  try {
    switch (direction) {
      case 'incoming':
        return channel.adapter.parse(request, deliveryId);
      case 'outgoing':
        return parseReply(request.body, channel.settings.outgoing, deliveryId);
      case 'send':
        return parseSend(request.body);
    }
  } catch (error) {
    // This is a bug of ours. Sending the request again would not help, and the sender must not wait for our fix.
    return { kind: 'fault', fault: `it could not be read: ${error instanceof Error ? error.name : 'error'}` };
  }
}
