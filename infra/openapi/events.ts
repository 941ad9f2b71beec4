import {
  DATA_OF,
  DATA_SCHEMAS,
  EVENT_MEANS,
  EVENT_TYPES,
  type EventType,
} from '../../shared/events/event-schemas.ts';
import { SECRET_HEADER } from '../../shared/events/settings.ts';
import { type Schema, schemaOf } from './schemas.ts';

/** What the relay posts to the agency's own address, by type: OpenAPI 3.1's `webhooks`. */
export const webhooks = () =>
  Object.fromEntries(EVENT_TYPES.map((type) => [type, { post: operationOf(type) }]));

/** The data of the events, for the document's `components`. */
export const eventDataSchemas = (): Record<string, Schema> =>
  Object.fromEntries(
    // As input: a receiver must take members that it does not know.
    Object.entries(DATA_SCHEMAS).map(([name, schema]) => [name, schemaOf(schema, 'input')]),
  );

const operationOf = (type: EventType) => ({
  tags: ['events'],
  operationId: type,
  summary: EVENT_MEANS[type],
  parameters: [
    {
      name: SECRET_HEADER,
      in: 'header',
      description: 'The secret of your address; `events.header` may name another header.',
      required: true,
      schema: { type: 'string' },
    },
  ],
  requestBody: { required: true, content: { 'application/json': { schema: eventSchema(type) } } },
  responses: {
    '2XX': { description: 'Taken. An answer must come within 5 seconds.' },
    '429': { description: 'Not now: sent again, for a day.' },
    '4XX': { description: 'Refused: not sent again.' },
    '5XX': { description: 'Failed: sent again, for a day.' },
  },
});

const eventSchema = (type: EventType): Schema => ({
  type: 'object',
  properties: {
    id: { type: 'string', description: 'Whatever is sent again has the same: do nothing the second time.' },
    type: { const: type },
    timestamp: { type: 'string', format: 'date-time', description: 'When it happened.' },
    data: { $ref: `#/components/schemas/${DATA_OF[type]}` },
  },
  required: ['id', 'type', 'timestamp', 'data'],
});
