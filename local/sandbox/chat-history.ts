import * as z from 'zod';
import type { Books } from './books.ts';
import { createOutbox, deliveryStatusSchema, type Outbox } from './deliveries.ts';

const happened = z.object({ at: z.iso.datetime(), id: z.string() });
const message = happened.extend({
  contact: z.string(),
  text: z.string(),
  attachments: z.array(z.string()).exactOptional(),
});

/** What a chat system says of a message that it took. Each writes it in its own words. */
export const REPORTS = ['sent', 'delivered', 'read', 'failed'] as const;

/** `at` is an ISO time in UTC, `id` the chat's own. A contact is a person by the name that the chat has for them. */
export const chatEventSchema = z.discriminatedUnion('kind', [
  /** A customer wrote. */
  message.extend({ kind: z.literal('said'), name: z.string() }),
  /** One try to tell the relay what was said or reported under this id. */
  happened.extend({
    kind: z.literal('relay_delivery'),
    /** 1 for the first try. */
    attempt: z.int(),
    status: deliveryStatusSchema,
  }),
  /** A message for a customer was taken; `messageId` is the sender's, `statusUrl` where its status is wanted. */
  message.extend({
    kind: z.literal('delivered'),
    messageId: z.string().exactOptional(),
    statusUrl: z.string().exactOptional(),
  }),
  /** What became of a message that was taken, for the relay. `error` is the system's number or words. */
  happened.extend({
    kind: z.literal('reported'),
    message: z.string(),
    status: z.enum(REPORTS),
    error: z.string().exactOptional(),
  }),
  /** The relay said what became of a message of the chat, by the name that the relay was told. */
  happened.extend({ kind: z.literal('receipt'), message: z.string(), status: z.string() }),
]);

export type ChatEvent = z.infer<typeof chatEventSchema>;
export type Said = Extract<ChatEvent, { kind: 'said' }>;
export type Delivered = Extract<ChatEvent, { kind: 'delivered' }>;
export type Reported = Extract<ChatEvent, { kind: 'reported' }>;
export type Outgoing = Said | Reported;

export interface History {
  /** Writes the event into the books, then changes by it what the chat knows. */
  record(event: ChatEvent): void;
  /** A new name for a message or an event: 16 digits, each greater than all before it, also after a restart. */
  newId(): string;
  /** Both directions, of one contact or of all, as they came. */
  messages(contact: string | null): (Said | Delivered)[];
  said(id: string): Said | undefined;
  /** The message that was taken under the sender's id. */
  taken(messageId: string | undefined): Delivered | undefined;
  /** The message that was taken under the chat's id. */
  delivered(id: string): Delivered | undefined;
  undelivered(): ReturnType<Outbox<Outgoing>['pending']>;
}

/** What was written as it stands after everything in the books. */
export function createHistory(books: Books<ChatEvent>): History {
  const all: (Said | Delivered)[] = [];
  const saidById = new Map<string, Said>();
  const bySender = new Map<string, Delivered>();
  const byId = new Map<string, Delivered>();
  const outbox = createOutbox<Outgoing>();
  let last = 0;
  const apply = (event: ChatEvent) => {
    last = Math.max(last, Number(event.id) || 0);
    switch (event.kind) {
      case 'said':
        all.push(event);
        saidById.set(event.id, event);
        outbox.begin(event.id, event);
        return;
      case 'delivered':
        all.push(event);
        byId.set(event.id, event);
        if (event.messageId !== undefined) bySender.set(event.messageId, event);
        return;
      case 'reported':
        outbox.begin(event.id, event);
        return;
      case 'relay_delivery':
        outbox.attempted(event.id, event.attempt, event.status);
        return;
      case 'receipt':
        return;
    }
  };
  books.events.forEach(apply);
  return {
    record(event) {
      books.record(event);
      apply(event);
    },
    newId() {
      last = Math.max(last + 1, Date.now() * 1_000);
      return String(last);
    },
    messages: (contact) => all.filter((one) => contact === null || one.contact === contact),
    said: (id) => saidById.get(id),
    taken: (messageId) => (messageId === undefined ? undefined : bySender.get(messageId)),
    delivered: (id) => byId.get(id),
    undelivered: outbox.pending,
  };
}
