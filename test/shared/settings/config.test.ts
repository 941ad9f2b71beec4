import { describe, expect, it } from 'vitest';
import { productionPolicy } from '../../../shared/recharge/policy.ts';
import { parseConfig } from '../../../shared/settings/config.ts';
import { digestOf, guardSettings, policyOf } from '../../../shared/settings/config-in-use.ts';
import { faultsOf, SMALLEST } from './configurations.ts';

/** Nothing that has a default. */
const WEBHOOK = {
  adapter: 'webhook',
  toId: 'agency',
  incoming: { verifiers: [{ type: 'token' }], id: '/id', contact: '/from', text: '/text' },
  delivery: { url: 'https://chat.example.com/messages' },
};
const withChannel = (channel: unknown, name = 'support') => ({ ...SMALLEST, channels: { [name]: channel } });
const withRecharge = (recharge: Record<string, unknown>) => ({ ...SMALLEST, recharge });

describe('a configuration', () => {
  it('needs no more than a platform, a price and a payment endpoint; the rest charges nobody yet', () => {
    expect(parseConfig(SMALLEST, 'relay.config.json')).toEqual({
      platform: {
        baseUrl: 'https://api.example.com/v1',
        keyPlacement: {
          credits: 'header',
          subAccounts: 'query',
          contacts: 'query',
          lists: 'query',
          messages: 'query',
          usageExport: 'query',
        },
        keyHeader: 'x-api-key',
        keyPrefix: '',
        keyQuery: 'apiKey',
        subAccountLookup: false,
        emptyPoolPattern: 'insufficient credits',
        notAppliedStatuses: [401, 403, 429],
        maxDescriptionLength: 200,
        requestsPerMinute: 600,
        waitHeaders: ['retry-after', 'x-ratelimit-reset'],
        requestIdHeader: 'x-request-id',
        sendPath: '/send_custom_channel_message',
        incomingPath: '/incoming_custom_channel_message',
        contactFieldsOnIncoming: true,
        usageExport: { listsGrants: false },
      },
      recharge: {
        mode: 'observe',
        verifiers: [],
        keyFields: ['idempotency_key', 'data.idempotency_key'],
        keyHeaderTrusted: false,
        creditsAsText: false,
        emailFields: [
          'email',
          'sub_account_email',
          'subAccountEmail',
          'sub_account.email',
          'data.email',
          'data.sub_account_email',
          'data.subAccountEmail',
          'data.sub_account.email',
        ],
        platformIdFields: [
          'sub_account_id',
          'subAccountId',
          'sub_account.id',
          'data.sub_account_id',
          'data.subAccountId',
          'data.sub_account.id',
        ],
        minCredits: 1,
        maxCredits: 100_000,
        declineRetries: 0,
        refundAutomatically: false,
      },
      pricing: { currency: 'USD', perCredit: '0.10' },
      guard: {
        unknownAccounts: 'refuse',
        limits: { cooldownSeconds: 600, dailyCount: 5, monthlyAmount: 100_000 },
        suspendAfterDeclines: 3,
      },
      payment: { type: 'http', url: 'https://pay.example.com' },
      channels: {},
    });
  });

  it('gives a verifier its defaults, and header names in lower case', () => {
    const verifiers = [
      { type: 'token' },
      { type: 'hmac', header: 'X-Signature' },
      { type: 'standard-webhooks' },
    ];
    expect(parseConfig(withRecharge({ verifiers }), 'it').recharge.verifiers).toEqual([
      { type: 'token', header: 'x-webhook-token', prefix: '', query: 'token' },
      {
        type: 'hmac',
        header: 'x-signature',
        encoding: 'hex',
        prefix: '',
        signs: '{body}',
        toleranceSeconds: 300,
      },
      { type: 'standard-webhooks' },
    ]);
  });

  it('may say {} for no limits', () => {
    expect(parseConfig({ ...SMALLEST, guard: { limits: {} } }, 'it').guard.limits).toEqual({});
  });

  it('drops the slashes at the end of addresses', () => {
    const value = {
      ...SMALLEST,
      platform: { baseUrl: 'http://127.0.0.1:3000/v1//' },
      payment: { type: 'http', url: 'http://localhost:4000/' },
    };
    expect(parseConfig(value, 'it')).toMatchObject({
      platform: { baseUrl: 'http://127.0.0.1:3000/v1' },
      payment: { url: 'http://localhost:4000' },
    });
  });

  it('keeps the blank at the end of what stands before a key', () => {
    const platform = { ...SMALLEST.platform, keyHeader: 'Authorization', keyPrefix: 'Bearer ' };
    expect(parseConfig({ ...SMALLEST, platform }, 'it').platform).toMatchObject({ keyPrefix: 'Bearer ' });
  });

  it('is refused with all its faults at once', () => {
    expect(
      faultsOf({
        platform: { baseUrl: 'http://api.example.com/v1', keyHeader: 'no header', notAppliedStatuses: [500] },
        recharge: {
          mode: 'on',
          verifiers: [{ type: 'password' }, { type: 'hmac' }],
          keyFields: [],
          credits: 0.5,
          creditsField: 'data..credits',
          declineRetries: 4,
        },
        pricing: { currency: 'USD' },
        guard: { unknownAccounts: 'maybe', limits: { dailyCount: -1 } },
        payment: { type: 'paypal', url: 'ftp://pay.example.com' },
        alertEmail: 'nobody',
      }),
    ).toEqual([
      'platform.baseUrl: must be https (http on this machine only), without ? and #',
      'platform.keyHeader: must be a header name',
      'platform.notAppliedStatuses.0: must be one of 401, 403, 429',
      'recharge.mode: must be one of "observe", "live"',
      'recharge.verifiers.0.type: must be one of "token", "hmac", "standard-webhooks"',
      'recharge.verifiers.1.header: is missing: it must be text in quotes',
      'recharge.keyFields: must not be empty',
      'recharge.credits: must be a whole number',
      'recharge.creditsField: a field is a name or a path such as "data.email"',
      'recharge.declineRetries: must be at most 1: card networks charge for, and count, each further try of a card they refused',
      'pricing: give currency and one of perCredit ("0.10"), packs ([{credits, price}]) or tiers ([{upTo, perCredit}])',
      'guard.unknownAccounts: must be one of "refuse", "allow"',
      'guard.limits.dailyCount: must be at least 0',
      'payment.type: must be one of "http", "stripe"',
      'alertEmail: must be an email address',
    ]);
  });

  it('is refused without what it needs', () => {
    expect(faultsOf({})).toEqual([
      'platform: is missing: it must be an object',
      'pricing: give currency and one of perCredit ("0.10"), packs ([{credits, price}]) or tiers ([{upTo, perCredit}])',
      'payment: is missing: it must be an object',
    ]);
    expect(faultsOf([])).toEqual(['the whole file: must be an object']);
  });

  it.each<[string, unknown, string]>([
    [
      'at the top',
      { ...SMALLEST, chanels: {} },
      'the whole file: has no setting "chanels"; there are $schema, platform, recharge, pricing, guard, payment, channels, reconcile, events, alertEmail, runbookUrl',
    ],
    [
      'in platform',
      { ...SMALLEST, platform: { baseUrl: 'https://a.example', url: 1 } },
      'platform: has no setting "url"; there are name, baseUrl, keyPlacement, keyHeader, keyPrefix, keyQuery, subAccountLookup, emptyPoolPattern, notAppliedStatuses, maxDescriptionLength, requestsPerMinute, waitHeaders, requestIdHeader, sendPath, incomingPath, contactFieldsOnIncoming, usageExport',
    ],
    [
      'in recharge',
      withRecharge({ creditField: 'credits' }),
      'recharge: has no setting "creditField"; there are mode, verifiers, keyFields, keyHeader, keyHeaderTrusted, emailFields, platformIdFields, credits, creditsField, creditsAsText, minCredits, maxCredits, declineRetries, refundAutomatically',
    ],
    [
      'in a verifier',
      withRecharge({ verifiers: [{ type: 'token', secret: 'x' }] }),
      'recharge.verifiers.0: has no setting "secret"; there are type, header, prefix, query',
    ],
    [
      'in limits',
      { ...SMALLEST, guard: { limits: { dailyAmount: 1 } } },
      'guard.limits: has no setting "dailyAmount"; there are dailyCount, monthlyAmount, cooldownSeconds',
    ],
    [
      'in payment',
      { ...SMALLEST, payment: { ...SMALLEST.payment, secret: 'x' } },
      'payment: has no setting "secret"; there are type, name, url',
    ],
  ])('is refused for a setting it does not know: %s', (_name, value, fault) => {
    expect(faultsOf(value)).toEqual([fault]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    [
      'credits and creditsField together',
      { credits: 500, creditsField: 'credits' },
      'recharge.credits: give credits or creditsField, not both',
    ],
    [
      'more minCredits than maxCredits',
      { minCredits: 500, maxCredits: 499 },
      'recharge.minCredits: is larger than maxCredits: every recharge would be refused',
    ],
    [
      'fewer credits than minCredits',
      { credits: 99, minCredits: 100 },
      'recharge.credits: is not from minCredits to maxCredits: every recharge would be refused',
    ],
    [
      'more credits than maxCredits',
      { credits: 101, maxCredits: 100 },
      'recharge.credits: is not from minCredits to maxCredits: every recharge would be refused',
    ],
    ['no credits at all', { minCredits: 0 }, 'recharge.minCredits: must be more than 0'],
    [
      'the prototype for a field',
      { keyFields: ['a.__proto__.b'] },
      'recharge.keyFields.0: not a field of a payload',
    ],
    [
      'a timestamp that is not signed',
      { verifiers: [{ type: 'hmac', header: 'a', timestampHeader: 'b' }] },
      'recharge.verifiers.0.timestampHeader: belongs to what signs {timestamp}, and only there: what is not signed proves nothing',
    ],
    [
      'a signed id that stands nowhere',
      { verifiers: [{ type: 'hmac', header: 'a', signs: '{id}.{body}' }] },
      'recharge.verifiers.0.idHeader: belongs to what signs {id}, and only there: what is not signed proves nothing',
    ],
    [
      'what is signed without the body',
      { verifiers: [{ type: 'hmac', header: 'a', signs: '{timestamp}', timestampHeader: 'b' }] },
      'recharge.verifiers.0.signs: must hold {body}, or {form}: what is not signed proves nothing',
    ],
    [
      'a placeholder nobody knows',
      { verifiers: [{ type: 'hmac', header: 'a', signs: '{host}{body}' }] },
      'recharge.verifiers.0.signs: has other placeholders than {body}, {form}, {timestamp}, {id}, {url}',
    ],
    [
      'a key in a header that no signature covers',
      { verifiers: [{ type: 'standard-webhooks' }], keyHeader: 'idempotency-key' },
      'recharge.keyHeader: is covered by the signature of no verifier: whoever repeats a delivery under another key has ' +
        'the client charged twice. If you know that nobody can, set keyHeaderTrusted',
    ],
  ])('is refused for %s', (_name, recharge, fault) => {
    expect(faultsOf(withRecharge(recharge))).toEqual([fault]);
  });

  it.each<[string, unknown, string]>([
    [
      'a system nobody knows',
      { ...WEBHOOK, adapter: 'carrier-pigeon' },
      'channels.support.adapter: must be one of "webhook", "telegram", "chatwoot", "slack", "gohighlevel", "twilio", "respondio"',
    ],
    ['no identifier at the platform', { ...WEBHOOK, toId: '' }, 'channels.support.toId: must not be empty'],
    [
      'nobody who proves himself',
      { ...WEBHOOK, incoming: { ...WEBHOOK.incoming, verifiers: [] } },
      'channels.support.incoming.verifiers: must not be empty',
    ],
    [
      'a field that is no pointer',
      { ...WEBHOOK, incoming: { ...WEBHOOK.incoming, id: 'id' } },
      'channels.support.incoming.id: a field is a JSON pointer such as "/message/text", or a list of them',
    ],
    [
      'a setting of another system',
      { adapter: 'telegram', toId: 'agency', threads: 'always' },
      'channels.support: has no setting "threads"; there are adapter, toId, label, customChannel, campaignId, outgoing, send, apiUrl, groups',
    ],
    [
      'an address without TLS',
      { adapter: 'chatwoot', toId: 'agency', baseUrl: 'http://chat.example.com', accountId: 1 },
      'channels.support.baseUrl: must be https (http on this machine only), without ? and #',
    ],
    [
      'a policy that is none',
      { ...WEBHOOK, send: { unknown: 'drop' } },
      'channels.support.send.unknown: must be one of "repeat", "park"',
    ],
  ])('is refused for a channel with %s', (_name, channel, fault) => {
    expect(faultsOf(withChannel(channel))).toEqual([fault]);
  });

  const ONE_OF_THREE =
    'pricing: give currency and one of perCredit ("0.10"), packs ([{credits, price}]) or tiers ([{upTo, perCredit}])';
  it.each<[string, unknown, string[]]>([
    ['as a number', { currency: 'USD', perCredit: 0.1 }, ['pricing.perCredit: must be text in quotes']],
    [
      'without a currency',
      { perCredit: '0.10' },
      ['pricing.currency: is missing: it must be text in quotes'],
    ],
    ...['$USD', 'USDT', 'usd'].map((currency): [string, unknown, string[]] => [
      `in the currency ${currency}`,
      { currency, perCredit: '0.10' },
      ['pricing.currency: a currency is three capital letters, such as "USD"'],
    ]),
    [
      'in a currency that does not exist',
      { currency: 'XQQ', perCredit: '0.10' },
      ['pricing.currency: not a currency of ISO 4217'],
    ],
    [
      'with a comma',
      { currency: 'USD', perCredit: '0,10' },
      ['pricing.perCredit: a price is a decimal number as text, such as "0.10"'],
    ],
    [
      'beside a misspelt setting',
      { currency: 'USD', perCredit: '0.10', minimumcharge: '5' },
      ['pricing: has no setting "minimumcharge"; there are currency, perCredit, minimumCharge'],
    ],
    [
      'in packs that are none',
      { currency: 'USD', packs: [{ credits: 'many', price: '4.50' }, { credits: 500 }] },
      [
        'pricing.packs.0.credits: must be a number',
        'pricing.packs.1.price: is missing: it must be text in quotes',
      ],
    ],
    [
      'in two packs of one size',
      { currency: 'USD', packs: [1, 2].map((price) => ({ credits: 500, price: String(price) })) },
      ['pricing.packs: two packs are of one size'],
    ],
    [
      'in tiers out of their order',
      { currency: 'USD', tiers: [5, 4].map((upTo) => ({ upTo, perCredit: '0.10' })) },
      ['pricing.tiers: each tier must reach further, and only the last may lack upTo'],
    ],
    ['in no way', { currency: 'USD' }, [ONE_OF_THREE]],
    ['in two ways', { currency: 'USD', perCredit: '0.10', packs: [] }, [ONE_OF_THREE]],
    [
      'in two ways, both of them wrong',
      { currency: 'USD', perCredit: 0.1, minimumCharge: '5', packs: [{ credits: 500, price: 45 }] },
      [ONE_OF_THREE],
    ],
    [
      'in packs, with what goes with the others',
      { currency: 'USD', packs: [{ credits: 500, price: 45 }], minimumCharge: '5' },
      [
        'pricing.packs.0.price: must be text in quotes',
        'pricing: has no setting "minimumCharge"; there are currency, packs',
      ],
    ],
    ['as a text', '0.10', [ONE_OF_THREE]],
  ])('says what is wrong with a price: %s', (_name, pricing, faults) => {
    expect(faultsOf({ ...SMALLEST, pricing })).toEqual(faults);
  });

  it('says what is wrong where one thing or another may stand', () => {
    const outgoing = {
      id: ['/id', 5],
      contact: ['/contact', 'id'],
      text: [],
      only: [{ at: '/type', equals: {} }],
    };
    expect(faultsOf(withChannel({ ...WEBHOOK, outgoing }))).toEqual([
      'channels.support.outgoing.id.1: must be text in quotes',
      'channels.support.outgoing.contact.1: a field is a JSON pointer such as "/message/text"',
      'channels.support.outgoing.text: must not be empty',
      'channels.support.outgoing.only.0.equals: must be text in quotes, or a number, or true or false',
    ]);
    const without = withChannel({ ...WEBHOOK, adapter: undefined });
    expect(faultsOf(without)).toEqual([
      'channels.support.adapter: must be one of "webhook", "telegram", "chatwoot", "slack", "gohighlevel", "twilio", "respondio"',
    ]);
  });

  it('is refused for a channel whose name cannot stand in an address', () => {
    expect(faultsOf(withChannel(WEBHOOK, 'Support'))).toEqual([
      'channels.Support: a channel is named with small letters, digits and -, at most 40',
    ]);
    expect(faultsOf(withChannel(WEBHOOK))).toEqual([]);
  });

  it('is refused for settings that do not go together also where another one has a fault', () => {
    expect(faultsOf(withRecharge({ mode: 'on', credits: 500, creditsField: 'credits' }))).toEqual([
      'recharge.mode: must be one of "observe", "live"',
      'recharge.credits: give credits or creditsField, not both',
    ]);
  });

  it('may have as many credits as minCredits and maxCredits say', () => {
    expect(faultsOf(withRecharge({ credits: 100, minCredits: 100, maxCredits: 100 }))).toEqual([]);
  });

  it.each([
    ['http to another machine', 'http://pay.example.com'],
    ['http to a private address', 'http://10.0.0.1'],
    ['http to a name that begins like this machine', 'http://localhost.example.com'],
    ['another protocol', 'file:///etc/passwd'],
    ['a name and a password', 'https://user:pass@pay.example.com'],
    ['a query', 'https://pay.example.com/?key=1'],
    ['an empty query', 'https://pay.example.com/?'],
    ['a fragment', 'https://pay.example.com/#x'],
    ['no address', 'pay.example.com'],
    ['nothing', ''],
  ])('is refused for an address with %s', (_name, url) => {
    expect(faultsOf({ ...SMALLEST, payment: { type: 'http', url } })).toEqual([
      'payment.url: must be https (http on this machine only), without ? and #',
    ]);
    expect(faultsOf({ ...SMALLEST, platform: { baseUrl: url } })).toEqual([
      'platform.baseUrl: must be https (http on this machine only), without ? and #',
    ]);
  });

  it('never prints a value: a secret may have been pasted in any place', () => {
    const secret = 'sk_live_51Habc';
    const places = [
      { ...SMALLEST, platform: secret },
      { ...SMALLEST, platform: { baseUrl: secret } },
      { ...SMALLEST, platform: { baseUrl: `https://${secret}:x@api.example.com` } },
      { ...SMALLEST, platform: { ...SMALLEST.platform, keyPlacement: secret } },
      { ...SMALLEST, platform: { ...SMALLEST.platform, keyPlacement: { credits: secret } } },
      { ...SMALLEST, platform: { ...SMALLEST.platform, keyHeader: `${secret}:` } },
      { ...SMALLEST, platform: { ...SMALLEST.platform, keyPrefix: ` ${secret}` } },
      { ...SMALLEST, platform: { ...SMALLEST.platform, emptyPoolPattern: `${secret}(` } },
      { ...SMALLEST, platform: { ...SMALLEST.platform, apiKey: secret } },
      { ...SMALLEST, platform: { ...SMALLEST.platform, notAppliedStatuses: [secret] } },
      withRecharge({ mode: secret }),
      withRecharge({ verifiers: secret }),
      withRecharge({ verifiers: [secret] }),
      withRecharge({ verifiers: [{ type: secret }] }),
      withRecharge({ verifiers: [{ type: 'token', secret }] }),
      withRecharge({ verifiers: [{ type: 'hmac', header: `${secret} ` }] }),
      withRecharge({ verifiers: [{ type: 'hmac', header: 'a', encoding: secret }] }),
      withRecharge({ verifiers: [{ type: 'hmac', header: 'a', signs: secret }] }),
      withRecharge({ creditsField: `${secret} ` }),
      withRecharge({ keyFields: [`${secret}..`] }),
      withRecharge({ credits: secret }),
      { ...SMALLEST, pricing: secret },
      { ...SMALLEST, pricing: { currency: secret, perCredit: secret } },
      { ...SMALLEST, pricing: { currency: 'USD', packs: [{ credits: secret, price: secret }] } },
      { ...SMALLEST, pricing: { currency: secret, tiers: [{ upTo: secret, perCredit: [secret] }] } },
      { ...SMALLEST, guard: { unknownAccounts: secret } },
      { ...SMALLEST, guard: { limits: { dailyCount: secret } } },
      { ...SMALLEST, payment: secret },
      { ...SMALLEST, payment: { type: secret, url: secret } },
      { ...SMALLEST, payment: { type: 'http', url: `${secret}.example.com` } },
      { ...SMALLEST, alertEmail: secret },
      { ...SMALLEST, channels: secret },
      withChannel(secret),
      withChannel({ ...WEBHOOK, adapter: secret }),
      withChannel({ ...WEBHOOK, token: secret }),
      withChannel({ ...WEBHOOK, incoming: { ...WEBHOOK.incoming, id: secret } }),
      withChannel({ ...WEBHOOK, incoming: { ...WEBHOOK.incoming, phone: { defaultCountry: secret } } }),
      withChannel({ ...WEBHOOK, delivery: { url: `http://${secret}.example.com` } }),
      withChannel({ ...WEBHOOK, delivery: { ...WEBHOOK.delivery, headers: { a: `{{${secret}}}` } } }),
      withChannel({ ...WEBHOOK, delivery: { ...WEBHOOK.delivery, body: { a: `{{${secret}}}` } } }),
      withChannel({ ...WEBHOOK, outgoing: { unknown: secret } }),
      withChannel({ ...WEBHOOK, outgoing: { text: ['/a', secret], only: [{ at: '/a', equals: [secret] }] } }),
      withChannel({ ...WEBHOOK, outgoing: { id: { secret }, ignore: [secret] } }),
      withChannel({ adapter: 'telegram', toId: 'a', apiUrl: secret }),
      withChannel({ adapter: 'slack', toId: 'a', threads: secret }),
      secret,
      [secret],
    ];
    for (const place of places) {
      expect(JSON.stringify(place)).toContain(secret);
      const faults = faultsOf(place);
      expect(faults.length).toBeGreaterThan(0);
      expect(faults.join('\n')).not.toContain(secret);
    }
  });
});

describe('what an agency chooses', () => {
  it('has one digest however it is written, and another one where it means something else', () => {
    const digest = (value: object) => digestOf(parseConfig(value, 'relay.config.json'));
    const { platform, pricing, payment } = SMALLEST;
    const written = { payment, pricing, recharge: { mode: 'observe' }, platform, $schema: './any.json' };
    expect(digest(written)).toBe(digest(SMALLEST));
    expect(digest({ ...SMALLEST, recharge: { mode: 'live' } })).not.toBe(digest(SMALLEST));
    expect(digest(SMALLEST)).toMatch(/^[0-9a-f]{12}$/);
  });

  const config = parseConfig(
    {
      ...withRecharge({
        mode: 'live',
        minCredits: 100,
        maxCredits: 5_000,
        declineRetries: 1,
        refundAutomatically: true,
      }),
      guard: { unknownAccounts: 'allow', limits: { dailyCount: 2 }, suspendAfterDeclines: 0 },
    },
    'it',
  );

  it('reaches the guard', () => {
    expect(guardSettings(config)).toEqual({
      mode: 'live',
      unknownAccounts: 'allow',
      credits: { min: 100, max: 5_000 },
      limits: { dailyCount: 2 },
      suspendAfterDeclines: 0,
      pricing: { currency: 'USD', perCredit: '0.10' },
    });
  });

  it('reaches the policy, and changes none of its waits', () => {
    const { declineRetries, refundAutomatically, ...waits } = policyOf(config, productionPolicy);
    expect({ declineRetries, refundAutomatically }).toEqual({ declineRetries: 1, refundAutomatically: true });
    const { declineRetries: _d, refundAutomatically: _r, ...same } = productionPolicy;
    expect(waits).toEqual(same);
  });
});
