import { randomInt } from 'node:crypto';
import * as z from 'zod';
import { type FaultSwitch, type FaultTable, instead } from './faults.ts';
import { operationFaults, type PlatformApi, readBody } from './platform-api.ts';
import { type Contacts, newContact } from './platform-contacts.ts';
import type { EventOf, PlatformEvent, RecordEvents } from './platform-events.ts';
import type { Replies } from './platform-replies.ts';
import { type Handler, json, type Routes } from './server.ts';

const required = z.string().min(1);
const about = {
  fromId: required,
  body: required,
  firstName: z.string().exactOptional(),
  lastName: z.string().exactOptional(),
  email: z.string().exactOptional(),
  campaignId: z.string().exactOptional(),
};

const sendSchema = z.object({ customData: z.object({ ...about, customChannel: required }) });

const incomingSchema = z.object({
  customData: z
    .object({
      ...about,
      messageSid: required.exactOptional(),
      id: required.exactOptional(),
      toId: required,
      channel: z.string().exactOptional(),
      status: z.string().default('received'),
    })
    .refine(({ messageSid, id }) => messageSid !== undefined || id !== undefined, { path: ['messageSid'] }),
  messageType: z.enum(['text', 'reaction']).default('text'),
});

export interface Messages {
  /** Those of one contact, or all, as they came. */
  all(fromId: string | null): EventOf<'sent' | 'received' | 'reply'>[];
  bySid(messageSid: string): EventOf<'received'> | undefined;
  apply(event: PlatformEvent): void;
}

export function createMessages(): Messages {
  const all: EventOf<'sent' | 'received' | 'reply'>[] = [];
  const bySid = new Map<string, EventOf<'received'>>();
  const contactOf = (event: (typeof all)[number]) =>
    event.kind === 'reply' ? event.contactId : event.fromId;
  return {
    all: (fromId) => all.filter((event) => fromId === null || contactOf(event) === fromId),
    bySid: (messageSid) => bySid.get(messageSid),
    apply(event) {
      if (event.kind === 'sent' || event.kind === 'received' || event.kind === 'reply') all.push(event);
      if (event.kind === 'received') bySid.set(event.messageSid, event);
    },
  };
}

export const messageFaults = (api: PlatformApi): FaultTable<never> => ({
  ...operationFaults(api, api.refuse(404, 'NOT_FOUND', 'There is no such channel.')),
  success_false: instead(json(200, { success: false })),
});

interface Dependencies {
  api: PlatformApi;
  contacts: Contacts;
  messages: Messages;
  replies: Replies;
  record: RecordEvents;
  faults: FaultSwitch;
}

/** Both custom-channel operations, each with its alias. */
export function messageRoutes(dependencies: Dependencies): Routes {
  const send = dependencies.api.operation('messages', sendHandler(dependencies));
  const incoming = dependencies.api.operation('messages', incomingHandler(dependencies));
  return {
    'POST /v1/send_custom_channel_message': send,
    'POST /v1/send-custom-channel-message': send,
    'POST /v1/incoming_custom_channel_message': incoming,
    'POST /v1/incoming-custom-channel-message': incoming,
  };
}

/** The page promises no message id, and nothing that tells a repetition from a second message. */
function sendHandler({ api, contacts, record, faults }: Dependencies): Handler {
  const table = messageFaults(api);
  return (request) => {
    const read = readBody(sendSchema, request, api);
    if (!read.ok) return read.refusal;
    const { email = '', ...message } = read.value.customData;
    return faults.run('send', table, message.fromId, () => {
      const at = new Date().toISOString();
      record(...missingContact(at, read.value.customData, contacts), {
        kind: 'sent',
        at,
        email,
        messageId: newMessageId(),
        ...message,
      });
      return json(200, { success: true });
    });
  };
}

/** A message is known by its `messageSid`. A repetition gets the first one's answer, whatever else it says. */
function incomingHandler({ api, contacts, messages, replies, record, faults }: Dependencies): Handler {
  const table = messageFaults(api);
  return (request) => {
    const read = readBody(incomingSchema, request, api);
    if (!read.ok) return read.refusal;
    const { messageType } = read.value;
    const { messageSid, id, email = '', ...message } = read.value.customData;
    const sid = messageSid ?? id ?? '';
    return faults.run('incoming', table, message.fromId, () => {
      const known = messages.bySid(sid);
      if (known) return json(200, { success: true, messageId: known.messageId });
      const at = new Date().toISOString();
      const messageId = newMessageId();
      const received: EventOf<'received'> = {
        kind: 'received',
        at,
        email,
        messageId,
        messageSid: sid,
        ...message,
        messageType,
      };
      const reply = replies.answerTo(received);
      record(...missingContact(at, read.value.customData, contacts), received, ...(reply ? [reply] : []));
      if (reply) replies.deliver(reply);
      return json(200, { success: true, messageId });
    });
  };
}

interface Sender {
  fromId: string;
  firstName?: string;
  lastName?: string;
  email?: string;
}

/** The page says so about a message that is sent. We assume the same for one that is received. */
function missingContact(
  at: string,
  { fromId, firstName, lastName, email }: Sender,
  contacts: Contacts,
): EventOf<'contact'>[] {
  if (contacts.byFromId(fromId)) return [];
  return [
    newContact(at, {
      fromId,
      ...(firstName === undefined ? {} : { firstName }),
      ...(lastName === undefined ? {} : { lastName }),
      ...(email === undefined ? {} : { email }),
    }),
  ];
}

/** 13 digits by chance, so that a sandbox without a books file does not repeat those of an earlier one. */
const newMessageId = () => String(randomInt(10 ** 12, 10 ** 13));
