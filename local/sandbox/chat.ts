import * as z from 'zod';
import { openBooks } from './books.ts';
import {
  type ChatEvent,
  chatEventSchema,
  createHistory,
  type History,
  type Outgoing,
  REPORTS,
  type Reported,
  type Said,
} from './chat-history.ts';
import { createLanes, createSender, DELIVERY_FAULTS } from './deliveries.ts';
import type { Asked, Dialect, Wire } from './dialects/dialect.ts';
import { DIALECTS, dialectNameSchema } from './dialects/index.ts';
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
  rateLimitedBy,
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
  /** Which chat system it is. */
  dialect: dialectNameSchema.default('webhook'),
  /** Proves what the chat sends, and whoever writes to its customers. */
  secret: z.string().min(1),
  /** Without it, what customers write waits until `setRelay`. */
  relayUrl: z.url().optional(),
  /** What it tells the relay by itself of each message that it took, in this order. */
  reports: z.array(z.enum(REPORTS)).default([]),
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
  /** What was said is sent once more, behind all that its contact has said since. */
  repeat(id: string): void;
  /**
   * The relay is to hear what became of a message that the chat took.
   *
   * @param id the chat's own of that message.
   * @param error the system's number or words, of what failed.
   * @returns whether there is such a message, and the system tells of it.
   */
  report(id: string, status: Reported['status'], error?: string): boolean;
  setRelay(url: string): void;
  /** @throws Error with the valid names. */
  fault(order: FaultOrder): void;
  close(): Promise<void>;
}

const attachments = z.array(z.url()).exactOptional();

const saySchema = z
  .strictObject({
    contact: z.string().min(1),
    text: z.string(),
    name: z.string().min(1).exactOptional(),
    attachments,
  })
  .refine(({ text, attachments = [] }) => text !== '' || attachments.length > 0);
const reportSchema = z.strictObject({
  id: z.string(),
  status: z.enum(REPORTS),
  error: z.string().min(1).exactOptional(),
});
const relaySchema = z.strictObject({ url: z.url() });

/** In the words of the system. */
function deliverFaults({ refusals, limited, own }: Dialect, place = ''): FaultTable<never> {
  const more = Object.entries(own).map(([name, answer]) => [name, instead(answer(place))]);
  return {
    rate_limited: rateLimitedBy(limited),
    unauthorized: instead(refusals.unauthorized),
    forbidden: instead(refusals.forbidden),
    not_found: instead(refusals.not_found),
    not_found_plain: instead(text(404, 'Not Found')),
    invalid: instead(refusals.invalid),
    error_before: instead(refusals.error),
    error_after: afterwards(refusals.error),
    hang_before: hangBefore,
    hang_after: hangAfter,
    late,
    reset_before: instead({ kind: 'reset' }),
    reset_after: afterwards({ kind: 'reset' }),
    garbage: afterwards(text(200, '<html>OK</html>')),
    slow,
    ...Object.fromEntries(more),
  };
}

/**
 * An external chat system to try the relay's channels against, in the dialect of any that the relay has an adapter for.
 * It sends on what its customers write: proved, in the order of each contact, for as long as it takes. It takes what it is
 * given for them, and its books say how often.
 */
export async function createSandboxChat(options: SandboxChatOptions): Promise<SandboxChat> {
  const { port, relayUrl, booksFile, ...given } = chatOptionsSchema.parse(options);
  const dialect = DIALECTS[given.dialect];
  const timers = createTimers();
  const books = openBooks(chatEventSchema, booksFile);
  const history = createHistory(books);
  const people = createPeople(dialect, books.events);
  const faults = createFaultSwitch(
    { deliver: [...Object.keys(deliverFaults(dialect)), REFUSE_CONNECTIONS], relay: DELIVERY_FAULTS },
    timers,
    (ms) => server.refuseConnections(ms),
  );
  const parts: Parts = { ...given, dialect, history, people, faults, timers };
  const outgoing = createOutgoing(parts);
  const deliver = deliverHandler(parts, outgoing.report);
  const server = await startServer(
    {
      ...Object.fromEntries(dialect.routes.map((route) => [route, deliver])),
      ...controlRoutes(history, outgoing, books.events),
      ...faults.routes,
    },
    port,
    timers,
  );
  if (relayUrl !== undefined) outgoing.setRelay(relayUrl);
  return {
    url: server.url,
    port: server.port,
    books: books.events,
    ...outgoing,
    fault: faults.add,
    async close() {
      await server.close();
      books.close();
    },
  };
}

interface Parts {
  secret: string;
  reports: Reported['status'][];
  retryMs: number[];
  dialect: Dialect;
  history: History;
  people: People;
  faults: FaultSwitch;
  timers: Timers;
}

/** Who is known to the chat, because they wrote. */
interface People {
  wrote(said: Said): void;
  /** Whose place it is; undefined where nobody can be reached there. */
  at(place: string): string | undefined;
  /** Whether they said that they want no messages. */
  optedOut(person: string): boolean;
}

function createPeople(
  { addressOf, reachesStrangers, consent }: Dialect,
  events: readonly ChatEvent[],
): People {
  const byPlace = new Map<string, string>();
  const gone = new Set<string>();
  const wrote = (said: Said) => {
    byPlace.set(addressOf(said.contact).place, said.contact);
    const wish = consent?.(said);
    if (wish === 'stop') gone.add(said.contact);
    if (wish === 'start') gone.delete(said.contact);
  };
  for (const event of events) if (event.kind === 'said') wrote(event);
  return {
    wrote,
    at: (place) => byPlace.get(place) ?? (reachesStrangers ? place : undefined),
    optedOut: (person) => gone.has(person),
  };
}

/**
 * What customers write and what the chat reports, and its way to the relay. It waits until there is an address, also over a
 * restart.
 */
function createOutgoing({ secret, retryMs, dialect, history, people, faults, timers }: Parts) {
  let url: string | undefined;
  // The books may be those of another dialect, which reported: this one may have nothing of the kind to tell.
  const canTell = (item: Outgoing) => item.kind === 'said' || dialect.reports !== undefined;
  const waiting = history.undelivered().filter(({ item }) => canTell(item));
  const send = createSender('relay', faults, timers);
  const deliver = createLanes<Outgoing>({
    // A report may be told before what a contact writes, as it may be in truth.
    laneOf: (item) => (item.kind === 'said' ? `said ${item.contact}` : `reported ${item.message}`),
    send(item) {
      const { contact, wire } = wireOf(item);
      const target = wire.url ?? (url === undefined ? undefined : url + (wire.behind ?? ''));
      return send(contact, { url: target, headers: wire.headers, body: wire.body });
    },
    attempted({ id }, attempt, status) {
      history.record({ kind: 'relay_delivery', at: new Date().toISOString(), id, attempt, status });
    },
    waitMs: (attempt) => retryMs[attempt - 1] ?? retryMs.at(-1),
    timers,
  });
  const wireOf = (item: Outgoing): { contact: string; wire: Wire } => {
    const talkWith = (contact: string) => ({
      secret,
      address: dialect.addressOf(contact),
      now: Date.now(),
    });
    if (item.kind === 'said') {
      return { contact: item.contact, wire: dialect.writes(item, talkWith(item.contact)) };
    }
    const message = history.delivered(item.message);
    const wire = message && dialect.reports?.(item, message, talkWith(message.contact));
    if (message === undefined || wire === undefined) throw new Error('Bug! There is nothing to report.');
    return { contact: message.contact, wire };
  };
  const begin = (item: Outgoing) => {
    history.record(item);
    if (url === undefined) waiting.push({ item, attempts: 0 });
    else deliver(item);
  };
  const setRelay: SandboxChat['setRelay'] = (newUrl) => {
    url = newUrl;
    for (const { item, attempts } of waiting.splice(0)) deliver(item, attempts);
  };
  const say: SandboxChat['say'] = (contact, text, { name = contact, attachments } = {}) => {
    const id = history.newId();
    const links = attachments === undefined ? {} : { attachments };
    const said: Said = { kind: 'said', at: new Date().toISOString(), id, contact, name, text, ...links };
    people.wrote(said);
    begin(said);
    return { id };
  };
  const repeat: SandboxChat['repeat'] = (id) => {
    const said = history.said(id);
    if (said && url !== undefined) deliver(said);
  };
  const report: SandboxChat['report'] = (message, status, error) => {
    if (dialect.reports === undefined || history.delivered(message) === undefined) return false;
    const about = { message, status, ...(error === undefined ? {} : { error }) };
    begin({ kind: 'reported', at: new Date().toISOString(), id: history.newId(), ...about });
    return true;
  };
  return { say, repeat, report, setRelay };
}

function deliverHandler(parts: Parts, report: SandboxChat['report']): Handler {
  const { secret, dialect, history, people, faults } = parts;
  return (request) => {
    const asked = dialect.read(request, secret);
    switch (asked.kind) {
      case 'refused':
        return asked.answer;
      case 'receipt':
        history.record({
          kind: 'receipt',
          at: new Date().toISOString(),
          id: history.newId(),
          message: asked.message,
          status: asked.status,
        });
        return asked.answer;
      case 'message': {
        const contact = people.at(asked.place);
        if (contact === undefined) return dialect.refusals.not_found;
        const table = deliverFaults(dialect, asked.place);
        return faults.run('deliver', table, contact, () => take(asked, contact, parts, report));
      }
    }
  };
}

function take(
  { place, kind: _, ...message }: Extract<Asked, { kind: 'message' }>,
  contact: string,
  { dialect, history, people, reports }: Parts,
  report: SandboxChat['report'],
): Answer {
  const known = dialect.dedupes ? history.taken(message.messageId) : undefined;
  if (known) return dialect.taken(known, { place, isAgain: true });
  if (people.optedOut(contact) && dialect.own.opted_out) return dialect.own.opted_out(place);
  const id = history.newId();
  const delivered = { kind: 'delivered', at: new Date().toISOString(), id, contact, ...message } as const;
  history.record(delivered);
  for (const status of reports) report(id, status);
  return dialect.taken(delivered, { place, isAgain: false });
}

function controlRoutes(
  history: History,
  { say, report, setRelay }: Pick<SandboxChat, 'say' | 'report' | 'setRelay'>,
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
    'POST /sandbox/report': ({ body }) => {
      const parsed = reportSchema.safeParse(parseJson(body));
      if (!parsed.success) {
        return json(400, { error: `A JSON body {id, status: ${REPORTS.join(' | ')}, error?} is needed.` });
      }
      const { id, status, error } = parsed.data;
      return report(id, status, error)
        ? json(200, { id, status })
        : json(404, { error: 'There is no such message, or this chat system reports nothing.' });
    },
  };
}
