import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { type Parties, send, useParties } from '../support/parties.ts';
import { type Env, type Row, type RunningRelay, useEngines, useRelays } from '../support/relay-process.ts';

const { newFolder, start } = useRelays();
const newEngines = useEngines();
const newParties = useParties();

vi.setConfig({ testTimeout: 90_000 });

/** A relay that can be killed and started again: table, queue, platform and payment endpoint stay. */
async function killable({ threads = false, env: more = {} }: { threads?: boolean; env?: Env } = {}) {
  const parties = await newParties();
  const { env } = await newEngines();
  const options = { ...parties, folder: newFolder(), env: { ...parties.env, ...env, ...more }, threads };
  let relay = await start(options);
  return {
    parties,
    relay: () => relay,
    async kill() {
      await relay.end('SIGKILL');
    },
    async startAgain() {
      relay = await start(options);
      return relay;
    },
  };
}

const client = (number: number) => `client-${String(number).padStart(3, '0')}@example.com`;
const order = (email: string) => ({ idempotency_key: `key of ${email}`, email, credits: 500 });
const count = (emails: string[], email: string) => emails.filter((one) => one === email).length;
/** A fault is taken by the request it hits: none left, and all of them have arrived. */
async function faultsLeft({ platform }: Parties): Promise<number> {
  const response = await fetch(`${platform.url}/sandbox/faults`);
  return JSON.parse(await response.text()).faults.length;
}

/** What must hold however often the relay died: charged once, granted at most once, and never a false word. */
function expectTrue(row: Row, { captures, grants }: Parties): void {
  const granted = count(grants(), row.email);
  expect(count(captures(), row.email)).toBe(1);
  if (row.phase === 'completed') expect(granted).toBe(1);
  else expect(row).toMatchObject({ phase: 'needs_review', reason: 'grant_unknown' });
  expect(granted).toBeLessThanOrEqual(1);
}

const atRest = (relay: RunningRelay, email: string) =>
  relay.reaches(order(email).idempotency_key, 'completed', 'needs_review', 'declined', 'blocked');

describe.concurrent('a relay that is killed', () => {
  it('charges once where it dies during a charge, and never grants a second time where it dies during a grant: it says that it cannot know', async () => {
    // Twice as long as others wait: it must not give up one call before all three have arrived, on whatever machine.
    const env = { PLATFORM_TIMEOUT_SECONDS: '6', PAYMENT_HOOK_TIMEOUT_SECONDS: '6' };
    const { parties, relay, kill, startAgain } = await killable({ threads: true, env });
    const [made, notMade, charged] = [client(1), client(2), client(3)];
    parties.platform.fault({ operation: 'grant', fault: 'slow', ms: 7_000, email: made });
    parties.platform.fault({ operation: 'grant', fault: 'hang_before', email: notMade });
    parties.payments.fault({ operation: 'charge', fault: 'hang_after', email: charged });
    for (const email of [made, notMade, charged]) {
      expect((await send(relay(), order(email))).status).toBe(202);
    }
    await vi.waitFor(
      async () => {
        expect(count(parties.captures(), charged)).toBe(1);
        expect(await faultsLeft(parties)).toBe(0);
      },
      { timeout: 20_000, interval: 5 },
    );
    await kill();
    expect(parties.grants()).toEqual([]);

    const again = await startAgain();
    for (const email of [made, notMade]) {
      const row = await atRest(again, email);
      expect(row).toMatchObject({ phase: 'needs_review', reason: 'grant_unknown' });
      expect(row.history).toContainEqual({
        at: expect.any(String),
        event: 'grant_unknown',
        detail: 'the process that was granting never reported',
      });
    }
    const row = await atRest(again, charged);
    expect(row).toMatchObject({ phase: 'completed', new_balance: 1_000, amount: 5_000 });
    expect(parties.captures().toSorted()).toEqual([made, notMade, charged]);
    expect(parties.grants().toSorted()).toEqual([made, charged]);

    const { key, version } = await atRest(again, made);
    const answer = [
      ...['recharges', 'resolve', key, 'confirm-granted'],
      ...['--version', String(version), '--note', 'I see it'],
    ];
    expect(await again.cli(...answer)).toMatchObject({ code: 0 });
    expect(await atRest(again, made)).toMatchObject({ phase: 'completed' });
    expect(parties.grants().toSorted()).toEqual([made, charged]);
  });

  it('loses nothing and charges nobody twice where it dies again and again, at any moment', async () => {
    const { parties, relay, kill, startAgain } = await killable();
    const emails: string[] = [];
    for (const [round, afterMs] of [0, 15, 50].entries()) {
      const fresh = [1, 2, 3, 4, 5].map((number) => client(10 * round + number));
      emails.push(...fresh);
      const sending = fresh.map((email) => send(relay(), order(email)).catch(() => undefined));
      // From the first 202 on.
      await Promise.race(sending);
      await sleep(afterMs);
      await kill();
      const answers = await Promise.all(sending);
      await startAgain();
      // As the platform does: again, until it is answered.
      const unanswered = fresh.filter((_, index) => answers[index]?.status !== 202);
      for (const email of unanswered)
        expect([200, 202]).toContain((await send(relay(), order(email))).status);
    }
    expect(emails).toHaveLength(15);
    for (const email of emails) expectTrue(await atRest(relay(), email), parties);
    expect(await relay().json<Row[]>('recharges', 'list')).toHaveLength(15);
    expect(parties.captures()).toHaveLength(15);
  });
});
