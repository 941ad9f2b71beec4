import type Stripe from 'stripe';

/** Where Stripe's API answers; a test's own fake answers elsewhere. */
export const STRIPE_API = 'https://api.stripe.com';

/** Stripe's package writes requests for this version of the API alone, and types their answers. */
export const STRIPE_API_VERSION = '2026-10-28.endive' satisfies Stripe.StripeConfig['apiVersion'];
