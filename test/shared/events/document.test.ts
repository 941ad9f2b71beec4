import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DATA_OF, DATA_SCHEMAS, EVENT_MEANS, EVENT_TYPES } from '../../../shared/events/event-schemas.ts';
import { eventsSchema } from '../../../shared/events/settings.ts';

describe('docs/events.md', () => {
  const page = readFileSync('docs/events.md', 'utf8');
  const examples = [...page.matchAll(/^```json\n(.*?)^```$/gms)].map(([, text = '']) => JSON.parse(text));

  it('names every type, and says what it means', () => {
    const rows = [...page.matchAll(/^\| `([a-z.]+\.[a-z_]+)` \| (.+) \|$/gm)];
    expect(Object.fromEntries(rows.map(([, type, means]) => [type, means]))).toEqual(EVENT_MEANS);
  });

  it('shows an event that is one', () => {
    const event = examples.find(({ type }) => type !== undefined);
    const type = EVENT_TYPES.find((known) => known === event.type) ?? 'alert.raised';
    expect(DATA_SCHEMAS[DATA_OF[type]].strict().parse(event.data)).toEqual(event.data);
    expect(event.id).toBe(`${event.data.key}:${event.data.phase}:${event.data.version}`);
  });

  it('shows settings that can be used', () => {
    const { events } = examples.find((example) => example.events !== undefined);
    expect(eventsSchema.parse(events)).toEqual({ ...events, header: 'x-webhook-token' });
  });
});

describe('the address for events', () => {
  it.each([
    'http://agency.example.com/',
    'https://agency.example.com/#a',
    'agency.example.com',
    'https://u:p@a.example/',
  ])('is refused where it is %s', (url) => expect(eventsSchema.safeParse({ url }).success).toBe(false));
});
