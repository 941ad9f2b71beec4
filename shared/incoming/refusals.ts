import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Fields, Logger } from '../logger.ts';

/** What the keys of these items begin with; the UTC hour follows, `2026-01-05T09`. */
export const REFUSED = 'CONTROL#refused#';

/** Whoever floods us causes one write a minute in each process. */
const WRITTEN_EVERY_MS = 60_000;
/** No answer waits longer for a count. */
const WITHIN_MS = 1_000;
/** Different reasons of one process and one hour. There are a few for each verifier. */
const MOST_REASONS = 20;
const OTHER = 'other';
/** So long somebody may ask why a client was not recharged. */
const KEPT_DAYS = 40;

/** Counts what was refused, by the route, the status and the reason: for people who ask why nothing came in. */
export interface Refusals {
  /**
   * To be called with each answer, before it is given. Mostly does nothing. What was refused, and is kept nowhere, is
   * counted in this process, and written once a minute at most, into one item an hour.
   */
  answered(route: string, status: number, about: Fields): Promise<void>;
}

export interface RefusalOptions {
  /** Between two writes of one process. */
  countEveryMs?: number;
}

export function createRefusals(
  client: DynamoDBDocumentClient,
  table: string,
  {
    logger,
    now,
    countEveryMs = WRITTEN_EVERY_MS,
  }: { logger: Pick<Logger, 'error'>; now: () => number } & RefusalOptions,
): Refusals {
  let counts = new Map<string, number>();
  let writtenAt = Number.NEGATIVE_INFINITY;
  const add = (name: string, more: number) => {
    const known = counts.has(name) || counts.size < MOST_REASONS ? name : OTHER;
    counts.set(known, (counts.get(known) ?? 0) + more);
  };
  return {
    async answered(route, status, { reason, word, quarantine }) {
      if (status >= 400 && quarantine === undefined)
        add(`${route} ${status} ${reason ?? word}`.slice(0, 300), 1);
      const at = now();
      // An answer of 5xx says that storage is away: what is counted waits for a better one.
      if (counts.size === 0 || status >= 500 || at < writtenAt + countEveryMs) return;
      const written = counts;
      counts = new Map();
      writtenAt = at;
      try {
        const update = new UpdateCommand({ TableName: table, ...updateOf(written, at) });
        await client.send(update, { abortSignal: AbortSignal.timeout(WITHIN_MS) });
      } catch (error) {
        logger.error('what was refused could not be counted', error);
        for (const [name, count] of written) add(name, count);
      }
    },
  };
}

/** An attribute for each reason, by its own name: each is raised by what this process has counted. */
function updateOf(counts: ReadonlyMap<string, number>, at: number) {
  const reasons = [...counts].map(([name, count], index) => ({ name, count, index }));
  return {
    Key: { pk: REFUSED + new Date(at).toISOString().slice(0, 13) },
    UpdateExpression: `SET v = :v, lastAt = :at, expiresAt = :expiresAt ADD ${reasons.map(({ index }) => `#${index} :${index}`).join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries(reasons.map(({ name, index }) => [`#${index}`, name])),
    ExpressionAttributeValues: {
      ':v': 1,
      ':at': at,
      ':expiresAt': Math.floor(at / 1_000) + KEPT_DAYS * 86_400,
      ...Object.fromEntries(reasons.map(({ count, index }) => [`:${index}`, count])),
    },
  };
}
