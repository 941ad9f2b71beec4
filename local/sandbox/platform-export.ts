import * as z from 'zod';
import type { FaultSwitch, FaultTable } from './faults.ts';
import type { Account, Accounts } from './platform-accounts.ts';
import { operationFaults, type PlatformApi } from './platform-api.ts';
import { unknownAccount } from './platform-credits.ts';
import type { EventOf, PlatformEvent } from './platform-events.ts';
import type { Answer, Handler } from './server.ts';

const COLUMNS = [
  'Sub Account ID',
  'Sub Account Email',
  'Sub Account Name',
  'Date',
  'Amount',
  'Reason',
  'Campaign Name',
  'Contact Name',
  'Credit Type',
  'Custom Keys Used',
  'Description',
  'AI Model',
];

/** Without `from`: the platform's own default. */
const DEFAULT_DAYS = 30;
const DAY_MS = 86_400_000;

const daysSchema = z
  .object({ from: z.iso.date(), to: z.iso.date() })
  // Days in this form are in the order of their letters.
  .refine(({ from, to }) => from <= to);

export const exportFaults = (api: PlatformApi): FaultTable<never> =>
  operationFaults(api, unknownAccount(api));

/**
 * `GET /v1/agencies/usage/export?from=&to=&subAccountId=`: CSV (RFC 4180), one row for each spending and,
 * by the profile, each grant, in the order of the books. `from` and `to` are UTC days, both included.
 */
export function exportHandler(
  api: PlatformApi,
  accounts: Accounts,
  events: readonly PlatformEvent[],
  faults: FaultSwitch,
): Handler {
  const table = exportFaults(api);
  return ({ query }) => {
    const to = query.get('to') ?? dayOf(Date.now());
    const days = daysSchema.safeParse({
      to,
      from: query.get('from') ?? dayOf((Date.parse(to) || Date.now()) - DEFAULT_DAYS * DAY_MS),
    });
    if (!days.success) {
      return api.refuse(400, 'INVALID_REQUEST', 'from and to are days YYYY-MM-DD, from not after to.');
    }
    const id = query.get('subAccountId');
    const listed = accounts.all().filter(({ subAccountId }) => id === null || subAccountId === id);
    return faults.run('export', table, id === null ? undefined : listed[0]?.email, () => {
      if (listed.length === 0) return unknownAccount(api);
      return usageExport(listed, events, days.data, api.profile.exportListsGrants);
    });
  };
}

const dayOf = (timeMs: number) => new Date(timeMs).toISOString().slice(0, 10);

function usageExport(
  listed: Account[],
  events: readonly PlatformEvent[],
  { from, to }: z.output<typeof daysSchema>,
  withGrants: boolean,
): Answer {
  const byEmail = new Map(listed.map((account) => [account.email, account]));
  const rows = events.flatMap((event) => {
    if (event.kind !== 'spend' && !(withGrants && event.kind === 'grant')) return [];
    const account = byEmail.get(event.email);
    const day = event.at.slice(0, 10);
    return account && from <= day && day <= to ? [usageRow(account, event)] : [];
  });
  return {
    kind: 'answer',
    status: 200,
    headers: {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="usage-${from}-${to}.csv"`,
    },
    body: [COLUMNS, ...rows].map((row) => `${row.map(csvField).join(',')}\r\n`).join(''),
  };
}

function usageRow(account: Account, event: EventOf<'grant' | 'spend'>): string[] {
  const granted = event.kind === 'grant';
  return [
    account.subAccountId,
    account.email,
    account.name,
    event.at,
    String(event.amount),
    granted ? 'Credits added' : 'AI message',
    '',
    '',
    granted ? 'Grant' : 'Usage',
    granted ? '' : 'No',
    granted ? (event.description ?? '') : '',
    granted ? '' : 'Pro',
  ];
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
