import { atMost } from '../shared/at-most.ts';
import type { ListedWebhook, QuarantinedWebhook } from '../shared/incoming/quarantine.ts';
import type { Money } from '../shared/money.ts';
import type { Account } from '../shared/recharge/account.ts';
import type { Pause } from '../shared/recharge/charging.ts';
import {
  type Circumstances,
  type NextStep,
  nextStepOf,
  stepOfRefusal,
} from '../shared/recharge/next-step.ts';
import { rechargeJson } from '../shared/recharge/present.ts';
import { isFinished, type Recharge } from '../shared/recharge/recharge.ts';
import type { Config } from '../shared/settings/config.ts';
import { ConfigError } from '../shared/settings/config-file.ts';
import { type AccountState, accountStateOf } from './account-state.ts';
import { alertJson, listAlerts, type RaisedAlert } from './alerts.ts';
import { configInForce } from './config-in-force.ts';
import type { Connection } from './connection.ts';
import { OperateError } from './error.ts';
import { lastRechargesOf } from './list-recharges.ts';
import { listedJson, listQuarantined } from './quarantine.ts';
import { circumstancesOf } from './recharges.ts';
import { type RefusedCount, refusedJson } from './refused.ts';
import { WEBHOOK_ROUTE } from './routes.ts';
import { runbookUrlOf } from './runbook.ts';
import { chargingJson } from './status.ts';
import type { Target } from './target.ts';

/** Everything that may be the reason why a client was not recharged, and who must do what next. */
export interface Why {
  email: string;
  /** Unix milliseconds. */
  at: number;
  /** The answer, as far as there is one. */
  next: NextStep;
  account: AccountState;
  pause?: Pause;
  /** The last ones, newest first, each with its own next step. */
  recharges: { row: Recharge; next: NextStep }[];
  /** Genuine webhooks that name the client and were not understood, newest first: of the last 200 that are kept. */
  quarantined: ListedWebhook[];
  /** What was refused at the webhook's address in the last three days. Nobody can say whose it was. */
  refused: RefusedCount[];
  /** Those that are open: of this client, and of all clients. */
  alerts: RaisedAlert[];
}

const LAST_RECHARGES = 10;
const MOST_QUARANTINED = 200;
const AT_ONCE = 8;
const REFUSED_MS = 3 * 24 * 3_600_000;

/**
 * One answer to "why was this client not recharged?".
 *
 * @param email as accounts are kept: in lower case.
 */
export async function whyNot(connection: Connection, target: Target, email: string): Promise<Why> {
  const at = await circumstancesOf(connection);
  const config = configOf(target);
  const [account, rows, refused, alerts] = await Promise.all([
    connection.ledger.readAccount(email),
    lastRechargesOf(connection, email, LAST_RECHARGES),
    connection.refused.since(at.now - REFUSED_MS, at.now),
    listAlerts(connection, { all: false, runbookUrl: runbookUrlOf(target) }),
  ]);
  const known = {
    email,
    at: at.now,
    account: accountStateOf(account, rows, config, at.now),
    ...(at.pause === undefined ? {} : { pause: at.pause }),
    recharges: rows.map((row) => ({ row, next: nextStepOf(row, at) })),
    quarantined: await quarantinedOf(account, connection),
    refused: refused.filter(({ route }) => route === WEBHOOK_ROUTE),
    alerts: alerts.filter((alert) => concerns(alert, email, rows)),
  };
  return { ...known, next: nextOf(known, at, connection.relay.webhookUrl) };
}

/** Without it, it is only not known what holds for all clients. */
function configOf(target: Target): Config | undefined {
  try {
    return configInForce(target);
  } catch (error) {
    if (error instanceof OperateError || error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** What every client meets concerns this one, too. */
const OF_ALL_CLIENTS = [
  'charging_paused',
  'payment_hook_misconfigured',
  'secret_unreadable',
  'webhook_quarantined',
];

const concerns = ({ word, email, key }: RaisedAlert, client: string, rows: Recharge[]) =>
  OF_ALL_CLIENTS.includes(word) || email === client || rows.some((row) => row.key === key);

/** Those whose bodies name the client, by the email or by the platform's id. */
async function quarantinedOf(
  { email, grantEmail, platformId }: Account,
  connection: Pick<Connection, 'quarantine'>,
): Promise<ListedWebhook[]> {
  const listed: ListedWebhook[] = [];
  for await (const webhook of listQuarantined(connection, { route: WEBHOOK_ROUTE })) {
    listed.push(webhook);
    if (listed.length === MOST_QUARANTINED) break;
  }
  const names = [email, grantEmail, platformId].flatMap((name) => name?.toLowerCase() ?? []);
  const naming = new Set<string>();
  await atMost(AT_ONCE, listed, async ({ id }) => {
    const kept = await connection.quarantine.show(id);
    if (kept && namesOne(kept, names)) naming.add(id);
  });
  return listed.filter(({ id }) => naming.has(id));
}

function namesOne({ body }: QuarantinedWebhook, names: string[]): boolean {
  const text = body.toString('utf8').toLowerCase();
  return names.some((name) => text.includes(name));
}

/** What comes first: what is under way, then what was kept aside, refused, and then what would be. */
function nextOf(why: Omit<Why, 'next'>, at: Circumstances, webhookUrl: string | undefined): NextStep {
  const { email, account, quarantined, recharges, refused } = why;
  const [last] = recharges;
  if (last && !isFinished(last.row)) return last.next;
  const since = last?.row.receivedAt ?? 0;
  const [kept] = quarantined;
  if (kept && kept.receivedAt > since) return stepOfQuarantined(kept);
  if (last && last.row.phase !== 'completed') return last.next;
  const { refusal } = account;
  if (refusal !== undefined && refusal !== 'cooldown') return stepOfRefusal(refusal, email);
  const unproved = refused.filter(({ status, lastAt }) => status === 401 && lastAt > since);
  if (last) return stepOfCompleted(last.row, unproved);
  return unproved.length > 0 ? stepOfUnproved(unproved) : stepOfSilence(at, webhookUrl);
}

const iso = (time: number) => new Date(time).toISOString();

const stepOfQuarantined = ({ id, reason, receivedAt }: ListedWebhook): NextStep => ({
  who: 'you',
  what:
    `A genuine webhook that names the client came at ${iso(receivedAt)} and was not understood: ${reason}. ` +
    'Mend that (RUNBOOK.md, webhook_quarantined), then send it again.',
  commands: [
    { what: 'To see it', command: `npx relay quarantine show ${id}` },
    { what: 'To send it again', command: `npx relay quarantine replay ${id}` },
  ],
});

const SET_SECRET = { what: "To set the platform's secret", command: 'npx relay secrets set webhook' };

function unprovedText(unproved: RefusedCount[]): string {
  const count = unproved.reduce((sum, one) => sum + one.count, 0);
  const lastAt = Math.max(...unproved.map((one) => one.lastAt));
  return (
    `Refused with 401: ${count}, the last at ${iso(lastAt)}. Nobody proved to have sent those, so nobody can say whose ` +
    'they were. If the platform did, the secret differs (RUNBOOK.md, webhooks refused).'
  );
}

const stepOfUnproved = (unproved: RefusedCount[]): NextStep => ({
  who: 'you',
  what: `No webhook about this client was accepted in the last 31 days. ${unprovedText(unproved)}`,
  commands: [SET_SECRET],
});

/** @param unproved what was refused since: strangers', or what the platform asked for next. */
const stepOfCompleted = ({ key, receivedAt }: Recharge, unproved: RefusedCount[]): NextStep => ({
  who: 'nobody',
  what:
    `The last recharge, ${key} of ${iso(receivedAt)}, was paid and granted, and no webhook about this client was accepted ` +
    'since. The platform asks when the balance falls below its threshold: look there at the balance and the threshold.' +
    (unproved.length === 0 ? '' : ` ${unprovedText(unproved)}`),
  commands: unproved.length === 0 ? [] : [SET_SECRET],
});

const stepOfSilence = ({ pause }: Circumstances, webhookUrl: string | undefined): NextStep => ({
  who: 'you',
  what:
    'No webhook about this client came in the last 31 days, and none that was kept aside names it. Look at the platform: ' +
    `is auto-recharge on for this client, and does it post to ${webhookUrl ?? 'the address of this relay'}?` +
    (pause === undefined ? '' : ` Besides, charging is paused (${pause.reason}).`),
  commands: [],
});

/** A why for programs: times as ISO 8601, amounts in minor units. */
export function whyJson({ email, at, next, account, pause, recharges, quarantined, refused, alerts }: Why) {
  return {
    email,
    at: iso(at),
    next_step: next,
    account: {
      known: account.status !== undefined,
      status: account.status,
      refusal: account.refusal,
      cools_until: account.coolsUntil === undefined ? undefined : iso(account.coolsUntil),
      limits: {
        daily_count: account.limits.dailyCount,
        monthly_cap: monthlyCapOf(account),
        cooldown_seconds: account.limits.cooldownSeconds,
      },
      currency: account.currency,
      limits_are_known: account.limitsAreKnown,
      ...account.recharged,
    },
    charging: chargingJson(pause),
    recharges: recharges.map((one) => ({ ...rechargeJson(one.row), next_step: one.next })),
    quarantined: quarantined.map(listedJson),
    refused: refused.map(refusedJson),
    alerts: alerts.map(alertJson),
  };
}

function monthlyCapOf({ limits: { monthlyAmount }, currency }: AccountState): Money | undefined {
  if (monthlyAmount === undefined || currency === undefined) return undefined;
  return { amount: monthlyAmount, currency };
}
