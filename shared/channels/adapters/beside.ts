import { firstPointed, isThere, pointed } from '../pointer.ts';

/**
 * What a message can hold beside its text, in one word each: the same words from every chat system. docs/channels.md
 * tells which system sends which.
 */
export const KINDS = [
  'photo',
  'video',
  'video note',
  'animation',
  'audio',
  'voice',
  'document',
  'sticker',
  'file',
  'paid media',
  'location',
  'contact',
  'poll',
  'checklist',
  'dice',
  'game',
  'invoice',
  'order',
  'giveaway',
  'story',
  'forwarded',
  'quoted',
  'shared',
  'link',
  'button',
  'subject',
  'unsupported',
] as const;
export type Kind = (typeof KINDS)[number];

/** Vendors' own words for the same. */
const SAME = new Map<string, Kind>([
  ['image', 'photo'],
  ['live_photo', 'photo'],
  ['picture', 'photo'],
  ['gif', 'animation'],
  ['ptt', 'voice'],
  ['attachment', 'file'],
  ['media', 'file'],
  ['contacts', 'contact'],
  ['vcard', 'contact'],
  ['venue', 'location'],
  ['share', 'shared'],
]);

/** A vendor's word for a kind of message in ours, where we have one. */
export function kindOf(word: string): Kind | undefined {
  const plain = word.toLowerCase();
  return KINDS.find((kind) => kind === plain || kind === plain.replaceAll('_', ' ')) ?? SAME.get(plain);
}

/** `[photo] My cat`: a kind, and whatever of it is text. Blank parts are left out. */
export const tagged = (kind: string, ...parts: readonly unknown[]): string =>
  [`[${kind}]`, ...parts.map(words).filter((part) => part !== '')].join(' ');

/** A link as it is read: its words, and its address where they do not say it. */
export function linked(label: string, address: string): string {
  const said = label.trim();
  const bare = address.replace(/^[a-z]+:\/\//i, '').replace(/\/$/, '');
  return said === '' || said === address || said === bare ? address : `${label} (${address})`;
}

/**
 * What stands beside the text, each on a line of its own. The value may be of any vendor's form: it is read by the
 * names that those use, and what has none of them is told whole.
 *
 * @returns no line where nothing is there.
 */
export function told(kind: Kind, value: unknown): string[] {
  if (!isThere(value) || value === false || value === '') return [];
  if (Array.isArray(value)) return value.flatMap((each) => told(kind, each));
  return [tagged(kind, typeof value === 'object' ? saidOf(kind, value) : value === true ? '' : value)];
}

/** Of a file its name and words; its numbers, sums and sizes are none. */
function saidOf(kind: Kind, value: object | null): string {
  const read = READERS[kind];
  return read === undefined ? file(value) : read(value) || whole(value);
}

type Reader = (value: unknown) => string;

const file: Reader = (value) =>
  sentence([
    text(value, '/title', '/file_name', '/filename', '/name'),
    text(value, '/performer'),
    text(value, '/emoji'),
    text(value, '/transcribed_text'),
    text(value, '/caption'),
  ]);

const location: Reader = (value) => {
  const [latitude, longitude] = [
    number(value, '/latitude', '/lat', '/location/latitude'),
    number(value, '/longitude', '/lng', '/lon', '/location/longitude'),
  ];
  const name = [text(value, '/name', '/title', '/label'), text(value, '/address', '/formatted_address')];
  // https://developers.google.com/maps/documentation/urls/get-started#search-action
  const map =
    latitude === undefined || longitude === undefined
      ? text(value, '/url', '/data_url')
      : `https://www.google.com/maps/search/?api=1&query=${latitude}%2C${longitude}`;
  return sentence([unique(name).join(', '), map]);
};

/** A person's card: the name, then all numbers, addresses and the company, each once. */
const contact: Reader = (value) => {
  const parts = [
    text(value, '/first_name', '/firstName', '/name/first_name'),
    text(value, '/last_name', '/lastName', '/name/last_name'),
  ];
  const whole = text(value, '/name/formatted_name', '/formatted_name', '/full_name', '/name', '/fn');
  return sentence(
    unique([
      whole || sentence(parts),
      ...listed(value, '/phones', '/phone', '/number', '/wa_id'),
      text(value, '/phone_number', '/phone', '/number'),
      ...listed(value, '/emails', '/email', '/address'),
      text(value, '/email'),
      text(value, '/org/company', '/company'),
      ...cardLines(text(value, '/vcard')),
    ]),
  );
};

/** The lines of a vCard (RFC 6350) that lead to the person. */
function cardLines(vcard: string): string[] {
  return vcard.split(/\r?\n/).flatMap((line) => {
    const [name = '', ...value] = line.split(':');
    return /^(item\d+\.)?(TEL|EMAIL|URL|ORG|ADR)(;|$)/i.test(name)
      ? [value.join(':').replace(/^tel:/i, '').replaceAll(/;+/g, ' ')]
      : [];
  });
}

/** A poll and a checklist: the question, and what there is to choose from. */
const choices: Reader = (value) => {
  const question = text(value, '/question/text', '/question', '/title', '/name', '/text');
  const options = listed(firstPointed(value, ['/options', '/tasks', '/answers', '/choices']), '');
  const described = text(value, '/description');
  return sentence([
    question,
    options.length === 0 ? '' : `(${options.join(' / ')})`,
    described === question ? '' : described,
  ]);
};

/** Who wrote it first. */
const person: Reader = (value) => {
  const origin = firstPointed(value, ['/sender_user', '/sender_chat', '/chat']) ?? value;
  const name = sentence([text(origin, '/first_name', '/firstName'), text(origin, '/last_name', '/lastName')]);
  const called = name || text(origin, ...CALLED);
  const [user, post] = [text(origin, '/username'), text(value, '/message_id')];
  const address = user && post ? `https://t.me/${user}/${post}` : '';
  const said = text(value, '/text', '/body', '/content', '/caption');
  return sentence([called === '' ? '' : `from ${called}${said === '' ? '' : ':'}`, said, address]);
};

const CALLED = [
  '/title',
  '/name',
  '/sender_user_name',
  '/author_name',
  '/author',
  '/username',
  '/from/name',
  '/from',
];

/** The words of whatever it is, wherever they stand: each value with its name. */
const whole: Reader = (value) => facts(value, 0).join('; ');

/** Of what is no file. */
const READERS: Partial<Record<Kind, Reader>> = {
  location,
  contact,
  poll: choices,
  checklist: choices,
  forwarded: person,
  quoted: person,
  dice: (value) => sentence([text(value, '/emoji'), text(value, '/value')]),
  game: (value) => sentence([text(value, '/title'), text(value, '/description'), text(value, '/text')]),
  story(value) {
    const [user, id] = [text(value, '/chat/username'), text(value, '/id')];
    return user && id ? `https://t.me/${user}/s/${id}` : sentence([text(value, '/url'), person(value)]);
  },
  invoice: whole,
  order: whole,
  giveaway: whole,
  shared: whole,
  link: whole,
  button: whole,
  subject: whole,
  unsupported: whole,
};

/** Deeper is nothing that a person wrote, and would end the stack. */
const MAX_DEPTH = 20;

function facts(value: unknown, depth: number, name = ''): string[] {
  if (depth > MAX_DEPTH || !isThere(value)) return [];
  if (typeof value === 'boolean') return value ? [name] : [];
  if (typeof value !== 'object') return words(value) === '' ? [] : [sentence([name, words(value)])];
  const members = Array.isArray(value)
    ? value.map((each) => [name, each] as const)
    : Object.entries(value ?? {});
  return members.flatMap(([member, inner]) => facts(inner, depth + 1, member));
}

/** The texts of a list, each of which is one, or has one under the first of these names. */
function listed(value: unknown, list: string, ...names: readonly string[]): string[] {
  const elements = list === '' ? value : pointed(value, list);
  if (!Array.isArray(elements)) return [];
  const under = names.length > 0 ? names : ['/text/text', '/text', '/name', '/title', '/option_name'];
  return elements
    .map((each) => (typeof each === 'object' ? text(each, ...under) : words(each)))
    .filter((each) => each !== '');
}

/** The first of these that is text; blank where none is. */
export function text(value: unknown, ...pointers: readonly string[]): string {
  for (const pointer of pointers) {
    const found = words(pointed(value, pointer));
    if (found !== '') return found;
  }
  return '';
}

/** Text and numbers as text, trimmed; blank for anything else. */
export function words(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value.toWellFormed().trim() : '';
}

/** An angle, as a number or as text that is one: Twilio sends all as text. */
function number(value: unknown, ...pointers: readonly string[]): number | undefined {
  const found = text(value, ...pointers);
  const angle = found === '' ? Number.NaN : Number(found);
  return Math.abs(angle) <= 360 ? angle : undefined;
}

const sentence = (parts: readonly string[]) => parts.filter((part) => part !== '').join(' ');
const unique = (parts: readonly string[]) => [...new Set(parts.map((part) => part.trim()))].filter(Boolean);
