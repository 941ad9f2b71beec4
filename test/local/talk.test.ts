import { describe, expect, it } from 'vitest';
import { createTalk, type Tone } from '../../local/talk.ts';
import { createLogger, type Logger } from '../../shared/logger.ts';

/** What a person reads of what is logged, and in which tone. */
function told(log: (logger: Logger) => void, times = [Date.parse('2026-11-28T09:24:32.111Z')]): string[] {
  const lines: string[] = [];
  const paint = (tone: Tone, text: string) =>
    tone === 'plain' || tone === 'quiet' ? text : `<${tone}>${text}`;
  const talk = createTalk({ say: (line) => lines.push(line), paint, relay: 'npx relay' });
  for (const time of times) log(createLogger(talk, { now: () => time }));
  return lines;
}

const RECHARGE = { key: 'key-1', email: 'demo@example.com', credits: 500 };
const PAID = { ...RECHARGE, amount: 5_000, currency: 'USD' };

describe('what npm start tells', () => {
  it('of a recharge is its webhook, its charge and its grant, and of no client the whole email', () => {
    const lines = told((logger) => {
      logger.info('webhook answered', { status: 202, word: 'received', ...RECHARGE }, { webhook_202: 1 });
      logger.info('decided', { ...RECHARGE, phase: 'received', outcome: 'due', word: 'due' });
      logger.info('decided', { ...RECHARGE, phase: 'received', outcome: 'reserved', word: 'reserved' });
      logger.info('decided', { ...PAID, phase: 'granting', outcome: 'payment', word: 'paid' });
      logger.info('decided', { ...PAID, phase: 'completed', outcome: 'grant', word: 'granted' });
    });
    expect(lines).toEqual([
      '09:24:32 --> webhook  202 received      key-1  d***@example.com  500 credits',
      '09:24:32 <good><-- charge   paid              key-1  d***@example.com  50.00 USD',
      '09:24:32 <good><-- grant    granted           key-1  d***@example.com  500 credits',
    ]);
  });

  it('of a client who confirms a payment is that they pressed the button, and where that led', () => {
    const lines = told((logger) => {
      logger.info('payment page answered', { method: 'GET', status: 200, key: 'key-1' });
      logger.info('payment page answered', { method: 'POST', status: 303, key: 'key-1' });
      logger.info('confirmed for the client', { ...RECHARGE, word: 'client_goes' });
      const event = { status: 200, type: 'payment_intent.succeeded' };
      logger.info('event of Stripe answered', { ...event, word: 'wake', key: 'key-1' });
      logger.info('event of Stripe answered', { ...event, word: 'ignored' });
    });
    expect(lines).toEqual([
      '09:24:32 --> page     303               key-1',
      '09:24:32 <-- confirm  client_goes       key-1  d***@example.com',
      '09:24:32 --> stripe   200 wake          payment_intent.succeeded  key-1',
    ]);
  });

  it('what Stripe tells is a line where something comes of it, or it was not believed', () => {
    const lines = told((logger) => {
      const about = { status: 200, id: 'evt_1' };
      logger.info('event of Stripe answered', { ...about, word: 'look', type: 'setup_intent.succeeded' });
      logger.info('means of payment kept', { email: 'demo@example.com', means: 'visa ••4242' });
      logger.info('event of Stripe answered', {
        status: 401,
        word: 'unauthorized',
        reason: 'the signature does not match',
      });
    });
    expect(lines).toEqual([
      '09:24:32 --> stripe   200 look          setup_intent.succeeded',
      '09:24:32 --- card     kept              d***@example.com  visa ••4242',
      '09:24:32 <bad>--> stripe   401 unauthorized  the signature does not match',
    ]);
  });

  it('of an event is that it was posted, and how it was answered', () => {
    const lines = told((logger) => {
      logger.info('event', { event: 'recharge.completed', id: 'key-1:completed:3' });
      logger.info('event posted', {
        event: 'recharge.completed',
        id: 'key-1:completed:3',
        status: 'HTTP 200',
      });
    });
    expect(lines).toEqual(['09:24:32 <-- event    HTTP 200          recharge.completed  key-1:completed:3']);
  });

  it('of one that came to nothing is why', () => {
    const lines = told((logger) => {
      logger.info('webhook answered', {
        status: 401,
        word: 'unauthorized',
        reason: 'the token is not known',
      });
      const declined = { phase: 'declined', reason: 'card_declined', outcome: 'payment', word: 'declined' };
      logger.info('decided', { ...PAID, ...declined });
      const blocked = { phase: 'blocked', reason: 'account_unknown', outcome: 'refused', word: 'refused' };
      logger.info('decided', { ...RECHARGE, ...blocked });
      logger.info('decided', { ...PAID, phase: 'received', outcome: 'payment', word: 'not_attempted' });
    });
    expect(lines).toEqual([
      '09:24:32 <bad>--> webhook  401 unauthorized  the token is not known',
      '09:24:32 <bad><-- charge   declined          key-1  d***@example.com  50.00 USD  declined: card_declined',
      '09:24:32 <bad><-- guard    refused           key-1  d***@example.com  blocked: account_unknown',
      '09:24:32 <-- charge   not_attempted     key-1  d***@example.com  50.00 USD',
    ]);
  });

  it('of a message is its way, and for how long it waits', () => {
    const way = { id: 'rrm-1', channel: 'demo', direction: 'outgoing' };
    const lines = told((logger) => {
      logger.info('channel answered', { ...way, status: 202, word: 'queued', messages: 1 });
      logger.info('decided', { ...way, status: 'queued', outcome: 'not_applied', waitMs: 1_500 });
      logger.info('decided', { ...way, status: 'delivered', outcome: 'delivered' });
      const told = {
        ...way,
        direction: 'incoming',
        status: 200,
        word: 'receipt',
        stages: 'read',
        unknown: 0,
      };
      logger.info('channel answered', told);
    });
    expect(lines).toEqual([
      '09:24:32 --> message  202 queued        demo/outgoing  rrm-1',
      '09:24:32 <-- message  not_applied       demo/outgoing  rrm-1  again in 2 s',
      '09:24:32 <good><-- message  delivered         demo/outgoing  rrm-1',
      '09:24:32 --> message  200 receipt       demo/incoming  rrm-1  read',
    ]);
  });

  it('of an alert stands out, and on a line of its own is the next command', () => {
    const lines = told((logger) => {
      logger.alert('grant_unknown', { ...RECHARGE, detail: 'status 500' });
      logger.alert('key_reused', { key: "it's", email: 'demo@example.com', quarantine: 'f02585' });
      logger.alert('message_failed', {
        id: 'rrm-1',
        channel: 'demo',
        direction: 'outgoing',
        detail: 'HTTP 400',
      });
      // The log masks emails wherever they stand, so such a key cannot be pasted.
      logger.alert('recharge_blocked', { key: 'top-up of jane@example.com', detail: 'account_unknown' });
    });
    const alert = (line: string) => `09:24:32 <alert>!!! ALERT    ${line}`;
    const next = (command: string) => `             <alert>npx relay ${command}`;
    expect(lines).toEqual([
      alert('grant_unknown     key-1  d***@example.com  status 500  (RUNBOOK.md#grant_unknown)'),
      next('recharges show key-1'),
      alert("key_reused        it's  d***@example.com  (RUNBOOK.md#key_reused)"),
      next('quarantine show f02585'),
      alert('message_failed    rrm-1  demo/outgoing  HTTP 400  (RUNBOOK.md#message_failed)'),
      next('messages show rrm-1'),
      alert('recharge_blocked  top-up of j***@example.com  account_unknown  (RUNBOOK.md#recharge_blocked)'),
      next('alerts'),
    ]);
  });

  it('of a fault that comes again and again is said twice a minute, and never controls the terminal', () => {
    const times = Array.from(
      { length: 60 },
      (_, second) => Date.parse('2026-11-28T09:00:00Z') + second * 1_000,
    );
    const lines = told((logger) => logger.error('no answer', new Error('gone\u001b[31m\nnew line')), times);
    const fault = '<bad>!!! error    no answer         Error: gone\\u{1b}[31m\\nnew line';
    expect(lines).toEqual([`09:00:00 ${fault}`, `09:00:30 ${fault}`]);
  });

  it('of all else is nothing', () => {
    const lines = told((logger) => {
      logger.info('swept', { queued: 3, complete: true });
      logger.info('reviews waiting', {}, { needs_review: 1, oldest_review_seconds: 5 });
      logger.info('webhook answered', { status: true });
    });
    expect(lines).toEqual([]);
  });
});
