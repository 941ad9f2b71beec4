import { maskEmails } from '../../shared/logger.ts';
import { createStripeClient } from '../../shared/payments/stripe/client.ts';
import { faultOfKey, isUnrestricted } from '../../shared/payments/stripe/key.ts';
import { paymentTypeOf } from '../payment-type.ts';
import { clientsWithoutMeans } from '../saved-means/link.ts';
import { lookAtKey } from '../stripe-rights.ts';
import { isProduction } from '../target.ts';
import { type Found, fail, NotKnownError, ok, skipped, warn } from './finding.ts';
import type { Patient } from './patient.ts';

const TIMEOUT_MS = 10_000;

const EDIT =
  "Edit the key in Stripe's dashboard (API keys): docs/stripe.md lists its rights. Or make another: npx relay secrets set stripeKey";

/** Whether Stripe knows the key, and lets it do what the relay does. It asks about objects that nobody has. */
export async function stripeKey(patient: Patient): Promise<Found[]> {
  const key = (await patient.secrets()).outbound.stripeKey ?? '';
  // What is wrong with its form and its mode, the check of the secrets says.
  if (faultOfKey(key, isProduction(patient.target.stack)) !== undefined)
    throw new NotKnownError('There is no key with which Stripe can be asked.');
  const { payment } = patient.config();
  const apiUrl = payment.type === 'stripe' && payment.apiUrl ? { apiUrl: payment.apiUrl } : {};
  const client = await createStripeClient(key, { timeoutMs: TIMEOUT_MS, ...apiUrl });
  const answer = await lookAtKey(client);
  switch (answer.kind) {
    case 'unknown_key':
      return [
        fail(
          'Stripe does not know the key, or it has expired: nobody is charged.',
          'npx relay secrets set stripeKey',
        ),
      ];
    case 'no_answer':
      return [
        fail(
          `Stripe gives no usable answer (${answer.detail}).`,
          'Is it up? https://status.stripe.com says so. Then look again.',
        ),
      ];
    case 'answers':
      return [
        ...answer.lacks.map(({ row, level, name }) => ({
          ...fail(`The key of Stripe lacks the right ${row}: ${level} (${name}).`, EDIT),
          id: `stripe_right:${name}`,
        })),
        ...(answer.lacks.length > 0 ? [] : [mayDoAll(key)]),
      ];
    default:
      return answer satisfies never;
  }
}

/** Whether there is something to charge. */
export async function savedMeans(patient: Patient): Promise<Found> {
  if (paymentTypeOf(patient.target) !== 'stripe')
    return skipped('Your own payment endpoint knows what clients pay with.');
  const connection = await patient.storage();
  const without = (await clientsWithoutMeans(connection)).map(({ email }) => maskEmails(email));
  const [first, ...others] = without;
  if (first === undefined) return ok('Of every client that is set up a means of payment is known.');
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return warn(
    `No means of payment is known of ${first}${more}: their recharges are declined (no_payment_method).`,
    'npx relay accounts invite EMAIL; of those who have saved one at Stripe: npx relay accounts link-all',
  );
}

const mayDoAll = (key: string): Found =>
  isUnrestricted(key)
    ? warn(
        'Stripe knows the key, which is a secret key: whoever has it can do anything in your account.',
        'Make a restricted key (docs/stripe.md), and set it: npx relay secrets set stripeKey',
      )
    : ok('Stripe knows the key, which has all the rights that the relay needs.');
