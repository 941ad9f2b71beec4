import { createHash, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { exits, runCommand } from '../support/command.ts';
import { send, useParties } from '../support/parties.ts';
import { eventually, type Row, type RunningRelay, useRelays } from '../support/relay-process.ts';

const { newFolder, start } = useRelays();
const newParties = useParties();

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let relay: RunningRelay;
beforeAll(async () => {
  // With its own sandbox, as a newcomer has it.
  relay = await start();
});

async function fault(service: 'platform' | 'payments', order: Record<string, unknown>) {
  const response = await fetch(`${relay.url}/sandbox/${service}/faults`, {
    method: 'POST',
    body: JSON.stringify(order),
  });
  expect(response.status).toBe(200);
}

async function sendWebhook(email: string, key: string = randomUUID()): Promise<string> {
  expect(await relay.cli('webhook', 'send', '--email', email, '--key', key)).toMatchObject({ code: 0 });
  return key;
}

/** Sends a webhook whose grant is made, and answered with 500. */
async function anUnknownGrant(email: string): Promise<Row> {
  await fault('platform', { operation: 'grant', fault: 'error_after', email });
  return relay.reaches(await sendWebhook(email), 'needs_review');
}

describe.concurrent('recharges', () => {
  it('are listed newest first, by phase and by client, for people and for programs', async () => {
    const email = 'client-001@example.com';
    const first = await sendWebhook(email);
    await relay.reaches(first, 'completed');
    const second = await sendWebhook(email);
    await relay.reaches(second, 'completed');
    const refusedKey = await sendWebhook('stranger@example.com');
    await relay.reaches(refusedKey, 'blocked');

    const list = (...filters: string[]) => relay.json<Row[]>('recharges', 'list', ...filters);
    const own = await list('--email', ' Client-001@Example.com');
    expect(own.map(({ key }) => key)).toEqual([second, first]);
    expect(own[0]).toMatchObject({ phase: 'completed', credits: 500, amount: 5_000, currency: 'USD' });
    const blocked = await list('--phase', 'blocked', '--email', 'stranger@example.com');
    expect(blocked).toMatchObject([{ key: refusedKey, reason: 'account_unknown' }]);
    expect(await list('--phase', 'declined', '--email', email)).toEqual([]);
    expect(await list('--email', 'nobody@example.com')).toEqual([]);

    const { stdout } = await relay.cli('recharges', 'list', '--email', email);
    const lines = stdout.split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[1]).toMatch(
      new RegExp(
        `^20\\d\\d-\\S+Z +\\d+ s ago +completed +500 +50\\.00 USD +client-001@example\\.com +${second}$`,
      ),
    );
    expect(lines[3]).toBe('2 recharges');
    expect(await relay.cli('recharges', 'list', '--phase', 'paid')).toEqual(
      exits(2, /Allowed choices are received,/),
    );
    expect(await relay.cli('recharges', 'list', '--limit', 'few')).toEqual(exits(2, /a whole number/));
  });

  it('are shown with what happened, what it means, and commands that answer when they are pasted', async () => {
    const row = await anUnknownGrant('client-002@example.com');
    const { code, stdout } = await relay.cli('recharges', 'show', row.key);
    expect(code).toBe(0);
    expect(stdout).toContain(`Recharge ${row.key}\n`);
    expect(stdout).toContain('phase       needs_review (grant_unknown)\n');
    expect(stdout).toContain('A person must say what happened.\n');
    expect(stdout).toContain('client      client-002@example.com\n');
    expect(stdout).toContain('price       50.00 USD\n');
    expect(stdout).toContain(`payment     ${row.payment_ref}\n`);
    expect(stdout).toMatch(/Z +\+\d\.\d\d s {2}webhook received\n/);
    expect(stdout).toMatch(/Z +\+\d\.\d\d s {2}client charged: pay_/);
    expect(stdout).toMatch(
      /Until 20\d\d-\S+Z the grant may still arrive: "confirm-not-granted" and "refund" only/,
    );
    for (const answer of ['confirm-granted', 'confirm-not-granted', 'refund']) {
      expect(stdout).toContain(
        `npx relay recharges resolve ${row.key} ${answer} --version ${row.version} --note "what you saw"\n`,
      );
    }
    expect(await relay.cli('recharges', 'show', 'no-such-key')).toEqual(
      exits(3, /^No recharge has the key no-such-key\. And of the recharges that were received since /),
    );
  });

  it('quote a key that a shell would read otherwise', async () => {
    const key = `it's $(id) "here"`;
    const email = 'client-003@example.com';
    await fault('platform', { operation: 'grant', fault: 'fewer', email });
    await relay.reaches(await sendWebhook(email, key), 'needs_review');
    const { stdout } = await relay.cli('recharges', 'show', key);
    expect(stdout).toContain(`resolve 'it'\\''s $(id) "here"' confirm-granted --version `);
  });

  it('take the answer of a person who saw the newest version, and says why', async () => {
    const row = await anUnknownGrant('client-004@example.com');
    const resolve = (...args: string[]) => relay.cli('recharges', 'resolve', row.key, ...args);
    const note = ['--note', 'seen in the history'];
    const version = ['--version', String(row.version)];
    expect(await resolve('confirm-granted', ...version)).toEqual(exits(2, /required option '--note <text>'/));
    expect(await resolve('confirm-granted', ...note)).toEqual(exits(2, /required option '--version <n>'/));
    expect(await resolve('confirm-granted', ...version, '--note', ' ')).toEqual(
      exits(4, /^Say in --note what you looked at and what you saw\.\n$/),
    );
    expect(await resolve('perhaps', ...version, ...note)).toEqual(
      exits(2, /Allowed choices are confirm-charged,/),
    );
    expect(await resolve('confirm-charged', ...version, ...note, '--payment-ref', 'pay_1')).toEqual(
      exits(
        4,
        /^"confirm-charged" is no answer to grant_unknown\. Possible: confirm-granted, confirm-not-granted, refund\.\n$/,
      ),
    );
    const { error } = JSON.parse(
      (await resolve('confirm-granted', ...note, '--version', '1', '--json')).stdout,
    );
    expect(error).toEqual({
      code: 'changed',
      message: expect.stringMatching(/ version 1 was shown\. Nothing/),
    });
    const stale = await resolve('confirm-granted', ...note, '--version', '1');
    expect(stale).toMatchObject({ code: 4, stderr: expect.stringMatching(/ has changed since version 1 /) });
    expect(stale.stdout).toContain(`resolve ${row.key} confirm-granted --version ${row.version} --note`);
    const { next_step: _, ...unchanged } = await relay.json<Row & { next_step: unknown }>(
      'recharges',
      'show',
      row.key,
    );
    expect(unchanged).toEqual(row);

    const { code, stdout } = await resolve('confirm-granted', ...note, ...version);
    expect(code).toBe(0);
    expect(stdout).toContain(`Recharge ${row.key}\n`);
    expect(stdout).toMatch(/^confirm-granted is written\.\n/);
    expect(stdout).toContain('phase       completed\n');
    expect(await resolve('confirm-granted', ...note, '--version', String(row.version + 1))).toEqual(
      exits(4, / is completed: nobody needs to answer for it\./),
    );
    const { stdout: shown } = await relay.cli('recharges', 'show', row.key);
    expect(shown).toContain('confirm-granted: seen in the history');
    expect(shown).not.toContain('recharges resolve');
  });
});

describe.concurrent('recharges of a person', () => {
  it('are started once for the same words, charged or not, and shown as what they are', async () => {
    const email = 'client-041@example.com';
    const start = (...args: string[]) => relay.cli('recharges', 'start', email, '--credits', '200', ...args);
    expect(await start()).toEqual(exits(2, /required option '--note <text>'/));
    const { code, stdout } = await start('--note', 'Jane asked');
    expect(code).toBe(0);
    const [, key = ''] =
      /^Recharge (op-[0-9a-f]{16}) is started: 200 credits for client-041@example\.com\. What/.exec(stdout) ??
      [];
    expect(await relay.reaches(key, 'completed')).toMatchObject({ credits: 200, amount: 2_000 });
    expect(await start('--note', 'Jane asked')).toEqual(
      exits(4, /^Nothing was started: this was asked for at /),
    );

    const free = JSON.parse((await start('--note', 'a present', '--no-charge', '--json')).stdout);
    const given = await relay.reaches(free.key, 'completed');
    expect(given).toMatchObject({ prepaid: true, credits: 200 });
    expect(given).not.toHaveProperty('amount');
    const { stdout: list } = await relay.cli('recharges', 'list', '--email', email);
    expect(list).toMatch(/completed +200 +not charged {2}client-041/);
    expect(list).toMatch(/completed +200 +20\.00 USD {2}client-041/);
    expect(await relay.cli('recharges', 'start', email, '--credits', '0', '--note', 'x')).toEqual(
      exits(4, /must be greater than zero/),
    );
    expect(await relay.cli('recharges', 'start', email, '--note', 'x')).toEqual(
      exits(4, /^Say how many credits: --credits N\.\n$/),
    );
  });

  it('take the place of a blocked one, as its own page says', async () => {
    const email = 'late@example.com';
    const key = await sendWebhook(email);
    await relay.reaches(key, 'blocked');
    expect(await relay.cli('accounts', 'add', email)).toMatchObject({ code: 0 });
    const { stdout } = await relay.cli('recharges', 'show', key);
    expect(stdout).toContain(`  npx relay recharges start ${email} --for ${key} --note "why"`);
    const started = await relay.cli('recharges', 'start', email, '--for', key, '--note', 'set up now');
    expect(started.stdout).toMatch(`Recharge op-1-${key} is started: 500 credits for ${email}.`);
    // The sandbox platform does not know this client: burnt once more, and to be started once more.
    expect(await relay.reaches(`op-1-${key}`, 'blocked')).toMatchObject({ reason: 'unknown_on_platform' });
    const again = await relay.cli('recharges', 'start', email, '--for', `op-1-${key}`, '--note', 'and now');
    expect(again.stdout).toMatch(`Recharge op-2-${key} is started`);
  });

  it('are given back once they are completed, after the amount was typed or with --yes, and shown as they are then', async () => {
    const email = 'client-043@example.com';
    const key = await sendWebhook(email);
    await relay.reaches(key, 'completed');
    const note = ['--note', 'a dispute'];
    const giveBack = (input: string, ...args: string[]) =>
      runCommand(['recharges', 'refund', key, ...note, ...args], {
        env: { RELAY_LOCAL_DIR: relay.folder },
        input,
      });
    const declined = await giveBack('yes\n');
    expect(declined.code).not.toBe(0);
    expect(declined.stderr).toContain('50.00 USD go back to client-043@example.com. The 500 credits stay');
    expect(declined.stderr).toContain('Nothing was given back.');
    const { code, stdout } = await giveBack('50.00 USD\n');
    expect(code).toBe(0);
    expect(stdout).toContain('Paid and granted. The money is being given back; the credits stay.');
    await eventually(async () =>
      expect(await relay.json('recharges', 'show', key)).toMatchObject({
        phase: 'completed',
        goodwill_refund: 'refunded',
        refund_ref: expect.any(String),
      }),
    );
    expect((await giveBack('', '--yes')).stderr).toContain('was given back already');
  });

  it('are tried at once where the endpoint is mended before their time', async () => {
    const email = 'client-044@example.com';
    await fault('payments', { operation: 'charge', fault: 'unauthorized', email });
    const key = await sendWebhook(email);
    await eventually(async () =>
      expect(await relay.json('recharges', 'show', key)).toMatchObject({ next_step: { who: 'you' } }),
    );
    const { stdout } = await relay.cli('recharges', 'show', key);
    expect(stdout).toContain('You must act. Mend your payment endpoint');
    await relay.cli('recharges', 'retry', key, '--note', 'the secret was wrong');
    expect(await relay.reaches(key, 'completed')).toMatchObject({ amount: 5_000 });
    expect(await relay.cli('recharges', 'retry', key)).toEqual(
      exits(4, /is not tried again: it is completed/),
    );
  });

  it('are stopped while they wait', async () => {
    const email = 'client-042@example.com';
    await fault('payments', { operation: 'charge', fault: 'pending_action', email });
    const key = await sendWebhook(email);
    await relay.reaches(key, 'charge_pending');
    const { stdout } = await relay.cli('recharges', 'show', key);
    expect(stdout).toContain(`  npx relay recharges stop ${key} --note "why"`);
    expect(await relay.cli('recharges', 'stop', key, '--note', 'not wanted')).toMatchObject({ code: 0 });
    expect(await relay.reaches(key, 'declined')).toMatchObject({ reason: 'cancelled' });
    expect(await relay.cli('recharges', 'stop', key, '--note', 'not wanted')).toEqual(
      exits(4, /cannot be stopped: it has ended\.\n$/),
    );
  });
});

describe.concurrent('a client who is not set up, or is suspended', () => {
  it('is named with what to do before anything is started, and is recharged once that is done', async () => {
    const email = 'newcomer@example.com';
    const start = (note: string) =>
      relay.cli('recharges', 'start', email, '--credits', '500', '--note', note, '--json');
    const { code, stdout } = await start('first');
    expect(code).toBe(4);
    expect(JSON.parse(stdout).error.message).toBe(
      'Nothing was started: nobody has set the client newcomer@example.com up. npx relay accounts add newcomer@example.com',
    );
    const key = await sendWebhook(email);
    expect(await relay.reaches(key, 'blocked')).toMatchObject({ reason: 'account_unknown' });
    expect((await relay.cli('recharges', 'show', key)).stdout).toContain(
      'npx relay accounts add newcomer@example.com',
    );

    expect((await relay.cli('accounts', 'add', email)).code).toBe(0);
    expect((await relay.cli('accounts', 'suspend', email, '--note', 'a test')).code).toBe(0);
    const suspended = await sendWebhook(email);
    expect(await relay.reaches(suspended, 'blocked')).toMatchObject({ reason: 'account_suspended' });
    expect((await relay.cli('accounts', 'enable', email, '--note', 'a test')).code).toBe(0);
    const started = await start('second');
    expect(started.code).toBe(0);
    // The sandbox's platform has no such client.
    expect(await relay.reaches(JSON.parse(started.stdout).key, 'blocked')).toMatchObject({
      reason: 'unknown_on_platform',
    });
  });
});

describe.concurrent('webhook send', () => {
  it('is 202 at first, then 200 with what became of it, and 409 for something else under the key', async () => {
    const webhook = (...args: string[]) =>
      relay.cli('webhook', 'send', '--email', 'client-005@example.com', ...args);
    expect(await webhook('--key', 'mine')).toEqual({
      code: 0,
      stdout: '202 {"status":"received","idempotency_key":"mine"}\n',
      stderr: '',
    });
    await relay.reaches('mine', 'completed');
    expect(await webhook('--key', 'mine', '--url', `${relay.url}/webhooks/auto-recharge`)).toMatchObject({
      code: 0,
      stdout: '200 {"status":"completed","idempotency_key":"mine"}\n',
    });
    const other = await webhook('--key', 'mine', '--credits', '499');
    expect(other.code).toBe(1);
    expect(other.stdout).toMatch(/^409 \{"error":\{"code":"KEY_REUSED",/);
  });
});

describe.concurrent('quarantine', () => {
  it('shows a genuine webhook that was not understood, as it came, and why', async () => {
    const body = '{"id":"key-q","client":"grün@example.com"}';
    const file = join(newFolder(), 'webhook.json');
    writeFileSync(file, body);
    const sent = await relay.cli('webhook', 'send', '--body', file);
    expect(sent).toMatchObject({ code: 1, stdout: expect.stringMatching(/^400 .*NOT_UNDERSTOOD/) });

    const listed = await relay.cli('quarantine', 'list');
    const id = createHash('sha256').update(`/webhooks/auto-recharge\n${body}`).digest('hex');
    expect(listed.stdout).toMatch(
      new RegExp(
        `Z +\\d+ s ago  /webhooks/auto-recharge  ${id}  the idempotency key \\(idempotency_key, data\\.`,
      ),
    );
    expect(await relay.cli('quarantine', 'show', id, '--body')).toEqual({
      code: 0,
      stdout: body,
      stderr: '',
    });
    const { stdout } = await relay.cli('quarantine', 'show', id);
    expect(stdout).toContain(
      'Z  /webhooks/auto-recharge  the idempotency key (idempotency_key, data.idempotency_key)',
    );
    expect(stdout).toContain('content-type: application/json');
    expect(stdout.endsWith(`\n${body}\n`)).toBe(true);
    expect(stdout).not.toMatch(/x-webhook-(token|signature)/);
    expect(await relay.cli('quarantine', 'show', 'none')).toEqual(
      exits(3, /^Nothing is kept under none: npx relay quarantine list\n$/),
    );
  });
});

describe.concurrent('pause', () => {
  it('keeps new recharges waiting and uncharged until resume', async () => {
    const parties = await newParties();
    const paused = await start(parties);
    expect(await paused.cli('pause')).toEqual(exits(2, /required option '--note <text>'/));
    expect(await paused.cli('pause', '--note', 'prices change')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^No new charge begins from now on .+npx relay resume\n$/),
    });
    const emails = ['client-001@example.com', 'client-002@example.com'];
    for (const email of emails) {
      expect(await send(paused, { idempotency_key: email, email, credits: 100 })).toMatchObject({
        status: 202,
      });
    }
    await eventually(async () => {
      for (const { phase, history } of await paused.json<Row[]>('recharges', 'list')) {
        expect(phase).toBe('received');
        expect(history.at(-1)).toMatchObject({ event: 'waiting', detail: 'charging is paused' });
      }
    });
    expect(parties.payments.books).toEqual([]);
    expect((await paused.cli('resume')).code).toBe(0);
    for (const email of emails) await paused.reaches(email, 'completed');
    expect(parties.captures().toSorted()).toEqual(emails);
    expect(parties.grants().toSorted()).toEqual(emails);
  });
});

describe.concurrent('without a relay', () => {
  it('says what to start, and where it looked', async () => {
    const folder = newFolder();
    const cli = (...args: string[]) => runCommand(args, { env: { RELAY_LOCAL_DIR: folder } });
    const sentence = `No relay was started in ${folder}. Run RELAY_LOCAL_DIR=${folder} npm start, then this command in another terminal; for the relay on AWS, add --stack NAME.\n`;
    const commands = [
      ['recharges', 'list'],
      ['accounts', 'show', 'a@example.com'],
      ['webhook', 'send'],
    ];
    const said = await Promise.all(commands.map((command) => cli(...command)));
    expect(said).toEqual(commands.map(() => ({ code: 5, stdout: '', stderr: sentence })));
  });

  it('says that the one that was there has ended', async () => {
    const parties = await newParties();
    const ended = await start({ ...parties, ownEngines: true });
    await ended.end();
    const sentence = new RegExp(
      `^Nothing answers \\(connect ECONNREFUSED 127\\.0\\.0\\.1:\\d+\\)\\. Run RELAY_LOCAL_DIR=${ended.folder} npm start, then this command in another terminal; for the relay on AWS, add --stack NAME\\.\\n$`,
    );
    expect(await ended.cli('recharges', 'list')).toEqual(exits(5, sentence));
    expect(await ended.cli('webhook', 'send')).toEqual(exits(5, sentence));
  });
});
