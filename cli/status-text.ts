import type { RaisedAlert } from '../operate/alerts.ts';
import type { RefusedCount } from '../operate/refused.ts';
import type { Part, SecretAge, Status, Waiting, WebhookAnswers } from '../operate/status.ts';
import { ageText, durationText, utcText, whenText } from '../shared/ages.ts';
import { printableLine } from '../shared/printable.ts';
import type { Pause } from '../shared/recharge/charging.ts';
import { shellQuoted } from '../shared/shell.ts';

/** Alerts and reasons that are shown; what is more is counted. */
const MOST_SHOWN = 5;
/** Longer than a sweep and the minute between two. */
const SWEEP_LATE_MS = 3 * 60_000;

/** All of it on one page of a terminal: a name, and one or more lines. */
export function statusText(status: Status): string {
  const { at } = status;
  const parts: [name: string, lines: string[]][] = [
    ['Relay', relayLines(status)],
    ['Charging', said(status.pause, (pause) => pauseLines(pause, at))],
    ['Waiting', said(status.waiting, (waiting) => waitingLines(waiting, at))],
    ['Alerts', said(status.alerts, (alerts) => alertLines(alerts, at))],
    ['Webhooks', said(status.webhooks, (answers) => answerLines(answers, at))],
    ['Quarantine', said(status.quarantined, quarantineLines)],
    ['Queues', said(status.queues, (queues) => queues.map(queueLine))],
    ['Events', said(status.events, eventLines)],
    ['Last sweep', said(status.sweep, (sweep) => [sweepLine(sweep, at)])],
    ['Secrets', said(status.secrets, (secrets) => secretLines(secrets, at))],
  ];
  return parts
    .flatMap(([name, lines]) =>
      lines.map((line, index) => `${(index === 0 ? name : '').padEnd(12)}${printableLine(line)}`),
    )
    .join('\n');
}

const said = <Value>(part: Part<Value>, lines: (value: Value) => string[]): string[] =>
  'value' in part ? lines(part.value) : [`cannot be read: ${part.unreadable}`];

const many = (count: number, more: boolean) => `${count}${more ? ' or more' : ''}`;

function relayLines({ relay, at }: Status): string[] {
  const { name, stage, region, account, version, webhookUrl } = relay;
  const facts = [
    name,
    stage,
    region,
    account === undefined ? undefined : `account ${account}`,
    version === undefined ? undefined : `version ${version}`,
    `at ${utcText(at)}`,
  ];
  return [
    facts.filter((fact) => fact !== undefined).join(' · '),
    ...(webhookUrl === undefined ? [] : [`takes webhooks at ${webhookUrl}`]),
  ];
}

/** Whether charging is on; if not, by whom, since when, why, and how it ends. */
export function pauseLines(pause: Pause | undefined, now: number): string[] {
  if (pause === undefined) return ['on'];
  const { reason, until, since, by } = pause;
  const start = since === undefined ? '' : ` since ${whenText(since, now)}`;
  const who = by ?? (until === undefined ? 'a person' : 'the relay itself');
  return [
    `PAUSED by ${who}${start}: ${reason}`,
    until === undefined
      ? 'until a person says so: npx relay resume'
      : `until ${whenText(until, now)}, and then goes on by itself; at once: npx relay resume`,
  ];
}

function waitingLines({ groups, reviews, oldestReview, more }: Waiting, now: number): string[] {
  if (groups.length === 0) return [more ? 'only what a later version wrote' : 'no recharge is unfinished'];
  const lines = groups.slice(0, MOST_SHOWN).map(({ phase, reason, count, oldestAt }) => {
    const why = reason === undefined ? '' : ` (${reason})`;
    return `${count} ${phase}${why}, the oldest for ${durationText(now - oldestAt)}`;
  });
  const left = groups.slice(MOST_SHOWN).reduce((sum, { count }) => sum + count, 0);
  if (left > 0 || more) lines.push(`${many(left, more)} others`);
  if (oldestReview) {
    lines.push(
      `${reviews} ${reviews === 1 ? 'waits' : 'wait'} for you: npx relay recharges list --phase needs_review`,
      `the oldest since ${whenText(oldestReview.since, now)}: npx relay recharges show ${shellQuoted(oldestReview.key)}`,
    );
  }
  return lines;
}

function alertLines(alerts: RaisedAlert[], now: number): string[] {
  if (alerts.length === 0) return ['none is open'];
  const shown = alerts.slice(0, MOST_SHOWN).map((alert) => alertLine(alert, now));
  const left = alerts.length - shown.length;
  return [...shown, `${left > 0 ? `${left} others are open, too; all` : 'what to do'}: npx relay alerts`];
}

/** An alert in a line of a longer text. */
export function alertLine({ word, subject, lastAt, times }: RaisedAlert, now: number): string {
  const often = times === 1 ? '' : `, ${times} times`;
  return `${word}  ${printableLine(subject)}  ${ageText(lastAt, now)}${often}`;
}

function answerLines({ since, accepted, keptAside, refused, more }: WebhookAnswers, now: number): string[] {
  const count = refused.reduce((sum, one) => sum + one.count, 0);
  return [
    `since ${utcText(since)}: ${many(accepted, more)} accepted, ${many(keptAside, more)} kept aside, ${count} refused`,
    ...refused.slice(0, MOST_SHOWN).map((one) => refusedText(one, now)),
  ];
}

/** Of a count of what was refused. */
export const refusedText = ({ route, status, reason, count, lastAt }: RefusedCount, now: number) =>
  `${count} × ${status} at ${printableLine(route)}: ${printableLine(reason)} (last ${ageText(lastAt, now)})`;

const quarantineLines = ({ count, more }: { count: number; more: boolean }) =>
  count === 0 ? ['nothing is kept'] : [`${many(count, more)} kept: npx relay quarantine list`];

type QueueDepth = Extract<Status['queues'], { value: unknown }>['value'][number];

function queueLine({ queue, waiting, hidden, deadLetters }: QueueDepth): string {
  const dead = deadLetters === 0 ? 'no dead letter' : `${deadLetters} DEAD: npx relay deadletters list`;
  return `${queue}: ${waiting} waiting, ${hidden} being worked on or hidden, ${dead}`;
}

type UnsentEvents = Extract<Status['events'], { value: unknown }>['value'];

function eventLines({ unread, undelivered }: UnsentEvents): string[] {
  const lost = (count: number | undefined, what: string, section: string) =>
    count === undefined || count === 0 ? [] : [`${count} ${what}: RUNBOOK.md, ${section}`];
  const lines = [
    ...lost(unread, 'CHANGES NOT TOLD', '"recharge-events dead letters"'),
    ...lost(undelivered, 'NOT DELIVERED to your address', '"events not delivered"'),
  ];
  if (lines.length > 0) return lines;
  return unread === undefined && undelivered === undefined ? [] : ['all were sent'];
}

type Sweep = Extract<Status['sweep'], { value: unknown }>['value'];

function sweepLine(sweep: Sweep, now: number): string {
  if (sweep === undefined) return 'none yet';
  const { sweptAt, failed } = sweep;
  const late = now - sweptAt > SWEEP_LATE_MS ? ' NO SWEEP SINCE: what waits does not come back.' : '';
  return `${whenText(sweptAt, now)}${failed ? ' FAILED' : ''}${late}`;
}

function secretLines(secrets: SecretAge[], now: number): string[] {
  const names = (some: SecretAge[]) => some.map(({ name }) => name).join(', ');
  const missing = secrets.filter(({ isSet }) => !isSet);
  const ofUnknownAge = secrets.filter(({ isSet, setAt }) => isSet && setAt === undefined);
  const replaced = secrets.filter(({ previous }) => previous > 0);
  return [
    ...(missing.length === 0 ? [] : [`NOT SET: ${names(missing)}`]),
    ...secrets.flatMap(({ name, setAt }) =>
      setAt === undefined ? [] : [`${name}: set ${whenText(setAt, now)}`],
    ),
    ...(ofUnknownAge.length === 0 ? [] : [`set, it is not known when: ${names(ofUnknownAge)}`]),
    ...(replaced.length === 0 ? [] : [`previous ones are still accepted: ${names(replaced)}`]),
  ];
}
