import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';

/** Every server with a clock sends it: https://www.rfc-editor.org/rfc/rfc9110#field.date */
const datedSchema = z.object({ headers: z.object({ date: z.string().transform(Date.parse).pipe(z.int()) }) });

/**
 * Reads the clock of whoever keeps the rows, from the answers this client gets from now on.
 *
 * @returns gives the time there in Unix milliseconds, up to a second early and never late; undefined before the first
 *   answer, and where none is dated.
 */
export function storageClockOf(client: DynamoDBDocumentClient): () => number | undefined {
  let latest: { date: number; readAt: number } | undefined;
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const dated = datedSchema.safeParse(result.response);
      if (dated.success) latest = { date: dated.data.headers.date, readAt: performance.now() };
      return result;
    },
    { step: 'deserialize' },
  );
  return () => latest && latest.date + Math.floor(performance.now() - latest.readAt);
}
