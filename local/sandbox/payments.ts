import { Webhook } from 'standardwebhooks';
import * as z from 'zod';
import { STATUS_CODES } from '../../shared/node-http.ts';
import { openBooks } from './books.ts';
import {
  afterwards,
  createFaultSwitch,
  type FaultOrder,
  type FaultSwitch,
  type FaultTable,
  hangAfter,
  hangBefore,
  instead,
  late,
  REFUSE_CONNECTIONS,
  rateLimited,
  slow,
  worked,
} from './faults.ts';
import {
  type Charge,
  type ChargeState,
  chargeRequestSchema,
  createPaymentsLedger,
  type PaymentsEvent,
  type PaymentsLedger,
  paymentsEventSchema,
  type RefundVerdict,
  refundRequestSchema,
  settleOutcomes,
  type Verdict,
} from './payments-ledger.ts';
import {
  type Answer,
  createTimers,
  type Handler,
  json,
  parseJson,
  type Routes,
  startServer,
  text,
} from './server.ts';

export const paymentsOptionsSchema = z.strictObject({
  /** 0 for any free port. */
  port: z.int().nonnegative().default(0),
  /** A Standard Webhooks secret: `whsec_` and base64. */
  secret: z.string().startsWith('whsec_'),
  /** A pending charge becomes paid by itself after so long. Without it, it stays pending. */
  pendingSettleMs: z.int().nonnegative().optional(),
  booksFile: z.string().optional(),
});

export type SandboxPaymentsOptions = z.input<typeof paymentsOptionsSchema>;

export interface SandboxPayments {
  url: string;
  port: number;
  books: readonly PaymentsEvent[];
  /** @throws Error with the valid names. */
  fault(order: FaultOrder): void;
  close(): Promise<void>;
}

const failure = (status: number, error: string): Answer => json(status, { error });
const UNAUTHORIZED = failure(401, 'The signature is missing or wrong.');
const unknownCharge = (charge_id: string) => json(404, { status: 'not_found', charge_id });
/** As web frameworks answer for an address that they do not know. */
const PLAIN_404 = json(404, { statusCode: 404, error: 'Not Found', message: 'Not Found' });
const IN_PROGRESS = failure(409, 'A request with this Idempotency-Key is in progress.');
const SERVER_ERROR = failure(500, 'Something went wrong.');
const RATE_LIMITED = { error: 'Too many requests.' };
const GARBAGE = text(200, '<html>OK</html>');

/** The work can be told what to decide, and where its answer is to differ from the truth. */
interface ChargeVariant {
  verdict?: Verdict;
  misreport?: (charge: { amount: number; currency: string }) => Record<string, unknown>;
}

const charges = (verdict: Verdict) => worked<ChargeVariant>({ verdict });

const chargeFaults: FaultTable<ChargeVariant> = {
  decline: charges({ status: 'declined', reason: 'card_declined', retryable: false }),
  decline_retryable: charges({ status: 'declined', reason: 'insufficient_funds', retryable: true }),
  pending: charges({ status: 'pending' }),
  pending_action: charges({ status: 'pending', action_url: 'https://payments.example.com/confirm' }),
  error_before: instead(SERVER_ERROR),
  error_after: afterwards(SERVER_ERROR),
  hang_before: hangBefore,
  hang_after: hangAfter,
  late,
  reset_before: instead({ kind: 'reset' }),
  reset_after: afterwards({ kind: 'reset' }),
  garbage: afterwards(GARBAGE),
  no_payment_ref: worked({ misreport: () => ({ payment_ref: undefined }) }),
  other_amount: worked({ misreport: ({ amount }) => ({ amount: amount + 1 }) }),
  other_charge: worked({ misreport: () => ({ charge_id: 'charge-of-somebody-else' }) }),
  respelled: worked({
    misreport: ({ amount, currency }) => ({ amount: String(amount), currency: currency.toLowerCase() }),
  }),
  in_progress: instead(IN_PROGRESS),
  rate_limited: rateLimited(RATE_LIMITED),
  unauthorized: instead(UNAUTHORIZED),
  forbidden: instead(failure(403, 'This client may not charge.')),
  bad_request: instead(failure(400, 'The request is not understood.')),
  not_found: instead(failure(404, 'Nothing is here.')),
  invalid: instead(failure(422, 'The request cannot be processed.')),
  answer_twice: ({ work }) => {
    const second = json(402, { status: 'declined', reason: 'card_declined', retryable: false });
    return { kind: 'bytes', text: httpText(work()) + httpText(second) };
  },
  slow,
};

/** The work can be told to know nothing of the charge. */
interface LookupVariant {
  unheardOf: true;
}

const lookupFaults: FaultTable<LookupVariant> = {
  error: instead(SERVER_ERROR),
  hang: hangBefore,
  not_found: worked({ unheardOf: true }),
  not_found_plain: instead(PLAIN_404),
  garbage: instead(GARBAGE),
  unauthorized: instead(UNAUTHORIZED),
};

const refundFaults: FaultTable<RefundVerdict> = {
  pending: worked('pending'),
  refuse: worked('refused'),
  error_before: instead(SERVER_ERROR),
  error_after: afterwards(SERVER_ERROR),
  hang_after: hangAfter,
  bad_request: instead(failure(400, 'The request is not understood.')),
  rate_limited: rateLimited(RATE_LIMITED),
};

const cancelFaults: FaultTable<never> = {
  error: instead(SERVER_ERROR),
  hang: hangBefore,
};

const CHARGE_STATUS = { paid: 200, declined: 402, pending: 202, refunded: 200, mismatch: 422 } as const;
const REFUND_STATUS = { refunded: 200, pending: 202, refused: 402, mismatch: 422 } as const;

const settleSchema = z.strictObject({ outcome: z.enum(settleOutcomes) });

/**
 * An agency's payment endpoint to try and test the relay against. It keeps the HTTP payment contract:
 * every request signed, at most one capture per `charge_id`, the first answer repeated for ever.
 */
export async function createSandboxPayments(options: SandboxPaymentsOptions): Promise<SandboxPayments> {
  const { port, secret, pendingSettleMs, booksFile } = paymentsOptionsSchema.parse(options);
  const timers = createTimers();
  const books = openBooks(paymentsEventSchema, booksFile);
  const ledger = createPaymentsLedger(books);
  const faults = createFaultSwitch(
    {
      charge: [...Object.keys(chargeFaults), REFUSE_CONNECTIONS],
      lookup: Object.keys(lookupFaults),
      refund: Object.keys(refundFaults),
      cancel: Object.keys(cancelFaults),
    },
    timers,
    (ms) => server.refuseConnections(ms),
  );
  const settleLater = (charge: Charge | undefined) => {
    if (charge?.now.status !== 'pending' || pendingSettleMs === undefined) return;
    timers.after(pendingSettleMs, () => ledger.settle(charge, 'paid'));
  };
  ledger.all().forEach(settleLater);

  const server = await startServer(
    {
      ...signedRoutes(new Webhook(secret), contractRoutes(ledger, faults, settleLater)),
      ...controlRoutes(ledger, books.events),
      ...faults.routes,
    },
    port,
    timers,
  );
  return {
    url: server.url,
    port: server.port,
    books: books.events,
    fault: faults.add,
    async close() {
      await server.close();
      books.close();
    },
  };
}

/** Refuses every request whose Standard Webhooks headers do not fit its raw body (empty for a GET). */
function signedRoutes(webhook: Webhook, routes: Routes): Routes {
  const signed =
    (handle: Handler): Handler =>
    (request) => {
      try {
        webhook.verify(request.body, request.headers, { jsonParse: false });
      } catch {
        return UNAUTHORIZED;
      }
      return handle(request);
    };
  return Object.fromEntries(Object.entries(routes).map(([route, handle]) => [route, signed(handle)]));
}

function contractRoutes(
  ledger: PaymentsLedger,
  faults: FaultSwitch,
  settleLater: (charge: Charge | undefined) => void,
): Routes {
  /**
   * The client of every charge ever asked for, so that a fault of one client also hits the lookup of a lost charge.
   */
  const emails = new Map(ledger.all().map(({ terms }) => [terms.charge_id, terms.email]));
  const inProgress = new Set<string>();

  return {
    'POST /charges': async ({ headers, body }) => {
      const parsed = chargeRequestSchema.safeParse(parseJson(body));
      if (!parsed.success) return failure(400, z.prettifyError(parsed.error));
      const { charge_id, account } = parsed.data;
      if (headers['idempotency-key'] !== charge_id)
        return failure(400, 'Idempotency-Key is not the charge_id.');
      if (inProgress.has(charge_id)) return IN_PROGRESS;
      inProgress.add(charge_id);
      emails.set(charge_id, account.email);
      const work = ({ verdict, misreport }: ChargeVariant = {}): Answer => {
        const state = ledger.charge(parsed.data, verdict ?? { status: 'paid' });
        settleLater(ledger.find(charge_id));
        return state.status === 'mismatch'
          ? failure(422, state.detail)
          : json(CHARGE_STATUS[state.status], { ...view(state, parsed.data), ...misreport?.(parsed.data) });
      };
      return faults
        .run('charge', chargeFaults, account.email, work)
        .finally(() => inProgress.delete(charge_id));
    },
    // A charge still being worked on (`late`, `slow`) is not found: the trap a hasty caller falls into.
    'GET /charges/{charge_id}': ({ param }) =>
      faults.run('lookup', lookupFaults, emails.get(param), ({ unheardOf }: Partial<LookupVariant> = {}) =>
        current(param, unheardOf ? undefined : ledger.find(param)),
      ),
    'POST /charges/{charge_id}/cancel': ({ param }) =>
      faults.run('cancel', cancelFaults, emails.get(param), () => {
        const charge = ledger.find(param);
        if (charge) ledger.cancel(charge);
        return current(param, charge);
      }),
    'POST /refunds': ({ headers, body }) => {
      const parsed = refundRequestSchema.safeParse(parseJson(body));
      if (!parsed.success) return failure(400, z.prettifyError(parsed.error));
      const { refund_id, charge_id } = parsed.data;
      if (headers['idempotency-key'] !== refund_id)
        return failure(400, 'Idempotency-Key is not the refund_id.');
      return faults.run('refund', refundFaults, emails.get(charge_id), (verdict = 'refunded') => {
        const state = ledger.refund(parsed.data, verdict);
        return state.status === 'mismatch'
          ? failure(422, state.detail)
          : json(REFUND_STATUS[state.status], state);
      });
    },
  };
}

const view = (
  state: ChargeState,
  { charge_id, amount, currency }: { charge_id: string; amount: number; currency: string },
) => ({
  ...state,
  charge_id,
  amount,
  currency,
});

const current = (chargeId: string, charge: Charge | undefined): Answer =>
  charge ? json(200, view(charge.now, charge.terms)) : unknownCharge(chargeId);

function controlRoutes(ledger: PaymentsLedger, events: readonly PaymentsEvent[]): Routes {
  return {
    'GET /health': () => json(200, { status: 'ok' }),
    'GET /sandbox/books': () => json(200, { events }),
    'POST /sandbox/charges/{charge_id}/settle': ({ param, body }) => {
      const parsed = settleSchema.safeParse(parseJson(body));
      if (!parsed.success)
        return failure(400, `A JSON body {outcome: ${settleOutcomes.join(' | ')}} is needed.`);
      const charge = ledger.find(param);
      if (!charge) return unknownCharge(param);
      const settled = ledger.settle(charge, parsed.data.outcome);
      return settled
        ? current(param, charge)
        : failure(409, `Nothing is pending that could be ${parsed.data.outcome}.`);
    },
  };
}

/** A whole HTTP response as it goes over the wire. */
function httpText(answer: Answer): string {
  if (answer.kind !== 'answer') return '';
  const headers = { ...answer.headers, 'content-length': String(Buffer.byteLength(answer.body)) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\n${lines.join('')}\r\n${answer.body}`;
}
