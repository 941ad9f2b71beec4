import { describe, expect, it } from 'vitest';
import { counterpartyOf, idOf, isSameParty } from '../../../shared/recharge/counterparty.ts';

const URL_A = 'https://payments.example.com/recharge-relay';

describe('a counterparty', () => {
  it('is known by its address, where it has no name', () => {
    const party = counterpartyOf({ url: URL_A });
    expect(idOf(party)).toMatch(/^~[0-9a-f]{8}$/);
    expect(isSameParty(idOf(party), counterpartyOf({ url: URL_A }))).toBe(true);
    expect(isSameParty(idOf(party), counterpartyOf({ url: `${URL_A}/` }))).toBe(true);
    for (const url of [
      'https://payments.example.com/other',
      'https://payments.example.com:8443/recharge-relay',
      'https://payments.example.org/recharge-relay',
    ]) {
      expect(isSameParty(idOf(party), counterpartyOf({ url }))).toBe(false);
    }
  });

  it('keeps its name when its address moves', () => {
    const before = counterpartyOf({ name: 'acme', url: URL_A });
    const after = counterpartyOf({ name: 'acme', url: 'https://pay.acme.example' });
    expect(idOf(before)).toBe('acme');
    expect(isSameParty(idOf(before), after)).toBe(true);
  });

  it('is the same one where it was named later, at the address it had', () => {
    const began = idOf(counterpartyOf({ url: URL_A }));
    expect(isSameParty(began, counterpartyOf({ name: 'acme', url: URL_A }))).toBe(true);
    expect(isSameParty(began, counterpartyOf({ name: 'acme', url: 'https://pay.acme.example' }))).toBe(false);
  });

  it('is another one under another name, at the same address too', () => {
    expect(isSameParty('acme', counterpartyOf({ name: 'other', url: URL_A }))).toBe(false);
  });

  it('is taken for the one there is, where nothing was kept of it', () => {
    expect(isSameParty(undefined, counterpartyOf({ url: URL_A }))).toBe(true);
  });
});
