import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { openBooks } from './books.ts';
import { type ChatEvent, chatEventSchema, createHistory, type History, type Said } from './chat-history.ts';
import { createLanes, createSender, DELIVERY_FAULTS, signature } from './deliveries.ts';
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
} from './faults.ts';
import {
  type Answer,
  createTimers,
  type Handler,
  json,
  parseJson,
  type Routes,
  startServer,
  type Timers,
  text,
} from './server.ts';

export const chatOptionsSchema = z.strictObject({
  /** 0 for any free port. */
  port: z.int().nonnegative().default(0),
  /** The key of the signature on what the chat sends, and the bearer token it asks for. */
  secret: z.string().min(1),
  /** Without it, what customers write waits until `setRelay`. */
  relayUrl: z.url().optional(),
  /** The wait before the second try, the third and so on. The last one is repeated without end. */
  retryMs: z.array(z.int().nonnegative()).min(1).default([500, 1_000, 2_000, 5_000, 10_000]),
  booksFile: z.string().optional(),
});

export type SandboxChatOptions = z.input<typeof chatOptionsSchema>;

export interface SandboxChat {
  url: string;
  port: number;
  books: readonly ChatEvent[];
  /** A customer writes. @returns the id of the message. It is delivered later. */
  say(contact: string, text: string, extra?: { name?: string; attachments?: string[] }): { id: string };
  setRelay(url: string): void;
  /** @throws Error with the valid names. */
  fault(order: FaultOrder): void;
  close(): Promise<void>;
}

const attachments = z.array(z.url()).exactOptional();
const hasContent = (message: { text: string; attachments?: string[] }) =>
  message.text !== '' || (message.attachments ?? []).length > 0;

const saySchema = z
  .strictObject({
    contact: z.string().min(1),
    text: z.string(),
    name: z.string().min(1).exactOptional(),
    attachments,
  })
  .refine(hasContent);
const messageSchema = z
  .object({ id: z.string().min(1), contact: z.string().min(1), text: z.string(), attachments })
  .refine(hasContent);
const relaySchema = z.strictObject({ url: z.url() });

const refuse = (status: number, code: string, message: string): Answer =>
  json(status, { error: { code, message } });
const UNAUTHORIZED = refuse(401, 'UNAUTHORIZED', 'The bearer token is missing or wrong.');
const SERVER_ERROR = refuse(500, 'INTERNAL', 'Something went wrong.');

const deliverFaults: FaultTable<never> = {
  rate_limited: rateLimited({ error: { code: 'RATE_LIMITED', message: 'Too many requests.' } }),
  unauthorized: instead(UNAUTHORIZED),
  forbidden: instead(refuse(403, 'FORBIDDEN', 'This token may not write.')),
  not_found: instead(refuse(404, 'CONTACT_NOT_FOUND', 'No such contact.')),
  not_found_plain: instead(text(404, 'Not Found')),
  invalid: instead(refuse(400, 'INVALID_REQUEST', 'The message cannot be processed.')),
  error_before: instead(SERVER_ERROR),
  error_after: afterwards(SERVER_ERROR),
  hang_before: hangBefore,
  hang_after: hangAfter,
  late,
  reset_before: instead({ kind: 'reset' }),
  reset_after: afterwards({ kind: 'reset' }),
  garbage: afterwards(text(200, '<html>OK</html>')),
  slow,
};

/**
 * An external chat system to try the relay's channels against. It sends on what its customers write: signed, in the
 * order of each contact, for as long as it takes. It takes what it is given for them, once per id.
 */
export async function createSandboxChat(options: SandboxChatOptions): Promise<SandboxChat> {
  const { port, secret, relayUrl, retryMs, booksFile } = chatOptionsSchema.parse(options);
  const timers = createTimers();
  const books = openBooks(chatEventSchema, booksFile);
  const history = createHistory(books);
  const faults = createFaultSwitch(
    { deliver: [...Object.keys(deliverFaults), REFUSE_CONNECTIONS], relay: DELIVERY_FAULTS },
    timers,
    (ms) => server.refuseConnections(ms),
  );
  const { say, setRelay } = createOutgoing({ secret, retryMs, history, faults, timers });
  const server = await startServer(
    {
      'POST /messages': deliverHandler(secret, history, faults),
      ...controlRoutes(history, say, setRelay, books.events),
      ...faults.routes,
    },
    port,
    timers,
  );
  if (relayUrl !== undefined) setRelay(relayUrl);
  return {
    url: server.url,
    port: server.port,
    books: books.events,
    say,
    setRelay,
    fault: faults.add,
    async close() {
      await server.close();
      books.close();
    },
  };
}

interface Outgoing {
  secret: string;
  retryMs: number[];
  history: History;
  faults: FaultSwitch;
  timers: Timers;
}

/** What customers write, and its way to the relay. It waits until there is an address, also over a restart. */
function createOutgoing({ secret, retryMs, history, faults, timers }: Outgoing) {
  let url: string | undefined;
  const waiting = history.undelivered();
  const send = createSender('relay', faults, timers);
  const deliver = createLanes<Said>({
    laneOf: ({ contact }) => contact,
    send(said) {
      const body = wireBody(said);
      return send(said.contact, { url, headers: signature(secret, body), body });
    },
    attempted({ id }, attempt, status) {
      history.record({ kind: 'relay_delivery', at: new Date().toISOString(), id, attempt, status });
    },
    waitMs: (attempt) => retryMs[attempt - 1] ?? retryMs.at(-1),
    timers,
  });
  const setRelay: SandboxChat['setRelay'] = (newUrl) => {
    url = newUrl;
    for (const { item, attempts } of waiting.splice(0)) deliver(item, attempts);
  };
  const say: SandboxChat['say'] = (contact, text, { name = contact, attachments } = {}) => {
    const id = randomUUID();
    const links = attachments === undefined ? {} : { attachments };
    const said: Said = { kind: 'said', at: new Date().toISOString(), id, contact, name, text, ...links };
    history.record(said);
    if (url === undefined) waiting.push({ item: said, attempts: 0 });
    else deliver(said);
    return { id };
  };
  return { say, setRelay };
}

/** The same bytes for the same message, also after a restart. */
function wireBody({ id, contact, name, text, attachments }: Said): string {
  return JSON.stringify({ id, contact: { id: contact, name }, text, attachments });
}

function deliverHandler(secret: string, history: History, faults: FaultSwitch): Handler {
  return ({ headers, body }) => {
    if (headers.authorization !== `Bearer ${secret}`) return UNAUTHORIZED;
    const parsed = messageSchema.safeParse(parseJson(body));
    if (!parsed.success) {
      return refuse(400, 'INVALID_REQUEST', 'A JSON body {id, contact, text, attachments?} is needed.');
    }
    const { id: messageId, ...message } = parsed.data;
    return faults.run('deliver', deliverFaults, message.contact, () => {
      const known = history.delivered(messageId);
      if (known) return json(200, { id: known.id, duplicate: true });
      const id = randomUUID();
      history.record({ kind: 'delivered', at: new Date().toISOString(), id, messageId, ...message });
      return json(201, { id });
    });
  };
}

function controlRoutes(
  history: History,
  say: SandboxChat['say'],
  setRelay: SandboxChat['setRelay'],
  events: readonly ChatEvent[],
): Routes {
  return {
    'GET /health': () => json(200, { status: 'ok' }),
    'GET /sandbox/books': () => json(200, { events }),
    'GET /sandbox/messages': ({ query }) => json(200, { messages: history.messages(query.get('contact')) }),
    'POST /sandbox/relay': ({ body }) => {
      const parsed = relaySchema.safeParse(parseJson(body));
      if (!parsed.success) return json(400, { error: 'A JSON body {url} is needed.' });
      setRelay(parsed.data.url);
      return json(200, parsed.data);
    },
    'POST /sandbox/say': ({ body }) => {
      const parsed = saySchema.safeParse(parseJson(body));
      if (!parsed.success) {
        return json(400, { error: 'A JSON body {contact, text, name?, attachments?} is needed.' });
      }
      const { contact, text, ...extra } = parsed.data;
      return json(200, say(contact, text, extra));
    },
  };
}
