import { createHash } from 'node:crypto';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it, onTestFinished } from 'vitest';
import { paymentPageDeps } from '../../functions/payment-page/deps.ts';
import { createPaymentPageHandler } from '../../functions/payment-page/handler.ts';
import { startGateway } from '../../local/gateway.ts';
import { createLogger } from '../../shared/logger.ts';
import { PAY } from '../../shared/payments/pay-pages.ts';
import { applyStop } from '../../shared/recharge/deeds.ts';
import {
  DAY,
  GRANTED,
  HOUR,
  IMPATIENT,
  MINUTE,
  NOTHING,
  SECOND,
  toRest,
  useWorlds,
} from '../support/course.ts';
import { type Around, unluckyAround } from '../support/ports.ts';
import { KEY, type World, type WorldOptions } from '../support/world.ts';

/** Its bank wants to see the client. */
const ASKS_CLIENT = '4000002760003184';
/** The same, and then the card has no money. */
const ASKS_AND_DECLINES = '4000008260003178';

const { store, worldWith } = useWorlds({ payments: 'stripe', card: ASKS_CLIENT });

/** What the page looked like, and where a browser goes from it by itself. */
interface Shown {
  status: number;
  title: string | undefined;
  text: string;
  refresh: string | undefined;
  headers: Headers;
}

async function shown(response: Response): Promise<Shown> {
  const text = await response.text();
  return {
    status: response.status,
    title: /<h1>(.*)<\/h1>/.exec(text)?.[1],
    text,
    refresh: /<meta http-equiv="refresh" content="\d; url=([^"]*)">/.exec(text)?.[1],
    headers: response.headers,
  };
}

/**
 * A recharge that waits for its client, and the page over HTTP. Whatever the page wakes is handed to a worker at once,
 * which is `around`.
 */
async function waiting({
  around,
  payee,
  ...options
}: WorldOptions & { around?: Around; payee?: string } = {}) {
  const { client, table } = store();
  const woken: string[] = [];
  const lines: string[] = [];
  let inner: ReturnType<typeof createPaymentPageHandler> | undefined;
  const handler: typeof inner = (event) => inner?.(event) ?? expect.unreachable();
  const gateway = await startGateway({
    port: 0,
    routes: { 'GET /pay/{token}': handler, 'POST /pay/{token}': handler },
  });
  onTestFinished(gateway.close);
  const world = await worldWith({ ...options, publicUrl: () => gateway.url });
  let worker = world.start(around);
  let isDelivering = true;
  const deps = paymentPageDeps({
    config: {
      payment: { type: 'stripe', receipts: true, ...(payee === undefined ? {} : { payee }) },
    },
    client,
    table,
    wake: async (key) => {
      woken.push(key);
      if (!isDelivering) return;
      const { failed } = await worker.woken(key);
      // Another process takes the place of one that was killed.
      if (failed) worker = world.start();
    },
    logger: createLogger((line) => lines.push(line)),
    now: world.now,
  });
  inner = createPaymentPageHandler(deps);
  await world.start().run();
  const { actionUrl = '' } = await world.row();
  const get = async (path = '') => shown(await fetch(actionUrl + path));
  const post = async () => {
    const response = await fetch(actionUrl, { method: 'POST', redirect: 'manual' });
    expect(response.status).toBe(303);
    return shown(await fetch(new URL(response.headers.get('location') ?? '', actionUrl)));
  };
  return {
    world,
    actionUrl,
    woken,
    lines,
    get,
    /** Presses the button. */
    post,
    /** Wakes get lost, or wait in the queue. */
    holdMessages: () => {
      isDelivering = false;
    },
    /** Answers on the bank's page, and comes back. */
    async atBank(url: string | undefined, answer: 'confirm' | 'refuse') {
      const response = await fetch(url ?? '', { method: 'POST', body: new URLSearchParams({ answer }) });
      return shown(response);
    },
  };
}

/** Never a call again: the process was killed. */
const gone = async (stopped: Promise<'stopped'>): Promise<never> => {
  await stopped;
  throw new Error('killed');
};

const books = (world: World) => world.payments.books.map(({ kind }) => kind);
const item = async (actionUrl: string) => {
  const { client, table } = store();
  const pk = PAY + createHash('sha256').update(actionUrl.slice(-32)).digest('hex');
  return (await client.send(new GetCommand({ TableName: table, Key: { pk } }))).Item;
};

describe('a payment that its client has to confirm', () => {
  it('is confirmed on our page and the bank’s, paid once and granted, without a second payment', async () => {
    const page = await waiting({ payee: 'Acme Messaging' });
    const { world } = page;
    const first = await page.get();
    expect(first).toMatchObject({ status: 200, title: 'Confirm your payment', refresh: undefined });
    for (const said of ['Acme Messaging', '50.00 USD', '500 credits', '2026-01-08 12:00 UTC'])
      expect(first.text).toContain(said);

    const onward = await page.post();
    expect(onward).toMatchObject({ status: 200, title: 'On to your bank' });
    const back = await page.atBank(onward.refresh, 'confirm');
    expect(back).toMatchObject({ title: 'Paid' });
    expect(back.text).toContain('Thank you. You have paid 50.00 USD, and your 500 credits were added.');
    expect(await world.row()).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
    expect(books(world)).toEqual(['pending', 'capture']);
    expect(await page.get()).toMatchObject({ title: 'Paid' });
  });

  it('is paid at once where the bank needs to see nobody any more', async () => {
    const page = await waiting();
    page.world.payments.fault({ operation: 'confirm', fault: 'pays' });
    expect(await page.post()).toMatchObject({ title: 'Paid' });
    expect(page.world.books()).toEqual(GRANTED);
  });

  it('that the bank decides about later says so', async () => {
    const page = await waiting();
    page.world.payments.fault({ operation: 'confirm', fault: 'pending' });
    expect(await page.post()).toMatchObject({ title: 'In progress' });
    await page.world.settle('paid');
    await toRest(page.world);
    expect(page.world.books()).toEqual(GRANTED);
  });

  it.each<[string, string, string, 'confirm' | 'refuse', string]>([
    ['that the client refuses at the bank', ASKS_CLIENT, 'authentication_failed', 'refuse', 'not confirmed'],
    ['that the card does not pay', ASKS_AND_DECLINES, 'insufficient_funds', 'confirm', 'enough money'],
  ])('%s is declined, in words', async (_what, card, reason, answer, words) => {
    const page = await waiting({ card });
    const back = await page.atBank((await page.post()).refresh, answer);
    expect(back).toMatchObject({ title: 'Not paid' });
    expect(back.text).toContain(words);
    expect(await page.world.row()).toMatchObject({ phase: 'declined', reason });
    expect(await page.post()).toMatchObject({ title: 'Not paid' });
    expect(page.world.books()).toEqual(NOTHING);
  });

  it('that is declined while it is confirmed says so at once', async () => {
    const page = await waiting();
    page.world.payments.fault({ operation: 'confirm', fault: 'decline' });
    expect(await page.post()).toMatchObject({ title: 'Not paid' });
    expect(await page.world.row()).toMatchObject({ phase: 'declined', reason: 'card_refused' });
  });

  it('and is not confirmed within three days is cancelled, and cannot be paid any more', async () => {
    const page = await waiting();
    const bank = (await page.post()).refresh;
    page.world.advance(3 * DAY);
    expect(await page.post()).toMatchObject({ title: 'Too late' });
    const row = await toRest(page.world);
    expect(row).toMatchObject({ phase: 'declined', reason: 'not_confirmed' });
    expect(row).not.toHaveProperty('actionUrl');
    const late = await page.atBank(bank, 'confirm');
    expect(late.text).toContain('The payment was not confirmed in time, and was cancelled.');
    expect(page.world.books()).toEqual(NOTHING);
  });

  it('and that the client confirms at the bank as its time runs out is paid: Stripe says which was first', async () => {
    const page = await waiting();
    const bank = (await page.post()).refresh ?? '';
    page.holdMessages();
    await page.atBank(bank, 'confirm');
    page.world.advance(3 * DAY);
    expect(await toRest(page.world)).toMatchObject({ phase: 'completed' });
    expect(books(page.world)).toEqual(['pending', 'capture']);
  });

  it('is not confirmed any more once a person has stopped it', async () => {
    const page = await waiting();
    const row = await page.world.row();
    const stopped = applyStop(row, 'a mistake', { now: page.world.now() });
    if ('refused' in stopped) throw new Error(stopped.refused);
    await page.world.ledger.write(row, stopped.next);
    await page.post();
    expect(await toRest(page.world)).toMatchObject({ phase: 'declined' });
    expect(page.world.books()).toEqual(NOTHING);
  });

  it('is not confirmed while charging is paused, nor for a client who is barred', async () => {
    const page = await waiting();
    const { deps } = page.world.start();
    await deps.charging.pause({ reason: 'the platform is away', until: page.world.now() + MINUTE });
    const told = await page.post();
    expect(told.title).toBe('Confirm your payment');
    expect(told.text).toContain('Please try again in a minute');
    page.world.advance(MINUTE);
    const account = await page.world.account();
    await page.world.ledger.writeAccount(account, { ...account, status: 'suspended' });
    expect((await page.post()).text).toContain('Please try again in a minute');
    expect(books(page.world)).toEqual(['pending']);
  });
});

describe('the page', () => {
  it('does nothing when it is opened, however often: mail scanners open links', async () => {
    const page = await waiting();
    for (const path of ['', '', '?at=bank', '?at=result']) await page.get(path);
    expect(page.woken).toEqual([]);
    expect(await item(page.actionUrl)).not.toHaveProperty('askedAt');
    expect(books(page.world)).toEqual(['pending']);
  });

  it('confirms once, however often the button is pressed, and leads to the same page of the bank', async () => {
    const page = await waiting();
    const pressed = await Promise.all([page.post(), page.post(), page.post()]);
    expect(page.woken).toEqual([KEY]);
    const { refresh: bank } = await page.post();
    expect(bank).toMatch(/\/bank\/pi_/);
    for (const { title } of pressed) expect(title).toMatch(/^(On to|Connecting to) your bank$/);
    expect(page.woken).toEqual([KEY]);
    expect(page.world.payments.confirms()).toBe(1);
  });

  it('leads a client who comes back later to the bank again, by a new page of theirs', async () => {
    const page = await waiting();
    await page.post();
    page.world.advance(HOUR);
    const onward = await page.post();
    expect(onward).toMatchObject({ title: 'On to your bank' });
    expect(page.woken).toEqual([KEY, KEY]);
    await page.atBank(onward.refresh, 'confirm');
    expect(page.world.books()).toEqual(GRANTED);
  });

  it('offers the button again to whoever comes back without having confirmed', async () => {
    const page = await waiting();
    await page.post();
    expect(await page.get('?at=back')).toMatchObject({ title: 'Checking your payment' });
    page.world.advance(20 * SECOND);
    const later = await page.get('?at=result');
    expect(later.title).toBe('Confirm your payment');
    expect(later.text).toContain('has not confirmed the payment so far');
  });

  it('waits for the bank’s page for some seconds, then lets the client try again', async () => {
    const page = await waiting();
    page.holdMessages();
    expect(await page.post()).toMatchObject({ title: 'Connecting to your bank', refresh: '?at=bank' });
    expect(await page.get('?at=bank')).toMatchObject({ title: 'Connecting to your bank' });
    page.world.advance(15 * SECOND);
    expect((await page.get('?at=bank')).text).toContain('you are not charged twice');
    await page.post();
    expect(page.woken).toEqual([KEY, KEY]);
  });

  it('confirms nothing for a client who has gone: a wish is good for a minute', async () => {
    const page = await waiting();
    page.holdMessages();
    await page.post();
    page.world.advance(MINUTE);
    await page.world.start().woken();
    expect(page.world.payments.confirms()).toBe(0);
  });

  it('hears each client a few dozen times at most: Stripe limits how often a payment is confirmed', async () => {
    const page = await waiting();
    page.holdMessages();
    for (let n = 0; n < 42; n += 1) {
      await fetch(page.actionUrl, { method: 'POST', redirect: 'manual' });
      page.world.advance(16 * SECOND);
    }
    expect(page.woken).toHaveLength(40);
  });

  it('wakes the recharge once, however often the client comes back within seconds', async () => {
    const page = await waiting();
    page.holdMessages();
    await Promise.all([page.get('?at=back'), page.get('?at=back'), page.get('?at=back')]);
    expect(page.woken).toEqual([KEY]);
  });

  it('answers a token that nobody knows as one whose time is over, and tells nothing', async () => {
    const page = await waiting();
    const unknown = page.actionUrl.slice(0, -32) + 'a'.repeat(32);
    const never = await shown(await fetch(unknown));
    page.world.advance(4 * DAY + MINUTE);
    const over = await page.get();
    expect(over).toEqual({ ...never, headers: expect.anything() });
    expect(over).toMatchObject({ status: 404, title: 'This link is not valid' });
    expect((await fetch(page.actionUrl, { method: 'POST', redirect: 'manual' })).status).toBe(404);
    expect(page.woken).toEqual([]);
  });

  it('thanks who comes from saving a card, and names who charges', async () => {
    const { actionUrl } = await waiting({ payee: 'Acme & Sons' });
    const thanks = await shown(await fetch(new URL('/pay/saved', actionUrl)));
    expect(thanks).toMatchObject({ status: 200, title: 'Thank you' });
    expect(thanks.text).toContain('reaches Acme &#38; Sons within a minute. Nothing was charged.');
  });

  it('needs no script, lets nothing in from elsewhere, and is kept and told nowhere', async () => {
    const page = await waiting();
    for (const { text, headers } of [await page.get(), await page.post(), await page.get('?at=back')]) {
      expect(text).not.toMatch(/<script|javascript:| on\w+=|<img|<link|<iframe/i);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(
        /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
      );
      const [, style = ''] = /<style>(.*)<\/style>/s.exec(text) ?? [];
      expect(policy).toContain(createHash('sha256').update(style).digest('base64'));
    }
  });

  it.each(['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', 'a\u2028b & `c`'])(
    'shows what others wrote as text: %s',
    async (payee) => {
      const page = await waiting({ payee });
      const { text } = await page.get();
      expect(text).not.toContain(payee);
      expect(text).not.toMatch(/<script|<img/);
    },
  );

  it('leads to no address that is none of a bank', async () => {
    const page = await waiting();
    await page.post();
    const { client, table } = store();
    const standing = await item(page.actionUrl);
    const answer = { ...standing?.answer, url: 'javascript:alert(1)' };
    await client.send(new PutCommand({ TableName: table, Item: { ...standing, answer } }));
    expect(await page.get('?at=bank')).toMatchObject({ status: 500, refresh: undefined });
  });

  it('has its token nowhere but in the link: neither in its item nor in a line', async () => {
    const page = await waiting();
    await page.post();
    await page.get('?at=back&payment_intent_client_secret=pi_1_secret_2');
    const token = page.actionUrl.slice(-32);
    expect(JSON.stringify(await item(page.actionUrl))).not.toContain(token);
    const lines = page.lines.join('\n') + JSON.stringify(page.world.lines());
    expect(lines).not.toContain(token);
    expect(lines).not.toContain('secret_2');
    expect(page.lines.length).toBeGreaterThan(2);
  });

  it('asks to try again where storage gives no answer, and says nothing of why', async () => {
    const { client } = store();
    const handler = createPaymentPageHandler(
      paymentPageDeps({
        config: { payment: { type: 'stripe', receipts: true } },
        client,
        table: 'no-such-table',
        wake: async () => {},
        logger: createLogger(() => {}),
        now: Date.now,
      }),
    );
    const answer = await handler({
      requestContext: { http: { method: 'GET' } },
      pathParameters: { token: 'a'.repeat(32) },
    });
    expect(answer).toMatchObject({ statusCode: 500, body: expect.stringContaining('Try again') });
    expect(answer.body).not.toContain('no-such-table');
  });
});

describe('a confirmation that is disturbed', () => {
  /** The client presses the button, and again whenever the page lets them; and does at the bank what it asks for. */
  async function confirmPatiently(page: Awaited<ReturnType<typeof waiting>>): Promise<void> {
    for (let tries = 0; tries < 5; tries += 1) {
      const { title, refresh } = await page.post();
      if (title === 'Paid') return;
      if (title === 'On to your bank') {
        const back = await page.atBank(refresh, 'confirm');
        if (back.title === 'Paid') return;
      }
      page.world.advance(HOUR);
      await page.world.start().sweeper();
      await page.world.start().run();
    }
  }

  const CALLS = [
    'ledger.read',
    'pages.find',
    'charging.paused',
    'ledger.readAccount',
    'payments.confirm',
    'pages.answer',
  ];
  const mishaps = [
    // After a call is before the next one.
    ...CALLS.map((call) => ['before', call] as const),
    ...CALLS.slice(-2).flatMap((call) =>
      (['after', 'throws before', 'throws after'] as const).map((mishap) => [mishap, call] as const),
    ),
  ];
  it.each(mishaps)('%s %s ends paid once and granted once', async (mishap, call) => {
    const unlucky = unluckyAround({ mishap, n: CALLS.indexOf(call) + 1 }, []);
    const page = await waiting({
      around: (port, work) => Promise.race([unlucky.around(port, work), gone(unlucky.stopped)]),
    });
    await confirmPatiently(page);
    expect(unlucky.calls[CALLS.indexOf(call)]).toBe(call);
    expect(page.world.books()).toEqual(GRANTED);
    expect(books(page.world).filter((kind) => kind === 'capture')).toHaveLength(1);
  });

  it.each(['error_before', 'error_after', 'hang_after', 'forbidden', 'rate_limited'])(
    'by Stripe (%s) ends paid once',
    async (fault) => {
      const page = await waiting(IMPATIENT);
      page.world.payments.fault({ operation: 'confirm', fault, ms: 1_000 });
      await confirmPatiently(page);
      expect(page.world.books()).toEqual(GRANTED);
    },
  );

  it('belongs to the account of Stripe that the recharge began with', async () => {
    const page = await waiting();
    const { world } = page;
    page.holdMessages();
    await page.post();
    const row = await world.row();
    await world.ledger.write(row, { ...row, paymentParty: 'another' });
    await world.start().woken();
    expect(world.payments.confirms()).toBe(0);
  });
});
