import { describe, expect, it } from 'vitest';
import { localConfig } from '../../local/config.ts';

const PLATFORM = 'http://127.0.0.1:4001';
const PAYMENTS = 'http://127.0.0.1:4002';

describe('the configuration of npm start', () => {
  it('charges known clients 0.10 USD a credit, without limits, in the sandbox', () => {
    const config = localConfig({}, { platformUrl: PLATFORM, paymentsUrl: PAYMENTS });
    expect(config.pricing).toEqual({ currency: 'USD', perCredit: '0.10' });
    expect(config.guard).toEqual({ unknownAccounts: 'refuse', limits: {} });
    expect(config.recharge).toMatchObject({ mode: 'live', creditsField: 'credits' });
    expect(config.platform).toMatchObject({ baseUrl: 'http://127.0.0.1:4001/v1', subAccountLookup: true });
  });

  it('takes unknown clients only where a payment endpoint of your own takes their money', () => {
    const own = {
      PLATFORM_BASE_URL: 'https://api.example.com/v1',
      PAYMENT_HOOK_URL: 'https://pay.example.com',
    };
    const both = localConfig(own, { platformUrl: undefined, paymentsUrl: undefined });
    expect(both.guard.unknownAccounts).toBe('allow');
    expect(both.platform.subAccountLookup).toBe(false);
    const platformOnly = localConfig(own, { platformUrl: undefined, paymentsUrl: PAYMENTS });
    expect(platformOnly.guard.unknownAccounts).toBe('refuse');
  });
});
