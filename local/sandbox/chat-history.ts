import * as z from 'zod';
import type { Books } from './books.ts';
import { createOutbox, deliveryStatusSchema, type Outbox } from './deliveries.ts';

const happened = z.object({ at: z.iso.datetime(), id: z.string() });
const message = happened.extend({
  contact: z.string(),
  text: z.string(),
  attachments: z.array(z.string()).exactOptional(),
});

/** `at` is an ISO time in UTC, `id` the chat's own. */
export const chatEventSchema = z.discriminatedUnion('kind', [
  /** A customer wrote. */
  message.extend({ kind: z.literal('said'), name: z.string() }),
  happened.extend({
    kind: z.literal('relay_delivery'),
    /** 1 for the first try. */
    attempt: z.int(),
    status: deliveryStatusSchema,
  }),
  /** A message for a customer was taken; `messageId` is the sender's. */
  message.extend({ kind: z.literal('delivered'), messageId: z.string() }),
]);

export type ChatEvent = z.infer<typeof chatEventSchema>;
export type Said = Extract<ChatEvent, { kind: 'said' }>;
type Delivered = Extract<ChatEvent, { kind: 'delivered' }>;

export interface History {
  /** Writes the event into the books, then changes by it what the chat knows. */
  record(event: ChatEvent): void;
  /** Both directions, of one contact or of all, as they came. */
  messages(contact: string | null): (Said | Delivered)[];
  /** The message that was taken under the sender's id. */
  delivered(messageId: string): Delivered | undefined;
  undelivered(): ReturnType<Outbox<Said>['pending']>;
}

/** What was written as it stands after everything in the books. */
export function createHistory(books: Books<ChatEvent>): History {
  const all: (Said | Delivered)[] = [];
  const taken = new Map<string, Delivered>();
  const outbox = createOutbox<Said>();
  const apply = (event: ChatEvent) => {
    switch (event.kind) {
      case 'said':
        all.push(event);
        outbox.begin(event.id, event);
        return;
      case 'delivered':
        all.push(event);
        taken.set(event.messageId, event);
        return;
      case 'relay_delivery':
        outbox.attempted(event.id, event.attempt, event.status);
        return;
    }
  };
  books.events.forEach(apply);
  return {
    record(event) {
      books.record(event);
      apply(event);
    },
    messages: (contact) => all.filter((one) => contact === null || one.contact === contact),
    delivered: (messageId) => taken.get(messageId),
    undelivered: outbox.pending,
  };
}
