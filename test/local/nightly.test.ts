import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { localConfig } from '../../local/config.ts';
import { startNightly } from '../../local/nightly.ts';
import { localWaits } from '../../local/policy.ts';
import { startRelay } from '../../local/relay.ts';
import { createSandboxPayments } from '../../local/sandbox/payments.ts';
import { localSecrets } from '../../local/state.ts';
import { loadWorkers } from '../../local/workers.ts';
import { utc } from '../support/builders.ts';
import { eventually, useEngines } from '../support/relay-process.ts';

const newEngines = useEngines();

/** @param action of each night. */
function started(at: string, action: () => Promise<unknown> = async () => {}) {
  let clock = utc(at);
  const nights: string[] = [];
  const errors: unknown[] = [];
  vi.useFakeTimers();
  const nightly = startNightly(
    async () => {
      nights.push(new Date(clock).toISOString().slice(0, 16));
      await action();
    },
    { logger: { error: (_message, error) => errors.push(error) }, now: () => clock },
  );
  onTestFinished(async () => {
    await nightly.stop();
    vi.useRealTimers();
  });
  return {
    nights,
    errors,
    nightly,
    /** Minute after minute. */
    async until(time: string) {
      for (; clock < utc(time); clock += 60_000) await vi.advanceTimersByTimeAsync(60_000);
    },
    /** The computer sleeps, and nothing runs. */
    async sleepUntil(time: string) {
      clock = utc(time);
      await vi.advanceTimersByTimeAsync(60_000);
    },
  };
}

it('runs once a night at half past three in UTC, and not at the start', async () => {
  const { until, nights } = started('2026-10-30 12:00:00');
  await until('2026-11-01 23:00:00');
  expect(nights).toEqual(['2026-10-31T03:30', '2026-11-01T03:30']);
});

it('makes up for the night when the computer wakes, once for however many it has slept', async () => {
  const { sleepUntil, until, nights } = started('2026-10-30 12:00:00');
  await sleepUntil('2026-11-02 08:15:00');
  await until('2026-11-02 09:00:00');
  expect(nights).toEqual(['2026-11-02T08:15']);
});

it('is tried again the next night where it failed', async () => {
  const failing = started('2026-10-30 12:00:00', () => Promise.reject(new Error('no answer')));
  await failing.until('2026-11-01 12:00:00');
  expect(failing.nights).toHaveLength(2);
  expect(failing.errors).toHaveLength(2);
});

it('ends after what it was doing', async () => {
  let isDone = false;
  let finish = () => {};
  const { until, nightly } = started('2026-10-30 12:00:00', async () => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    isDone = true;
  });
  await until('2026-10-31 04:00:00');
  const stopped = nightly.stop();
  expect(isDone).toBe(false);
  finish();
  await stopped;
  expect(isDone).toBe(true);
});

it('is the comparison of the month’s books under npm start, where the configuration says so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-nightly-'));
  const RELAY_CONFIG = join(folder, 'mine.json');
  writeFileSync(RELAY_CONFIG, JSON.stringify({ reconcile: { nightly: true } }));
  const env = { RELAY_LOCAL_DIR: folder, RELAY_CONFIG };
  const secrets = localSecrets(env);
  const payments = await createSandboxPayments({ secret: secrets.outbound.paymentHook });
  const { DYNAMODB_ENDPOINT = '', SQS_ENDPOINT = '' } = (await newEngines()).env;
  const config = localConfig(env, { platformUrl: 'http://127.0.0.1:9', paymentsUrl: payments.url });
  const log: string[] = [];
  const write = (line: unknown) => void log.push(`${line}`);
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: utc('2026-11-01 03:28:30') });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const relay = await startRelay({
    port: 0,
    name: 'nightly',
    dynamodbEndpoint: DYNAMODB_ENDPOINT,
    sqsEndpoint: SQS_ENDPOINT,
    config,
    waits: localWaits(env, []),
    secrets,
    events: { webhook: undefined, placesFile: join(folder, 'events.json') },
    workers: loadWorkers({ write, onDeath: write }, { RELAY_ONE_THREAD: '1' }),
    write,
  });
  onTestFinished(async () => {
    await relay.stop();
    await payments.close();
    rmSync(folder, { recursive: true });
  });
  const compared = () => log.filter((line) => line.includes('books reconciled'));
  vi.advanceTimersByTime(60_000);
  expect(compared()).toEqual([]);
  vi.advanceTimersByTime(60_000);
  await eventually(async () => expect(compared()).toEqual([expect.stringContaining('"month":"2026-10"')]));
  expect(log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});
