import { describe, expect, it } from 'vitest';
import { readCsv } from '../../operate/accounts-csv.ts';
import { findVerifiers } from '../../operate/find-verifiers.ts';
import { proposeChannel } from '../../operate/map-channel.ts';
import { proposeRecharge } from '../../operate/map-recharge.ts';
import { parseReply } from '../../shared/channels/replies.ts';
import { parseSend } from '../../shared/channels/sending.ts';
import { channelSchema } from '../../shared/channels/settings.ts';
import { emailSchema } from '../../shared/email.ts';
import { record } from '../../shared/history.ts';
import { retryAfterMs, saysNumber } from '../../shared/http.ts';
import { describeError, maskEmails } from '../../shared/logger.ts';
import { createHttpPaymentHook } from '../../shared/payments/http-payment-hook.ts';
import { redactUrl } from '../../shared/platform/call.ts';
import { createPlatformClient } from '../../shared/platform/client.ts';
import { toE164 } from '../../shared/platform/phone.ts';
import { platformProfileSchema } from '../../shared/platform/profile.ts';
import { printable, printableLine } from '../../shared/printable.ts';
import { heardIn } from '../../shared/recharge/stripe-events.ts';
import { keySchema, platformIdSchema } from '../../shared/recharge/webhook.ts';
import { cpuMs } from '../support/cpu.ts';
import { adapterOf, forDelivery, NOW, parsed, reply } from './channels/adapters/support.ts';
import { AnsweringPlatform, type Body } from './platform/answering.ts';

/** What a pattern may try again at every place of a text, where it is written carelessly. */
const PIECES = [
  'x',
  '0',
  '9',
  ' ',
  '.',
  '-',
  '+1',
  '(',
  '@',
  'a@',
  '?',
  '?\n',
  '/',
  '<',
  '\\',
  '"',
  '\t\n',
  'é',
  '[email]',
];
/** As an operator looks at it, who wants to know what it holds and who proves it. */
function captured(body: string, type: string): void {
  const delivery = { headers: { 'content-type': type, 'x-signature': type }, body: Buffer.from(body) };
  proposeRecharge(delivery);
  proposeChannel(delivery, 'incoming');
  findVerifiers({ ...delivery, route: '/webhooks/auto-recharge', reason: 'captured', receivedAt: 0 }, [
    'secret',
  ]);
}

const REPLY = channelSchema.parse({
  ...{ adapter: 'telegram', toId: 'agency' },
  outgoing: { id: '/id', contact: '/to', text: '/text', attachments: '/a' },
}).outgoing;

const SHORT = 2_000;
/** Sixteen times as long: work in proportion to the length is 16 times as much, work in proportion to its square 256. */
const LONG = 32_000;

async function expectLinear(work: (text: string) => unknown): Promise<void> {
  for (const piece of PIECES) {
    const msFor = (length: number) => cpuMs(() => work(`${piece.repeat(length / piece.length)}!`));
    // Four times what is in proportion; what takes less than 4 ms is not measured well enough to be held to it.
    const bound = 64 * Math.max(await msFor(SHORT), 4);
    let long = await msFor(LONG);
    // The engine may have compiled, or collected garbage, in that very moment.
    for (let round = 0; round < 2 && long > bound; round += 1) long = Math.min(long, await msFor(LONG));
    expect(long, JSON.stringify(piece)).toBeLessThan(bound);
  }
}

describe('the work that foreign text makes grows with its length, and no faster', () => {
  const platform = new AnsweringPlatform();
  const client = () =>
    createPlatformClient({
      profile: platformProfileSchema.parse({ baseUrl: platform.baseUrl }),
      ...platform.callOptions({ timeoutMs: 20_000 }),
    });
  const payments = () =>
    createHttpPaymentHook({
      url: platform.baseUrl,
      secret: async () => 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      timeoutMs: 20_000,
      now: Date.now,
    });
  const email = 'jane@example.com';

  it.each<[string, (text: string) => unknown]>([
    ['a text with emails to mask', maskEmails],
    ['an error', (text) => describeError(new Error(text))],
    ['a URL with a query', redactUrl],
    ['a number', (text) => saysNumber(text, 500)],
    ['a wait', (text) => retryAfterMs({ 'retry-after': text }, 0)],
    ['an entry of a history', (text) => record({ history: [] }, { now: 0 }, 'x', text)],
    ['an email of a webhook', (text) => emailSchema.safeParse(text)],
    ['a key of a webhook', (text) => keySchema.safeParse(text)],
    ['an id of a webhook', (text) => platformIdSchema.safeParse(text)],
    ['a phone number', (text) => toE164(text)],
    ['a captured delivery', (text) => captured(JSON.stringify({ id: text, text, email: text }), text)],
    ['a captured form', (text) => captured(`a=${text}&b=${text}`, 'application/x-www-form-urlencoded')],
    [
      'a file of clients',
      (text) => readCsv(Buffer.from(`email,note\n${text},"${text.replaceAll('"', '')}"\n`)),
    ],
    [
      'an event of Stripe',
      (text) => heardIn(Buffer.from(JSON.stringify({ id: text, type: text, data: {} }))),
    ],
    ['what a terminal shows', (text) => printableLine(printable(text))],
    [
      'a reply of the platform',
      (text) => parseReply(Buffer.from(JSON.stringify({ to: text, text, a: [text] })), REPLY, 'x'),
    ],
    [
      'a message of an own system',
      (text) => parseSend(Buffer.from(JSON.stringify({ id: text, fromId: text, body: text }))),
    ],
  ])('in %s', async (_, work) => {
    await expectLinear(work);
  });

  it.each<[string, (text: string) => Body]>([
    ['the message of an error', (text) => ({ error: { code: 'X', message: text } })],
    ['the code of an error', (text) => ({ error: { code: text, message: 'X' } })],
    ['an error of another form', (text) => ({ message: text })],
    ['a body that is no JSON', (text) => text],
  ])("in %s of the platform's answer to a grant", async (_, body) => {
    await expectLinear(async (text) => {
      platform.answers(400, body(text));
      const grant = await client().prepareGrant({ email, credits: 1, description: 'x' });
      await grant.send();
    });
  });

  it.each(['Amount', 'Sub Account Email', 'Reason'])(
    "in a field of the platform's usage export: %s",
    async (field) => {
      const line = {
        'Sub Account ID': 'sub_1',
        'Sub Account Email': email,
        Date: '2026-11-28',
        Amount: '500',
        Reason: 'grant',
        'Credit Type': 'x',
        Description: 'rr-1',
      };
      const csv = (fields: string[]) =>
        `${fields.map((text) => `"${text.replaceAll('"', '""')}"`).join(',')}\n`;
      await expectLinear(async (text) => {
        platform.answers(200, csv(Object.keys(line)) + csv(Object.values({ ...line, [field]: text })));
        await client().findGrant({ mark: 'rr-1', email, credits: 500, since: 0 });
      });
    },
  );

  it.each<[string, (text: string) => Body]>([
    ['a reference', (text) => ({ status: 'paid', payment_ref: text })],
    ['a reason', (text) => ({ status: 'declined', reason: text })],
    [
      'a page for the client',
      (text) => ({ status: 'pending', payment_ref: 'x', action_url: `https://x.example/${text}` }),
    ],
    ['an amount', (text) => ({ status: 'paid', payment_ref: 'x', amount: text, currency: text })],
    ['a body that is no JSON', (text) => text],
  ])("in %s of the payment endpoint's answer", async (_, body) => {
    await expectLinear(async (text) => {
      platform.answers(200, body(text));
      await payments().lookup({ chargeId: 'ch-1', money: { amount: 1, currency: 'USD' } });
    });
  });

  it.each([
    { adapter: 'slack' },
    { adapter: 'respondio', channelId: 'c' },
    { adapter: 'telegram' },
    { adapter: 'chatwoot', baseUrl: 'https://chat.example.com', accountId: 7 },
    { adapter: 'gohighlevel', locationId: 'location-1' },
    {
      adapter: 'twilio',
      accountSid: `AC${'0'.repeat(32)}`,
      publicUrl: 'https://relay.example.com/channels/sms/incoming',
    },
  ])('in a message of an external chat: $adapter', async (settings) => {
    const adapter = adapterOf(settings);
    const sample = { id: '7', contact: '7' };
    await expectLinear((text) => {
      parsed(adapter, adapter.sample({ ...sample, text }, NOW));
      adapter.requests(forDelivery({ text }), 'token');
      adapter.judge(reply(400, { ok: false, error: text, description: text }), NOW);
    });
  });
});
