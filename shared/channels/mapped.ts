import * as z from 'zod/mini';
import { readJson } from '../http.ts';
import type { PhoneReading } from '../platform/phone.ts';
import type { Parsed } from './adapter.ts';
import { type Kind, kindOf, tagged, told } from './adapters/beside.ts';
import { readId, readLinks, readPerson, readText } from './adapters/reading.ts';
import { type Content, isOwnId } from './message.ts';
import type { Condition } from './pointer-settings.ts';
import { type Lists, MAX_MESSAGES, type Spot, spotsOf } from './spots.ts';

/** Where the fields of messages stand in somebody's JSON: pointers, of which the first that leads to a value counts. */
export interface Mapping {
  id?: string[];
  contact?: string[];
  text?: string[];
  attachments?: string[];
  firstName?: string[];
  lastName?: string[];
  email?: string[];
  replyTo?: string[];
  thread?: string[];
  echoId?: string[];
  kind?: string[];
  beside?: Partial<Record<Kind, string[]>>;
  reaction?: Condition;
  /** Where the contact is a phone number. */
  readPhone?: (text: string) => PhoneReading;
  only?: Condition[];
  ignore: Condition[];
  lists: Lists;
}

interface Names {
  /** What the mapping is called in the settings. */
  section: 'incoming' | 'outgoing';
  /** The id where the payload has none: drawn for each delivery. */
  deliveryId?: string;
}

type Read = { kind: 'message'; content: Content } | Exclude<Parsed, { kind: 'messages' | 'reply' }>;

/**
 * The messages of a payload, by the configured fields. Ids that begin like ours are our own messages coming back.
 *
 * A delivery may hold several messages, in the lists that the id's pointer goes through: `/messages/0/id` stands for
 * each of them. Or the delivery itself is a list of documents that the pointers are for. A message that cannot be read
 * does not hold up the others: it becomes the `rest`.
 */
export function readMapped(payload: object, mapping: Mapping, names: Names): Parsed {
  const leading = mapping.id ?? mapping.contact ?? [];
  const isList = Array.isArray(payload) && !leading.some((pointer) => /^\/\d/.test(pointer));
  const documents: object[] = isList ? payload.slice(0, MAX_MESSAGES + 1).map(Object) : [payload];
  const found = documents.map((document) => spotsOf(document, leading, mapping.lists));
  const all = found.flatMap((of) => of ?? []);
  if (all.length > MAX_MESSAGES || found.includes(undefined)) {
    return { kind: 'fault', fault: `there are more than ${MAX_MESSAGES} messages in one delivery` };
  }
  // A list may hold something else beside messages.
  const some = all.filter((spot) => holdsAny(spot, mapping));
  const spots = some.length === 0 ? all : some;
  const reads = spots.map((spot, index) =>
    readSpot(spot, mapping, {
      ...names,
      ...(names.deliveryId && index > 0 ? { deliveryId: `${names.deliveryId}-${index + 1}` } : {}),
    }),
  );
  const messages = reads.flatMap((read) => (read.kind === 'message' ? [read.content] : []));
  const faults = reads.flatMap((read, index) =>
    read.kind === 'fault' ? [spots.length === 1 ? read.fault : `message ${index + 1}: ${read.fault}`] : [],
  );
  const [fault] = faults;
  if (messages.length > 0) return { kind: 'messages', messages, ...(fault && { rest: fault }) };
  if (fault !== undefined) return { kind: 'fault', fault };
  return (
    reads.find((read) => read.kind === 'ignored') ?? { kind: 'ignored', why: 'there is no message in it' }
  );
}

const holdsAny = (spot: Spot, { id, text, attachments }: Mapping) => [id, text, attachments].some(spot.has);

const fault = (sentence: string): Read => ({ kind: 'fault', fault: sentence });
const ignored = (why: string): Read => ({ kind: 'ignored', why });
const NO_ID = 'is not 1 to 255 printable characters';

function readSpot(spot: Spot, mapping: Mapping, { section, deliveryId }: Names): Read {
  if (!(mapping.only ?? []).every(spot.fulfils)) return ignored(`it is not what ${section}.only asks for`);
  if (mapping.ignore.some(spot.fulfils)) return ignored(`it has a mark of ${section}.ignore`);
  for (const field of ['contact', 'text'] as const) {
    if (mapping[field] === undefined) return fault(`${section}.${field} is not configured yet`);
  }
  const vague = vagueField(spot, mapping);
  if (vague !== undefined) return fault(`${vague} in a list of its own: whose it is cannot be told`);
  const first = (pointers?: string[]) => spot.values(pointers)[0];
  const id = first(mapping.id) === undefined ? deliveryId : readId(first(mapping.id));
  if (id === undefined) return fault(`the id ${places(mapping.id)} ${NO_ID}`);
  if (isOwnId(id) || isOwnId(readId(first(mapping.echoId)) ?? '')) {
    return ignored('it is our own message coming back');
  }
  const people = new Set(spot.values(mapping.contact));
  if (people.size > 1 && spot.values(mapping.text).length > 1) {
    return fault(`there are texts of several contacts ${places(mapping.contact)} under one id`);
  }
  const from = readId(first(mapping.contact));
  if (from === undefined) return fault(`the contact ${places(mapping.contact)} ${NO_ID}`);
  const contact = mapping.readPhone?.(from) ?? { phone: from };
  if ('fault' in contact) {
    return fault(`the contact ${places(mapping.contact)} is not usable: ${contact.fault}`);
  }
  const isReaction = mapping.reaction !== undefined && spot.fulfils(mapping.reaction);
  if (isReaction && spot.values(mapping.text).every((text) => text === '')) {
    return ignored('a reaction taken back');
  }
  const read = contentOf(spot, mapping);
  if ('fault' in read) return fault(read.fault);
  const replyTo = placeOf(readId(first(mapping.replyTo)), readId(first(mapping.thread)));
  const certain = (pointers?: string[]) => (spot.isVague(pointers) ? undefined : first(pointers));
  const content: Content = {
    id,
    contact: contact.phone,
    type: isReaction ? 'reaction' : 'text',
    ...read,
    ...readPerson({
      firstName: certain(mapping.firstName),
      lastName: certain(mapping.lastName),
      email: certain(mapping.email),
    }),
    ...(replyTo === undefined ? {} : { replyTo }),
  };
  return { kind: 'message', content };
}

/** Names and email are left out instead: a person without them is still a person. */
function vagueField(spot: Spot, mapping: Mapping): string | undefined {
  const fields = ['contact', 'text', 'attachments', 'replyTo', 'thread'] as const;
  const field = fields.find((name) => spot.isVague(mapping[name]));
  if (field !== undefined) return `the ${field} ${places(mapping[field])} stands`;
  const beside = Object.entries(mapping.beside ?? {}).find(([, pointers]) => spot.isVague(pointers));
  return beside && `${beside[0]} ${places(beside[1])} stands`;
}

/** Text, files, and what stands beside them; a message of which all that is known is its kind is `[that kind]`. */
function contentOf(spot: Spot, mapping: Mapping): Pick<Content, 'text' | 'attachments'> | { fault: string } {
  const texts = spot.values(mapping.text).map(readText);
  if (texts.includes(undefined)) return { fault: `the text ${places(mapping.text)} is not text` };
  // Of several pointers each may lead to a file: Twilio numbers them, MediaUrl0, MediaUrl1.
  const found = (mapping.attachments ?? []).flatMap((pointer) => spot.values([pointer])).map(readLinks);
  if (found.includes(undefined)) {
    return {
      fault: `the attachments ${places(mapping.attachments)} are not web addresses, one or a list of them`,
    };
  }
  const attachments = [...new Set(found.flatMap((links) => links ?? []))];
  const beside = Object.entries(mapping.beside ?? {}).flatMap(([name, pointers]) => {
    const kind = kindOf(name);
    return kind === undefined ? [] : spot.values(pointers).flatMap((value) => told(kind, value));
  });
  const said = texts.filter((line) => line !== undefined && line.trim() !== '');
  const [only = ''] = texts;
  const isPlain = texts.length < 2 && beside.length === 0;
  const text = isPlain ? only : [...said, ...beside].join('\n');
  if (text.trim() !== '' || attachments.length > 0) return { text, attachments };
  const word = readId(spot.values(mapping.kind)[0]);
  if (word !== undefined) return { text: tagged(kindOf(word) ?? word), attachments };
  return { fault: `the text ${places(mapping.text)} is blank, and there is no attachment` };
}

/** Of many pointers the first ones tell which field it is. */
const places = (pointers: readonly string[] = []) =>
  `(${pointers.slice(0, 2).join(', ')}${pointers.length > 2 ? ' and more' : ''})`;

/** A place and one within it, as the one text that is kept of a contact; `partsOfPlace` parts them again. */
const placeOf = (replyTo: string | undefined, thread: string | undefined): string | undefined =>
  thread === undefined ? replyTo : JSON.stringify([replyTo ?? null, thread]);

const partsSchema = z.tuple([z.nullable(z.string()), z.string()]);

/** The way back. */
export function partsOfPlace(place: string | undefined): { replyTo?: string; thread?: string } {
  const parts = partsSchema.safeParse(readJson(place ?? '')).data;
  if (parts === undefined) return place === undefined ? {} : { replyTo: place };
  const [replyTo, thread] = parts;
  return { ...(replyTo === null ? {} : { replyTo }), thread };
}
