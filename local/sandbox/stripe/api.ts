import {
  afterwards,
  type FaultSwitch,
  type FaultTable,
  hangAfter,
  hangBefore,
  instead,
  late,
  rateLimitedBy,
  slow,
  worked,
} from '../faults.ts';
import { type Answer, type Handler, json, type Routes, type SandboxRequest } from '../server.ts';
import type { Behaviour } from './cards.ts';
import type { Charges } from './charges.ts';
import { Keys } from './idempotency.ts';
import {
  chargeObject,
  customerObject,
  disputeObject,
  errorObject,
  givenBack,
  intentObject,
  list,
  methodObject,
  refundObject,
  sessionObject,
  setupIntentObject,
} from './objects.ts';
import {
  failed,
  invalid,
  LISTED,
  mapOf,
  missing,
  type Params,
  readForm,
  textOf,
  unknownParameter,
} from './requests.ts';
import { type Intent, newId, type Refund, type StripeState } from './state.ts';

const SERVER_ERROR = failed(500, { type: 'api_error', message: 'An unknown error occurred' });
const LIMITED = rateLimitedBy((waitMs) =>
  failed(
    429,
    { type: 'invalid_request_error', code: 'rate_limit', message: 'Too many requests' },
    { 'retry-after': String(Math.ceil(waitMs / 1_000)) },
  ),
);
const lockTimeout = failed(429, {
  type: 'invalid_request_error',
  code: 'lock_timeout',
  message: 'This object cannot be accessed right now',
});
const unauthorized = failed(401, { type: 'invalid_request_error', message: 'Invalid API Key provided' });
const forbidden = failed(403, {
  type: 'invalid_request_error',
  message: 'The provided key does not have the required permissions',
});
const garbage: Answer = {
  kind: 'answer',
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<html>OK</html>',
};

const card = (decline_code: string, advice_code?: string): Behaviour => ({
  kind: 'declines',
  code: 'card_declined',
  decline_code,
  ...(advice_code === undefined ? {} : { advice_code }),
});

const BAD_REQUEST = invalid('Received unknown parameter: amount_', { code: 'parameter_unknown' });

/** The names are those of the sandbox's other payment endpoint, where the same thing happens. */
export const STRIPE_FAULTS = {
  charge: {
    decline: worked(card('generic_decline', 'do_not_try_again')),
    decline_retryable: worked(card('insufficient_funds', 'try_again_later')),
    pending: worked<Behaviour>({ kind: 'processes' }),
    pending_action: worked<Behaviour>({ kind: 'asks_client', afterwards: 'pays' }),
    error_before: instead(SERVER_ERROR),
    error_after: afterwards(SERVER_ERROR),
    hang_before: hangBefore,
    hang_after: hangAfter,
    late,
    slow,
    reset_before: instead({ kind: 'reset' }),
    reset_after: afterwards({ kind: 'reset' }),
    garbage: afterwards(garbage),
    in_progress: instead(
      failed(409, {
        type: 'invalid_request_error',
        code: 'idempotency_key_in_use',
        message: 'There is currently another in-progress request using this Idempotent Key.',
      }),
    ),
    rate_limited: LIMITED,
    lock_timeout: instead(lockTimeout),
    unauthorized: instead(unauthorized),
    forbidden: instead(forbidden),
    bad_request: instead(BAD_REQUEST),
  },
  lookup: {
    error: instead(SERVER_ERROR),
    hang: hangBefore,
    garbage: instead(garbage),
    unauthorized: instead(unauthorized),
    rate_limited: LIMITED,
    /** What was made a moment ago does not stand in a list. */
    not_found: instead(json(200, { object: 'list', url: '/v1/payment_intents', data: [], has_more: false })),
  },
  refund: {
    pending: worked<Refund['status']>('pending'),
    refuse: worked<Refund['status']>('failed'),
    error_before: instead(SERVER_ERROR),
    error_after: afterwards(SERVER_ERROR),
    hang_after: hangAfter,
    rate_limited: LIMITED,
    bad_request: instead(BAD_REQUEST),
  },
  cancel: { error: instead(SERVER_ERROR), hang: hangBefore },
  confirm: {
    decline: worked(card('generic_decline', 'do_not_try_again')),
    pays: worked<Behaviour>({ kind: 'pays' }),
    pending: worked<Behaviour>({ kind: 'processes' }),
    error_before: instead(SERVER_ERROR),
    error_after: afterwards(SERVER_ERROR),
    hang_before: hangBefore,
    hang_after: hangAfter,
    late,
    forbidden: instead(forbidden),
    rate_limited: LIMITED,
  },
} satisfies {
  charge: FaultTable<Behaviour>;
  lookup: FaultTable<never>;
  refund: FaultTable<Refund['status']>;
  cancel: FaultTable<never>;
  confirm: FaultTable<Behaviour>;
};

/** Source: docs.stripe.com/currencies, minimum and maximum charge amounts (USD; here for every currency). */
const AMOUNTS = { min: 50, max: 99_999_999 };

const CREATE_PARAMS = [
  ...[
    'amount',
    'currency',
    'customer',
    'payment_method',
    'off_session',
    'confirm',
    'return_url',
    'description',
    'metadata',
  ],
  ...['receipt_email', 'statement_descriptor_suffix', 'expand'],
];

/** Source: docs.stripe.com/api/payment_intents/list, `created`. */
function isCreatedIn({ created }: { created: number }, params: Params): boolean {
  const { gte = '0', lt = 'Infinity' } = mapOf(params, 'created');
  return created >= Number(gte) && created < Number(lt);
}

/** The fields of a list's objects that are to be whole objects themselves. */
const expandedIn = (params: Params): string[] =>
  Object.values(mapOf(params, 'expand')).map((field) => field.replace(/^data\./, ''));

/** The parts of Stripe's API that this relay uses; whatever else is asked is answered as an unknown address. */
export function createApi({
  state,
  charges,
  faults,
  keys: { api: apiKey, version },
  now,
  urlOf,
}: {
  state: StripeState;
  charges: Charges;
  faults: FaultSwitch;
  keys: { api: string; version: string };
  now: () => number;
  /** Of the pages for a client. */
  urlOf: (page: 'checkout' | 'bank', id: string) => string;
}): Routes {
  const keys = new Keys(state.keys, now);
  const object = (intent: Intent, expand: string[] = []) =>
    intentObject(state, intent, expand, urlOf('bank', intent.id));
  const emailOf = (customer: string | undefined) => state.customers.get(customer ?? '')?.email;

  /** Checks what stands before every request: the key, and the version that the package is written for. */
  const known =
    (handle: (request: SandboxRequest, params: Params) => Answer | Promise<Answer>): Handler =>
    (request) => {
      if (request.headers.authorization !== `Bearer ${apiKey}`) return unauthorized;
      if (request.headers['stripe-version'] !== version)
        return invalid(`Invalid Stripe API version: ${request.headers['stripe-version']}`);
      return handle(request, readForm(request.body || request.query.toString()));
    };

  /** A POST, executed once for each key. */
  const once = (
    kind: keyof typeof STRIPE_FAULTS | undefined,
    handle: (
      request: SandboxRequest,
      params: Params,
    ) => { who?: string | undefined; work: (variant?: never) => Answer } | Answer,
  ): Handler =>
    known(async (request, params) => {
      const key = request.headers['idempotency-key'] ?? newId('key');
      const before = keys.begin(key, `${request.param}\n${request.body}`);
      if (before) return before;
      const prepared = handle(request, params);
      if ('kind' in prepared) {
        keys.keep(key, prepared);
        return prepared;
      }
      let executed = false;
      const work = (variant?: never): Answer => {
        executed = true;
        const answer = prepared.work(variant);
        keys.keep(key, answer);
        state.save();
        return answer;
      };
      const answer =
        kind === undefined ? work() : await faults.run(kind, STRIPE_FAULTS[kind], prepared.who, work);
      if (!executed) keys.forget(key);
      return answer;
    });

  const looked = (
    who: (request: SandboxRequest) => string | undefined,
    work: (request: SandboxRequest, params: Params) => Answer,
  ): Handler =>
    known((request, params) =>
      faults.run('lookup', STRIPE_FAULTS.lookup, who(request), () => work(request, params)),
    );

  type Listed = { id: string; created: number };
  const pageOf = <Row extends Listed | [Listed, Intent]>(
    rows: Row[],
    params: Params,
  ): { rows: Row[]; more: boolean } => {
    const limit = Number(textOf(params, 'limit') ?? 10);
    const sorted = rows.toReversed();
    const idOf = (row: Listed | [Listed, Intent]) => (Array.isArray(row) ? row[0].id : row.id);
    const after = sorted.findIndex((row) => idOf(row) === textOf(params, 'starting_after'));
    return { rows: sorted.slice(after + 1, after + 1 + limit), more: sorted.length > after + 1 + limit };
  };

  /** What belongs to payments: of one, or created in a time. */
  const ofPayments = <Row extends Listed & { intent: string }>(
    rows: Map<string, Row>,
    params: Params,
  ): [Row, Intent][] => {
    const wanted = textOf(params, 'payment_intent');
    return [...rows.values()].flatMap((row): [Row, Intent][] => {
      const intent = state.intents.get(row.intent);
      if (!intent || (wanted !== undefined && row.intent !== wanted)) return [];
      return isCreatedIn(row, params) ? [[row, intent]] : [];
    });
  };
  const wholeIn = (params: Params, intent: Intent) =>
    expandedIn(params).includes('payment_intent') ? object(intent) : undefined;

  return {
    'POST /v1/payment_intents': once('charge', (_request, params) => {
      const wrong = unknownParameter(params, CREATE_PARAMS);
      if (wrong) return wrong;
      // As an account answers whose dashboard allows means of payment with a page of their own; most accounts do.
      if (textOf(params, 'return_url') === undefined) {
        return invalid('A `return_url` must be specified because this Payment Intent is configured to …', {
          param: 'return_url',
        });
      }
      const amount = Number(textOf(params, 'amount'));
      const customer = textOf(params, 'customer') ?? '';
      const method = state.paymentMethods.get(textOf(params, 'payment_method') ?? '');
      if (!Number.isInteger(amount)) return invalid('Invalid integer: amount', { param: 'amount' });
      if (amount < AMOUNTS.min)
        return invalid('Amount must be at least $0.50 usd', { code: 'amount_too_small', param: 'amount' });
      if (amount > AMOUNTS.max)
        return invalid('Amount must be no more than $999,999.99', {
          code: 'amount_too_large',
          param: 'amount',
        });
      if (!state.customers.has(customer)) return missing('customer', customer, 'customer');
      // As recorded from Stripe: of one that was detached, it says no code and no parameter.
      if (method && method.customer === null)
        return invalid(
          'The provided PaymentMethod was detached from a Customer. It may not be used again.',
          {},
        );
      if (method?.customer !== customer)
        return missing('PaymentMethod', textOf(params, 'payment_method') ?? '', 'payment_method');
      const description = textOf(params, 'description');
      const receiptEmail = textOf(params, 'receipt_email');
      const terms = {
        amount,
        currency: textOf(params, 'currency') ?? '',
        customer,
        metadata: mapOf(params, 'metadata'),
        ...(description === undefined ? {} : { description }),
        ...(receiptEmail === undefined ? {} : { receiptEmail }),
      };
      return {
        who: emailOf(customer),
        work(verdict) {
          const intent = charges.create(terms, method, verdict);
          return intent.lastError
            ? failed(402, {
                ...errorObject(intent.lastError),
                type: 'card_error',
                payment_intent: object(intent),
              })
            : json(200, object(intent));
        },
      };
    }),

    'GET /v1/payment_intents/{id}': looked(
      ({ param }) => emailOf(state.intents.get(param)?.customer),
      ({ param }, params) => {
        const intent = state.intents.get(param);
        return intent
          ? json(200, object(intent, Object.values(mapOf(params, 'expand'))))
          : missing('payment_intent', param);
      },
    ),

    'GET /v1/payment_intents': looked(
      ({ query }) => emailOf(query.get('customer') ?? undefined),
      (_request, params) => {
        const wrong = unknownParameter(params, [...LISTED, 'customer', 'created']);
        if (wrong) return wrong;
        const customer = textOf(params, 'customer');
        if (customer !== undefined && !state.customers.has(customer))
          return missing('customer', customer, 'customer');
        const all = [...state.intents.values()].filter(
          (one) => (customer === undefined || one.customer === customer) && isCreatedIn(one, params),
        );
        const { rows, more } = pageOf(all, params);
        const expand = expandedIn(params);
        return json(
          200,
          list(
            '/v1/payment_intents',
            rows.map((intent) => object(intent, expand)),
            more,
          ),
        );
      },
    ),

    'POST /v1/payment_intents/{id}/cancel': once('cancel', ({ param }, params) => {
      const wrong = unknownParameter(params, ['cancellation_reason', 'expand']);
      if (wrong) return wrong;
      const intent = state.intents.get(param);
      if (!intent) return missing('payment_intent', param);
      return {
        who: emailOf(intent.customer),
        work: () =>
          charges.cancel(intent, textOf(params, 'cancellation_reason'))
            ? json(200, object(intent))
            : invalid(`You cannot cancel this PaymentIntent because it has a status of ${intent.status}.`, {
                code: 'payment_intent_unexpected_state',
                payment_intent: object(intent),
              }),
      };
    }),

    'POST /v1/payment_intents/{id}/confirm': once('confirm', ({ param }, params) => {
      const wrong = unknownParameter(params, ['payment_method', 'return_url', 'off_session', 'expand']);
      if (wrong) return wrong;
      const intent = state.intents.get(param);
      if (!intent) return missing('payment_intent', param);
      // A failed try has taken the means of payment from the intent.
      const attached = intent.status === 'requires_action' ? intent.paymentMethod : undefined;
      const named = textOf(params, 'payment_method') ?? attached;
      if (named === undefined) {
        return invalid("You cannot confirm this PaymentIntent because it's missing a payment method.", {
          code: 'payment_intent_unexpected_state',
          payment_intent: object(intent),
        });
      }
      const method = state.paymentMethods.get(named);
      if (!method) return missing('PaymentMethod', named, 'payment_method');
      if (intent.status !== 'requires_payment_method' && intent.status !== 'requires_action') {
        return invalid(`This PaymentIntent's status is ${intent.status}, and cannot be confirmed.`, {
          code: 'payment_intent_unexpected_state',
          payment_intent: object(intent),
        });
      }
      return {
        who: emailOf(intent.customer),
        work(verdict) {
          charges.confirm(intent, verdict ?? method.behaviour, textOf(params, 'return_url') ?? '');
          return intent.lastError
            ? failed(402, {
                ...errorObject(intent.lastError),
                type: 'card_error',
                payment_intent: object(intent),
              })
            : json(200, object(intent));
        },
      };
    }),

    'POST /v1/refunds': once('refund', (_request, params) => {
      const wrong = unknownParameter(params, ['payment_intent', 'amount', 'metadata', 'reason', 'expand']);
      if (wrong) return wrong;
      const id = textOf(params, 'payment_intent') ?? '';
      const intent = state.intents.get(id);
      if (!intent) return missing('payment_intent', id, 'payment_intent');
      const amount = Number(textOf(params, 'amount') ?? intent.amount);
      return {
        who: emailOf(intent.customer),
        work(status) {
          if (givenBack(state, intent.id) >= intent.amount) {
            return invalid(`Charge ${intent.charge} has already been refunded.`, {
              code: 'charge_already_refunded',
            });
          }
          const refund = charges.refund(intent, amount, mapOf(params, 'metadata'), status);
          return refund
            ? json(200, refundObject(refund, intent.currency))
            : invalid('Refund amount is greater than unrefunded amount on charge', { param: 'amount' });
        },
      };
    }),

    'GET /v1/refunds': looked(
      ({ query }) => emailOf(state.intents.get(query.get('payment_intent') ?? '')?.customer),
      (_request, params) => {
        const wrong = unknownParameter(params, [...LISTED, 'payment_intent', 'created']);
        if (wrong) return wrong;
        const { rows, more } = pageOf(ofPayments(state.refunds, params), params);
        const objects = rows.map(([refund, intent]) =>
          refundObject(refund, intent.currency, wholeIn(params, intent)),
        );
        return json(200, list('/v1/refunds', objects, more));
      },
    ),

    'GET /v1/charges/{id}': known(({ param }) => {
      const intent = [...state.intents.values()].find(({ charge }) => charge === param);
      return intent ? json(200, chargeObject(state, intent)) : missing('charge', param);
    }),

    'GET /v1/disputes/{id}': known(({ param }) => {
      const dispute = state.disputes.get(param);
      const intent = dispute && state.intents.get(dispute.intent);
      return intent ? json(200, disputeObject(dispute, intent)) : missing('dispute', param);
    }),

    'GET /v1/disputes': looked(
      () => undefined,
      (_request, params) => {
        const wrong = unknownParameter(params, [...LISTED, 'payment_intent', 'created']);
        if (wrong) return wrong;
        const { rows, more } = pageOf(ofPayments(state.disputes, params), params);
        const objects = rows.map(([dispute, intent]) =>
          disputeObject(dispute, intent, wholeIn(params, intent)),
        );
        return json(200, list('/v1/disputes', objects, more));
      },
    ),

    'POST /v1/customers': once(undefined, (_request, params) => {
      const wrong = unknownParameter(params, ['email', 'name', 'metadata', 'description']);
      if (wrong) return wrong;
      return {
        work() {
          const id = newId('cus');
          const customer = {
            id,
            email: textOf(params, 'email') ?? '',
            created: Math.floor(now() / 1_000),
            metadata: mapOf(params, 'metadata'),
          };
          state.customers.set(id, customer);
          return json(200, customerObject(customer));
        },
      };
    }),

    // Stripe compares the email to the letter. Source: docs.stripe.com/api/customers/list.
    'GET /v1/customers': known((_request, params) => {
      const email = textOf(params, 'email');
      const { rows, more } = pageOf(
        [...state.customers.values()].filter(
          (one) => !one.deleted && (email === undefined || one.email === email),
        ),
        params,
      );
      return json(200, list('/v1/customers', rows.map(customerObject), more));
    }),

    'POST /v1/customers/{id}': once(undefined, ({ param }, params) => {
      const wrong = unknownParameter(params, ['metadata']);
      const customer = state.customers.get(param);
      if (wrong || !customer) return wrong ?? missing('customer', param);
      return {
        work() {
          customer.metadata = { ...customer.metadata, ...mapOf(params, 'metadata') };
          return json(200, customerObject(customer));
        },
      };
    }),

    'GET /v1/customers/{id}': known(({ param }) => {
      const customer = state.customers.get(param);
      return customer ? json(200, customerObject(customer)) : missing('customer', param);
    }),

    'GET /v1/customers/{id}/payment_methods': known(({ param }, params) => {
      if (!state.customers.has(param)) return missing('customer', param, 'customer');
      const { rows, more } = pageOf(
        [...state.paymentMethods.values()].filter(({ customer }) => customer === param),
        params,
      );
      return json(200, list(`/v1/customers/${param}/payment_methods`, rows.map(methodObject), more));
    }),

    'GET /v1/payment_methods/{id}': known(({ param }) => {
      const method = state.paymentMethods.get(param);
      return method ? json(200, methodObject(method)) : missing('PaymentMethod', param);
    }),

    'POST /v1/checkout/sessions': once(undefined, (_request, params) => {
      const wrong = unknownParameter(params, [
        'mode',
        'customer',
        'success_url',
        'cancel_url',
        'currency',
        'payment_method_types',
        'metadata',
        'setup_intent_data',
        'expires_at',
      ]);
      if (wrong) return wrong;
      const customer = textOf(params, 'customer') ?? '';
      if (!state.customers.has(customer)) return missing('customer', customer, 'customer');
      if (textOf(params, 'mode') !== 'setup')
        return invalid('Only mode=setup is known here', { param: 'mode' });
      if (!textOf(params, 'currency'))
        return invalid('Missing required param: currency.', {
          code: 'parameter_missing',
          param: 'currency',
        });
      return {
        work() {
          const session = {
            id: newId('cs_test'),
            customer,
            status: 'open' as const,
            setupIntent: newId('seti'),
            successUrl: textOf(params, 'success_url') ?? '',
            currency: textOf(params, 'currency') ?? '',
            metadata: mapOf(params, 'metadata'),
            created: Math.floor(now() / 1_000),
          };
          state.sessions.set(session.id, session);
          return json(200, sessionObject(session, urlOf('checkout', session.id)));
        },
      };
    }),

    'GET /v1/checkout/sessions/{id}': known(({ param }) => {
      const session = state.sessions.get(param);
      return session
        ? json(200, sessionObject(session, urlOf('checkout', session.id)))
        : missing('checkout.session', param);
    }),

    'GET /v1/setup_intents/{id}': known(({ param }) => {
      const session = [...state.sessions.values()].find(({ setupIntent }) => setupIntent === param);
      return session ? json(200, setupIntentObject(session)) : missing('setupintent', param);
    }),

    'GET /v1/account': known(() =>
      json(200, { id: 'acct_sandbox', object: 'account', charges_enabled: true, country: 'DE' }),
    ),
  };
}
