import { describe, expect, it } from 'vitest';
import { envSchema } from '../../../functions/recharge-webhook/env.ts';
import { ConfigError } from '../../../shared/settings/config-file.ts';
import { readEnv } from '../../../shared/settings/env.ts';

describe('the environment of a function', () => {
  it('is read without what is not ours', () => {
    const env = {
      STAGE: 'dev',
      TABLE_NAME: 'table',
      RECHARGE_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/1/recharges',
      INBOUND_SECRET: 'inbound',
    };
    expect(readEnv(envSchema, { ...env, PATH: '/bin' })).toEqual(env);
  });

  it('is refused with all its faults at once, and without a value', () => {
    expect(() =>
      readEnv(envSchema, { STAGE: 'dev', TABLE_NAME: '', RECHARGE_QUEUE_URL: 'sk_live_51Habc' }),
    ).toThrow(
      new ConfigError('The environment', [
        'TABLE_NAME: is missing, or not what it should be',
        'RECHARGE_QUEUE_URL: is missing, or not what it should be',
        'INBOUND_SECRET: is missing, or not what it should be',
      ]),
    );
  });
});
