import { type PayPages, tokenOf } from '../payments/pay-pages.ts';
import type { ConfirmOutcome, PaymentHook } from '../payments/payment-hook.ts';
import type { PaymentToConfirm } from '../payments/stripe/payment-hook.ts';
import { NewerRowError } from '../storage/table.ts';
import { isSameParty } from './counterparty.ts';
import { whyNotCharge } from './perform.ts';
import { chargeIdOf, moneyOf, type Recharge } from './recharge.ts';
import type { RunDeps } from './run-recharge.ts';

/** What it takes to have a payment confirmed while its client is at our page. */
export interface Confirming {
  pages: Pick<PayPages, 'find' | 'answer'>;
  confirm: NonNullable<PaymentHook['confirm']>;
}

/** Whoever waited longer than this in front of the page has gone, and is not to be taken as being there. */
const CLIENT_WAITS_MS = 60_000;

/**
 * Has the payment of a row that waits for its client confirmed, if they have asked for that on our page, and tells the
 * page where to send them. The page itself faces the internet, and does not hold the key.
 *
 * This stands beside the machine and writes nothing to the row: what became of the payment, a lookup says, as ever. The row
 * may be another one by now. Then the provider, who cancelled, captured or refused the payment before, refuses this call.
 *
 * @param endsAt Unix milliseconds when this process may be killed.
 * @returns undefined where nobody has asked, or they were answered already. After anything but `client_goes` the payment
 *   is to be looked up.
 * @throws what storage throws; the page then offers to try again.
 */
export async function confirmForClient(
  key: string,
  endsAt: number,
  confirming: Confirming,
  deps: RunDeps,
): Promise<ConfirmOutcome['kind'] | undefined> {
  const { pages } = confirming;
  const row = await readRow(key, deps);
  const token = row?.phase === 'charge_pending' ? tokenOf(row.actionUrl ?? '') : undefined;
  const page = token === undefined ? undefined : await pages.find(token);
  if (row === undefined || token === undefined || !page || !isOf(page, row)) return undefined;
  const { askedAt, answer } = page;
  if (askedAt === undefined || askedAt === answer?.askedAt) return undefined;
  const outcome = await confirmed(row, askedAt, endsAt, confirming, deps);
  tell(row, outcome, deps);
  // Of what may have been decided, the row speaks once it was looked up.
  if (outcome.kind === 'client_goes') await pages.answer(token, { askedAt, url: outcome.url });
  if (outcome.kind === 'not_attempted') await pages.answer(token, { askedAt });
  return outcome.kind;
}

/** Undefined where a later version of this program wrote it: that is left alone, and said by the run. */
async function readRow(key: string, { ledger }: RunDeps): Promise<Recharge | undefined> {
  try {
    return await ledger.read(key);
  } catch (error) {
    if (error instanceof NewerRowError) return undefined;
    throw error;
  }
}

const isOf = ({ chargeId, paymentIntent }: PaymentToConfirm, row: Recharge) =>
  chargeId === chargeIdOf(row) && paymentIntent === row.paymentRef;

async function confirmed(
  row: Recharge,
  askedAt: number,
  endsAt: number,
  { confirm }: Confirming,
  deps: RunDeps,
): Promise<ConfirmOutcome> {
  const { policy, parties, now } = deps;
  if (!isSameParty(row.paymentParty, parties.payment))
    return { kind: 'not_attempted', detail: 'the payment belongs to another payment endpoint' };
  const held = await whyNotCharge({ row, isFresh: false, deps });
  if (held) return { kind: 'not_attempted', detail: held.why };
  const { paymentRef = '', actBy = Number.POSITIVE_INFINITY } = row;
  const money = moneyOf(row);
  return confirm({
    chargeId: chargeIdOf(row),
    paymentRef,
    ...(money === undefined ? {} : { money }),
    returnUrl: `${row.actionUrl}?at=back`,
    wish: askedAt,
    mayBegin: () =>
      now() < Math.min(askedAt + CLIENT_WAITS_MS, actBy) &&
      endsAt - now() >= policy.chargeCallMs + policy.callMarginMs,
  }).catch((error: unknown) => ({ kind: 'unknown' as const, detail: String(error) }));
}

function tell({ key, email }: Recharge, outcome: ConfirmOutcome, { logger }: RunDeps): void {
  const detail = 'detail' in outcome ? outcome.detail : undefined;
  logger.info('confirmed for the client', { key, email, word: outcome.kind, detail });
  if ('misconfigured' in outcome && outcome.misconfigured)
    logger.alert('payment_hook_misconfigured', { key, email, detail });
}
