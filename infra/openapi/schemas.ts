import * as z from 'zod';
import { MESSAGE_STATUSES } from '../../shared/channels/message.ts';
import { sendSchema } from '../../shared/channels/sending.ts';
import { emailSchema } from '../../shared/email.ts';
import { PHASES } from '../../shared/recharge/recharge.ts';
import { rechargeSchema } from '../../shared/recharge/settings.ts';
import { creditsSchema, keySchema, platformIdSchema } from '../../shared/recharge/webhook.ts';

/** JSON Schema 2020-12, which is what OpenAPI 3.1 takes. */
export type Schema = Record<string, unknown>;

const ERRORS = {
  NOT_UNDERSTOOD: 'verified, but not understood; kept whole for 30 days',
  UNAUTHORIZED: 'the sender could not be verified',
  UNKNOWN_CHANNEL: 'no channel of this name, or not this way of it',
  KEY_REUSED: 'known already, with other content; the first one stands, this one is kept for 30 days',
  TOO_LARGE: 'the body is larger than is taken',
  NOT_STORED: 'it could not be stored: send it again',
} as const;
export type ErrorCode = keyof typeof ERRORS;

const inWords = (words: object) =>
  Object.entries(words)
    .map(([word, meaning]) => `\`${word}\`: ${meaning}.`)
    .join(' ');

const idempotencyKey = keySchema.check(z.describe('The `idempotency_key` of the webhook.'));

/**
 * All that our endpoints answer in JSON, by name. The handlers write these objects where they know them, and have
 * no use for a schema: a test holds the two together.
 */
const answers = {
  RechargeReceived: z
    .strictObject({ status: z.literal('received'), idempotency_key: idempotencyKey })
    .describe('A new recharge: stored.'),
  RechargeKnown: z
    .strictObject({
      status: z
        .enum(PHASES)
        .describe('The phase of the recharge. The last four are the end: such a recharge never changes.'),
      idempotency_key: idempotencyKey,
    })
    .describe('The key is known. Nothing was charged or granted for this repetition.'),
  MessageReceived: z.strictObject({ status: z.literal('received') }).describe('Taken from the chat system.'),
  MessageNamed: z
    .strictObject({ mId: z.string().min(1).max(50).exactOptional() })
    .describe(
      'Taken from respond.io, with what the relay calls the message. Empty where there is nothing to relay.',
    ),
  Message: z
    .strictObject({
      status: z
        .enum(MESSAGE_STATUSES)
        .describe('`received`, `queued` and `delivering` are under way; the others are the end.'),
      id: z
        .string()
        .regex(/^rrm-[0-9a-f]{24}$/)
        .describe('Names the message here, for ever: `npx relay messages show ID`.'),
    })
    .describe('A message, and what has become of it so far.'),
  Ignored: z
    .strictObject({ status: z.literal('ignored'), reason: z.string().min(1) })
    .describe('Understood, and nothing to relay: our own message coming back, or not what is asked for.'),
  Captured: z
    .strictObject({ status: z.literal('captured') })
    .describe('Not verified, but its address holds the token of a capture that is on: kept, without effect.'),
  Error: z
    .strictObject({
      error: z.strictObject({
        code: z.enum(Object.keys(ERRORS)).describe(inWords(ERRORS)),
        message: z.string().min(1).describe('For people. It quotes no value of the request.'),
      }),
    })
    .describe('Any error, in the envelope that the platform itself has.'),
  GatewayError: z
    .strictObject({ message: z.string() })
    .describe(
      'The word of the gateway in front: the request did not reach us, or our answer did not reach it.',
    ),
};

/** Its digits count. */
const wholeNumber = z.int().nonnegative();

const fields = {
  IdempotencyKey: z
    .union([keySchema, wholeNumber])
    .describe('The same key is the same recharge, however often it comes.'),
  ClientEmail: emailSchema.check(z.describe('The client. Blanks around it and capitals do not matter.')),
  PlatformId: z
    .union([platformIdSchema, wholeNumber])
    .describe('The client, by the id that `relay accounts set` linked to an account.'),
  Credits: creditsSchema.check(
    z.describe('Whole credits. The price of them comes from the configuration alone.'),
  ),
};

export type SchemaName = keyof typeof answers | keyof typeof fields | 'RechargeWebhook' | 'SendMessage';

export const ref = (name: SchemaName): Schema => ({ $ref: `#/components/schemas/${name}` });

/** As a schema of ours stands in the document. `input`: as a sender may write it. */
export function schemaOf(schema: z.core.$ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema }) => asWritten(jsonSchema),
  });
  return rest;
}

/** What is left out where it cannot be read takes anything (`orLeftOut`). The document says what is read of it. */
function asWritten(schema: z.core.JSONSchema.BaseSchema): void {
  const [read, anything, ...others] = schema.anyOf ?? [];
  if (read === undefined || anything === undefined || others.length > 0) return;
  if (Object.keys(anything).length > 0) return;
  const { anyOf: _, ...own } = schema;
  delete schema.anyOf;
  Object.assign(schema, read, own);
}

const allOf = (schemas: Record<string, z.core.$ZodType>, io: 'input' | 'output') =>
  Object.entries(schemas).map(([name, schema]) => [name, schemaOf(schema, io)] as const);

/** By name, for the document's `components`. */
export const componentSchemas = (): Record<string, Schema> => ({
  RechargeWebhook: rechargeWebhook(),
  SendMessage: sendMessage(),
  ...Object.fromEntries([...allOf(fields, 'input'), ...allOf(answers, 'output')]),
});

/** The payload by the default fields, with the one setting that has no default as `npm start` has it. */
function rechargeWebhook(): Schema {
  const { keyFields, emailFields, platformIdFields } = rechargeSchema.parse({});
  const creditsField = 'credits';
  const placed: Field[] = [
    ...keyFields.map((path): Field => [path, ref('IdempotencyKey')]),
    ...emailFields.map((path): Field => [path, ref('ClientEmail')]),
    ...platformIdFields.map((path): Field => [path, ref('PlatformId')]),
    [creditsField, ref('Credits')],
  ];
  return {
    description:
      'Where the fields stand is configuration: `recharge.keyFields`, `emailFields`, `platformIdFields` and ' +
      '`creditsField`. Here they stand by default, with `creditsField` set to `credits`. Of several places of a ' +
      'field the first one counts that holds a value; an email counts before an id. Other members are allowed.',
    ...objectOf(placed),
    required: [creditsField],
    allOf: [{ anyOf: keyFields.map(needing) }, { anyOf: [...emailFields, ...platformIdFields].map(needing) }],
  };
}

/** A path such as `data.sub_account.email`, and what stands there. */
type Field = [path: string, schema: Schema];

function objectOf(placed: Field[]): Schema {
  const byName = Map.groupBy(placed, ([path]) => nameIn(path));
  const properties = [...byName].map(([name, below]): [string, Schema] => {
    const here = below.find(([path]) => path === name);
    return [name, here ? here[1] : objectOf(below.map(([path, schema]) => [restOf(path), schema]))];
  });
  return { type: 'object', properties: Object.fromEntries(properties) };
}

function needing(path: string): Schema {
  const name = nameIn(path);
  if (name === path) return { type: 'object', required: [name] };
  return { type: 'object', required: [name], properties: { [name]: needing(restOf(path)) } };
}

const nameIn = (path: string) => path.split('.', 1).join();
const restOf = (path: string) => path.slice(path.indexOf('.') + 1);

/** A check in code cannot tell JSON Schema this: at least one character is no blank. */
const NOT_BLANK = { pattern: '\\S' };
const PRINTABLE = schemaOf(keySchema, 'input');

const SEND_FIELDS: Record<keyof typeof sendSchema.shape, Schema> = {
  id: { ...PRINTABLE, description: 'Your own: the same id on the same channel is sent once.' },
  fromId: {
    ...PRINTABLE,
    description: "The contact's id in the external system, who need not have written yet.",
  },
  body: { ...NOT_BLANK, description: 'The text.' },
  campaignId: {
    ...PRINTABLE,
    description: "Routes a new conversation to a campaign. Default: the channel's.",
  },
  firstName: { ...NOT_BLANK, description: 'For a contact that is new.' },
  lastName: { ...NOT_BLANK, description: 'For a contact that is new.' },
  email: { description: 'Of the contact.' },
};

function sendMessage(): Schema {
  const { properties = {}, ...rest } = z.toJSONSchema(sendSchema, { io: 'input' });
  const { $schema: _, ...schema } = rest;
  const described = Object.entries(SEND_FIELDS).map(([name, more]) => [name, merged(properties[name], more)]);
  return {
    description: "The names are those of the platform's own endpoint, with an `id` of yours.",
    ...schema,
    properties: Object.fromEntries(described),
  };
}

const merged = (schema: unknown, more: Schema): Schema => ({ ...Object(schema), ...more });
