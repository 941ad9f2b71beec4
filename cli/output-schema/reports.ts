import * as z from 'zod';
import { DIFFERENCE_WORDS } from '../../shared/books/difference.ts';
import { DIRECTIONS } from '../../shared/channels/message.ts';
import { pricingSchema } from '../../shared/recharge/pricing.ts';
import { PHASES, REFUSALS } from '../../shared/recharge/recharge.ts';
import { FAILURE_CODES } from '../failure.ts';
import { status as accountStatus, alert, keptWebhook, money, nextStep, recharge, time } from './rows.ts';

export const failure = z
  .strictObject({ error: z.strictObject({ code: z.enum(FAILURE_CODES), message: z.string() }) })
  .describe('printed in the place of a result; docs/commands.md lists the exit codes');

export const charging = z.strictObject({
  paused: z.boolean(),
  reason: z.string().optional(),
  by: z.string().optional().describe('the person who paused; absent: the relay itself'),
  since: time.optional(),
  until: time.optional().describe('absent: until a person resumes'),
});

const refused = z.strictObject({
  route: z.string(),
  status: z.int(),
  reason: z.string(),
  count: z.int(),
  last_at: time,
});

const part = <Shape extends z.ZodType>(shape: Shape) =>
  z.union([shape, z.strictObject({ unreadable: z.string().describe('why') })]);

export const status = z
  .strictObject({
    relay: z.strictObject({
      name: z.string(),
      stage: z.string(),
      region: z.string().optional(),
      account: z.string().optional(),
      version: z.string().optional(),
      webhook_url: z.string().optional(),
    }),
    at: time,
    charging: part(charging),
    waiting: part(
      z.strictObject({
        groups: z.array(
          z.strictObject({
            phase: z.enum(PHASES),
            reason: z.string().optional(),
            count: z.int(),
            oldest_at: time,
          }),
        ),
        reviews: z.int().describe('how many wait for a person'),
        oldest_review: z.strictObject({ key: z.string(), since: time }).optional(),
        more: z.boolean().describe('more wait than were looked at'),
      }),
    ),
    alerts: part(z.array(alert)),
    webhooks: part(
      z.strictObject({
        since: time,
        accepted: z.int(),
        kept_aside: z.int(),
        refused: z.array(refused),
        more: z.boolean().describe('there were more than were counted'),
      }),
    ),
    quarantined: part(z.strictObject({ count: z.int(), more: z.boolean() })),
    queues: part(
      z.array(
        z.strictObject({
          queue: z.enum(['recharges', 'messages']),
          waiting: z.int(),
          hidden: z.int().describe('being worked on, or until it is time to try again'),
          dead_letters: z.int(),
        }),
      ),
    ),
    events: part(
      z.strictObject({ unread: z.int().optional(), undelivered: z.int().optional() }).describe('not sent'),
    ),
    last_sweep: part(z.strictObject({ at: time, queued: z.int(), failed: z.boolean() }).nullable()),
    secrets: part(
      z.array(
        z.strictObject({
          name: z.string(),
          is_set: z.boolean(),
          set_at: time.optional(),
          previous: z.int().describe('how many previous values are still let in'),
        }),
      ),
    ),
  })
  .describe('of a part that cannot be read it says why');

export const why = z.strictObject({
  email: z.string(),
  at: time,
  next_step: nextStep,
  account: z.strictObject({
    known: z.boolean(),
    status: accountStatus.optional(),
    refusal: z.enum(REFUSALS).optional().describe('of a webhook that came now'),
    cools_until: time.optional(),
    limits: z.strictObject({
      daily_count: z.int().optional(),
      monthly_cap: money.optional(),
      cooldown_seconds: z.int().optional(),
    }),
    limits_are_known: z.boolean().describe("false: only the client's own are known here"),
    currency: z.string().optional(),
    today: z.int().describe('recharges of this UTC day'),
    spent: z.array(money).describe('in this UTC month'),
  }),
  charging,
  recharges: z.array(recharge),
  quarantined: z.array(keptWebhook).describe('not understood, and they name the client'),
  refused: z.array(refused).describe('in the last three days, of whichever client'),
  alerts: z.array(alert),
});

export const doctor = z.strictObject({
  ok: z.boolean().describe('whether nothing must be mended'),
  findings: z.array(
    z.strictObject({
      id: z.string(),
      state: z.enum(['ok', 'warn', 'fail', 'skipped']),
      found: z.string(),
      todo: z.string().optional(),
    }),
  ),
});

const decimal = z.string().describe('a decimal number, in major units of the currency');
export const price = z.strictObject({
  credits: z.int(),
  email: z.string().optional(),
  price_list: z.enum(['client', 'configuration']),
  pricing: pricingSchema.check(z.describe('as in a configuration')),
  amount: z.int().optional().describe('in minor units of the currency; absent where there is no price'),
  currency: z.string().optional(),
  basis: z
    .strictObject({
      kind: z.enum(['per_credit', 'tier', 'pack']),
      price: decimal.optional(),
      per_credit: decimal.optional(),
      up_to: z.int().optional(),
    })
    .optional(),
  exact: decimal.optional(),
  rounded_amount: z.int().optional().describe('in minor units'),
  minimum_amount: z.int().optional().describe('in minor units'),
  min_credits: z.int().optional(),
  max_credits: z.int().optional(),
  refused: z.enum(REFUSALS).optional(),
});

const bookTotal = z.strictObject({
  email: z.string().optional().describe('absent: of all clients'),
  currency: z.string().optional().describe('absent where nothing was charged'),
  charges: z.int(),
  charged: z.int().describe('in minor units'),
  refunds: z.int(),
  refunded: z.int().describe('in minor units'),
  net: z.int().describe('in minor units'),
  not_charged: z.int(),
  credits_granted: z.int(),
});

export const books = z.strictObject({
  month: z.string(),
  from: time,
  to: time,
  is_over: z.boolean(),
  lines: z
    .array(
      z.strictObject({
        entry: z.enum(['charge', 'refund', 'not_charged']),
        booked_at: time,
        email: z.string(),
        amount: z.int().optional().describe('in minor units of the currency; negative for a refund'),
        currency: z.string().optional(),
        credits_granted: z.int().optional(),
        recharge_key: z.string(),
        payment_ref: z.string().optional(),
        refund_ref: z.string().optional(),
        charge_id: z.string().optional(),
        refund_id: z.string().optional(),
        grant_mark: z.string().optional(),
        received_at: time,
        paid_at: time.optional(),
        granted_at: time.optional(),
        refunded_at: time.optional(),
        phase: z.enum(PHASES),
        reason: z.string().optional(),
        attention: z.enum(['paid_after_end', 'amount_unknown']).optional(),
        note: z.string().optional(),
      }),
    )
    .optional()
    .describe('absent with --totals'),
  totals: z.array(bookTotal).describe('by currency and client'),
  sums: z.array(bookTotal).describe('by currency'),
  looked_back_to: z.iso.date(),
  looked: z.int(),
  without_money: z.partialRecord(z.enum(PHASES), z.int()),
  unsettled: z.array(z.string()).describe('keys'),
  unread: z.array(z.string()).describe('keys of rows of a later version: the books are not whole'),
});

export const reconciliation = z.strictObject({
  month: z.string(),
  from: time,
  to: time,
  is_over: z.boolean(),
  looked_back_to: z.iso.date(),
  looked: z.int(),
  unsettled: z.array(z.string()).describe('keys'),
  sums: z.array(bookTotal).describe("the ledger's, by currency"),
  provider: z.strictObject({
    name: z.string(),
    payments: z.int().describe('of the ledger: paid, or given back, in the month'),
    compared: z.int(),
    listed: z.boolean().describe('whether what only the provider has is found, too'),
    not_asked: z.int().describe('left out, for more than --most would have to be asked about'),
    unanswered: z.array(z.strictObject({ key: z.string(), detail: z.string() })),
    of_other_providers: z.int(),
    other_relays: z
      .array(z.strictObject({ table: z.string(), payments: z.int() }))
      .describe('payments that the provider listed of other relays, by the name of their table'),
  }),
  platform: z.union([
    z.strictObject({
      state: z.literal('compared'),
      listed: z.int().describe('grants of the relay in the export'),
      same: z.int(),
      credits: z.int().describe('of those that are the same'),
      at_the_edge: z.array(z.string()).describe('marks that are not listed, of the first or last day'),
    }),
    z.strictObject({ state: z.enum(['left_out', 'unreadable']), why: z.string() }),
  ]),
  differences: z.array(
    z.strictObject({
      word: z.enum(DIFFERENCE_WORDS),
      meaning: z.string(),
      at: z.enum(['provider', 'platform']),
      key: z.string().optional(),
      email: z.string().optional(),
      ref: z.string().describe('what to look for there'),
      ledger: z.string(),
      there: z.string(),
      more: money.optional().describe('what the provider has kept more than the ledger says; negative: less'),
      todo: z.string(),
    }),
  ),
  is_whole: z.boolean().describe('nothing was left out that should have been compared'),
  agrees: z.boolean().describe('whole, and without a difference'),
  conclusion: z.string().describe('all of it in one line'),
});

export const secret = z.strictObject({
  name: z.string(),
  state: z.string(),
  note: z.string().optional(),
  held: z
    .array(
      z.strictObject({
        id: z.string(),
        is: z.enum(['current', 'previous']),
        set_at: time.optional(),
        replaced_at: time.optional(),
        last_used: z
          .union([time, z.enum(['never_seen', 'not_known'])])
          .optional()
          .describe('of a previous one'),
      }),
    )
    .describe('never a value'),
});

export const channel = z.strictObject({
  name: z.string(),
  adapter: z.string(),
  settings: z.record(z.string(), z.unknown()).describe('as in a configuration'),
  addresses: z.array(
    z.strictObject({
      direction: z.enum(DIRECTIONS),
      url: z.string(),
      has_verifier: z.boolean(),
      has_secret: z.boolean(),
    }),
  ),
  waits: z
    .strictObject({ until: time.nullable(), places: z.array(time) })
    .optional()
    .describe('what the chat system asked for; absent where it is not known here'),
});

export const configCheck = z.strictObject({
  file: z.string(),
  faults: z.array(
    z.strictObject({
      line: z.int().optional(),
      setting: z.string().describe('empty: the whole file'),
      message: z.string(),
    }),
  ),
  lacks: z.array(z.string()).describe('sections that npm start fills in, and a deployment does not'),
});

export const paymentsTest = z.strictObject({
  url: z.string(),
  recharge_key: z.string().describe('every charge of the test bears it'),
  currency: z.string(),
  passed: z.boolean().describe('every check was tried and passed, and all money went back'),
  checks: z.array(
    z.strictObject({
      name: z.string(),
      wants: z.string(),
      result: z.enum(['pass', 'fail', 'skipped']),
      found: z.string().optional(),
      field: z.string().optional(),
      todo: z.string().optional(),
      exchanges: z.array(
        z.strictObject({
          sent: z.string(),
          body: z.record(z.string(), z.unknown()).optional(),
          signature: z.enum(['right', 'missing', 'other_secret', 'old', 'other_body']),
          came: z.string(),
          ms: z.number(),
        }),
      ),
    }),
  ),
  payments: z.array(
    z.strictObject({
      charge_id: z.string(),
      payment_ref: z.string().optional(),
      amount: z.int().describe('in minor units of the currency'),
      state: z.enum(['refunded', 'refund_pending', 'cancelled', 'kept', 'unknown']),
      came: z.string().optional(),
    }),
  ),
});
