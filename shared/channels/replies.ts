import type { Parsed } from './adapter.ts';
import { NOT_JSON, readId, readLinks, readPayload, readText } from './adapters/reading.ts';
import { isOwnId } from './message.ts';
import { firstPointed, fulfils } from './pointer.ts';
import type { ChannelSettings } from './settings.ts';

/**
 * What the platform's request for a reply to a contact means, by the configured fields. Ids that begin like
 * ours are messages that we brought to the platform, coming back.
 *
 * @param deliveryId the id where the payload has none: drawn for each delivery.
 */
export function parseReply(body: Buffer, outgoing: ChannelSettings['outgoing'], deliveryId: string): Parsed {
  const payload = readPayload(body);
  if (payload === undefined) return NOT_JSON;
  if (!outgoing.only.every((condition) => fulfils(payload, condition))) {
    return { kind: 'ignored', why: 'it is not what outgoing.only asks for' };
  }
  if (outgoing.ignore.some((condition) => fulfils(payload, condition))) {
    return { kind: 'ignored', why: 'it has a mark of outgoing.ignore' };
  }
  for (const field of ['contact', 'text'] as const) {
    if (outgoing[field] === undefined) return fault(`outgoing.${field} is not configured yet`);
  }
  const at = (pointers: string[] = []) => firstPointed(payload, pointers);
  const named = at(outgoing.id);
  const id = named === undefined ? deliveryId : readId(named);
  if (id === undefined) return fault(`the id ${places(outgoing.id)} is not 1 to 255 printable characters`);
  if (isOwnId(id)) return { kind: 'ignored', why: 'it is our own message coming back' };
  const contact = readId(at(outgoing.contact));
  if (contact === undefined) {
    return fault(`the contact ${places(outgoing.contact)} is not 1 to 255 printable characters`);
  }
  const text = readText(at(outgoing.text));
  if (text === undefined) return fault(`the text ${places(outgoing.text)} is not text`);
  const attachments = readLinks(at(outgoing.attachments));
  if (attachments === undefined) {
    return fault(
      `the attachments ${places(outgoing.attachments)} are not web addresses, one or a list of them`,
    );
  }
  if (text.trim() === '' && attachments.length === 0) {
    return fault(`the text ${places(outgoing.text)} is blank, and there is no attachment`);
  }
  return { kind: 'messages', messages: [{ id, contact, type: 'text', text, attachments }] };
}

const fault = (sentence: string): Parsed => ({ kind: 'fault', fault: sentence });
const places = (pointers: string[] = []) => `(${pointers.join(', ')})`;
