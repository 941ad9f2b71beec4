import type { OutgoingRequest, Reply } from '../http.ts';
import type { Verdict } from '../incoming/signature.ts';
import type { Verifier } from '../incoming/verifier-settings.ts';
import type { IncomingRequest } from '../incoming/verifiers.ts';
import type { Content, Cut } from './message.ts';
import type { Receipt } from './receipt.ts';

/** What a verified request of the external system means. */
export type Parsed =
  /**
   * In the order in which they were written.
   *
   * @param rest what else the request holds and was not understood: it is kept whole, for a person.
   */
  | { kind: 'messages'; messages: Content[]; rest?: string }
  /** What became of messages that we gave it, ours among others'. */
  | { kind: 'receipts'; receipts: Receipt[] }
  /** Nothing to relay: our own message coming back, somebody typing. The reason goes to the log. */
  | { kind: 'ignored'; why: string }
  /** The sender wants an answer of its own at once, such as Slack's `url_verification`. */
  | { kind: 'reply'; contentType: string; body: string }
  /** Not understood: kept whole, for a person. The sentence quotes no value. */
  | { kind: 'fault'; fault: string };

/** A message for the external chat. */
export interface ForDelivery extends Content {
  /** `rrm-…`, the same at every repetition. Part n > 1 of a message in parts is sent as `<ourId>-<n>`. */
  ourId: string;
  /** When the relay received it, in Unix milliseconds: the same at every repetition. */
  receivedAt: number;
  /** Where the other side takes less than the adapter knows of. */
  cuts?: readonly Cut[];
}

/** What became of one request to the external system. */
export type Delivery =
  /** @param note what else the vendor says of it, such as `3 segments`: it stands in the message's history. */
  | { kind: 'delivered'; externalId?: string; note?: string }
  /**
   * Certainly not delivered, and it may be tried again.
   *
   * @param whoWaits whom the wait is for: all that is sent to this place, or all that is sent with this token.
   * Default: this contact.
   */
  | { kind: 'not_applied'; detail: string; retryAfterMs?: number; whoWaits?: 'place' | 'channel' }
  /** Certainly not delivered, and trying again will not help. */
  | { kind: 'refused'; detail: string }
  /** Certainly not delivered: the place is somewhere else by now. */
  | { kind: 'moved'; detail: string; replyTo: string }
  /** Certainly not delivered: the text must be shorter. @param maxLength in characters, where the other side says it. */
  | { kind: 'too_long'; detail: string; maxLength?: number }
  /** It may have been delivered. */
  | { kind: 'unknown'; detail: string };

/**
 * One external chat system: how it proves itself, what its requests mean, and how it is written to. All of
 * it pure: the relay does the receiving, the waiting and the sending.
 */
export interface Adapter {
  /** One is enough. None: nobody can write to this channel. */
  verifiers: Verifier[];
  /**
   * A proof beside the verifiers, for which there is no shared secret: a signature by a key of the vendor, whose public
   * half is in the settings. It is asked first.
   */
  vouched?(request: IncomingRequest): Verdict;
  /** Whether a delivery without the channel's token is none: it then waits until one is set. */
  needsToken: boolean;
  /**
   * A verified request. Its body is not trusted to be anything.
   *
   * @param deliveryId names a message that has no id of its own; a repetition has another one.
   */
  parse(request: IncomingRequest, deliveryId?: string): Parsed;
  /** What the sender of an accepted request wants to hear. Default: JSON where it is that, else plain text. */
  accepted: { status: number; body: string; contentType?: string };
  /**
   * The body instead, where the sender wants to hear what we call what it sent.
   *
   * @param id of the message, or of what is kept aside.
   */
  acceptedAs?(id: string): string;
  /** Whether it tells later what became of a message, by the `externalId` of its answer. Default: it does not. */
  reportsDelivery?: boolean;
  /** The longest text of one request, in UTF-16 units, where nobody has said anything else. */
  maxLength: number;
  /** Where a message goes, as the vendor counts: what goes to the same place shares its waits. */
  place(message: Pick<ForDelivery, 'contact' | 'replyTo'>): string;
  /**
   * The requests that deliver a message, one for each part, in order; always the same ones for a message. None:
   * there is nowhere to deliver it to, because the contact has not written yet, so it is refused.
   *
   * @param token what proves us to the system; in no address but where the vendor puts it, and in no detail.
   */
  requests(message: ForDelivery, token: string): Omit<OutgoingRequest, 'timeoutMs'>[];
  /** @param now Unix milliseconds. */
  judge(reply: Reply, now: number): Delivery;
  /**
   * The request that tells the system what became of a message that it handed to us. Absent: it has no place for that.
   * It is made once, nothing depends on it, and it may be made again.
   */
  report?(
    message: Pick<ForDelivery, 'id' | 'contact' | 'ourId'>,
    of: { ended: 'delivered' | 'failed'; token: string; now: number },
  ): Omit<OutgoingRequest, 'timeoutMs'>;
  /** A request as the system would send it, for `relay channels test`: the body, before it is signed. */
  sample(content: { id: string; contact: string; text: string }, now: number): string;
}
