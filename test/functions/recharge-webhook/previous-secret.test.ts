import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createSecretUses, secretId } from '../../../shared/incoming/secret-use.ts';
import { meter } from '../../support/store.ts';
import { BODY, NOW, order, RECEIVED, SECRET, useWebhook } from './receiving.ts';

const { store, aWebhook } = useWebhook();

const OLD = 'the old one';
const OLDER = 'the older one';
const HOUR = 3_600_000;
const secret = () => JSON.stringify({ webhook: [SECRET, OLD, OLDER] });

const uses = () => {
  const logger = { error: () => expect.unreachable('Nothing fails here.') };
  return createSecretUses(store().client, store().table, { logger, now: () => NOW });
};
const lastUsed = (value: string) => uses().lastUsed('webhook', secretId('webhook', value));

describe('a previous secret that vouches for a webhook', () => {
  it('is noted with the time, and no other one', async () => {
    const { send } = aWebhook({ secret });
    expect(await send(BODY, { secret: OLDER })).toEqual(RECEIVED);
    expect(await lastUsed(OLDER)).toBe(NOW);
    expect(await lastUsed(OLD)).toBeUndefined();
    expect(await lastUsed(SECRET)).toBeUndefined();
  });

  it('costs one write an hour, and the current one nothing', async () => {
    const { send, clock } = aWebhook({ secret });
    const counted = meter(store().client);
    const requests = async (key: string, by: string) => {
      counted.reset();
      await send(order({ idempotency_key: key }), { secret: by });
      return counted.requests;
    };
    const usual = await requests('key-1', SECRET);
    expect(await requests('key-2', OLD)).toBe(usual + 1);
    clock.now += HOUR - 1;
    expect(await requests('key-3', OLD)).toBe(usual);
    expect(await requests('key-4', OLDER)).toBe(usual + 1);
    clock.now += 1;
    expect(await requests('key-5', OLD)).toBe(usual + 1);
    expect(await requests('key-6', SECRET)).toBe(usual);
    expect(await lastUsed(OLD)).toBe(NOW + HOUR);
  });

  it('is noted for a body that was signed before it was packed', async () => {
    const { send } = aWebhook({ secret });
    const packed = gzipSync(BODY);
    const headers = { 'content-encoding': 'gzip', 'x-webhook-token': OLD };
    expect(await send(packed, { secret: null, headers, base64: true })).toEqual(RECEIVED);
    expect(await lastUsed(OLD)).toBe(NOW);
  });

  it('lets it in also where that cannot be noted', async () => {
    store().client.middlewareStack.add((next, { commandName }) => (args) => {
      if (commandName === 'PutItemCommand' || commandName === 'PutCommand') throw new Error('no answer');
      return next(args);
    });
    const { send, lines } = aWebhook({ secret });
    expect(await send(BODY, { secret: OLD })).toEqual(RECEIVED);
    const errors = lines.filter(({ level }) => level === 'error');
    expect(errors).toMatchObject([
      { message: 'the use of a previous secret could not be noted', secret: 'webhook' },
    ]);
    expect(JSON.stringify(lines)).not.toContain(OLD);
  });
});
