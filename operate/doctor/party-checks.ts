import { prepareCall } from '../../shared/platform/call.ts';
import { type AgencyFault, outcomeOf } from '../../shared/platform/outcome.ts';
import { paymentTypeOf } from '../payment-type.ts';
import { createAsker, type Heard } from '../payments/asker.ts';
import { findPaymentEndpoint } from '../payments/endpoint.ts';
import { newTestName } from '../payments/test-payments.ts';
import { notAgreed } from '../payments/verdicts.ts';
import { callOptions, findPlatform } from '../platform.ts';
import { nobody } from '../probe/questions.ts';
import { type Found, fail, ok, warn } from './finding.ts';
import type { Check, Patient } from './patient.ts';
import { savedMeans, stripeKey } from './stripe-checks.ts';

/** Half of what the relay waits for a charge. What takes longer is told. */
const TIMEOUT_MS = 10_000;
const SLOW_MS = 5_000;

/** Who takes the money: Stripe, or an endpoint of the agency's own. */
async function payments(patient: Patient): Promise<Found | Found[]> {
  await patient.connection();
  return paymentTypeOf(patient.target) === 'stripe' ? stripeKey(patient) : paymentEndpoint(patient);
}

/** The lookup of a charge that nobody asked for: it reads, and its answer proves address, secret and form. */
async function paymentEndpoint(patient: Patient): Promise<Found> {
  const { url, key } = await findPaymentEndpoint(patient.target);
  const rechargeKey = newTestName();
  const ask = createAsker({
    url,
    key,
    client: { email: nobody() },
    money: { amount: 1, currency: 'USD' },
    rechargeKey,
    timeoutMs: TIMEOUT_MS,
    now: patient.now,
  });
  const chargeId = `rr_${rechargeKey}`;
  const signed = await ask.lookup(chargeId);
  if (signed.outcome?.kind !== 'not_found') return lookupFault(url, signed);
  const unsigned = await ask.lookup(chargeId, 'missing');
  if (unsigned.exchange.status !== 0 && ![400, 401, 403].includes(unsigned.exchange.status)) {
    return fail(
      `The payment endpoint ${url} answers a request that nobody signed (${unsigned.exchange.status}).`,
      'Let it verify the signature of every request, and answer 401: docs/payment-hook.md',
    );
  }
  const slow = Math.max(signed.exchange.ms, unsigned.exchange.ms);
  return slow > SLOW_MS
    ? warn(
        `The payment endpoint ${url} knows our signature, and took ${(slow / 1_000).toFixed(1)} s for a lookup.`,
        'Find out what takes so long: after 20 s the relay hangs up on a charge.',
      )
    : ok(`The payment endpoint ${url} answers, knows our signature, and refuses what is not signed.`);
}

function lookupFault(url: string, heard: Heard<{ kind: string }>): Found {
  const { status, came, wasSent } = heard.exchange;
  const verdict = notAgreed(heard, '404 {"status":"not_found"} to what you have never heard of');
  const todo = verdict.result === 'fail' ? verdict.todo : 'npx relay payments test';
  if (status === 0) {
    const how = wasSent ? 'gives no answer' : 'is not reached';
    return fail(`The payment endpoint ${url} ${how} (${came.replace(/^[^:]*: /, '')}).`, todo);
  }
  // Its own words may repeat what it was sent.
  const what = [401, 403].includes(status) ? 'refuses our signature' : 'does not answer a lookup as agreed';
  return fail(
    `The payment endpoint ${url} ${what} (${status}).`,
    `${todo} npx relay payments test tries all of it.`,
  );
}

const PLATFORM_FAULTS: Record<AgencyFault, [found: string, todo: string]> = {
  unauthorized: ['refuses the API key', 'npx relay secrets set platformApiKey'],
  forbidden: [
    'knows the API key, and does not let it ask',
    "Is it an agency's key? npx relay secrets set platformApiKey",
  ],
  redirected: [
    'answers with a redirect, which is never followed',
    'Set platform.baseUrl to where the API is.',
  ],
  wrong_address: ['does not answer as an API does', 'Check platform.baseUrl: npx relay probe finds it.'],
  pool_empty: ['says that the agency has no credits left', 'Buy credits.'],
  rate_limited: ['asks to wait for more than two minutes', 'Ask its support why.'],
};

/** A sub-account, or a contact, that nobody has: the platform looks at the key before it looks for them. */
async function platform(patient: Patient): Promise<Found> {
  await patient.connection();
  const found = await findPlatform(patient.target);
  const { profile } = found;
  const [path, keyIn] = profile.subAccountLookup
    ? (['/subaccounts', profile.keyPlacement.subAccounts] as const)
    : (['/contacts', profile.keyPlacement.contacts] as const);
  const pace = { take: () => undefined, hold: () => {} };
  const ask = await prepareCall(
    { ...callOptions(found, pace), timeoutMs: TIMEOUT_MS },
    { method: 'GET', path, keyIn, query: { email: nobody() } },
  );
  const exchange = await ask();
  const outcome = outcomeOf(exchange, profile);
  const at = `The platform at ${profile.baseUrl}`;
  if (outcome.kind === 'answered' || outcome.kind === 'refused')
    return ok(`${at} answers, and knows the API key.`);
  if (outcome.agencyFault !== undefined) {
    const [what, todo] = PLATFORM_FAULTS[outcome.agencyFault];
    return fail(`${at} ${what} (${exchange.detail}).`, todo);
  }
  const isBusy = exchange.answer.kind === 'response' && exchange.answer.status === 429;
  return isBusy
    ? warn(
        `${at} has too many requests with this key now.`,
        'Try again in a minute. Is platform.requestsPerMinute too high?',
      )
    : fail(
        `${at} gives no usable answer (${exchange.detail}).`,
        'Is it down, or platform.baseUrl wrong? npx relay probe',
      );
}

export const PARTY_CHECKS: Check[] = [
  { id: 'platform', run: platform },
  { id: 'payment_endpoint', run: payments },
  { id: 'saved_means', run: savedMeans },
];
