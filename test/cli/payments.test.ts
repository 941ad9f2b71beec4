import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { localSecrets, takeFolder, writeRuntime } from '../../local/state.ts';
import { runCommand } from '../support/command.ts';
import { useOperator } from '../support/operator.ts';
import { PAYMENT_SECRET, useEndpoints } from '../support/payment-endpoint.ts';

const startEndpoint = useEndpoints();
const { newStack } = useOperator();
const folder = mkdtempSync(join(tmpdir(), 'relay-payments-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const test = (env: NodeJS.ProcessEnv, args: string[] = [], input = '') =>
  runCommand(['payments', 'test', ...args], {
    env: { RELAY_LOCAL_DIR: join(folder, 'none'), ...env },
    input,
    isTerminal: true,
  });
const PAYMENT_HOOK_SECRET = PAYMENT_SECRET;

describe('relay payments test', () => {
  it('says what it will charge, asks, and sends nothing without a yes', async () => {
    const PAYMENT_HOOK_URL = await startEndpoint();
    const { code, stdout, stderr } = await test(
      { PAYMENT_HOOK_URL, PAYMENT_HOOK_SECRET },
      ['--email', 'mia@example.com', '--amount', '1.50', '--currency', 'EUR'],
      'no\n',
    );
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toContain(`The payment endpoint ${PAYMENT_HOOK_URL} is tried.`);
    expect(stderr).toContain('This charges mia@example.com for real: 1.50 EUR, twice');
    expect(stderr).toMatch(/Go on\? \[y\/N\]\nThat is no yes\. Nothing was done\.\n$/);
  });

  it('prints each check, what became of the money, and ends with 0 where all is well', async () => {
    const PAYMENT_HOOK_URL = await startEndpoint();
    const { code, stdout } = await test({ PAYMENT_HOOK_URL, PAYMENT_HOOK_SECRET }, [], 'yes\n');
    expect(code).toBe(0);
    expect(stdout).toContain('PASS    at_once: 5 requests with one charge_id at the same moment');
    expect(stdout).toContain('20 passed, 0 failed, 0 could not be tried.');
    expect(stdout.match(/1\.00 USD of pay_\S+ \(rr_payments-test-\S+\) went back\./g)).toHaveLength(2);
  });

  it('prints what was sent, what came, the field and what to do where something is wrong, and ends with 1', async () => {
    const url = await startEndpoint([
      "status: 'paid', payment_ref:",
      "status: 'paid', colour: '\\u001b[31m', ref:",
    ]);
    const { code, stdout } = await test({ PAYMENT_HOOK_SECRET }, ['--url', url, '--yes']);
    expect(code).toBe(1);
    expect(stdout).toContain(
      [
        'FAIL    charge: A charge is answered 200 {"status":"paid","payment_ref":"…"}.',
        '          It answered: status 200 without payment_ref, which is not agreed.',
        '          wrong: payment_ref',
        '          sent: POST /charges {"charge_id":"rr_payments-test-',
      ].join('\n'),
    );
    expect(stdout).toContain('          came: 200 {"status":"paid","colour":"\\u001b[31m"');
    expect(stdout).toContain('          do: Answer 200 {"status":"paid","payment_ref":"…"}.');
    expect(stdout).toContain('SKIPPED lookup:');
    expect(stdout).toContain('MAY HAVE BEEN TAKEN: look for the charge at your provider.');
  });

  it('says once why all further checks could not be tried', async () => {
    const url = await startEndpoint();
    const other = { PAYMENT_HOOK_SECRET: `whsec_${Buffer.alloc(24).toString('base64')}` };
    const { stdout } = await test(other, ['--url', url, '--yes']);
    expect(stdout.match(/^SKIPPED /gm)).toHaveLength(19);
    expect(stdout.match(/The endpoint refused the signature of the first request\./g)).toHaveLength(1);
  });

  it('gives the whole report as JSON, with every request and answer', async () => {
    const url = await startEndpoint();
    const { code, stdout } = await test({ PAYMENT_HOOK_SECRET }, ['--url', url, '--yes', '--json']);
    const report = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(report).toMatchObject({
      url,
      passed: true,
      currency: 'USD',
      recharge_key: expect.stringMatching(/^payments-test-/),
      payments: [
        { state: 'refunded', amount: 100, payment_ref: expect.stringMatching(/^pay_/) },
        { state: 'refunded', charge_id: expect.stringMatching(/^rr_payments-test-/) },
      ],
    });
    const charge = report.checks.find(({ name }: { name: string }) => name === 'charge');
    expect(charge.exchanges[0]).toMatchObject({
      sent: 'POST /charges',
      body: { account: { email: 'demo@example.com' }, amount: 100 },
      came: expect.stringMatching(/^200 \{"status":"paid"/),
    });
  });
});

describe('which endpoint it is', () => {
  // Nothing is sent there: who does not say yes is only told where it would go.
  const url = 'http://127.0.0.1:9/pay';
  const said = `The payment endpoint ${url} is tried.`;
  const config = (name: string) => {
    const file = join(folder, name);
    const pricing = { currency: 'JPY', perCredit: '10' };
    writeFileSync(file, JSON.stringify({ payment: { type: 'http', url }, pricing }));
    return file;
  };

  it('is that of RELAY_CONFIG, in the currency of its prices', async () => {
    const RELAY_CONFIG = config('relay.config.json');
    const { stderr } = await test({ RELAY_CONFIG, PAYMENT_HOOK_SECRET });
    expect(stderr).toContain(said);
    expect(stderr).toContain('for real: 100 JPY');
  });

  it('is that of the relay that npm start runs, with the secret of its folder', async () => {
    const env = { RELAY_LOCAL_DIR: join(folder, 'local') };
    const { stderr: none } = await test(env);
    expect(none).toContain(
      'No payment endpoint is known. Set PAYMENT_HOOK_URL and PAYMENT_HOOK_SECRET. Or: Run',
    );
    localSecrets(env);
    const engine = 'http://127.0.0.1:9';
    const runtime = {
      url: engine,
      dynamodbEndpoint: engine,
      table: 't',
      paymentsUrl: url,
      config: { channels: {} },
    };
    writeRuntime(env, { ...runtime, sandbox: ['payments'] });
    expect((await test(env)).stderr).toContain(
      `The sandbox's payment endpoint was at ${url}, and has ended with its npm start. Run RELAY_LOCAL_DIR=`,
    );
    const relay = takeFolder(env, { fresh: false });
    expect((await test(env)).stderr).toContain(
      `The sandbox's payment endpoint ${url} is tried. It takes no money. This charges demo@example.com there: 1.00 USD`,
    );
    relay.release();
    writeRuntime(env, runtime);
    expect((await test({ ...env, PAYMENT_HOOK_SECRET })).stderr).toContain(said);
  });

  it('is that of the stack, once its secret is set', async () => {
    const stack = newStack();
    const RELAY_CONFIG = config('stack.config.json');
    const run = () => stack.cli(['payments', 'test'], { env: { RELAY_CONFIG } });
    expect((await run()).stderr).toContain(
      `is not set yet. Set it: npx relay --stack ${stack.name} secrets set paymentHook`,
    );
    await stack.cli(['secrets', 'set', 'paymentHook'], { input: `${PAYMENT_SECRET}\n` });
    expect((await run()).stderr).toContain(said);
  });

  it('is not sent anything where no secret is known, or its address is no safe one', async () => {
    expect((await test({ PAYMENT_HOOK_URL: url })).stderr).toBe(
      `PAYMENT_HOOK_SECRET is not set in this shell: ${url} wants signed requests. Set it as npm start has it.\n`,
    );
    expect((await test({ PAYMENT_HOOK_SECRET }, ['--url', 'http://pay.example.com'])).stderr).toContain(
      'The address of a payment endpoint is https',
    );
  });
});
