import type Stripe from 'stripe';
import type { Money } from '../../money.ts';
import type { BookedDispute, BookedPayment, PaymentBooks } from '../payment-books.ts';
import { moneyOfStripe } from './amounts.ts';
import type { StripeClient } from './client.ts';
import { CHARGE_ID, LEDGER_TABLE, RECHARGE_KEY } from './intents.ts';

/** A bank debit may be decided about so long after it was begun. */
const DECIDED_WITHIN_MS = 21 * 24 * 3_600_000;

/** The most that Stripe lists in one answer. */
const PAGE = 100;

/**
 * Stripe's books: payments with our charge id in their metadata, refunds of them, whoever made them, and disputes. All
 * is listed, and nothing is searched: the lists are up to date, the search is not
 * (docs.stripe.com/search#data-freshness).
 *
 * Each method rejects with an error of Stripe's package where Stripe gives no answer.
 */
export function createStripeBooks({ stripe, errorOf }: StripeClient): PaymentBooks {
  const wholeOf = (intent: Stripe.PaymentIntent) => bookedOf(stripe, intent);
  return {
    name: 'Stripe',

    async list({ from, to }) {
      const created = { gte: seconds(from), lt: seconds(to) };
      const begun = { gte: seconds(from - DECIDED_WITHIN_MS), lt: seconds(to) };
      const intents = new Map<string, Stripe.PaymentIntent>();
      const listed = stripe.paymentIntents.list({
        created: begun,
        limit: PAGE,
        expand: ['data.latest_charge'],
      });
      for await (const intent of listed) if (isOurs(intent)) intents.set(intent.id, intent);
      // Of payments of any time.
      const changed = [
        stripe.refunds.list({ created, limit: PAGE, expand: ['data.payment_intent'] }),
        stripe.disputes.list({ created, limit: PAGE, expand: ['data.payment_intent'] }),
      ];
      for (const list of changed) {
        for await (const { payment_intent: intent } of list) {
          if (!isObject(intent) || !isOurs(intent) || intents.has(intent.id)) continue;
          intents.set(intent.id, await stripe.paymentIntents.retrieve(intent.id, WITH_CHARGE));
        }
      }
      const payments: BookedPayment[] = [];
      for (const intent of intents.values()) payments.push(await wholeOf(intent));
      return payments;
    },

    async look({ paymentRef, chargeId }) {
      if (paymentRef === undefined) return { kind: 'no_answer', detail: 'the payment is not known here' };
      try {
        const intent = await stripe.paymentIntents.retrieve(paymentRef, WITH_CHARGE);
        const payment = await wholeOf(intent);
        // A payment that a person has confirmed may have been made by hand.
        return { kind: 'found', payment: { ...payment, chargeId: payment.chargeId || chargeId } };
      } catch (error) {
        if (errorOf(error)?.code === 'resource_missing') return { kind: 'not_paid', status: 'not_found' };
        throw error;
      }
    },
  };
}

const WITH_CHARGE = { expand: ['latest_charge'] };

const seconds = (ms: number) => Math.floor(ms / 1_000);

const isOurs = ({ metadata }: Stripe.PaymentIntent) => metadata[CHARGE_ID] !== undefined;

const isObject = <Of extends object>(expanded: string | Of | null): expanded is Of =>
  typeof expanded === 'object' && expanded !== null;

async function bookedOf(stripe: Stripe, intent: Stripe.PaymentIntent): Promise<BookedPayment> {
  const { id, status, amount_received: received, currency, metadata, latest_charge: charge } = intent;
  const taken = status === 'succeeded' ? moneyOfStripe({ amount: received, currency }) : undefined;
  const { [RECHARGE_KEY]: rechargeKey, [LEDGER_TABLE]: table, [CHARGE_ID]: chargeId = '' } = metadata;
  const named = rechargeKey === undefined ? {} : { rechargeKey };
  const common = { ref: id, chargeId, status, ...named, ...(table === undefined ? {} : { table }) };
  const [refunds, disputes] = isObject(charge)
    ? await Promise.all([
        charge.amount_refunded > 0 ? refundsOf(stripe, id) : [],
        charge.disputed ? disputesOf(stripe, id) : [],
      ])
    : [[], []];
  const sumOf = (wanted: string) =>
    refunds.filter((refund) => refund.status === wanted).reduce((sum, { money }) => sum + money.amount, 0);
  return {
    ...common,
    ...(taken === undefined ? {} : { taken }),
    refunded: sumOf('succeeded'),
    refundPending: sumOf('pending') + sumOf('requires_action'),
    refundRefs: refunds.map(({ ref }) => ref),
    disputes,
  };
}

async function refundsOf(
  stripe: Stripe,
  intent: string,
): Promise<{ ref: string; money: Money; status: string | null }[]> {
  const refunds = [];
  for await (const refund of stripe.refunds.list({ payment_intent: intent, limit: PAGE }))
    refunds.push({ ref: refund.id, money: moneyOfStripe(refund), status: refund.status });
  return refunds;
}

/**
 * Those for which the money is gone, or held back. An inquiry (`warning_…`) holds nothing back, and one that was won has
 * brought it home. Source: docs.stripe.com/api/disputes/object, `status`.
 */
const MONEY_IS_GONE: readonly string[] = ['needs_response', 'under_review', 'lost'];

async function disputesOf(stripe: Stripe, intent: string): Promise<BookedDispute[]> {
  const disputes: BookedDispute[] = [];
  for await (const dispute of stripe.disputes.list({ payment_intent: intent, limit: PAGE })) {
    if (!MONEY_IS_GONE.includes(dispute.status)) continue;
    disputes.push({ ref: dispute.id, money: moneyOfStripe(dispute), status: dispute.status });
  }
  return disputes;
}
