import { closeSync, existsSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import type { z } from 'zod';
import { parseJson } from './server.ts';

/** What really happened, in order: never changed, only added to. Tests check the money against it. */
export interface Books<Event> {
  events: readonly Event[];
  /**
   * Adds the events, and writes them to the file in one write before it returns. So what was answered survives a
   * kill of the process, and of events that belong together all are there, or none was answered.
   */
  record(...added: Event[]): void;
  close(): void;
}

/**
 * Opens the books, with the events that a former process left in `file` (one JSON object a line). A last line
 * without a line break was torn by a kill. Nobody was answered for it, and it is cut off.
 *
 * @throws Error if another line is not an event of `schema`.
 */
export function openBooks<Event>(schema: z.ZodType<Event>, file: string | undefined): Books<Event> {
  const events: Event[] = [];
  if (file === undefined) {
    return { events, record: (...added) => void events.push(...added), close: () => {} };
  }
  if (existsSync(file)) {
    const bytes = readFileSync(file);
    const complete = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
    truncateSync(file, complete.length);
    for (const [index, line] of complete.toString('utf8').split('\n').slice(0, -1).entries()) {
      const event = schema.safeParse(parseJson(line));
      if (!event.success) {
        throw new Error(
          `${file}, line ${index + 1}: not an event of these books. Delete the file to begin anew.`,
        );
      }
      events.push(event.data);
    }
  }
  const descriptor = openSync(file, 'a');
  return {
    events,
    record(...added) {
      writeSync(descriptor, added.map((event) => `${JSON.stringify(event)}\n`).join(''));
      events.push(...added);
    },
    close: () => closeSync(descriptor),
  };
}
