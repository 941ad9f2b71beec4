import { type MessagePolicy, productionMessagePolicy } from '../shared/channels/decide.ts';
import { type Policy, productionPolicy } from '../shared/recharge/policy.ts';

/**
 * Production's waits, in seconds, in the same order: call < run < grant deadline < redelivery. A wait that depends
 * on the payment provider's memory, or on people, keeps its hours and days.
 */
export const localPolicy: Policy = {
  ...productionPolicy,
  grantCallMs: 3_000,
  chargeCallMs: 3_000,
  runMs: 6_000,
  callMarginMs: 250,
  grantStepMs: 4_000,
  grantDeadlineMs: 10_000,
  sweepAgainMs: 11_000,
  settleMs: 20_000,
  pending: { ...productionPolicy.pending, askMs: 2_000 },
  refund: { ...productionPolicy.refund, askMs: 2_000 },
  evidence: { ...productionPolicy.evidence, firstMs: 5_000, againMs: 60_000 },
  backoff: { firstMs: 500, maxMs: 5_000 },
  regrant: { ...productionPolicy.regrant, firstMs: 500, maxMs: 60_000, growth: 2 },
  pauseMs: 5_000,
};

/** Likewise for messages. How long one is worth delivering keeps its hours. */
export const localMessagePolicy: MessagePolicy = {
  ...productionMessagePolicy,
  callMs: localPolicy.chargeCallMs,
  runMs: localPolicy.runMs,
  callMarginMs: localPolicy.callMarginMs,
  stepMs: 4_000,
  backoff: localPolicy.backoff,
};

/** After the grant deadline, so that a redelivered message normally finds it over. */
export const VISIBILITY_SECONDS = 12;
export const SWEEP_EVERY_MS = 1_000;
