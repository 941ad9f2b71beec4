import { expect, it } from 'vitest';
import { EVENT_MEANS, EVENT_TYPES, type EventType } from '../../../shared/events/event-schemas.ts';
import { eventsOfAccount, eventsOfAlert, eventsOfRecharge } from '../../../shared/events/transitions.ts';
import { PHASES } from '../../../shared/recharge/recharge.ts';
import { anAccount, aRecharge, utc } from '../../support/builders.ts';
import { check, document } from './asking.ts';

const AT = '2026-01-05T12:00:11.000Z';
const faultsOf = (type: EventType, event: unknown) =>
  check(['webhooks', type, 'post', 'requestBody', 'content', 'application/json', 'schema'], event);

const EVENTS = [
  ...PHASES.flatMap((phase) =>
    eventsOfRecharge(undefined, aRecharge({ phase, actionUrl: 'https://pay.example.com/act/1' }), AT),
  ),
  ...eventsOfAccount(
    anAccount(),
    anAccount({
      status: 'suspended',
      spent: { '2026-01_USD': 9 },
      paymentMethod: { id: 'pm_1', type: 'card', brand: 'visa', last4: '4242', expires: '2026-01' },
      last: { key: 'key-1', at: utc('2026-01-05 12:00:00') },
    }),
    { limits: { monthlyAmount: 10 }, timestamp: AT },
  ),
  ...eventsOfAlert(undefined, { id: 'a1', word: 'w', subject: 's', firstAt: 1, lastAt: 1, times: 1 }, AT),
];

it('the document has a webhook for every type of event, and no other', () => {
  const summaries = Object.entries<any>(document.webhooks).map(([type, { post }]) => [type, post.summary]);
  expect(Object.fromEntries(summaries)).toEqual(EVENT_MEANS);
});

it.each(EVENT_TYPES)('%s is as the document describes it, and may grow', (type) => {
  const event = JSON.parse(JSON.stringify(EVENTS.find((one) => one.type === type)));
  expect(faultsOf(type, event)).toEqual([]);
  expect(faultsOf(type, { ...event, data: { ...event.data, of_a_later_version: 1 } })).toEqual([]);
  const { email: _, alert: __, ...less } = event.data;
  expect(faultsOf(type, { ...event, data: less })).toHaveLength(1);
});
