import type { AlertRow } from '../shared/alert-row.ts';
import { atMost } from '../shared/at-most.ts';
import { CAPTURED } from '../shared/incoming/quarantine.ts';
import type { Account } from '../shared/recharge/account.ts';
import { whyNotErase, withoutClient } from '../shared/recharge/erased.ts';
import { isErased, type Recharge } from '../shared/recharge/recharge.ts';
import type { Connection } from './connection.ts';
import { rangeOf } from './days.ts';
import { OperateError } from './error.ts';

/** A recharge that must end before its client can be erased. */
export interface Obstacle {
  key: string;
  phase: string;
  why: 'unfinished' | 'looked_at_late' | 'newer_row';
  /** When the row comes back by itself, in Unix milliseconds. */
  until?: number;
}

/** What is stored of a client. */
export interface ErasePlan {
  email: string;
  /** While there is any, nothing is erased. */
  obstacles: Obstacle[];
  /** Whether there is an account row, or a row of refusals. */
  account: boolean;
  platformId?: string;
  /** Recharges that name the client. They stay, without what names them. */
  recharges: number;
  /** Keys that hold the address, as the platform made them. They stay: a repeated webhook is recognised by them. */
  keysWithAddress: string[];
  /** Webhooks in quarantine or capture that hold the address. */
  webhooks: number;
  /** Kept alerts that name the client. */
  alerts: number;
}

type Erasing = Pick<
  Connection,
  'accounts' | 'ledger' | 'rows' | 'alerts' | 'quarantine' | 'forgetQuarantined' | 'now'
>;

/** All of a client that the plan counts, by its names. */
interface Found {
  rows: Recharge[];
  obstacles: Obstacle[];
  webhooks: string[];
  alerts: AlertRow[];
}

/** No relay is older. */
const SINCE = '2026-01-01';
const AT_ONCE = 8;

/** A client who was looked for, and can be erased as they were found. */
export interface Erasure {
  plan: ErasePlan;
  /**
   * Erases the account row and the link of the platform id; webhooks kept aside and alerts that name the client; and what
   * names them on their recharges, which stay for the books. First comes the account row, so that nobody is charged any
   * more. A run that ended in the middle is done again, and one that has nothing left to do does nothing. What comes in
   * meanwhile is refused, and needs another run.
   *
   * @param onProgress is told how many of all things that name the client are done.
   * @throws an OperateError, `refused`, with nothing written, while a recharge of theirs is unfinished or looked at late;
   *   `changed`, with a part done, where one is not over any more.
   */
  erase(onProgress?: (done: number, of: number) => void): Promise<void>;
}

/**
 * Looks for all that is stored of a client, over all days there ever were. Writes nothing yet.
 *
 * @param onProgress is told how many recharges of all clients were looked through.
 */
export async function prepareErasure(
  connection: Erasing,
  email: string,
  onProgress: (looked: number) => void = () => {},
): Promise<Erasure> {
  const account = await connection.accounts.show(email);
  const found = await find(connection, email, onProgress);
  const { rows, obstacles, webhooks, alerts } = found;
  const plan = {
    email,
    obstacles,
    account: account !== undefined,
    ...(account?.platformId === undefined ? {} : { platformId: account.platformId }),
    recharges: rows.length,
    keysWithAddress: rows.flatMap(({ key }) => (key.toLowerCase().includes(email) ? [key] : [])),
    webhooks: webhooks.length,
    alerts: alerts.length,
  };
  const addresses = account?.grantEmail === undefined ? [email] : [email, account.grantEmail];
  return {
    plan,
    async erase(onDone = () => {}) {
      if (obstacles.length > 0) throw hindered(email, obstacles);
      await eraseAccount(connection, email);
      await eraseFound(connection, email, { found, addresses, onDone });
    },
  };
}

async function eraseAccount({ accounts, ledger, now }: Erasing, email: string): Promise<void> {
  // Of all that was reserved, only the last one can be unfinished, and may have been reserved since it was looked for.
  const judge = async ({ last }: Account) => {
    const row = last && (await ledger.read(last.key));
    const obstacle = row && obstacleOf(row);
    if (obstacle) throw hindered(email, [obstacle]);
  };
  await accounts.erase(email, judge, now());
}

async function eraseFound(
  connection: Erasing,
  email: string,
  given: { found: Found; addresses: string[]; onDone: (done: number, of: number) => void },
): Promise<void> {
  const { found, addresses, onDone } = given;
  const deeds = [
    ...found.rows.map((row) => () => eraseFrom(connection, row, addresses)),
    ...found.webhooks.map((id) => () => connection.forgetQuarantined(id)),
    ...found.alerts.map((alert) => () => connection.alerts.eraseClient(alert, email)),
  ];
  let done = 0;
  await atMost(AT_ONCE, deeds, async (deed) => {
    await deed();
    done += 1;
    onDone(done, deeds.length);
  });
}

/** @throws an OperateError, `changed`, if somebody has begun to give its money back since it was looked at. */
async function eraseFrom({ ledger, now }: Erasing, found: Recharge, addresses: string[]): Promise<void> {
  let row = found;
  while (!isErased(row)) {
    if (whyNotErase(row) !== undefined) {
      throw new OperateError(
        'changed',
        `Recharge ${row.key} has changed since it was looked at, and still names the client. Run this again when it is over.`,
      );
    }
    const written = await ledger.write(row, withoutClient(row, addresses, { now: now() }));
    if (written.kind === 'written') return;
    row = written.row;
  }
}

function hindered(email: string, obstacles: Obstacle[]): OperateError {
  const reasons = obstacles.map(({ key, phase, why, until }) => {
    const when = until === undefined ? '' : `, next at ${new Date(until).toISOString()}`;
    if (why === 'newer_row') return `${key} was written by a later version of the relay`;
    const looked = phase === 'declined' || phase === 'blocked' ? 'a payment of it is' : 'its grants are';
    return `${key} is ${phase}${why === 'unfinished' ? '' : `, and ${looked} still looked for${when}`}`;
  });
  return new OperateError(
    'refused',
    `Nothing was erased. The client ${email} has recharges that are not over: ${reasons.join('; ')}. Run this again when they are.`,
  );
}

function obstacleOf(row: Recharge): Obstacle | undefined {
  const why = whyNotErase(row);
  if (why === undefined) return undefined;
  const { key, phase, nextAttemptAt } = row;
  return { key, phase, why, ...(nextAttemptAt === undefined ? {} : { until: nextAttemptAt }) };
}

async function find(
  connection: Erasing,
  email: string,
  onProgress: (looked: number) => void,
): Promise<Found> {
  const { rows } = connection;
  const { days } = rangeOf({ from: SINCE }, connection.now());
  const keys: string[] = [];
  let looked = 0;
  await atMost(AT_ONCE, days, async (day) => {
    let cursor: string | undefined;
    do {
      const page = await rows.ofDay(day, cursor);
      keys.push(...page.items.flatMap((listed) => (listed.email === email ? [listed.key] : [])));
      looked += page.items.length;
      if (page.items.length > 0) onProgress(looked);
      cursor = page.cursor;
    } while (cursor !== undefined);
  });
  const { found, newer } = await rows.recharges(keys);
  const own = [...found.values()].filter((row) => row.email === email);
  const obstacles = [
    ...own.flatMap((row) => obstacleOf(row) ?? []),
    ...newer.map(({ key }) => ({ key, phase: 'unknown', why: 'newer_row' as const })),
  ];
  const webhooks = await webhooksThatName(connection, email);
  const raised = await connection.alerts.latest(MOST_ALERTS);
  const isNamed = names(email);
  // A key that holds the address stays, as on the recharge.
  const alerts = raised.filter(
    (alert) => alert.subject === email || isNamed(alert.email) || isNamed(alert.detail),
  );
  return { rows: own, obstacles, webhooks, alerts };
}

/** Whether a text names the client. */
const names = (email: string) => (text: string | undefined) => text?.toLowerCase().includes(email) === true;

/** There is one row for each word and subject, and they last 90 days. */
const MOST_ALERTS = 100_000;

/** Their bodies are searched, for what is in quarantine was not understood. */
async function webhooksThatName({ quarantine }: Erasing, email: string): Promise<string[]> {
  const ids: string[] = [];
  for (const options of [{}, { of: CAPTURED } as const]) {
    for await (const { id } of quarantine.list(options)) ids.push(id);
  }
  const naming: string[] = [];
  await atMost(AT_ONCE, ids, async (id) => {
    const kept = await quarantine.show(id);
    if (!kept) return;
    const texts = [kept.body.toString('latin1'), JSON.stringify([kept.headers, kept.query])];
    const isNamed = [email, encodeURIComponent(email).toLowerCase()].some((name) => texts.some(names(name)));
    if (isNamed) naming.push(id);
  });
  return naming;
}
