import packageJson from '../../package.json' with { type: 'json' };
import {
  chargeBodySchema,
  declined,
  notFound,
  paid,
  pending,
  refundBodySchema,
  refunded,
  refundPending,
  refused,
} from '../../shared/payments/contract.ts';
import { type Schema, schemaOf } from './schemas.ts';

/** The bodies of the agreed answers, by name. */
const ANSWERS = {
  Paid: paid,
  Declined: declined,
  Pending: pending,
  Refunded: refunded,
  NotFound: notFound,
  RefundPending: refundPending,
  RefundRefused: refused,
};

type Name = keyof typeof ANSWERS | 'ChargeRequest' | 'RefundRequest';
const ref = (name: Name): Schema => ({ $ref: `#/components/schemas/${name}` });

const CHARGE = 'rr_30d658b5b34e53c90d9acafb50f91ffb_1';
const REFUND = 'rr_30d658b5b34e53c90d9acafb50f91ffb_refund';
const MONEY = { amount: 5000, currency: 'USD' };
const KEY = "the platform's idempotency key";
const CHARGED = { charge_id: CHARGE, ...MONEY };

const EXAMPLES: Record<Name, object> = {
  ChargeRequest: {
    charge_id: CHARGE,
    recharge_key: KEY,
    account: { email: 'client@example.com', platform_id: 'abc123', customer: 'cus_42' },
    credits: 500,
    ...MONEY,
    description: 'Auto-recharge of 500 credits',
  },
  RefundRequest: {
    refund_id: REFUND,
    charge_id: CHARGE,
    payment_ref: 'pay_1',
    recharge_key: KEY,
    ...MONEY,
  },
  Paid: { status: 'paid', payment_ref: 'pay_1', ...CHARGED },
  Declined: { status: 'declined', reason: 'card_declined', retryable: false, ...CHARGED },
  Pending: {
    status: 'pending',
    payment_ref: 'pay_1',
    action_url: 'https://pay.example.com/confirm/1',
    ...CHARGED,
  },
  Refunded: { status: 'refunded', refund_ref: 're_1', charge_id: CHARGE },
  NotFound: { status: 'not_found', charge_id: CHARGE },
  RefundPending: { status: 'pending', refund_id: REFUND, charge_id: CHARGE },
  RefundRefused: { status: 'refused', reason: 'refund_window_closed', refund_id: REFUND, charge_id: CHARGE },
};

/** What any answer may name beside its own members. */
const ABOUT = {
  charge_id: { description: 'Must be the one that was asked about. Name it in every answer.' },
  refund_id: { description: 'Likewise.' },
  amount: { description: 'Likewise: `5000`, `5000.0` and `"5000"` are the same.' },
  currency: { description: 'Likewise, in capitals or not.' },
};

/** As the endpoint writes it: members that it adds are not read. */
const answerSchema = (name: keyof typeof ANSWERS): Schema => {
  const { properties, ...schema } = schemaOf(ANSWERS[name], 'input');
  return { ...schema, properties: { ...Object(properties), ...ABOUT } };
};

const json = (...names: Name[]) => {
  const [first, ...more] = names.map(ref);
  return {
    'application/json': {
      schema: first && more.length === 0 ? first : { oneOf: names.map(ref) },
      examples: Object.fromEntries(names.map((name) => [name, { value: EXAMPLES[name] }])),
    },
  };
};
const answer = (description: string, ...names: Name[]) => ({ description, content: json(...names) });
const bare = (description: string) => ({ description });

const UNSIGNED = bare(
  'The signature is missing, wrong, or older than five minutes. Nothing was done: the relay raises the alert ' +
    '`payment_hook_misconfigured`. 400, 403, 404 and 422 say the same to a POST.',
);
const IN_PROGRESS = bare('This id is still being processed. The relay asks again.');
const OTHER = bare('This id was used before with another amount, currency or client. Nothing was done.');
const LATER = {
  description: 'Not now. Nothing was done.',
  headers: { 'Retry-After': { description: 'Seconds, or an HTTP date.', schema: { type: 'string' } } },
};

const header = (name: string, description: string) => ({
  name,
  in: 'header',
  required: true,
  description,
  schema: { type: 'string' },
});
const SIGNED = [
  header('webhook-id', 'The message id of Standard Webhooks: a part of what is signed.'),
  header(
    'webhook-timestamp',
    'Unix seconds: a part of what is signed. Refuse what is older than five minutes.',
  ),
];
const idempotent = (field: string) => header('Idempotency-Key', `Equal to \`${field}\`.`);
const CHARGE_ID = {
  name: 'charge_id',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  example: CHARGE,
};
const common = { security: [{ standardWebhooks: [] }] };

const paths = {
  '/charges': {
    post: {
      operationId: 'charge',
      summary: 'Takes the money, at most once per charge_id, for ever',
      description:
        'The same `charge_id` comes again with the same body where an answer was lost, also at the same moment: answer ' +
        'what you answered before. A 5xx, or no answer within 20 s, is unknown: the charge is looked up.',
      ...common,
      parameters: [...SIGNED, idempotent('charge_id')],
      requestBody: { required: true, content: json('ChargeRequest') },
      responses: {
        200: answer('The money is taken.', 'Paid'),
        202: answer('Not decided yet.', 'Pending'),
        402: answer('Nothing was taken, and nothing will be under this `charge_id`.', 'Declined'),
        401: UNSIGNED,
        409: IN_PROGRESS,
        422: OTHER,
        429: LATER,
      },
    },
  },
  '/charges/{charge_id}': {
    get: {
      operationId: 'lookup',
      summary: 'What became of a charge',
      ...common,
      parameters: [CHARGE_ID, ...SIGNED],
      responses: {
        200: answer(
          'What the charge is now, also where it was declined.',
          'Paid',
          'Declined',
          'Pending',
          'Refunded',
        ),
        401: UNSIGNED,
        404: answer('Never heard of it, and no money was taken. Only this form counts.', 'NotFound'),
        409: IN_PROGRESS,
      },
    },
  },
  '/charges/{charge_id}/cancel': {
    post: {
      operationId: 'cancel',
      summary: 'Withdraws a pending payment',
      ...common,
      parameters: [CHARGE_ID, ...SIGNED],
      responses: {
        200: answer(
          'What the charge is now: `declined` where it worked, `paid` where it came too late.',
          'Declined',
          'Paid',
          'Pending',
          'Refunded',
        ),
        401: UNSIGNED,
        404: answer('Never heard of it, and no money was taken. Only this form counts.', 'NotFound'),
        409: IN_PROGRESS,
      },
    },
  },
  '/refunds': {
    post: {
      operationId: 'refund',
      summary: 'Gives the money back, at most once per refund_id, for ever',
      ...common,
      parameters: [...SIGNED, idempotent('refund_id')],
      requestBody: { required: true, content: json('RefundRequest') },
      responses: {
        200: answer('The money went back, now or before.', 'Refunded'),
        202: answer('Not decided yet. The relay asks again, once a day.', 'RefundPending'),
        402: answer('It cannot be refunded, or the charge is not known. A person is asked.', 'RefundRefused'),
        401: UNSIGNED,
        409: IN_PROGRESS,
        422: OTHER,
        429: LATER,
      },
    },
  },
};

/** The agency's payment endpoint in OpenAPI 3.1: what the relay sends, and the answers that it understands. */
export function paymentHookDocument() {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Payment endpoint of Recharge Relay',
      version: packageJson.version,
      description:
        'You write this endpoint; the relay calls it. Per `charge_id` money is taken at most once, for ever, whatever ' +
        'comes again and at the same moment. docs/payment-hook.md says why, examples/payment-endpoint.mjs is one, and ' +
        '`npx relay payments test` tries yours.',
      license: { name: packageJson.license, identifier: packageJson.license },
    },
    servers: [
      {
        url: 'https://{host}',
        description: 'Yours: `payment.url` of the configuration.',
        variables: { host: { default: 'payments.example.com' } },
      },
    ],
    paths,
    components: {
      schemas: {
        ChargeRequest: schemaOf(chargeBodySchema, 'input'),
        RefundRequest: schemaOf(refundBodySchema, 'input'),
        Paid: answerSchema('Paid'),
        Declined: answerSchema('Declined'),
        Pending: answerSchema('Pending'),
        Refunded: answerSchema('Refunded'),
        NotFound: answerSchema('NotFound'),
        RefundPending: answerSchema('RefundPending'),
        RefundRefused: answerSchema('RefundRefused'),
      },
      securitySchemes: {
        standardWebhooks: {
          type: 'apiKey',
          in: 'header',
          name: 'webhook-signature',
          description:
            'https://www.standardwebhooks.com: `v1,` and the HMAC-SHA256 in base64 over ' +
            '`{webhook-id}.{webhook-timestamp}.{raw body}`, with the secret `paymentHook`. A GET and a cancellation sign ' +
            'the empty body.',
        },
      },
    },
  };
}
