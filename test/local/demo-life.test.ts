import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DemoLife, liveDemoLife } from '../../local/demo-life.ts';
import { listAlerts } from '../../operate/alerts.ts';
import { type Connection, connect } from '../../operate/connection.ts';
import { listRecharges } from '../../operate/list-recharges.ts';
import { ALERTS, createLogger } from '../../shared/logger.ts';
import { PHASES, REFUSALS, REVIEW_REASONS, type Recharge } from '../../shared/recharge/recharge.ts';

/** A Saturday afternoon, with a whole day and most of a month before it. */
const NOW = Date.UTC(2026, 10, 28, 17, 0);

/** It reminds of an alert that is open itself, and is left out where that one is listed. */
const NEVER_OPEN = ['review_waiting'];

describe('the life of the demonstration', () => {
  let life: DemoLife;
  let connection: Connection;
  let rows: Recharge[] = [];
  beforeAll(async () => {
    life = await liveDemoLife(NOW, { aDay: 1 });
    const target = { stack: undefined, env: life.env };
    connection = await connect(target, { logger: createLogger(() => {}), now: () => NOW });
    ({ rows } = await listRecharges(connection, { from: '45d' }, { limit: 1_000 }));
  }, 90_000);
  afterAll(() => life?.stop());

  it('has a recharge of every phase', () => {
    expect(PHASES.filter((word) => !rows.some(({ phase }) => phase === word))).toEqual([]);
  });

  it('has a recharge of every reason for a review', () => {
    expect(REVIEW_REASONS.filter((word) => !rows.some(({ review }) => review === word))).toEqual([]);
  });

  it('has a recharge that was refused for every reason', () => {
    const reasons = rows.filter(({ phase }) => phase === 'blocked').map(({ reason }) => reason);
    expect(REFUSALS.filter((word) => !reasons.includes(word))).toEqual([]);
  });

  it('has every alert that is listed while it is open, and of the others one that was raised', async () => {
    const [open, all] = await Promise.all([false, true].map((each) => listAlerts(connection, { all: each })));
    const missing = (alerts = open) => ALERTS.filter((word) => !alerts?.some((alert) => alert.word === word));
    expect(missing()).toEqual(NEVER_OPEN);
    expect(missing(all)).toEqual([]);
  });
});
