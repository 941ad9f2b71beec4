import type { ListedRecharge } from '../shared/recharge/dynamo-rows.ts';
import { chargeIdPrefixOf, grantMarkPrefixOf, type Recharge } from '../shared/recharge/recharge.ts';

/** What of a recharge a reference names. */
export type ReferenceKind =
  | 'key'
  | 'charge id'
  | 'refund id'
  | 'grant mark'
  | 'payment reference'
  | 'refund reference';

/** How a recharge was found. */
export interface Match {
  kind: ReferenceKind;
  /** The whole of it was given, and not its beginning. */
  whole: boolean;
}

/** Our own ids are hashes of key and email, so they are known before a row is read. */
const OWN_ID = /^rr[_-]/;
export const isOwnId = (reference: string) => OWN_ID.test(reference);

/** Whether a reference, or its beginning, is the key of a recharge, its charge or refund id, or its grant mark. */
export function matchOfListed(listed: ListedRecharge, reference: string): Match | undefined {
  if (listed.key.startsWith(reference)) return { kind: 'key', whole: listed.key === reference };
  if (!isOwnId(reference)) return undefined;
  const charge = chargeIdPrefixOf(listed);
  if (charge.startsWith(reference)) return { kind: 'charge id', whole: false };
  if (reference.startsWith(charge)) return matchOfNumber(reference.slice(charge.length), CHARGE_ENDS);
  const mark = grantMarkPrefixOf(listed);
  if (mark.startsWith(reference)) return { kind: 'grant mark', whole: false };
  if (reference.startsWith(mark)) return matchOfNumber(reference.slice(mark.length), GRANT_ENDS);
  return undefined;
}

const CHARGE_ENDS: [RegExp, ReferenceKind][] = [
  [/^\d+$/, 'charge id'],
  [/^\d+_refund$/, 'refund id'],
];
const GRANT_ENDS: [RegExp, ReferenceKind][] = [[/^\d+$/, 'grant mark']];

/** The hash names the recharge; which of its attempts or grants is meant makes no difference. */
function matchOfNumber(end: string, ends: [RegExp, ReferenceKind][]): Match | undefined {
  const found = ends.find(([pattern]) => pattern.test(end));
  return found && { kind: found[1], whole: true };
}

/** Likewise of all that stands on the row: also what the payment endpoint called the payment and the refund. */
export function matchOfRow(row: Recharge, reference: string): Match | undefined {
  const named: [ReferenceKind, string | undefined][] = [
    ['payment reference', row.paymentRef],
    ['refund reference', row.refundRef],
  ];
  const found = named.find(([, text]) => text?.startsWith(reference));
  return matchOfListed(row, reference) ?? (found && { kind: found[0], whole: found[1] === reference });
}
