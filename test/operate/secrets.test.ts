import { describe, expect, it } from 'vitest';
import { faultOf, remarkOf } from '../../operate/secret-faults.ts';
import { secretNamed } from '../../operate/secret-names.ts';
import { verifierSchema } from '../../shared/incoming/verifier-settings.ts';

describe('the name of a secret', () => {
  it('is one of the relay, or of a channel that may be configured', () => {
    const names = [
      'Own/incoming',
      'own',
      'own/',
      'own/Token',
      'own/incoming/x',
      'own/incoming ',
      '/incoming',
      `${'a'.repeat(41)}/send`,
      '',
    ];
    expect(names.map((name) => secretNamed(name)?.name)).toEqual(names.map(() => undefined));
    expect(secretNamed(`${'a'.repeat(40)}/send`)?.name).toBe(`${'a'.repeat(40)}/send`);
  });
});

const STANDARD = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

describe('what is wrong with a secret', () => {
  const fault = (value: string, types: object[] = [], name = 'webhook') => {
    const secret = secretNamed(name);
    if (!secret) throw new Error('There is no such secret.');
    const verifiers = types.map((verifier) => verifierSchema.parse(verifier));
    return {
      fault: faultOf(secret, value, { verifiers, live: false }),
      remark: remarkOf(secret, value, verifiers),
    };
  };
  const standard = { type: 'standard-webhooks' };
  const token = { type: 'token' };
  const hmac = { type: 'hmac', header: 'x-signature' };

  it.each<[string, string, RegExp]>([
    ['nothing', '', /^is blank$/],
    ['a blank in it', 'correct horse', /^holds a space/],
    [
      'a letter that looks like another',
      'correct-h\u043erse',
      /^holds a space, a line break, or a character/,
    ],
    ['quotes around it', '"correct-horse-1"', /^stands in quotes/],
    ['an address', 'https://hooks.example.com/?token=abc', /^is an address/],
    ['a version in front of it', `v1,${STANDARD}`, /^begins with a version, .+ give it from whsec_ on$/],
    ['few characters', 'abc', /^has 3 characters, so it can be guessed: at least 12 are needed/],
  ])('is said when it is set: %s', (_name, value, sentence) => {
    expect(fault(value).fault).toMatch(sentence);
    expect(fault(value, [token], 'own/send').fault).toMatch(sentence);
  });

  it.each([
    [
      'rk_test_51MzFakeFakeFakeFake',
      true,
      'is a test key, which takes no money in production: give a live one',
    ],
    ['rk_live_51MzFakeFakeFakeFake', true, undefined],
    ['rk_test_51MzFakeFakeFakeFake', false, undefined],
  ])("is the mode of Stripe's key: %s (production: %s)", (value, live, sentence) => {
    const secret = secretNamed('stripeKey');
    expect(secret && faultOf(secret, value, { verifiers: [], live })).toBe(sentence);
  });

  it('is a form that no configured verifier takes', () => {
    for (const value of ['correct-horse-battery', 'whsec_correct.horse']) {
      expect(fault(value, [standard]).fault).toBe(
        'is no secret of the configured standard-webhooks: theirs are whsec_ and base64',
      );
    }
    expect(fault('whsec_MfKQ9r8G', [standard]).fault).toBe(
      'stands for 6 bytes, so it can be guessed: at least 16 are needed',
    );
    expect(fault(STANDARD, [standard])).toEqual({});
    expect(fault(`whsec_${'0f'.repeat(24)}`, [standard, token])).toEqual({});
  });

  it('is only a remark where another verifier takes it', () => {
    const { fault: none, remark } = fault('correct.horse.battery', [standard, hmac]);
    expect(none).toBeUndefined();
    expect(remark).toMatch(
      /^It is no secret of the configured standard-webhooks: .+\. The other verifiers take it\.$/,
    );
    expect(fault('correct&horse#battery', [token]).remark).toBe(
      'In an address (?token=), write %26 for its &, %23 for its #, and %25 for its %.',
    );
    expect(fault('ab+cd/ef==ab+cd/ef==', [token])).toEqual({});
    expect(fault('correct-horse-battery')).toEqual({});
  });

  it('is not asked of what proves us to others, but for what all have in common', () => {
    expect(fault('short', [], 'platformApiKey')).toEqual({});
    expect(fault('short', [], 'own/token')).toEqual({});
    expect(fault(`v1,${STANDARD}`, [], 'paymentHook').fault).toMatch(/^begins with a version/);
    expect(fault("'key-of-the-agency'", [], 'platformApiKey').fault).toMatch(/^stands in quotes/);
  });
});
