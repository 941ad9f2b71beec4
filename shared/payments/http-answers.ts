import * as z from 'zod';
import { isSafeUrl, type Reply, readJson, retryAfterMs, saysNumber } from '../http.ts';
import type { Money } from '../money.ts';
import type {
  ChargeOutcome,
  Declined,
  LookupOutcome,
  NotAttempted,
  Paid,
  Pending,
  RefundOutcome,
  Unknown,
} from './payment-hook.ts';

/** Long enough for every provider's ids (Stripe's end at 255), short enough for the 4 KB of a row. */
const paymentRefSchema = z.union([
  z.string().regex(/^(?! *$)[ -~]{1,255}$/),
  z.int().nonnegative().transform(String),
]);
const reasonSchema = z.string().transform((reason) => reason.slice(0, 100));
/** The client is sent there, so what is no safe link, or would fill the row, is left out. */
const actionUrlSchema = z
  .string()
  .max(512)
  .refine(isSafeUrl)
  .optional()
  .catch(() => undefined);

const paid = z
  .object({ status: z.literal('paid'), payment_ref: paymentRefSchema })
  .transform((answer): Paid => ({ kind: 'paid', paymentRef: answer.payment_ref }));
const declined = z
  .object({
    status: z.literal('declined'),
    reason: reasonSchema,
    // What is no yes must not undo the decline it came with.
    retryable: z.boolean().default(false).catch(false),
  })
  .transform(({ reason, retryable }): Declined => ({ kind: 'declined', reason, retryable }));
const pending = z
  .object({ status: z.literal('pending'), payment_ref: paymentRefSchema, action_url: actionUrlSchema })
  .transform(
    (answer): Pending => ({
      kind: 'pending',
      paymentRef: answer.payment_ref,
      ...(answer.action_url === undefined ? {} : { actionUrl: answer.action_url }),
    }),
  );
const refunded = z
  // The reference is for the reader; a refund without a readable one is a refund all the same.
  .object({ status: z.literal('refunded'), refund_ref: paymentRefSchema.optional().catch(() => undefined) })
  .transform((answer): { kind: 'refunded'; refundRef?: string } => ({
    kind: 'refunded',
    ...(answer.refund_ref === undefined ? {} : { refundRef: answer.refund_ref }),
  }));
const refundPending = z
  .object({ status: z.literal('pending') })
  .transform((): { kind: 'pending' } => ({ kind: 'pending' }));
const refused = z
  .object({ status: z.literal('refused'), reason: reasonSchema })
  .transform(({ reason }): { kind: 'refused'; reason: string } => ({ kind: 'refused', reason }));
/**
 * Money that was taken must not be called "not found" because the URL is wrong. Frameworks, gateways and hosts answer
 * an unknown address with an `error` of every form: the endpoint's own word needs a form that none of them has.
 */
const notFound = z
  .object({ status: z.literal('not_found') })
  .transform((): { kind: 'not_found' } => ({ kind: 'not_found' }));

type AnswerTable<Outcome> = Record<number, z.ZodType<Outcome>>;

/**
 * The contract: what each HTTP status may say. Another body under one of these is `unknown`; every other
 * status is in `otherwise`.
 */
const CHARGE_ANSWERS: AnswerTable<Paid | Pending | Declined> = {
  200: paid,
  202: pending,
  402: declined,
};
const LOOKUP_ANSWERS: AnswerTable<Exclude<LookupOutcome, Unknown>> = {
  200: z.union([paid, declined, pending, refunded]),
  404: notFound,
};
const REFUND_ANSWERS: AnswerTable<Exclude<RefundOutcome, NotAttempted | Unknown>> = {
  200: refunded,
  202: refundPending,
  402: refused,
};
/** The endpoint refuses the request as such: its address, its signature or its form is wrong. */
const REFUSED_STATUSES = [400, 401, 403, 404, 422];
/** These pass by themselves: an overload, a restart, a gateway that waits for either. */
const passes = (status: number) => [408, 409, 425, 429].includes(status) || status >= 502;

/** What came of a request, if there was one. */
export type Answer = Reply | { kind: 'no_secret'; detail: string };

/** What an answer must be about. It need not say so, but where it does, it must be ours. */
export interface Subject {
  chargeId: string;
  refundId?: string;
  money?: Money;
}

/** @param now Unix milliseconds. */
export function readCharge(answer: Answer, subject: Subject, now: number): ChargeOutcome {
  return agreedAnswer(CHARGE_ANSWERS, answer, subject) ?? otherwise(answer, now);
}

/** Of a lookup, or of a cancel. */
export function readLookup(answer: Answer, subject: Subject): LookupOutcome {
  return agreedAnswer(LOOKUP_ANSWERS, answer, subject) ?? silence(answer);
}

/** @param now Unix milliseconds. */
export function readRefund(answer: Answer, subject: Subject, now: number): RefundOutcome {
  return agreedAnswer(REFUND_ANSWERS, answer, subject) ?? otherwise(answer, now);
}

/** Undefined where the table does not know the status; `unknown` where the body is not the agreed one. */
function agreedAnswer<Outcome>(
  table: AnswerTable<Outcome>,
  answer: Answer,
  subject: Subject,
): Outcome | Unknown | undefined {
  if (answer.kind !== 'response') return undefined;
  const { status } = answer;
  const schema = table[status];
  if (schema === undefined) return undefined;
  const unusable = (what: string): Unknown => ({
    kind: 'unknown',
    detail: `status ${status} ${what}`,
    misconfigured: true,
  });
  const body = readJson(answer.body);
  const outcome = schema.safeParse(body);
  if (!outcome.success) {
    return unusable(status === 404 ? 'without "status":"not_found"' : 'without the agreed body');
  }
  const other = contradictionOf(subject, body);
  return other === undefined ? outcome.data : unusable(`about another ${other}`);
}

const said = z.unknown().optional();
const saidSchema = z.object({ charge_id: said, refund_id: said, amount: said, currency: said });

/** A proxy or a cache may mix up two answers. Null says nothing, and another spelling nothing else. */
function contradictionOf({ chargeId, refundId, money }: Subject, body: unknown): string | undefined {
  const { charge_id, refund_id, amount, currency } = saidSchema.parse(body);
  if ((charge_id ?? chargeId) !== chargeId) return 'charge';
  if (refundId !== undefined && (refund_id ?? refundId) !== refundId) return 'refund';
  if (money === undefined) return undefined;
  const isOurs =
    saysNumber(amount ?? money.amount, money.amount) &&
    String(currency ?? money.currency)
      .trim()
      .toUpperCase() === money.currency;
  return isOurs ? undefined : 'amount or currency';
}

/** The rows that charges and refunds share. */
function otherwise(answer: Answer, now: number): NotAttempted | Unknown {
  switch (answer.kind) {
    case 'no_secret':
      return { kind: 'not_attempted', detail: answer.detail, misconfigured: true };
    case 'not_sent':
      return { kind: 'not_attempted', detail: `not sent: ${answer.detail}` };
    case 'no_answer':
      return silence(answer);
    case 'response': {
      const { status, headers } = answer;
      const detail = `status ${status}`;
      if (status === 429) {
        const wait = retryAfterMs(headers, now);
        return { kind: 'not_attempted', detail, ...(wait === undefined ? {} : { retryAfterMs: wait }) };
      }
      if (REFUSED_STATUSES.includes(status)) return { kind: 'not_attempted', detail, misconfigured: true };
      // It may be the provider behind the endpoint that failed. The lookup tells, or else says that it cannot.
      return status >= 500 ? { kind: 'unknown', detail } : silence(answer);
    }
  }
}

/** Nothing was learnt, and only the agency's developer can mend what does not pass by itself. */
function silence(answer: Answer): Unknown {
  const lasting = { misconfigured: true };
  switch (answer.kind) {
    case 'no_secret':
      return { kind: 'unknown', detail: answer.detail, ...lasting };
    case 'not_sent':
      return { kind: 'unknown', detail: `not sent: ${answer.detail}` };
    case 'no_answer':
      return { kind: 'unknown', detail: `no answer: ${answer.detail}` };
    case 'response':
      return {
        kind: 'unknown',
        detail: `status ${answer.status}`,
        ...(passes(answer.status) ? {} : lasting),
      };
  }
}
