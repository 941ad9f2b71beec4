import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { DIALECTS, type DialectName } from '../../local/sandbox/dialects/index.ts';
import { messageIdOf } from '../../shared/channels/message.ts';
import { connect, EACH, happens, PEOPLE, TOGETHER, throughTrouble } from '../support/channel-mass.ts';
import { rowsOf, secretOf, tokenOf, useChannelParties, vendorChannel } from '../support/channel-relay.ts';
import { eventually, useEngines, useRelays } from '../support/relay-process.ts';

const { newFolder, start } = useRelays();
const newEngines = useEngines();
const newParties = useChannelParties();

vi.setConfig({ testTimeout: 300_000, hookTimeout: 60_000 });

/** A relay with a channel for each of these chat systems, on engines that outlive it. */
async function newWorld(names: DialectName[]) {
  const folder = newFolder();
  const parties = await newParties(
    folder,
    (chats) => Object.fromEntries(names.map((name) => [name, vendorChannel(name, chats[name])])),
    Object.fromEntries(names.map((name) => [name, name])),
  );
  const options = { folder, env: { ...parties.env, ...(await newEngines()).env } };
  const relay = await start(options);
  connect(parties, relay);
  return { names, parties, options, relay };
}

let world: Awaited<ReturnType<typeof newWorld>>;
beforeAll(async () => {
  world = await newWorld(TOGETHER[0] ?? []);
});

describe('every adapter', () => {
  it.each(TOGETHER.map((names) => ({ names })))(
    `brings ${PEOPLE * EACH} messages of ${PEOPLE} contacts over, each once and in order, whatever fails meanwhile: $names`,
    async ({ names }) => {
      if (names !== world.names) {
        await world.relay.end();
        world = await newWorld(names);
      }
      const restart = async () => {
        world.relay = await start(world.options);
        return world.relay;
      };
      await throughTrouble({ ...world, restart });
    },
  );
});

/** One request as the vendor makes it; `headers` is its proof. */
async function writes(name: DialectName, body: string, headers: Record<string, string>, behind = '') {
  const response = await fetch(`${world.relay.url}/channels/${name}/incoming${behind}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  return { status: response.status, text: await response.text() };
}

/** The reply with this text, once it is at its end. */
const replyOf = (text: string) =>
  eventually(async () => {
    const row = (await rowsOf(world.relay)).find(({ content }) => content.text === text);
    expect(row?.status).toMatch(/^(delivered|failed|parked)$/);
    return row ?? expect.unreachable();
  });

describe('Slack', () => {
  it('gets its challenge back when it verifies the address, and nobody else does', async () => {
    const challenge = '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P';
    const body = JSON.stringify({ token: 'Jhj5dZrVaK7ZwHHjRyZWjbDl', challenge, type: 'url_verification' });
    const proof = (secret: string) => {
      const time = String(Math.floor(Date.now() / 1_000));
      const digest = createHmac('sha256', secret).update(`v0:${time}:${body}`).digest('hex');
      return { 'x-slack-request-timestamp': time, 'x-slack-signature': `v0=${digest}` };
    };
    expect(await writes('slack', body, proof(tokenOf('slack')))).toEqual({ status: 200, text: challenge });
    const { status, text } = await writes('slack', body, proof(secretOf('slack', 'send')));
    expect(status).toBe(401);
    expect(text).not.toContain(challenge);
  });
});

describe('respond.io', () => {
  it('hears the name of each message, and two equal ones are two', async () => {
    // It puts `/message` behind the address that was entered.
    const says = async (payload: object) => {
      const proof = { authorization: `Bearer ${tokenOf('respondio')}` };
      const { status, text } = await writes('respondio', JSON.stringify(payload), proof, '?to=/message');
      expect(status).toBe(200);
      return JSON.parse(text);
    };
    const { contact } = DIALECTS.respondio.addressOf('twice');
    const hello = {
      channelId: 'gfd8g7fd89dgfd',
      contactId: contact,
      message: { type: 'text', text: 'Hello' },
    };
    expect(await says({ ...hello, channelId: 'other' })).toEqual({});
    expect(await says({ ...hello, events: [{ type: 'message_echo' }] })).toEqual({});
    const ids: string[] = [(await says(hello)).mId, (await says(hello)).mId];
    const rows = await eventually(async () => {
      const all = (await rowsOf(world.relay)).filter(({ content }) => content.contact === contact);
      expect(all.filter(({ status }) => status === 'delivered')).toHaveLength(4);
      return all;
    });
    const incoming = rows.filter(({ direction }) => direction === 'incoming');
    expect(new Set(incoming.map(messageIdOf))).toEqual(new Set(ids));
    // It hears once what became of each.
    await eventually(async () => {
      const heard = world.parties.chats.respondio?.books.flatMap((event) =>
        event.kind === 'receipt' && ids.includes(event.message) ? [`${event.message} ${event.status}`] : [],
      );
      expect(heard?.toSorted()).toEqual(ids.map((id) => `${id} delivered`).toSorted());
    });
    // What it was given would be recognised, if it came back.
    const given = world.parties.chats.respondio?.books.flatMap((event) =>
      event.kind === 'delivered' && event.contact === contact ? [event.messageId] : [],
    );
    expect(given).toEqual([expect.stringMatching(/^rrm-[0-9a-f]{24}$/), expect.any(String)]);
    expect(await says({ ...hello, mId: given?.[0] })).toEqual({});
  });
});

describe('Telegram', () => {
  it('is answered in the chat that a chat became, from the first refusal on', async () => {
    const chat = world.parties.chats.telegram;
    chat?.fault({ operation: 'deliver', fault: 'moved', contact: 'mover' });
    chat?.say('mover', 'Where are you?');
    const row = await replyOf('You said: Where are you?');
    const { place } = DIALECTS.telegram.addressOf('mover');
    const detail = `HTTP 400: Bad Request: group chat was upgraded to a supergroup chat, to -100${place}`;
    expect(row.history.map(({ event }) => event)).toEqual(['received', 'moved', 'delivered']);
    expect(row.history).toContainEqual(expect.objectContaining({ event: 'moved', detail }));
    expect(world.parties.delivered('telegram')).toContainEqual({ contact: 'mover', text: row.content.text });
  });
});

describe('Twilio', () => {
  it('gets TwiML that says nothing, whether a message is relayed or not', async () => {
    const twiml = { status: 200, text: '<?xml version="1.0" encoding="UTF-8"?><Response></Response>' };
    const says = (SmsStatus: string, MessageSid: string) => {
      const said = { id: MessageSid, at: new Date().toISOString(), contact: 'form', name: 'Form' };
      const talk = { secret: tokenOf('twilio'), address: DIALECTS.twilio.addressOf('form'), now: Date.now() };
      const reported = { kind: 'reported', ...said, message: MessageSid, status: 'read' } as const;
      const delivered = { kind: 'delivered', ...said, text: '' } as const;
      const wire =
        SmsStatus === 'received'
          ? DIALECTS.twilio.writes({ kind: 'said', ...said, text: 'silent-form' }, talk)
          : DIALECTS.twilio.reports?.(reported, delivered, talk);
      return writes('twilio', wire?.body ?? '', wire?.headers ?? {}, wire?.behind);
    };
    expect(await says('read', '1')).toEqual(twiml);
    expect(await says('received', '2')).toEqual(twiml);
  });

  it('sends nothing to a contact who wrote STOP, and the row says so in its words', async () => {
    world.parties.chats.twilio?.say('leaver', 'STOP');
    const row = await replyOf('You said: STOP');
    expect(row.status).toBe('failed');
    expect(row.history.at(-1)?.detail).toBe(
      "Twilio's error 21610: Attempt to send to unsubscribed recipient",
    );
    expect(world.parties.delivered('twilio')).not.toContainEqual(
      expect.objectContaining({ contact: 'leaver' }),
    );
  });

  it('says how many segments a message was, and the row keeps it', async () => {
    world.parties.chats.twilio?.say('writer', 'a'.repeat(200));
    const row = await replyOf(`You said: ${'a'.repeat(200)}`);
    expect(row.history.at(-1)).toMatchObject({ event: 'delivered', detail: '2 segments' });
  });

  it('says later what became of a reply, at the address that came with it, and a person reads it and sends it again', async () => {
    const chat = world.parties.chats.twilio;
    chat?.say('reader', 'Will you read this?');
    const id = messageIdOf(await replyOf('You said: Will you read this?'));
    const taken = () =>
      chat?.books.filter((one) => one.kind === 'delivered' && one.contact === 'reader') ?? [];
    expect(taken()).toMatchObject([{ statusUrl: DIALECTS.twilio.settings('', '').publicUrl }]);
    const hears = (status: 'sent' | 'failed' | 'delivered', error?: string) =>
      chat?.report(taken().at(-1)?.id ?? '', status, error);
    const isBy = (status: string) =>
      eventually(async () => expect((await replyOf('You said: Will you read this?')).status).toBe(status));
    hears('sent');
    hears('failed', '30003');
    await isBy('failed');
    const { stdout } = await world.relay.cli('messages', 'show', id);
    expect(stdout).toContain("  receipts       failed (undelivered, Twilio's error 30003)\n");
    for (const words of ['sent', "undelivered, Twilio's error 30003"])
      expect(stdout).toContain(`  receipt: ${words}\n`);
    // The row is written before the alert is.
    await eventually(async () => expect((await world.relay.cli('alerts')).stdout).toContain(id));

    expect(taken()).toHaveLength(1);
    expect((await world.relay.cli('messages', 'replay', id, '--yes')).code).toBe(0);
    await isBy('delivered');
    expect(taken()).toHaveLength(2);
    hears('delivered');
    const receipts = await eventually(async () => {
      const shown = await world.relay.json<any>('messages', 'show', id);
      expect(shown.receipts).toHaveLength(1);
      return shown.receipts;
    });
    expect(receipts).toMatchObject([{ part: 1, status: 'delivered', said: [{ words: 'delivered' }] }]);
  });
});

describe('the bot of the sandbox’s own platform', () => {
  it('answers in every channel, whatever it is called at the platform, without a word of it in the settings', async () => {
    const folder = newFolder();
    const { chats, delivered, env } = await newParties(
      folder,
      ({ telegram, slack }) => {
        const { outgoing: _, ...bare } = vendorChannel('telegram', telegram);
        const { outgoing: __, ...other } = vendorChannel('slack', slack);
        return { telegram: { ...bare, label: 'bot' }, slack: other };
      },
      { telegram: 'telegram', slack: 'slack' },
    );
    const { RELAY_CONFIG = '' } = env;
    // Of one channel no secret of replies is set yet.
    const file = join(folder, 'secrets.json');
    const { inbound, outbound } = JSON.parse(readFileSync(file, 'utf8'));
    delete inbound.channels['slack/outgoing'];
    writeFileSync(file, JSON.stringify({ inbound, outbound }));
    // A whole configuration: its parties are not asked here, and it is no demonstration that is wanted.
    const whole = JSON.parse(readFileSync(RELAY_CONFIG, 'utf8'));
    whole.platform.baseUrl = 'https://api.example.com/v1';
    whole.payment = { type: 'http', url: 'https://pay.example.com' };
    writeFileSync(RELAY_CONFIG, JSON.stringify(whole));
    const alone = await start({ folder, env: { RELAY_CONFIG }, args: ['--quiet'] });
    for (const [name, chat] of Object.entries(chats)) {
      chat.setRelay(`${alone.url}/channels/${name}/incoming`);
      chat.say('jane', `Alone in ${name}`);
    }
    for (const name of Object.keys(chats)) {
      await happens(() => delivered(name).length === 1);
      expect(delivered(name)).toEqual([{ contact: 'jane', text: `You said: Alone in ${name}` }]);
    }
    const { stdout } = await alone.end();
    expect(stdout).toContain('https://pay.example.com is not asked: set PAYMENT_HOOK_URL');
    expect(stdout).not.toContain('jane writes');
    expect(stdout).not.toContain('<-- message');
    expect(stdout).toContain('Ctrl-C stops everything');
  });
});
