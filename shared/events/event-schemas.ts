import * as z from 'zod';
import { PHASES } from '../recharge/recharge.ts';

/** What the relay tells the agency's own systems, by type. */
export const EVENT_MEANS = {
  'recharge.completed': 'The client has its credits.',
  'recharge.declined': 'Not paid, not granted.',
  'recharge.blocked': 'Refused before anything was charged.',
  'recharge.needs_review': 'A person must say what happened.',
  'recharge.refunded': 'Paid, and given back.',
  'payment.action_required': 'The client must confirm the payment on a page: pass the link on to it.',
  'account.suspended':
    'A client was suspended, by a person, for declines in a row or for a dispute: its recharges are blocked.',
  'account.payment_method_changed':
    'A client has saved another card or bank account; or it was renewed, or removed.',
  'account.card_expiring':
    "A client's card expires within a month, or has expired: told with the first recharge from then on.",
  'account.cap_warning': 'A client has come to 80 or 100 % of what it may be charged in a month.',
  'alert.raised': 'An alert: when it is first raised, and once on each later UTC day on which it is raised.',
} as const;
export type EventType = keyof typeof EVENT_MEANS;

const isType = (name: string): name is EventType => name in EVENT_MEANS;
export const EVENT_TYPES: readonly EventType[] = Object.keys(EVENT_MEANS).filter(isType);

const email = z.string().describe('The client, as its account is kept: trimmed, in lower case.');
const minorUnits = (what: string) =>
  z.int().nonnegative().describe(`${what}, in the smallest unit of \`currency\`.`);
const currency = z.string().describe('ISO 4217.');
const count = z.int().positive();
const version = count.describe('Grows with every change of the row: of two events the higher one is newer.');
/** ISO 8601, UTC. */
const time = z.string().meta({ format: 'date-time' });

const shownMeans = {
  payment_type: z.string().describe('`card`, `sepa_debit` …'),
  brand: z.string().optional(),
  last4: z.string().optional(),
};
const expires = z.string().describe('The last month of a card, such as `2027-03`.');

const rechargeData = z.object({
  key: z.string().describe("The recharge: the platform's `idempotency_key`."),
  version,
  phase: z.enum(PHASES).describe('A completed recharge whose money is given back is told as a refund is.'),
  reason: z
    .string()
    .optional()
    .describe('Why: a word of the payment endpoint, or one of ours. Of a review, the section of RUNBOOK.md.'),
  email,
  credits: count,
  amount: minorUnits('What the client was charged, or is to be').optional(),
  currency: currency.optional(),
  prepaid: z.boolean().optional().describe('`true`: a person said that nothing is to be charged.'),
  payment_ref: z.string().optional().describe("The payment endpoint's name for the payment."),
  charge_id: z.string().describe('Our key of the charge at the payment endpoint.'),
  grant_mark: z.string().optional().describe("Names the grant in the platform's credit history."),
  new_balance: z.number().optional().describe('Credits of the client after the grant, as the platform said.'),
  attempt: count.describe('A new one begins only after a proven decline.'),
  received_at: time,
});

/** The data of the types, by the names under which docs/relay.openapi.json describes them. */
export const DATA_SCHEMAS = {
  RechargeEventData: rechargeData,
  ActionRequiredEventData: rechargeData.extend({
    action_url: z.string().describe('The page on which the client confirms the payment.'),
    act_by: time.optional().describe('The payment is cancelled then.'),
  }),
  AccountSuspendedEventData: z.object({
    email,
    version,
    note: z
      .string()
      .optional()
      .describe('Why: what a person said, how many payments were declined in a row, or which dispute.'),
  }),
  PaymentMethodEventData: z.object({
    email,
    version,
    change: z
      .enum(['saved', 'renewed', 'removed'])
      .describe('`saved`: another one is charged from now on. `removed`: none is, until one is saved.'),
    ...shownMeans,
    expires: expires.optional(),
  }),
  CardExpiringEventData: z.object({ email, version, ...shownMeans, expires }),
  CapWarningEventData: z.object({
    email,
    version,
    level: z.enum(['near', 'reached']).describe('`near`: 80 %; `reached`: all of it.'),
    month: z.string().describe('UTC month, such as `2026-11`.'),
    spent: minorUnits('Charged in this month, or reserved to be'),
    cap: minorUnits("The client's limit for a month"),
    currency,
  }),
  AlertEventData: z.object({
    alert: z.string().describe('Names the alert: of the same word for the same thing it is the same.'),
    word: z.string().describe('The section of RUNBOOK.md, such as `charging_paused`.'),
    subject: z.string().describe('What it was raised for: a recharge, a client, a message, a route …'),
    key: z.string().optional().describe('The recharge it was last raised for.'),
    email: email.optional(),
    detail: z.string().optional(),
    first_at: time,
    last_at: time,
    times: count.describe('How often it was raised since `first_at`.'),
  }),
};

/** Which data a type has. */
export const DATA_OF = {
  'recharge.completed': 'RechargeEventData',
  'recharge.declined': 'RechargeEventData',
  'recharge.blocked': 'RechargeEventData',
  'recharge.needs_review': 'RechargeEventData',
  'recharge.refunded': 'RechargeEventData',
  'payment.action_required': 'ActionRequiredEventData',
  'account.suspended': 'AccountSuspendedEventData',
  'account.payment_method_changed': 'PaymentMethodEventData',
  'account.card_expiring': 'CardExpiringEventData',
  'account.cap_warning': 'CapWarningEventData',
  'alert.raised': 'AlertEventData',
} as const satisfies Record<EventType, keyof typeof DATA_SCHEMAS>;
