import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DECLINES, sentenceOfDecline } from '../../../shared/payments/declines.ts';

const page = readFileSync(new URL('../../../docs/payment-hook.md', import.meta.url), 'utf8');

describe('the reasons of declines', () => {
  it.each(Object.entries(DECLINES))('stand in the contract with their sentence: %s', (word, sentence) => {
    expect(page).toContain(`| \`${word}\` | ${sentence} |`);
    expect(sentenceOfDecline(word)).toBe(sentence);
  });

  it('are answered with a sentence that is always true, where a word is not known', () => {
    expect(sentenceOfDecline('card_declined')).toMatch(/^Your payment was declined\./);
    expect(sentenceOfDecline()).toMatch(/^Your payment was declined\./);
  });
});
