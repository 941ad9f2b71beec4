import { expect, it } from 'vitest';
import { statusText } from '../../cli/status-text.ts';
import type { Status } from '../../operate/status.ts';
import { utc } from '../support/builders.ts';

const away = { unreadable: 'no answer' };
const saidOf = (events: Status['events']) =>
  statusText({
    relay: { name: 'recharge-relay-prod', stage: 'prod' },
    at: utc('2026-01-05 12:00'),
    ...{ pause: away, waiting: away, alerts: away, queues: away, sweep: away, webhooks: away },
    ...{ quarantined: away, secrets: away, events },
  }).match(/^Events +(.*(?:\n +.*)*)$/m)?.[1];

it.each([
  [{ unread: 0 }, 'all were sent'],
  [{ unread: 0, undelivered: 0 }, 'all were sent'],
  [{ unread: 2 }, '2 CHANGES NOT TOLD: RUNBOOK.md, "recharge-events dead letters"'],
  [{ unread: 0, undelivered: 3 }, '3 NOT DELIVERED to your address: RUNBOOK.md, "events not delivered"'],
  [{}, undefined],
])('of events that were not sent, %j is said as %s', (value, said) => {
  expect(saidOf({ value })).toBe(said);
});
