import { emailSchema } from '../../email.ts';
import type { Parsed } from '../adapter.ts';
import type { Content } from '../message.ts';

export const NOT_JSON: Parsed = { kind: 'fault', fault: 'the body is not a JSON object in UTF-8' };

/** The body as a JSON object in strict UTF-8, whatever its content type says; undefined where it is none. */
export function readPayload(body: Buffer): object | undefined {
  const document = readDocument(body);
  return Array.isArray(document) ? undefined : document;
}

/** The same, or a list. */
export function readDocument(body: Buffer): object | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    const value: unknown = JSON.parse(text, LONG_NUMBER.test(text) ? longAsText : undefined);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whole numbers begin to be inexact at 16 digits. */
const LONG_NUMBER = /\d{16}/;

/**
 * Some systems give ids beyond 2^53. Two such ids could be the same number, so they are read as the body's digits.
 * https://tc39.es/proposal-json-parse-with-source, which TypeScript's library does not know yet.
 */
function longAsText(_name: string, value: unknown, context?: { source?: string }): unknown {
  const isInexact = typeof value === 'number' && !Number.isSafeInteger(value);
  return isInexact && /^\d+$/.test(context?.source ?? '') ? context?.source : value;
}

/**
 * An id as text of 1 to 255 printable characters: no control, format or unassigned ones. Whole numbers are
 * ids too, by their digits; one that is written otherwise and not exact is none, for two of those would be the same.
 */
export function readId(value: unknown): string | undefined {
  const text = Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === 'string' && /^[^\p{C}]{1,255}$/u.test(text) ? text : undefined;
}

/**
 * Text, blank where there is none; undefined where something else stands there. Half characters are replaced.
 */
export function readText(value: unknown): string | undefined {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value.toWellFormed() : undefined;
}

/** A list of addresses, or one, or none; undefined where something else stands there. */
export function readLinks(value: unknown): string[] | undefined {
  if (value === undefined || value === null || value === '') return [];
  const links = Array.isArray(value) ? value.map(readLink) : [readLink(value)];
  const known = links.filter((link) => link !== undefined);
  return known.length === links.length ? known : undefined;
}

/** 2,048 characters: the longest address that browsers and gateways are known to take. */
const MAX_LINK_LENGTH = 2_048;

/** An address of the web. Anything else, such as `data:` or `javascript:`, is no link for a reader. */
export function readLink(value: unknown): string | undefined {
  if (
    typeof value !== 'string' ||
    value.length > MAX_LINK_LENGTH ||
    !/^https?:\/\/[^\p{C}\s]+$/iu.test(value)
  ) {
    return undefined;
  }
  return URL.canParse(value) ? value : undefined;
}

/** Names and email as far as they can be used: a person without them is still a person. */
export function readPerson(person: {
  firstName?: unknown;
  lastName?: unknown;
  email?: unknown;
}): Pick<Content, 'firstName' | 'lastName' | 'email'> {
  const firstName = readName(person.firstName);
  const lastName = readName(person.lastName);
  const email = emailSchema.safeParse(person.email).data;
  return {
    ...(firstName === undefined ? {} : { firstName }),
    ...(lastName === undefined ? {} : { lastName }),
    ...(email === undefined ? {} : { email }),
  };
}

/** Emoji are held together by format characters, so only control characters go. */
function readName(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  return (
    value
      .replaceAll(/\p{Cc}/gu, ' ')
      .trim()
      .slice(0, 255)
      .toWellFormed() || undefined
  );
}
