import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { alertOf } from '../alert-row.ts';
import { ALERT } from '../alerts.ts';
import type { Limits } from '../recharge/account.ts';
import { ACCOUNT, accountOf, RESERVATION } from '../recharge/dynamo-accounts.ts';
import { RECHARGE, rechargeOf } from '../recharge/dynamo-recharges.ts';
import type { Item } from '../storage/table.ts';
import type { RelayEvent } from './event.ts';
import { eventsOfAccount, eventsOfAlert, eventsOfRecharge } from './transitions.ts';

/** A change of an item, as DynamoDB's stream hands it to Lambda. */
export interface StreamRecord {
  dynamodb?: {
    /** Names the record in its shard. */
    SequenceNumber?: string;
    /** Unix seconds. */
    ApproximateCreationDateTime?: number;
    Keys?: Record<string, AttributeValue>;
    OldImage?: Record<string, AttributeValue>;
    /** Absent where the item was removed. */
    NewImage?: Record<string, AttributeValue>;
  };
}

/** The table's key of the item that was changed. */
export const pkOf = ({ dynamodb }: StreamRecord): string => dynamodb?.Keys?.pk?.S ?? '';

/**
 * None for items that mean nothing to others, for removed ones, and for changes that are no news.
 *
 * @throws NewerRowError where a later version of this program wrote the row, or a ZodError where it is none of ours.
 */
export function eventsOf(record: StreamRecord, { limits }: { limits: Limits }): RelayEvent[] {
  const { NewImage, OldImage, ApproximateCreationDateTime = 0 } = record.dynamodb ?? {};
  if (!NewImage) return [];
  const after = unmarshall(toldOf(NewImage));
  const before = OldImage && unmarshall(toldOf(OldImage));
  const timestamp = new Date(ApproximateCreationDateTime * 1_000).toISOString();
  const read = <Row>(rowOf: (item: Item) => Row) => [before && rowOf(before), rowOf(after)] as const;

  const pk = pkOf(record);
  if (pk.startsWith(RECHARGE)) return eventsOfRecharge(...read(rechargeOf), timestamp);
  if (pk.startsWith(ACCOUNT)) return eventsOfAccount(...read(accountOf), { limits, timestamp });
  if (!pk.startsWith(ALERT)) return [];
  const [was, is] = read(alertOf);
  if (!is) throw new Error(`The item ${pk} is no alert.`);
  return eventsOfAlert(was, is, timestamp);
}

/** No event tells of reservations, and ten minutes of them are most of a busy client's row. */
const toldOf = (image: Record<string, AttributeValue>) =>
  Object.fromEntries(Object.entries(image).filter(([name]) => !name.startsWith(RESERVATION)));
