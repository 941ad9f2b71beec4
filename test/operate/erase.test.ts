import { describe, expect, it } from 'vitest';
import { createAlertRows } from '../../operate/alert-rows.ts';
import { type Erasure, prepareErasure } from '../../operate/erase.ts';
import { refundRecharge } from '../../operate/recharges.ts';
import { withAlertRows } from '../../shared/alerts.ts';
import { createDynamoQuarantine } from '../../shared/incoming/quarantine.ts';
import { createLogger } from '../../shared/logger.ts';
import { chargeIdOf, erasedNameOf, grantMarkOf, refundIdOf } from '../../shared/recharge/recharge.ts';
import { aCaptured } from '../support/builders.ts';
import { clientsOf } from '../support/clients.ts';
import { GRANTED, HOUR, NOTHING, nextRun, toRest, useWorlds } from '../support/course.ts';
import { EMAIL, KEY, type World } from '../support/world.ts';

const { worldWith, store } = useWorlds();

function operatorOf(world: World) {
  const { client, table } = store();
  return {
    ...clientsOf(store()),
    now: world.now,
    alerts: createAlertRows(client, table),
    quarantine: createDynamoQuarantine(client, table),
  };
}

type Operator = Parameters<typeof prepareErasure>[0];

const planErasure = async (operator: Operator, email: string) => (await prepareErasure(operator, email)).plan;

/** Looks, and erases as found. @returns what was found. */
async function eraseClient(operator: Operator, email: string, ...onProgress: Parameters<Erasure['erase']>) {
  const { plan, erase } = await prepareErasure(operator, email);
  await erase(...onProgress);
  return plan;
}

/** Every item of the table that still names the client, by its key. */
async function itemsThatName(email: string): Promise<string[]> {
  const { client, table } = store();
  const { ScanCommand } = await import('@aws-sdk/lib-dynamodb');
  const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
  return Items.filter((item) => {
    const body = item.body instanceof Uint8Array ? Buffer.from(item.body).toString() : '';
    return (JSON.stringify(item) + body).toLowerCase().includes(email);
  }).map(({ pk }) => String(pk));
}

describe('a client whose recharge is completed', () => {
  it('is erased, and the books keep what was paid and granted under the same ids', async () => {
    const world = await worldWith();
    await world.start().run();
    const before = await world.row();
    expect(before).toMatchObject({ phase: 'completed', email: EMAIL });
    const operator = operatorOf(world);
    await operator.accounts.set(EMAIL, { platformId: '4711', grantEmail: 'Demo@Example.com' });
    // They are kept by the clock of the machine.
    const kept = (body: string) => aCaptured({ body, receivedAt: Date.now() });
    await operator.quarantine.keep(kept(`{"mail":"${EMAIL.toUpperCase()}"}`));
    await operator.quarantine.keep({ ...kept(`to=${encodeURIComponent(EMAIL)}`), reason: 'no key' });
    await operator.quarantine.keep(kept('{"mail":"other@example.com"}'));

    const alerts = withAlertRows(
      createLogger(() => {}),
      store(),
    );
    alerts.alert('monthly_cap_near', { email: EMAIL });
    alerts.alert('recharge_blocked', { key: 'key-9', email: EMAIL, detail: `no ${EMAIL}` });
    alerts.alert('recharge_blocked', { key: 'key-10', email: 'other@example.com' });
    await alerts.kept();

    const plan = {
      email: EMAIL,
      obstacles: [],
      account: true,
      platformId: '4711',
      recharges: 1,
      keysWithAddress: [],
      webhooks: 2,
      alerts: 2,
    };
    expect(await planErasure(operator, EMAIL)).toEqual(plan);
    expect(await world.row()).toEqual(before);
    expect(await eraseClient(operator, EMAIL)).toEqual(plan);

    // All that is left is the row that keeps whatever is under way from charging, and that storage forgets.
    expect(await itemsThatName(EMAIL)).toEqual([`ACCOUNT#${EMAIL}`]);
    expect(await operator.accounts.show(EMAIL)).toBeUndefined();
    expect(await operator.accounts.list()).toEqual([]);
    expect(await operator.accounts.emailOf('4711')).toBeUndefined();
    const nothing = { account: false, recharges: 0, webhooks: 0, alerts: 0 };
    expect(await planErasure(operator, EMAIL)).toMatchObject(nothing);
    const left = await operator.alerts.latest(10);
    expect(left.map(({ subject, email }) => [subject, email]).sort()).toEqual([
      ['key-10', 'other@example.com'],
      ['key-9', undefined],
    ]);

    const after = await world.row();
    expect(after.email).toBe(erasedNameOf(before));
    for (const idOf of [chargeIdOf, refundIdOf, grantMarkOf]) expect(idOf(after)).toBe(idOf(before));
    const { key, credits, amount, currency, paymentRef, receivedAt, phase } = before;
    expect(after).toMatchObject({ key, credits, amount, currency, paymentRef, receivedAt, phase });
    expect(after.history.map(({ event }) => event)).toEqual([
      ...before.history.map(({ event }) => event),
      'client_erased',
    ]);
    // The index names it, too, for whoever lists the month.
    const day = await operator.rows.ofDay('2026-01-05');
    expect(day.items).toMatchObject([{ key: KEY, email: after.email }]);
  });

  it('is known when the webhook comes again, and charged no second time', async () => {
    const world = await worldWith();
    await world.start().run();
    await eraseClient(operatorOf(world), EMAIL);
    world.advance(HOUR);
    expect(await world.start().webhook()).toBe(200);
    expect(world.queued).toEqual([]);
    expect(await world.start().run()).toMatchObject({ phase: 'completed' });
    expect(world.books()).toEqual(GRANTED);
  });

  it('gets the money back afterwards all the same', async () => {
    const world = await worldWith();
    await world.start().run();
    await eraseClient(operatorOf(world), EMAIL);
    const deed = { ledger: world.ledger, policy: world.policy, now: world.now, storageNow: world.now };
    await refundRecharge(deed, KEY, 'a dispute');
    await nextRun(world);
    expect(await world.row()).toMatchObject({ phase: 'completed', goodwillRefund: 'refunded' });
    expect(world.books()).toMatchObject({ captures: 1, refunds: 1 });
    expect(await itemsThatName('account#erased:')).toEqual([]);
  });

  it('is not known when another webhook comes, and may be set up anew', async () => {
    const world = await worldWith();
    await world.start().run();
    const operator = operatorOf(world);
    await eraseClient(operator, EMAIL);
    world.advance(HOUR);
    await world.claim({ key: 'key-2' });
    expect(await world.start().run('key-2')).toMatchObject({ phase: 'blocked', reason: 'account_unknown' });
    const { expiresAt = 0 } = await world.account();
    expect(expiresAt * 1_000 - world.now()).toBeGreaterThan(47 * HOUR);

    await operator.accounts.set(EMAIL, {});
    expect(await world.account()).not.toHaveProperty('expiresAt');
    await world.claim({ key: 'key-3' });
    expect(await world.start().run('key-3')).toMatchObject({ phase: 'completed' });
  });

  it('is not erased twice, and a run that died is done again', async () => {
    const world = await worldWith();
    await world.start().run();
    for (const key of ['key-2', 'key-3']) {
      world.advance(HOUR);
      await world.claim({ key });
      await world.start().run(key);
    }
    const operator = operatorOf(world);
    let writes = 0;
    const dying = {
      ...operator,
      ledger: {
        ...operator.ledger,
        async write(...given: Parameters<typeof operator.ledger.write>) {
          writes += 1;
          if (writes === 2) throw new Error('the process died');
          return operator.ledger.write(...given);
        },
      },
    };
    await expect(eraseClient(dying, EMAIL)).rejects.toThrow('the process died');
    const told: [number, number][] = [];
    expect(await eraseClient(operator, EMAIL, (done, of) => told.push([done, of]))).toMatchObject({
      account: false,
    });
    expect(told.at(-1)?.[0]).toBe(told.at(-1)?.[1]);
    expect(await itemsThatName(EMAIL)).toEqual([`ACCOUNT#${EMAIL}`]);
    expect(await eraseClient(operator, EMAIL)).toMatchObject({ account: false, recharges: 0 });
  });
});

describe('nothing is erased', () => {
  it('while a recharge is unfinished', async () => {
    const world = await worldWith();
    world.payments.fault({ operation: 'charge', fault: 'pending' });
    await world.start().run();
    const operator = operatorOf(world);
    expect((await planErasure(operator, EMAIL)).obstacles).toMatchObject([
      { key: KEY, phase: 'charge_pending', why: 'unfinished' },
    ]);
    await expect(eraseClient(operator, EMAIL)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/^Nothing was erased\. .*key-1 is charge_pending/),
    });
    expect(await world.account()).toMatchObject({ status: 'active', last: { key: KEY } });
    await world.settle('paid');
    expect(await toRest(world)).toMatchObject({ phase: 'completed' });
    expect(await eraseClient(operator, EMAIL)).toMatchObject({ recharges: 1 });
  });

  it('while its grants are still looked for in the platform’s books', async () => {
    const world = await worldWith({ listsGrants: true });
    world.platform.fault({ operation: 'grant', fault: 'rate_limited' });
    await world.start().run();
    await toRest(world);
    const operator = operatorOf(world);
    const row = await world.row();
    expect(row).toMatchObject({ phase: 'completed', nextAttemptAt: expect.any(Number) });
    await expect(eraseClient(operator, EMAIL)).rejects.toThrow(
      /its grants are still looked for, next at 2026-/,
    );
  });

  it('from a recharge whose money somebody has begun to give back since, and says so', async () => {
    const world = await worldWith();
    await world.start().run();
    world.advance(HOUR);
    await world.claim({ key: 'key-2' });
    expect(await world.start().run('key-2')).toMatchObject({ phase: 'completed' });
    const { erase } = await prepareErasure(operatorOf(world), EMAIL);
    await refundRecharge({ ...world, storageNow: world.now }, KEY, 'a dispute');
    await expect(erase()).rejects.toMatchObject({ kind: 'changed', message: expect.stringContaining(KEY) });
    await nextRun(world);
    await eraseClient(operatorOf(world), EMAIL);
    expect(await world.row()).toMatchObject({
      email: expect.stringMatching(/^erased:/),
      goodwillRefund: 'refunded',
    });
  });

  it('where a recharge was reserved since it was looked at', async () => {
    const world = await worldWith();
    await world.start().run();
    world.advance(HOUR);
    const operator = operatorOf(world);
    world.payments.fault({ operation: 'charge', fault: 'pending' });
    const racing = {
      ...operator,
      accounts: {
        ...operator.accounts,
        async erase(...given: Parameters<typeof operator.accounts.erase>) {
          await world.claim({ key: 'key-2' });
          await world.start().run('key-2');
          return operator.accounts.erase(...given);
        },
      },
    };
    await expect(eraseClient(racing, EMAIL)).rejects.toThrow('key-2 is charge_pending');
    expect(await world.row()).toMatchObject({ email: EMAIL });
    expect(await world.account()).toMatchObject({ status: 'active', last: { key: 'key-2' } });
  });
});

it('a process that was asleep all the while charges nobody whose reservations are gone', async () => {
  const world = await worldWith({ guard: { unknownAccounts: 'allow' } });
  const asleep: { go: () => void; fellAsleep: Promise<void> } = {
    go: () => {},
    fellAsleep: Promise.resolve(),
  };
  let fall: () => void = () => {};
  asleep.fellAsleep = new Promise((resolve) => {
    fall = resolve;
  });
  let slept = false;
  const zombie = world
    .start(async (port, work) => {
      if (port === 'ledger.readAccount' && !slept) {
        slept = true;
        fall();
        await new Promise<void>((resolve) => {
          asleep.go = resolve;
        });
      }
      return work();
    })
    .run();
  await asleep.fellAsleep;
  // Another process ends the recharge without charging; then the client is erased.
  const row = await world.row();
  await world.ledger.write(row, { ...row, stopped: true });
  expect(await world.start().run()).toMatchObject({ phase: 'blocked', reason: 'stopped' });
  await eraseClient(operatorOf(world), EMAIL);
  asleep.go();
  await zombie;
  expect(world.books()).toEqual(NOTHING);
  expect((await world.account()).reservations).toEqual({});
});
