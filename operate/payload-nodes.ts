import { isUtf8 } from 'node:buffer';
import { emailSchema } from '../shared/email.ts';
import { readJson } from '../shared/http.ts';
import type { QuarantinedWebhook } from '../shared/incoming/quarantine.ts';
import { readableBody } from './find-verifiers.ts';

/** What came, and with which headers, by lower-case names. */
export type Delivery = Pick<QuarantinedWebhook, 'headers' | 'body'>;

/** Far above what a webhook holds. Nobody maps a field that is deeper. */
const MAX_NODES = 1_000;
const MAX_DEPTH = 12;

export interface Node {
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
export function nodesOf(payload: unknown): Node[] {
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
export function choose(nodes: Node[], patterns: RegExp[], accept: (value: unknown) => boolean): Choice {
  const ranked = nodes.flatMap((node) => {
    const rank = patterns.findIndex((pattern) => pattern.test(node.name));
    return rank < 0 || !accept(node.value) ? [] : [{ node, rank }];
  });
  const rank = Math.min(...ranked.map((one) => one.rank));
  const [first, ...others] = ranked.filter((one) => one.rank === rank).map(({ node }) => node);
  const isClear = first && others.every(({ value }) => value === first.value);
  return { ...(isClear ? { chosen: first } : {}), rank, all: ranked.map(({ node }) => node) };
}

export const isText = (value: unknown) =>
  typeof value === 'string' && value.length > 0 && value.length <= 255;
export const isId = (value: unknown) => isText(value) || (Number.isSafeInteger(value) && Number(value) >= 0);
export const isEmail = (value: unknown) => emailSchema.safeParse(value).success;

export const NOT_JSON = {
  fields: {},
  notes: ['the body is no JSON object in UTF-8, and no form that says so: the relay reads nothing else'],
};

/** Undefined for what is neither an object nor a list. */
export function payloadOf(delivery: Delivery): { payload: object | undefined; isForm: boolean } {
  const { body, isForm } = readableBody(delivery);
  const payload = isUtf8(body) ? readJson(new TextDecoder().decode(body)) : undefined;
  return { payload: typeof payload === 'object' && payload !== null ? payload : undefined, isForm };
}
