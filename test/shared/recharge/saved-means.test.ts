import { describe, expect, it } from 'vitest';
import type { PaymentMethod } from '../../../shared/payments/payment-method.ts';
import { type Account, cardOf } from '../../../shared/recharge/account.ts';
import { type AccountSettings, createAccounts } from '../../../shared/recharge/accounts.ts';
import { keepMeans } from '../../../shared/recharge/saved-means.ts';
import { aRecharge } from '../../support/builders.ts';
import { useLedger } from '../../support/store.ts';

const store = useLedger();

const EMAIL = 'jane@example.com';
const NOW = Date.parse('2026-11-28T12:00:00Z');
const card = (fingerprint: string | undefined, id = 'pm_1'): PaymentMethod => ({
  id,
  type: 'card',
  brand: 'visa',
  last4: '4242',
  expires: '2029-12',
  ...(fingerprint === undefined ? {} : { fingerprint }),
});

function set(settings: AccountSettings = {}) {
  const { client, table, ledger } = store();
  return createAccounts(client, table, ledger).set(EMAIL, settings);
}

/** @param bad the declined card; none where the relay did not know it. */
async function suspendForDeclines(bad?: PaymentMethod) {
  const { ledger } = store();
  const account = await set();
  await ledger.writeAccount(account, {
    ...account,
    status: 'suspended',
    statusChange: { at: NOW - 1, note: '3 declines in a row: expired_card', forDeclines: true },
    declines: { times: 3, ...(bad === undefined ? {} : { card: cardOf(bad) }) },
  });
}

const keep = (paymentMethod: PaymentMethod, judge: (account: Account) => void = () => {}) =>
  keepMeans(store().ledger, EMAIL, { customer: 'cus_1', paymentMethod }, { judge, now: NOW });

describe('a saved means of payment', () => {
  it('is kept with its customer, and nothing is written where it is kept already', async () => {
    await set();
    const first = await keep(card('fp_1'));
    expect(first).toMatchObject({
      account: { customer: 'cus_1', paymentMethod: card('fp_1'), status: 'active' },
    });
    expect((await keep(card('fp_1'))).account.revision).toBe(first.account.revision);
    expect(await store().ledger.readAccount(EMAIL)).toEqual(first.account);
  });

  it('is judged by what the account is', async () => {
    await set();
    const refuse = (account: Account) => {
      if (account.customer !== undefined) throw new Error('another customer meanwhile');
    };
    await keep(card('fp_1'), refuse);
    await expect(keep(card('fp_2'), refuse)).rejects.toThrow('another customer meanwhile');
    expect((await store().ledger.readAccount(EMAIL)).paymentMethod).toEqual(card('fp_1'));
  });

  it.each<[string, PaymentMethod | undefined, PaymentMethod, boolean]>([
    ['another card ends a suspension for declines', card('fp_bad'), card('fp_2'), true],
    ['the same card, saved once more, does not', card('fp_bad'), card('fp_bad', 'pm_2'), false],
    ['a means without a fingerprint may be the same, and does not', card('fp_bad'), card(undefined), false],
    ['any card does where the declined one is not known', undefined, card('fp_2'), true],
  ])('%s', async (_sentence, bad, saved, lifts) => {
    await suspendForDeclines(bad);
    const { account, suspension } = await keep(saved);
    expect(suspension).toBe(lifts ? 'ends' : undefined);
    expect(account).toMatchObject({ paymentMethod: saved, status: lifts ? 'active' : 'suspended' });
    expect(account.statusChange?.note).toBe(
      lifts ? 'Another card was saved.' : '3 declines in a row: expired_card',
    );
    expect(account.declines?.times ?? 0).toBe(lifts ? 0 : 3);
  });

  it('does not end a suspension by the way of another card, where nothing was paid with that one', async () => {
    await suspendForDeclines(card('fp_bad'));
    expect((await keep(card('fp_2', 'pm_2'))).suspension).toBe('ends');
    const back = await keep(card('fp_bad', 'pm_3'));
    expect(back).toMatchObject({
      suspension: 'comes_back',
      account: {
        status: 'suspended',
        statusChange: { at: NOW, forDeclines: true, note: expect.stringContaining('saved again') },
        paymentMethod: card('fp_bad', 'pm_3'),
      },
    });
    expect(await store().ledger.readAccount(EMAIL)).toEqual(back.account);
    // A third card ends it once more, and an operator's word is the last.
    expect((await keep(card('fp_3', 'pm_4'))).suspension).toBe('ends');
    expect((await keep(card('fp_bad', 'pm_5'))).suspension).toBe('comes_back');
    await set({ status: 'active' });
    expect(await keep(card('fp_bad', 'pm_6'))).toMatchObject({ account: { status: 'active' } });
  });

  it('is a good one again once a payment was paid since', async () => {
    const { ledger } = store();
    await suspendForDeclines(card('fp_bad'));
    const { account } = await keep(card('fp_2', 'pm_2'));
    await ledger.claim(aRecharge({ email: EMAIL, phase: 'completed' }));
    await ledger.writeAccount(account, { ...account, last: { key: aRecharge().key, at: NOW } });
    const kept = await keep(card('fp_bad', 'pm_3'));
    expect(kept.account).toMatchObject({ status: 'active', paymentMethod: { id: 'pm_3' } });
    expect(kept.account).not.toHaveProperty('declines');
  });

  it('ends no suspension that a person has written', async () => {
    const suspended = { status: 'suspended', statusChange: { at: NOW, note: 'disputed a payment' } } as const;
    await set(suspended);
    expect(await keep(card('fp_2'))).toMatchObject({ account: suspended });
  });

  it('goes with its customer: another one has not saved it', async () => {
    await set();
    await keep(card('fp_1'));
    expect((await set({ customer: 'cus_1' })).paymentMethod).toEqual(card('fp_1'));
    expect(await set({ customer: 'cus_2' })).not.toHaveProperty('paymentMethod');
  });
});
