import type {
  ChargeOutcome,
  ChargeReference,
  ChargeRequest,
  LookupOutcome,
  RefundOutcome,
  RefundRequest,
} from '../shared/payments/payment-hook.ts';
import type {
  Grant,
  GrantEvidence,
  GrantResult,
  GrantsListed,
  GrantToFind,
} from '../shared/platform/client.ts';

/**
 * The other side with its true books: one payment endpoint (or several, by name) and one platform. They do what their
 * contracts promise, and no more: the endpoint forgets a key after 24 hours, and the platform has none.
 */

const HOUR = 3_600_000;
const KEY_REMEMBERED_MS = 24 * HOUR;
/** A request that is under way has landed by then. */
const CHARGE_LANDS_WITHIN_MS = HOUR;

export interface Charge {
  rechargeKey: string;
  /** Of the endpoint that has it. */
  party: string;
  at: number;
  amount: number;
  status: 'paid' | 'declined' | 'retryable' | 'processing' | 'acting';
  captures: number;
  refunds: number;
}

export interface Books {
  charges: Readonly<Record<string, Charge>>;
  /** By the refund's own key. */
  refunds: Readonly<Record<string, 'refunded' | 'pending'>>;
  grants: readonly { mark: string; email: string; credits: number }[];
}

/** All that these parties know and do. */
export interface Outside {
  readonly now: number;
  books: Books;
  flights: readonly Flight[];
}

export const EMPTY_BOOKS: Books = { charges: {}, refunds: {}, grants: [] };

/** A request whose sender has given it up, and which lands until a time. */
export type Flight = { by: number } & (
  | { kind: 'charge'; party: string; request: ChargeRequest }
  | { kind: 'refund'; party: string; request: RefundRequest }
  | { kind: 'grant'; grant: Grant }
);

/** It was not made, made without an answer, or is made later. */
export const SILENCE = ['unknown, not made', 'unknown, made', 'unknown, made later'];

export const CHARGE_FAULTS = [...SILENCE, 'not attempted'];
export const REFUND_FAULTS = [...SILENCE, 'not attempted'];
export const GRANT_FAULTS = [
  ...SILENCE,
  'redirected, made',
  'not applied',
  'empty pool',
  'refused',
  'differs, made',
  'differs, not made',
];

const SILENT = { kind: 'unknown', detail: 'no answer' } as const;

// ── The payment endpoint ─────────────────────────────────────────────────────────────────────────────

export function charge(outside: Outside, party: string, request: ChargeRequest, way: string): ChargeOutcome {
  switch (way) {
    case 'unknown, not made':
      return SILENT;
    case 'unknown, made':
      landCharge(outside, party, request, 'paid');
      return SILENT;
    case 'unknown, made later':
      fly(outside, { kind: 'charge', party, request, by: outside.now + CHARGE_LANDS_WITHIN_MS });
      return SILENT;
    case 'not attempted':
      return { kind: 'not_attempted', detail: 'nobody there' };
    default: {
      const charged = landCharge(outside, party, request, way);
      const outcome = outcomeOf(charged, request.chargeId);
      return outcome.kind === 'refunded'
        ? { kind: 'declined', reason: 'refunded', retryable: false }
        : outcome;
    }
  }
}

function landCharge(outside: Outside, party: string, request: ChargeRequest, way: string): Charge {
  const { chargeId, rechargeKey, money } = request;
  const known = outside.books.charges[nameOf(party, chargeId)];
  const status = ['declined', 'retryable', 'processing', 'acting'].find((word) => word === way) ?? 'paid';
  const captured = status === 'paid' ? 1 : 0;
  if (known && outside.now < known.at + KEY_REMEMBERED_MS) return known;
  const charged: Charge = known
    ? { ...known, at: outside.now, captures: known.captures + captured }
    : {
        rechargeKey,
        party,
        at: outside.now,
        amount: money.amount,
        status: statusOf(status),
        captures: captured,
        refunds: 0,
      };
  putCharge(outside, chargeId, charged);
  return charged;
}

const statusOf = (word: string): Charge['status'] =>
  word === 'declined' || word === 'retryable' || word === 'processing' || word === 'acting' ? word : 'paid';

const nameOf = (party: string, chargeId: string) => `${party} ${chargeId}`;

function putCharge(outside: Outside, chargeId: string, charged: Charge): void {
  const charges = { ...outside.books.charges, [nameOf(charged.party, chargeId)]: charged };
  outside.books = { ...outside.books, charges };
}

type Known = Exclude<LookupOutcome, { kind: 'not_found' | 'unknown' }>;

function outcomeOf({ status, refunds }: Charge, chargeId: string): Known {
  const paymentRef = `pay ${chargeId.slice(0, 8)}`;
  if (refunds > 0) return { kind: 'refunded' };
  switch (status) {
    case 'paid':
      return { kind: 'paid', paymentRef };
    case 'declined':
      return { kind: 'declined', reason: 'insufficient_funds', retryable: false };
    case 'retryable':
      return { kind: 'declined', reason: 'try_again', retryable: true };
    case 'processing':
      return { kind: 'pending', paymentRef };
    case 'acting':
      return { kind: 'pending', paymentRef, actionUrl: 'https://pay.example.com/page' };
  }
}

/** @param way `not found` of an endpoint that has lost its books, which it promised to keep. */
export function lookUp(
  outside: Outside,
  party: string,
  { chargeId }: ChargeReference,
  way: string,
): LookupOutcome {
  if (way === 'unknown') return SILENT;
  if (way === 'not found') return { kind: 'not_found' };
  const charged = outside.books.charges[nameOf(party, chargeId)];
  return charged ? outcomeOf(charged, chargeId) : { kind: 'not_found' };
}

export function cancel(
  outside: Outside,
  party: string,
  reference: ChargeReference,
  way: string,
): LookupOutcome {
  if (way === 'unknown, not made') return SILENT;
  const { chargeId } = reference;
  const charged = outside.books.charges[nameOf(party, chargeId)];
  if (charged?.status === 'acting') putCharge(outside, chargeId, { ...charged, status: 'declined' });
  return way === 'unknown, made' ? SILENT : lookUp(outside, party, reference, 'made');
}

export function refund(outside: Outside, party: string, request: RefundRequest, way: string): RefundOutcome {
  switch (way) {
    case 'unknown, not made':
      return SILENT;
    case 'unknown, made':
      landRefund(outside, party, request, 'refunded');
      return SILENT;
    case 'unknown, made later':
      fly(outside, { kind: 'refund', party, request, by: outside.now + CHARGE_LANDS_WITHIN_MS });
      return SILENT;
    case 'not attempted':
      return { kind: 'not_attempted', detail: 'nobody there' };
    case 'refused':
      return { kind: 'refused', reason: 'expired_or_canceled_card' };
    default:
      return landRefund(outside, party, request, way === 'pending' ? 'pending' : 'refunded');
  }
}

function landRefund(
  outside: Outside,
  party: string,
  { chargeId, refundId }: RefundRequest,
  state: 'refunded' | 'pending',
): RefundOutcome {
  const known = outside.books.refunds[refundId];
  if (known) return { kind: known };
  const charged = outside.books.charges[nameOf(party, chargeId)];
  if (!charged || charged.captures <= charged.refunds)
    return { kind: 'refused', reason: 'nothing to give back' };
  outside.books = { ...outside.books, refunds: { ...outside.books.refunds, [refundId]: state } };
  if (state === 'refunded') putCharge(outside, chargeId, { ...charged, refunds: charged.refunds + 1 });
  return { kind: state };
}

// ── The platform ─────────────────────────────────────────────────────────────────────────────────────

/** @param landsBy when it has landed, if it lands late. */
export function grant(outside: Outside, asked: Grant, way: string, landsBy: () => number): GrantResult {
  switch (way) {
    case 'unknown, not made':
      return SILENT;
    case 'unknown, made':
      landGrant(outside, asked);
      return SILENT;
    case 'unknown, made later':
      fly(outside, { kind: 'grant', grant: asked, by: landsBy() });
      return SILENT;
    case 'not applied':
      return { kind: 'not_applied', detail: '429' };
    case 'empty pool':
      return { kind: 'not_applied', detail: 'insufficient credits', agencyFault: 'pool_empty' };
    case 'too many':
      return { kind: 'not_applied', detail: '429', retryAfterMs: 30_000 };
    case 'unauthorized':
      return { kind: 'not_applied', detail: '401', agencyFault: 'unauthorized' };
    case 'redirected, made':
      landGrant(outside, asked);
      return { kind: 'unknown', detail: '302', agencyFault: 'redirected' };
    case 'redirected, not made':
      return { kind: 'unknown', detail: '302', agencyFault: 'redirected' };
    case 'refused':
      return { kind: 'refused', detail: '404' };
    case 'differs, not made':
      return { kind: 'differs', detail: 'success: false' };
    case 'differs, made':
      landGrant(outside, asked);
      return { kind: 'differs', detail: 'another balance' };
    default:
      landGrant(outside, asked);
      return { kind: 'granted' };
  }
}

function landGrant(outside: Outside, asked: Grant): void {
  const { email, credits } = asked;
  outside.books = {
    ...outside.books,
    grants: [...outside.books.grants, { mark: markOf(asked), email, credits }],
  };
}

/** It stands first in the description. */
export const markOf = ({ description }: Grant) => description.slice(0, description.indexOf(' '));

export function findGrant({ books }: Outside, asked: GrantToFind, way: string): GrantEvidence {
  if (way === 'no answer') return { kind: 'no_answer', detail: 'no answer' };
  const ofRecharge = books.grants.filter(({ mark }) => mark.startsWith(asked.markPrefix ?? asked.mark));
  const [first, second] = ofRecharge;
  if (way === 'not listed yet' || !first) return { kind: 'not_found' };
  if (second || first.mark !== asked.mark)
    return { kind: 'differs', detail: ofRecharge.map(({ mark }) => mark).join() };
  return { kind: 'found' };
}

export function listGrants({ books }: Outside, markPrefix: string, way: string): GrantsListed {
  if (way === 'no answer') return { kind: 'no_answer', detail: 'no answer' };
  const marks = books.grants.map(({ mark }) => mark).filter((mark) => mark.startsWith(markPrefix));
  return { kind: 'listed', marks: way === 'not listed yet' ? [] : marks };
}

// ── What comes later ─────────────────────────────────────────────────────────────────────────────────

function fly(outside: Outside, flight: Flight): void {
  outside.flights = [...outside.flights, flight];
}

/** A request arrives that its sender has given up. */
export function land(outside: Outside, flight: Flight): void {
  outside.flights = outside.flights.filter((other) => other !== flight);
  if (flight.kind === 'grant') landGrant(outside, flight.grant);
  else if (flight.kind === 'charge') landCharge(outside, flight.party, flight.request, 'paid');
  else landRefund(outside, flight.party, flight.request, 'refunded');
}

/** One end of a payment, or of a refund, that is under way. */
export interface Settlement {
  say: string;
  /** Of the payment or refund: those of one have other ends of the same. */
  of: string;
  rechargeKey: string;
  settle(outside: Outside): void;
}

/** What the endpoint, or the client, can do about a payment that is under way, and the endpoint about a refund. */
export function settlements({ books }: Outside): Settlement[] {
  const ofCharges = Object.entries(books.charges).flatMap(([name, charged]) => {
    const ends = ['paid', 'declined'];
    return charged.status === 'processing' || charged.status === 'acting'
      ? ends.map((end) => ({ name, charged, end }))
      : [];
  });
  const charges = ofCharges.map(({ name, charged, end }) => ({
    say: `the payment of ${charged.rechargeKey} is ${end}`,
    of: name,
    rechargeKey: charged.rechargeKey,
    settle(outside: Outside) {
      const settled: Charge = { ...charged, status: statusOf(end), captures: end === 'paid' ? 1 : 0 };
      outside.books = { ...outside.books, charges: { ...outside.books.charges, [name]: settled } };
    },
  }));
  const refunds = Object.entries(books.refunds).flatMap(([refundId, state]) => {
    const charged = Object.entries(books.charges).find(([name]) =>
      refundId.startsWith(name.split(' ')[1] ?? ' '),
    );
    if (state !== 'pending' || !charged) return [];
    const [name, payment] = charged;
    const settle = (outside: Outside) => {
      const charges = { ...outside.books.charges, [name]: { ...payment, refunds: payment.refunds + 1 } };
      outside.books = {
        ...outside.books,
        charges,
        refunds: { ...outside.books.refunds, [refundId]: 'refunded' },
      };
    };
    const { rechargeKey } = payment;
    return [{ say: `the refund of ${rechargeKey} is made`, of: refundId, rechargeKey, settle }];
  });
  return [...charges, ...refunds];
}
