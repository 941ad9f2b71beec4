import type Stripe from 'stripe';
import type { StripeClient } from '../../shared/payments/stripe/client.ts';
import { CLIENT } from '../../shared/payments/stripe/saved-means.ts';
import { OperateError } from '../error.ts';
import { askStripe } from '../stripe.ts';

/** @throws an OperateError, `not_found`, where Stripe has none, or has it no more. */
export async function readCustomer(stripe: StripeClient, id: string): Promise<Stripe.Customer> {
  const customer = await askStripe(stripe, ({ customers }) => customers.retrieve(id));
  if (!customer.deleted) return customer;
  throw new OperateError(
    'not_found',
    `The customer ${id} was deleted at Stripe. Name another one with --customer. Or forget it: npx relay accounts set ` +
      'EMAIL --customer none',
  );
}

/** The customer's own events are matched by this name, for Stripe's email may be spelt otherwise, or be another. */
export async function nameClient(
  stripe: StripeClient,
  customer: Stripe.Customer,
  email: string,
): Promise<void> {
  if (customer.metadata[CLIENT] === email) return;
  await askStripe(stripe, ({ customers }) =>
    customers.update(customer.id, { metadata: { [CLIENT]: email } }),
  );
}
