import { describe, expect, it } from 'vitest';
import { readPhone, toE164 } from '../../../shared/platform/phone.ts';

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

describe('a phone number of a system', () => {
  const fault = (text: string) => ({ fault: expect.stringContaining(text) });
  const BOTH = fault('can be read with and without a country code');
  it.each([
    // WhatsApp gives the code and no +; the agency is German, the customer Austrian.
    ['436641234567', { written: 'international', defaultCountry: 'DE' }, { phone: '+436641234567' }],
    ['00436641234567', { written: 'international' }, { phone: '+436641234567' }],
    ['+436641234567', { written: 'international' }, { phone: '+436641234567' }],
    // A vendor's own form, and a number of a country whose lengths have changed: no table is asked.
    ['5215512345678', { written: 'international' }, { phone: '+5215512345678' }],
    ['+5215512345678', {}, { phone: '+5215512345678' }],
    ['+521 (55) 1234-5678', { written: 'e164' }, { phone: '+5215512345678' }],
    ['+22912345678', {}, { phone: '+22912345678' }],
    ['+999123456', {}, { phone: '+999123456' }],
    // What a table knows better: a zero that is not dialled from abroad.
    ['+49 (0) 30 901820', {}, { phone: '+4930901820' }],
    ['whatsapp:+436641234567', {}, { phone: '+436641234567' }],
    ['sms:+436641234567', { written: 'e164' }, { phone: '+436641234567' }],
    ['0664 1234567', { written: 'national', defaultCountry: 'AT' }, { phone: '+436641234567' }],
    ['3615550123', { written: 'national', defaultCountry: 'US' }, { phone: '+13615550123' }],
    ['+436641234567', { written: 'national', defaultCountry: 'US' }, { phone: '+436641234567' }],
    ['436641234567', { written: 'e164' }, fault('has no +')],
    ['+1555', {}, fault('length')],
    [`+${'1'.repeat(16)}`, {}, fault('length')],
    ['+15551234567 ext. 12', { written: 'international' }, fault('extension')],
    ['Jane', { written: 'international' }, fault('not a phone number')],
    ['', { written: 'international' }, fault('not a phone number')],
    // Where nothing says how it is written:
    ['436641234567', { defaultCountry: 'DE' }, BOTH],
    ['5215512345678', { defaultCountry: 'DE' }, BOTH],
    ['3615550123', { defaultCountry: 'US' }, BOTH],
    ['0664 1234567', { defaultCountry: 'AT' }, { phone: '+436641234567' }],
    ['00436641234567', { defaultCountry: 'DE' }, { phone: '+436641234567' }],
    ['00436641234567', {}, { phone: '+436641234567' }],
    ['0011436641234567', { defaultCountry: 'AU' }, { phone: '+436641234567' }],
    ['0011436641234567', {}, fault('no country code')],
    // WhatsApp's own addresses, and what is copied from a page along with a number.
    ['436641234567@s.whatsapp.net', { written: 'international' }, { phone: '+436641234567' }],
    ['436641234567@lid', { written: 'international' }, fault('not a phone number')],
    ['\u202a+43 664 1234567\u202c', {}, { phone: '+436641234567' }],
    // Both readings are one number, or one of them is no number.
    ['31201234567', { defaultCountry: 'NL' }, { phone: '+31201234567' }],
    ['16505551234', { defaultCountry: 'US' }, { phone: '+16505551234' }],
    ['5215512345678', { defaultCountry: 'MX' }, { phone: '+5215512345678' }],
    ['5511987654321', { defaultCountry: 'US' }, { phone: '+5511987654321' }],
    ['436641234567', {}, fault('no country code')],
  ] as const)('%j, %j: %j', (text, settings, read) => {
    expect(readPhone(text, settings)).toEqual(read);
  });
});
