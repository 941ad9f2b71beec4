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

  it('lists every card of the sandbox', () => {
    const [, section = ''] = page.split('\n## Cards to try\n');
    const numbers = codes(section.split('\n## ')[0]).map((number) => number.replaceAll(' ', ''));
    const isListed = (number: string) => numbers.some((one) => number.endsWith(one.replace('…', '')));
    expect(Object.keys(TEST_MEANS).filter((number) => !isListed(number))).toEqual([]);
  });
});
