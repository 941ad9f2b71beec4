import { describe, expect, it } from 'vitest';
import { type RechargeOrder, readOrder } from '../../../shared/recharge/webhook.ts';
import { parseConfig } from '../../../shared/settings/config.ts';

/** What is read from this payload, or the text that says why not. */
function read(payload: unknown, recharge: Record<string, unknown> = {}): RechargeOrder | string {
  const config = parseConfig(
    {
      platform: { baseUrl: 'https://api.example.com/v1' },
      pricing: { currency: 'USD', perCredit: '0.10' },
      payment: { type: 'http', url: 'https://pay.example.com' },
      recharge: { creditsField: 'credits', ...recharge },
    },
    'the test',
  ).recharge;
  const order = readOrder(Buffer.from(JSON.stringify(payload)), config);
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
      'the idempotency key (a, c) must be text',
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
        `the idempotency key (${path}) must be text`,
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
    ['more than a number counts exactly', 2 ** 53],
    ['true', true],
  ])('may not be %s', (_name, id) => {
    expect(read1(id)).toMatch(/^no client: /);
  });
});
