import { describe, expect, it } from 'vitest';
import { toE164 } from '../../../shared/platform/phone.ts';

describe('a phone number', () => {
  it.each<[string, string, string | undefined]>([
    ['+15551234567', '+15551234567', undefined],
    ['+1 (555) 123-4567', '+15551234567', undefined],
    [' +44 20 7946 0958 ', '+442079460958', undefined],
    ['tel:+31-6-12345678', '+31612345678', undefined],
    ['\uFF0B\uFF14\uFF14 20 7946 0958', '+442079460958', undefined],
    ['06 12345678', '+31612345678', 'NL'],
    ['06 12345678', '+31612345678', 'nl'],
    ['0044 20 7946 0958', '+442079460958', 'NL'],
    ['+44 20 7946 0958', '+442079460958', 'US'],
  ])('%j is %s', (text, phone, country) => {
    expect(toE164(text, country)).toEqual({ phone });
  });

  it.each<[string, string, string | undefined]>([
    ['06 12345678', 'the phone number has no country code: it begins with + and the code', undefined],
    ['+999 123456', 'the phone number has no country code: it begins with + and the code', undefined],
    ['', 'this is not a phone number', undefined],
    ['Jane', 'this is not a phone number', 'US'],
    ['call +15551234567', 'this is not a phone number', undefined],
    ['+1555', 'the phone number has not the length of a number of its country', undefined],
    ['+1', 'the phone number is too short', undefined],
    [`+1${'5'.repeat(30)}`, 'the phone number is too long', undefined],
    ['+15551234567 ext. 12', 'the phone number has an extension', undefined],
    ['06 12345678', 'the default country is not two letters of ISO 3166', 'Netherlands'],
    ['06 12345678', 'the default country is not two letters of ISO 3166', ''],
  ])('%j is none: %s', (text, fault, country) => {
    expect(toE164(text, country)).toEqual({ fault });
  });
});
