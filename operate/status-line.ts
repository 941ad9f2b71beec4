import type { Connection } from './connection.ts';
import type { RelayIdentity } from './identity.ts';

const DAY_MS = 24 * 3_600_000;

/** What stands above every list: three small reads. Absent is what could not be read. */
export interface StatusLine {
  relay: RelayIdentity;
  paused?: boolean;
  /** How many wait for a person: of the first hundred. */
  reviews?: { count: number; more: boolean };
  /** How many alerts rang within a day: of the last hundred. */
  alerts?: number;
}

export async function statusLine({
  relay,
  charging,
  ledger,
  alerts,
  now,
}: Pick<Connection, 'relay' | 'charging' | 'ledger' | 'alerts' | 'now'>): Promise<StatusLine> {
  const [pause, reviews, rang] = await Promise.allSettled([
    charging.paused(),
    ledger.due('person', Number.MAX_SAFE_INTEGER),
    alerts.since(now() - DAY_MS),
  ]);
  return {
    relay,
    ...(pause.status === 'fulfilled' ? { paused: pause.value !== undefined } : {}),
    ...(reviews.status === 'fulfilled'
      ? { reviews: { count: reviews.value.items.length, more: reviews.value.cursor !== undefined } }
      : {}),
    ...(rang.status === 'fulfilled' ? { alerts: rang.value } : {}),
  };
}
