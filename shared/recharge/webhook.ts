import * as z from 'zod';
import { emailSchema, spelledEmailSchema } from '../email.ts';
import type { RechargeConfig } from './settings.ts';

/** What a webhook asks for. */
export interface RechargeOrder {
  key: string;
  client: NamedClient;
  credits: number;
}

/** The client by email, by the platform's id, which names an account of ours, or by both. */
export type NamedClient =
  | {
      email: string;
      /** As the platform spells it, where that differs. */
      grantEmail?: string;
      platformId?: string;
    }
  | { email?: undefined; grantEmail?: undefined; platformId: string };

/** Printable: no control, format or unassigned characters. DynamoDB's keys end at 2,048 bytes. */
export const keySchema = z
  .string('must be text')
  .regex(/^[^\p{C}]{1,255}$/u, 'must be 1 to 255 printable characters');
export const creditsSchema = z.int('must be a whole number').positive('must be greater than zero');
export const platformIdSchema = z
  .union([z.string().regex(/^[\x21-\x7e]{1,128}$/), z.int().nonnegative()])
  .transform(String);

/**
 * Reads a verified webhook by the configured fields. Whatever the content type says, the body is JSON.
 *
 * @returns the order, or what was not understood, fit for an answer and a log: it quotes no value.
 */
export function readOrder(
  body: Buffer,
  config: RechargeConfig,
): { order: RechargeOrder } | { fault: string } {
  const payload = parseJson(body);
  if (payload === undefined) return { fault: 'the body is not a JSON object in UTF-8' };

  const key = keySchema.safeParse(find(payload, config.keyFields));
  if (!key.success)
    return { fault: `the idempotency key (${config.keyFields.join(', ')}) ${reasonOf(key.error)}` };

  const client = readClient(payload, config);
  if ('fault' in client) return client;

  if (config.credits === undefined && config.creditsField === undefined) {
    return { fault: 'recharge.credits or recharge.creditsField is not configured yet' };
  }
  const asked = config.creditsField === undefined ? config.credits : find(payload, [config.creditsField]);
  const credits = creditsSchema.safeParse(asked);
  if (!credits.success) return { fault: `the credits (${config.creditsField}) ${reasonOf(credits.error)}` };
  return { order: { key: key.data, client, credits: credits.data } };
}

/** Of several fields that name a client all must name the same one: which of two is charged is nothing to guess. */
function readClient(
  payload: object,
  { emailFields, platformIdFields }: RechargeConfig,
): NamedClient | { fault: string } {
  // What is no id, or no address, names nobody; but where the first field holds such a thing, no other speaks for it.
  const ids = findAll(payload, platformIdFields).map((id) => platformIdSchema.safeParse(id).data);
  if (new Set(ids.filter((id) => id !== undefined)).size > 1)
    return { fault: `the ids (${platformIdFields.join(', ')}) name two clients` };
  const [platformId] = ids;

  const [first, ...others] = findAll(payload, emailFields);
  if (first === undefined) {
    if (platformId !== undefined) return { platformId };
    return {
      fault: `no client: neither an email (${emailFields.join(', ')}) nor an id (${platformIdFields.join(', ')})`,
    };
  }
  const spelled = spelledEmailSchema.safeParse(first);
  if (!spelled.success) return { fault: `the client's email ${reasonOf(spelled.error)}` };
  const email = spelled.data.toLowerCase();
  const named = others.flatMap((other) => emailSchema.safeParse(other).data ?? []);
  if (named.some((other) => other !== email))
    return { fault: `the emails (${emailFields.join(', ')}) name two clients` };
  return {
    email,
    ...(spelled.data === email ? {} : { grantEmail: spelled.data }),
    ...(platformId === undefined ? {} : { platformId }),
  };
}

/** Strict UTF-8, a leading byte order mark allowed. */
function parseJson(body: Buffer): object | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The first path that leads to a value. */
const find = (payload: object, paths: readonly string[]) => findAll(payload, paths)[0];

/** Where the paths lead, without those that lead to nothing. Own members only: `constructor` is no field of a payload. */
function findAll(payload: object, paths: readonly string[]): unknown[] {
  return paths
    .map((path) => {
      let value: unknown = payload;
      for (const name of path.split('.')) {
        const members = typeof value === 'object' && value !== null ? Object.entries(value) : [];
        value = members.find(([member]) => member === name)?.[1];
      }
      return value;
    })
    .filter((value) => value !== undefined && value !== null);
}

const reasonOf = (error: z.ZodError) => error.issues[0]?.message ?? 'is not understood';
