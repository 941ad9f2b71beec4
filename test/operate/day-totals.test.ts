import { expect, it } from 'vitest';
import { dayTotals } from '../../operate/day-totals.ts';
import { aRecharge } from '../support/builders.ts';
import { useFoundRelay } from '../support/found-relay.ts';

const found = useFoundRelay();
const at = (time: string) => Date.parse(`2026-10-31T${time}Z`);

it('a day is told as a whole and by its hours, in UTC, by when recharges were received', async () => {
  const { connection } = found();
  const granted = (key: string, receivedAt: number, ms: number) =>
    aRecharge({
      key,
      receivedAt,
      phase: 'completed',
      credits: 500,
      amount: 5_000,
      currency: 'USD',
      paidAt: receivedAt + 1_000,
      history: [{ at: receivedAt + ms, event: 'granted' }],
    });
  for (const row of [
    granted('early', at('00:00:00'), 1_234),
    granted('late', at('23:59:59'), 90_000),
    aRecharge({ key: 'refused', receivedAt: at('23:10:00'), phase: 'blocked', reason: 'cooldown' }),
    aRecharge({ key: 'open', receivedAt: at('23:20:00') }),
    granted('the day after', at('23:59:59') + 1_000, 1_000),
  ])
    await connection.ledger.claim(row);
  const usd = (amount: number) => [{ amount, currency: 'USD' }];
  const { hours, ...day } = await dayTotals(connection, '2026-10-31');
  expect(day).toEqual({
    day: '2026-10-31',
    received: 4,
    ended: 3,
    phases: { completed: 2, blocked: 1, received: 1 },
    charged: usd(10_000),
    givenBack: [],
    creditsGranted: 1_000,
    toCredits: [
      [1_200, 1],
      [90_000, 1],
    ],
  });
  expect(hours).toMatchObject([
    { hour: 0, received: 1, ended: 1, charged: usd(5_000), toCredits: [[1_200, 1]] },
    {
      hour: 23,
      received: 3,
      ended: 2,
      charged: usd(5_000),
      phases: { completed: 1, blocked: 1, received: 1 },
    },
  ]);
});
