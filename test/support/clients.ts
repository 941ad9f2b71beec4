import type { Terms } from '../../operate/terms.ts';
import { forgetQuarantined } from '../../shared/incoming/quarantine.ts';
import { createAccounts } from '../../shared/recharge/accounts.ts';
import { createDynamoRows } from '../../shared/recharge/dynamo-rows.ts';
import { guardSettings, utc } from './builders.ts';
import type { Store } from './store.ts';

/** USD 0.10 a credit, and a cap of USD 100.00 a month. */
export const aTerms = (given: Partial<Terms> = {}): Terms => ({
  ...guardSettings({ limits: { monthlyAmount: 10_000 } }),
  source: 'the test',
  ...given,
});

/** What deeds on clients need of a relay, on a table of the tests: 2026-01-05, 12:00 UTC. */
export const clientsOf = ({ client, table, ledger }: Store, terms: Terms | undefined = aTerms()) => ({
  ledger,
  accounts: createAccounts(client, table, ledger),
  rows: createDynamoRows(client, table),
  forgetQuarantined: (id: string) => forgetQuarantined(client, table, id),
  terms: () => terms,
  now: () => utc('2026-01-05 12:00:00'),
  storageNow: (): number | undefined => undefined,
});
