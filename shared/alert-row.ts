import * as z from 'zod/mini';
import { ALERT } from './alerts.ts';

/** One row for each word and each thing that it was raised for, however often it rang. */
export interface AlertRow {
  id: string;
  /** Of the closed list. A later version of this program may know more words than this one. */
  word: string;
  /** What it was raised for: a recharge's key, a client, a message, a route, a secret, or the relay's own switch. */
  subject: string;
  /** The recharge it was last raised for. */
  key?: string;
  /** The client it was last raised for, in full. */
  email?: string;
  /** What was said last. */
  detail?: string;
  /** Under which what was last kept aside for it can be shown. */
  quarantine?: string;
  /** Unix milliseconds; and how often it rang from then on. */
  firstAt: number;
  lastAt: number;
  times: number;
}

const itemSchema = z.object({
  pk: z.string().check(z.startsWith(ALERT)),
  word: z.string(),
  subject: z.string(),
  key: z.exactOptional(z.string()),
  email: z.exactOptional(z.string()),
  detail: z.exactOptional(z.string()),
  quarantine: z.exactOptional(z.string()),
  firstAt: z.int(),
  lastAt: z.int(),
  times: z.int(),
});

/** The row as the table holds it; undefined for what is no alert. */
export function alertOf(item: Record<string, unknown>): AlertRow | undefined {
  const { data } = itemSchema.safeParse(item);
  if (!data) return undefined;
  const { pk, ...row } = data;
  return { id: pk.slice(ALERT.length), ...row };
}
