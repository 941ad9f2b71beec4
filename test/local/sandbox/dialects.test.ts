import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createSandboxChat, type SandboxChatOptions } from '../../../local/sandbox/chat.ts';
import { DIALECTS, type DialectName, dialectNameSchema } from '../../../local/sandbox/dialects/index.ts';
import type { Adapter, Delivery, Parsed } from '../../../shared/channels/adapter.ts';
import { createAdapter } from '../../../shared/channels/adapters/index.ts';
import type { Content } from '../../../shared/channels/message.ts';
import { channelSchema } from '../../../shared/channels/settings.ts';
import { sendOnce } from '../../../shared/http.ts';
import { formAsJson } from '../../../shared/incoming/body.ts';
import { verifyRequest } from '../../../shared/incoming/verifiers.ts';
import { type Delivered, startReceiver, useEndings } from '../../support/sandbox.ts';

const SECRET = 'secret-of-the-chat';
const atTheEnd = useEndings();

/** A chat of one dialect, the relay's adapter for it, and what the chat sends. */
async function worldOf(name: DialectName, options: Partial<SandboxChatOptions> = {}) {
  const { url: relayUrl, received } = await startReceiver(atTheEnd);
  const given = { dialect: name, secret: SECRET, relayUrl, retryMs: [10], ...options };
  const chat = await createSandboxChat(given);
  atTheEnd(chat.close);
  const settings = channelSchema.parse({ toId: 'agency-1', ...DIALECTS[name].settings(chat.url, SECRET) });
  const adapter = createAdapter(settings);
  const next = (count: number) => vi.waitFor(() => received[count - 1] ?? expect.unreachable());
  return {
    chat,
    received,
    /** @returns what the adapter makes of the nth request, or why it is not let in. */
    heard: async (count: number, secret = SECRET) => heardBy(adapter, await next(count), secret),
    /** What the adapter makes of the answers to a reply. */
    async replies(content: Content, token = SECRET): Promise<Delivery[]> {
      const message = { ...content, ourId: `rrm-${'0'.repeat(24)}`, receivedAt: 1_764_331_200_000 };
      const sent: Delivery[] = [];
      for (const request of adapter.requests(message, token)) {
        sent.push(adapter.judge(await sendOnce({ ...request, timeoutMs: 1_000 }), 0));
      }
      return sent;
    },
  };
}

function heardBy(adapter: Adapter, { url = '', headers, body }: Delivered, secret: string): Parsed | string {
  const query = Object.fromEntries(new URL(url, 'http://127.0.0.1').searchParams);
  const names = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  const request = { headers: Object.fromEntries(names), query, body: Buffer.from(body) };
  const vouched = adapter.vouched?.(request);
  const verified = verifyRequest({
    ...request,
    verifiers: adapter.verifiers,
    secrets: [secret],
    now: Date.now(),
  });
  if (!vouched?.ok && !verified.ok) return vouched?.reason ?? verified.reason;
  return adapter.parse({ ...request, body: formAsJson(request).body }, 'delivery-1');
}

const messageIn = (parsed: Parsed | string): Content => {
  expect(parsed).toMatchObject({ kind: 'messages', messages: [expect.anything()] });
  return typeof parsed === 'object' && parsed.kind === 'messages'
    ? (parsed.messages[0] ?? expect.unreachable())
    : expect.unreachable();
};

const NAMES = dialectNameSchema.options;

it('the sandbox can be every chat system that there is an adapter for', () => {
  const adapters = channelSchema.options.map(({ shape }) => shape.adapter.value);
  const played = NAMES.map((name) => DIALECTS[name].settings('http://127.0.0.1', SECRET).adapter);
  expect(new Set(played)).toEqual(new Set(adapters));
});

const TEXT = 'Grüße & <b>"{{agent.name}}"</b>\nsecond line';

describe.each(NAMES)('the sandbox as %s', (name) => {
  it('is understood by the adapter, and understands it: what jane writes is hers, and so is the answer', async () => {
    const { chat, heard, replies } = await worldOf(name);
    const { contact } = DIALECTS[name].addressOf('jane');
    chat.say('joe', 'before');
    chat.say('jane', TEXT, { name: 'Jane Doe' });
    const heardOnes = [messageIn(await heard(1)), messageIn(await heard(2))];
    const hers = heardOnes.find((one) => one.contact === contact) ?? expect.unreachable();
    expect(hers.text).toBe(TEXT);
    expect(hers.contact).not.toBe(heardOnes.find((one) => one !== hers)?.contact);

    const [delivery] = await replies({ ...hers, text: `You said: ${TEXT}`, attachments: [] });
    expect(delivery).toMatchObject({ kind: 'delivered' });
    const delivered = chat.books.filter((event) => event.kind === 'delivered');
    expect(delivered).toEqual([
      expect.objectContaining({ contact: 'jane', text: expect.stringMatching(/^You said: Grüße & <b>/) }),
    ]);
  });

  it('lets in nobody with another secret, and is not let in with one', async () => {
    const { chat, heard, replies } = await worldOf(name);
    chat.say('jane', 'Hello');
    const hers = messageIn(await heard(1));
    // A provider's proof is GoHighLevel's own key.
    if (name !== 'gohighlevel-provider') expect(await heard(1, 'another')).toEqual(expect.any(String));
    expect(await replies(hers, 'another')).toEqual([expect.objectContaining({ kind: 'not_applied' })]);
    expect(chat.books.filter((event) => event.kind === 'delivered')).toEqual([]);
  });

  it('fails in words of its own that the adapter understands', async () => {
    const { chat, heard, replies } = await worldOf(name);
    chat.say('jane', 'Hello');
    const hers = messageIn(await heard(1));
    const judged: Record<string, unknown> = {};
    for (const fault of [...Object.keys(OUTCOMES), ...Object.keys(DIALECTS[name].own)]) {
      chat.fault({ operation: 'deliver', fault, ms: 7_000 });
      const [delivery] = await replies(hers);
      judged[fault] = delivery?.kind;
    }
    expect(judged).toEqual({ ...OUTCOMES, ...OWN[name] });
  });
});

/** What an adapter makes of the answers, whatever the system. */
const OUTCOMES = {
  rate_limited: 'not_applied',
  unauthorized: 'not_applied',
  not_found: 'refused',
  not_found_plain: 'not_applied',
  invalid: 'refused',
  error_before: 'unknown',
  reset_before: 'unknown',
  garbage: 'unknown',
};
const OWN: Record<DialectName, Record<string, Delivery['kind']>> = {
  // Its settings do not say what a success looks like.
  webhook: { garbage: 'delivered' },
  telegram: { blocked: 'refused', moved: 'moved' },
  chatwoot: { flooded: 'not_applied' },
  slack: { archived: 'refused' },
  gohighlevel: { day_is_spent: 'not_applied' },
  'gohighlevel-provider': { day_is_spent: 'not_applied' },
  twilio: { opted_out: 'refused' },
  respondio: {},
};

describe.each(NAMES)('a wait that the sandbox as %s asks for', (name) => {
  it('is understood, where the system names one', async () => {
    const { chat, heard, replies } = await worldOf(name);
    chat.say('jane', 'Hello');
    const hers = messageIn(await heard(1));
    chat.fault({ operation: 'deliver', fault: 'rate_limited', ms: 7_000 });
    const [delivery] = await replies(hers);
    // Twilio names none.
    const wait = name === 'twilio' ? undefined : 7_000;
    expect(delivery && 'retryAfterMs' in delivery ? delivery.retryAfterMs : undefined).toBe(wait);
  });
});

describe.each(['chatwoot', 'gohighlevel', 'twilio'] as const)('a report of the sandbox as %s', (name) => {
  it('is let in, and names the message as the answer to it did', async () => {
    const { chat, heard, received, replies } = await worldOf(name);
    chat.say('jane', 'Hello');
    const [delivery] = await replies(messageIn(await heard(1)));
    const externalId = delivery?.kind === 'delivered' ? delivery.externalId : undefined;
    const { id = '' } = chat.books.find((event) => event.kind === 'delivered') ?? {};
    expect(chat.report(id, 'failed', '30003')).toBe(true);
    expect(chat.report('unknown', 'read')).toBe(false);
    const receipt = { externalId, stage: 'failed', words: expect.stringContaining('30003') };
    expect(await heard(2)).toMatchObject({ kind: 'receipts', receipts: [receipt] });
    expect(externalId).toMatch(/./);
    for (const said of [externalId, '30003']) expect(received[1]?.body).toContain(said);
    await vi.waitFor(() =>
      expect(chat.books.slice(-2)).toMatchObject([
        { kind: 'reported', message: id, status: 'failed', error: '30003' },
        { kind: 'relay_delivery', status: 200 },
      ]),
    );
  });
});

it('the books of one chat system go on as those of another, which does not tell what it has no words for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  atTheEnd(() => rmSync(folder, { recursive: true }));
  const booksFile = join(folder, 'chat.jsonl');
  const { chat: twilio, replies } = await worldOf('twilio', { booksFile, relayUrl: undefined });
  await replies({
    id: 'r',
    contact: '+15551234567',
    type: 'text',
    text: 'Hi',
    attachments: [],
    replyTo: '+1',
  });
  const { id = '' } = twilio.books.find(({ kind }) => kind === 'delivered') ?? {};
  expect(twilio.report(id, 'delivered')).toBe(true);
  twilio.say('jane', 'Hello');
  const { chat: slack, heard, received } = await worldOf('slack', { booksFile });
  expect(messageIn(await heard(1))).toMatchObject({ text: 'Hello' });
  slack.say('jane', 'And now?');
  expect(messageIn(await heard(2))).toMatchObject({ text: 'And now?' });
  expect(received).toHaveLength(2);
});

it('a person who wrote STOP to Twilio gets nothing until START', async () => {
  const { chat, heard, replies } = await worldOf('twilio');
  chat.say('jane', ' stop');
  const hers = messageIn(await heard(1));
  const refused = "Twilio's error 21610: Attempt to send to unsubscribed recipient";
  expect(await replies(hers)).toEqual([{ kind: 'refused', detail: refused }]);
  chat.say('joe', 'START');
  expect(await replies(hers)).toEqual([{ kind: 'refused', detail: refused }]);
  chat.say('jane', 'start');
  expect(await replies({ ...hers, text: 'a'.repeat(161) })).toEqual([
    { kind: 'delivered', externalId: expect.stringMatching(/^SM[0-9a-f]{32}$/), note: '2 segments' },
  ]);
});

it('a person who never wrote can be reached only where the system knows them by their address', async () => {
  const stranger = { id: 's', type: 'text' as const, text: 'Hello', attachments: [] };
  const at = async (name: DialectName, contact: string, replyTo: string) => {
    const { chat, replies } = await worldOf(name);
    const [delivery] = await replies({ ...stranger, contact, replyTo });
    expect(chat.books.filter(({ kind }) => kind === 'delivered')).toHaveLength(
      delivery?.kind === 'delivered' ? 1 : 0,
    );
    return delivery?.kind;
  };
  expect(await at('twilio', '+15551234567', '+14155238886')).toBe('delivered');
  expect(await at('respondio', 'customer_1', 'x')).toBe('delivered');
  expect(await at('telegram', '4711', '4711')).toBe('refused');
  expect(await at('slack', 'D1:U1', 'D1')).toBe('refused');
  expect(await at('chatwoot', '7', '7')).toBe('refused');
  expect(await at('gohighlevel', 'GKBhT6BfwY9mjzXAU3sq', 'x')).toBe('refused');
});
