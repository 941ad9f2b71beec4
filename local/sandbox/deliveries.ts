import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { finished } from 'node:stream/promises';
import * as z from 'zod';
import { request as httpRequest } from '../../shared/node-http.ts';
import type { FaultSwitch } from './faults.ts';
import type { Timers } from './server.ts';

/** What can happen to a message on its way to us. `lost`: it never leaves, and its repetition comes. */
export const DELIVERY_FAULTS = ['twice', 'lost'] as const;

/** The HTTP status, or why there is none. `lost` never left the sender. */
export const deliveryStatusSchema = z.union([z.int(), z.enum(['no_answer', 'lost'])]);
export type DeliveryStatus = z.infer<typeof deliveryStatusSchema>;

/** The platform does not say how long it waits. The relay answers within 10 s. */
const ANSWER_TIMEOUT_MS = 10_000;

export interface Post {
  /** Without it there is nobody to answer. */
  url: string | undefined;
  headers: Record<string, string>;
  body: string;
}

/** `x-webhook-signature` over the raw body, with the secret itself in `x-webhook-token`. */
export function tokenAndSignature(secret: string, body: string): Record<string, string> {
  return { 'x-webhook-token': secret, ...signature(secret, body) };
}

export function signature(secret: string, body: string): Record<string, string> {
  return { 'x-webhook-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` };
}

/** Sends one POST under the next fault of the operation. @returns one status for each copy that was sent. */
export function createSender(
  operation: string,
  faults: FaultSwitch,
  timers: Timers,
): (who: string, post: Post) => Promise<DeliveryStatus[]> {
  return async (who, post) => {
    const fault = faults.take(operation, who)?.fault;
    if (fault === 'lost') return ['lost'];
    const copies = fault === 'twice' ? [post, post] : [post];
    return Promise.all(copies.map((copy) => sendPost(copy, timers.closed)));
  };
}

async function sendPost({ url, headers, body }: Post, closed: AbortSignal): Promise<DeliveryStatus> {
  if (url === undefined) return 'no_answer';
  // `fetch` would take three times the CPU, and load undici first. Node's own agent keeps connections, too.
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  try {
    const sent = send(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      signal: closed,
    });
    const late = setTimeout(() => sent.destroy(), ANSWER_TIMEOUT_MS);
    sent.once('close', () => clearTimeout(late)).end(body);
    // The latter also comes after a 101, of which Node tells nothing else.
    const [answer]: IncomingMessage[] = await Promise.race([once(sent, 'response'), once(sent, 'close')]);
    if (answer === undefined) return 'no_answer';
    await finished(answer.resume());
    return answer.statusCode ?? 'no_answer';
  } catch {
    return 'no_answer';
  }
}

interface LaneOptions<Item> {
  /** Items of one lane go one after the other, those of two at the same time. */
  laneOf(item: Item): string;
  send(item: Item): Promise<DeliveryStatus[]>;
  /** Called for each copy that was sent; `attempt` is 1 for the first try. */
  attempted(item: Item, attempt: number, status: DeliveryStatus): void;
  /** The ms to wait after this attempt has failed; undefined if it was the last one. */
  waitMs(attempt: number): number | undefined;
  /** Left out if there is always a next attempt. */
  gaveUp?(item: Item): void;
  timers: Timers;
}

/**
 * Sends again on every answer but a 2xx. The next item of a lane goes only after the one before was accepted or
 * given up. The outcome of what is under way when the server closes is not told.
 *
 * @returns takes the next item, with the attempts that a former process has made.
 */
export function createLanes<Item>(options: LaneOptions<Item>): (item: Item, attempts?: number) => void {
  const { laneOf, send, attempted, waitMs, gaveUp, timers } = options;
  const lanes = new Map<string, { item: Item; attempts: number }[]>();

  const next = async (lane: string): Promise<void> => {
    const first = lanes.get(lane)?.[0];
    if (!first) {
      lanes.delete(lane);
      return;
    }
    first.attempts += 1;
    const { item, attempts } = first;
    const statuses = await send(item);
    if (timers.closed.aborted) return;
    for (const status of statuses) attempted(item, attempts, status);
    const wait = statuses.some(isAccepted) ? 'accepted' : waitMs(attempts);
    if (typeof wait === 'number') {
      timers.after(wait, () => next(lane));
      return;
    }
    if (wait === undefined) gaveUp?.(item);
    lanes.get(lane)?.shift();
    return next(lane);
  };

  return (item, attempts = 0) => {
    const lane = laneOf(item);
    const waiting = lanes.get(lane);
    if (waiting) {
      waiting.push({ item, attempts });
      return;
    }
    lanes.set(lane, [{ item, attempts }]);
    next(lane);
  };
}

/** What became of each item that was to be delivered, by the books. */
export interface Outbox<Item> {
  begin(id: string, item: Item): void;
  attempted(id: string, attempt: number, status: DeliveryStatus): void;
  gaveUp(id: string): void;
  state(id: string): 'pending' | 'delivered' | 'given_up';
  /** In the order in which they began. */
  pending(): { item: Item; attempts: number }[];
}

export function createOutbox<Item>(): Outbox<Item> {
  const open = new Map<string, { item: Item; attempts: number }>();
  const givenUp = new Set<string>();
  return {
    begin: (id, item) => void open.set(id, { item, attempts: 0 }),
    attempted(id, attempt, status) {
      const delivery = open.get(id);
      if (delivery) delivery.attempts = attempt;
      if (isAccepted(status)) open.delete(id);
    },
    gaveUp(id) {
      open.delete(id);
      givenUp.add(id);
    },
    state(id) {
      if (open.has(id)) return 'pending';
      return givenUp.has(id) ? 'given_up' : 'delivered';
    },
    pending: () => [...open.values()],
  };
}

function isAccepted(status: DeliveryStatus): boolean {
  return typeof status === 'number' && status >= 200 && status < 300;
}
