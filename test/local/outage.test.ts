import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type Parties, send, useParties } from '../support/parties.ts';
import { type Row, type RunningRelay, useRelays } from '../support/relay-process.ts';
import { PAYMENTS } from '../support/world.ts';

const { start } = useRelays();
const newParties = useParties();

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let parties: Parties;
let relay: RunningRelay;
beforeAll(async () => {
  parties = await newParties();
  relay = await start(parties);
});

/** A webhook for 500 credits, under a key of this client. */
const order = (email: string) => ({ idempotency_key: `key of ${email}`, email, credits: 500 });
const accepted = async (payload: ReturnType<typeof order>, to = relay) => {
  expect(await send(to, payload)).toEqual({
    status: 202,
    body: { status: 'received', idempotency_key: payload.idempotency_key },
  });
  return payload.idempotency_key;
};
const count = (emails: string[], email: string) => emails.filter((one) => one === email).length;
const waits = ({ history }: Row) =>
  history.flatMap(({ event, detail }) => (event === 'waiting' ? [detail] : []));

describe.concurrent('while the platform fails', () => {
  it('completes without a person what was paid when the credits endpoint refused connections', async () => {
    const own = await newParties();
    const alone = await start(own);
    own.platform.fault({ operation: 'grant', fault: 'refuse_connections', ms: 3_000 });
    const emails = ['client-001@example.com', 'client-002@example.com', 'client-003@example.com'];
    const keys = await Promise.all(emails.map((email) => accepted(order(email), alone)));
    for (const key of keys) {
      const row = await alone.reaches(key, 'completed', 'needs_review');
      expect(row).toMatchObject({ phase: 'completed', new_balance: 1_000 });
      expect(waits(row)).toContainEqual(expect.stringMatching(/^not granted: not sent/));
    }
    expect(own.captures().toSorted()).toEqual(emails);
    expect(own.grants().toSorted()).toEqual(emails);
  });

  it('asks a person about a grant that was answered with 500, and posts it once', async () => {
    const email = 'client-010@example.com';
    parties.platform.fault({ operation: 'grant', fault: 'error_after', email });
    const key = await accepted(order(email));
    const row = await relay.reaches(key, 'needs_review', 'completed');
    expect(row).toMatchObject({ phase: 'needs_review', reason: 'grant_unknown', amount: 5_000 });
    const resolve = (answer: string) =>
      relay.cli(
        ...['recharges', 'resolve', key, answer, '--version', String(row.version)],
        ...['--note', 'found in the history', '--json'],
      );

    for (const hasty of ['confirm-not-granted', 'refund']) {
      const { code, stdout } = await resolve(hasty);
      expect([code, JSON.parse(stdout)]).toEqual([
        4,
        {
          error: {
            code: 'refused',
            message: expect.stringMatching(
              /^The grant may still arrive until 20\d\d-\S+Z: look again after that, then answer\.$/,
            ),
          },
        },
      ]);
    }
    expect(await relay.json('recharges', 'show', key)).toMatchObject(row);

    const { code, stdout } = await resolve('confirm-granted');
    expect(code).toBe(0);
    const resolved: Row = JSON.parse(stdout);
    expect(resolved).toMatchObject({ phase: 'completed', version: row.version + 1 });
    expect(resolved.history.at(-1)).toMatchObject({
      event: 'confirm-granted',
      detail: 'found in the history',
    });
    expect(count(parties.captures(), email)).toBe(1);
    expect(count(parties.grants(), email)).toBe(1);
  });

  it('asks a person about a grant that was made and never answered', async () => {
    const email = 'client-011@example.com';
    parties.platform.fault({ operation: 'grant', fault: 'hang_after', email });
    const key = await accepted(order(email));
    const row = await relay.reaches(key, 'needs_review', 'completed');
    expect(row).toMatchObject({ phase: 'needs_review', reason: 'grant_unknown' });
    expect(count(parties.captures(), email)).toBe(1);
    expect(count(parties.grants(), email)).toBe(1);
  });

  it('waits as long as a 429 asks', async () => {
    const email = 'client-012@example.com';
    parties.platform.fault({ operation: 'grant', fault: 'rate_limited', ms: 2_000, email });
    const row = await relay.reaches(await accepted(order(email)), 'completed', 'needs_review');
    expect(row.phase).toBe('completed');
    expect(waits(row)).toContainEqual(expect.stringMatching(/^not granted: status 429/));
    const [captured] = times(parties.payments.books, 'capture', email);
    const granted = times(parties.platform.books, 'grant', email);
    expect(granted).toHaveLength(1);
    expect((granted[0] ?? 0) - (captured ?? 0)).toBeGreaterThanOrEqual(2_000);
  });
});

describe.concurrent('while a party of your own is slow', () => {
  it('is charged and granted as on AWS: an answer after four seconds counts', async () => {
    const own = await newParties();
    const { PLATFORM_TIMEOUT_SECONDS: _p, PAYMENT_HOOK_TIMEOUT_SECONDS: _h, ...env } = own.env;
    const alone = await start({ ...own, env });
    const email = 'client-001@example.com';
    own.payments.fault({ operation: 'charge', fault: 'slow', ms: 4_000, email });
    own.platform.fault({ operation: 'grant', fault: 'slow', ms: 4_000, email });
    const row = await alone.reaches(await accepted(order(email), alone), 'completed', 'needs_review');
    expect(row).toMatchObject({ phase: 'completed', new_balance: 1_000 });
    expect(waits(row)).toEqual([]);
    expect([own.captures(), own.grants()]).toEqual([[email], [email]]);
  });
});

describe.concurrent('while the payment endpoint fails', () => {
  it('charges once where the endpoint charged and never answered', async () => {
    const email = 'client-020@example.com';
    parties.payments.fault({ operation: 'charge', fault: 'hang_after', email });
    const row = await relay.reaches(await accepted(order(email)), 'completed', 'needs_review', 'declined');
    expect(row).toMatchObject({ phase: 'completed', new_balance: 1_000 });
    expect(waits(row)).toContainEqual(expect.stringMatching(/^payment unknown: no answer/));
    expect(count(parties.captures(), email)).toBe(1);
    expect(count(parties.grants(), email)).toBe(1);
  });

  it('completes without a person what was asked for while the endpoint was down', async () => {
    const own = await newParties();
    const alone = await start(own);
    own.payments.fault({ operation: 'charge', fault: 'refuse_connections', ms: 3_000 });
    const emails = ['client-001@example.com', 'client-002@example.com', 'client-003@example.com'];
    const keys = await Promise.all(emails.map((email) => accepted(order(email), alone)));
    for (const key of keys) {
      const row = await alone.reaches(key, 'completed', 'needs_review', 'declined');
      expect(row).toMatchObject({ phase: 'completed', new_balance: 1_000 });
    }
    expect(own.captures().toSorted()).toEqual(emails);
    expect(own.grants().toSorted()).toEqual(emails);
  });

  it('grants nothing where the payment is declined', async () => {
    const email = 'client-021@example.com';
    parties.payments.fault({ operation: 'charge', fault: 'decline', email });
    const row = await relay.reaches(await accepted(order(email)), 'completed', 'needs_review', 'declined');
    const reason = PAYMENTS === 'stripe' ? 'card_refused' : 'card_declined';
    expect(row).toMatchObject({ phase: 'declined', reason });
    expect(row.payment_ref).toBeUndefined();
    expect(count(parties.captures(), email)).toBe(0);
    expect(count(parties.grants(), email)).toBe(0);
  });
});

describe.concurrent('a webhook that is not taken', () => {
  it('is 409 and moves nothing under a key that stands for something else', async () => {
    const email = 'client-030@example.com';
    const key = await accepted(order(email));
    const row = await relay.reaches(key, 'completed');
    for (const other of [{ credits: 501 }, { email: 'client-031@example.com' }]) {
      expect(await send(relay, { ...order(email), ...other })).toMatchObject({
        status: 409,
        body: { error: { code: 'KEY_REUSED', message: expect.stringContaining('kept for 30 days') } },
      });
    }
    expect(await send(relay, order(email))).toEqual({
      status: 200,
      body: { status: 'completed', idempotency_key: key },
    });
    expect(await relay.json('recharges', 'show', key)).toMatchObject(row);
    expect(count(parties.captures(), email)).toBe(1);
    expect(count(parties.grants(), email)).toBe(1);
    expect(count(parties.captures(), 'client-031@example.com')).toBe(0);
  });

  it('is 400 and kept where its payload is not understood', async () => {
    expect(await send(relay, { idempotency_key: 'unmapped', customer: 'client-032@example.com' })).toEqual({
      status: 400,
      body: {
        error: {
          code: 'NOT_UNDERSTOOD',
          message: expect.stringMatching(/^Not understood: no client: .+ The webhook is kept for 30 days\.$/),
        },
      },
    });
    expect((await relay.cli('recharges', 'show', 'unmapped')).code).toBe(3);
  });

  it('is 401 and stored nowhere with another secret', async () => {
    const email = 'client-033@example.com';
    for (const token of ['another-secret', '']) {
      expect(await send(relay, order(email), token)).toEqual({
        status: 401,
        body: { error: { code: 'UNAUTHORIZED', message: 'The webhook could not be verified.' } },
      });
    }
    const rows = await relay.json<Row[]>('recharges', 'list', '--email', email);
    expect(rows).toEqual([]);
    expect(count(parties.captures(), email)).toBe(0);
  });
});

function times(
  events: readonly { kind: string; email: string; at: string }[],
  wanted: string,
  email: string,
) {
  return events
    .filter((event) => event.kind === wanted && event.email === email)
    .map(({ at }) => Date.parse(at));
}
