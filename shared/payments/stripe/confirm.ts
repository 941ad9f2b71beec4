import type Stripe from 'stripe';
import { isSafeUrl } from '../../http.ts';
import type { ConfirmOutcome, ConfirmRequest } from '../payment-hook.ts';
import type { StripeClient } from './client.ts';
import { failureOf } from './errors.ts';
import { saidOf } from './intents.ts';

/**
 * Confirms the same PaymentIntent with its client there, so that their bank can show them its page. Stripe captures a
 * PaymentIntent once, however often it is confirmed, and refuses what was paid or cancelled.
 *
 * Such a call may reach Stripe late, after the bank has refused and the recharge is declined. It must not bring that
 * payment to life again:
 *
 * - An intent that waits for the client has lost its means of payment by the failure, and is confirmed with it under one
 *   key for good. So a late call gets the first answer again.
 * - One whose client was sent to the bank before is confirmed without naming the means of payment. Stripe takes that as
 *   long as the intent waits for its client, and refuses it once the bank has.
 *
 * Sources: docs.stripe.com/payments/paymentintents/lifecycle; docs.stripe.com/api/payment_intents/confirm;
 * support.stripe.com, "Manual confirmation for off-session payments requiring SCA": the same intent with the same means
 * of payment, this time not off-session. With a `return_url` the bank's page is `next_action.redirect_to_url`
 * (docs.stripe.com/payments/3d-secure/authentication-flow).
 *
 * @param now Unix milliseconds.
 */
export async function confirmIntent(
  client: StripeClient,
  { paymentRef, money, chargeId, returnUrl, wish, mayBegin }: ConfirmRequest,
  now: () => number,
): Promise<ConfirmOutcome> {
  const { paymentIntents } = client.stripe;
  try {
    const intent = await paymentIntents.retrieve(paymentRef);
    const said = saidOf(intent, money);
    if (said.kind === 'unknown') return said;
    if (said.kind !== 'act') return { kind: 'decided' };
    const params = paramsOf(intent, returnUrl);
    if (params === undefined) return { kind: 'unknown', detail: `${paymentRef} does not say what was tried` };
    if (!mayBegin()) return { kind: 'not_attempted', detail: 'too late for this wish' };
    const idempotencyKey = `${chargeId}_confirm${params.payment_method === undefined ? `_${wish}` : ''}`;
    const confirmed = await paymentIntents.confirm(paymentRef, params, { idempotencyKey });
    return afterConfirm(confirmed);
  } catch (error) {
    const of = client.errorOf(error);
    if (!of) return { kind: 'unknown', detail: String(error).slice(0, 150) };
    if (of.statusCode === 402) return { kind: 'decided' };
    // Something else was faster. Or it is not confirmed once more while its client is asked: then the page stands that
    // they were sent to.
    if (of.code === 'payment_intent_unexpected_state')
      return of.payment_intent === undefined ? { kind: 'decided' } : afterConfirm(of.payment_intent);
    const failure = failureOf(of, now());
    return failure.kind === 'invalid' ? { kind: 'decided' } : failure;
  }
}

function paramsOf(
  { status, last_payment_error: error }: Stripe.PaymentIntent,
  returnUrl: string,
): Stripe.PaymentIntentConfirmParams | undefined {
  if (status === 'requires_action') return { return_url: returnUrl };
  const failed = error?.payment_method?.id;
  return failed === undefined ? undefined : { payment_method: failed, return_url: returnUrl };
}

function afterConfirm({ id, status, next_action: next }: Stripe.PaymentIntent): ConfirmOutcome {
  if (status !== 'requires_action') return { kind: 'decided' };
  const url = next?.redirect_to_url?.url;
  return url && isSafeUrl(url)
    ? { kind: 'client_goes', url }
    : { kind: 'unknown', detail: `${id} names no page of the bank: ${next?.type ?? 'no next action'}` };
}
