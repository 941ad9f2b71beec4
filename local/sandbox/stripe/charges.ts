import type { PaymentsEvent } from '../payments-ledger.ts';
import type { Behaviour, DeclineError } from './cards.ts';
import { givenBack } from './objects.ts';
import { type Intent, newId, type PaymentMethod, type Refund, type StripeState } from './state.ts';

/** What a test may decide instead of the card. */
export type Verdict = Behaviour | undefined;

/** Our own metadata, by which the books of this Stripe can be compared with those of the relay. */
const CHARGE_ID = 'relay_charge_id';
const RECHARGE_KEY = 'relay_recharge_key';

/** Moves money, and writes down each movement. */
export function createCharges(
  state: StripeState,
  now: () => number,
  tell: (type: string, object: Intent | Refund) => void,
) {
  const seconds = () => Math.floor(now() / 1_000);

  const termsOf = (intent: Intent) => ({
    at: new Date(now()).toISOString(),
    charge_id: intent.metadata[CHARGE_ID] ?? intent.id,
    recharge_key: intent.metadata[RECHARGE_KEY] ?? intent.id,
    email: state.customers.get(intent.customer)?.email ?? '',
    amount: intent.amount,
    currency: intent.currency.toUpperCase(),
  });
  const record = (event: PaymentsEvent) => state.books.push(event);

  const capture = (intent: Intent) => {
    intent.status = 'succeeded';
    intent.charge ??= newId('ch');
    delete intent.lastError;
    record({ kind: 'capture', payment_ref: intent.id, ...termsOf(intent) });
    tell('payment_intent.succeeded', intent);
  };
  const refuse = (intent: Intent, error: DeclineError) => {
    const { code, decline_code, advice_code, network_advice_code, network_decline_code } = error;
    intent.status = 'requires_payment_method';
    intent.lastError = {
      code,
      ...(decline_code === undefined ? {} : { decline_code }),
      ...(advice_code === undefined ? {} : { advice_code }),
      ...(network_advice_code === undefined ? {} : { network_advice_code }),
      ...(network_decline_code === undefined ? {} : { network_decline_code }),
    };
    const retryable = advice_code === 'try_again_later';
    record({ kind: 'decline', reason: decline_code ?? code, retryable, ...termsOf(intent) });
    tell('payment_intent.payment_failed', intent);
  };

  /** Tries the payment, with the client at their browser or not. */
  function attempt(intent: Intent, behaviour: Behaviour, offSession: boolean): void {
    switch (behaviour.kind) {
      case 'pays':
        capture(intent);
        break;
      case 'processes':
        intent.status = 'processing';
        record({ kind: 'pending', payment_ref: intent.id, ...termsOf(intent) });
        tell('payment_intent.processing', intent);
        break;
      case 'asks_client':
        if (!offSession) {
          intent.status = 'requires_action';
          tell('payment_intent.requires_action', intent);
          return;
        }
        intent.status = 'requires_payment_method';
        intent.lastError = { code: 'authentication_required', decline_code: 'authentication_required' };
        record({ kind: 'pending', payment_ref: intent.id, ...termsOf(intent) });
        tell('payment_intent.payment_failed', intent);
        break;
      case 'declines':
        refuse(intent, behaviour);
    }
  }

  return {
    create(
      terms: Pick<Intent, 'amount' | 'currency' | 'customer' | 'metadata' | 'description' | 'receiptEmail'>,
      method: PaymentMethod,
      verdict: Verdict,
    ): Intent {
      const intent: Intent = {
        id: newId('pi'),
        status: 'requires_payment_method',
        paymentMethod: method.id,
        created: seconds(),
        ...terms,
      };
      state.intents.set(intent.id, intent);
      attempt(intent, verdict ?? method.behaviour, true);
      return intent;
    },

    /** The client is there: their bank may show them its page. */
    confirm(intent: Intent, behaviour: Behaviour, returnUrl: string): void {
      intent.returnUrl = returnUrl;
      delete intent.lastError;
      attempt(intent, behaviour, false);
    },

    /** The client has answered their bank. */
    authenticated(intent: Intent, accepted: boolean): void {
      if (intent.status !== 'requires_action') return;
      const behaviour = state.paymentMethods.get(intent.paymentMethod)?.behaviour;
      const { afterwards = 'pays' } = behaviour?.kind === 'asks_client' ? behaviour : {};
      if (!accepted) refuse(intent, { code: 'payment_intent_authentication_failure' });
      else if (afterwards === 'pays') capture(intent);
      else refuse(intent, afterwards);
    },

    cancel(intent: Intent, reason: string | undefined): boolean {
      if (intent.status === 'succeeded' || intent.status === 'canceled' || intent.status === 'processing')
        return false;
      intent.status = 'canceled';
      if (reason !== undefined) intent.cancellationReason = reason;
      record({ kind: 'cancel', ...termsOf(intent) });
      tell('payment_intent.canceled', intent);
      return true;
    },

    /** A debit that was processing has come to its end. */
    settle(intent: Intent, outcome: 'paid' | 'declined'): boolean {
      const undecided =
        ['processing', 'requires_action'].includes(intent.status) ||
        intent.lastError?.code === 'authentication_required';
      if (!undecided || intent.status === 'canceled') return false;
      if (outcome === 'paid') capture(intent);
      else
        refuse(intent, {
          code: 'payment_intent_payment_attempt_failed',
          decline_code: 'debit_not_authorized',
        });
      return true;
    },

    /** @returns undefined where so much was not paid, or was given back already. */
    refund(
      intent: Intent,
      amount: number,
      metadata: Record<string, string>,
      status: Refund['status'] = 'succeeded',
    ): Refund | undefined {
      if (intent.status !== 'succeeded' || givenBack(state, intent.id) + amount > intent.amount)
        return undefined;
      const refund: Refund = {
        id: newId('re'),
        intent: intent.id,
        amount,
        status,
        metadata,
        created: seconds(),
      };
      if (status === 'failed') refund.failureReason = 'expired_or_canceled_card';
      state.refunds.set(refund.id, refund);
      const terms = {
        ...termsOf(intent),
        payment_ref: intent.id,
        refund_id: metadata.relay_refund_id ?? refund.id,
      };
      if (status === 'succeeded') record({ kind: 'refund', refund_ref: refund.id, ...terms });
      else if (status === 'pending') record({ kind: 'refund_pending', ...terms });
      else record({ kind: 'refund_refused', reason: 'expired_or_canceled_card', ...terms });
      tell('refund.created', refund);
      return refund;
    },

    settleRefund(refund: Refund): boolean {
      const intent = state.intents.get(refund.intent);
      if (refund.status !== 'pending' || !intent) return false;
      refund.status = 'succeeded';
      const refundId = refund.metadata.relay_refund_id ?? refund.id;
      record({
        kind: 'refund',
        refund_ref: refund.id,
        payment_ref: intent.id,
        refund_id: refundId,
        ...termsOf(intent),
      });
      tell('refund.updated', refund);
      return true;
    },
  };
}

export type Charges = ReturnType<typeof createCharges>;
