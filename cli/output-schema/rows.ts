import * as z from 'zod';
import { DIRECTIONS, MESSAGE_STATUSES } from '../../shared/channels/message.ts';
import { STAGES } from '../../shared/channels/receipt.ts';
import { paymentMethodSchema } from '../../shared/payments/payment-method.ts';
import { ACCOUNT_STATUSES } from '../../shared/recharge/account.ts';
import { pricingSchema } from '../../shared/recharge/pricing.ts';
import { PHASES, REFUSALS } from '../../shared/recharge/recharge.ts';

export const time = z.iso.datetime().describe('ISO 8601, in UTC');
export const money = z.strictObject({
  amount: z.int().describe('in minor units of the currency'),
  currency: z.string(),
});
export const nextStep = z
  .strictObject({
    who: z.enum(['you', 'client', 'provider', 'nobody']).describe('"you": who runs this relay'),
    what: z.string(),
    commands: z.array(z.strictObject({ what: z.string(), command: z.string() })),
  })
  .describe('who must do what now');

const history = z.array(
  z.strictObject({
    at: time,
    event: z.string(),
    detail: z.string().optional(),
    times: z.int().optional().describe('how often in a row, where more than once'),
  }),
);

export const recharge = z.strictObject({
  key: z.string().describe("the platform's idempotency key"),
  phase: z.enum(PHASES),
  reason: z.string().optional().describe('why it is blocked, declined, or in review'),
  email: z.string(),
  credits: z.int(),
  amount: z.int().optional().describe('in minor units of the currency'),
  currency: z.string().optional(),
  prepaid: z.literal(true).optional().describe('a person said that nothing is charged'),
  payment_ref: z.string().optional(),
  paid_at: time.optional(),
  goodwill_refund: z.enum(['under_way', 'refunded']).optional(),
  refund_ref: z.string().optional(),
  refunded_at: time.optional(),
  charge_id: z.string().optional(),
  grant_mark: z.string().optional().describe("names the grant in the platform's credit history"),
  balance_before: z.number().optional(),
  new_balance: z.number().optional(),
  action_url: z.string().optional().describe('where the client must act'),
  received_at: time,
  next_attempt_at: time.optional(),
  grant_deadline: time.optional(),
  attempt: z.int(),
  version: z.int().describe('what "recharges resolve --version" wants'),
  history,
  next_step: nextStep.optional(),
});

export const message = z.strictObject({
  id: z.string(),
  status: z.enum(MESSAGE_STATUSES),
  channel: z.string(),
  direction: z.enum(DIRECTIONS),
  sender_id: z.string(),
  contact: z.string(),
  type: z.string(),
  text: z.string(),
  attachments: z.array(z.string()),
  first_name: z.string().optional(),
  last_name: z.string().optional(),
  email: z.string().optional(),
  reply_to: z.string().optional(),
  campaign_id: z.string().optional(),
  parts_delivered: z.int(),
  external_ids: z.array(z.string()),
  not_before: time.optional(),
  cuts: z.array(z.strictObject({ from_part: z.int(), max_length: z.int() })).optional(),
  waits: z.int().optional().describe('how often it was put off'),
  received_at: time,
  queued_at: time,
  queued_no: z.int(),
  version: z.int(),
  history,
  known: z
    .strictObject({ reply_to: z.string().optional(), max_length: z.int().optional() })
    .optional()
    .describe('what was learnt of delivering to the contact'),
  receipts: z
    .array(
      z.strictObject({
        part: z.int().describe('counted from 1'),
        external_id: z.string(),
        status: z.enum(STAGES).describe('how far it has come'),
        said: z.array(z.strictObject({ at: time, status: z.enum(STAGES), words: z.string() })),
      }),
    )
    .optional()
    .describe('what the chat system said of a reply after it took it'),
});

const reservation = z.strictObject({
  at: time,
  state: z.enum(['reserved', 'refused', 'released']),
  amount: z.int().optional().describe('in minor units of the currency'),
  currency: z.string().optional(),
  customer: z.string().optional(),
  payment_method: z.string().optional().describe("the provider's id of the saved card or bank account"),
  platform_id: z.string().optional(),
  balance_before: z.number().optional(),
  payment: z.string().optional().describe('names the payment endpoint'),
  platform: z.string().optional().describe('names the platform'),
  credits: z.int().optional(),
  prepaid: z.literal(true).optional(),
  word: z.enum(REFUSALS).optional().describe('why it was refused'),
  reason: z.string().optional().describe('why it was released'),
  retryable: z.boolean().optional(),
});

/** Of a client, and of what holds for them. */
export const status = z.enum(ACCOUNT_STATUSES);

export const client = z.strictObject({
  email: z.string(),
  known: z.boolean().describe('false where nobody has set this client up'),
  status: status.optional(),
  status_change: z
    .strictObject({
      at: time,
      note: z.string(),
      by: z.string().optional(),
      for_declines: z
        .literal(true)
        .optional()
        .describe('the relay has suspended the client for declines in a row: another card ends it'),
    })
    .optional()
    .describe('the last one'),
  platform_id: z.string().optional(),
  grant_email: z.string().optional(),
  customer: z.string().optional(),
  payment_method: z.optional(paymentMethodSchema).describe('a saved card or bank account; no card data'),
  pricing: z.optional(pricingSchema).describe('as in a configuration; absent where it is not known here'),
  own_pricing: z.boolean(),
  limits: z
    .strictObject({
      daily_count: z.int().optional(),
      monthly_cap: money.optional(),
      cooldown_seconds: z.int().optional(),
    })
    .describe("the client's own"),
  monthly_cap: money.optional().describe('what holds: their own, or that of all clients'),
  spent_this_month: money.optional(),
  recharges_today: z.int().describe('that the guard has let through on this UTC day'),
  daily_limit: z.int().optional().describe('what holds: their own, or that of all clients'),
  last: z
    .strictObject({
      key: z.string(),
      reserved_at: time.optional(),
      phase: z.enum(PHASES),
      reason: z.string().optional(),
      credits: z.int(),
      amount: z.int().optional().describe('in minor units of the currency'),
      currency: z.string().optional(),
    })
    .optional()
    .describe('the recharge that was reserved last'),
  recharges_by_day: z.record(z.iso.date(), z.int()),
  reserved_by_month: z.array(z.strictObject({ month: z.string(), ...money.shape })),
  reservations: z.array(reservation),
});

export const alert = z.strictObject({
  id: z.string(),
  word: z.string(),
  meaning: z.string().optional().describe('absent for a word of a later version'),
  subject: z.string().describe('what it was raised for'),
  key: z.string().optional().describe('the recharge it was last raised for'),
  email: z.string().optional().describe('the client it was last raised for'),
  detail: z.string().optional(),
  quarantine: z.string().optional().describe('the id under which "quarantine show" has it'),
  first_at: time,
  last_at: time,
  times: z.int(),
  over: z.boolean().describe('whether nothing has to be done any more'),
  runbook: z.string(),
  look: z.string().optional().describe('the command that shows it, without the name of the program'),
  link: z.string().optional().describe('the page on which the client must act'),
});

export const deadLetter = z.strictObject({
  id: z.string(),
  queue: z.enum(['recharges', 'messages']),
  sent_at: time,
  names: z.string().optional().describe('the recharge or the message; absent where it cannot be read'),
  state: z.string().optional().describe('its phase or status; absent where it is not stored'),
  plan: z.enum(['queue', 'forget', 'leave']).describe('what a replay does with it'),
  why: z.string(),
});

export const keptWebhook = z.strictObject({
  id: z.string(),
  received_at: time,
  route: z.string(),
  reason: z.string(),
});

export const keptWebhookWhole = z.strictObject({
  ...keptWebhook.shape,
  headers: z.record(z.string(), z.string()).describe('without what may prove a sender'),
  body: z.string().optional(),
  body_base64: z.string().optional().describe('where the body is no text'),
});

export const logLine = z
  .looseObject({
    time: z.string(),
    level: z.string(),
    message: z.string(),
    group: z.string().optional().describe('the log group, on AWS'),
  })
  .describe('with whatever else the line says');
