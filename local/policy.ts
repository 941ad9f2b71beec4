import { type MessagePolicy, productionMessagePolicy } from '../shared/channels/decide.ts';
import { type Policy, productionPolicy } from '../shared/recharge/policy.ts';
import { DEMO_CHANNEL } from './state.ts';

export const SWEEP_EVERY_MS = 1_000;

/** The sandbox answers in milliseconds: what hangs there was told to, and is not worth a long wait. */
const SANDBOX_CALL_MS = 3_000;
/** The writes of a step to an engine on this machine. */
const WRITES_MS = 1_000;

export interface LocalWaits {
  policy: Policy;
  messages: MessagePolicy;
  /** After the grant deadline, so that a redelivered message normally finds it over. */
  visibilitySeconds: number;
}

/**
 * Production's waits, in seconds, in the same order: call < run < grant deadline < redelivery. With the sandbox alone
 * they are 3, 6, 10 and 12. A party of one's own gets production's time for a call, or what its variable says. A payment
 * endpoint that asks a bank may need 15 s: whoever hangs up on it makes a person's work of what was about to end well.
 * A wait that depends on the payment provider's memory, or on people, keeps its hours and days.
 *
 * @param channels names of the channels there are; all but the sandbox's own deliver to chat systems of one's own.
 * @throws an Error that names the variable which holds no number of seconds.
 */
export function localWaits(env: NodeJS.ProcessEnv, channels: string[]): LocalWaits {
  const ownPlatform = env.PLATFORM_BASE_URL !== undefined;
  const ownChat = channels.some((name) => name !== DEMO_CHANNEL);
  const callMs = (isOwn: boolean, variable: string, production: number) =>
    isOwn ? (secondsOf(env, variable) ?? production / 1_000) * 1_000 : SANDBOX_CALL_MS;
  const grantCallMs = callMs(ownPlatform, 'PLATFORM_TIMEOUT_SECONDS', productionPolicy.grantCallMs);
  const chargeCallMs = callMs(
    env.PAYMENT_HOOK_URL !== undefined || env.STRIPE_KEY !== undefined,
    'PAYMENT_HOOK_TIMEOUT_SECONDS',
    productionPolicy.chargeCallMs,
  );
  const messageCallMs = ownChat
    ? productionMessagePolicy.callMs
    : callMs(ownPlatform, 'PLATFORM_TIMEOUT_SECONDS', productionMessagePolicy.callMs);
  const runMs = Math.max(grantCallMs, chargeCallMs, messageCallMs) + 3_000;
  const grantDeadlineMs = runMs + 4_000;
  const policy: Policy = {
    ...productionPolicy,
    grantCallMs,
    chargeCallMs,
    runMs,
    callMarginMs: 250,
    grantStepMs: grantCallMs + WRITES_MS,
    grantDeadlineMs,
    sweepAgainMs: grantDeadlineMs + 1_000,
    settleMs: 20_000,
    pending: { ...productionPolicy.pending, askMs: 2_000, wokenMs: 500 },
    refund: { ...productionPolicy.refund, askMs: 2_000 },
    evidence: { ...productionPolicy.evidence, firstMs: 5_000, againMs: 60_000 },
    // Half a minute, as waits grow: hundreds of rows that wait for a pause to end must leave the machine some rest.
    backoff: { firstMs: 500, maxMs: 30_000 },
    regrant: { ...productionPolicy.regrant, firstMs: 500, maxMs: 60_000, growth: 2 },
    pauseMs: 5_000,
  };
  const messages: MessagePolicy = {
    ...productionMessagePolicy,
    callMs: messageCallMs,
    runMs,
    callMarginMs: policy.callMarginMs,
    stepMs: messageCallMs + WRITES_MS,
    backoff: { firstMs: 500, maxMs: 5_000 },
  };
  return { policy, messages, visibilitySeconds: (grantDeadlineMs + 2_000) / 1_000 };
}

function secondsOf(env: NodeJS.ProcessEnv, variable: string): number | undefined {
  const text = env[variable];
  if (text === undefined) return undefined;
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new Error(`${variable} takes whole seconds from 1 to 99.`);
}
