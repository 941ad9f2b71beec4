import * as z from 'zod';
import { emailSchema } from '../email.ts';
import type { RechargeConfig } from './settings.ts';

/** What a webhook asks for. The client by email, or by the platform's id, which names an account of ours. */
export interface RechargeOrder {
  key: string;
  client: { email: string } | { platformId: string };
  credits: number;
}

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

function readClient(payload: object, config: RechargeConfig): RechargeOrder['client'] | { fault: string } {
  const email = find(payload, config.emailFields);
  if (email !== undefined) {
    const parsed = emailSchema.safeParse(email);
    return parsed.success
      ? { email: parsed.data }
      : { fault: `the client's email ${reasonOf(parsed.error)}` };
  }
  const id = platformIdSchema.safeParse(find(payload, config.platformIdFields));
  if (id.success) return { platformId: id.data };
  return {
    fault: `no client: neither an email (${config.emailFields.join(', ')}) nor an id (${config.platformIdFields.join(', ')})`,
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

/** The first path that leads to a value. Own members only: `constructor` is no field of a payload. */
function find(payload: object, paths: readonly string[]): unknown {
  for (const path of paths) {
    let value: unknown = payload;
    for (const name of path.split('.')) {
      const members = typeof value === 'object' && value !== null ? Object.entries(value) : [];
      value = members.find(([member]) => member === name)?.[1];
    }
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

const reasonOf = (error: z.ZodError) => error.issues[0]?.message ?? 'is not understood';
