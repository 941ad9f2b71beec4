import { type CallOptions, prepareCall } from '../platform/call.ts';
import { dayOf } from '../recharge/account.ts';
import { readListedGrants } from './compared-grants.ts';
import { DAY_MS } from './listed.ts';
import type { ListedGrants } from './reconciliation.ts';

/** As the platform's client reads it: 100,000 actions. */
const MAX_EXPORT_BYTES = 16 * 1024 * 1024;

/** For a platform whose export is too long, or is made by other means. */
const BY_HAND = 'Save it as a file, and give it: npx relay reconcile --export FILE.';

/**
 * Grants of the usage export of a month, from the platform itself, where that lists grants.
 *
 * @param month Unix milliseconds.
 * @throws where the API key cannot be read.
 */
export async function exportedGrants(
  options: CallOptions,
  { from, to }: { from: number; to: number },
): Promise<ListedGrants> {
  const { keyPlacement, usageExport } = options.profile;
  if (!usageExport.listsGrants) {
    return {
      kind: 'left_out',
      why: 'platform.usageExport.listsGrants is not set. If the export of your platform lists grants, give it: --export FILE.',
    };
  }
  const get = await prepareCall(options, {
    method: 'GET',
    path: '/agencies/usage/export',
    keyIn: keyPlacement.usageExport,
    // A day more on either side: its days may be cut otherwise.
    query: { from: dayOf(from - DAY_MS), to: dayOf(Math.min(to, options.now()) + DAY_MS) },
    accept: 'text/csv, application/json',
    maxAnswerBytes: MAX_EXPORT_BYTES,
  });
  const { answer, detail } = await get();
  if (answer.kind !== 'response' || answer.status !== 200)
    return { kind: 'unreadable', why: `the platform gave no usage export (${detail}). ${BY_HAND}` };
  const grants = await readListedGrants(answer.body);
  if (grants) return { kind: 'listed', grants };
  return { kind: 'unreadable', why: `the platform's usage export is not the documented CSV. ${BY_HAND}` };
}
