import { describe, expect, it, vi } from 'vitest';
import { messageIdOf } from '../../shared/channels/message.ts';
import {
  byContact,
  chatChannel,
  inQueue,
  postUntilTaken,
  REPLY_SECRET,
  repliesTo,
  rowsOf,
  useChannelParties,
} from '../support/channel-relay.ts';
import { startFifoSqs } from '../support/fifo-sqs.ts';
import { eventually, useRelays } from '../support/relay-process.ts';

const { newFolder, start } = useRelays();
const newParties = useChannelParties();

vi.setConfig({ testTimeout: 90_000 });

const textOf = (contact: string, number: number) => `${contact} says ${number}`;
const messageOf = (contact: string, number: number) => ({
  id: `${contact}/${number}`,
  contact,
  text: textOf(contact, number),
});
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
/** Of each contact its messages in their order, as `byContact` has them. */
const inOrder = (contacts: string[], count: number, text = textOf) =>
  Object.fromEntries(
    contacts.map((contact) => [contact, upTo(count).map((number) => text(contact, number))]),
  );
const answerTo = (contact: string, number: number) => `You said: ${textOf(contact, number)}`;
const happens = (condition: () => boolean, timeout = 60_000) =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout, interval: 10 });
/** A party without faults again. */
const mend = ({ url }: { url: string }) => fetch(`${url}/sandbox/faults`, { method: 'DELETE' });

describe.concurrent('channels', () => {
  it('of a contact whose target is down wait in their order, and no other contact waits with them', async () => {
    const folder = newFolder();
    const parties = await newParties(folder, ({ support }) => ({ support: chatChannel(support) }));
    const relay = await start({ folder, env: parties.env });
    repliesTo(parties.platform, relay);
    const [noPlatform, noChat, ...others] = [
      'no-platform',
      'no-chat',
      'other-1',
      'other-2',
      'other-3',
    ] as const;
    const all = [noPlatform, noChat, ...others];
    parties.platform.fault({
      operation: 'incoming',
      fault: 'error_before',
      times: 'always',
      contact: noPlatform,
    });
    parties.chat.fault({ operation: 'deliver', fault: 'reset_before', times: 'always', contact: noChat });

    for (const number of upTo(4)) {
      await Promise.all(all.map((contact) => postUntilTaken(() => relay, messageOf(contact, number))));
    }
    await happens(() => parties.delivered().length === 12 && parties.received('support').length === 16);
    expect(byContact(parties.received('support'))).toEqual(inOrder([noChat, ...others], 4));
    expect(byContact(parties.delivered())).toEqual(inOrder(others, 4, answerTo));

    await Promise.all([mend(parties.platform), mend(parties.chat)]);
    await happens(() => parties.delivered().length >= 20);
    expect(byContact(parties.received('support'))).toEqual(inOrder(all, 4));
    expect(byContact(parties.delivered())).toEqual(inOrder(all, 4, answerTo));
  });

  it('park what may have been delivered, fail what was refused, and replay either', async () => {
    const folder = newFolder();
    const parties = await newParties(folder, ({ support }) => ({
      support: chatChannel(support, { dedupes: false }),
    }));
    const relay = await start({ folder, env: parties.env });
    const arrived = (text: string) => parties.delivered().filter((message) => message.text === text).length;
    const reply = (contact: string, text: string) =>
      postUntilTaken(() => relay, { messageId: text, contactId: contact, body: text }, REPLIES_OF);
    const row = async (text: string) => (await rowsOf(relay)).find(({ content }) => content.text === text);
    const reaches = (text: string, status: string) =>
      eventually(async () => {
        const found = await row(text);
        expect(found).toMatchObject({ status });
        return messageIdOf(found ?? expect.unreachable());
      });

    parties.chat.fault({ operation: 'deliver', fault: 'hang_after', ms: 100, contact: 'arrived' });
    parties.chat.fault({ operation: 'deliver', fault: 'reset_before', contact: 'lost' });
    parties.chat.fault({ operation: 'deliver', fault: 'invalid', contact: 'refused' });
    for (const contact of ['arrived', 'lost', 'refused']) {
      await reply(contact, `to ${contact}`);
      await reply(contact, `next to ${contact}`);
    }
    const [unknown, lost, refused] = await Promise.all([
      reaches('to arrived', 'parked'),
      reaches('to lost', 'parked'),
      reaches('to refused', 'failed'),
    ]);
    await happens(() =>
      ['arrived', 'lost', 'refused'].every((contact) => arrived(`next to ${contact}`) === 1),
    );
    expect([arrived('to arrived'), arrived('to lost'), arrived('to refused')]).toEqual([1, 0, 0]);
    await eventually(async () => expect((await inQueue(relay, { dead: true })).ready).toHaveLength(1));

    parties.chat.fault({ operation: 'deliver', fault: 'invalid', contact: 'refused' });
    const replay = (id: string) => relay.json('messages', 'replay', id);
    await Promise.all([unknown, lost, refused].map(replay));
    await Promise.all([reaches('to arrived', 'delivered'), reaches('to lost', 'delivered')]);
    // It was asked again, and knew the message.
    expect((await row('to arrived'))?.externalIds).toEqual([expect.stringMatching(/^\d{16}$/)]);
    await eventually(async () => expect((await row('to refused'))?.queuedNo).toBe(2));
    await reaches('to refused', 'failed');
    expect(arrived('to refused')).toBe(0);
    await replay(refused);
    await reaches('to refused', 'delivered');
    expect([arrived('to arrived'), arrived('to lost'), arrived('to refused')]).toEqual([1, 1, 1]);
  });

  it('that SQS hands out together keep their order, and none is done before those that wait before it', async ({
    onTestFinished,
  }) => {
    const sqs = await startFifoSqs();
    onTestFinished(sqs.close);
    const folder = newFolder();
    const parties = await newParties(folder, ({ support }) => ({ support: chatChannel(support) }));
    const relay = await start({ folder, env: { ...parties.env, SQS_ENDPOINT: sqs.url } });
    repliesTo(parties.platform, relay);
    const contacts = ['together-1', 'together-2'];
    // All of one contact are there before the first one goes, and before those of the other.
    sqs.hold();
    for (const contact of contacts) {
      for (const number of upTo(12)) await postUntilTaken(() => relay, messageOf(contact, number));
      parties.platform.fault({ operation: 'incoming', fault: 'error_after', contact, times: 2 });
      parties.chat.fault({ operation: 'deliver', fault: 'error_before', contact, times: 2 });
    }
    sqs.letGo();
    await happens(() => parties.delivered().length >= 24);
    expect(byContact(parties.received('support'))).toEqual(inOrder(contacts, 12));
    expect(byContact(parties.delivered())).toEqual(inOrder(contacts, 12, answerTo));
    expect(Math.max(...sqs.books.together)).toBe(10);
    expect(sqs.books.deletedBeforeTheirTurn).toEqual([]);
  });

  it('keep their order over a restart that the queue does not outlive', async () => {
    const folder = newFolder();
    const parties = await newParties(folder, ({ support }) => ({ support: chatChannel(support) }));
    const contacts = upTo(20).map((number) => `contact-${number}`);
    const own = { folder, env: parties.env, ownEngines: true };
    const first = await start(own);
    const writes = (contact: string, number: number) =>
      postUntilTaken(() => first, messageOf(contact, number));
    parties.platform.fault({ operation: 'incoming', fault: 'invalid', contact: 'replayed' });
    await writes('replayed', 1);
    const id = await eventually(async () => {
      const [row] = await rowsOf(first);
      expect(row).toMatchObject({ status: 'failed' });
      return messageIdOf(row ?? expect.unreachable());
    });
    parties.platform.fault({ operation: 'incoming', fault: 'error_before', times: 'always' });
    await Promise.all(
      contacts.map(async (contact) => {
        for (const number of upTo(5)) await writes(contact, number);
      }),
    );
    await writes('replayed', 2);
    await first.json('messages', 'replay', id);
    await first.end('SIGKILL');
    expect(parties.received('support')).toEqual([]);
    await mend(parties.platform);

    // Whoever writes next does so as soon as there is somebody to answer.
    const writing = contacts.map((contact) => writes(contact, 6));
    await start({ ...own, args: ['--port', new URL(first.url).port] });
    await Promise.all(writing);
    await happens(() => parties.received('support').length >= 122);
    const replayed = { replayed: [textOf('replayed', 2), textOf('replayed', 1)] };
    expect(byContact(parties.received('support'))).toEqual({ ...inOrder(contacts, 6), ...replayed });
  });
});

/** Signed as the platform does. */
const REPLIES_OF = { way: 'outgoing', secret: REPLY_SECRET };
