import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { localSecrets } from '../../local/state.ts';
import { secretId } from '../../shared/incoming/secret-use.ts';
import { exits, startCommand } from '../support/command.ts';
import { pastedFrom, useOperator } from '../support/operator.ts';
import { type Env, useRelays } from '../support/relay-process.ts';

vi.setConfig({ testTimeout: 60_000 });

const { folder, cli } = useOperator();
const { start } = useRelays();

/** A folder in which `npm start` has run, and its secrets as they are stored. */
function newHome() {
  const home = mkdtempSync(join(folder, 'home-'));
  const env = { RELAY_LOCAL_DIR: home };
  localSecrets(env);
  const file = join(home, 'secrets.json');
  return {
    folder: home,
    env,
    file,
    newFile: join(home, 'new.secrets'),
    /** Without the times at which they were set. */
    secrets(): any {
      const { inbound, outbound, ...more } = JSON.parse(readFileSync(file, 'utf8'));
      const plain = ({ setAt: _, ...values }: Record<string, unknown>) => values;
      return { ...more, inbound: plain(inbound), outbound: plain(outbound) };
    },
    cli: (args: string[], input = '', more: Env = {}) => cli(args, { input, env: { ...env, ...more } }),
  };
}

/** One channel is configured; the rest of the file is full of faults. */
const config = join(folder, 'mine.json');
writeFileSync(config, JSON.stringify({ mode: 1, channels: { own: { adapter: 'webhook' } } }));
const CONFIGURED = { RELAY_CONFIG: config };
const UNKNOWN = 'No configuration here has a channel support: go on if it is configured elsewhere.';

describe.concurrent('secrets of npm start', () => {
  it('are changed in its file, for its next start', async () => {
    const home = newHome();
    const before = home.secrets();
    const stored = { ...before, later: { of: 'a later version' } };
    stored.inbound.other = true;
    writeFileSync(home.file, JSON.stringify(stored));
    expect(await home.cli(['secrets', 'set', 'webhook'], 'one-of-my-own\n')).toEqual({
      code: 0,
      stdout:
        'webhook is set; a running npm start reads it at its next start, unless WEBHOOK_SECRET is set. The one before stays valid beside it, until you drop it (secrets drop webhook).\n',
      stderr: '',
    });
    expect(await home.cli(['secrets', 'set', 'own/token'], 'bot', CONFIGURED)).toEqual({
      code: 0,
      stdout: 'own/token is set; a running npm start reads it at its next start.\n',
      stderr: '',
    });
    expect(home.secrets()).toEqual({
      ...stored,
      inbound: { ...stored.inbound, webhook: ['one-of-my-own', before.inbound.webhook[0]] },
      outbound: { ...before.outbound, channelTokens: { ...before.outbound.channelTokens, own: 'bot' } },
    });
    expect(statSync(home.file).mode & 0o777).toBe(0o600);
    expect(readdirSync(home.folder)).toEqual(['secrets.json']);
  });

  it('are made into a file beside it, with the place to paste them', async () => {
    const home = newHome();
    const { code, stdout, stderr } = await home.cli(['secrets', 'rotate', 'support/send']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: `${UNKNOWN}\n` });
    expect(stdout).toBe(
      `support/send is set; a running npm start reads it at its next start.\n${home.newFile}, readable by you alone, holds what is new:\n` +
        '  support/send: paste it into your own systems, which POST to /channels/support/send\nThen delete the file.\n',
    );
    expect(home.secrets().inbound.channels['support/send']).toEqual(pastedFrom(home.newFile));
    expect(readFileSync(home.newFile, 'utf8')).toContain(
      `# New secrets of npm start in ${home.folder}. Paste each one where it belongs, then delete this file.\n`,
    );
    expect(statSync(home.newFile).mode & 0o777).toBe(0o600);
    const { stdout: demo } = await home.cli(['secrets', 'rotate', 'demo/incoming']);
    expect(demo).toContain(
      "The sandbox's chat signs with demo/token: set demo/incoming and demo/token to the same.",
    );
  });

  it('are listed with the channels of the last start and of RELAY_CONFIG', async () => {
    const home = newHome();
    const list = async (env: Env = {}) =>
      JSON.parse((await home.cli(['secrets', 'list', '--json'], '', env)).stdout);
    expect(await list(CONFIGURED)).toContainEqual({ name: 'own/send', state: 'not set', held: [] });
    expect(await list()).toContainEqual({
      name: 'demo/token',
      state: 'set',
      note: 'no configuration here has a channel demo',
      held: [{ id: expect.stringMatching(/^[0-9a-f]{8}$/), is: 'current' }],
    });
  });

  it('are not made here: who forgot --stack is told', async () => {
    const none = join(folder, 'not-started');
    mkdirSync(none);
    const sentence = `No relay was started in ${none}. Run RELAY_LOCAL_DIR=${none} npm start, then this command in another terminal; for the relay on AWS, add --stack NAME.`;
    for (const args of [['rotate', 'webhook'], ['set', 'webhook'], ['list']]) {
      expect(await cli(['secrets', ...args], { env: { RELAY_LOCAL_DIR: none } })).toEqual(exits(5, sentence));
    }
    expect(await cli(['secrets', 'init'], { env: { RELAY_LOCAL_DIR: none } })).toEqual(
      exits(
        4,
        `secrets init is for a relay on AWS: npx relay --stack NAME secrets init. npm start makes its own in ${none}/secrets.json; secrets set and secrets rotate change them.`,
      ),
    );
    expect(readdirSync(none)).toEqual([]);
  });

  it('are never quoted where the file is broken, and then not changed', async () => {
    const home = newHome();
    for (const text of ['{"inbound": hunter2}', '{"inbound":{"webhook":"hunter2"},"outbound":{}}']) {
      writeFileSync(home.file, text);
      expect(await home.cli(['secrets', 'set', 'webhook'], 'new\n')).toEqual(
        exits(1, `${home.file} is not what npm start wrote: delete it, and start again.`),
      );
      expect(readFileSync(home.file, 'utf8')).toBe(text);
    }
  });

  it('are written by one command at a time', async () => {
    const home = newHome();
    const before = readFileSync(home.file, 'utf8');
    const changing = `${home.file}.changing`;
    writeFileSync(changing, '');
    expect(await home.cli(['secrets', 'set', 'platformApiKey'], 'new\n')).toEqual(
      exits(
        1,
        `platformApiKey could not be set: Another command is changing ${home.file}. If none is, delete ${changing}.`,
      ),
    );
    expect(readFileSync(home.file, 'utf8')).toBe(before);
  });

  it('of four changes at once, each is made whole or refused, and none is lost', async () => {
    const home = newHome();
    const names = Array.from({ length: 4 }, (_, index) => `channel-${index}`);
    const ended = await Promise.all(
      // As processes: within one of them, a change is not interrupted.
      names.map(
        (name) => startCommand(['secrets', 'set', `${name}/token`], { env: home.env, input: name }).ended,
      ),
    );
    const made = names.filter((_, index) => ended[index]?.code === 0);
    expect(made.length).toBeGreaterThan(0);
    const { demo: _, ...tokens } = home.secrets().outbound.channelTokens;
    expect(Object.keys(tokens).sort()).toEqual(made);
    for (const { code, stderr } of ended) if (code !== 0) expect(stderr).toMatch(/could not be set/);
    expect(readdirSync(home.folder)).toEqual(['secrets.json']);
  });

  it('count from the next start on, the ones before too', async () => {
    const first = await start();
    const post = async (url: string, token: string) =>
      (await fetch(`${url}/webhooks/auto-recharge?token=${token}`, { method: 'POST', body: '{}' })).status;
    const [before] = JSON.parse(readFileSync(join(first.folder, 'secrets.json'), 'utf8')).inbound.webhook;
    const list = await first.json<{ name: string; note?: string }[]>('secrets', 'list');
    expect(list.filter(({ name }) => name.startsWith('demo/'))).toMatchObject([
      { name: 'demo/incoming', state: 'set' },
      { name: 'demo/outgoing', state: 'set' },
      { name: 'demo/send', state: 'set' },
      { name: 'demo/token', state: 'set' },
    ]);
    expect((await first.cli('secrets', 'rotate', 'webhook')).code).toBe(0);
    const [made = ''] = pastedFrom(join(first.folder, 'new.secrets'));
    expect([await post(first.url, before), await post(first.url, made)]).toEqual([400, 401]);
    // As a manager of services ends it.
    expect(await first.end('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
    const second = await start({ folder: first.folder });
    expect([await post(second.url, before), await post(second.url, made)]).toEqual([400, 400]);
    expect(await post(second.url, 'another')).toBe(401);
    const { stdout } = await second.cli('secrets', 'list');
    const used = new RegExp(
      `^webhook +set, with a previous one\\n +current +${secretId('webhook', made)}  20.+ s ago\\n` +
        ` +previous +${secretId('webhook', before)} .*  20\\S+Z +\\d+ s ago  20\\S+Z \\(\\d+ s ago\\)$`,
      'm',
    );
    expect(stdout).toMatch(used);
  });
});
