import { expect, it } from 'vitest';
import { createDynamoQuarantine } from '../../../shared/incoming/quarantine.ts';
import { meter, useLedger } from '../../support/store.ts';

const store = useLedger();
const quarantine = () => createDynamoQuarantine(store().client, store().table);

const NOW = Date.UTC(2026, 0, 5, 9, 30);
const webhook = (receivedAt = NOW) => ({
  route: '/webhooks/auto-recharge',
  body: Buffer.from('{}'),
  headers: { 'content-type': 'application/json' },
  reason: 'no key',
  receivedAt,
});

it('what is kept aside is told of once, however often it comes', async () => {
  const told: string[] = [];
  const ids = new Set<string>();
  for (let times = 0; times < 5; times += 1) {
    ids.add(await quarantine().keep(webhook(NOW + times), (id) => told.push(id)));
  }
  expect(ids.size).toBe(1);
  expect(told).toEqual([...ids]);
  const listed = await Array.fromAsync(quarantine().list());
  expect(listed.map(({ receivedAt }) => receivedAt)).toEqual([NOW]);
});

it('what was stored by a process that died before it told of it is told of when its sender repeats it', async () => {
  const dies = () => {
    throw new Error('the process ends here');
  };
  await expect(quarantine().keep(webhook(), dies)).rejects.toThrow('ends here');
  const told: string[] = [];
  const id = await quarantine().keep(webhook(NOW + 1_000), (said) => told.push(said));
  await quarantine().keep(webhook(NOW + 2_000), (said) => told.push(said));
  expect(told).toEqual([id]);
});

it('what was told of and has expired is told of again', async () => {
  const told: string[] = [];
  await quarantine().keep(webhook(), (id) => told.push(id));
  await quarantine().keep(webhook(NOW + 31 * 86_400_000), (id) => told.push(id));
  expect(told).toHaveLength(2);
});

it('what nobody is told of costs one request, and the same again', async () => {
  const counted = meter(store().client);
  await quarantine().keep(webhook());
  await quarantine().keep(webhook());
  expect(counted).toMatchObject({ requests: 2 });
});
