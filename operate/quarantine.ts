import { CAPTURED, type QuarantinedWebhook } from '../shared/incoming/quarantine.ts';
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
export async function readQuarantined({ quarantine }: Connection, id: string): Promise<QuarantinedWebhook> {
  const kept = await quarantine.show(id);
  if (kept) return kept;
  throw new OperateError('not_found', `Nothing is kept under ${id}: npm run relay -- quarantine list`);
}

/** The headers for the eyes of a person. Those of a captured webhook may prove its sender. */
export const shownHeaders = ({ reason, headers }: QuarantinedWebhook): Record<string, string> =>
  reason === CAPTURED ? masked(headers, { verifiers: [], secrets: [] }) : headers;

/** Headers that describe the connection, not what was sent. */
const OF_THE_CONNECTION =
  /^(host|connection|keep-alive|content-length|transfer-encoding|accept-encoding|expect|te|trailer|upgrade|via|forwarded|x-forwarded-.*|x-amzn-.*)$/;

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
    body,
    redirect: 'manual',
  });
  const answer = { status: response.status, body: await response.text() };
  return response.status === 401 ? { ...answer, advice: adviceFor(route) } : answer;
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
