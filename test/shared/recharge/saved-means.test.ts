import { describe, expect, it } from 'vitest';
import type { PaymentMethod } from '../../../shared/payments/payment-method.ts';
import type { Account } from '../../../shared/recharge/account.ts';
import { createAccounts } from '../../../shared/recharge/accounts.ts';
import { keepMeans } from '../../../shared/recharge/saved-means.ts';
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

const declined = (fingerprint?: string): NonNullable<Account['statusChange']> => ({
  at: NOW - 1,
  note: '3 declines in a row: expired_card',
  declined: fingerprint === undefined ? {} : { fingerprint },
});

async function known(settings: { statusChange?: NonNullable<Account['statusChange']> } = {}) {
  const { client, table, ledger } = store();
  const status = settings.statusChange === undefined ? 'active' : 'suspended';
  await createAccounts(client, table, ledger).set(EMAIL, { status, ...settings });
}

const keep = (paymentMethod: PaymentMethod, judge: (account: Account) => void = () => {}) =>
  keepMeans(store().ledger, EMAIL, { customer: 'cus_1', paymentMethod }, { judge, now: NOW });

describe('a saved means of payment', () => {
  it('is kept with its customer, and nothing is written where it is kept already', async () => {
    await known();
    const first = await keep(card('fp_1'));
    expect(first).toMatchObject({
      lifted: false,
      account: { customer: 'cus_1', paymentMethod: card('fp_1'), status: 'active' },
    });
    expect((await keep(card('fp_1'))).account.revision).toBe(first.account.revision);
    expect(await store().ledger.readAccount(EMAIL)).toEqual(first.account);
  });

  it('is judged anew by what the account is at the moment of the write', async () => {
    await known();
    const refuse = (account: Account) => {
      if (account.customer === undefined) return;
      throw new Error('another customer meanwhile');
    };
    await keep(card('fp_1'), refuse);
    await expect(keep(card('fp_2'), refuse)).rejects.toThrow('another customer meanwhile');
    expect((await store().ledger.readAccount(EMAIL)).paymentMethod).toEqual(card('fp_1'));
  });

  it.each<[string, Account['statusChange'], PaymentMethod, boolean]>([
    ['another card ends a suspension for declines', declined('fp_bad'), card('fp_2'), true],
    ['the same card, saved once more, does not', declined('fp_bad'), card('fp_bad', 'pm_2'), false],
    [
      'a means without a fingerprint may be the same one, and does not',
      declined('fp_bad'),
      card(undefined),
      false,
    ],
    ['any card does where no card was known', declined(), card('fp_2'), true],
    ['no card ends a suspension of a person’s', { at: NOW, note: 'disputed a payment' }, card('fp_2'), false],
  ])('%s', async (_sentence, statusChange, saved, lifts) => {
    await known(statusChange === undefined ? {} : { statusChange });
    const { account, lifted } = await keep(saved);
    expect(lifted).toBe(lifts);
    expect(account).toMatchObject({
      paymentMethod: saved,
      ...(lifts
        ? { status: 'active', statusChange: { at: NOW, note: 'Another card was saved.' } }
        : { status: 'suspended', statusChange }),
    });
  });
});
