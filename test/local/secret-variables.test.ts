import { describe, expect, it } from 'vitest';
import { secretFault } from '../../local/secret-variables.ts';

const PAYMENT_HOOK_URL = 'https://pay.example.com';

describe('a secret of the environment', () => {
  it.each([
    {},
    { WEBHOOK_SECRET: 'a secret of the agency', PLATFORM_API_KEY: 'key\n' },
    { PAYMENT_HOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
    { PAYMENT_HOOK_SECRET: 'a key of another form', PAYMENT_HOOK_URL },
  ])('may be %j', (env) => {
    expect(secretFault(env)).toBeUndefined();
  });

  it.each([
    [{ WEBHOOK_SECRET: '' }, 'WEBHOOK_SECRET is blank. Set it, or unset it: npm start makes one then.'],
    [{ WEBHOOK_SECRET: ' \n' }, 'WEBHOOK_SECRET is blank.'],
    [{ PLATFORM_API_KEY: 'two\nlines' }, 'PLATFORM_API_KEY holds a line break or another control character'],
    [
      { PAYMENT_HOOK_SECRET: 'whsec_!', PAYMENT_HOOK_URL },
      'begins with whsec_, and what follows is no base64.',
    ],
    [{ PAYMENT_HOOK_SECRET: 'whsec_!' }, 'begins with whsec_, and what follows is no base64.'],
    [
      { PAYMENT_HOOK_SECRET: 'hunter2' },
      'since PAYMENT_HOOK_URL is not set. That takes whsec_ and base64 only.',
    ],
    [{ STRIPE_KEY: 'rk_live_hunter2NoRealKeyAtAll' }, 'STRIPE_KEY is a live key, which takes real money'],
  ])('%j is refused in one sentence, which does not hold it', (env, sentence) => {
    expect(secretFault(env)).toContain(sentence);
    expect(secretFault(env)).not.toMatch(/hunter2|two|whsec_!/);
  });
});
