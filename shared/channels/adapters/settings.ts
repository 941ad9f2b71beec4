import * as z from 'zod';
import { isSafeUrl } from '../../http.ts';
import { type Verifier, verifierSchema } from '../../incoming/verifier-settings.ts';
import { WRITTEN } from '../../platform/written.ts';
import { conditionSchema, pointersSchema } from '../pointer-settings.ts';
import { apiAddress } from './address.ts';
import { KINDS } from './beside.ts';
import { ed25519Key } from './ed25519.ts';
import { PLACEHOLDER } from './text.ts';

/** What is set of each chat system beside what every channel has. No function loads this file: a configuration is checked before. */

const BODY_PLACEHOLDERS = ['id', 'to', 'thread', 'contact', 'text', 'attachments', 'token'];
const HEADER_PLACEHOLDERS = ['token'];

/** A mistyped placeholder would otherwise be sent as it stands, or leave a message without its text. */
const holdsOnly = (known: string[]) => (value: unknown) =>
  [...JSON.stringify(value).matchAll(PLACEHOLDER)].every(([, name = '']) => known.includes(name));

/** Any system that can POST JSON and be POSTed to: where its fields stand is said here. */
export const webhookSettings = {
  incoming: z.strictObject({
    verifiers: z.array(verifierSchema).min(1),
    id: pointersSchema,
    contact: pointersSchema,
    text: pointersSchema,
    firstName: pointersSchema.exactOptional(),
    lastName: pointersSchema.exactOptional(),
    email: pointersSchema.exactOptional(),
    /** A list of addresses, or one. */
    attachments: pointersSchema.exactOptional(),
    /** What makes a message a reaction. */
    reaction: conditionSchema.exactOptional(),
    /** Where replies to this contact go, where that is not the contact itself. */
    replyTo: pointersSchema.exactOptional(),
    /**
     * Where the system repeats the `{{id}}` it was given: what has one of ours is our own message coming
     * back.
     */
    echoId: pointersSchema.exactOptional(),
    /** Where the place within that place stands, such as a thread: a delivery has it as `{{thread}}`. */
    thread: pointersSchema.exactOptional(),
    /** Where the kind of a message stands: of one that has nothing else that can be read, it is told. */
    kind: pointersSchema.exactOptional(),
    /** What else a message may hold: its kind, and where it stands. It is told below the text. */
    beside: z.partialRecord(z.enum(KINDS), pointersSchema).exactOptional(),
    /**
     * The system's mark of what is no message of a contact: its own echoes of what we delivered, receipts.
     */
    ignore: z.array(conditionSchema).default([]),
    /** What a 0 in a pointer stands for, where the list has more: each element, or the first one alone. */
    lists: z.enum(['each', 'first']).default('each'),
    /** The contact is a phone number, and becomes E.164. */
    phone: z
      .strictObject({
        /** How the system writes numbers: `e164` with +, `international` with the code alone, `national`. */
        written: z.enum(WRITTEN).exactOptional(),
        /** Where a number without a country code is at home. */
        defaultCountry: z
          .string()
          .regex(/^[A-Z]{2}$/, 'must be two capital letters of ISO 3166')
          .exactOptional(),
      })
      .refine(({ written, defaultCountry }) => written !== 'national' || defaultCountry !== undefined, {
        error: 'national numbers need a defaultCountry',
      })
      .exactOptional(),
  }),
  delivery: z.strictObject({
    url: z
      .string()
      .refine(isSafeUrl, 'must be https (http on this machine only)')
      .refine((url) => !url.includes('{{'), 'holds no {{…}}: those belong into the body and the headers'),
    /** `{{token}}` stands for this channel's token in the outbound secret. */
    headers: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z0-9-]+$/, 'must be a header name')
          .toLowerCase(),
        z.string().refine(holdsOnly(HEADER_PLACEHOLDERS), 'a header holds no {{…}} but {{token}}'),
      )
      .default({}),
    /**
     * JSON, in whose texts `{{id}}`, `{{to}}`, `{{thread}}`, `{{contact}}`, `{{text}}` and `{{attachments}}` are
     * replaced. A member that is nothing but `{{thread}}` is left out where there is none.
     */
    body: z
      .record(z.string(), z.json())
      .refine(holdsOnly(BODY_PLACEHOLDERS), `knows {{${BODY_PLACEHOLDERS.join('}}, {{')}}}`)
      .default({ id: '{{id}}', contact: '{{contact}}', text: '{{text}}' }),
    /** Where the answer says what the system calls the message. */
    externalId: pointersSchema.exactOptional(),
    /** Whether the system takes a second request with the same `{{id}}` for the same message. */
    dedupes: z.boolean().default(false),
    /** Longer texts are cut into parts. UTF-16 units. */
    maxLength: z.int().min(100).default(4_000),
    /** Whom a wait is for that an answer asks for: all that goes through this channel, or the contact alone. */
    waits: z.enum(['channel', 'contact']).default('channel'),
    /** What the system's answers mean beyond their HTTP status. */
    answer: z
      .strictObject({
        /** Certainly not delivered, and trying again will not help. */
        refused: z.array(conditionSchema).default([]),
        /** Certainly not delivered, and to be tried again later, as for a 429. */
        waits: z.array(conditionSchema).default([]),
        /** Likewise, and the limit is the contact's alone. */
        contactWaits: z.array(conditionSchema).default([]),
        /** Where the seconds to wait stand. */
        waitSeconds: pointersSchema.exactOptional(),
        /** Where the reason of a refusal stands, if not where others put it. */
        reason: pointersSchema.exactOptional(),
        /** Where a refusal names the place to which the contact has moved. */
        replyTo: pointersSchema.exactOptional(),
        /** Where a refusal names the longest text. */
        maxLength: pointersSchema.exactOptional(),
      })
      .prefault({}),
  }),
};

export type WebhookSettings = z.infer<z.ZodObject<typeof webhookSettings>>;

/** A Telegram bot. https://core.telegram.org/bots/api */
export const telegramSettings = {
  /** Another one is a Bot API server of your own. */
  apiUrl: apiAddress.default('https://api.telegram.org'),
  /** Whether what people write in groups is relayed too: each of them is a contact for each group. */
  groups: z.boolean().default(false),
};
export type TelegramSettings = z.infer<z.ZodObject<typeof telegramSettings>>;

/**
 * `X-Chatwoot-Signature: sha256=<hex>` over `<timestamp>.<raw body>`, with a secret that Chatwoot makes for
 * each webhook: since 4.11.2 for account webhooks, since 4.13.0 for API channels.
 * https://github.com/chatwoot/chatwoot/pull/13573
 */
const CHATWOOT_SIGNATURE: Verifier = {
  type: 'hmac',
  header: 'x-chatwoot-signature',
  encoding: 'hex',
  prefix: 'sha256=',
  signs: '{timestamp}.{body}',
  timestampHeader: 'x-chatwoot-timestamp',
  toleranceSeconds: 300,
};

/** One account of Chatwoot. https://developers.chatwoot.com */
export const chatwootSettings = {
  /** `https://app.chatwoot.com`, or an installation of your own. */
  baseUrl: apiAddress,
  accountId: z.int().positive(),
  /** A webhook of an account tells of all inboxes: only these are relayed. */
  inboxIds: z.array(z.int().positive()).min(1).exactOptional(),
  /** For an installation that does not sign, or not with the secret it shows. */
  verifiers: z.array(verifierSchema).min(1).default([CHATWOOT_SIGNATURE]),
  /**
   * Longer texts are cut into parts. UTF-16 units. Chatwoot takes more; what is behind an inbox may not:
   * WhatsApp's limit is 4,096.
   */
  maxLength: z.int().min(100).default(4_000),
};
export type ChatwootSettings = z.infer<z.ZodObject<typeof chatwootSettings>>;

/** A Slack app. https://docs.slack.dev/apis/events-api */
export const slackSettings = {
  /** Another one is for tests. */
  apiUrl: apiAddress.default('https://slack.com/api'),
  /**
   * Where replies go: `follow` into the thread where the message was written in one, `always` into a thread
   * of the message, `never` into the channel.
   */
  threads: z.enum(['follow', 'always', 'never']).default('follow'),
};
export type SlackSettings = z.infer<z.ZodObject<typeof slackSettings>>;

/** A header with fixed text, which a workflow's *Custom Webhook* can send. A workflow signs nothing. */
const WORKFLOW_TOKEN: Verifier = {
  type: 'token',
  header: 'x-webhook-token',
  prefix: '',
  query: 'token',
};

/** https://marketplace.gohighlevel.com/docs/webhook/WebhookIntegrationGuide */
const PUBLIC_KEY = 'MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg=';

const providerSettings = z.strictObject({
  /** `conversationProviderId`. The provider that replaces the default SMS provider is addressed without one. */
  id: z.string().min(1).max(255).exactOptional(),
  /**
   * Whether GoHighLevel is told what became of each message. It hears that only from the app that the provider belongs to:
   * with any other token each of these requests is refused.
   */
  reports: z.boolean().default(false),
});

/** One sub-account of GoHighLevel (a location). https://marketplace.gohighlevel.com/docs */
export const goHighLevelSettings = {
  /** Another one is for tests. */
  apiUrl: apiAddress.default('https://services.leadconnectorhq.com'),
  locationId: z.string().min(1).max(255),
  /** What a reply is sent as. */
  type: z.enum(['SMS', 'WhatsApp', 'IG', 'FB', 'Live_Chat', 'Custom']).default('SMS'),
  /**
   * With it the channel is a conversation provider: messages come through its delivery URL, and replies are added as
   * inbound messages. Without it messages come from a workflow, and replies are sent to the contact.
   */
  provider: providerSettings.exactOptional(),
  /** What GoHighLevel signs with. SPKI in base64, the middle line of a PEM file. */
  publicKey: z
    .string()
    .refine((key) => ed25519Key(key) !== undefined, 'must be the public key of Ed25519, in base64')
    .default(PUBLIC_KEY),
  verifiers: z.array(verifierSchema).min(1).default([WORKFLOW_TOKEN]),
  /** Longer texts are cut into parts. UTF-16 units. 1,600 is the most that carriers take as one SMS. */
  maxLength: z.int().min(100).default(1_600),
};
export type GoHighLevelSettings = z.infer<z.ZodObject<typeof goHighLevelSettings>>;

/** One account of Twilio: SMS, MMS and WhatsApp. https://www.twilio.com/docs/messaging */
export const twilioSettings = {
  accountSid: z.string().regex(/^AC[0-9a-f]{32}$/, 'must be AC and 32 digits of 0-9 and a-f'),
  /** The address of this channel exactly as it is entered at Twilio, which signs it. Never what a request says of its host. */
  publicUrl: z.string().refine(isSafeUrl, 'must be https (http on this machine only)'),
  /**
   * Who writes to a contact who has not written: a number, `whatsapp:` and a number, or a Messaging Service (`MG…`).
   * Everybody else is answered from the number they wrote to.
   */
  sender: z.string().min(1).max(255).exactOptional(),
  /** `media`: files are sent as such, a message each. `links`: below the text, which every phone can show. */
  files: z.enum(['links', 'media']).default('links'),
  /** One of Twilio's regions; another one is for tests. https://www.twilio.com/docs/global-infrastructure */
  apiUrl: apiAddress.default('https://api.twilio.com'),
};
export type TwilioSettings = z.infer<z.ZodObject<typeof twilioSettings>>;

/** One custom channel of respond.io. */
export const respondioSettings = {
  /** The host moved from `app.respond.io` on 5 August 2026. */
  baseUrl: apiAddress.default('https://webhook.respond.io'),
  /** Shown with the API token where the channel is made. */
  channelId: z.string().regex(/^[^\p{C}\s]{1,255}$/u, 'must be the Channel ID that respond.io shows'),
  /** Longer texts are cut into parts. UTF-16 units. */
  maxLength: z.int().min(100).default(4_000),
};
export type RespondioSettings = z.infer<z.ZodObject<typeof respondioSettings>>;
