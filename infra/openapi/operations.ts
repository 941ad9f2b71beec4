import type { Direction } from '../../shared/channels/message.ts';
import { channelNameSchema } from '../../shared/channels/message.ts';
import { type ErrorCode, ref, type Schema, type SchemaName, schemaOf } from './schemas.ts';
import { adapters, chatSecurity, ownSecurity } from './security.ts';

interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  security: Record<string, string[]>[];
  parameters?: object[];
  requestBody: { required: true; description: string; content: Content };
  responses: Record<string, { description: string; content: Content }>;
}

type Content = Record<
  string,
  { schema: Schema; examples: Record<string, { summary?: string; value: unknown }> }
>;

/** The largest body, in bytes. */
const LARGEST = { webhook: 65_536, message: 262_144 };
const bodyOf = (what: keyof typeof LARGEST) =>
  `In UTF-8, at most ${LARGEST[what] / 1024} KB, also unpacked; read as JSON whatever the content type says, or else as a ` +
  'form where the content type says that it is one.';
const AGAIN = 'Any answer but 2xx asks the sender to send again; a repetition is recognised by its';

const KEY = 'key-1';
const MESSAGE = { id: 'rrm-0123456789abcdef01234567' };
const EMAIL = 'client@example.com';

/** The object of this name, with an example. */
type Body = [name: SchemaName, example: object];

/** One of these, in JSON. */
function answer(description: string, ...bodies: Body[]) {
  const [first, ...more] = bodies.map(([name]) => ref(name));
  return {
    description,
    content: {
      'application/json': {
        schema: first && more.length === 0 ? first : { anyOf: [first, ...more] },
        examples: Object.fromEntries(bodies.map(([name, value]) => [name, { value }])),
      },
    },
  };
}

/** The envelope with this code, and no other. */
function error(description: string, code: ErrorCode, message: string) {
  const only = { error: { type: 'object', properties: { code: { const: code } } } };
  return {
    description,
    content: {
      'application/json': {
        schema: { ...ref('Error'), type: 'object', properties: only },
        examples: { [code]: { value: { error: { code, message } } } },
      },
    },
  };
}

/** The same status also from the gateway, which has limits and faults of its own. */
function orGateway({ description, content }: ReturnType<typeof error>, message: string) {
  const { schema, examples } = content['application/json'];
  return {
    description: `${description} The gateway in front may say the same in its own form.`,
    content: {
      'application/json': {
        schema: { anyOf: [schema, ref('GatewayError')] },
        examples: { ...examples, GatewayError: { value: { message } } },
      },
    },
  };
}

const CAPTURED: Body = ['Captured', { status: 'captured' }];
const BUT_CAPTURED =
  'Or it could not be verified, but its address holds the token of a capture that is on: it is kept, and has no ' +
  'other effect.';

/** @param what comes here, in the words of the messages. */
const failures = (what: keyof typeof LARGEST) => ({
  401: error(
    'Not verified: the secret or the signature is missing or wrong, or no verifier or secret is set yet.',
    'UNAUTHORIZED',
    `The ${what} could not be verified.`,
  ),
  413: orGateway(
    error(
      'Too large. Nothing was read of it.',
      'TOO_LARGE',
      `The body is larger than ${LARGEST[what]} bytes.`,
    ),
    'Request Too Long',
  ),
  500: orGateway(
    error(
      'It could not be stored or queued. Send it again.',
      'NOT_STORED',
      `The ${what} could not be stored. Please send it again.`,
    ),
    'Internal Server Error',
  ),
  default: answer(
    'From the gateway in front: 429 where too much comes at once, 5xx where it got no answer from us. Send it again.',
    ['GatewayError', { message: 'Too Many Requests' }],
  ),
});

const notUnderstood = (what: 'webhook' | 'message', reason: string) =>
  error(
    'Verified, but not understood; the message says why. It is kept whole for 30 days, and can be replayed once the ' +
      'configuration is mended.',
    'NOT_UNDERSTOOD',
    `Not understood: ${reason}. The ${what} is kept for 30 days.`,
  );

const rechargeWebhook: Operation = {
  operationId: 'receiveRechargeWebhook',
  tags: ['recharges'],
  summary: "The platform's auto-recharge webhook",
  description:
    'The client is charged, and credits are granted, once for each idempotency key, however often the webhook comes. ' +
    `The answer comes first, before any money moves. ${AGAIN} key.`,
  security: ownSecurity,
  requestBody: {
    required: true,
    description: bodyOf('webhook'),
    content: {
      'application/json': {
        schema: ref('RechargeWebhook'),
        examples: {
          byEmail: {
            summary: 'The client by email',
            value: { idempotency_key: KEY, email: EMAIL, credits: 500 },
          },
          byId: {
            summary: "The client by the platform's id, further inside",
            value: {
              event: 'auto_recharge',
              credits: 500,
              data: { idempotency_key: KEY, sub_account: { id: 4711 } },
            },
          },
        },
      },
    },
  },
  responses: {
    200: answer('A known key, with the phase of its recharge. Nothing was done.', [
      'RechargeKnown',
      { status: 'completed', idempotency_key: KEY },
    ]),
    202: answer(
      `New: stored and queued. ${BUT_CAPTURED}`,
      ['RechargeReceived', { status: 'received', idempotency_key: KEY }],
      CAPTURED,
    ),
    400: notUnderstood(
      'webhook',
      'the idempotency key (idempotency_key, data.idempotency_key) must be text, or a whole number',
    ),
    409: error(
      'A known key with another client or number of credits. The first one stands; this one is kept for 30 days.',
      'KEY_REUSED',
      'This idempotency_key was received before, for another client or number of credits. The first one stands. ' +
        'Nothing is charged for this one, and it is kept for 30 days.',
    ),
    ...failures('webhook'),
  },
};

const CHANNEL = {
  name: 'channel',
  in: 'path',
  required: true,
  description: 'The name of the channel in the configuration.',
  schema: schemaOf(channelNameSchema, 'input'),
  example: 'support',
};

const channelFailures = {
  404: error(
    'No channel of this name is configured.',
    'UNKNOWN_CHANNEL',
    'There is no such channel, or not this way of it.',
  ),
  ...failures('message'),
};

const idReused = error(
  'A known id with another message. The first one stands; this one is kept for 30 days.',
  'KEY_REUSED',
  'This id was received before, with another message. The first one stands. This one is not passed on, and is kept for 30 days.',
);

const known: Body = ['Message', { status: 'delivered', ...MESSAGE }];
const taken: Body = ['Message', { status: 'queued', ...MESSAGE }];
const NEW =
  'New: stored and queued, in the order of its contact; or further already, where the worker was quicker.';

/** 2026-01-05, 12:00 UTC: examples are the same whenever they are made. */
const EXAMPLE_AT = 1_767_614_400_000;

/** Telegram numbers both; at Slack, `channel:person`. */
const WRITTEN = { id: '10001', contact: '1111111', text: 'Hello' };

const twiml = adapters.find(([name]) => name === 'twilio')?.[1].accepted.body;

const fromChat: Operation = {
  operationId: 'receiveChatMessage',
  tags: ['channels'],
  summary: 'What contacts write in the chat system, for the platform',
  description:
    'The chat system POSTs here, in its own form, which the adapter of the channel reads: `telegram`, `chatwoot`, ' +
    '`slack`, `gohighlevel`, `twilio`, `respondio`, or `webhook` for any other. ' +
    'A conversation provider of GoHighLevel signs: `X-GHL-Signature`, Ed25519 over the body, in base64. ' +
    'The answer is the one that the chat system wants to hear, also for what is ' +
    'not relayed and for what is verified but not understood, which is kept for 30 days: a chat system that hears ' +
    `refusals may switch itself off. ${AGAIN} id.`,
  security: chatSecurity,
  parameters: [CHANNEL],
  requestBody: {
    required: true,
    description: `Each system's own. ${bodyOf('message')}`,
    content: {
      'application/json': {
        schema: { type: 'object' },
        examples: Object.fromEntries(
          adapters.map(([name, { sample }]) => {
            const said = name === 'slack' ? { ...WRITTEN, contact: 'C012AB3CD:U061F7AUR' } : WRITTEN;
            return [name, { value: JSON.parse(sample(said, EXAMPLE_AT)) }];
          }),
        ),
      },
    },
  },
  responses: {
    200: {
      description:
        'Taken, from `telegram`, `chatwoot`, `slack`, `gohighlevel`, `twilio` or `respondio`. The body is empty, but for ' +
        "the `challenge` of Slack's `url_verification`, which is given back, for Twilio, which gets TwiML that says " +
        'nothing, and for respond.io, which hears what the relay calls its message.',
      content: {
        'text/xml': { schema: { type: 'string' }, examples: { twiml: { value: twiml } } },
        'application/json': {
          schema: ref('MessageNamed'),
          examples: { MessageNamed: { value: { mId: MESSAGE.id } }, ignored: { value: {} } },
        },
        'text/plain': {
          schema: { type: 'string' },
          examples: {
            empty: { value: '' },
            challenge: { value: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P' },
          },
        },
      },
    },
    202: answer(
      `Taken, from a \`webhook\` channel. ${BUT_CAPTURED}`,
      ['MessageReceived', { status: 'received' }],
      CAPTURED,
    ),
    ...channelFailures,
  },
};

const fromPlatform: Operation = {
  operationId: 'receivePlatformReply',
  tags: ['channels'],
  summary: "The platform's replies, for the chat system",
  description:
    'The platform POSTs here what its AI, or a person there, replies. Where the fields stand is configuration ' +
    '(`outgoing` of the channel) and has no default; until `contact` and `text` are set, each reply is kept. ' +
    `${AGAIN} id, where it has one.`,
  security: ownSecurity,
  parameters: [CHANNEL],
  requestBody: {
    required: true,
    description: `As the channel's \`outgoing\` maps it. ${bodyOf('message')}`,
    content: {
      'application/json': {
        schema: { type: 'object' },
        examples: {
          mapped: {
            summary: 'With "id": "/messageId", "contact": "/contactId", "text": "/body"',
            value: { messageId: 'm-1', contactId: 'customer-1', body: 'Your order has been shipped.' },
          },
        },
      },
    },
  },
  responses: {
    200: answer('A known id, with the status of its message: nothing was done. Or nothing to relay.', known, [
      'Ignored',
      { status: 'ignored', reason: 'it is our own message coming back' },
    ]),
    202: answer(`${NEW} ${BUT_CAPTURED}`, taken, CAPTURED),
    400: notUnderstood('message', 'outgoing.contact is not configured yet'),
    409: idReused,
    ...channelFailures,
  },
};

const fromOwnSystems: Operation = {
  operationId: 'sendMessage',
  tags: ['channels'],
  summary: 'A message of your own systems, through the platform to a contact',
  description: `The same id on the same channel is sent once. ${AGAIN} id.`,
  security: ownSecurity,
  parameters: [CHANNEL],
  requestBody: {
    required: true,
    description: bodyOf('message'),
    content: {
      'application/json': {
        schema: ref('SendMessage'),
        examples: {
          shipped: {
            value: {
              id: 'order-4711-shipped',
              fromId: 'customer-1',
              body: 'Your order has been shipped.',
              firstName: 'Jane',
            },
          },
        },
      },
    },
  },
  responses: {
    200: answer('A known id, with the status of its message. Nothing was done.', known),
    202: answer(`${NEW} ${BUT_CAPTURED}`, taken, CAPTURED),
    400: notUnderstood('message', 'body must not be blank'),
    409: idReused,
    ...channelFailures,
  },
};

const ways: Record<Direction, Operation> = {
  incoming: fromChat,
  outgoing: fromPlatform,
  send: fromOwnSystems,
};

/** All that the stack routes to us. `GET /health` is of `npm start` alone. */
export const paths: Record<string, { post: Operation }> = {
  '/webhooks/auto-recharge': { post: rechargeWebhook },
  ...Object.fromEntries(
    Object.entries(ways).map(([direction, post]) => [`/channels/{channel}/${direction}`, { post }]),
  ),
};
