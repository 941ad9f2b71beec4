import type { QuarantinedWebhook } from '../shared/incoming/quarantine.ts';
import { channelOf, findVerifiers, type Match, masked, printable } from './capture.ts';
import { proposeChannel, proposeRecharge } from './mapping.ts';

interface Captured {
  id: string;
  kept: QuarantinedWebhook;
  /** What senders to its route may hold. */
  secrets: string[];
  /** Also the values that look secret. */
  raw: boolean;
}

/** Signed times further from ours than the verifiers' own tolerance, which the relay would refuse. */
const TOLERATED_SECONDS = 300;

/** What is known of a captured delivery, and what to put into the configuration. */
export function captureJson({ id, kept, secrets, raw }: Captured) {
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

/** The same for people. */
export function captureText(captured: Captured): string {
  const { id, route, receivedAt, headers, query, body, matching, lookedAt, config, notes } =
    captureJson(captured);
  const [best, ...others] = matching.map((verifier) => JSON.stringify(verifier));
  const lines = [
    `Captured ${receivedAt} at ${route}: nobody verified it.`,
    '',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...Object.entries(query).map(([name, value]) => `?${name}=${value}`),
    '',
    body,
    '',
    best ? `With the secret that is set, it is let in by the verifier ${best}` : 'No verifier matches.',
    ...others.map((other) => `also by ${other}`),
    ...(best ? [] : ['Looked at:', ...lookedAt.map((line) => `  ${line}`)]),
    '',
    'For relay.config.json:',
    '',
    JSON.stringify(config, null, 2),
    ...(notes.length === 0 ? [] : ['', 'To decide:', ...notes.map((note) => `  ${note}`)]),
    '',
    `Once that is in force: npm run relay -- quarantine replay ${id}`,
  ];
  return printable(lines.join('\n'));
}
