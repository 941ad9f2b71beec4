import * as z from 'zod/mini';
import { readJson } from '../http.ts';
import { type Call, type CallOptions, type Exchange, prepareCall, withRequestId } from './call.ts';
import { type AgencyFault, outcomeOf } from './outcome.ts';
import {
  type Contact,
  type CustomChannelMessage,
  contactSchema,
  customChannelMessageSchema,
  doneSchema,
  type IncomingMessage,
  incomingMessageSchema,
} from './schemas.ts';

/** Each word with what it does, as a person is told of it. */
const OPERATIONS = {
  createContact: 'Creating a contact',
  findContact: 'Finding a contact',
  addToList: 'Adding a contact to a list',
  sendMessage: 'Sending a message',
  receiveMessage: 'Handing over an incoming message',
};

export type Operation = keyof typeof OPERATIONS;

/** The arguments cannot be meant; nothing was sent. Names places and rules, never values. */
export class PlatformRequestError extends Error {
  constructor(operation: Operation, error: z.core.$ZodError) {
    super(`${OPERATIONS[operation]} was not tried:\n${z.prettifyError(error)}`);
    this.name = 'PlatformRequestError';
  }
}

interface Failure {
  operation: Operation;
  /** Nothing was done and it may be tried again; nothing was done and it is of no use; or nobody knows. */
  outcome: 'not_applied' | 'refused' | 'unknown';
  /** Whether a repetition cannot do it twice. */
  mayRepeat: boolean;
  /** The HTTP status, where there was an answer. */
  status?: number;
  /** The platform's word for the error. */
  code?: string;
  /** The platform's name for the request, for its support. */
  requestId?: string;
  /** As our own pace or the platform says, however long that is. */
  retryAfterMs?: number;
  /** What concerns every call with this key and address, not this one alone. */
  agencyFault?: AgencyFault;
}

/** What became of a call that was not done as asked. Its message holds no key, no email and no query string. */
export class PlatformError extends Error implements Failure {
  declare readonly operation: Operation;
  declare readonly outcome: Failure['outcome'];
  declare readonly mayRepeat: boolean;
  declare readonly status?: number;
  declare readonly code?: string;
  declare readonly requestId?: string;
  declare readonly retryAfterMs?: number;
  declare readonly agencyFault?: AgencyFault;

  /** @param detail what happened, without secrets. */
  constructor(failure: Failure, detail: string) {
    const what = `${OPERATIONS[failure.operation]} ${WHAT_HAPPENED[failure.outcome]}`;
    super(`${what}: ${detail.replace(/\.$/, '')}. ${whatToDo(failure)}`);
    this.name = 'PlatformError';
    Object.assign(this, failure);
  }
}

const WHAT_HAPPENED = {
  not_applied: 'did not happen',
  refused: 'was refused',
  unknown: 'has no known outcome',
};

const MENDED_BY: Record<AgencyFault, string> = {
  unauthorized: 'Check the API key.',
  forbidden: 'Check what the API key is allowed to do.',
  redirected: 'Check the address of the platform.',
  wrong_address: 'Check the address of the platform.',
  pool_empty: "Fill up the agency's credits.",
  rate_limited: "Ask the platform's support why it wants so long a wait.",
};

function whatToDo({ outcome, mayRepeat, retryAfterMs, agencyFault }: Failure): string {
  if (outcome === 'refused') return 'The same request would be refused again: correct it.';
  const first = agencyFault === undefined ? '' : `${MENDED_BY[agencyFault]} `;
  if (!mayRepeat) return `${first}Look whether it is there before you repeat it.`;
  if (retryAfterMs !== undefined) return `${first}It may be repeated in ${Math.ceil(retryAfterMs / 1000)} s.`;
  if (agencyFault !== undefined) return `${first}Then it may be repeated.`;
  return 'It may be repeated.';
}

/**
 * What the relay of messages needs of the platform's API. Nothing is repeated here; an error says whether it may be.
 *
 * Each one rejects with a `PlatformRequestError` for arguments that cannot be meant, with a `PlatformError` where it
 * was not done or nobody knows, and where the API key cannot be read.
 */
export interface PlatformOperations {
  /**
   * A contact that has the same phone number is returned, and not created again.
   *
   * @returns `existed` where the status says it: 200 for a contact that was there, 201 for a new one.
   */
  createContact(contact: NewContact): Promise<{ contact: Contact; existed: boolean | undefined }>;
  /** @returns undefined where the platform knows none. */
  findContact(by: ContactKey): Promise<Contact | undefined>;
  addToList(listId: string, contactId: string): Promise<void>;
  /** Sends to a contact through a custom channel. The platform has no key against a second message. */
  sendMessage(message: CustomChannelMessage): Promise<{ messageId?: string }>;
  /** Hands over what a contact wrote. The platform knows it again by its `messageSid`. */
  receiveMessage(message: IncomingMessage): Promise<{ messageId?: string }>;
}

const text = z.string('must be text').check(z.minLength(1, 'must not be empty'));
const email = z.string().check(z.regex(/^[^\s@]+@[^\s@]+$/, 'must be an email address'));
/** Loaded with the first contact: the numbers of the world are large, and a function that relays messages reads none. */
async function contactSchemas() {
  const { toE164 } = await import('./phone.ts');
  const phone = z.pipe(
    z.string(),
    z.transform((written, context) => {
      const read = toE164(written);
      if ('phone' in read) return read.phone;
      context.issues.push({ code: 'custom', message: read.fault, input: written });
      return z.NEVER;
    }),
  );
  return {
    created: z
      .object({
        firstName: z.exactOptional(text),
        lastName: z.exactOptional(text),
        /** With its country code; sent in E.164. */
        phone: z.exactOptional(phone),
        email: z.exactOptional(email),
      })
      .check(
        z.refine((contact) => contact.phone !== undefined || contact.email !== undefined, {
          error: 'a contact needs a phone number or an email',
        }),
      ),
    key: z.object({ phoneNumber: z.exactOptional(phone), email: z.exactOptional(email) }).check(
      z.refine((by) => (by.phoneNumber === undefined) !== (by.email === undefined), {
        error: 'give a phone number or an email, and not both',
      }),
    ),
  };
}
type ContactSchemas = Awaited<ReturnType<typeof contactSchemas>>;

// A dot or two would be taken for steps in the path.
const listIdSchema = text.check(z.refine((id) => !/^\.+$/.test(id), 'must be the id of a list'));
const additionSchema = z.object({ listId: listIdSchema, contactId: text });

/** At least a phone number or an email. */
export type NewContact = z.input<ContactSchemas['created']>;
export type ContactKey = { phoneNumber: string } | { email: string };

/** @returns the operations, with nothing of their own to close. */
export function createPlatformOperations(options: CallOptions): PlatformOperations {
  const { keyPlacement, sendPath, incomingPath, contactFieldsOnIncoming } = options.profile;
  return {
    async createContact(given) {
      const body = readArguments('createContact', (await contactSchemas()).created, given);
      const { status, answer } = await perform(options, contactSchema, {
        operation: 'createContact',
        repeatable: body.phone !== undefined,
        call: { method: 'POST', path: '/contacts', keyIn: keyPlacement.contacts, body },
      });
      return { contact: answer, existed: status === 200 ? true : status === 201 ? false : undefined };
    },
    async findContact(by) {
      const query = readArguments('findContact', (await contactSchemas()).key, by);
      try {
        const { answer } = await perform(options, contactSchema, {
          operation: 'findContact',
          repeatable: true,
          call: { method: 'GET', path: '/contacts', keyIn: keyPlacement.contacts, query },
        });
        return answer;
      } catch (error) {
        if (error instanceof PlatformError && error.outcome === 'refused' && error.status === 404)
          return undefined;
        throw error;
      }
    },
    async addToList(list, contact) {
      const { listId, contactId } = readArguments('addToList', additionSchema, {
        listId: list,
        contactId: contact,
      });
      await perform(options, doneSchema, {
        operation: 'addToList',
        repeatable: false,
        call: {
          method: 'POST',
          path: `/lists/${encodeURIComponent(listId)}/contacts`,
          keyIn: keyPlacement.lists,
          body: { contactId },
        },
      });
    },
    async sendMessage(message) {
      const customData = readArguments('sendMessage', customChannelMessageSchema, message);
      const { answer } = await perform(options, doneSchema, {
        operation: 'sendMessage',
        repeatable: false,
        call: { method: 'POST', path: sendPath, keyIn: keyPlacement.messages, body: { customData } },
      });
      return messageIdOf(answer);
    },
    async receiveMessage(message) {
      const { messageType, ...all } = readArguments('receiveMessage', incomingMessageSchema, message);
      const { campaignId, firstName, lastName, email, ...bare } = all;
      const customData = contactFieldsOnIncoming ? all : bare;
      const { answer } = await perform(options, doneSchema, {
        operation: 'receiveMessage',
        repeatable: true,
        call: {
          method: 'POST',
          path: incomingPath,
          keyIn: keyPlacement.messages,
          body: { customData, messageType },
        },
      });
      return messageIdOf(answer);
    },
  };
}

/** @throws PlatformRequestError */
function readArguments<Schema extends z.ZodMiniType>(
  operation: Operation,
  schema: Schema,
  given: z.input<Schema>,
): z.output<Schema> {
  const read = schema.safeParse(given);
  if (!read.success) throw new PlatformRequestError(operation, read.error);
  return read.data;
}

interface Asked {
  operation: Operation;
  /** Whether the platform is documented to do it once, however often it is asked. */
  repeatable: boolean;
  call: Call;
}

/** @throws PlatformError where the platform does not say, in the documented way, that it was done. */
async function perform<Schema extends z.ZodMiniType>(
  options: CallOptions,
  schema: Schema,
  { operation, repeatable, call }: Asked,
): Promise<{ status: number; answer: z.output<Schema> }> {
  const send = await prepareCall(options, call);
  const exchange = await send();
  const outcome = outcomeOf(exchange, options.profile);
  if (outcome.kind === 'answered') {
    // An empty body says as much as an empty object.
    const read = schema.safeParse(readJson(outcome.body.trim() || '{}'));
    if (read.success) return { status: outcome.status, answer: read.data };
    throw new PlatformError(
      { operation, outcome: 'unknown', mayRepeat: repeatable, ...about(exchange) },
      withRequestId(`${exchange.detail}: not the documented answer`, exchange),
    );
  }
  const { kind, ...rest } = outcome;
  const mayRepeat = kind === 'not_applied' || (kind === 'unknown' && repeatable);
  throw new PlatformError(
    { operation, outcome: kind, mayRepeat, ...about(exchange), ...rest },
    withRequestId(exchange.detail, exchange),
  );
}

function about({ answer, code, requestId }: Exchange): Pick<Failure, 'status' | 'code' | 'requestId'> {
  return {
    ...(answer.kind === 'response' ? { status: answer.status } : {}),
    ...(code === undefined ? {} : { code }),
    ...(requestId === undefined ? {} : { requestId }),
  };
}

function messageIdOf({ messageId }: z.output<typeof doneSchema>): { messageId?: string } {
  return messageId === undefined ? {} : { messageId };
}
