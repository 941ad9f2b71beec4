import { isUtf8 } from 'node:buffer';
import type * as z from 'zod';
import { kindOf } from '../shared/channels/adapters/beside.ts';
import { followed, pointed, pointerSchema } from '../shared/channels/pointer.ts';
import { emailSchema } from '../shared/email.ts';
import { readJson } from '../shared/http.ts';
import type { QuarantinedWebhook } from '../shared/incoming/quarantine.ts';
import { signedIdHeaders, type Verifier } from '../shared/incoming/verifiers.ts';
import { toE164 } from '../shared/platform/phone.ts';
import type { rechargeSchema } from '../shared/recharge/settings.ts';
import { keySchema } from '../shared/recharge/webhook.ts';
import { readableBody } from './find-verifiers.ts';

/** Far above what a webhook holds. Nobody maps a field that is deeper. */
const MAX_NODES = 1_000;
const MAX_DEPTH = 12;

interface Node {
  path: string[];
  /** The path in small letters and digits, dots between: `data.subaccount.email`. */
  name: string;
  value: unknown;
}

/** A part of the configuration, and what a person must know before it is pasted. */
export interface Proposal<Fields> {
  fields: Fields;
  notes: string[];
}

/** Every value of the payload, the shallow ones first. */
function nodesOf(payload: unknown): Node[] {
  const nodes: Node[] = [{ path: [], name: '', value: payload }];
  for (const { path, value } of nodes) {
    if (typeof value !== 'object' || value === null || path.length >= MAX_DEPTH) continue;
    for (const [member, inner] of Object.entries(value)) {
      if (nodes.length >= MAX_NODES) return nodes;
      const names = [...path, member];
      const name = names.map((part) => part.toLowerCase().replaceAll(/[^a-z0-9]/g, '')).join('.');
      nodes.push({ path: names, name, value: inner });
    }
  }
  return nodes;
}

interface Choice {
  /** The best one, if one is better than all others. */
  chosen?: Node;
  /** Which of the patterns it fulfils. */
  rank: number;
  /** All that came into question. */
  all: Node[];
}

/**
 * @param patterns for names, the surest first.
 * @returns none chosen if several of the best rank differ. Then a person must say which.
 */
function choose(nodes: Node[], patterns: RegExp[], accept: (value: unknown) => boolean): Choice {
  const ranked = nodes.flatMap((node) => {
    const rank = patterns.findIndex((pattern) => pattern.test(node.name));
    return rank < 0 || !accept(node.value) ? [] : [{ node, rank }];
  });
  const rank = Math.min(...ranked.map((one) => one.rank));
  const [first, ...others] = ranked.filter((one) => one.rank === rank).map(({ node }) => node);
  const isClear = first && others.every(({ value }) => value === first.value);
  return { ...(isClear ? { chosen: first } : {}), rank, all: ranked.map(({ node }) => node) };
}

const isText = (value: unknown) => typeof value === 'string' && value.length > 0 && value.length <= 255;
const isId = (value: unknown) => isText(value) || (Number.isSafeInteger(value) && Number(value) >= 0);
const isEmail = (value: unknown) => emailSchema.safeParse(value).success;
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) > 0;
const isCountText = (value: unknown) =>
  typeof value === 'string' && /^[1-9]\d*$/.test(value) && isCount(Number(value));
/** A whole number is a key by its digits, however many. */
const isKey = (value: unknown) => isText(value) || (Number.isInteger(value) && Number(value) >= 0);
const isPlatformId = (value: unknown) =>
  isKey(value) && (typeof value === 'number' || /^[\x21-\x7e]{1,128}$/.test(String(value)));

/** As `fieldPath` of the settings takes them. A name with a dot or a blank in it cannot be written. */
const isSayable = ({ path }: Node) =>
  path.length > 0 && path.every((part) => /^[^.\s]+$/.test(part) && part !== '__proto__');
const fieldOf = ({ path }: Node) => path.join('.');
const listOf = (nodes: Node[]) => nodes.map(fieldOf).join(', ');

const KEY_NAMES = [
  /idempotencykey$/,
  /(event|delivery|webhook|recharge|transaction|request|reference)(id|\.id)$/,
  /^(data\.)?id$/,
];
const EMAIL_NAMES = [/(subaccount|client|customer|location)[.a-z0-9]*email/, /^([a-z]+\.)?email$/, /email/];
const PLATFORM_ID_NAMES = [
  /(subaccount|location)(id|uid|\.id|\.uid)$/,
  /(account|client|customer)(id|uid|\.id|\.uid)$/,
  /(user|tenant)(id|\.id)$|(^|\.)uid$/,
];
const CREDIT_NAMES = /credit|amount|quantity|qty|topup|units?$/;
/** What the client has, not what the webhook asks for. */
const STATE_NAMES =
  /balance|remaining|threshold|used|limit|left|current|monthly|total|min|max|before|after|rollover/;
const MONEY_NAMES = /price|cost|cents|currency|fee|usd|eur|gbp|money|charge|paid|payment/;

type RechargeFields = Pick<
  z.input<typeof rechargeSchema>,
  | 'keyFields'
  | 'keyHeader'
  | 'keyHeaderTrusted'
  | 'emailFields'
  | 'platformIdFields'
  | 'creditsField'
  | 'creditsAsText'
>;

/** What came, and with which headers, by lower-case names. */
type Delivery = Pick<QuarantinedWebhook, 'headers' | 'body'>;

/**
 * Where a captured auto-recharge webhook seems to hold what. What is not clear is left out, and said.
 *
 * @param verifier the one that let it in. A sender who repeats the delivery cannot change what its signature
 *   covers.
 */
export function proposeRecharge(delivery: Delivery, verifier?: Verifier): Proposal<RechargeFields> {
  const { payload: parsed, isForm } = payloadOf(delivery);
  // A list of one recharge is read as that one.
  const payload: unknown = Array.isArray(parsed) && parsed.length === 1 ? parsed[0] : parsed;
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return NOT_JSON;
  const nodes = nodesOf(payload).filter(isSayable);
  const key = keyPart(nodes, delivery.headers, verifier);
  const [client, credits] = [clientPart(nodes), creditsPart(nodes, isForm)];
  return {
    fields: { ...key.fields, ...client.fields, ...credits.fields },
    notes: [...key.notes, ...client.notes, ...credits.notes],
  };
}

/** In these a sender names a delivery, the surest first. A request's id differs at each repetition. */
const KEY_HEADERS = [/idempotency-?key$/, /(^|-)(event|delivery|webhook|message)(-?id)?$/, /^svix-id$/];

const SAME_WHEN_REPEATED =
  'must stay the same when a webhook is sent again, and be another one for every recharge: capture a repetition, and compare';

function keyPart(
  nodes: Node[],
  headers: Record<string, string>,
  verifier: Verifier | undefined,
): Proposal<RechargeFields> {
  const { chosen, rank, all } = choose(nodes, KEY_NAMES, isKey);
  const header = keyHeaderIn(headers, verifier, chosen ? 1 : KEY_HEADERS.length);
  if (header !== undefined && !(chosen && rank === 0)) return keyInHeader(header, verifier);
  if (!chosen) {
    const seen = all.length === 0 ? 'no field looks like one' : `one of ${listOf(all)}?`;
    return { fields: {}, notes: [`keyFields: ${seen}`] };
  }
  const doubt = rank === 0 ? [] : [`keyFields: ${fieldOf(chosen)} ${SAME_WHEN_REPEATED}`];
  return { fields: { keyFields: [fieldOf(chosen)] }, notes: doubt };
}

/** @param ranks how many of the patterns are sure enough. */
function keyHeaderIn(
  headers: Record<string, string>,
  verifier: Verifier | undefined,
  ranks: number,
): string | undefined {
  const names = Object.keys(headers).filter((name) => keySchema.safeParse(headers[name]).success);
  const signed = verifier ? signedIdHeaders(verifier).filter((name) => names.includes(name)) : [];
  const named = KEY_HEADERS.slice(0, ranks).flatMap((pattern) => names.filter((name) => pattern.test(name)));
  return named.find((name) => signed.includes(name)) ?? named[0] ?? (ranks > 1 ? signed[0] : undefined);
}

function keyInHeader(header: string, verifier: Verifier | undefined): Proposal<RechargeFields> {
  const isSigned = verifier !== undefined && signedIdHeaders(verifier).includes(header);
  const same = `keyHeader: ${header} ${SAME_WHEN_REPEATED}`;
  if (isSigned) return { fields: { keyHeader: header }, notes: [same] };
  return {
    fields: { keyHeader: header, keyHeaderTrusted: true },
    notes: [
      same,
      `keyHeaderTrusted: no signature covers ${header}. Whoever repeats a delivery under another key has the client ` +
        'charged twice: leave it in only if you know that nobody can',
    ],
  };
}

function clientPart(nodes: Node[]): Proposal<RechargeFields> {
  const email = choose(nodes, EMAIL_NAMES, isEmail);
  const id = choose(nodes, PLATFORM_ID_NAMES, isPlatformId);
  const notes: string[] = [];
  if (email.chosen === undefined) {
    notes.push(
      email.all.length === 0
        ? 'emailFields: no field holds an email address'
        : `emailFields: several addresses, and only you know which is the client's: ${listOf(email.all)}`,
    );
  } else {
    const { value } = email.chosen;
    const others = email.all.filter((node) => node.value !== value);
    if (others.length > 0)
      notes.push(
        `emailFields: make sure that the client's is ${fieldOf(email.chosen)}, not ${listOf(others)}`,
      );
  }
  if (id.chosen === undefined && id.all.length > 0) notes.push(`platformIdFields: one of ${listOf(id.all)}?`);
  if (id.chosen && email.all.length === 0)
    notes.push('link the id to its client: npm run relay -- accounts set EMAIL --platform-id ID');
  return {
    fields: {
      ...(email.chosen ? { emailFields: [fieldOf(email.chosen)] } : {}),
      ...(id.chosen ? { platformIdFields: [fieldOf(id.chosen)] } : {}),
    },
    notes,
  };
}

function creditsPart(nodes: Node[], isForm: boolean): Proposal<RechargeFields> {
  const lastNames = ({ name }: Node) => name.split('.').slice(-2).join('.');
  const named = nodes.filter(
    (node) => CREDIT_NAMES.test(lastNames(node)) && !STATE_NAMES.test(lastNames(node)),
  );
  const counts = named.filter(({ value }) => isCount(value) || isCountText(value));
  const sure = counts.filter((node) => /credit/.test(lastNames(node)) && !MONEY_NAMES.test(lastNames(node)));
  const [first, ...others] = sure;
  if (first && others.length === 0) {
    const beside = counts.filter((node) => node !== first).map((node) => `${fieldOf(node)} (${node.value})`);
    const notes = [
      `creditsField: make sure that ${fieldOf(first)} counts the credits to grant: not money, and not what is left` +
        (beside.length === 0 ? '' : `. Beside it: ${beside.join(', ')}`),
    ];
    const asText = isForm || isCount(first.value) ? {} : { creditsAsText: true };
    return { fields: { creditsField: fieldOf(first), ...asText }, notes };
  }
  const seen = counts.map((node) => `${fieldOf(node)} (${node.value})`).join(', ');
  const notes = [
    counts.length === 0
      ? 'creditsField: no field holds whole credits; where every recharge is the same, set recharge.credits'
      : `creditsField: only you know which it is, if any: ${seen}. An amount may as well be money`,
    ...named
      .filter(({ value }) => typeof value === 'string' && /^\d/.test(value) && !isCountText(value))
      .map((node) => `creditsField: ${fieldOf(node)} is text, and not exactly a whole number`),
  ];
  return { fields: {}, notes };
}

interface ChannelFields {
  /** Of what holds no message, such as a receipt. */
  ignore?: { at: string; exists: true }[];
  /** What stands beside the text, by its kind. */
  beside?: Record<string, string>;
  thread?: string;
  id?: string;
  contact?: string;
  text?: string;
  attachments?: string;
  firstName?: string;
  lastName?: string;
  email?: string;
}

const isUrl = (value: unknown) => typeof value === 'string' && /^https?:\/\//.test(value);
const isUrls = (value: unknown) =>
  isUrl(value) || (Array.isArray(value) && value.length > 0 && value.every(isUrl));

const MESSAGE_FIELDS: Record<'id' | 'text' | 'attachments', [RegExp[], (value: unknown) => boolean]> = {
  id: [
    [/(message|msg)s?(sid|id|uuid|\.sid|\.id|\.uuid)$/, /(^|\.)(sid|eventid|deliveryid)$/, /^([a-z]+\.)?id$/],
    isId,
  ],
  text: [
    [/(^|\.)(text|body|messagebody|messagetext)$/, /(^|\.)(message|content)$/],
    (value) => typeof value === 'string' && value !== '',
  ],
  attachments: [[/(^|\.)(attachments?|media|mediaurls?|files?|images?)(\.url)?$/], isUrls],
};
const PERSON_FIELDS: Record<'firstName' | 'lastName' | 'email', [RegExp[], (value: unknown) => boolean]> = {
  firstName: [[/(firstname|givenname)$/], isText],
  lastName: [[/(lastname|familyname|surname)$/], isText],
  email: [[/email$/], isEmail],
};
const CONTACT_NAMES = {
  incoming: [
    /(contact|customer|visitor|sender)(id|\.id|\.identifier)$/,
    /(^|\.)from(id|\.id|number)?$/,
    /phone(number)?$/,
  ],
  outgoing: [
    /(contact|customer|visitor|recipient)(id|\.id|\.identifier)$/,
    /(^|\.)to(id|\.id|number)?$/,
    /phone(number)?$/,
  ],
};

const THREAD: [RegExp[], (value: unknown) => boolean] = [
  [/(thread|topic)(id|ts|\.id)$/, /(^|\.)rootid$/],
  isId,
];

/** What systems call a notice that tells of a message and is none. */
const RECEIPT = /(^|\.)(status(es)?|receipts?|deliver(y|ies)|reads?|acks?|typing)$/;

/**
 * Where a captured message seems to hold what, as JSON pointers. In a list the first element is looked at, because
 * a 0 in a pointer stands for each.
 *
 * @param direction the form is configured for these two only; `send` has a form of ours.
 */
export function proposeChannel(
  delivery: Delivery,
  direction: 'incoming' | 'outgoing',
): Proposal<ChannelFields> {
  const { payload: sent } = payloadOf(delivery);
  const [payload] = Array.isArray(sent) ? sent : [sent];
  if (typeof payload !== 'object' || payload === null) return NOT_JSON;
  const nodes = firstsOf(payload);
  const wanted = {
    ...MESSAGE_FIELDS,
    contact: [CONTACT_NAMES[direction], isId] as const,
    ...(direction === 'incoming' ? { ...PERSON_FIELDS, thread: THREAD } : {}),
  };
  const notes: string[] = [];
  const found: Record<string, string> = {};
  for (const [field, [patterns, accept]] of Object.entries(wanted)) {
    const { chosen, all } = choose(nodes, [...patterns], accept);
    if (chosen) found[field] = pointerOf(chosen);
    else if (all.length > 0) notes.push(`${field}: one of ${all.map(pointerOf).join(', ')}?`);
    else if (field === 'contact' || field === 'text') notes.push(`${field}: no field looks like it`);
  }
  const { contact } = found;
  if (contact !== undefined) {
    notes.push(
      `contact: make sure that ${contact} is the person outside, whose side a name like "from" or "to" does not say`,
    );
    const number = pointed(payload, contact);
    if (
      direction === 'incoming' &&
      /^[1-9]\d{6,14}$/.test(String(number)) &&
      'phone' in toE164(`+${number}`)
    ) {
      notes.push(
        `phone: where ${contact} is a phone number with its country code, {"written": "international"}`,
      );
    }
  }
  if (found.thread !== undefined)
    notes.push('thread: a delivery needs {{thread}} in its body to be answered there');
  const beside = direction === 'incoming' ? besideIn(nodes, Object.values(found)) : {};
  const receipt = nodes.find(
    ({ name, value }) => RECEIPT.test(name) && typeof value === 'object' && value !== null,
  );
  if (receipt && found.text === undefined) {
    notes.push(`ignore: where ${pointerOf(receipt)} is there, it seems to be no message`);
  }
  const fields = {
    ...found,
    ...(Object.keys(beside).length > 0 ? { beside } : {}),
    ...(receipt && found.text === undefined
      ? { ignore: [{ at: pointerOf(receipt), exists: true as const }] }
      : {}),
  };
  return { fields, notes };
}

/** The values of a message, its lists' first elements for each of them, under names without the numbers. */
function firstsOf(payload: object): Node[] {
  const isFirst = ({ path }: Node) =>
    path.every((part, index) => part === '0' || !Array.isArray(followed(payload, path.slice(0, index))));
  return nodesOf(payload)
    .filter((node) => pointerSchema.safeParse(pointerOf(node)).success && isFirst(node))
    .map((node) => ({ ...node, name: node.name.replaceAll(/\.0(?=\.)/g, '') }));
}

/** What of a message is neither text nor file, and has a word. */
function besideIn(nodes: Node[], taken: string[]): Record<string, string> {
  const told = nodes.flatMap(({ path, value }): [string, string][] => {
    const kind = kindOf(path.at(-1) ?? '');
    const pointer = pointerOf({ path });
    const isOther = typeof value === 'object' && value !== null && !isUrls(value);
    return kind && isOther && !taken.some((other) => other.startsWith(`${pointer}/`))
      ? [[kind, pointer]]
      : [];
  });
  // Of two with the same word, the shallow one counts.
  return Object.fromEntries(told.toReversed());
}

const pointerOf = ({ path }: Pick<Node, 'path'>) =>
  path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

const NOT_JSON = {
  fields: {},
  notes: ['the body is no JSON object in UTF-8, and no form that says so: the relay reads nothing else'],
};

function payloadOf(delivery: Delivery): { payload: object | undefined; isForm: boolean } {
  const { body, isForm } = readableBody(delivery);
  const payload = isUtf8(body) ? readJson(new TextDecoder().decode(body)) : undefined;
  return { payload: typeof payload === 'object' && payload !== null ? payload : undefined, isForm };
}
