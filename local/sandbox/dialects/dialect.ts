import { createHash } from 'node:crypto';
import type { Delivered, Reported, Said } from '../chat-history.ts';
import type { Answer, SandboxRequest } from '../server.ts';

/** One request of the chat system to the relay. */
export interface Wire {
  headers: Record<string, string>;
  body: string;
  /** What stands behind the relay's address, such as `?to=/message`. */
  behind?: string;
  /** Another address. */
  url?: string;
}

/** How the system calls a person: as whoever writes, and where replies go. */
export interface Address {
  /** As the relay reads it: the contact's id. */
  contact: string;
  /** As a delivery names it. */
  place: string;
}

/** What a request to the system means. */
export type Asked =
  | {
      kind: 'message';
      place: string;
      text: string;
      attachments?: string[];
      /** The sender's own, where the request holds one. */
      messageId?: string;
      /** Where the status of this message is wanted. */
      statusUrl?: string;
    }
  /** What became of a message that the system has sent on: the relay says so. */
  | { kind: 'receipt'; message: string; status: string; answer: Answer }
  | { kind: 'refused'; answer: Answer };

/** The system's words for what goes wrong, whatever the system is. */
export interface Refusals {
  unauthorized: Answer;
  forbidden: Answer;
  not_found: Answer;
  invalid: Answer;
  /** A 500, or what the system answers in the place of one. */
  error: Answer;
}

/** What a request to the relay needs beside the message. */
export interface Talk {
  secret: string;
  address: Address;
  /** Unix milliseconds. A signature with a time is made at each try. */
  now: number;
}

/**
 * One chat system's way to speak, by its documentation: pure. The chat itself keeps the books, the order and the faults.
 */
export interface Dialect {
  /** As a sentence calls it: `in Telegram`, `in a chat system`. */
  name: string;
  /**
   * A channel's settings for this system: all but what every channel has.
   *
   * @param chatUrl where the sandbox's system listens.
   * @param secret of what it sends.
   */
  settings(chatUrl: string, secret: string): Record<string, unknown>;
  /** The same for a person for ever. A name that is an address of the system already stays as it is. */
  addressOf(person: string): Address;
  /** Whether somebody who never wrote can be written to. */
  reachesStrangers: boolean;
  /** Whether a second request with the same `messageId` is the same message. */
  dedupes: boolean;
  /** What it POSTs when a person writes: the same body for the same message. */
  writes(said: Said, talk: Talk): Wire;
  /** What it POSTs to tell what became of a message. Absent: it tells nobody. */
  reports?(reported: Reported, message: Delivered, talk: Talk): Wire;
  /** By method and path: where it is asked for something. */
  routes: string[];
  /** A request to one of them. @param token proves whoever asks. */
  read(request: SandboxRequest, token: string): Asked;
  /** The answer to a message that was taken. @param of.isAgain it was asked for before, and the system dedupes. */
  taken(message: Delivered, of: { place: string; isAgain: boolean }): Answer;
  refusals: Refusals;
  /** The answer that asks to wait. */
  limited(waitMs: number): Answer;
  /** More refusals, by the names of their faults. */
  own: Record<string, (place: string) => Answer>;
  /** Whether somebody who writes this wants no more messages (`stop`), or wants them again (`start`). */
  consent?(said: Said): 'stop' | 'start' | undefined;
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** So many digits of 0-9 and a-f that are always the same for a text. @param length at most 64. */
export const hexOf = (text: string, length: number): string => hashOf(text).slice(0, length);

/** A whole number of at most so many digits that is always the same for a text. */
export const numberOf = (text: string, digits: number): number =>
  Number.parseInt(hashOf(text).slice(0, 12), 16) % 10 ** digits;

/** So many digits and small letters that are always the same for a text. @param length at most 32. */
export const lettersOf = (text: string, length: number): string =>
  BigInt(`0x${hashOf(text)}`)
    .toString(36)
    .padStart(49, '0')
    .slice(-length);

/** Of the chat's own ids, which are digits; one of another make becomes a number, too. */
export const numericId = (id: string): number => (/^\d{1,16}$/.test(id) ? Number(id) : numberOf(id, 12));

/** Whole seconds, rounded up. */
export const secondsOf = (ms: number): number => Math.ceil(ms / 1_000);
