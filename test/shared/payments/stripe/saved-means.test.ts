import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSandboxStripe, type SandboxStripe } from '../../../../local/sandbox/stripe/sandbox.ts';
import { STRIPE_API_VERSION } from '../../../../shared/payments/stripe/api.ts';
import { createStripeClient } from '../../../../shared/payments/stripe/client.ts';
import { savedMeansOf } from '../../../../shared/payments/stripe/saved-means.ts';

const KEY = 'rk_test_51MzFakeFakeFakeFake';
let sandbox: SandboxStripe;

beforeEach(async () => {
  sandbox = await createSandboxStripe({
    apiKey: KEY,
    apiVersion: STRIPE_API_VERSION,
    now: () => Date.parse('2026-11-28T12:00:00Z'),
  });
});
afterEach(() => sandbox.close());

async function saved(number: string) {
  const { stripe } = await createStripeClient(KEY, { apiUrl: sandbox.url, timeoutMs: 2_000 });
  const { paymentMethod } = sandbox.saveMeans('jane@example.com', number);
  return savedMeansOf(await stripe.paymentMethods.retrieve(paymentMethod.id));
}

describe('what is kept of a saved means of payment', () => {
  it('of a card is its brand, last four digits, last month and fingerprint', async () => {
    expect(await saved('5555555555554444')).toEqual({
      id: expect.stringMatching(/^pm_/),
      type: 'card',
      brand: 'mastercard',
      last4: '4444',
      expires: '2029-12',
      fingerprint: 'fp_554444',
    });
  });

  it('of a bank account is its last four digits and fingerprint: it has no brand, and does not expire', async () => {
    expect(await saved('DE89370400440532013000')).toEqual({
      id: expect.stringMatching(/^pm_/),
      type: 'sepa_debit',
      last4: '3000',
      fingerprint: 'fp_013000',
    });
  });
});
