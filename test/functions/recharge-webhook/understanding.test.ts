import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { createAccounts } from '../../../shared/recharge/accounts.ts';
import { readMessage } from '../../../shared/recharge/queue-message.ts';
import {
  BODY,
  DAY_MS,
  EMAIL,
  NOT_STORED,
  NOW,
  notUnderstood,
  order,
  RECEIVED,
  SECRET,
  useWebhook,
} from './receiving.ts';

const { store, queue, aWebhook, everythingStored, quarantined } = useWebhook();

describe('a webhook that is genuine and not understood', () => {
  const NO_CLIENT =
    'no client: neither an email (email, sub_account_email, subAccountEmail, sub_account.email, data.email, ' +
    'data.sub_account_email, data.subAccountEmail, data.sub_account.email) nor an id (sub_account_id, ' +
    'subAccountId, sub_account.id, data.sub_account_id, data.subAccountId, data.sub_account.id)';
  const NOT_JSON = 'the body is not a JSON object in UTF-8';
  const KEY = 'the idempotency key (idempotency_key, data.idempotency_key)';
  const KEY_FORM = `${KEY} must be 1 to 255 printable characters`;
  const EMAIL_FORM = "the client's email is not an email address in plain ASCII";
  const WHOLE = 'the credits (credits) must be a whole number';
  const POSITIVE = 'the credits (credits) must be greater than zero';
  const credits = (json: string) =>
    `{"idempotency_key":"key-1","email":"jane@example.com","credits":${json}}`;

  it.each<[string, string | Buffer, string]>([
    ['no body at all', '', NOT_JSON],
    ['no JSON', 'idempotency_key=key-1&credits=500', NOT_JSON],
    ['half of its JSON', BODY.slice(0, -1), NOT_JSON],
    ['a list of two', `[${BODY},${BODY}]`, 'the body is a list of 2, and one webhook is one recharge'],
    ['a JSON text', '"key-1"', NOT_JSON],
    ['null', 'null', NOT_JSON],
    [
      'bytes that are not UTF-8',
      Buffer.concat([Buffer.from(BODY.slice(0, -1)), Buffer.from(',"name":"\xff"}', 'latin1')]),
      NOT_JSON,
    ],
    ['UTF-16', Buffer.from(`\ufeff${BODY}`, 'utf16le'), NOT_JSON],
    ['lists 30,000 deep', '['.repeat(30_000), NOT_JSON],
    [
      'lists 30,000 deep in place of the key',
      `{"idempotency_key":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
      `${KEY} must be text, or a whole number`,
    ],
    ['an empty object', '{}', `${KEY} must be text, or a whole number`],
    ['no key', order({ idempotency_key: undefined }), `${KEY} must be text, or a whole number`],
    ['null for a key', order({ idempotency_key: null }), `${KEY} must be text, or a whole number`],
    ['half a number for a key', order({ idempotency_key: 7.5 }), `${KEY} must be text, or a whole number`],
    ['an object for a key', order({ idempotency_key: { a: 1 } }), `${KEY} must be text, or a whole number`],
    ['an empty key', order({ idempotency_key: '' }), KEY_FORM],
    ['a key of blanks', order({ idempotency_key: '  ' }), KEY_FORM],
    ['a key of 256 characters', order({ idempotency_key: 'k'.repeat(256) }), KEY_FORM],
    ['a line feed in the key', order({ idempotency_key: 'key\n1' }), KEY_FORM],
    ['a NUL in the key', order({ idempotency_key: 'key\u00001' }), KEY_FORM],
    ['a zero-width space in the key', order({ idempotency_key: 'key\u200b1' }), KEY_FORM],
    ['half a surrogate pair in the key', credits('500').replace('key-1', '\\ud83d'), KEY_FORM],
    ['no client', order({ email: undefined }), NO_CLIENT],
    ['an object for an id', order({ email: undefined, sub_account_id: { a: 1 } }), NO_CLIENT],
    ['a space in the id', order({ email: undefined, sub_account_id: 'sub 1' }), NO_CLIENT],
    ['a negative id', order({ email: undefined, sub_account_id: -1 }), NO_CLIENT],
    ['an empty email', order({ email: '' }), EMAIL_FORM],
    ['a number for an email', order({ email: 5 }), "the client's email must be text"],
    ['an email without @', order({ email: 'jane' }), EMAIL_FORM],
    ['two emails', order({ email: 'jane@example.com,john@example.com' }), EMAIL_FORM],
    ['an email with a name', order({ email: 'Jane <jane@example.com>' }), EMAIL_FORM],
    ['a line break in the email', order({ email: 'jane@example.com\r\nBcc: john@example.com' }), EMAIL_FORM],
    ['a trailing dot in the email', order({ email: 'jane@example.com.' }), EMAIL_FORM],
    ['a Cyrillic letter in the email', order({ email: 'j\u0430ne@example.com' }), EMAIL_FORM],
    ['full-width letters in the email', order({ email: '\uff4aane@example.com' }), EMAIL_FORM],
    ['a Kelvin sign, whose lower case is k', order({ email: '\u212aate@example.com' }), EMAIL_FORM],
    ['a Turkish capital I in the email', order({ email: 'kat\u0130@example.com' }), EMAIL_FORM],
    ['a zero-width space in the email', order({ email: 'jane@example.com\u200b' }), EMAIL_FORM],
    ['a right-to-left mark in the email', order({ email: '\u202ejane@example.com' }), EMAIL_FORM],
    ['an accent of its own in the email', order({ email: 'jane\u0301@example.com' }), EMAIL_FORM],
    ['an email of 255 characters', order({ email: `${'j'.repeat(243)}@example.com` }), EMAIL_FORM],
    ['no credits', order({ credits: undefined }), WHOLE],
    ['null credits', credits('null'), WHOLE],
    ['true credits', credits('true'), WHOLE],
    ['credits as text', credits('"500"'), WHOLE],
    ['empty text for credits', credits('""'), WHOLE],
    ['a list of credits', credits('[500]'), WHOLE],
    ['half a credit', credits('0.5'), WHOLE],
    ['a part of a credit too many', credits('500.0000001'), WHOLE],
    ['1e21 credits', credits('1e21'), WHOLE],
    ['more credits than a number counts exactly', credits('9007199254740993'), WHOLE],
    ['more credits than a number holds', credits('1e999'), WHOLE],
    ['NaN as text', credits('"NaN"'), WHOLE],
    ['no credits at all', credits('0'), POSITIVE],
    ['minus no credits', credits('-0'), POSITIVE],
    ['negative credits', credits('-500'), POSITIVE],
    ['NaN, which is no JSON', credits('NaN'), NOT_JSON],
  ])('for it holds %s is answered 400 and kept whole, once, with one alert', async (_name, body, reason) => {
    const { send, alerts } = aWebhook();
    expect(await send(body, { base64: true })).toEqual(notUnderstood(reason));
    expect(await send(body, { base64: true })).toEqual(notUnderstood(reason));
    expect(await everythingStored()).toHaveLength(1);
    const kept = await quarantined(body);
    expect(kept?.body).toEqual(new Uint8Array(Buffer.from(body)));
    expect(kept).toMatchObject({ reason, receivedAt: NOW });
    expect(await queue().taken()).toEqual([]);
    expect(alerts()).toEqual(['webhook_quarantined']);
  });

  it('is kept for 30 days with its headers, without any that prove who sent it', async () => {
    const { send, lines } = aWebhook();
    await send('{}', {
      headers: {
        'X-Webhook-Token': SECRET,
        Authorization: `Bearer ${SECRET}`,
        'Proxy-Authorization': SECRET,
        Cookie: `session=${SECRET}`,
        'X-Api-Key': SECRET,
        'X-Other-Secret': SECRET,
        'X-Hub-Token': SECRET,
        'Webhook-Id': 'msg_1',
        // A proof of a scheme that is not configured is one all the same.
        'Webhook-Signature': 'v1,c2lnbmF0dXJl',
        'Idempotency-Key': 'key-1',
      },
      query: { token: SECRET },
    });
    const kept = await quarantined('{}');
    expect(kept).toMatchObject({
      headers: { 'content-type': 'application/json', 'webhook-id': 'msg_1', 'idempotency-key': 'key-1' },
      // 2026-02-04, 09:30 UTC.
      expiresAt: 1_770_197_400,
    });
    expect(Object.keys(Object(kept?.headers)).sort()).toEqual([
      'content-type',
      'idempotency-key',
      'webhook-id',
    ]);
    expect(JSON.stringify([kept, lines])).not.toContain(SECRET);
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'alert',
        message: 'webhook_quarantined',
        quarantine: '71d94263a7f264e35f47d71eea6024abf15421fdbd14005731e43a8a1eba4457',
        reason: 'the idempotency key (idempotency_key, data.idempotency_key) must be text, or a whole number',
      }),
      expect.objectContaining({ level: 'info', word: 'quarantined', webhook_400: 1 }),
    ]);
  });

  it('is news again once its 30 days are over, also where the table still holds it', async () => {
    const { send, alerts, clock } = aWebhook();
    await send('{}');
    clock.now += 30 * DAY_MS - 1_000;
    await send('{}');
    expect(alerts()).toEqual(['webhook_quarantined']);
    clock.now += 2_000;
    await send('{}');
    expect(alerts()).toEqual(['webhook_quarantined', 'webhook_quarantined']);
    expect(await quarantined('{}')).toMatchObject({ receivedAt: NOW + 30 * DAY_MS + 1_000 });
  });

  it('is kept and answered 400 while nobody has configured the credits', async () => {
    const { send } = aWebhook({ recharge: {} });
    const reason = 'recharge.credits or recharge.creditsField is not configured yet';
    expect(await send(BODY)).toEqual(notUnderstood(reason));
    expect(await quarantined(BODY)).toMatchObject({ reason });
  });

  it('is stored as a recharge once the mapping is mended and it comes again', async () => {
    await aWebhook({ recharge: {} }).send(BODY);
    expect(await aWebhook().send(BODY)).toEqual(RECEIVED);
  });

  it('is answered 500 where it could not even be kept aside', async () => {
    const { client, table } = store();
    await client.send(new DeleteTableCommand({ TableName: table }));
    expect(await aWebhook().send('{}')).toEqual(NOT_STORED);
  });
});

describe('a webhook that is understood', () => {
  it.each([
    ['a key of 255 characters', order({ idempotency_key: 'k'.repeat(255) }), 'k'.repeat(255)],
    ['a key with #, / and blanks', order({ idempotency_key: 'a # b / c' }), 'a # b / c'],
    ['a key in another script', order({ idempotency_key: 'schlüssel-鍵-🔑' }), 'schlüssel-鍵-🔑'],
    ['the key of an object’s own', order({ idempotency_key: '__proto__' }), '__proto__'],
  ])('may have %s', async (_name, body, key) => {
    const { send } = aWebhook();
    expect(await send(body)).toEqual({ status: 202, body: { status: 'received', idempotency_key: key } });
    expect(await store().ledger.read(key)).toMatchObject({ key, email: EMAIL, credits: 500 });
    expect((await queue().taken()).map(readMessage)).toEqual([{ key }]);
  });

  it.each([
    ['capitals', 'JANE@Example.COM'],
    ['blanks around it', '  jane@example.com\t'],
    ['a line break behind it', 'jane@example.com\r\n'],
  ])('names the same client with %s', async (_name, email) => {
    const { send } = aWebhook();
    expect((await send(order({ email }))).status).toBe(202);
    expect((await store().ledger.read('key-1'))?.email).toBe('jane@example.com');
  });

  it('names another client with a plus and a tag', async () => {
    const { send } = aWebhook();
    await send(order({ email: 'jane+ai@example.com' }));
    expect((await store().ledger.read('key-1'))?.email).toBe('jane+ai@example.com');
  });

  it.each([
    ['a byte order mark', `\ufeff${BODY}`],
    ['a member twice, of which the last counts', BODY.replace('500', '5,"credits":500')],
    ['a member __proto__', BODY.replace('{', '{"__proto__":{"email":"john@example.com"},')],
    ['a member constructor', BODY.replace('{', '{"constructor":{"prototype":{"credits":1}},')],
    [
      'lists 10,000 deep beside what it means',
      BODY.replace('{', `{"x":${'['.repeat(10_000)}${']'.repeat(10_000)},`),
    ],
    ['500.0 credits', BODY.replace('500', '500.0')],
    ['5e2 credits', BODY.replace('500', '5e2')],
  ])('may have %s', async (_name, body) => {
    const { send } = aWebhook();
    expect(await send(body)).toEqual(RECEIVED);
    expect(await store().ledger.read('key-1')).toMatchObject({ email: EMAIL, credits: 500 });
    expect(Object.hasOwn(Object.prototype, 'credits')).toBe(false);
  });

  it('does not find its fields on the prototype of an object', async () => {
    const { send } = aWebhook({
      recharge: {
        keyFields: ['constructor.name'],
        emailFields: ['toString.name'],
        creditsField: 'constructor.length',
      },
    });
    expect(await send(BODY)).toEqual(
      notUnderstood('the idempotency key (constructor.name) must be text, or a whole number'),
    );
    const inherited = '{"__proto__":{"idempotency_key":"key-1","email":"jane@example.com","credits":500}}';
    expect((await aWebhook().send(inherited)).status).toBe(400);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1', ''])(
    'may have the content type "%s"',
    async (type) => {
      expect(await aWebhook().send(BODY, { headers: { 'content-type': type } })).toEqual(RECEIVED);
    },
  );

  it('may name the client by the id the platform knows it by, as text or number', async () => {
    const { client, table, ledger } = store();
    await createAccounts(client, table, ledger).set(EMAIL, { platformId: '4711' });
    const { send } = aWebhook();
    const byNumber = '{"idempotency_key":"key-1","sub_account_id":4711,"credits":500}';
    const byText = '{"idempotency_key":"key-2","data":{"sub_account":{"id":"4711"}},"credits":500}';
    expect(await send(byNumber)).toEqual(RECEIVED);
    expect((await send(byText)).status).toBe(202);
    expect((await ledger.read('key-1'))?.email).toBe(EMAIL);
    expect((await ledger.read('key-2'))?.email).toBe(EMAIL);
    // The same recharge, however the client is named.
    expect((await send(BODY)).status).toBe(200);
  });

  it('is kept aside while the platform’s id is linked to no account, and says by which command it is', async () => {
    const { client, table, ledger } = store();
    const { send, alerts } = aWebhook();
    const body = '{"idempotency_key":"key-1","sub_account_id":"sub_1","credits":500}';
    const reason = 'the platform id of the client is linked to no account: relay accounts set';
    expect(await send(body)).toEqual(notUnderstood(reason));
    expect(await quarantined(body)).toMatchObject({ reason });
    expect(alerts()).toEqual(['webhook_quarantined']);
    await createAccounts(client, table, ledger).set(EMAIL, { platformId: 'sub_1' });
    expect(await send(body)).toEqual(RECEIVED);
  });

  it('may name the client by email and id, where the id leads to that client or to none', async () => {
    const { client, table, ledger } = store();
    const { send } = aWebhook();
    expect(await send(order({ sub_account_id: 'sub_1' }))).toEqual(RECEIVED);
    await createAccounts(client, table, ledger).set(EMAIL, { platformId: 'sub_1' });
    expect((await send(order({ sub_account_id: 'sub_1' }))).status).toBe(200);
  });

  it.each<[string, Record<string, unknown>, string]>([
    [
      'an email and an id that lead to two accounts',
      { sub_account_id: 'sub_1' },
      'the email and the platform id of the client lead to two accounts',
    ],
    ['two emails of two clients', { data: { email: 'john@example.com' } }, 'name two clients'],
    ['two ids', { sub_account_id: 'sub_2', data: { sub_account: { id: 3 } } }, 'name two clients'],
  ])('is kept aside, and nobody is charged, for %s', async (_name, members, reason) => {
    const { client, table, ledger } = store();
    await createAccounts(client, table, ledger).set('john@example.com', { platformId: 'sub_1' });
    const { send, alerts } = aWebhook();
    const answer = await send(order(members));
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining(reason) } },
    });
    expect(await ledger.read('key-1')).toBeUndefined();
    expect(await queue().taken()).toEqual([]);
    expect(alerts()).toEqual(['webhook_quarantined']);
  });

  it('keeps the spelling of the email that the platform used, where it is another than ours', async () => {
    const { ledger } = store();
    await aWebhook().send(order({ email: ' Jane@Example.COM ' }));
    expect(await ledger.read('key-1')).toMatchObject({ email: EMAIL, grantEmail: 'Jane@Example.COM' });
    await aWebhook().send(order({ idempotency_key: 'key-2' }));
    expect(await ledger.read('key-2')).not.toHaveProperty('grantEmail');
  });

  it('may be a recharge of the configured number of credits', async () => {
    const { send } = aWebhook({ recharge: { credits: 250 } });
    expect(await send('{"idempotency_key":"key-1","email":"jane@example.com"}')).toEqual(RECEIVED);
    expect((await store().ledger.read('key-1'))?.credits).toBe(250);
  });
});
