import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { createDynamoWaits, type Sender } from '../../../shared/channels/waits.ts';
import { utc } from '../../support/builders.ts';
import { useLedger } from '../../support/store.ts';

const store = useLedger();
const NOON = utc('2026-01-05 12:00:00');
const SECOND = 1_000;

function waitsAt() {
  const { client, table } = store();
  const clock = { now: NOON };
  return { clock, client, table, ...createDynamoWaits(client, table, () => clock.now) };
}
const to = (place: string, given: Partial<Sender> = {}): Sender => ({
  channel: 'support',
  token: 'token-a',
  place,
  ...given,
});

describe('a wait that a chat asks for', () => {
  it('for a place holds what goes to that place, until it is over, and nothing else', async () => {
    const { clock, until, keep } = waitsAt();
    expect(await until(to('-100'))).toBeUndefined();
    await keep(to('-100'), 'place', NOON + 30 * SECOND);
    expect(await until(to('-100'))).toBe(NOON + 30 * SECOND);
    expect(await until(to('-200'))).toBeUndefined();
    clock.now += 30 * SECOND;
    expect(await until(to('-100'))).toBeUndefined();
  });

  it('for a sender holds all that is sent with its token, by whichever channel, and nobody else', async () => {
    const { until, keep } = waitsAt();
    await keep(to('C1'), 'channel', NOON + 30 * SECOND);
    expect(await until(to('C2'))).toBe(NOON + 30 * SECOND);
    expect(await until(to('C1', { channel: 'sales' }))).toBe(NOON + 30 * SECOND);
    expect(await until(to('C1', { token: 'token-b' }))).toBeUndefined();
  });

  it('is the channel’s own where there is no token', async () => {
    const { until, keep } = waitsAt();
    await keep(to('C1', { token: ' ' }), 'channel', NOON + 30 * SECOND);
    expect(await until(to('C2', { token: '' }))).toBe(NOON + 30 * SECOND);
    expect(await until(to('C1', { token: '', channel: 'sales' }))).toBeUndefined();
  });

  it('of five places is theirs, and with a sixth at the same time the sender’s', async () => {
    const { clock, until, keep } = waitsAt();
    for (let place = 1; place <= 5; place += 1) await keep(to(`${place}`), 'place', NOON + place * SECOND);
    expect(await until(to('another'))).toBeUndefined();
    expect(await until(to('3'))).toBe(NOON + 3 * SECOND);
    await keep(to('6'), 'place', NOON + 6 * SECOND);
    expect(await until(to('another'))).toBe(NOON + 6 * SECOND);
    clock.now += 6 * SECOND;
    // Those that are over count no more.
    await keep(to('7'), 'place', NOON + 9 * SECOND);
    expect(await until(to('another'))).toBeUndefined();
  });

  it('is told to a person: for all, or for how many places, as long as it is in force', async () => {
    const { clock, inForce, keep } = waitsAt();
    const sender = { channel: 'support', token: 'token-a' };
    expect(await inForce(sender)).toEqual({ places: [] });
    await keep(to('1'), 'place', NOON + 10 * SECOND);
    await keep(to('2'), 'place', NOON + 20 * SECOND);
    expect(await inForce(sender)).toEqual({ places: [NOON + 20 * SECOND, NOON + 10 * SECOND] });
    await keep(to('3'), 'channel', NOON + 30 * SECOND);
    clock.now += 10 * SECOND;
    expect(await inForce(sender)).toEqual({ until: NOON + 30 * SECOND, places: [NOON + 20 * SECOND] });
    clock.now += 20 * SECOND;
    expect(await inForce(sender)).toEqual({ places: [] });
  });

  it('that is shorter than another one shortens nothing', async () => {
    const { until, keep } = waitsAt();
    await keep(to('C1'), 'channel', NOON + 60 * SECOND);
    await keep(to('C1'), 'channel', NOON + 10 * SECOND);
    await keep(to('C1'), 'place', NOON + 20 * SECOND);
    expect(await until(to('C1'))).toBe(NOON + 60 * SECOND);
    const other = { token: 'token-b' };
    await keep(to('C1', other), 'place', NOON + 60 * SECOND);
    await keep(to('C1', other), 'place', NOON + 10 * SECOND);
    await keep(to('C2', other), 'channel', NOON + 20 * SECOND);
    expect(await until(to('C1', other))).toBe(NOON + 60 * SECOND);
    expect(await until(to('C2', other))).toBe(NOON + 20 * SECOND);
  });

  it('is no longer than a message is worth delivering, whatever was asked for', async () => {
    const { until, keep } = waitsAt();
    await keep(to('C1'), 'channel', Number.POSITIVE_INFINITY);
    expect(await until(to('C1'))).toBe(NOON + 72 * 3_600 * SECOND);
  });

  it('is kept though many processes hear of theirs at the same time', async () => {
    const { until, keep } = waitsAt();
    await Promise.all([1, 2].map((place) => keep(to(`${place}`), 'place', NOON + place * SECOND)));
    expect(await until(to('1'))).toBe(NOON + SECOND);
    expect(await until(to('2'))).toBe(NOON + 2 * SECOND);
  });

  it('is stored without the token and without whom it is for, and cleared away a day later', async () => {
    const { client, table, keep } = waitsAt();
    await keep(to('+15551234567'), 'place', NOON + SECOND);
    const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
    expect(Items).toEqual([expect.objectContaining({ expiresAt: NOON / 1_000 + 1 + 86_400 })]);
    expect(JSON.stringify(Items)).not.toMatch(/token-a|15551234567/);
  });
});
