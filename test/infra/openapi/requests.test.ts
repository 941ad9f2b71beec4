import { describe, expect, it } from 'vitest';
import { createAccounts } from '../../../shared/recharge/accounts.ts';
import {
  CHANNELS,
  chat,
  check,
  document,
  EMAIL,
  exampleOf,
  INCOMING,
  message,
  OUTGOING,
  order,
  PROOFS,
  RECHARGE,
  reply,
  SEND,
  textOf,
  useHandlers,
  withUnset,
} from './asking.ts';

const { store, ask } = useHandlers();

describe('what a sender may write', () => {
  const SEND_BODY = ['components', 'schemas', 'SendMessage'];
  const RECHARGE_BODY = ['components', 'schemas', 'RechargeWebhook'];

  it.each<[string, object]>([
    ['no more than it must', {}],
    ['all that it may', { campaignId: 'c', firstName: 'Jane', lastName: 'Smith', email: 'Jane@Example.com' }],
    ['an id of 255 characters outside of the first plane', { id: '🔑'.repeat(255) }],
    ['a line break in the text', { body: 'a\nb' }],
  ])('is a message of its own systems with %s', async (_name, over) => {
    expect(check(SEND_BODY, message(over))).toEqual([]);
    expect((await ask(SEND, message(over))).status).toBe(202);
  });

  it.each<[string, object]>([
    ['no id', withUnset('id')],
    ['a number for an id', { id: 1 }],
    ['a line break in its id', { id: 'a\nb' }],
    ['an id of 256 characters', { id: 'x'.repeat(256) }],
    ['an empty contact', { fromId: '' }],
    ['a line break in its contact', { fromId: 'a\nb' }],
    ['a line break in its campaign', { campaignId: 'a\nb' }],
    ['a blank last name', { lastName: ' ' }],
    ['a blank text', { body: '\u00a0\n' }],
    ['a campaign that is a number', { campaignId: 1 }],
    ['a blank name', { firstName: ' ' }],
    ['a name of 256 characters', { lastName: 'x'.repeat(256) }],
    ['an address that is none', { email: 'jane' }],
    ['a field that is not known', { phone: '+15551234567' }],
  ])('is no message with %s', async (_name, over) => {
    const body = JSON.parse(JSON.stringify(message(over)));
    expect(check(SEND_BODY, body)).not.toEqual([]);
    expect((await ask(SEND, body)).status).toBe(400);
  });

  it('may write each field of a webhook in any of its default places', async () => {
    const { client, table, ledger } = store();
    await createAccounts(client, table, ledger).set(EMAIL, { platformId: '4711' });
    const clients = [
      { email: EMAIL },
      { sub_account_email: EMAIL },
      { subAccountEmail: EMAIL },
      { sub_account: { email: EMAIL } },
      { sub_account_id: '4711' },
      { subAccountId: 4711 },
      { sub_account: { id: 4711 } },
    ];
    for (const named of [...clients, ...clients.map((inside) => ({ data: inside }))]) {
      const key = JSON.stringify(named);
      const above = { credits: 500, idempotency_key: key, ...named };
      const inData = {
        credits: 500,
        ...named,
        data: { idempotency_key: `in ${key}`, ...Object(named).data },
      };
      for (const body of [above, inData]) {
        expect(check(RECHARGE_BODY, body)).toEqual([]);
        expect((await ask(RECHARGE, body)).status).toBe(202);
      }
    }
  });

  it.each<[string, object]>([
    ['no key', withUnset('idempotency_key')],
    ['a key that is half a number', { idempotency_key: 0.5 }],
    ['a key of 256 characters', { idempotency_key: 'k'.repeat(256) }],
    ['no client', withUnset('email')],
    ['an email in another script', { email: 'jané@example.com' }],
    ['no credits', withUnset('credits')],
    ['credits as text', { credits: '500' }],
    ['half a credit', { credits: 0.5 }],
    ['zero credits', { credits: 0 }],
    ['credits inside of data', { credits: undefined, data: { credits: 500 } }],
    ['an id of a client that is an object', { email: undefined, sub_account_id: {} }],
  ])('is no webhook with %s', async (_name, over) => {
    const body = JSON.parse(JSON.stringify(order(over)));
    expect(check(RECHARGE_BODY, body)).not.toEqual([]);
    expect((await ask(RECHARGE, body)).status).toBe(400);
  });

  const ways = Object.entries<any>(document.paths).flatMap(([path, { post }]) =>
    post.security.map((scheme: object): [string, string] => [Object.keys(scheme).join(), path]),
  );

  it.each<[string, string]>(ways)('is proven by %s at %s', async (scheme, path) => {
    const prove = PROOFS[scheme];
    if (!prove) throw new Error(`There is no proof for ${scheme}.`);
    const channel = scheme in CHANNELS ? scheme : 'webhook';
    const sample = scheme in CHANNELS ? exampleOf(path, scheme) : chat();
    const body = textOf(
      { [RECHARGE]: order(), [INCOMING]: sample, [OUTGOING]: reply(), [SEND]: message() }[path],
    );
    const proof = prove(body);
    const { in: place, name } = document.components.securitySchemes[scheme];
    expect(place === 'query' ? proof.query : proof.headers).toHaveProperty(name);

    expect(await ask(path, body, { channel, ...prove(body, 'whsec_YW5vdGhlcg==') })).toMatchObject({
      status: 401,
    });
    const { status } = await ask(path, body, { channel, ...proof });
    expect(status).toBe(channel === 'webhook' ? 202 : 200);
  });
});
