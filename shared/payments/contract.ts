import * as z from 'zod/mini';
import { isSafeUrl, readJson, saysNumber } from '../http.ts';
import { orLeftOut } from '../lenient.ts';
import type { Money } from '../money.ts';
import type {
  ChargeRequest,
  Declined,
  LookupOutcome,
  NotAttempted,
  Paid,
  Pending,
  RefundOutcome,
  RefundRequest,
  Unknown,
} from './payment-hook.ts';

/** Long enough for every provider's ids (Stripe's end at 255), short enough for the 4 KB of a row. */
const paymentRefSchema = z
  .union([
    z.string().check(z.regex(/^(?! *$)[ -~]{1,255}$/)),
    z.pipe(z.int().check(z.nonnegative()), z.transform(String)),
  ])
  .check(
    z.describe(
      'The payment at your provider: 1 to 255 printable ASCII characters, or a whole number below 2^53.',
    ),
  );
const reasonSchema = z
  .pipe(
    z.string(),
    z.transform((reason) => reason.slice(0, 100).toWellFormed()),
  )
  .check(z.describe('Why, for the reader. The relay keeps the first 100 characters.'));
/** The client is sent to this address. So one that is not a safe link, or would fill the row, is left out. */
const actionUrlSchema = orLeftOut(z.string().check(z.maxLength(512), z.refine(isSafeUrl))).check(
  z.describe('Where the client must act. Without it the provider is still processing.'),
);

export const paid = z.pipe(
  z.object({ status: z.literal('paid'), payment_ref: paymentRefSchema }),
  z.transform((answer): Paid => ({ kind: 'paid', paymentRef: answer.payment_ref })),
);
export const declined = z.pipe(
  z.object({
    status: z.literal('declined'),
    reason: reasonSchema,
    // Anything but a boolean counts as no: it must not undo the decline it came with.
    retryable: orLeftOut(z.boolean()).check(
      z.describe(
        'Whether another attempt, under a new `charge_id` a day later, may succeed. Default: false.',
      ),
    ),
  }),
  z.transform(({ reason, retryable = false }): Declined => ({ kind: 'declined', reason, retryable })),
);
export const pending = z.pipe(
  z.object({ status: z.literal('pending'), payment_ref: paymentRefSchema, action_url: actionUrlSchema }),
  z.transform(
    (answer): Pending => ({
      kind: 'pending',
      paymentRef: answer.payment_ref,
      ...(answer.action_url === undefined ? {} : { actionUrl: answer.action_url }),
    }),
  ),
);
export const refunded = z.pipe(
  z.object({
    status: z.literal('refunded'),
    // The reference is only for the reader. A refund whose reference cannot be read is still a refund.
    refund_ref: orLeftOut(paymentRefSchema).check(z.describe('The refund at your provider.')),
  }),
  z.transform((answer): { kind: 'refunded'; refundRef?: string } => ({
    kind: 'refunded',
    ...(answer.refund_ref === undefined ? {} : { refundRef: answer.refund_ref }),
  })),
);
export const refundPending = z.pipe(
  z.object({ status: z.literal('pending') }),
  z.transform((): { kind: 'pending' } => ({ kind: 'pending' })),
);
export const refused = z.pipe(
  z.object({ status: z.literal('refused'), reason: reasonSchema }),
  z.transform(({ reason }): { kind: 'refused'; reason: string } => ({ kind: 'refused', reason })),
);
/**
 * Money that was taken must not be called "not found" because the URL is wrong. Frameworks, gateways and hosts answer
 * an unknown address with an `error` of many forms. So the endpoint's own "not found" needs a form that none of them
 * has.
 */
export const notFound = z.pipe(
  z.object({ status: z.literal('not_found') }),
  z.transform((): { kind: 'not_found' } => ({ kind: 'not_found' })),
);

export type AnswerTable<Outcome> = Record<number, z.ZodMiniType<Outcome>>;

/** The contract: what each HTTP status may say. Every other status is for the caller to judge. */
export const CHARGE_ANSWERS: AnswerTable<Paid | Pending | Declined> = {
  200: paid,
  202: pending,
  402: declined,
};
export const LOOKUP_ANSWERS: AnswerTable<Exclude<LookupOutcome, Unknown>> = {
  200: z.discriminatedUnion('status', [paid, declined, pending, refunded]),
  404: notFound,
};
export const REFUND_ANSWERS: AnswerTable<Exclude<RefundOutcome, NotAttempted | Unknown>> = {
  200: refunded,
  202: refundPending,
  402: refused,
};
/** The endpoint refuses the request as such: its address, its signature or its form is wrong. */
export const REFUSED_STATUSES = [400, 401, 403, 404, 422];

const amount = z.int().check(z.positive(), z.describe("In the currency's smallest unit, by ISO 4217."));
const currency = z.string().check(z.regex(/^[A-Z]{3}$/), z.describe('ISO 4217, such as USD.'));

/** What `POST {url}/charges` carries. */
export const chargeBodySchema = z.object({
  charge_id: z.string().check(z.describe('Per `charge_id` money is taken at most once, for ever.')),
  recharge_key: z.string().check(z.describe("The platform's idempotency key, for the reader.")),
  account: z.object({
    email: z.string().check(z.describe('The client, as the platform spells it.')),
    platform_id: z
      .optional(z.string())
      .check(z.describe("The platform's id of the client, if the account has one.")),
    customer: z.optional(z.string()).check(z.describe('Your own id of the client, if the account has one.')),
  }),
  credits: z.number().check(z.positive()),
  amount,
  currency,
  description: z.string(),
});

/** What `POST {url}/refunds` carries. */
export const refundBodySchema = z.object({
  refund_id: z.string().check(z.describe('Per `refund_id` money is given back at most once, for ever.')),
  charge_id: z.string(),
  payment_ref: z.optional(z.string()).check(z.describe('As you named the payment, if you did.')),
  recharge_key: z.string(),
  amount,
  currency,
});

export function chargeBody(request: ChargeRequest): z.input<typeof chargeBodySchema> {
  const { chargeId, rechargeKey, account, credits, money, description } = request;
  return {
    charge_id: chargeId,
    recharge_key: rechargeKey,
    account: { email: account.email, platform_id: account.platformId, customer: account.customer },
    credits,
    amount: money.amount,
    currency: money.currency,
    description,
  };
}

export function refundBody(request: RefundRequest): z.input<typeof refundBodySchema> {
  const { refundId, chargeId, paymentRef, rechargeKey, money } = request;
  return {
    refund_id: refundId,
    charge_id: chargeId,
    payment_ref: paymentRef,
    recharge_key: rechargeKey,
    amount: money.amount,
    currency: money.currency,
  };
}

/** What an answer must be about. It need not say so, but where it does, it must be ours. */
export interface Subject {
  chargeId: string;
  refundId?: string;
  money?: Money;
}

/** An answer that is not as agreed. It quotes no value, because somebody else wrote the answer. */
export interface Fault {
  detail: string;
  /** The member that is missing, unusable or not ours. Absent: the body is no JSON object. */
  field?: string;
}

/** @returns undefined where the table does not know the status. */
export function readAgreed<Outcome>(
  table: AnswerTable<Outcome>,
  { status, body: text }: { status: number; body: string },
  subject: Subject,
): { outcome: Outcome } | Fault | undefined {
  const schema = table[status];
  if (schema === undefined) return undefined;
  const body = readJson(text);
  const outcome = schema.safeParse(body);
  if (!outcome.success) {
    const [issue] = outcome.error.issues;
    return faultAt(status, issue?.path[0], body);
  }
  const other = contradictionOf(subject, body);
  return other === undefined
    ? { outcome: outcome.data }
    : { detail: `status ${status} about another ${other.what}`, field: other.field };
}

const objectSchema = z.record(z.string(), z.unknown());

function faultAt(status: number, place: PropertyKey | undefined, body: unknown): Fault {
  if (status === 404) return { detail: 'status 404 without "status":"not_found"', field: 'status' };
  if (place === undefined) return { detail: `status ${status} without the agreed body` };
  const field = String(place);
  const isThere = objectSchema.safeParse(body).data?.[field] !== undefined;
  return { detail: `status ${status} ${isThere ? 'with an unusable' : 'without'} ${field}`, field };
}

const said = z.optional(z.unknown());
const saidSchema = z.object({ charge_id: said, refund_id: said, amount: said, currency: said });

/**
 * A proxy or a cache may mix up two answers. A null contradicts nothing, nor does another spelling of the same value.
 */
function contradictionOf(
  { chargeId, refundId, money }: Subject,
  body: unknown,
): { what: string; field: string } | undefined {
  const { charge_id, refund_id, amount, currency } = saidSchema.parse(body);
  if ((charge_id ?? chargeId) !== chargeId) return { what: 'charge', field: 'charge_id' };
  if (refundId !== undefined && (refund_id ?? refundId) !== refundId) {
    return { what: 'refund', field: 'refund_id' };
  }
  if (money === undefined) return undefined;
  if (!saysNumber(amount ?? money.amount, money.amount)) return { what: 'amount', field: 'amount' };
  const isOurs =
    String(currency ?? money.currency)
      .trim()
      .toUpperCase() === money.currency;
  return isOurs ? undefined : { what: 'currency', field: 'currency' };
}
