import { CAPTURED, type QuarantinedWebhook } from '../shared/incoming/quarantine.ts';
import type { Verifier } from '../shared/incoming/verifier-settings.ts';
import { toleranceSecondsOf, verifyRequest } from '../shared/incoming/verifiers.ts';
import type { InboundSecrets } from '../shared/settings/secrets.ts';
import type { Connection, Inbound } from './connection.ts';
import { OperateError } from './error.ts';
import { findVerifiers, type Match, readableBody } from './find-verifiers.ts';
import { proposeChannel } from './map-channel.ts';
import { proposeRecharge } from './map-recharge.ts';
import { masked } from './masked.ts';
import { channelOf, secretsOf, WEBHOOK_ROUTE } from './routes.ts';

/** A day, because what is captured is not verified, and a capture must not be left on. */
export const MAX_CAPTURE_MINUTES = 1_440;

/** A capture that was switched on. */
export interface StartedCapture {
  /** With the token, which is stored nowhere: set at the sender, it lets nothing in. */
  address: URL;
  /** Unix milliseconds. */
  until: number;
}

/**
 * Keeps whole, for some minutes, what comes to a secret address and cannot be verified. A capture that was on for
 * the route ends.
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
 * @throws an OperateError, `not_found`, if there is none.
 */
export async function readCaptured(
  { quarantine }: Connection,
  wanted: { id: string | undefined; route: string },
): Promise<Captured> {
  const id = wanted.id ?? (await newestOf(quarantine, wanted.route));
  const kept = id === undefined ? undefined : await quarantine.show(id);
  if (id !== undefined && kept?.reason === CAPTURED) return { id, kept };
  throw new OperateError(
    'not_found',
    wanted.id === undefined
      ? `Nothing was captured at ${wanted.route}: npx relay capture start${ofRoute(wanted.route)}`
      : `Nothing captured is kept under ${wanted.id}: npx relay capture list`,
  );
}

async function newestOf(quarantine: Connection['quarantine'], route: string): Promise<string | undefined> {
  for await (const captured of quarantine.list({ of: CAPTURED })) {
    if (captured.route === route) return captured.id;
  }
  return undefined;
}

/** Which one, in a command that is printed. */
export const ofRoute = (route: string) => (route === WEBHOOK_ROUTE ? '' : ` --route ${route}`);

export type CaptureReport = ReturnType<typeof captureReport>;

/**
 * What is known of a captured delivery, and what to put into the configuration.
 *
 * @param inbound what is set, for the route it came to too.
 * @param options.raw also the values that look secret.
 * @param options.configured the verifiers of the configuration here.
 * @param options.address where the relay is reached.
 */
export function captureReport(
  { id, kept }: Captured,
  inbound: InboundSecrets,
  { raw, configured = [], address }: { raw: boolean; configured?: Verifier[]; address?: string },
) {
  const secrets = secretsOf(kept.route, inbound);
  const { route, receivedAt, headers, query = {} } = kept;
  const { matches, lookedAt } = findVerifiers(kept, secrets, address);
  const [best] = matches;
  // DynamoDB keeps no order.
  const sorted = (values: Record<string, string>) => Object.fromEntries(Object.entries(values).toSorted());
  const verifiers = matches.map(({ verifier }) => verifier);
  const shown = (values: Record<string, string>) =>
    sorted(raw ? values : masked(values, { verifiers, secrets }));
  const text = readableBody(kept).body.toString('utf8');
  const verdict = verifyRequest({ ...kept, query, verifiers: configured, secrets, now: receivedAt });
  return {
    id,
    route,
    receivedAt: new Date(receivedAt).toISOString(),
    headers: shown(headers),
    query: shown(query),
    body: raw ? text : secrets.reduce((hidden, secret) => hidden.replaceAll(secret, '(the secret)'), text),
    matching: matches.map(({ settings }) => settings),
    /** What keeps the first of them from letting it in; empty if nothing does. */
    nearest: best ? obstacles(best, secrets) : [],
    /** What the verifiers of the configuration here say; absent where it has none. */
    ...(configured.length === 0 ? {} : { configured: verdict.ok ? 'they let it in by now' : verdict.reason }),
    lookedAt,
    ...proposal(kept, best),
  };
}

function obstacles({ verifier, secret, ageSeconds }: Match, secrets: string[]): string[] {
  const tolerance = toleranceSecondsOf(verifier) ?? Number.POSITIVE_INFINITY;
  return [
    ...(secret === secrets[0] ? [] : ['agrees with the previous secret']),
    ...(Math.abs(ageSeconds) <= tolerance
      ? []
      : [`would agree, if the time were not ${inWords(ageSeconds)} ${ageSeconds > 0 ? 'old' : 'ahead'}`]),
  ];
}

/** A span in the largest unit of which there are two. */
function inWords(span: number): string {
  const seconds = Math.abs(span);
  const units = [
    ['days', 86_400],
    ['hours', 3_600],
    ['minutes', 60],
  ] as const;
  const [name, size] = units.find(([, unit]) => seconds >= 2 * unit) ?? ['seconds', 1];
  return `${Math.floor(seconds / size)} ${name}`;
}

/** The best verifier and the mapping, as a part of `relay.config.json`. */
function proposal(kept: QuarantinedWebhook, best: Match | undefined): { config: object; notes: string[] } {
  const channel = channelOf(kept.route);
  const verifiers = best ? { verifiers: [best.settings] } : {};
  const late = best ? lateNotes(best) : [];
  if (!channel) {
    const { fields, notes } = proposeRecharge(kept, best?.verifier);
    return { config: { recharge: { ...verifiers, ...fields } }, notes: [...late, ...notes] };
  }
  const { name, direction } = channel;
  const { fields, notes } =
    direction === 'send' ? { fields: {}, notes: [] } : proposeChannel(kept, direction);
  const ofAdapter =
    direction === 'incoming'
      ? ['incoming: a setting of the adapter "webhook"; the others know their system\'s form and proof']
      : [];
  return {
    config: { channels: { [name]: { [direction]: { ...verifiers, ...fields } } } },
    notes: [...late, ...notes, ...ofAdapter],
  };
}

function lateNotes({ verifier, ageSeconds }: Match): string[] {
  const tolerance = toleranceSecondsOf(verifier);
  if (tolerance === undefined || Math.abs(ageSeconds) <= tolerance) return [];
  const side = ageSeconds > 0 ? 'before' : 'after';
  return [
    `verifiers: the signed time was ${inWords(ageSeconds)} ${side} ours, which is refused. Either a clock is wrong, or a ` +
      `repetition keeps its first time: then "toleranceSeconds": ${Math.ceil(Math.abs(ageSeconds) / 60) * 60} lets it in`,
  ];
}
