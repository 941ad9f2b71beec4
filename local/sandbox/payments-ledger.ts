import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { Books } from './books.ts';

const id = z.string().min(1).max(255);
/** Integer minor units and an upper-case ISO 4217 code. */
const money = { amount: z.int().positive(), currency: z.string().regex(/^[A-Z]{3}$/) };

export const chargeRequestSchema = z.object({
  charge_id: id,
  recharge_key: id,
  account: z.object({
    email: z.email(),
    platform_id: z.string().optional(),
    customer: z.string().optional(),
  }),
  credits: z.number().positive(),
  ...money,
  description: z.string(),
});
type ChargeRequest = z.infer<typeof chargeRequestSchema>;

export const refundRequestSchema = z.object({
  refund_id: id,
  charge_id: id,
  payment_ref: z.string().optional(),
  recharge_key: id,
  ...money,
});
type RefundRequest = z.infer<typeof refundRequestSchema>;

const charged = z.object({
  at: z.iso.datetime(),
  charge_id: id,
  recharge_key: id,
  email: z.string(),
  platform_id: z.string().optional(),
  customer: z.string().optional(),
  ...money,
});
const refunding = charged.extend({ refund_id: id, payment_ref: z.string() });

/** `at` is an ISO time in UTC. A charge that was pending and paid later has both events. */
export const paymentsEventSchema = z.discriminatedUnion('kind', [
  charged.extend({ kind: z.literal('capture'), payment_ref: z.string() }),
  charged.extend({ kind: z.literal('decline'), reason: z.string(), retryable: z.boolean() }),
  charged.extend({
    kind: z.literal('pending'),
    payment_ref: z.string(),
    action_url: z.string().optional(),
  }),
  charged.extend({ kind: z.literal('cancel') }),
  refunding.extend({ kind: z.literal('refund'), refund_ref: z.string() }),
  refunding.extend({ kind: z.literal('refund_pending') }),
  refunding.extend({ kind: z.literal('refund_refused'), reason: z.string() }),
]);
export type PaymentsEvent = z.infer<typeof paymentsEventSchema>;

export type ChargeState =
  | { status: 'paid'; payment_ref: string }
  | { status: 'declined'; reason: string; retryable: boolean }
  | { status: 'pending'; payment_ref: string; action_url?: string | undefined }
  | { status: 'refunded'; payment_ref: string; refund_ref: string };

type RefundState =
  | { status: 'refunded'; refund_ref: string }
  | { status: 'pending' }
  | { status: 'refused'; reason: string };

/** A request for something else, under an id that is taken. */
type Mismatch = { status: 'mismatch'; detail: string };

/** What a charge is to become, if nothing stands yet. */
export type Verdict =
  | { status: 'paid' }
  | { status: 'declined'; reason: string; retryable: boolean }
  | { status: 'pending'; action_url?: string };

export const settleOutcomes = ['paid', 'declined', 'refunded'] as const;
type SettleOutcome = (typeof settleOutcomes)[number];

/** What a refund is to become, if nothing stands yet. */
export type RefundVerdict = RefundState['status'];

export interface Charge {
  terms: Omit<z.infer<typeof charged>, 'at'>;
  /** The first answer, repeated for ever to the same request, as card processors do. */
  first: ChargeState;
  now: ChargeState;
  /** By refund id. */
  refunds: Map<string, RefundState>;
}

export interface PaymentsLedger {
  find(chargeId: string): Charge | undefined;
  all(): Charge[];
  /** Decides a new charge by the verdict. For a known one the first answer stands. */
  charge(request: ChargeRequest, verdict: Verdict): ChargeState | Mismatch;
  /**
   * The same refund id gives the same refund, as it stands now: a pending one turns refunded. A charge is refunded
   * once, under any id. `nothing_captured` is not kept, because nothing happened.
   */
  refund(request: RefundRequest, verdict: RefundVerdict): RefundState | Mismatch;
  /** A pending charge becomes declined. Any other stays what it is. */
  cancel(charge: Charge): void;
  /** @returns false if nothing is pending that could turn out so. */
  settle(charge: Charge, outcome: SettleOutcome): boolean;
}

/** The charges and refunds as they are after everything in the books. */
export function createPaymentsLedger(books: Books<PaymentsEvent>): PaymentsLedger {
  const charges = new Map<string, Charge>();
  for (const event of books.events) applyEvent(charges, event);
  const record: RecordEvent = (event, { terms }) => {
    const dated = { at: new Date().toISOString(), ...terms, ...event };
    books.record(dated);
    applyEvent(charges, dated);
  };
  return {
    find: (chargeId) => charges.get(chargeId),
    all: () => [...charges.values()],
    charge({ charge_id, recharge_key, account, amount, currency }, verdict) {
      const terms = { charge_id, recharge_key, ...account, amount, currency };
      const known = charges.get(charge_id);
      if (!known) return decide(terms, verdict, record);
      return mismatch(CHARGE_TERMS, terms, known.terms) ?? known.first;
    },
    refund(request, verdict) {
      const charge = charges.get(request.charge_id);
      return charge ? refund(charge, request, verdict, record) : NOTHING_CAPTURED;
    },
    cancel(charge) {
      if (charge.now.status === 'pending') record({ kind: 'cancel' }, charge);
    },
    settle: (charge, outcome) => settle(charge, outcome, record),
  };
}

/** Dates an event, adds the terms of its charge, writes it into the books and applies it. */
type RecordEvent = (event: Undated<PaymentsEvent>, charge: Pick<Charge, 'terms'>) => void;
type Undated<Event> = Event extends PaymentsEvent ? Omit<Event, 'at' | keyof Charge['terms']> : never;

const NOTHING_CAPTURED: RefundState = { status: 'refused', reason: 'nothing_captured' };

const newRef = (prefix: string) => `${prefix}_${randomUUID()}`;

function decide(terms: Charge['terms'], verdict: Verdict, record: RecordEvent): ChargeState {
  const payment_ref = newRef('pay');
  switch (verdict.status) {
    case 'paid':
      record({ kind: 'capture', payment_ref }, { terms });
      return { status: 'paid', payment_ref };
    case 'declined': {
      const { reason, retryable } = verdict;
      record({ kind: 'decline', reason, retryable }, { terms });
      return verdict;
    }
    case 'pending': {
      const { action_url } = verdict;
      record({ kind: 'pending', payment_ref, action_url }, { terms });
      return { status: 'pending', payment_ref, action_url };
    }
  }
}

function refund(
  charge: Charge,
  request: RefundRequest,
  verdict: RefundVerdict,
  record: RecordEvent,
): RefundState | Mismatch {
  const { now, terms, refunds } = charge;
  if (now.status === 'declined' || now.status === 'pending') return NOTHING_CAPTURED;
  const { payment_ref } = now;
  const { refund_id, amount, currency } = request;
  const other = mismatch(
    REFUND_TERMS,
    { amount, currency, payment_ref: request.payment_ref ?? payment_ref },
    { ...terms, payment_ref },
  );
  if (other) return other;
  if (now.status === 'refunded') return { status: 'refunded', refund_ref: now.refund_ref };
  const known = refunds.get(refund_id) ?? [...refunds.values()].find(({ status }) => status === 'pending');
  if (known) return known;
  switch (verdict) {
    case 'refunded': {
      const refund_ref = newRef('re');
      record({ kind: 'refund', refund_id, payment_ref, refund_ref }, charge);
      return { status: 'refunded', refund_ref };
    }
    case 'pending':
      record({ kind: 'refund_pending', refund_id, payment_ref }, charge);
      return { status: 'pending' };
    case 'refused': {
      const reason = 'refund_window_closed';
      record({ kind: 'refund_refused', refund_id, payment_ref, reason }, charge);
      return { status: 'refused', reason };
    }
  }
}

function settle(charge: Charge, outcome: SettleOutcome, record: RecordEvent): boolean {
  const { now, refunds } = charge;
  if (outcome === 'refunded') {
    const [refund_id] = [...refunds].find(([, { status }]) => status === 'pending') ?? [];
    if (now.status !== 'paid' || refund_id === undefined) return false;
    const { payment_ref } = now;
    record({ kind: 'refund', refund_id, payment_ref, refund_ref: newRef('re') }, charge);
    return true;
  }
  if (now.status !== 'pending') return false;
  if (outcome === 'paid') record({ kind: 'capture', payment_ref: now.payment_ref }, charge);
  else record({ kind: 'decline', reason: 'card_declined', retryable: false }, charge);
  return true;
}

const CHARGE_TERMS = ['amount', 'currency', 'email', 'platform_id', 'customer'] as const;
const REFUND_TERMS = ['amount', 'currency', 'payment_ref'] as const;

/** Names the first of the terms in which the request differs from what stands. */
function mismatch<Term extends string>(
  names: readonly Term[],
  asked: { [Name in Term]?: unknown },
  standing: { [Name in Term]?: unknown },
): Mismatch | undefined {
  const name = names.find((one) => asked[one] !== standing[one]);
  return name && { status: 'mismatch', detail: `The charge stands with another ${name}.` };
}

function applyEvent(charges: Map<string, Charge>, event: PaymentsEvent): void {
  const { charge_id, recharge_key, email, platform_id, customer, amount, currency } = event;
  const charge = charges.get(charge_id);
  const before = charge?.now.status ?? 'pending';
  if (event.kind === 'capture' && before !== 'pending') {
    throw new Error(`Bug! ${charge_id} captured while ${before}`);
  }
  if ('refund_id' in event) charge?.refunds.set(event.refund_id, refundAfter(event));
  const now = chargeAfter(event);
  if (now === undefined) return;
  if (charge) {
    charge.now = now;
  } else {
    const terms = { charge_id, recharge_key, email, platform_id, customer, amount, currency };
    charges.set(charge_id, { terms, first: now, now, refunds: new Map() });
  }
}

/** @returns undefined if the event leaves the charge as it is. */
function chargeAfter(event: PaymentsEvent): ChargeState | undefined {
  switch (event.kind) {
    case 'capture':
      return { status: 'paid', payment_ref: event.payment_ref };
    case 'decline':
      return { status: 'declined', reason: event.reason, retryable: event.retryable };
    case 'pending':
      return { status: 'pending', payment_ref: event.payment_ref, action_url: event.action_url };
    case 'cancel':
      return { status: 'declined', reason: 'cancelled', retryable: false };
    case 'refund':
      return { status: 'refunded', payment_ref: event.payment_ref, refund_ref: event.refund_ref };
    case 'refund_pending':
    case 'refund_refused':
      return undefined;
  }
}

function refundAfter(event: Extract<PaymentsEvent, { refund_id: string }>): RefundState {
  switch (event.kind) {
    case 'refund':
      return { status: 'refunded', refund_ref: event.refund_ref };
    case 'refund_pending':
      return { status: 'pending' };
    case 'refund_refused':
      return { status: 'refused', reason: event.reason };
  }
}
