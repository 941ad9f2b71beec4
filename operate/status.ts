import { describeError } from '../shared/logger.ts';
import type { Pause } from '../shared/recharge/charging.ts';
import { isFinished, type Phase, type Recharge, waitingSince } from '../shared/recharge/recharge.ts';
import type { Sweep } from '../shared/sweeps.ts';
import { alertJson, listAlerts, type RaisedAlert } from './alerts.ts';
import type { Connection } from './connection.ts';
import { OperateError } from './error.ts';
import type { RelayIdentity } from './identity.ts';
import { knownChannels } from './known-channels.ts';
import { countUnsentEvents, type QueueDepth, readQueueDepths, type UnsentEvents } from './queues.ts';
import { type RefusedCount, refusedJson } from './refused.ts';
import { runbookUrlOf } from './runbook.ts';
import { openSecrets } from './secrets.ts';
import type { Target } from './target.ts';

/** What could be read, or why not: one part that cannot be read keeps no other from being shown. */
export type Part<Value> = { value: Value } | { unreadable: string };

/** Unfinished recharges that wait alike. */
export interface WaitingGroup {
  phase: Phase;
  /** Why: the reason of a review, or what stood in the way last. Absent where nothing did. */
  reason?: string;
  count: number;
  /** Unix milliseconds: since when the oldest of them is in this state, or is known. */
  oldestAt: number;
}

export interface Waiting {
  groups: WaitingGroup[];
  /** How many wait for a person, and since when the oldest of them does, with its key. */
  reviews: number;
  oldestReview?: { key: string; since: number };
  /** Whether more wait than were looked at. */
  more: boolean;
}

/** What came in since a whole hour: accepted, kept aside, and refused. */
export interface WebhookAnswers {
  /** Unix milliseconds. */
  since: number;
  accepted: number;
  keptAside: number;
  refused: RefusedCount[];
  /** Whether more were accepted, or kept, than were counted. */
  more: boolean;
}

export interface SecretAge {
  name: string;
  isSet: boolean;
  /** Unix milliseconds; absent where it was set by other means, or by an earlier version. */
  setAt?: number;
  previous: number;
}

export interface Status {
  relay: RelayIdentity;
  /** Unix milliseconds. */
  at: number;
  /** Absent: charging is on. */
  pause: Part<Pause | undefined>;
  waiting: Part<Waiting>;
  /** Those that are open, the worst first. */
  alerts: Part<RaisedAlert[]>;
  queues: Part<QueueDepth[]>;
  events: Part<UnsentEvents>;
  sweep: Part<Sweep | undefined>;
  webhooks: Part<WebhookAnswers>;
  quarantined: Part<{ count: number; more: boolean }>;
  secrets: Part<SecretAge[]>;
}

/** Of what waits, of webhooks of an hour, and of what is kept aside. More is said to be more. */
const MOST_COUNTED = 1_000;
const HOUR_MS = 3_600_000;

/** All that an operator has to know of a relay. Its parts are read at the same time. */
export async function readStatus(connection: Connection, target: Target): Promise<Status> {
  const { relay, charging, sweeps, now } = connection;
  const [pause, waiting, alerts, queues, events, sweep, webhooks, quarantined, secrets] = await Promise.all([
    part(() => charging.paused()),
    part(() => readWaiting(connection)),
    part(() => listAlerts(connection, { all: false, runbookUrl: runbookUrlOf(target) })),
    part(async () => readQueueDepths(await connection.queues())),
    part(async () => countUnsentEvents(await connection.queues())),
    part(() => sweeps.last()),
    part(() => readAnswers(connection)),
    part(() => countQuarantined(connection)),
    part(() => readSecrets(target)),
  ]);
  const parts = { pause, waiting, alerts, queues, events, sweep, webhooks, quarantined, secrets };
  return { relay, at: now(), ...parts };
}

async function part<Value>(read: () => Promise<Value>): Promise<Part<Value>> {
  try {
    return { value: await read() };
  } catch (error) {
    return { unreadable: error instanceof OperateError ? error.message : describeError(error) };
  }
}

/** Unfinished recharges by what they wait for, the largest groups first. */
async function readWaiting({ ledger, rows, charging }: Connection): Promise<Waiting> {
  const keys: string[] = [];
  let more = false;
  for (const waitsFor of ['person', 'time'] as const) {
    let cursor: string | undefined;
    do {
      const page = await ledger.due(waitsFor, Number.MAX_SAFE_INTEGER, cursor);
      keys.push(...page.items.map(({ key }) => key));
      cursor = page.cursor;
    } while (cursor !== undefined && keys.length < MOST_COUNTED);
    more ||= cursor !== undefined;
  }
  const [{ found, newer }, pause] = await Promise.all([rows.recharges(keys), charging.paused()]);
  const unfinished = [...found.values()].filter((row) => !isFinished(row));
  const inReview = unfinished.filter(({ phase }) => phase === 'needs_review');
  const [oldest] = inReview.toSorted((a, b) => waitingSince(a) - waitingSince(b));
  return {
    groups: groupsOf(unfinished, pause !== undefined),
    reviews: inReview.length,
    ...(oldest ? { oldestReview: { key: oldest.key, since: waitingSince(oldest) } } : {}),
    // Those of a later version cannot be judged here.
    more: more || newer.length > 0,
  };
}

function groupsOf(rows: Recharge[], isPaused: boolean): WaitingGroup[] {
  const groups = new Map<string, WaitingGroup>();
  for (const row of rows) {
    const reason = row.phase === 'received' && isPaused ? 'charging is paused' : reasonOf(row);
    const name = `${row.phase} ${reason}`;
    const before = groups.get(name);
    groups.set(name, {
      phase: row.phase,
      ...(reason === undefined ? {} : { reason }),
      count: (before?.count ?? 0) + 1,
      oldestAt: Math.min(before?.oldestAt ?? Number.POSITIVE_INFINITY, waitingSince(row)),
    });
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

/** Of a wait only the beginning: what the other side answered may differ from recharge to recharge. */
const REASON_CHARACTERS = 60;

function reasonOf({ review, history }: Recharge): string | undefined {
  const last = history.at(-1);
  const obstacle = last?.event === 'waiting' ? last.detail : undefined;
  return review ?? obstacle?.slice(0, REASON_CHARACTERS);
}

async function readAnswers({ rows, refused, quarantine, now }: Connection): Promise<WebhookAnswers> {
  const at = now();
  const since = at - (at % HOUR_MS) - HOUR_MS;
  const [accepted, kept, counts] = await Promise.all([
    countReceived(rows, since, at),
    countKept(quarantine, since),
    refused.since(since, at),
  ]);
  return {
    since,
    accepted: accepted.count,
    keptAside: kept.count,
    refused: counts,
    more: accepted.more || kept.more,
  };
}

/** Two hours may lie in two days. */
async function countReceived(rows: Connection['rows'], since: number, now: number) {
  let count = 0;
  for (const time of new Set([now, since].map((at) => new Date(at).toISOString().slice(0, 10)))) {
    let cursor: string | undefined;
    do {
      const page = await rows.ofDay(time, cursor);
      const within = page.items.filter(({ receivedAt }) => receivedAt >= since);
      count += within.length;
      if (count >= MOST_COUNTED) return { count, more: true };
      cursor = within.length < page.items.length ? undefined : page.cursor;
    } while (cursor !== undefined);
  }
  return { count, more: false };
}

async function countKept(quarantine: Connection['quarantine'], since: number) {
  let count = 0;
  for await (const { receivedAt } of quarantine.list()) {
    if (receivedAt < since) break;
    count += 1;
    if (count === MOST_COUNTED) return { count, more: true };
  }
  return { count, more: false };
}

const countQuarantined = ({ quarantine }: Connection) => countKept(quarantine, 0);

/** Which are set, and since when; never what they are. */
async function readSecrets(target: Target): Promise<SecretAge[]> {
  const secrets = await openSecrets(target);
  const channels = knownChannels(target) ?? new Map();
  const listed = await secrets.list(channels, async () => 'not_known');
  return listed.map(({ name, held: [current, ...previous] }) => ({
    name,
    isSet: current !== undefined,
    ...(current?.setAt === undefined ? {} : { setAt: current.setAt }),
    previous: previous.length,
  }));
}

const iso = (time: number) => new Date(time).toISOString();
const isoIf = (time: number | undefined) => (time === undefined ? undefined : iso(time));

/** The switch of all new charges, for programs. */
export const chargingJson = (pause: Pause | undefined) => ({
  paused: pause !== undefined,
  reason: pause?.reason,
  by: pause?.by,
  since: isoIf(pause?.since),
  until: isoIf(pause?.until),
});

/** A status for programs: times as ISO 8601; of a part that cannot be read, `{"unreadable": why}`. */
export function statusJson(status: Status) {
  const { relay, at } = status;
  return {
    relay: { ...relay, webhookUrl: undefined, webhook_url: relay.webhookUrl },
    at: iso(at),
    charging: json(status.pause, chargingJson),
    waiting: json(status.waiting, ({ groups, reviews, oldestReview, more }) => ({
      groups: groups.map(({ oldestAt, ...group }) => ({ ...group, oldest_at: iso(oldestAt) })),
      reviews,
      oldest_review: oldestReview && { key: oldestReview.key, since: iso(oldestReview.since) },
      more,
    })),
    alerts: json(status.alerts, (alerts) => alerts.map(alertJson)),
    webhooks: json(status.webhooks, ({ since, accepted, keptAside, refused, more }) => ({
      since: iso(since),
      accepted,
      kept_aside: keptAside,
      refused: refused.map(refusedJson),
      more,
    })),
    quarantined: json(status.quarantined, (quarantined) => quarantined),
    queues: json(status.queues, (queues) =>
      queues.map(({ deadLetters, ...queue }) => ({ ...queue, dead_letters: deadLetters })),
    ),
    events: json(status.events, (unsent) => unsent),
    last_sweep: json(
      status.sweep,
      (sweep) => sweep && { at: iso(sweep.sweptAt), queued: sweep.queued, failed: sweep.failed },
    ),
    secrets: json(status.secrets, (secrets) =>
      secrets.map(({ name, isSet, setAt, previous }) => ({
        name,
        is_set: isSet,
        set_at: isoIf(setAt),
        previous,
      })),
    ),
  };
}

const json = <Value, Json>(part: Part<Value>, of: (value: Value) => Json) =>
  'value' in part ? (of(part.value) ?? null) : part;
