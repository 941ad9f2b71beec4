import type * as z from 'zod';
import type { DATA_OF, DATA_SCHEMAS, EventType } from './event-schemas.ts';

/** One event. What is sent again, for whatever reason, has the same `id`. */
export type RelayEvent = {
  [Type in EventType]: {
    /** `<key>:<phase>:<version>`; for clients `<email>:<what>:<version>`, for alerts `<alert>:<word>:<times>`. */
    id: string;
    type: Type;
    /** ISO 8601, UTC: when the row changed. */
    timestamp: string;
    data: z.infer<(typeof DATA_SCHEMAS)[(typeof DATA_OF)[Type]]>;
  };
}[EventType];

/** What an event is about. Events of one subject are published in their order. */
export function subjectOf({ data }: RelayEvent): string {
  if ('alert' in data) return data.alert;
  return 'key' in data ? data.key : data.email;
}
