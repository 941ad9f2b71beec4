import { describe, expect, it } from 'vitest';
import { verifierSchema } from '../../../shared/incoming/verifier-settings.ts';
import { verifyRequest } from '../../../shared/incoming/verifiers.ts';
import { SENDERS, type SenderCase } from '../../support/senders.ts';

function verify({ verifier, secret, headers, query = {}, rawQuery, body, now }: SenderCase) {
  const address = rawQuery === undefined ? { query } : { query, rawQuery };
  const verifiers = [verifierSchema.parse(verifier)];
  return verifyRequest({ headers, ...address, body: Buffer.from(body), verifiers, secrets: [secret], now });
}

describe.each(Object.entries(SENDERS))('%s', (_name, sender) => {
  const isSigned = sender.verifier.type !== 'token';

  it('is let in, also by the previous secret', () => {
    expect(verify(sender)).toMatchObject({ ok: true, verifier: sender.verifier.type });
    expect(verify({ ...sender, secret: `\t${sender.secret}\n` }).ok).toBe(true);
  });

  it('is refused with another secret, another body, or any header of its proof changed or gone', () => {
    expect(verify({ ...sender, secret: `${sender.secret}A` }).ok).toBe(false);
    if (isSigned) expect(verify({ ...sender, body: `${sender.body} ` }).ok).toBe(false);
    const names = [
      'header' in sender.verifier ? sender.verifier.header : undefined,
      'timestampHeader' in sender.verifier ? sender.verifier.timestampHeader : undefined,
      'idHeader' in sender.verifier ? sender.verifier.idHeader : undefined,
      ...Object.keys(sender.headers).filter((name) => /^(svix|x-acme)-/.test(name)),
    ].filter((name) => name !== undefined);
    for (const name of names) {
      const { [name]: value, ...others } = sender.headers;
      const changed = value?.replaceAll(/\d/g, (digit) => String((Number(digit) + 1) % 10));
      expect(verify({ ...sender, headers: others }).ok).toBe(false);
      expect(verify({ ...sender, headers: { ...others, [name]: changed ?? '' } }).ok).toBe(false);
    }
  });

  it('is refused where its time is too old, and where the time is not what was signed', () => {
    if (!('timestampHeader' in sender.verifier) && sender.verifier.type !== 'standard-webhooks') return;
    expect(verify({ ...sender, now: sender.now + 400_000 }).ok).toBe(false);
    const later = Object.entries(sender.headers).map(([name, value]) => [
      name,
      value
        .replace(/(?<=^|t=|t:|ts=|at=)1\d{9}/g, (seconds) => String(Number(seconds) + 1))
        .replace('09:30:00Z', '09:30:01Z'),
    ]);
    expect(verify({ ...sender, headers: Object.fromEntries(later) }).ok).toBe(false);
  });
});

describe('an address that is signed', () => {
  const square = SENDERS['Square, with the address before the body'];
  const twilio = SENDERS['Twilio, with a query and a field twice'];

  it('is the configured one, whatever host a request names', () => {
    if (!square || !twilio) throw new Error('There is no such sender.');
    const elsewhere = { ...square, verifier: { ...square.verifier, url: 'https://other.example.com/' } };
    expect(verify({ ...elsewhere, headers: { ...square.headers, host: 'hooks.example.com' } }).ok).toBe(
      false,
    );
    expect(verify({ ...square, headers: { ...square.headers, host: 'other.example.com' } }).ok).toBe(true);
    expect(verify({ ...square, rawQuery: 'brand=a' }).ok).toBe(true);
    expect(verify({ ...twilio, rawQuery: 'brand=a%20c' }).ok).toBe(false);
  });
});

describe('a token in an address', () => {
  const verifiers = [verifierSchema.parse({ type: 'token' })];
  const verifyQuery = (secret: string, query: Record<string, string>, rawQuery?: string) =>
    verifyRequest({
      headers: {},
      query,
      ...(rawQuery === undefined ? {} : { rawQuery }),
      body: Buffer.from('{}'),
      verifiers,
      secrets: [secret],
      now: 0,
    }).ok;

  it.each<[string, string, Record<string, string>, string?]>([
    ['a plus that the gateway made a blank', 'ab+cd/ef==', { token: 'ab cd/ef==' }],
    ['the same where only the raw query is told', 'ab+cd/ef==', {}, 'token=ab+cd/ef=='],
    ['escapes that no gateway undid', 'ab+cd/ef==', { token: 'ab%2Bcd%2Fef%3D%3D' }],
    ['escapes that were escaped again', 'ab+cd', { token: 'ab%2Bcd' }, 'token=ab%252Bcd'],
    ['a secret that looks like an escape', 'ab%2Bcd', { token: 'ab+cd' }, 'x=1&token=ab%2Bcd'],
    ['a secret with a percent sign that is none', '100%x', { token: '100%x' }, 'token=100%x'],
    ['its line feed', 'abcd', { token: 'abcd\n' }, 'token=abcd%0A'],
    ['another token beside it', 'abcd', { token: 'efgh,abcd' }, 'token=efgh&token=abcd'],
    ['another token beside it, joined by a gateway', 'ab+cd', { token: 'efgh,ab cd' }],
    ['its name escaped', 'abcd', {}, '%74oken=abcd'],
  ])('is known with %s', (_name, secret, query, rawQuery) => {
    expect(verifyQuery(secret, query, rawQuery)).toBe(true);
  });

  it.each<[string, string, Record<string, string>, string?]>([
    ['another letter for the plus', 'ab+cd', { token: 'abxcd' }, 'token=abxcd'],
    ['nothing for the plus', 'ab+cd', { token: 'abcd' }, 'token=abcd'],
    ['its end missing', 'ab+cd==', { token: 'ab cd=' }, 'token=ab+cd='],
    ['another name', 'abcd', { Token: 'abcd' }, 'Token=abcd&tokens=abcd&x=token=abcd'],
    ['nothing', 'abcd', { token: '' }, 'token=&token'],
  ])('is not known with %s', (_name, secret, query, rawQuery) => {
    expect(verifyQuery(secret, query, rawQuery)).toBe(false);
  });
});
