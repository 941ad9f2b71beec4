import { describe, expect, it } from 'vitest';
import { localWaits } from '../../local/policy.ts';
import { productionMessagePolicy } from '../../shared/channels/decide.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';

const OWN_PLATFORM = { PLATFORM_BASE_URL: 'https://api.example.com/v1' };
const OWN_PAYMENTS = { PAYMENT_HOOK_URL: 'http://127.0.0.1:4000' };

describe('the waits of npm start', () => {
  it('are seconds with the sandbox', () => {
    const { policy, messages, visibilitySeconds } = localWaits({}, ['demo']);
    const { grantCallMs, chargeCallMs, grantStepMs, runMs, grantDeadlineMs, sweepAgainMs } = policy;
    expect([grantCallMs, chargeCallMs, messages.callMs]).toEqual([3_000, 3_000, 3_000]);
    expect([grantStepMs, messages.stepMs]).toEqual([4_000, 4_000]);
    expect([runMs, messages.runMs, grantDeadlineMs, sweepAgainMs]).toEqual([6_000, 6_000, 10_000, 11_000]);
    expect(visibilitySeconds).toBe(12);
  });

  it('give a party of your own the time for a call that it has on AWS, and the sandbox beside it no more', () => {
    const calls = (env: NodeJS.ProcessEnv, channels: string[] = ['demo']) => {
      const { policy, messages } = localWaits(env, channels);
      return [policy.grantCallMs, policy.chargeCallMs, messages.callMs];
    };
    const { grantCallMs, chargeCallMs } = productionPolicy;
    const { callMs } = productionMessagePolicy;
    expect(calls({ ...OWN_PLATFORM, ...OWN_PAYMENTS })).toEqual([grantCallMs, chargeCallMs, callMs]);
    expect(calls(OWN_PLATFORM)).toEqual([grantCallMs, 3_000, callMs]);
    expect(calls(OWN_PAYMENTS)).toEqual([3_000, chargeCallMs, 3_000]);
    expect(calls({ STRIPE_KEY: 'rk_test_1' })).toEqual([3_000, chargeCallMs, 3_000]);
    expect(calls({}, ['demo', 'support'])).toEqual([3_000, 3_000, callMs]);
    const short = { PLATFORM_TIMEOUT_SECONDS: '2', PAYMENT_HOOK_TIMEOUT_SECONDS: '4' };
    expect(calls({ ...OWN_PLATFORM, ...OWN_PAYMENTS, ...short })).toEqual([2_000, 4_000, 2_000]);
  });

  it.each<[string, NodeJS.ProcessEnv]>([
    ['the sandbox', {}],
    ['a platform of your own', OWN_PLATFORM],
    ['a payment endpoint of your own', OWN_PAYMENTS],
    ['both', { ...OWN_PLATFORM, ...OWN_PAYMENTS }],
    [
      'slow ones',
      { ...OWN_PLATFORM, ...OWN_PAYMENTS, PLATFORM_TIMEOUT_SECONDS: '99', PAYMENT_HOOK_TIMEOUT_SECONDS: '1' },
    ],
  ])(
    'keep the order that keeps a grant single with %s: call < step < run < deadline < sweep < redelivery',
    (_, env) => {
      const { policy, messages, visibilitySeconds } = localWaits(env, ['demo', 'support']);
      const { grantCallMs, chargeCallMs, grantStepMs, callMarginMs, runMs, grantDeadlineMs, sweepAgainMs } =
        policy;
      const order = [
        grantCallMs,
        grantStepMs,
        runMs,
        grantDeadlineMs,
        sweepAgainMs,
        visibilitySeconds * 1_000,
      ];
      expect(order).toEqual([...new Set(order)].toSorted((a, b) => a - b));
      expect(chargeCallMs + callMarginMs).toBeLessThan(runMs);
      expect(messages.callMs).toBeLessThan(messages.stepMs);
      expect(messages.stepMs).toBeLessThan(messages.runMs);
      expect(messages.runMs).toBe(runMs);
    },
  );

  it.each(['0', '100', '3s', '', '1.5'])('are no %j seconds', (text) => {
    expect(() => localWaits({ ...OWN_PLATFORM, PLATFORM_TIMEOUT_SECONDS: text }, [])).toThrow(
      'PLATFORM_TIMEOUT_SECONDS takes whole seconds from 1 to 99.',
    );
  });
});
