import type Stripe from 'stripe';
import { createStripeClient, NoReplyError, type StripeClient } from '../shared/payments/stripe/client.ts';
import { faultOfKey } from '../shared/payments/stripe/key.ts';
import { configInForce } from './config-in-force.ts';
import { findOutbound } from './connection.ts';
import { OperateError } from './error.ts';
import { isProduction, type Target } from './target.ts';

/** A person waits for it. */
const TIMEOUT_MS = 10_000;

const RIGHTS_PAGE = 'docs/stripe.md, The key and its rights';

/**
 * The account at Stripe from which a relay charges its clients.
 *
 * @throws an OperateError that says what to set, start or deploy, if there is none; `refused`, if the relay charges
 *   through an endpoint of the agency's own.
 */
export async function findStripe(target: Target): Promise<StripeClient> {
  const { payment } = configInForce(target);
  if (payment.type !== 'stripe') {
    throw new OperateError(
      'refused',
      'This relay charges through your own payment endpoint (payment.type is http), so it asks nothing of Stripe: ' +
        'docs/stripe.md says how it does.',
    );
  }
  const { stripeKey = '' } = await findOutbound(target);
  const fault = faultOfKey(stripeKey, isProduction(target.stack));
  if (fault !== undefined) {
    throw new OperateError(
      'not_ready',
      `The secret stripeKey ${fault}. Set it: npx relay secrets set stripeKey`,
    );
  }
  const { apiUrl } = payment;
  return createStripeClient(stripeKey, {
    timeoutMs: TIMEOUT_MS,
    ...(apiUrl === undefined ? {} : { apiUrl }),
  });
}

/** @throws an OperateError where Stripe gives no answer that can be used; it quotes nothing of the key. */
export async function askStripe<Answer>(
  { stripe, errorOf }: StripeClient,
  ask: (stripe: Stripe) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await ask(stripe);
  } catch (error) {
    const of = errorOf(error);
    throw of ? refusalOf(of) : error;
  }
}

function refusalOf({ detail: cause, statusCode, code, message }: Stripe.errors.StripeError): OperateError {
  if (cause instanceof NoReplyError) {
    return new OperateError('not_ready', `Stripe gives no answer (${cause.message}).`);
  }
  // Its words about the key may quote a part of it.
  if (statusCode === 401) {
    return new OperateError(
      'not_ready',
      'Stripe does not know the key, or it has expired: npx relay secrets set stripeKey',
    );
  }
  if (statusCode === 403) {
    const rights = missingRights(message).join(' or ') || 'a right';
    return new OperateError('not_ready', `The key of Stripe lacks ${rights}: ${RIGHTS_PAGE}.`);
  }
  if (code === 'resource_missing') return new OperateError('not_found', `Stripe answers: ${message}`);
  if (statusCode === 400 || statusCode === 404)
    return new OperateError('refused', `Stripe refuses it: ${message}`);
  return new OperateError('not_ready', `Stripe cannot answer now (status ${statusCode ?? 'none'}).`);
}

/**
 * The rights that Stripe names where a restricted key lacks one: "Having the 'rak_customer_write' permission would allow
 * this request to continue." Source: github.com/stripe/stripe-node/issues/2246.
 */
export const missingRights = (message: string): string[] => message.match(/\brak_[a-z_]+/g) ?? [];
