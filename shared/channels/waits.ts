import { createHash } from 'node:crypto';
import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import { standingItem } from '../storage/table.ts';

/** Whom a chat system knows us as, and where a message goes. */
export interface Sender {
  channel: string;
  /** Two channels with one token are one sender. Blank where there is none. */
  token: string;
  place: string;
}

/** What a chat system asked us to wait for, kept where every process sees it. */
export interface Waits {
  /** Unix milliseconds before which nothing is sent there; undefined where there is no wait. */
  until(sender: Sender): Promise<number | undefined>;
  /** All that are in force, for a person: for everything that this sender sends, and for single places. */
  inForce(sender: Omit<Sender, 'place'>): Promise<WaitsInForce>;
  /** @param who all that is sent to this place, or with this token. */
  keep(sender: Sender, who: 'place' | 'channel', until: number): Promise<void>;
}

export interface WaitsInForce {
  /** Unix milliseconds; absent where only single places wait, or nothing does. */
  until?: number;
  /** When the wait of each place ends, the last one first. Which places they are is not kept, only hashes of them. */
  places: number[];
}

/**
 * If more places than this are told to wait, the sender as a whole was too fast, not each place for itself. Telegram
 * allows one message a second to a chat and 30 to all, so five chats alone cannot reach the limit for all.
 */
const MOST_PLACES = 5;

/** As long as a message is worth delivering. Whatever a header asks for, a token is not silenced for longer. */
const LONGEST_MS = 72 * 3_600_000;

const schema = z.object({
  v: z.int(),
  revision: z.int(),
  /** For all that this sender sends. */
  until: z.exactOptional(z.int()),
  places: z.array(z.object({ place: z.string(), until: z.int() })),
});
type Kept = z.infer<typeof schema>;
const NONE: Kept = { v: 1, revision: 0, places: [] };

/** One item for each token: a read before each request, a write for each wait that is asked for. */
export function createDynamoWaits(client: DynamoDBDocumentClient, table: string, now: () => number): Waits {
  const read = async (pk: string, ConsistentRead: boolean): Promise<Kept> => {
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk }, ConsistentRead }));
    return Item ? schema.parse(Item) : NONE;
  };
  return {
    async until(sender) {
      // A read that lags a moment behind is good enough: in the meantime the chat system itself asks for the wait.
      const { until = 0, places } = await read(pkOf(sender), false);
      const own = places.find(({ place }) => place === hashOf(sender.place))?.until ?? 0;
      const latest = Math.max(until, own);
      return latest > now() ? latest : undefined;
    },
    async inForce(sender) {
      const { until, places } = await read(pkOf(sender), false);
      const left = places.map((place) => place.until).filter((end) => end > now());
      return {
        ...(until !== undefined && until > now() ? { until } : {}),
        places: left.sort((a, b) => b - a),
      };
    },
    async keep(sender, who, asked) {
      const pk = pkOf(sender);
      const until = Math.min(asked, now() + LONGEST_MS);
      if (until <= now()) return;
      for (let tries = 0; tries < 3; tries += 1) {
        const kept = await read(pk, true);
        const next = withWait(kept, { who, until, place: hashOf(sender.place), now: now() });
        const latest = Math.max(next.until ?? 0, ...next.places.map((place) => place.until));
        const standing = await standingItem(() =>
          client.send(
            new PutCommand({
              TableName: table,
              Item: { pk, ...next, expiresAt: Math.ceil(latest / 1_000) + 86_400 },
              ConditionExpression: 'attribute_not_exists(pk) OR revision = :revision',
              ExpressionAttributeValues: { ':revision': kept.revision },
              ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
            }),
          ),
        );
        if (standing === undefined) return;
      }
    },
  };
}

function withWait(
  { until: before, places, revision }: Kept,
  { who, until, place, now }: { who: 'place' | 'channel'; until: number; place: string; now: number },
): Kept {
  const waiting = places.filter((one) => one.until > now);
  const others = waiting.filter((one) => one.place !== place);
  const isSenders = who === 'channel' || others.length >= MOST_PLACES;
  const latest = Math.max(isSenders ? until : 0, before ?? 0);
  const own = Math.max(until, waiting.find((one) => one.place === place)?.until ?? 0);
  return {
    v: 1,
    revision: revision + 1,
    ...(latest > now ? { until: latest } : {}),
    places: isSenders ? waiting : [...others, { place, until: own }],
  };
}

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** A token is long and random, so its hash leads nobody to it. */
const pkOf = ({ token, channel }: Omit<Sender, 'place'>) =>
  `WAIT#${token.trim() === '' ? channel : hashOf(token)}`;
