import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../shared/logger.ts';
import { createSweeps } from '../../shared/sweeps.ts';
import { aRecharge } from '../support/builders.ts';
import { runCommand } from '../support/command.ts';
import { useFoundRelay } from '../support/found-relay.ts';
import { useOperator } from '../support/operator.ts';

const relay = useFoundRelay();
const { aws, newStack } = useOperator();
const EMAIL = 'demo@example.com';

/** A client has paid, and nobody knows whether the credits came: the row, and its alert. */
async function anUnknownGrant(key = 'key-1'): Promise<void> {
  const { ledger, logger } = relay();
  const receivedAt = Date.now() - 60_000;
  await ledger.claim(aRecharge({ key, phase: 'needs_review', receivedAt }));
  logger.alert('grant_unknown', { key, email: EMAIL, detail: 'status 502' });
  await logger.kept();
}

describe('relay alerts', () => {
  it('says which recharge rang, what that means, and with which command to go on', async () => {
    await anUnknownGrant();
    const { code, stdout } = await relay().cli('alerts');
    expect(code).toBe(0);
    for (const said of [
      'grant_unknown  key-1',
      'A client has paid, and it is not known whether the credits were granted.',
      `of: ${EMAIL}`,
      'said: status 502',
      'npx relay recharges show key-1',
      'RUNBOOK.md#grant_unknown',
      '1 open alert',
    ]) {
      expect(stdout).toContain(said);
    }
    expect(JSON.parse((await relay().cli('alerts', '--json')).stdout)).toMatchObject([
      {
        word: 'grant_unknown',
        key: 'key-1',
        email: EMAIL,
        times: 1,
        over: false,
        first_at: expect.any(String),
      },
    ]);
  });

  it('shows with --all what is over, too, a line each', async () => {
    const { ledger, cli } = relay();
    await anUnknownGrant();
    const row = await ledger.read('key-1');
    if (row) await ledger.write(row, { ...row, phase: 'completed' });
    expect((await cli('alerts')).stdout).toContain('0 open alerts');
    const { stdout } = await cli('alerts', '--all');
    expect(stdout).toMatch(/^word +.*\n.*grant_unknown +key-1 .*over/);
  });
});

describe('relay status', () => {
  it('says all of it on one page, and what cannot be read', async () => {
    const { client, table, cli, connection } = relay();
    await anUnknownGrant();
    await createSweeps(client, table).note({ sweptAt: Date.now() - 600_000, queued: 0, failed: false });
    await connection.charging.pause({ reason: 'prices change', by: 'jane@desk' });
    const { code, stdout } = await cli('status');
    expect(code).toBe(0);
    for (const said of [
      /^Relay +npm start in .* · local · version /m,
      /^Charging +PAUSED by jane@desk since .*: prices change\n +until a person says so: npx relay resume/m,
      /^Waiting +1 needs_review \(grant_unknown\), the oldest for \d+ s\n/m,
      / npx relay recharges show key-1$/m,
      /^Alerts +grant_unknown {2}key-1 {2}\d+ s ago\n +what to do: npx relay alerts$/m,
      /^Webhooks +since .*: 1 accepted, 0 kept aside, 0 refused$/m,
      /^Quarantine +nothing is kept$/m,
      /^Queues +cannot be read: No relay was started in /m,
      /^Last sweep +.* \(10 min ago\) NO SWEEP SINCE/m,
      /^Secrets +set, it is not known when: webhook, /m,
    ]) {
      expect(stdout).toMatch(said);
    }
    const json = JSON.parse((await cli('status', '--json')).stdout);
    expect(json).toMatchObject({ charging: { paused: true, by: 'jane@desk' }, waiting: { reviews: 1 } });
  });

  it('is said again and again with --watch', async () => {
    let waits = 0;
    const sleep = async () => {
      waits += 1;
      if (waits === 3) throw new Error('enough seen');
    };
    const { stdout } = await runCommand(['status', '--watch'], { env: relay().env, sleep });
    expect(stdout.match(/^Charging +on$/gm)).toHaveLength(3);
  });
});

describe('the line above every list', () => {
  it('is told beside the list on a terminal, and to no program', async () => {
    await anUnknownGrant();
    const { env } = relay();
    const list = (...args: string[]) => runCommand(args, { env, isTerminal: true });
    const told = 'local · charging on · 1 waits for you · 1 alert in 24 h\n';
    for (const args of [['recharges', 'list'], ['accounts', 'list'], ['quarantine', 'list'], ['alerts']])
      expect((await list(...args)).stderr).toContain(told);
    expect((await list('recharges', 'list', '--json')).stderr).not.toContain(told);
    expect((await list('recharges', 'show', 'key-1')).stderr).not.toContain(told);
    expect((await relay().cli('recharges', 'list')).stderr).not.toContain(told);
  });

  it('keeps no list from being shown', async () => {
    const env = { RELAY_LOCAL_DIR: '/there/is/none' };
    const { code, stderr } = await runCommand(['recharges', 'list'], { env, isTerminal: true });
    expect(code).toBe(5);
    expect(stderr).toMatch(/^No relay was started in \/there\/is\/none\./);
  });
});

describe('relay why', () => {
  it('answers first, and then says what it knows', async () => {
    await anUnknownGrant();
    const { code, stdout } = await relay().cli('why', 'Demo@Example.com');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^You must act\. Find out what happened \(RUNBOOK\.md, grant_unknown\)/);
    expect(stdout).toContain('npx relay recharges resolve key-1 confirm-granted --version 3');
    expect(stdout).toMatch(/\nOpen alerts .*\n {2}grant_unknown {2}key-1/);
    expect(stdout).toMatch(
      /\nreceived \(UTC\) +phase .*\n.*needs_review +grant_unknown +500 +50\.00 USD +key-1 +You must act/,
    );
    const json = JSON.parse((await relay().cli('why', EMAIL, '--json')).stdout);
    expect(json).toMatchObject({ email: EMAIL, next_step: { who: 'you' }, recharges: [{ key: 'key-1' }] });
  });
});

describe('relay logs', () => {
  it('prints the lines of one recharge, from both files of the local log', async () => {
    const { env, cli } = relay();
    const written = (name: string, write: (logger: ReturnType<typeof createLogger>) => void) => {
      const lines: string[] = [];
      write(createLogger((line) => lines.push(`${line}\n`)));
      writeFileSync(join(env.RELAY_LOCAL_DIR ?? '', name), `${lines.join('')}no line of ours\n`);
    };
    written('relay.log.1', (logger) => logger.info('decided', { key: 'a@b.example-1', outcome: 'due' }));
    written('relay.log', (logger) => {
      logger.alert('grant_unknown', { key: 'a@b.example-1', detail: 'status 502' });
      logger.info('decided', { key: 'a@b.example-11' });
      logger.error('a recharge could not be driven', new Error('no answer'), { key: 'key-9' });
      logger.info('channel answered', { id: 'rrm-1 rrm-2', status: 200 });
    });
    const { stdout } = await cli('logs', 'a@b.example-1');
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/Z {2}info {3}decided {2}key=a\*\*\*@b\.example-1 {2}outcome=due$/),
      expect.stringMatching(/Z {2}alert {2}grant_unknown {2}.*detail=status 502/),
      '2 lines',
      '',
    ]);
    const failed = JSON.parse((await cli('logs', '--errors', '--json')).stdout);
    expect(failed).toMatchObject([{ level: 'error', error: 'Error: no answer' }]);
    expect(await cli('logs')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Name a key, or say --errors.'),
    });
    expect(JSON.parse((await cli('logs', 'rrm-2', '--json')).stdout)).toMatchObject([{ id: 'rrm-1 rrm-2' }]);
  });

  it('prints those of a stack from CloudWatch, of all its functions, in their order', async () => {
    const { name, cli } = newStack();
    const line = (seconds: number, message: string, key = 'key-1') =>
      JSON.stringify({
        time: new Date(Date.now() - seconds * 1_000).toISOString(),
        level: 'info',
        message,
        key,
      });
    aws().logs.set(`${name}-workerLog-1`, [
      line(50, 'second'),
      line(40, 'third'),
      line(30, 'other', 'key-11'),
    ]);
    aws().logs.set(`${name}-webhookLog-2`, [line(400_000, 'too old'), line(60, 'first')]);
    aws().logs.set('another-stack', [line(60, 'not ours')]);
    const { code, stdout } = await cli(['logs', 'key-1', '--days', '1', '--json']);
    expect(code).toBe(0);
    const said = JSON.parse(stdout).map((one: Record<string, string>) => `${one.group} ${one.message}`);
    expect(said).toEqual([
      `${name}-webhookLog-2 first`,
      `${name}-workerLog-1 second`,
      `${name}-workerLog-1 third`,
    ]);
  });

  it('prints what failed in any function of a stack, also what Lambda itself says of it', async () => {
    const { name, cli } = newStack();
    const at = new Date(Date.now() - 60_000).toISOString();
    const timedOut = `${at} 4b1c Task timed out after 60.00 seconds`;
    const line = (level: string) => JSON.stringify({ time: at, level, message: `of level ${level}` });
    aws().logs.set(`${name}-workerLog-1`, [line('info'), line('error'), timedOut]);
    const { stdout } = await cli(['logs', '--errors', '--json']);
    const said = JSON.parse(stdout).map(({ message }: { message: string }) => message);
    expect(said).toEqual(expect.arrayContaining(['of level error', timedOut]));
    expect(said).toHaveLength(2);
  });

  it.each([
    [
      'logs:FilterLogEvents',
      /\n {2}aws logs filter-log-events --log-group-name \S+-workerLog-1 --start-time \d+ --filter-pattern '"key-1"' /,
    ],
    [
      'logs:DescribeLogGroups',
      /\n {2}for group in \$\(aws logs describe-log-groups --log-group-name-prefix recharge-relay-\d+- /,
    ],
  ])('prints the exact command where the right %s is missing', async (right, command) => {
    const { name, cli } = newStack();
    aws().logs.set(`${name}-workerLog-1`, []);
    aws().denied.add(right);
    const { code, stderr } = await cli(['logs', 'key-1', '--days', '1']);
    aws().denied.delete(right);
    expect(code).toBe(5);
    expect(stderr).toContain('It takes the rights logs:DescribeLogGroups and logs:FilterLogEvents');
    expect(stderr).toMatch(command);
  });
});

describe('programs are told', () => {
  const told = async (...args: string[]) => {
    const { code, stdout, stderr } = await relay().cli(...args, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout);
  };

  it('by one schema whether charging is paused, whoever asks', async () => {
    const pause = { paused: true, reason: 'prices change', by: expect.any(String) };
    expect(await told('pause', '--note', 'prices change')).toEqual(pause);
    const inForce = { ...pause, since: expect.any(String) };
    expect((await told('status')).charging).toEqual(inForce);
    expect((await told('why', EMAIL)).charging).toEqual(inForce);
    expect(await told('resume')).toEqual({ paused: false });
    expect((await told('why', EMAIL)).charging).toEqual({ paused: false });
  });

  it('by one schema of a client, whatever was done, and what limits them as money', async () => {
    const cap = { amount: 20_000, currency: 'USD' };
    const own = ['--monthly-cap', '200.00 USD', '--price-per-credit', '0.08 USD', '--platform-id', '4711'];
    const added = await told('accounts', 'add', EMAIL, ...own);
    expect(added).toMatchObject({ email: EMAIL, known: true, own_pricing: true, monthly_cap: cap });
    const { limits } = (await told('why', EMAIL)).account;
    expect(limits.monthly_cap).toEqual(cap);
    expect(await told('accounts', 'suspend', EMAIL, '--note', 'disputed')).toMatchObject({
      status: 'suspended',
      status_change: { note: 'disputed' },
    });
    expect(await told('accounts', 'unlink', '4711')).toEqual({ platform_id: '4711', email: EMAIL });
    expect(await told('accounts', 'erase', EMAIL, '--dry-run')).toMatchObject({
      account: true,
      obstacles: [],
    });
  });

  it('which secrets were changed, and never their values', async () => {
    const made = { name: 'webhook', paste_into: expect.any(String) };
    expect(await told('secrets', 'rotate', 'webhook')).toEqual({
      changed: [made],
      file: expect.any(String),
      not_set: [],
    });
    expect(await told('secrets', 'drop', 'webhook', '--all-previous', '--yes')).toMatchObject({
      name: 'webhook',
    });
  });
});
