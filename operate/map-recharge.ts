import type * as z from 'zod';
import type { Verifier } from '../shared/incoming/verifier-settings.ts';
import { signedIdHeaders } from '../shared/incoming/verifiers.ts';
import type { rechargeSchema } from '../shared/recharge/settings.ts';
import { keySchema } from '../shared/recharge/webhook.ts';
import {
  choose,
  type Delivery,
  isEmail,
  isText,
  NOT_JSON,
  type Node,
  nodesOf,
  type Proposal,
  payloadOf,
} from './payload-nodes.ts';

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
const EMAIL_NAMES = [
  /(subaccount|client|customer|location)[.a-z0-9]*email/,
  /^([a-z]+\.)?email$/,
  /email/,
  // The address itself stands for the client.
  /(^|\.)(subaccount|account|client|customer|location|user)$/,
];
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
    notes.push('link the id to its client: npx relay accounts set EMAIL --platform-id ID');
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
