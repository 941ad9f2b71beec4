import { describe, expect, it } from 'vitest';
import { redactUrl } from '../../../shared/platform/call.ts';

describe('redactUrl', () => {
  it.each([
    [
      'https://api.example.com/v1/subaccounts?apiKey=secret&email=a',
      'https://api.example.com/v1/subaccounts?[redacted]',
    ],
    ['"GET /x?apiKey=secret" failed, GET /y?k=1 too', '"GET /x?[redacted]" failed, GET /y?[redacted] too'],
    ['https://api.example.com/v1#a', 'https://api.example.com/v1#a'],
    ['Really? Yes', 'Really? Yes'],
  ])('%s becomes %s', (text, redacted) => {
    expect(redactUrl(text)).toBe(redacted);
  });
});
