import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TEST_MEANS } from '../../../../local/sandbox/stripe/cards.ts';
import { declined } from '../../../../shared/payments/stripe/declines.ts';

const page = readFileSync(new URL('../../../../docs/stripe.md', import.meta.url), 'utf8');
const codes = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

describe('docs/stripe.md', () => {
  it("names for each of Stripe's codes the reason that the relay gives, and whether it may pass", () => {
    const [, section = ''] = page.split('\n## Declines\n');
    const rows = [...section.matchAll(/^\| (?<said>.*`.*) \| `(?<reason>\w+)` \| (?<may>yes|no) \|$/gm)];
    expect(rows.length).toBeGreaterThan(8);
    for (const { groups: { said, reason, may } = {} } of rows)
      for (const code of codes(said)) {
        const { reason: given, retryable } = declined({ code: 'card_declined', decline_code: code });
        expect([code, given, retryable]).toEqual([code, reason, may === 'yes']);
      }
  });

  it('names all words of banks and networks that forbid another try, and the relay obeys each', () => {
    const [, section = ''] = page.split('Never is one for which');
    const line = (name: string) => section.split('\n').find((one) => one.includes(name)) ?? '';
    const listed = (name: string) => /: ([\w ,]+)\)/.exec(line(name))?.[1]?.split(/[ ,]+/) ?? [];
    const advices = codes(line('advice_code')).slice(1);
    const forbidden = [
      ...advices.map((advice_code) => ({ advice_code })),
      ...listed('network_advice_code').map((network_advice_code) => ({ network_advice_code })),
      ...listed('network_decline_code').map((network_decline_code) => ({ network_decline_code })),
    ];
    expect(forbidden).toHaveLength(2 + 2 + 12);
    for (const said of forbidden) {
      expect(declined({ decline_code: 'insufficient_funds', ...said })).toMatchObject({ retryable: false });
      const advised = { advice_code: 'try_again_later', ...said };
      expect([said, declined(advised).retryable]).toEqual([said, false]);
    }
    const others = { network_advice_code: '01', network_decline_code: '05' };
    expect(declined({ decline_code: 'insufficient_funds', ...others }).retryable).toBe(true);
  });

  it('lists every card of the sandbox', () => {
    const [, section = ''] = page.split('\n## Cards to try\n');
    const numbers = codes(section.split('\n## ')[0]).map((number) => number.replaceAll(' ', ''));
    const isListed = (number: string) => numbers.some((one) => number.endsWith(one.replace('…', '')));
    expect(Object.keys(TEST_MEANS).filter((number) => !isListed(number))).toEqual([]);
  });
});
