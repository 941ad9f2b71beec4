import { describe, expect, it } from 'vitest';
import { rechargeSchema } from '../../../shared/recharge/settings.ts';
import { type RechargeOrder, readOrder } from '../../../shared/recharge/webhook.ts';
import { parseConfig } from '../../../shared/settings/config.ts';

/** What is read from this payload, or the text that says why not. */
const read = (payload: unknown, recharge: Record<string, unknown> = {}) =>
  readText(JSON.stringify(payload), recharge);

function readText(
  body: string,
  recharge: Record<string, unknown> = {},
  sent?: Parameters<typeof readOrder>[2],
): RechargeOrder | string {
  const config = parseConfig(
    {
      platform: { baseUrl: 'https://api.example.com/v1' },
      pricing: { currency: 'USD', perCredit: '0.10' },
      payment: { type: 'http', url: 'https://pay.example.com' },
      recharge: { creditsField: 'credits', ...recharge },
    },
    'the test',
  ).recharge;
  const order = readOrder(Buffer.from(body), config, sent);
  return 'order' in order ? order.order : order.fault;
}

describe('by default', () => {
  it.each([
    ['idempotency_key', { idempotency_key: 'key-1' }],
    ['data.idempotency_key', { data: { idempotency_key: 'key-1' } }],
  ])('the key stands in %s', (_path, payload) => {
    expect(read({ email: 'jane@example.com', credits: 500, ...payload })).toEqual({
      key: 'key-1',
      client: { email: 'jane@example.com' },
      credits: 500,
    });
  });

  it.each([
    ['email', { email: 'jane@example.com' }],
    ['sub_account_email', { sub_account_email: 'jane@example.com' }],
    ['subAccountEmail', { subAccountEmail: 'jane@example.com' }],
    ['sub_account.email', { sub_account: { email: 'jane@example.com' } }],
    ['data.email', { data: { email: 'jane@example.com' } }],
    ['data.sub_account_email', { data: { sub_account_email: 'jane@example.com' } }],
    ['data.subAccountEmail', { data: { subAccountEmail: 'jane@example.com' } }],
    ['data.sub_account.email', { data: { sub_account: { email: 'jane@example.com' } } }],
  ])('the email stands in %s', (_path, payload) => {
    expect(read({ idempotency_key: 'key-1', credits: 500, ...payload })).toMatchObject({
      client: { email: 'jane@example.com' },
    });
  });

  it.each([
    ['sub_account_id', { sub_account_id: 'sub_1' }],
    ['subAccountId', { subAccountId: 'sub_1' }],
    ['sub_account.id', { sub_account: { id: 'sub_1' } }],
    ['data.sub_account_id', { data: { sub_account_id: 'sub_1' } }],
    ['data.subAccountId', { data: { subAccountId: 'sub_1' } }],
    ['data.sub_account.id', { data: { sub_account: { id: 'sub_1' } } }],
  ])('the platform’s id stands in %s', (_path, payload) => {
    expect(read({ idempotency_key: 'key-1', credits: 500, ...payload })).toMatchObject({
      client: { platformId: 'sub_1' },
    });
  });
});

describe('of several fields', () => {
  const credits = 500;

  it('the first one counts, in the order of the configuration', () => {
    const both = { a: 'first', b: 'second', email: 'jane@example.com', credits };
    expect(read(both, { keyFields: ['a', 'b'] })).toMatchObject({ key: 'first' });
    expect(read(both, { keyFields: ['b', 'a'] })).toMatchObject({ key: 'second' });
  });

  it.each([
    ['is not there', {}],
    ['holds null', { a: { b: null } }],
    ['ends in a text', { a: 'text' }],
    ['ends in null', { a: null }],
    ['leads to no member of a list', { a: [] }],
  ])('one that %s is passed over', (_name, payload) => {
    const order = read(
      { ...payload, c: 'found', email: 'jane@example.com', credits },
      { keyFields: ['a.b', 'c'] },
    );
    expect(order).toMatchObject({ key: 'found' });
  });

  it('one that holds something, be it wrong, is not: a wrong key must not become another one', () => {
    const payload = { c: 'found', email: 'jane@example.com', credits };
    const fault = 'the idempotency key (a, c) must be 1 to 255 printable characters';
    expect(read({ ...payload, a: '' }, { keyFields: ['a', 'c'] })).toBe(fault);
    expect(read({ ...payload, a: false }, { keyFields: ['a', 'c'] })).toBe(
      'the idempotency key (a, c) must be text, or a whole number',
    );
    expect(read({ idempotency_key: 'key-1', email: '', sub_account_id: 'sub_1', credits })).toBe(
      "the client's email is not an email address in plain ASCII",
    );
  });
});

describe('the client', () => {
  const read1 = (payload: object) => read({ idempotency_key: 'key-1', credits: 500, ...payload });

  it('is named by several fields where all of them name the same one', () => {
    const payload = { email: 'Jane@example.com', data: { sub_account: { email: 'jane@EXAMPLE.com' } } };
    expect(
      read1({ ...payload, sub_account_id: 7, data: { subAccountId: '7', email: 'none' } }),
    ).toMatchObject({
      client: { email: 'jane@example.com', grantEmail: 'Jane@example.com', platformId: '7' },
    });
    expect(read1(payload)).toMatchObject({ client: { email: 'jane@example.com' } });
  });

  it.each([
    ['emails', { email: 'jane@example.com', sub_account: { email: 'john@example.com' } }],
    ['emails', { sub_account_email: 'jane@example.com', data: { email: 'jane+1@example.com' } }],
    ['ids', { sub_account_id: 'a', sub_account: { id: 'b' } }],
    ['ids', { email: 'jane@example.com', sub_account_id: 'a', sub_account: { id: 'A' } }],
  ])('is nobody where two %s disagree: none is guessed', (what, payload) => {
    expect(read1(payload)).toMatch(new RegExp(`^the ${what} \\(.+\\) name two clients$`));
  });
});

describe('a path', () => {
  const payload = {
    idempotency_key: 'key-1',
    items: [{ to: 'john@example.com' }, { to: 'jane@example.com', credits: 250 }],
    constructor: { name: 'own' },
  };

  it('leads into objects and lists', () => {
    expect(read(payload, { emailFields: ['items.1.to'], creditsField: 'items.1.credits' })).toEqual({
      key: 'key-1',
      client: { email: 'jane@example.com' },
      credits: 250,
    });
  });

  it.each(['items.length', 'items.2.to', 'idempotency_key.length', 'idempotency_key.0', 'items.map.name'])(
    'leads to members of the payload only, not to %s',
    (path) => {
      expect(read({ ...payload, email: 'jane@example.com', credits: 500 }, { keyFields: [path] })).toBe(
        `the idempotency key (${path}) must be text, or a whole number`,
      );
    },
  );

  it('may lead to a member that is called like one every object has', () => {
    expect(
      read({ ...payload, email: 'jane@example.com', credits: 500 }, { keyFields: ['constructor.name'] }),
    ).toMatchObject({
      key: 'own',
    });
  });
});

describe('the platform’s id', () => {
  const read1 = (sub_account_id: unknown) => read({ idempotency_key: 'key-1', sub_account_id, credits: 500 });

  it.each([
    ['text', 'sub_1', 'sub_1'],
    ['a whole number', 4711, '4711'],
    ['zero', 0, '0'],
    ['128 characters', 'x'.repeat(128), 'x'.repeat(128)],
    ['capitals, which make a difference', 'SUB-1', 'SUB-1'],
  ])('may be %s', (_name, id, platformId) => {
    expect(read1(id)).toMatchObject({ client: { platformId } });
  });

  it.each([
    ['129 characters', 'x'.repeat(129)],
    ['empty', ''],
    ['of other letters than ASCII', 'süb'],
    ['half a number', 0.5],
    ['true', true],
  ])('may not be %s', (_name, id) => {
    expect(read1(id)).toMatch(/^no client: /);
  });
});

describe('a whole number', () => {
  const numbered = (digits: string) => `{"id":${digits},"email":"client-001@example.com","credits":500}`;
  const keyOf = (digits: string) => {
    const order = readText(numbered(digits), { keyFields: ['id'] });
    return typeof order === 'string' ? order : order.key;
  };

  it.each(['448812', '0', '7', '9007199254740993', '9007199254740992', `1${'0'.repeat(254)}`])(
    'is a key by its digits: %s',
    (digits) => {
      expect(keyOf(digits)).toBe(digits);
    },
  );

  it.each(['-1', '-0', '1.0', '1.5', '1e3', '1E+3', '0.1e1', '4.48812e5', '9007199254740993.0', '1e400'])(
    'is none, and no key, where it is written otherwise than with digits alone: %s',
    (number) => {
      expect(keyOf(number)).toBe('the idempotency key (id) must be text, or a whole number');
    },
  );

  it('is no key where it has more digits than a key has characters', () => {
    expect(keyOf(`1${'0'.repeat(255)}`)).toBe(
      'the idempotency key (id) must be 1 to 255 printable characters',
    );
  });

  it('is never two keys in one: neighbours that are one number stay apart', () => {
    const keys = ['9007199254740992', '9007199254740993', '1.0', '1', '"1.0"', '1e0'].map(keyOf);
    expect(keys).toEqual([
      '9007199254740992',
      '9007199254740993',
      expect.stringContaining('must be'),
      '1',
      '1.0',
      expect.stringContaining('must be'),
    ]);
  });

  it('is an id of a client by its digits, too, and as text the same one', () => {
    const id = (digits: string) =>
      readText(`{"idempotency_key":"key-1","sub_account_id":${digits},"credits":500}`);
    expect(id('10152368852405295001')).toMatchObject({ client: { platformId: '10152368852405295001' } });
    expect(id('"10152368852405295001"')).toMatchObject({ client: { platformId: '10152368852405295001' } });
    expect(id('4.7e3')).toMatch(/^no client: /);
  });

  it('is no key in a body so deep that its text cannot be found again', () => {
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    expect(
      readText(`{"id":7,"x":${deep},"email":"jane@example.com","credits":5}`, { keyFields: ['id'] }),
    ).toBe('the idempotency key (id) must be text, or a whole number');
  });
});

describe('a key in a header', () => {
  const body = '{"email":"jane@example.com","credits":500}';
  const trusted = { keyHeader: 'Idempotency-Key', keyHeaderTrusted: true };
  const signed = { keyHeader: 'webhook-id', verifiers: [{ type: 'standard-webhooks' }] };
  const headers = { 'idempotency-key': 'evt_88', 'webhook-id': 'msg_1' };
  const signedId = { header: 'webhook-id', value: 'msg_1' };

  it('is taken where the operator trusts it, or the signature covers it', () => {
    expect(readText(body, trusted, { headers })).toMatchObject({ key: 'evt_88' });
    expect(readText(body, signed, { headers, signedId })).toMatchObject({ key: 'msg_1' });
    expect(
      readText(body.replace('{', '{"idempotency_key":"msg_1",'), signed, { headers, signedId }),
    ).toMatchObject({
      key: 'msg_1',
    });
  });

  it.each<[string, Record<string, unknown>, Parameters<typeof readOrder>[2], string]>([
    [
      'nothing covers it',
      signed,
      { headers },
      'the signature does not cover the idempotency key (header webhook-id)',
    ],
    [
      'the signature covers another one',
      { ...trusted, keyHeaderTrusted: false, verifiers: [] },
      { headers, signedId },
      'the signature does not cover the idempotency key (header idempotency-key)',
    ],
    ['it is not there', trusted, {}, 'the idempotency key (header idempotency-key) must be text'],
    [
      'it is blank',
      trusted,
      { headers: { 'idempotency-key': ' ' } },
      'the idempotency key (header idempotency-key) must be 1 to 255 printable characters',
    ],
    [
      'it came twice',
      trusted,
      { headers: { 'idempotency-key': 'evt_88,evt_88' } },
      'the idempotency key (header idempotency-key) stands there twice',
    ],
  ])('is none where %s', (_name, recharge, sent, fault) => {
    expect(readText(body, recharge, sent)).toContain(fault);
  });

  it('must not contradict the body', () => {
    const contradicting = body.replace('{', '{"idempotency_key":"evt_89",');
    expect(readText(contradicting, trusted, { headers })).toBe(
      'the idempotency key of the header idempotency-key is not that of the body (idempotency_key, data.idempotency_key)',
    );
  });

  it('is no setting where no verifier covers it and nobody vouches for it', () => {
    const parse = (recharge: object) => rechargeSchema.safeParse(recharge).success;
    expect(parse({ ...signed, keyHeader: 'svix-id' })).toBe(true);
    expect(parse({ ...signed, keyHeader: 'idempotency-key' })).toBe(false);
    expect(parse({ ...signed, keyHeader: 'idempotency-key', keyHeaderTrusted: true })).toBe(true);
    expect(parse({ keyHeader: 'webhook-id', verifiers: [{ type: 'token' }] })).toBe(false);
  });
});

describe('credits as text', () => {
  const body = (credits: string) =>
    `{"idempotency_key":"key-1","email":"jane@example.com","credits":${credits}}`;
  const asText = { creditsAsText: true };

  it('are taken by a setting, and numbers as before', () => {
    expect(readText(body('"500"'), asText)).toMatchObject({ credits: 500 });
    expect(readText(body('500'), asText)).toMatchObject({ credits: 500 });
    expect(readText(body('"500"'))).toBe('the credits (credits) must be a whole number');
  });

  it.each([
    '"500.0"',
    '"5e2"',
    '" 500"',
    '"500\\n"',
    '"+500"',
    '"0500"',
    '"0"',
    '"-5"',
    '"5,000"',
    '"\u0665"',
    '""',
    '"9007199254740993"',
  ])('are no credits where they are anything but exactly a whole number: %s', (credits) => {
    expect(readText(body(credits), asText)).toMatch(/^the credits \(credits\) must be/);
  });
});

describe('a list', () => {
  const one = '{"idempotency_key":"key-1","email":"jane@example.com","credits":500}';

  it('of one object counts as that object, its numbers included', () => {
    expect(readText(`[${one}]`)).toMatchObject({ key: 'key-1', credits: 500 });
    expect(
      readText('[{"id":9007199254740993,"email":"a@example.com","credits":1}]', { keyFields: ['id'] }),
    ).toMatchObject({
      key: '9007199254740993',
    });
  });

  it.each([
    [`[${one},${one}]`, 'the body is a list of 2, and one webhook is one recharge'],
    ['[]', 'the body is not a JSON object in UTF-8'],
    [`[[${one}]]`, 'the body is not a JSON object in UTF-8'],
    ['["key-1"]', 'the body is not a JSON object in UTF-8'],
  ])('of anything else is none: %s', (body, fault) => {
    expect(readText(body)).toBe(fault);
  });
});
