import * as z from 'zod';
import { paymentMethodSchema } from '../../shared/payments/payment-method.ts';
import { time } from './rows.ts';

export const clientImport = z.strictObject({
  clients: z.array(
    z.strictObject({
      line: z.int(),
      email: z.string(),
      kind: z.enum(['new', 'changed', 'unchanged']),
      changes: z.array(
        z.strictObject({ column: z.string(), from: z.string().optional(), to: z.string().optional() }),
      ),
    }),
  ),
  faults: z
    .array(z.strictObject({ line: z.int(), column: z.string().optional(), message: z.string() }))
    .describe('with any of them nothing is written'),
});

export const clientExport = z.strictObject({
  clients: z.int(),
  csv: z.string().optional(),
  file: z.string().optional(),
});

export const invitation = z.strictObject({
  email: z.string(),
  customer: z.string().describe("the provider's id of the client"),
  customer_was: z.enum(['made', 'found', 'kept']).describe('"kept": it was named before, or is now'),
  url: z.url().describe('where the client saves a card, once'),
  expires_at: time,
});

export const linkedClient = z.strictObject({
  email: z.string(),
  payment_method: z.optional(paymentMethodSchema).describe('what is charged from now on'),
  problem: z.string().optional().describe('why the client was not linked'),
});

export const unlinked = z.strictObject({ platform_id: z.string(), email: z.string() });

export const erasure = z.strictObject({
  email: z.string(),
  platform_id: z.string().optional(),
  account: z.boolean(),
  recharges: z.int(),
  keys_with_address: z.array(z.string()),
  webhooks: z.int(),
  alerts: z.int(),
  obstacles: z
    .array(
      z.strictObject({
        key: z.string(),
        phase: z.string(),
        why: z.enum(['unfinished', 'looked_at_late', 'newer_row']),
        until: time.optional(),
      }),
    )
    .describe('with any of them nothing is erased'),
});

export const replayedDeadLetters = z.strictObject({
  queued: z.int(),
  forgotten: z.int(),
  dropped: z.int(),
  left: z.int(),
});

export const replayedWebhook = z
  .strictObject({ status: z.int(), body: z.string(), advice: z.string().optional() })
  .describe('what the relay answered');

export const replayedWebhooks = z.strictObject({
  found: z.int(),
  taken: z.int(),
  refused: z.int(),
  unanswered: z.int(),
  untried: z.int(),
});

export const replayedMessages = z.strictObject({
  found: z.int(),
  replayed: z.int(),
  refused: z.array(z.strictObject({ id: z.string(), message: z.string() })),
});

export const changedSecrets = z.strictObject({
  changed: z.array(
    z.strictObject({
      name: z.string(),
      remark: z.string().optional(),
      paste_into: z.string().optional(),
    }),
  ),
  file: z.string().optional().describe('holds what is new'),
  not_set: z.array(z.string()),
});

export const droppedSecrets = z.strictObject({
  name: z.string(),
  dropped: z.array(z.string()).describe('ids'),
});

export const relayInUse = z.strictObject({ stack: z.string().nullable(), remembered: z.string().nullable() });

export const webhookAnswer = z.strictObject({ status: z.int(), body: z.unknown() });

export const capture = z.strictObject({ route: z.string(), address: z.string(), until: time });

export const stoppedCapture = z.strictObject({ route: z.string(), stopped: z.boolean() });

export const captures = z.strictObject({
  on: z.array(z.strictObject({ route: z.string(), until: time, kept: z.int() })),
  captured: z.array(z.strictObject({ id: z.string(), route: z.string(), received_at: time })),
});
