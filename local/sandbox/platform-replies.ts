import { randomUUID } from 'node:crypto';
import { createLanes, createOutbox, createSender, type Outbox, tokenAndSignature } from './deliveries.ts';
import type { FaultSwitch } from './faults.ts';
import type { EventOf, PlatformEvent, RecordEvents } from './platform-events.ts';
import type { Timers } from './server.ts';

type Reply = EventOf<'reply'>;

/** A contact whose id begins with this gets no answer, nor does a message that does. */
const SILENT = 'silent-';

/** The label of a message that came without one, as in the API page's example. */
const DEFAULT_CHANNEL = 'custom';

/** Where replies go, and what they are signed with. */
export interface ReplyAddress {
  /** May hold `{channel}`. */
  url: string;
  /** Sent as it is in `x-webhook-token`, and the key of `x-webhook-signature`. */
  secret: string;
}

export interface Replies {
  /**
   * Switches the bot on, or to another address. That counts for what is still to be delivered, too.
   *
   * @param channels by their labels: those that have an address of their own.
   */
  set(address: ReplyAddress, channels?: Record<string, ReplyAddress>): void;
  isOn(): boolean;
  /** What the bot says to a message, to be recorded and then delivered; undefined if it says nothing. */
  answerTo(received: EventOf<'received'>): Reply | undefined;
  write(message: { channel: string; contactId: string; body: string; email: string }): Reply;
  /** Not waited for. In order for each contact of a channel. */
  deliver(reply: Reply): void;
  state: Outbox<Reply>['state'];
  /** Notes what became of a reply. */
  apply(event: PlatformEvent): void;
  /** Goes on with the replies that a former process left undelivered, as soon as there is an address. */
  resume(): void;
}

interface Dependencies {
  /** Without one, there are no replies until `set`. */
  address: ReplyAddress | undefined;
  /** The wait before the second try, the third and so on. After the last one the reply is given up. */
  retryMs: number[];
  record: RecordEvents;
  faults: FaultSwitch;
  timers: Timers;
}

/** What the platform says to the contacts of custom channels: the same bytes again on every answer but a 2xx. */
export function createReplies(dependencies: Dependencies): Replies {
  const { retryMs, record, faults, timers } = dependencies;
  let { address } = dependencies;
  let ownAddresses: Record<string, ReplyAddress> = {};
  const outbox = createOutbox<Reply>();
  const send = createSender('reply', faults, timers);

  const deliver = createLanes<Reply>({
    laneOf: ({ channel, contactId }) => JSON.stringify([channel, contactId]),
    send({ messageId, contactId, channel, body: text }) {
      const body = JSON.stringify({ messageId, contactId, channel, body: text, direction: 'outbound' });
      const { url, secret = '' }: Partial<ReplyAddress> = ownAddresses[channel] ?? address ?? {};
      const target = url?.replaceAll('{channel}', encodeURIComponent(channel));
      return send(contactId, { url: target, headers: tokenAndSignature(secret, body), body });
    },
    attempted({ email, messageId }, attempt, status) {
      record({ kind: 'reply_delivery', at: new Date().toISOString(), email, messageId, attempt, status });
    },
    waitMs: (attempt) => retryMs[attempt - 1],
    gaveUp({ email, messageId }) {
      record({ kind: 'reply_given_up', at: new Date().toISOString(), email, messageId });
    },
    timers,
  });

  let left: ReturnType<Outbox<Reply>['pending']> = [];
  const resumeLeft = () => {
    if (address === undefined) return;
    for (const { item, attempts } of left.splice(0)) deliver(item, attempts);
  };
  const write: Replies['write'] = ({ channel, contactId, body, email }) => {
    const at = new Date().toISOString();
    return { kind: 'reply', at, email, messageId: randomUUID(), contactId, channel, body };
  };

  return {
    set(newAddress, channels = {}) {
      address = newAddress;
      ownAddresses = channels;
      resumeLeft();
    },
    isOn: () => address !== undefined,
    answerTo({ fromId, channel = DEFAULT_CHANNEL, body, email, messageType }) {
      if (address === undefined || messageType !== 'text') return undefined;
      if (fromId.startsWith(SILENT) || body.startsWith(SILENT)) return undefined;
      return write({ channel, contactId: fromId, body: `You said: ${body}`, email });
    },
    write,
    deliver: (reply) => deliver(reply),
    state: outbox.state,
    apply(event) {
      if (event.kind === 'reply') outbox.begin(event.messageId, event);
      if (event.kind === 'reply_delivery') outbox.attempted(event.messageId, event.attempt, event.status);
      if (event.kind === 'reply_given_up') outbox.gaveUp(event.messageId);
    },
    resume() {
      left = outbox.pending();
      resumeLeft();
    },
  };
}
