import { isUtf8 } from 'node:buffer';
import { CAPTURED, type ListedWebhook, type QuarantinedWebhook } from '../shared/incoming/quarantine.ts';
import { describeError } from '../shared/logger.ts';
import type { Connection, Inbound } from './connection.ts';
import { OperateError } from './error.ts';
import { findVerifiers } from './find-verifiers.ts';
import { masked } from './masked.ts';
import { configuredVerifiers, proofsFor } from './proofs.ts';
import { channelOf, secretsOf } from './routes.ts';
import type { Target } from './target.ts';

/**
 * A webhook as it is kept. It may be sent again, and may hold what proves its sender.
 *
 * @throws an OperateError, `not_found`, if nothing is kept under this id, or its 30 days are over.
 */
export async function readQuarantined(
  { quarantine }: Pick<Connection, 'quarantine'>,
  id: string,
): Promise<QuarantinedWebhook> {
  const kept = await quarantine.show(id);
  if (kept) return kept;
  throw new OperateError('not_found', `Nothing is kept under ${id}: npx relay quarantine list`);
}

/**
 * Webhooks that were not understood, newest first, and read as far as they are asked for.
 *
 * @param options.after the id of the last one that was seen.
 * @throws an OperateError, `not_found`, if nothing is kept under that id any more.
 */
export async function* listQuarantined(
  connection: Pick<Connection, 'quarantine'>,
  { route, after }: { route?: string; after?: string } = {},
): AsyncGenerator<ListedWebhook> {
  if (after !== undefined) await readQuarantined(connection, after);
  const listed = connection.quarantine.list(after === undefined ? {} : { after });
  for await (const webhook of listed) if (route === undefined || webhook.route === route) yield webhook;
}

/** The headers for the eyes of a person. Those of a captured webhook may prove its sender. */
export const shownHeaders = ({ reason, headers }: QuarantinedWebhook): Record<string, string> =>
  reason === CAPTURED ? masked(headers, { verifiers: [], secrets: [] }) : headers;

/** One of the list, for programs. */
export const listedJson = ({ id, receivedAt, route, reason }: ListedWebhook) => ({
  id,
  received_at: new Date(receivedAt).toISOString(),
  route,
  reason,
});

/** A whole one, for programs. What may prove its sender is left out, as in `shownHeaders`. */
export function quarantinedJson(id: string, kept: QuarantinedWebhook) {
  const { receivedAt, route, reason, body } = kept;
  return {
    ...listedJson({ id, receivedAt, route, reason }),
    headers: shownHeaders(kept),
    ...(isUtf8(body) ? { body: body.toString('utf8') } : { body_base64: body.toString('base64') }),
  };
}

/** Headers that describe the connection, not what was sent. */
const OF_THE_CONNECTION =
  /^(host|connection|keep-alive|content-length|transfer-encoding|accept-encoding|expect|te|trailer|upgrade|via|forwarded|x-forwarded-.*|x-amzn-.*)$/;

/** The relay's own functions end within this. */
const ANSWERED_WITHIN_MS = 30_000;

/** What the relay answered. */
export interface Replayed {
  status: number;
  body: string;
  /** What to do about a refusal. */
  advice?: string;
}

/**
 * Sends the kept body to the relay once more, with the headers with which it came, signed again.
 *
 * @param options.unverified allows a captured one that no secret of ours vouches for.
 * @param options.now Unix milliseconds.
 * @throws an OperateError, `refused` or `not_ready`, if it must not, or cannot, be sent.
 */
export async function replayQuarantined(
  kept: QuarantinedWebhook,
  { url, secrets }: Inbound,
  options: { target: Target; unverified: boolean; now: number },
): Promise<Replayed> {
  const { route, body, headers } = kept;
  const held = secretsOf(route, await secrets());
  const [secret] = held;
  if (secret === undefined)
    throw new OperateError('not_ready', `No secret is set for ${route}, so nothing can be proved to it.`);
  const { matches } = kept.reason === CAPTURED ? findVerifiers(kept, held, url) : { matches: [] };
  if (kept.reason === CAPTURED && matches.length === 0 && !options.unverified) {
    throw new OperateError(
      'refused',
      'Nobody proved to have sent this: no verifier matches with the secrets that are set. If you know what it ' +
        'is, and want it to count all the same, add --unverified.',
    );
  }
  const verifiers = [
    ...matches.map(({ verifier }) => verifier),
    ...configuredVerifiers(route, options.target),
  ];
  const response = await fetch(new URL(route, url), {
    method: 'POST',
    headers: {
      ...Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_THE_CONNECTION.test(name))),
      'x-webhook-token': secret,
      ...proofsFor(verifiers, { secret, body, headers, now: options.now }),
    },
    body: new Uint8Array(body),
    redirect: 'manual',
    signal: AbortSignal.timeout(ANSWERED_WITHIN_MS),
  });
  const answer = { status: response.status, body: await response.text() };
  return response.status === 401 ? { ...answer, advice: adviceFor(route) } : answer;
}

/** Of many: which of them, and what came of it. */
export interface ReplayedOne {
  id: string;
  /** From 1. */
  number: number;
  /** Absent where it is not kept any more, or no answer came. */
  answer?: Replayed;
  error?: string;
}

export interface ReplayedAll {
  taken: number;
  refused: number;
  unanswered: number;
  /** Those after the relay had stopped to answer. */
  untried: number;
}

/** A relay that gave no answer so often in a row has ended, or is away. */
const SILENT_TO_STOP = 5;

/**
 * What a replay of all that came to a route would send.
 *
 * @returns the ids, the oldest first, and how many were kept for each reason. No more than this is kept in memory.
 */
export async function planQuarantineReplay(
  connection: Pick<Connection, 'quarantine'>,
  route: string,
): Promise<{ ids: string[]; reasons: Map<string, number> }> {
  const ids: string[] = [];
  const reasons = new Map<string, number>();
  for await (const { id, reason } of listQuarantined(connection, { route })) {
    ids.push(id);
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return { ids: ids.reverse(), reasons };
}

/**
 * Sends kept webhooks to the relay once more, one after the other. One that fails keeps no other from being sent. The
 * keys make each count once, so all of this may be repeated.
 *
 * @param ids in the order in which they are sent.
 * @param tell hears of each as it is done.
 */
export async function replayAllQuarantined(
  connection: Pick<Connection, 'quarantine' | 'now'>,
  ids: readonly string[],
  { inbound, target }: { inbound: Inbound; target: Target },
  tell: (one: ReplayedOne) => void,
): Promise<ReplayedAll> {
  const all: ReplayedAll = { taken: 0, refused: 0, unanswered: 0, untried: 0 };
  let silent = 0;
  for (const [index, id] of ids.entries()) {
    if (silent >= SILENT_TO_STOP) return { ...all, untried: ids.length - index };
    const one = { id, number: index + 1 };
    try {
      const kept = await readQuarantined(connection, id);
      const answer = await replayQuarantined(kept, inbound, {
        target,
        unverified: false,
        now: connection.now(),
      });
      const isTaken = answer.status >= 200 && answer.status <= 299;
      all[isTaken ? 'taken' : 'refused'] += 1;
      silent = 0;
      tell({ ...one, answer });
    } catch (error) {
      all.unanswered += 1;
      // What is not kept any more says nothing about the relay.
      if (!(error instanceof OperateError)) silent += 1;
      tell({ ...one, error: error instanceof OperateError ? error.message : describeError(error) });
    }
  }
  return all;
}

function adviceFor(route: string): string {
  const channel = channelOf(route);
  const place = channel ? `channels.${channel.name}.${channel.direction}.verifiers` : 'recharge.verifiers';
  return (
    'It was signed as "webhook send" signs, and for the verifiers of the configuration here, and the relay that ' +
    `runs takes none of these: compare ${place} with what is deployed (npm start reads RELAY_CONFIG; give the ` +
    'same one to this command), and the secret that is set.'
  );
}
