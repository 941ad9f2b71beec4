import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger, describeError } from '../../../shared/logger.ts';
import {
  createSecrets,
  inboundSecretsSchema,
  outboundSecretsSchema,
} from '../../../shared/settings/secrets.ts';
import { inboundSecrets, outboundSecrets } from '../../../shared/settings/secrets-manager.ts';

const NO_SECRET = "Secrets Manager can't find the specified secret.";

const SECONDS = 1_000;
const MINUTES = 60 * SECONDS;

/** A store of secrets that holds `text`, and fails where that is an Error. */
function aStore(text: string | Error = '{"webhook":["one"]}') {
  const store = { text, reads: 0, now: 1_767_605_400_000 };
  const lines: string[] = [];
  const read = async () => {
    store.reads += 1;
    const { text } = store;
    if (text instanceof Error) throw text;
    return text;
  };
  const logger = createLogger((line) => lines.push(line));
  return {
    store,
    secrets: createSecrets('inbound', read, inboundSecretsSchema, { logger, now: () => store.now }),
    alerts: () => lines.map((line) => JSON.parse(line)),
  };
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => expect.unreachable('It did not fail.'),
    (reason: unknown) => reason,
  );
  return describeError(error);
}

describe('a secret', () => {
  it('is read once in five minutes, however often it is asked for', async () => {
    const { store, secrets } = aStore();
    const answers = await Promise.all(Array.from({ length: 10 }, () => secrets.get()));
    expect(answers).toEqual(Array.from({ length: 10 }, () => ({ webhook: ['one'], channels: {} })));
    store.text = '{"webhook":["two"]}';
    store.now += 5 * MINUTES - 1;
    expect(await secrets.get()).toEqual({ webhook: ['one'], channels: {} });
    expect(store.reads).toBe(1);
    store.now += 1;
    expect(await secrets.get()).toEqual({ webhook: ['two'], channels: {} });
    expect(store.reads).toBe(2);
  });

  it('is read again before its time on demand, at most once a minute', async () => {
    const { store, secrets } = aStore();
    await secrets.get();
    store.text = '{"webhook":["two"]}';
    store.now += 1 * MINUTES - 1;
    expect(await secrets.reread()).toBe('kept');
    store.now += 1;
    expect(await secrets.reread()).toBe('read');
    expect(await secrets.get()).toEqual({ webhook: ['two'], channels: {} });
    expect(await secrets.reread()).toBe('kept');
    expect(store.reads).toBe(2);
  });

  it('that was read again is kept for five minutes from then on', async () => {
    const { store, secrets } = aStore();
    await secrets.get();
    store.now += 4 * MINUTES;
    await secrets.reread();
    store.now += 5 * MINUTES - 1;
    await secrets.get();
    expect(store.reads).toBe(2);
  });

  it('is read again once for all who ask at the same time, and all of them get it', async () => {
    const { store, secrets } = aStore();
    await secrets.get();
    store.now += 1 * MINUTES;
    expect(await Promise.all([secrets.reread(), secrets.reread(), secrets.reread()])).toEqual([
      'read',
      'read',
      'read',
    ]);
    expect(store.reads).toBe(2);
  });

  it('that cannot be read is asked for again the next time', async () => {
    const { store, secrets } = aStore(new Error('no answer'));
    expect(await messageOf(secrets.get())).toBe(
      'Error: The secret "inbound" could not be read, because Error: no answer',
    );
    store.text = '{"webhook":["one"]}';
    expect(await secrets.get()).toEqual({ webhook: ['one'], channels: {} });
    expect(store.reads).toBe(2);
  });

  describe('whose store is away', () => {
    it('stays in use for as long as that lasts, is asked for once a minute, and each failure is an alert', async () => {
      const { store, secrets, alerts } = aStore();
      await secrets.get();
      store.text = new Error('no answer');
      for (let second = 0; second < 3_600; second += 10) {
        store.now += 10 * SECONDS;
        expect(await secrets.get()).toEqual({ webhook: ['one'], channels: {} });
      }
      // From the fifth minute to the sixtieth.
      expect(store.reads).toBe(1 + 56);
      expect(alerts()).toHaveLength(56);
      expect(alerts()[0]).toMatchObject({
        level: 'alert',
        message: 'secret_unreadable',
        secret: 'inbound',
        detail: 'Error: The secret "inbound" could not be read, because Error: no answer',
      });
      store.text = '{"webhook":["two"]}';
      store.now += 1 * MINUTES;
      expect(await secrets.get()).toEqual({ webhook: ['two'], channels: {} });
      store.now += 5 * MINUTES - 1;
      await secrets.get();
      expect(store.reads).toBe(1 + 56 + 1);
      expect(alerts()).toHaveLength(56);
    });

    it('is not read again before its time either, at most once a minute, and nobody who asks is turned away', async () => {
      const { store, secrets, alerts } = aStore();
      await secrets.get();
      store.now += 2 * MINUTES;
      store.text = new Error('no answer');
      expect(await Promise.all([secrets.reread(), secrets.reread()])).toEqual(['kept', 'kept']);
      expect(await secrets.reread()).toBe('kept');
      expect(await secrets.get()).toEqual({ webhook: ['one'], channels: {} });
      expect(store.reads).toBe(2);
      expect(alerts()).toHaveLength(1);
    });

    it('and that has been made unreadable meanwhile, stays what it was', async () => {
      const { store, secrets, alerts } = aStore();
      await secrets.get();
      store.now += 5 * MINUTES;
      store.text = '{"webhook":"sk_live_51Habc"}';
      expect(await secrets.get()).toEqual({ webhook: ['one'], channels: {} });
      expect(alerts()[0].detail).toBe(
        'Error: The secret "inbound" is not what it should be at webhook: see docs/configuration.md.',
      );
    });

    it('before it was ever read cannot be used, and is asked for again by whoever needs it', async () => {
      const { store, secrets } = aStore(new Error('no answer'));
      expect(await messageOf(secrets.reread())).toContain('no answer');
      expect(await messageOf(secrets.get())).toContain('no answer');
      expect(store.reads).toBe(2);
    });
  });

  describe('that was doubted', () => {
    it('is read anew by the next one who needs it, and by nobody else', async () => {
      const { store, secrets } = aStore();
      await secrets.get();
      store.now += 1 * MINUTES;
      store.text = '{"webhook":["two"]}';
      secrets.doubt();
      await Promise.resolve();
      expect(store.reads).toBe(1);
      expect(await secrets.get()).toEqual({ webhook: ['two'], channels: {} });
      store.now += 1 * MINUTES;
      await secrets.get();
      expect(store.reads).toBe(2);
    });

    it('again and again is read once a minute', async () => {
      const { store, secrets } = aStore();
      for (let second = 0; second < 300; second += 1) {
        secrets.doubt();
        await secrets.get();
        store.now += 1 * SECONDS;
      }
      expect(store.reads).toBe(5);
    });
  });

  it.each(['', ' ', '\n', '{}'])('that holds %j is none yet', async (text) => {
    expect(await aStore(text).secrets.get()).toEqual({ webhook: [], channels: {} });
    expect(await createSecrets('outbound', async () => text, outboundSecretsSchema).get()).toEqual({
      channelTokens: {},
    });
  });

  it.each([
    ['is no JSON', 'sk_live_51Habc', ''],
    ['is half of its JSON', '{"webhook":["sk_live_51Habc"', ''],
    ['is another JSON', '["sk_live_51Habc"]', ''],
    ['is a JSON text', '"sk_live_51Habc"', ''],
    ['holds a text for a list', '{"webhook":"sk_live_51Habc"}', ' at webhook'],
    ['holds an object in the list', '{"webhook":[{"secret":"sk_live_51Habc"}]}', ' at webhook.0'],
  ])('that %s is named in the error, and nothing of its content', async (_name, text, place) => {
    expect(await messageOf(aStore(text).secrets.get())).toBe(
      `Error: The secret "inbound" is not what it should be${place}: see docs/configuration.md.`,
    );
  });

  it('of the workers names all its faults at once', async () => {
    const read = async () => '{"platformApiKey":"","paymentHook":7}';
    expect(await messageOf(createSecrets('outbound', read, outboundSecretsSchema).get())).toBe(
      'Error: The secret "outbound" is not what it should be at platformApiKey, paymentHook: see docs/configuration.md.',
    );
  });
});

describe('on AWS, a secret', () => {
  let server: Server;
  let answer: { status: number; body: unknown };
  let asked: { target: string | undefined; body: unknown }[];

  beforeEach(async () => {
    asked = [];
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const target = request.headers['x-amz-target'];
      asked.push({ target: String(target), body: JSON.parse(Buffer.concat(chunks).toString()) });
      response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(answer.body));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('Bug! A server has no port.');
    vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', `http://127.0.0.1:${address.port}`);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    return async () => {
      vi.unstubAllEnvs();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    };
  });

  it('is read from Secrets Manager by its name', async () => {
    answer = { status: 200, body: { Name: 'relay/inbound', SecretString: '{"webhook":["new","old"]}' } };
    const secrets = inboundSecrets('relay/inbound');
    expect(await secrets.get()).toEqual({ webhook: ['new', 'old'], channels: {} });
    await secrets.get();
    expect(asked).toEqual([{ target: 'secretsmanager.GetSecretValue', body: { SecretId: 'relay/inbound' } }]);
  });

  it('holds the keys of the workers', async () => {
    const keys = { platformApiKey: 'key', paymentHook: 'whsec_c2VjcmV0' };
    answer = { status: 200, body: { SecretString: JSON.stringify(keys) } };
    expect(await outboundSecrets('relay/outbound').get()).toEqual({ ...keys, channelTokens: {} });
  });

  it('that holds no text is none yet', async () => {
    answer = { status: 200, body: { Name: 'relay/inbound' } };
    expect(await inboundSecrets('relay/inbound').get()).toEqual({ webhook: [], channels: {} });
  });

  it('that the stack made, and nobody has filled, is none yet', async () => {
    const message = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
    answer = { status: 400, body: { __type: 'ResourceNotFoundException', Message: message } };
    expect(await inboundSecrets('relay/inbound').get()).toEqual({ webhook: [], channels: {} });
    expect(await outboundSecrets('relay/outbound').get()).toEqual({ channelTokens: {} });
  });

  it('that is not there is named in the error, with the reason', async () => {
    answer = { status: 400, body: { __type: 'ResourceNotFoundException', Message: NO_SECRET } };
    expect(await messageOf(inboundSecrets('relay/inbound').get())).toMatch(
      /^Error: The secret "inbound" could not be read, because ResourceNotFoundException: /,
    );
  });

  it('is asked for three times where Secrets Manager fails', async () => {
    answer = { status: 500, body: { __type: 'InternalServiceError' } };
    expect(await messageOf(inboundSecrets('relay/inbound').get())).toContain('InternalServiceError');
    expect(asked).toHaveLength(3);
  });
});

describe('what was pasted along with a secret', () => {
  it('is no part of it, of whatever kind it is', () => {
    const around = (secret: string) => `\ufeff ${secret}\r\n`;
    expect(
      inboundSecretsSchema.parse({ webhook: [around('w')], channels: { 'own/send': [around('s'), 'p\n'] } }),
    ).toEqual({ webhook: ['w'], channels: { 'own/send': ['s', 'p'] } });
    expect(
      outboundSecretsSchema.parse({
        platformApiKey: around('key'),
        paymentHook: around('whsec_aGk='),
        channelTokens: { own: around('bot') },
      }),
    ).toEqual({ platformApiKey: 'key', paymentHook: 'whsec_aGk=', channelTokens: { own: 'bot' } });
  });
});
