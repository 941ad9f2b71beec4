import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  localSecrets,
  makeStripeSecrets,
  readStoredSecrets,
  takeFolder,
  writeStoredSecrets,
} from '../../local/state.ts';

const folder = mkdtempSync(join(tmpdir(), 'relay-state-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('stored secrets', () => {
  it('are not put in the place of others than were read', () => {
    const env = { RELAY_LOCAL_DIR: folder };
    localSecrets(env);
    const { secrets, version } = readStoredSecrets(env) ?? expect.unreachable();
    expect(writeStoredSecrets(env, { ...secrets, first: 1 }, version)).toBe('written');
    expect(writeStoredSecrets(env, { ...secrets, second: 2 }, version)).toBe('changed');
    const stored = JSON.parse(readFileSync(join(folder, 'secrets.json'), 'utf8'));
    expect(stored).toMatchObject({ first: 1 });
    expect(stored).not.toHaveProperty('second');
    expect(readdirSync(folder)).toEqual(['secrets.json']);
  });

  it('for the sandbox’s Stripe look as Stripe’s do, are made once, and take no place of what is set', () => {
    const env = { RELAY_LOCAL_DIR: join(folder, 'stripe') };
    expect(localSecrets(env).outbound.stripeKey).toBeUndefined();
    makeStripeSecrets(env);
    const { inbound, outbound } = localSecrets(env);
    expect(outbound.stripeKey).toMatch(/^rk_test_[A-Za-z0-9]{24}$/);
    expect(inbound.stripeWebhook).toEqual([expect.stringMatching(/^whsec_[A-Za-z0-9]{24}$/)]);
    makeStripeSecrets(env);
    expect(localSecrets(env)).toEqual({ inbound, outbound });
    const own = { ...env, STRIPE_KEY: ' rk_test_ofTheAgency ', STRIPE_WEBHOOK_SECRET: 'whsec_ofTheAgency' };
    expect(localSecrets(own)).toMatchObject({
      inbound: { stripeWebhook: ['whsec_ofTheAgency'] },
      outbound: { stripeKey: 'rk_test_ofTheAgency' },
    });
  });
});

describe('the folder of npm start', () => {
  it.each([false, true])('is not taken from a start that runs, and keeps its data: fresh is %s', (fresh) => {
    const env = { RELAY_LOCAL_DIR: join(folder, `taken-${fresh}`) };
    const taken = takeFolder(env, { fresh: false });
    writeFileSync(join(env.RELAY_LOCAL_DIR, 'stripe.json'), '{}');
    expect(() => takeFolder(env, { fresh })).toThrow(
      `Another npm start (process ${process.pid}) is running in ${env.RELAY_LOCAL_DIR}. Stop it first, or set RELAY_LOCAL_DIR to another folder.`,
    );
    expect(readdirSync(env.RELAY_LOCAL_DIR).sort()).toEqual(['processes.json', 'stripe.json']);
    taken.release();
    takeFolder(env, { fresh }).release();
    expect(readdirSync(env.RELAY_LOCAL_DIR)).toEqual(fresh ? [] : ['stripe.json']);
  });

  it('that is none is named in one sentence', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => takeFolder({ RELAY_LOCAL_DIR: file }, { fresh: false })).toThrow(
      `npm start keeps its data in ${file}, which cannot be used (EEXIST). Make it a folder that you may write to, or name another one in RELAY_LOCAL_DIR.`,
    );
  });
});
