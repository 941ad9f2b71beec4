import { CAPTURED, type QuarantinedWebhook } from '../shared/incoming/quarantine.ts';
import { channelOf, findVerifiers, secretsOf } from './capture.ts';
import type { Inbound } from './connection.ts';
import { configuredVerifiers, proofsFor } from './proofs.ts';

/** Those that speak of the connection it came by, not of what was sent. */
const OF_THE_CONNECTION =
  /^(host|connection|keep-alive|content-length|transfer-encoding|accept-encoding|expect|te|trailer|upgrade|via|forwarded|x-forwarded-.*|x-amzn-.*)$/;

export interface Replayed {
  status: number;
  body: string;
  /** What to do about a refusal. */
  advice?: string;
}

/**
 * Sends the kept body to the relay once more, with the headers it came with, proved anew.
 *
 * @param options.unverified also a captured one that no secret of ours vouches for.
 * @throws an Error where it must not, or cannot, be sent.
 */
export async function replay(
  kept: QuarantinedWebhook,
  { url, secrets }: Inbound,
  options: { env: NodeJS.ProcessEnv; stack: string | undefined; unverified: boolean; now: number },
): Promise<Replayed> {
  const { route, body, headers } = kept;
  const held = secretsOf(route, await secrets());
  const [secret] = held;
  if (secret === undefined) throw new Error(`No secret is set for ${route}, so nothing can be proved to it.`);
  const { matches } = kept.reason === CAPTURED ? findVerifiers(kept, held) : { matches: [] };
  if (kept.reason === CAPTURED && matches.length === 0 && !options.unverified) {
    throw new Error(
      'Nobody proved to have sent this: no verifier matches with the secrets that are set. If you know what it ' +
        'is, and want it to count all the same, add --unverified.',
    );
  }
  const verifiers = [
    ...matches.map(({ verifier }) => verifier),
    ...configuredVerifiers(route, options.env, options.stack),
  ];
  const response = await fetch(new URL(route, url), {
    method: 'POST',
    headers: {
      ...Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_THE_CONNECTION.test(name))),
      'x-webhook-token': secret,
      ...proofsFor(verifiers, { secret, body, now: options.now }),
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
