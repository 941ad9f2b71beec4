import type { Parsed } from './adapter.ts';
import { NOT_JSON, readDocument } from './adapters/reading.ts';
import { readMapped } from './mapped.ts';
import type { ChannelSettings } from './settings.ts';

/**
 * What the platform's request for a reply to a contact means, by the configured fields. Ids that begin like
 * ours are messages that we brought to the platform, coming back.
 *
 * @param deliveryId the id where the payload has none: drawn for each delivery.
 */
export function parseReply(body: Buffer, outgoing: ChannelSettings['outgoing'], deliveryId: string): Parsed {
  const payload = readDocument(body);
  return payload === undefined
    ? NOT_JSON
    : readMapped(payload, outgoing, { section: 'outgoing', deliveryId });
}
