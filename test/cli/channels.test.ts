import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { createQueue, createTable } from '../../local/engines.ts';
import { type Message, messageIdOf, newMessage } from '../../shared/channels/message.ts';
import { createDynamoMessages } from '../../shared/channels/messages.ts';
import { createDynamoWaits } from '../../shared/channels/waits.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { createSqsClient } from '../../shared/storage/sqs-client.ts';
import {
  type ChannelParties,
  chatChannel,
  markOnly,
  type post,
  postUntilTaken,
  REPLY_SECRET,
  repliesTo,
  rowsOf,
  secretOf,
  tokenOf,
  useChannelParties,
} from '../support/channel-relay.ts';
import { exits } from '../support/command.ts';
import { useOperator } from '../support/operator.ts';
import { eventually, type RunningRelay, useEngines, useRelays } from '../support/relay-process.ts';

const { newFolder, start } = useRelays();
const newParties = useChannelParties();
const newEngines = useEngines();
const { cli, newStack, aws } = useOperator();

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const NOT_STARTED = /^No relay was started in \S+\. Run RELAY_LOCAL_DIR=\S+ npm start, then this command/;

let parties: ChannelParties;
let relay: RunningRelay;
/** By what they say. */
let ids: Record<string, string>;

/** Messages of each way and each end; one of those that were refused is there to be replayed. */
beforeAll(async () => {
  const folder = newFolder();
  parties = await newParties(folder, ({ support: at }) => {
    const chat = chatChannel(at, { dedupes: false });
    const support = { ...chat, delivery: { ...chat.delivery, waits: 'contact' } };
    return { support, bare: { ...support, outgoing: {}, send: {} } };
  });
  changeSecrets(folder, (channels) => {
    channels['bare/incoming'] = [' '];
    delete channels['bare/outgoing'];
  });
  relay = await start({ folder, env: parties.env });
  repliesTo(parties.platform, relay);
  parties.platform.fault({ operation: 'incoming', fault: 'invalid', contact: 'silent-refused' });
  parties.platform.fault({ operation: 'incoming', fault: 'invalid', contact: 'silent-replayed' });
  parties.platform.fault({ operation: 'incoming', fault: 'invalid', contact: 'silent-many', times: 2 });
  parties.chat.fault({ operation: 'deliver', fault: 'reset_before', contact: 'lost' });
  parties.chat.fault({ operation: 'deliver', fault: 'rate_limited', ms: 3_600_000, contact: 'waiting' });
  const reply = { way: 'outgoing', secret: REPLY_SECRET };
  await write({
    id: 'in-1',
    contact: 'jane',
    text: 'a first\nquestion that is longer than what a line shows',
  });
  await write({ id: 'in-2', contact: 'silent-refused', text: 'a second question' });
  await write({ id: 'in-3', contact: 'silent-replayed', text: 'another question' });
  await write({ id: 'in-5', contact: 'silent-many', text: 'one of many' });
  await write({ id: 'in-6', contact: 'silent-many', text: 'more of many' });
  await write({ messageId: 'out-1', contactId: 'lost', body: 'an answer' }, reply);
  await write({ messageId: 'out-2', contactId: 'waiting', body: 'later on' }, reply);
  await write({ id: 'send-1', fromId: 'jane', body: 'a notice' }, { way: 'send' });
  const rows = await eventually(async () => {
    const all = await rowsOf(relay);
    expect(all.map(({ direction, status }) => `${direction} ${status}`).toSorted()).toEqual([
      'incoming delivered',
      'incoming failed',
      'incoming failed',
      'incoming failed',
      'incoming failed',
      'outgoing delivered',
      'outgoing parked',
      'outgoing queued',
      'send delivered',
    ]);
    return all;
  });
  ids = Object.fromEntries(rows.map((row) => [row.content.text.slice(0, 8), messageIdOf(row)]));
});

const write = (payload: Record<string, unknown>, of?: Parameters<typeof post>[2]) =>
  postUntilTaken(() => relay, payload, of);

/** @param change gets the inbound secrets of channels. */
function changeSecrets(folder: string, change: (channels: Record<string, string[]>) => void): void {
  const file = join(folder, 'secrets.json');
  const secrets = JSON.parse(readFileSync(file, 'utf8'));
  change(secrets.inbound.channels);
  writeFileSync(file, JSON.stringify(secrets));
}

const texts = (rows: { text: string }[]) => rows.map(({ text }) => text.slice(0, 8)).toSorted();

describe.concurrent('messages', () => {
  it('are listed newest first, by channel, way, status and contact, for people and for programs', async () => {
    const list = (...filters: string[]) => relay.json<any[]>('messages', 'list', ...filters);
    const [own, parked, outgoing] = await Promise.all([
      list('--contact', 'jane'),
      list('--status', 'parked', '--channel', 'support'),
      list('--direction', 'outgoing'),
    ]);
    expect(texts(parked)).toEqual(['an answe']);
    expect(texts(outgoing)).toEqual(['You said', 'an answe', 'later on']);
    expect(texts(own)).toEqual(['You said', 'a first\n', 'a notice']);
    const times = own.map(({ received_at }) => received_at);
    expect(times).toEqual(times.toSorted().reverse());
    const time = expect.stringMatching(/^20\d\d-\d\d-\d\dT\S+Z$/);
    expect(own.filter(({ direction }) => direction === 'incoming')).toEqual([
      {
        id: ids['a first\n'],
        channel: 'support',
        direction: 'incoming',
        sender_id: 'in-1',
        contact: 'jane',
        type: 'text',
        text: 'a first\nquestion that is longer than what a line shows',
        attachments: [],
        status: 'delivered',
        parts_delivered: 1,
        external_ids: [expect.stringMatching(/^\d{13}$/)],
        received_at: time,
        queued_at: time,
        queued_no: 1,
        version: expect.any(Number),
        history: [
          { at: time, event: 'received' },
          { at: time, event: 'delivered' },
        ],
      },
    ]);

    const { code, stdout } = await relay.cli(
      'messages',
      'list',
      '--contact',
      'jane',
      '--direction',
      'incoming',
    );
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^received \(UTC\) +status +channel +contact +id +text$/),
      expect.stringMatching(
        /^20\d\d-\S+Z +\d+ s ago {2}delivered {2}support\/incoming {2}jane {5}rrm-[0-9a-f]{24} {2}a first question that is longer than wha…$/,
      ),
      '1 message',
      '',
    ]);
  });

  it('are not listed where a filter fits none, or is not understood', async () => {
    const [none, misspelt, resent, status, days] = await Promise.all([
      relay.cli('messages', 'list', '--channel', 'bare'),
      relay.cli('messages', 'list', '--channel', 'suport', '--json'),
      relay.cli('messages', 'replay-all', '--channel', 'suport', '--status', 'failed'),
      relay.cli('messages', 'list', '--status', 'lost'),
      relay.cli('messages', 'list', '--days', 'few'),
    ]);
    expect(none).toEqual({ code: 0, stdout: '0 messages\n', stderr: '' });
    const stderr = 'No configuration here has a channel suport, only bare, support.\n';
    expect(misspelt).toEqual({ code: 0, stdout: '[]\n', stderr });
    expect(resent).toEqual({ code: 0, stdout: '0 messages failed\n', stderr });
    expect(status).toEqual(
      exits(2, /Allowed choices are received, queued, delivering, delivered, failed, parked/),
    );
    expect(days).toEqual(exits(2, /a whole number/));
  });

  it('are shown with what they say, what happened, and what to do', async () => {
    const [parked, failed, unknown] = await Promise.all([
      relay.cli('messages', 'show', `${ids['an answe']}`),
      relay.cli('messages', 'show', `${ids['a second']}`),
      relay.cli('messages', 'show', 'rrm-0'),
    ]);
    expect(parked).toMatchObject({ code: 0, stderr: '' });
    expect(parked.stdout.split('\n')).toEqual([
      `Message ${ids['an answe']}`,
      '  status         parked',
      '                 it may have been delivered: look, and where it was not: npx relay messages replay ' +
        ids['an answe'],
      '  channel        support, outgoing',
      '  contact        lost',
      "  sender's id    out-1",
      '  text           an answer',
      '',
      expect.stringMatching(/^ {2}20\S+Z {6}\+0\.00 s {2}received$/),
      expect.stringMatching(/^ {2}20\S+Z {6}\+\d\.\d\d s {2}parked: ECONNRESET: /),
      '',
    ]);
    expect(failed.stdout).toContain(
      `given up; mend the cause, then: npx relay messages replay ${ids['a second']}`,
    );
    expect(failed.stdout).toMatch(/failed: Handing over an incoming message was refused: status 400/);
    expect(unknown).toEqual(exits(3, 'No message has the id rrm-0. Look for it: npx relay messages list'));
  });

  it('that wait because the chat asked for it say until when', async () => {
    const id = `${ids['later on']}`;
    const [{ stdout }, row] = await Promise.all([
      relay.cli('messages', 'show', id),
      relay.json<any>('messages', 'show', id),
    ]);
    expect(stdout).toMatch(/^ {2}not before {5}20\S+Z, as it was asked for$/m);
    expect(stdout).toMatch(/waiting: HTTP 429: Too many requests\.; it asks for 60 min$/m);
    expect(row).toMatchObject({ not_before: expect.stringMatching(/^20\S+Z$/), waits: 1, known: {} });
  });

  it('write what a customer sent as it is to be read, and let it command no terminal', async () => {
    const contact = 'silent-joker';
    await write({ id: 'in-4', contact, text: 'look \u001b]0;owned\u0007 here' });
    const id = await eventually(async () => {
      const row = (await rowsOf(relay)).find((one) => one.content.contact === contact);
      if (!row) throw new Error('It is not stored yet.');
      return messageIdOf(row);
    });
    const [list, show] = await Promise.all([
      relay.cli('messages', 'list', '--contact', contact),
      relay.cli('messages', 'show', id),
    ]);
    for (const { stdout } of [list, show]) {
      expect(stdout).toContain('look \\u{1b}]0;owned\\u{7} here');
      for (const control of ['\u001b', '\u0007']) expect(stdout).not.toContain(control);
    }
  });

  it('go on by themselves where they were stored and never queued, and show tells it', async () => {
    const contact = 'silent-marked';
    // So that the row says that it is queued before it says that it is delivered.
    parties.platform.fault({ operation: 'incoming', fault: 'slow', ms: 300, contact });
    const id = await markOnly(relay, { id: 'in-7', contact, type: 'text', text: 'hello?', attachments: [] });
    await eventually(async () => {
      const row = (await rowsOf(relay)).find((one) => messageIdOf(one) === id);
      expect(row).toMatchObject({ status: 'delivered' });
    });
    expect(parties.received('support').filter((message) => message.contact === contact)).toHaveLength(1);
    const { stdout } = await relay.cli('messages', 'show', id);
    expect(stdout).toMatch(/Z +\+6\d\.\d\d s {2}swept: stored, and not known to be in the queue\n/);
  });

  it('are replayed all at once where they ended alike, in the order in which they were received', async () => {
    const both = [ids['one of m'], ids['more of ']];
    const replayAll = (...more: string[]) =>
      relay.cli('messages', 'replay-all', '--status', 'failed', '--contact', 'silent-many', ...more);
    // Counted first, and asked for.
    expect(await replayAll('--dry-run')).toEqual({
      code: 0,
      stdout: '2 messages failed: nothing was done\n',
      stderr: '     2  support/incoming\n',
    });
    expect(await replayAll()).toMatchObject({ code: 4, stderr: expect.stringContaining('add --yes') });
    expect(JSON.parse((await replayAll('--since', '0001-01-01', '--dry-run', '--json')).stdout)).toEqual({
      found: 2,
      replayed: 0,
      refused: [],
    });
    const { code, stdout } = await replayAll('--yes');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '2 messages replayed\n' });
    await eventually(async () => {
      const rows = (await rowsOf(relay)).filter((one) => both.includes(messageIdOf(one)));
      for (const row of rows) expect(row).toMatchObject({ status: 'delivered', queuedNo: 2 });
    });
    const taken = parties.platform.books.flatMap((event) =>
      event.kind === 'received' && event.fromId === 'silent-many' ? [event.body] : [],
    );
    expect(taken).toEqual(['one of many', 'more of many']);
    const all = await relay.cli('messages', 'replay-all');
    expect(all).toEqual(exits(2, /--status/));
  });

  it('are replayed once they have ended badly, and not before', async () => {
    const id = `${ids['another ']}`;
    const [delivered, unknown, replayed] = await Promise.all([
      relay.cli('messages', 'replay', `${ids['a first\n']}`),
      relay.cli('messages', 'replay', 'rrm-0'),
      relay.cli('messages', 'replay', id),
    ]);
    expect(delivered).toEqual(exits(4, `Message ${ids['a first\n']} is not replayed: it is delivered.`));
    expect(unknown).toEqual(exits(3, `No message has the id rrm-0. Look for it: npx relay messages list`));
    expect(replayed).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        new RegExp(`^Message ${id} is \\w+ again. What becomes of it: npx relay messages show ${id}\n$`),
      ),
      stderr: '',
    });
    await eventually(async () => {
      const row = (await rowsOf(relay)).find((one) => messageIdOf(one) === id);
      expect(row).toMatchObject({ status: 'delivered', queuedNo: 2 });
    });
    const log = readFileSync(join(relay.folder, 'relay.log'), 'utf8');
    expect(log).toContain(id);
    for (const said of ['question', 'an answer', 'a notice', 'secret-of-']) expect(log).not.toContain(said);
  });
});

describe.concurrent('channels', () => {
  it('are listed with their addresses, what they lack, and what they wait for', async () => {
    const { dynamodbEndpoint, table } = JSON.parse(readFileSync(join(relay.folder, 'runtime.json'), 'utf8'));
    const client = createDocumentClient(engineAt(dynamodbEndpoint));
    const sender = { channel: 'bare', token: tokenOf('bare'), place: 'a place' };
    const until = Date.now() + 100 * 60_000;
    await createDynamoWaits(client, table, Date.now).keep(sender, 'channel', until);
    client.destroy();
    const at100 = new Date(until).toISOString();
    const [listed, json] = await Promise.all([
      relay.cli('channels', 'list'),
      relay.json<any[]>('channels', 'list'),
    ]);
    const at = `${relay.url}/channels`;
    const lacks = 'no verifier is configured: nothing is let in';
    expect(listed).toEqual({
      code: 0,
      stdout: [
        'support (webhook)',
        `  incoming  ${at}/support/incoming`,
        `  outgoing  ${at}/support/outgoing`,
        `  send      ${at}/support/send`,
        'bare (webhook)',
        `  incoming  ${at}/bare/incoming  (no secret is set: secrets set bare/incoming)`,
        `  outgoing  ${at}/bare/outgoing  (${lacks}; no secret is set: secrets set bare/outgoing)`,
        `  send      ${at}/bare/send  (${lacks})`,
        `  waits     until ${at100.slice(0, 19)}Z (in 100 min): the chat system asked for it`,
        '2 channels',
        '',
      ].join('\n'),
      stderr: '',
    });
    expect(json).toMatchObject([
      {
        name: 'support',
        adapter: 'webhook',
        settings: { delivery: { dedupes: false } },
        waits: { until: null, places: [] },
      },
      { name: 'bare', settings: { outgoing: { verifiers: [] } }, waits: { until: at100, places: [] } },
    ]);
  });

  it('are tested with a message whose stages are shown', async () => {
    const { code, stdout, stderr } = await relay.cli('channels', 'test', 'support');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual([
      `A sample message of the contact relay-test goes to ${relay.url}/channels/support/incoming …`,
      '… which answers 202 {"status":"received"}',
    ]);
    expect(lines.slice(2)).toEqual([
      expect.stringMatching(/\+0\.00 s {2}received$/),
      expect.stringMatching(/s {2}delivered$/),
      expect.stringMatching(/^Message rrm-[0-9a-f]{24} is delivered\.$/),
    ]);
    const [sample] = parties.received('support').filter(({ contact }) => contact === 'relay-test');
    expect(sample?.text).toMatch(/^Test of the channel support, [0-9a-f]{12}$/);
    const json = await relay.json('channels', 'test', 'support');
    expect(json).toMatchObject({ status: 'delivered', contact: 'relay-test' });
  });

  it('say why a test did not succeed', async () => {
    const stranger = newFolder();
    for (const name of ['runtime.json', 'secrets.json'])
      copyFileSync(join(relay.folder, name), join(stranger, name));
    changeSecrets(stranger, (channels) => {
      channels['support/incoming'] = ['another secret'];
    });
    const [wrong, missing, unknown] = await Promise.all([
      cli(['channels', 'test', 'support'], { env: { RELAY_LOCAL_DIR: stranger } }),
      relay.cli('channels', 'test', 'bare'),
      relay.cli('channels', 'test', 'nobody'),
    ]);
    expect(wrong).toEqual({
      code: 4,
      stdout: expect.stringMatching(/\n… which answers 401 \{.+could not be verified.+\}\n$/),
      stderr:
        'The relay did not take it. Is channels.support in force, with the secret that is set (a running npm start takes a new one at its next start)?\n',
    });
    expect(missing).toEqual(exits(5, 'No secret is set. Set it: npx relay secrets set bare/incoming'));
    expect(unknown).toEqual(exits(3, 'There is no channel nobody, only bare, support.'));
  });

  it('are of no relay where none was started', async () => {
    const env = { RELAY_LOCAL_DIR: newFolder() };
    const refusal = exits(5, NOT_STARTED);
    const commands = [
      ['channels', 'list'],
      ['channels', 'test', 'support'],
    ];
    const said = await Promise.all(commands.map((command) => cli(command, { env })));
    expect(said).toEqual([refusal, refusal]);
  });
});

describe.concurrent('with --stack', () => {
  /** A stack with a table and a queue, whose API is a server of this test; its configuration is the relay's. */
  async function aStack(
    answer: (body: any, messages: ReturnType<typeof createDynamoMessages>) => Promise<number>,
  ) {
    const stack = newStack();
    const { env } = await newEngines();
    const client = createDocumentClient(engineAt(env.DYNAMODB_ENDPOINT ?? ''));
    await createTable(client, stack.name);
    const sqs = createSqsClient(engineAt(env.SQS_ENDPOINT ?? ''));
    const queueUrl = await createQueue(sqs, {
      name: 'messages.fifo',
      deadLetterName: 'messages-dead.fifo',
      visibilityTimeoutSeconds: 30,
      maxReceiveCount: 10,
    });
    const messages = createDynamoMessages(client, stack.name, Date.now);
    const asked: string[] = [];
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      asked.push(`${request.method} ${request.url} ${request.headers['x-webhook-signature']}`);
      const status = await answer(JSON.parse(body), messages);
      response.writeHead(status).end(`{"of":"the API"}`);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    Object.assign(aws().stacks.get(stack.name) ?? {}, {
      WebhookUrl: `${origin}/webhooks/auto-recharge`,
      MessageQueueUrl: queueUrl,
    });
    const config = join(relay.folder, 'relay.config.json');
    const shell = {
      AWS_ENDPOINT_URL_DYNAMODB: `${env.DYNAMODB_ENDPOINT}`,
      AWS_ENDPOINT_URL_SQS: `${env.SQS_ENDPOINT}`,
      RELAY_CONFIG: config,
    };
    return {
      ...stack,
      origin,
      asked,
      messages,
      cli: (...args: string[]) => stack.cli(args, { env: shell }),
      cliWith: (more: Record<string, string>, ...args: string[]) =>
        stack.cli(args, { env: { ...shell, ...more } }),
      async received() {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl: queueUrl, MessageSystemAttributeNames: ['All'] }),
        );
        return Messages;
      },
      end() {
        server.close();
        client.destroy();
        sqs.destroy();
      },
    };
  }

  const aMessage = (given: Partial<Message>): Message => ({
    ...newMessage(
      {
        channel: 'support',
        direction: 'outgoing',
        content: { id: 'out-1', contact: 'jane', type: 'text', text: 'Bonjour', attachments: [] },
      },
      Date.now(),
    ),
    ...given,
  });

  it('messages are those of its table, and are replayed through its queue', async () => {
    const stack = await aStack(async () => 500);
    const row = aMessage({ status: 'parked' });
    await stack.messages.mark(row);
    const id = messageIdOf(row);
    // Its channel may have been taken out of the configuration: what it relayed stays to be seen.
    const file = join(newFolder(), 'relay.config.json');
    writeFileSync(file, '{"channels":{}}');
    const listed = await stack.cliWith(
      { RELAY_CONFIG: file },
      'messages',
      'list',
      '--channel',
      'support',
      '--json',
    );
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(listed.stdout)).toMatchObject([{ id, status: 'parked', text: 'Bonjour' }]);

    const replayed = await stack.cli('messages', 'replay', id, '--json');
    expect(replayed).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(replayed.stdout)).toMatchObject({ id, status: 'queued', queued_no: 2 });
    expect(await stack.received()).toMatchObject([
      { Body: JSON.stringify({ message: id }), Attributes: { MessageDeduplicationId: `${id}-2` } },
    ]);
    stack.end();
  });

  it('channels are those of its configuration, and are tested through its address', async () => {
    const stack = await aStack(async (body, messages) => {
      const { id, contact, text } = body;
      const content = { id, contact, text, type: 'text' as const, attachments: [] };
      await messages.mark(aMessage({ direction: 'incoming', content, status: 'failed' }));
      return 202;
    });
    expect(await stack.cli('channels', 'test', 'support')).toEqual(
      exits(5, `No secret is set. Set it: npx relay --stack ${stack.name} secrets set support/incoming`),
    );
    const secret = secretOf('support', 'incoming');
    aws().put(stack.inbound, { channels: { 'support/incoming': [secret, 'the one before'] } });
    const listed = await stack.cli('channels', 'list');
    expect(listed.stdout).toContain(
      `support (webhook)\n  incoming  ${stack.origin}/channels/support/incoming\n  outgoing`,
    );
    expect(listed.stdout).toContain('secrets set support/outgoing)');

    // The message is failed: so is the test of the channel.
    const tested = await stack.cli('channels', 'test', 'support');
    expect(tested).toMatchObject({ code: 1, stderr: '', stdout: expect.stringMatching(/ is failed\.\n$/) });
    expect(stack.asked).toEqual([
      expect.stringMatching(/^POST \/channels\/support\/incoming sha256=[0-9a-f]{64}$/),
    ]);
    const file = join(newFolder(), 'relay.config.json');
    writeFileSync(file, JSON.stringify({ channels: { support: { adapter: 'telegram', groups: 'yes' } } }));
    const faulty = await stack.cliWith({ RELAY_CONFIG: file }, 'channels', 'list');
    expect(faulty).toMatchObject({ code: 1, stdout: '' });
    expect(faulty.stderr).toMatch(/^relay\.config\.json cannot be used:\n {2}- channels\.support\.\w+: .+\n/);
    stack.end();
  });
});
