import { CAPTURED, type QuarantinedWebhook } from '../shared/incoming/quarantine.ts';
import type { InboundSecrets } from '../shared/settings/secrets.ts';
import type { Connection, Inbound } from './connection.ts';
import { OperateError } from './error.ts';
import { findVerifiers, type Match, masked } from './find-verifiers.ts';
import { proposeChannel, proposeRecharge } from './mapping.ts';
import { channelOf, secretsOf, WEBHOOK_ROUTE } from './routes.ts';

/** A day: what is captured is not verified, so it is not left on. */
export const MAX_CAPTURE_MINUTES = 1_440;

/** A capture that was switched on. */
export interface StartedCapture {
  /** With the token, which is stored nowhere: set at the sender, it lets nothing in. */
  address: URL;
  /** Unix milliseconds. */
  until: number;
}

/**
 * Keeps whole, for some minutes, what comes to a secret address and nobody can verify. What was on for the route
 * before ends.
 *
 * @throws an OperateError, `refused`, for less than a minute and more than a day.
 */
export async function startCapture(
  { capture, now }: Connection,
  { url }: Inbound,
  { route, minutes }: { route: string; minutes: number },
): Promise<StartedCapture> {
  if (minutes < 1 || minutes > MAX_CAPTURE_MINUTES) {
    throw new OperateError('refused', `A capture is on for 1 to ${MAX_CAPTURE_MINUTES} minutes.`);
  }
  const until = now() + minutes * 60_000;
  const token = await capture.start(route, until);
  const address = new URL(route, url);
  address.searchParams.set('token', token);
  return { address, until };
}

/** A delivery that was captured. */
export interface Captured {
  id: string;
  kept: QuarantinedWebhook;
}

/**
 * @param wanted.id as the list names it; undefined: the newest one of the route.
 * @throws an OperateError, `not_found`, where there is none.
 */
export async function readCaptured(
  { quarantine }: Connection,
  wanted: { id: string | undefined; route: string },
): Promise<Captured> {
  const newest = (await quarantine.list(CAPTURED)).find(({ route }) => route === wanted.route);
  const id = wanted.id ?? newest?.id;
  const kept = id === undefined ? undefined : await quarantine.show(id);
  if (id !== undefined && kept?.reason === CAPTURED) return { id, kept };
  throw new OperateError(
    'not_found',
    wanted.id === undefined
      ? `Nothing was captured at ${wanted.route}: npm run relay -- capture start${ofRoute(wanted.route)}`
      : `Nothing captured is kept under ${wanted.id}: npm run relay -- capture list`,
  );
}

/** Which one, in a command that is printed. */
export const ofRoute = (route: string) => (route === WEBHOOK_ROUTE ? '' : ` --route ${route}`);

/** Signed times further from ours than the verifiers' own tolerance, which the relay would refuse. */
const TOLERATED_SECONDS = 300;

export type CaptureReport = ReturnType<typeof captureReport>;

/**
 * What is known of a captured delivery, and what to put into the configuration.
 *
 * @param inbound what is set, for the route it came to too.
 * @param options.raw also the values that look secret.
 */
export function captureReport({ id, kept }: Captured, inbound: InboundSecrets, { raw }: { raw: boolean }) {
  const secrets = secretsOf(kept.route, inbound);
  const { route, receivedAt, headers, query = {}, body } = kept;
  const { matches, lookedAt } = findVerifiers(kept, secrets);
  // DynamoDB keeps no order.
  const sorted = (values: Record<string, string>) => Object.fromEntries(Object.entries(values).toSorted());
  const shown = (values: Record<string, string>) =>
    sorted(raw ? values : masked(values, { matches, secrets }));
  const { config, notes } = proposal(kept, matches);
  const text = body.toString('utf8');
  return {
    id,
    route,
    receivedAt: new Date(receivedAt).toISOString(),
    headers: shown(headers),
    query: shown(query),
    body: raw ? text : secrets.reduce((hidden, secret) => hidden.replaceAll(secret, '(the secret)'), text),
    matching: matches.map(({ settings }) => settings),
    lookedAt,
    config,
    notes,
  };
}

/** The best verifier and the mapping, as a part of `relay.config.json`. */
function proposal({ route, body }: QuarantinedWebhook, [best]: Match[]): { config: object; notes: string[] } {
  const channel = channelOf(route);
  const verifiers = best ? { verifiers: [best.settings] } : {};
  const late =
    best && Math.abs(best.ageSeconds) > TOLERATED_SECONDS
      ? [
          `verifiers: the signed time was ${best.ageSeconds} seconds before ours, which is refused: a repetition that ` +
            'keeps its first time, or a clock that is wrong',
        ]
      : [];
  if (!channel) {
    const { fields, notes } = proposeRecharge(body);
    return { config: { recharge: { ...verifiers, ...fields } }, notes: [...late, ...notes] };
  }
  const { name, direction } = channel;
  const { fields, notes } =
    direction === 'send' ? { fields: {}, notes: [] } : proposeChannel(body, direction);
  const ofAdapter =
    direction === 'incoming'
      ? ['incoming: a setting of the adapter "webhook"; the others know their system\'s form and proof']
      : [];
  return {
    config: { channels: { [name]: { [direction]: { ...verifiers, ...fields } } } },
    notes: [...late, ...notes, ...ofAdapter],
  };
}
