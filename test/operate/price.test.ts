import { describe, expect, it } from 'vitest';
import { priceOfRecharge } from '../../operate/price.ts';
import { unknownAccount } from '../../shared/recharge/account.ts';
import { aRecharge } from '../support/builders.ts';
import { useFoundRelay } from '../support/found-relay.ts';

const found = useFoundRelay();
const EMAIL = 'client-001@example.com';
const charged = { email: EMAIL, credits: 500, amount: 5_000, currency: 'USD' };
const account = { ...unknownAccount(EMAIL), status: 'active' } as const;

describe('how a recharge got its price', () => {
  it('is said by the price list in force', () => {
    const price = priceOfRecharge(found().target, aRecharge(charged), account);
    expect(price).toMatchObject({ now: { amount: 5_000, currency: 'USD' }, differs: false });
    expect(price?.steps).toEqual([
      ['price list', "the configuration's (the configuration of npm start)"],
      ['per credit', '0.10 USD'],
      ['exactly', '500 × 0.10 = 50 USD'],
      ['rounded', '50.00 USD, half up'],
    ]);
  });

  it("is said by the client's own where there is one, and that prices have changed since", () => {
    const packs = [{ credits: 500, price: '45.00' }];
    const own = { ...account, pricing: { currency: 'USD', packs } };
    const price = priceOfRecharge(found().target, aRecharge(charged), own);
    expect(price).toMatchObject({ now: { amount: 4_500, currency: 'USD' }, differs: true });
    expect(price?.steps).toEqual([
      ['price list', "the client's own"],
      ['pack', '500 credits for 45.00 USD'],
    ]);
    expect(priceOfRecharge(found().target, aRecharge({ ...charged, credits: 501 }), own)).toMatchObject({
      now: undefined,
      steps: [expect.anything(), ['no price', 'Only these numbers are sold: 500.']],
    });
  });

  it('is not said where nothing is charged, or where nobody here knows the prices', () => {
    expect(
      priceOfRecharge(found().target, aRecharge({ ...charged, prepaid: true }), account),
    ).toBeUndefined();
    const elsewhere = { stack: undefined, env: { RELAY_LOCAL_DIR: '/nowhere' } };
    expect(priceOfRecharge(elsewhere, aRecharge(charged), account)).toBeUndefined();
  });
});
