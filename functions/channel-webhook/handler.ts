import { randomUUID } from 'node:crypto';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { type AcceptDeps, type Accepted, acceptMessage } from '../../shared/channels/accept.ts';
import type { Parsed } from '../../shared/channels/adapter.ts';
import type { Channel, OpenChannels } from '../../shared/channels/channels.ts';
import {
  type Content,
  DIRECTIONS,
  type Direction,
  isOwnId,
  messageIdOf,
  newMessage,
} from '../../shared/channels/message.ts';
import type { Messages } from '../../shared/channels/messages.ts';
import { parseDelivery } from '../../shared/channels/parse-delivery.ts';
import type { Receipt } from '../../shared/channels/receipt.ts';
import type { Receipts } from '../../shared/channels/receipts.ts';
import { settleReceipts } from '../../shared/channels/settle-receipts.ts';
import { readJson } from '../../shared/http.ts';
import { formAsJson, unpack } from '../../shared/incoming/body.ts';
import { type Capture, captureDelivery } from '../../shared/incoming/capture.ts';
import type { Quarantine } from '../../shared/incoming/quarantine.ts';
import type { Refusals } from '../../shared/incoming/refusals.ts';
import {
  type GatewayEvent,
  pathOf,
  readIncoming,
  verifyIncoming,
  withoutProofs,
} from '../../shared/incoming/request.ts';
import { errorResponse, jsonResponse } from '../../shared/incoming/responses.ts';
import type { SecretUses } from '../../shared/incoming/secret-use.ts';
import type { Verdict } from '../../shared/incoming/signature.ts';
import type { Verifier } from '../../shared/incoming/verifier-settings.ts';
import type { IncomingRequest } from '../../shared/incoming/verifiers.ts';
import type { Fields } from '../../shared/logger.ts';
import type { InboundSecrets, Secrets } from '../../shared/settings/secrets.ts';

type WebhookSecrets = Pick<InboundSecrets, 'channels'>;

export interface ChannelWebhookDeps extends AcceptDeps {
  /** By name. */
  channels: Pick<OpenChannels, 'open'>;
  secrets: Secrets<WebhookSecrets>;
  messages: Pick<Messages, 'mark' | 'read' | 'write' | 'rememberReplyTo'>;
  receipts: Pick<Receipts, 'note' | 'read'>;
  quarantine: Pick<Quarantine, 'keep'>;
  capture: Pick<Capture, 'take'>;
  secretUses: Pick<SecretUses, 'saw'>;
  refusals: Refusals;
  now: () => number;
}

/**
 * A chat message is under 10 KB, but Slack sends it twice and escapes every non-ASCII letter as six characters.
 * A request must fit an item of the table (400 KB), also in quarantine together with its headers.
 */
const MAX_BODY_BYTES = 256 * 1024;

/** Ids told in the log of a request with many messages. */
const IDS_TOLD = 10;

type Answer = APIGatewayProxyStructuredResultV2;

/** The answer, and what the log shall say of it. */
interface Received {
  answer: Answer;
  about: Fields;
}

/** One way of one channel, which a request came to. */
interface Route {
  /** What is kept of it is kept under this name. */
  path: string;
  name: string;
  direction: Direction;
  channel: Channel;
  verifiers: Verifier[];
}

/**
 * `POST /channels/{channel}/{direction}`: size → raw bytes verified → parsed → marked → queued → answered.
 * Any answer but 2xx asks the sender to send again; a repetition is recognised by its id.
 */
export function createChannelWebhookHandler(deps: ChannelWebhookDeps) {
  const { logger, now } = deps;
  return async (event: GatewayEvent): Promise<Answer> => {
    const receivedAt = now();
    const route = await routeOf(event, deps.channels);
    const { answer, about } = await receive(event, route, deps).catch((error: unknown): Received => {
      logger.error('a message could not be stored or queued', error, tagsOf(route));
      const message = 'The message could not be stored. Please send it again.';
      return { answer: errorResponse(500, 'NOT_STORED', message), about: { word: 'not_stored' } };
    });
    const { statusCode: status = 500 } = answer;
    if (route) await deps.refusals.answered(route.path, status, about);
    const fields = { ...tagsOf(route), status, ...about, durationMs: now() - receivedAt };
    logger.info('channel answered', fields, { [`channel_${status}`]: 1 });
    return answer;
  };
}

const tagsOf = (route: Route | undefined): Fields =>
  route ? { channel: route.name, direction: route.direction } : {};

async function routeOf(
  event: GatewayEvent,
  channels: ChannelWebhookDeps['channels'],
): Promise<Route | undefined> {
  const { pathParameters } = event;
  const [, inPath, wayInPath] = /\/channels\/([^/]+)\/([^/]+)$/.exec(pathOf(event)) ?? [];
  const name = pathParameters?.channel ?? inPath ?? '';
  const way = pathParameters?.direction ?? wayInPath;
  const direction = DIRECTIONS.find((known) => known === way);
  const channel = await channels.open(name);
  if (!channel || !direction) return undefined;
  const path = `/channels/${name}/${direction}`;
  return { path, name, direction, channel, verifiers: verifiersOf(channel, direction) };
}

function verifiersOf({ adapter, settings }: Channel, direction: Direction): Verifier[] {
  switch (direction) {
    case 'incoming':
      return adapter.verifiers;
    case 'outgoing':
      return settings.outgoing.verifiers;
    case 'send':
      return settings.send.verifiers;
  }
}

async function receive(
  event: GatewayEvent,
  route: Route | undefined,
  deps: ChannelWebhookDeps,
): Promise<Received> {
  const request = readIncoming(event);
  if (request.body.length > MAX_BODY_BYTES) {
    const answer = errorResponse(413, 'TOO_LARGE', `The body is larger than ${MAX_BODY_BYTES} bytes.`);
    return { answer, about: { word: 'too_large' } };
  }
  if (!route) {
    const answer = errorResponse(404, 'UNKNOWN_CHANNEL', 'There is no such channel, or not this way of it.');
    return { answer, about: { word: 'unknown_channel' } };
  }
  const name = `${route.name}/${route.direction}`;
  const pick = ({ channels }: WebhookSecrets) => channels[name] ?? [];
  const onPrevious = (secret: string) => deps.secretUses.saw(name, secret);
  const content = unpack(request, MAX_BODY_BYTES);
  const given = { ...deps, pick, content, onPrevious };
  const verified = await proved(request, route, given);
  if (!verified.ok) {
    const captured = await captureDelivery(request, route.path, deps);
    // 2xx: the request is kept for 30 days and can be replayed. A sender that is refused may switch itself off.
    if (captured !== undefined) {
      const answer = jsonResponse(202, { status: 'captured' });
      return { answer, about: { word: 'captured', quarantine: captured, reason: verified.reason } };
    }
    const answer = errorResponse(401, 'UNAUTHORIZED', 'The message could not be verified.');
    return { answer, about: { word: 'unauthorized', reason: verified.reason } };
  }
  if (content === undefined)
    return keepAside(request, `unpacked, the body is larger than ${MAX_BODY_BYTES} bytes`, route, deps);
  // A signed id is the same at every repetition; any other header may be anything.
  const drawnId = randomUUID();
  const { body } = formAsJson({ headers: request.headers, body: content });
  const parsed = parseDelivery({ ...request, body }, route, verified.id?.value ?? drawnId);
  return obey(parsed, request, route, { ...deps, isRepeatable: ({ id }) => !id.startsWith(drawnId) });
}

/** By the vendor's own key, or by one of the secrets. */
async function proved(
  request: IncomingRequest,
  { direction, channel, verifiers }: Route,
  given: Parameters<typeof verifyIncoming<WebhookSecrets>>[2],
): Promise<Verdict> {
  const vouched = direction === 'incoming' ? channel.adapter.vouched?.(request) : undefined;
  if (vouched?.ok) return vouched;
  const verified = await verifyIncoming(request, verifiers, given);
  return verified.ok || vouched === undefined
    ? verified
    : { ok: false, reason: `${vouched.reason}; ${verified.reason}` };
}

async function obey(
  parsed: Parsed,
  request: IncomingRequest,
  route: Route,
  deps: ChannelWebhookDeps,
): Promise<Received> {
  switch (parsed.kind) {
    case 'reply': {
      const { contentType, body } = parsed;
      const answer = { statusCode: 200, headers: { 'content-type': contentType }, body };
      return { answer, about: { word: 'replied' } };
    }
    case 'ignored':
      return ignored(parsed.why, route);
    case 'receipts':
      return noteReceipts(parsed.receipts, route, deps);
    case 'fault':
      return keepAside(request, parsed.fault, route, deps);
    case 'messages': {
      const { messages, rest } = parsed;
      const taken = await take(messages, request, route, deps);
      if (rest === undefined) return taken;
      // The whole request is kept. A replay recognises the messages that were already taken.
      const quarantine = await keep(request, `part of it was not understood: ${rest}`, route, deps);
      return { ...taken, about: { ...taken.about, quarantine, rest } };
    }
  }
}

function ignored(why: string, { direction, channel }: Route): Received {
  const answer =
    direction === 'incoming' ? acceptedBy(channel) : jsonResponse(200, { status: 'ignored', reason: why });
  return { answer, about: { word: 'ignored', reason: why } };
}

/** Those of messages that are not ours are accepted, too: a chat system tells of all that it carries. */
async function noteReceipts(
  receipts: Receipt[],
  { name, channel }: Route,
  deps: ChannelWebhookDeps,
): Promise<Received> {
  const known = await Promise.all(receipts.map((receipt) => deps.receipts.note(name, receipt)));
  for (const one of known) await settleReceipts(one, deps);
  const ids = known.flatMap(({ of }) => of?.id ?? []);
  const stages = receipts.map(({ stage }) => stage).join(' ');
  const about = { word: 'receipt', stages, unknown: known.length - ids.length, id: ids.join(' ') };
  return { answer: acceptedBy(channel), about };
}

/** What the sender of a message of the chat wants to hear. @param id of what was stored. */
function acceptedBy({ adapter }: Channel, id?: string): Answer {
  const { status, contentType } = adapter.accepted;
  const body = (id === undefined ? undefined : adapter.acceptedAs?.(id)) ?? adapter.accepted.body;
  const type = contentType ?? (readJson(body) === undefined ? 'text/plain' : 'application/json');
  return { statusCode: status, headers: { 'content-type': type }, body };
}

async function take(
  contents: Content[],
  request: IncomingRequest,
  route: Route,
  deps: ChannelWebhookDeps,
): Promise<Received> {
  const { name: channel, direction, channel: of } = route;
  // An adapter may fail to recognise our own message coming back. Such a message would loop for ever.
  const relayed = contents.filter(({ id }) => direction === 'send' || !isOwnId(id));
  // Each contact's messages keep their order. Contacts run in parallel: a delivery may hold a thousand of them.
  const groups = [...Map.groupBy(relayed, ({ contact }) => contact).values()];
  const settled = await Promise.allSettled(
    groups.map(async (group) => {
      const own: Accepted[] = [];
      for (const content of group) {
        own.push(await acceptMessage(newMessage({ channel, direction, content }, deps.now()), deps));
      }
      return own;
    }),
  );
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  const taken = settled.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  const [first] = taken;
  if (!first) return ignored('it is our own message coming back', route);
  const reused = taken.find(({ kind }) => kind === 'other_content');
  if (reused) return idReused(request, reused, route, deps);
  const isNew = taken.some(({ kind }) => kind === 'new');
  const id = messageIdOf(first.row);
  const answer =
    direction === 'incoming'
      ? acceptedBy(of, id)
      : jsonResponse(isNew ? 202 : 200, { status: first.row.status, id });
  const ids = taken.slice(0, IDS_TOLD).map(({ row }) => messageIdOf(row));
  const word = isNew ? 'queued' : 'duplicate';
  return { answer, about: { word, messages: taken.length, id: ids.join(' ') } };
}

/**
 * The first message with an id stands. The other one is kept in quarantine. The id may be mapped to a field that is
 * not the message's own, such as the conversation's id, and then every message but the first would be lost.
 */
async function idReused(
  request: IncomingRequest,
  { row }: Accepted,
  route: Route,
  deps: ChannelWebhookDeps,
): Promise<Received> {
  const id = messageIdOf(row);
  const reason = 'its id was received before, with another message';
  const quarantine = await keep(request, reason, route, deps, { id });
  const about = { word: 'id_reused', id, quarantine };
  if (route.direction === 'incoming') return { answer: acceptedBy(route.channel, id), about };
  const text =
    'This id was received before, with another message. The first one stands. This one is not passed on, and is kept for 30 days.';
  return { answer: errorResponse(409, 'KEY_REUSED', text), about };
}

async function keepAside(
  request: IncomingRequest,
  reason: string,
  route: Route,
  deps: ChannelWebhookDeps,
): Promise<Received> {
  const id = await keep(request, reason, route, deps);
  const about = { word: 'quarantined', quarantine: id, reason };
  // Refused, a chat system would send it again for ever, or switch us off. The request is kept whole anyway.
  if (route.direction === 'incoming') return { answer: acceptedBy(route.channel, id), about };
  const message = `Not understood: ${reason}. The message is kept for 30 days.`;
  return { answer: errorResponse(400, 'NOT_UNDERSTOOD', message), about };
}

/** @returns the id under which it is kept. */
function keep(
  { headers, body }: IncomingRequest,
  reason: string,
  route: Route,
  { quarantine, logger, now }: ChannelWebhookDeps,
  fields: Fields = {},
): Promise<string> {
  const kept = withoutProofs(headers, route.verifiers);
  return quarantine.keep({ route: route.path, body, headers: kept, reason, receivedAt: now() }, (id) =>
    logger.alert('message_quarantined', { ...tagsOf(route), ...fields, quarantine: id, reason }),
  );
}
