import { createHash } from 'node:crypto';
import { GetCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { paymentPageDeps } from '../../functions/payment-page/deps.ts';
import { createPaymentPageHandler } from '../../functions/payment-page/handler.ts';
import { startGateway } from '../../local/gateway.ts';
import { PAY } from '../../shared/payments/pay-pages.ts';
import { applyStop } from '../../shared/recharge/deeds.ts';
import { createLogger } from '../../shared/logger.ts';
import { DAY, GRANTED, HOUR, IMPATIENT, MINUTE, NOTHING, PAID, SECOND, toRest, useWorlds } from '../support/course.ts';
import { type Around, type Mishap, unluckyAround } from '../support/ports.ts';
import { EMAIL, KEY, type World, type WorldOptions } from '../support/world.ts';

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
async function waiting({ around, payee, ...options }: WorldOptions & { around?: Around; payee?: string } = {}) {
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
  const worker = world.start(around);
  let isDelivering = true;
  const deps = paymentPageDeps({
    config: {
      payment: { type: 'stripe', receipts: true, ...(payee === undefined ? {} : { payee }) },
    },
    client,
    table,
    wake: async (key) => {
      woken.push(key);
      if (isDelivering) await worker.woken(key);
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

const intents = (world: World) => world.payments.books.map(({ kind }) => kind);
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
    expect(intents(world)).toEqual(['pending', 'capture']);
    expect(await page.get()).toMatchObject({ title: 'Paid' });
  });
});
