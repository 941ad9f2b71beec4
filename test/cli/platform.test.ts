import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createSandboxPlatform, type SandboxPlatform } from '../../local/sandbox/platform.ts';
import { exits, runCommand } from '../support/command.ts';
import { useOperator } from '../support/operator.ts';
import { type Env, useRelays } from '../support/relay-process.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const KEY = 'key_Qx71mZ';
const { start } = useRelays();
const { aws, newStack, cli: cliOf } = useOperator();
const folder = mkdtempSync(join(tmpdir(), 'relay-platform-'));
const closing: { close(): unknown }[] = [];

let platform: SandboxPlatform;
/** As a shell has it where nothing else is set. */
let env: Env;

async function newPlatform(options: { profile?: object; ratePerMinute?: number } = {}) {
  const opened = await createSandboxPlatform({ apiKey: KEY, webhookSecret: 'webhook-secret', ...options });
  closing.push(opened);
  return opened;
}

beforeAll(async () => {
  platform = await newPlatform();
  env = {
    PLATFORM_BASE_URL: `${platform.url}/v1`,
    PLATFORM_API_KEY: KEY,
    RELAY_LOCAL_DIR: join(folder, 'none'),
  };
});
afterAll(async () => {
  for (const one of closing) await one.close();
  rmSync(folder, { recursive: true, force: true });
});

const relay = (args: string[], shell: Env = env) => runCommand(args, { env: shell });
const cli = (...args: string[]) => relay(['platform', ...args]);
async function json(...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await cli(...args, '--json');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}
const done = (stdout: string) => ({ code: 0, stdout, stderr: '' });
const eventsOf = (kind: string, { books } = platform) => books.filter((event) => event.kind === kind);

describe.concurrent('relay platform', () => {
  it('creates a contact with its number in E.164, and finds it by number and by email', async () => {
    const created = await json(
      'contacts',
      'create',
      ...['--phone', '06 12345678', '--country', 'NL', '--email', 'Jane@Example.com'],
      ...['--first-name', 'Jane', '--last-name', 'Smith'],
    );
    expect(created).toEqual({
      contact: {
        id: expect.any(String),
        first_name: 'Jane',
        last_name: 'Smith',
        phone: '+31612345678',
        email: 'Jane@Example.com',
        created_at: expect.any(String),
      },
      existed: false,
    });
    const { contact } = created;
    expect(await json('contacts', 'get', '--phone', '+31 6 1234-5678')).toEqual({ contact });
    expect(await json('contacts', 'get', '--email', 'Jane@Example.com')).toEqual({ contact });
    expect(await cli('contacts', 'create', '--phone', '+31612345678')).toEqual(
      done(
        [
          `Contact ${contact.id} (was there before)`,
          '  name         Jane Smith',
          '  phone        +31612345678',
          '  email        Jane@Example.com',
          `  created      ${contact.created_at}`,
          '',
        ].join('\n'),
      ),
    );
    expect(await cli('lists', 'add', 'customers', contact.id)).toEqual(done('The contact is on the list.\n'));
    expect(eventsOf('list_addition')).toMatchObject([{ listId: 'customers', contactId: contact.id }]);
  });

  it('says what is wrong with a number before it sends anything', async () => {
    // Nothing listens there.
    const nowhere = { ...env, PLATFORM_BASE_URL: 'http://127.0.0.1:1/v1' };
    const create = (...args: string[]) => relay(['platform', 'contacts', 'create', ...args], nowhere);
    const noCode = 'the phone number has no country code: it begins with + and the code';
    expect(await create('--phone', '0612345678')).toEqual(exits(2, `--phone: ${noCode}. Nothing was sent.`));
    expect(await create('--phone', '+3161')).toEqual(exits(2, /^--phone: .*Nothing was sent\.$/m));
    expect(await create('--phone', '0612345678', '--country', 'XX')).toEqual(
      exits(2, '--phone: the default country is not two letters of ISO 3166. Nothing was sent.'),
    );
    expect(await create('--email', 'jane')).toEqual(exits(2, /not an email address/));
    expect(await create('--first-name', 'Jane')).toEqual(exits(1, /needs a phone number or an email/));
    expect(await relay(['platform', 'contacts', 'get'], nowhere)).toEqual(
      exits(2, 'Give --phone or --email, and not both.'),
    );
    // What could be meant is sent, and says that nobody listens.
    expect(await create('--phone', '+31612345678')).toEqual(
      exits(1, /did not happen: not sent: ECONNREFUSED/),
    );
  });

  it('sends a message, and hands one over once however often it is asked to', async () => {
    const send = ['messages', 'send', '--from-id', 'visitor-1', '--channel', 'chat', '--body', 'Hello'];
    expect(await cli(...send, '--campaign-id', 'spring', '--first-name', 'Jane')).toEqual(done('Sent.\n'));
    expect(eventsOf('sent')).toMatchObject([
      { fromId: 'visitor-1', customChannel: 'chat', body: 'Hello', campaignId: 'spring', firstName: 'Jane' },
    ]);
    const incoming = [
      ...['messages', 'incoming', '--message-sid', 'sid-1', '--from-id', 'visitor-1', '--to-id', 'shop'],
      ...['--body', 'Hi', '--label', 'livechat', '--type', 'reaction'],
    ];
    const first = await json(...incoming);
    expect(first).toEqual({ message_id: expect.stringMatching(/^\d+$/) });
    expect(await cli(...incoming)).toEqual(done(`Handed over. The platform calls it ${first.message_id}.\n`));
    expect(eventsOf('received')).toMatchObject([
      {
        messageSid: 'sid-1',
        fromId: 'visitor-1',
        toId: 'shop',
        channel: 'livechat',
        messageType: 'reaction',
      },
    ]);
    expect(await cli(...send.slice(0, -2))).toEqual(exits(2, /required option '--body <text>'/));
  });

  it('looks a sub-account up', async () => {
    expect(await cli('subaccounts', 'get', 'demo@example.com')).toEqual(
      done('Sub-account\n  balance      500 credits\n  platform id  sub-demo-example-com\n'),
    );
    expect(await json('subaccounts', 'get', 'demo@example.com')).toEqual({
      balance: 500,
      platform_id: 'sub-demo-example-com',
    });
    expect(await cli('subaccounts', 'get', 'nobody@example.com')).toEqual(
      exits(3, 'The platform knows no sub-account with this email.'),
    );
  });

  it('says in a sentence what the platform refused, without the key and without an email', async () => {
    expect(await cli('contacts', 'get', '--email', 'nobody@example.com')).toEqual(
      exits(3, 'The platform knows no such contact.'),
    );
    expect(await cli('lists', 'add', 'no-list', 'no-contact')).toEqual(
      exits(1, /^Adding a contact to a list was refused: status 404 .*LIST_NOT_FOUND/),
    );
    const wrongKey = { ...env, PLATFORM_API_KEY: 'another-key' };
    const { code, stderr } = await relay(
      ['platform', 'contacts', 'get', '--email', 'jane@example.com'],
      wrongKey,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Finding a contact did not happen: status 401 .*Check the API key\./);
    expect(stderr).not.toMatch(/another-key|@example|apiKey=/);
    const unknown = await relay(['platform', 'subaccounts', 'get', 'demo@example.com'], wrongKey);
    expect(unknown).toEqual(exits(1, /^Whether there is such a sub-account could not be learnt: status 401/));
  });

  it('waits as long as a 429 asks, and says so', async () => {
    const busy = await newPlatform();
    const shell = { ...env, PLATFORM_BASE_URL: `${busy.url}/v1` };
    busy.fault({ operation: 'contacts', fault: 'rate_limited', times: 2, ms: 1_000 });
    const create = ['platform', 'contacts', 'create', '--phone', '+31612345678'];
    const { code, stderr } = await relay(create, shell);
    expect(stderr).toBe('The platform asks to wait 1 s (too many requests).\n'.repeat(2));
    expect(code).toBe(0);
    expect(eventsOf('contact', busy)).toHaveLength(1);
    busy.fault({ operation: 'lookup', fault: 'rate_limited', ms: 1_000 });
    const looked = await relay(['platform', 'subaccounts', 'get', 'demo@example.com'], shell);
    expect(looked).toMatchObject({ code: 0, stderr: 'The platform asks to wait 1 s (too many requests).\n' });
  });

  it('never repeats what may have been done', async () => {
    const lossy = await newPlatform();
    lossy.fault({ operation: 'send', fault: 'error_after' });
    const send = ['platform', 'messages', 'send', '--from-id', 'v', '--channel', 'chat', '--body', 'Hello'];
    expect(await relay(send, { ...env, PLATFORM_BASE_URL: `${lossy.url}/v1` })).toEqual(
      exits(1, /^Sending a message has no known outcome: .*Look whether it is there before you repeat it\./),
    );
    expect(eventsOf('sent', lossy)).toHaveLength(1);
  });
});

describe('the platform a command speaks to', () => {
  const lookup = ['platform', 'subaccounts', 'get', 'demo@example.com'];

  it('is that of the relay that npm start runs, as RELAY_CONFIG describes it', async () => {
    const running = await start();
    expect(await running.cli(...lookup)).toMatchObject({ code: 0, stderr: '' });
    const elsewhere = join(folder, 'part.json');
    writeFileSync(
      elsewhere,
      JSON.stringify({ platform: { incomingPath: '/incoming-custom-channel-message' } }),
    );
    const shell = { RELAY_LOCAL_DIR: running.folder, RELAY_CONFIG: elsewhere };
    expect(await relay(lookup, shell)).toMatchObject({ code: 0, stderr: '' });
    writeFileSync(elsewhere, JSON.stringify({ platform: { keyQuery: 'token' } }));
    expect(await relay(lookup, shell)).toEqual(exits(1, /status 401/));
    writeFileSync(elsewhere, JSON.stringify({ platform: { keyQuery: '' } }));
    expect(await relay(lookup, shell)).toEqual(
      exits(1, /^The platform section cannot be used:\n {2}- keyQuery: /),
    );
  });

  it('is that of a relay on AWS, with the key from its secret and the profile of its stage', async () => {
    const stack = newStack();
    const special = await newPlatform({
      profile: { keyPlacement: { subAccounts: 'header' }, keyHeader: 'api-key' },
    });
    const config = join(folder, 'relay.config.prod.json');
    const section = {
      baseUrl: `${special.url}/v1`,
      keyPlacement: { subAccounts: 'header' },
      keyHeader: 'api-key',
    };
    writeFileSync(config, JSON.stringify({ platform: section }));
    const onStack = (name: string, more: Env = {}) =>
      cliOf(['--stack', name, ...lookup], { env: { RELAY_CONFIG: config, ...more } });
    expect(await onStack(stack.name)).toEqual(
      exits(
        5,
        `The platform's API key is not set yet. Set it: npx relay --stack ${stack.name} secrets set platformApiKey`,
      ),
    );
    aws().put(stack.outbound, { platformApiKey: KEY });
    expect(await onStack(stack.name)).toMatchObject({ code: 0, stderr: '' });
    expect(await onStack('somebody-elses')).toEqual(exits(4, /^The stage of somebody-elses is not known/));
    expect(await onStack(stack.name, env)).toEqual(exits(4, /name one platform, --stack another/));
  });

  it('must be known, and its key', async () => {
    const { PLATFORM_API_KEY: _, ...keyless } = env;
    expect(await relay(lookup, keyless)).toEqual(exits(5, /^PLATFORM_API_KEY is not set/));
    expect(await relay(lookup, { RELAY_LOCAL_DIR: join(folder, 'none') })).toEqual(
      exits(5, /^No platform is known\. Set PLATFORM_BASE_URL and PLATFORM_API_KEY\. Or: Run/),
    );
  });

  it('gets the key over a safe connection only', async () => {
    const shell = { ...env, PLATFORM_BASE_URL: 'http://platform.example.com/v1' };
    expect(await relay(lookup, shell)).toEqual(exits(1, /baseUrl: must be https/));
  });
});
