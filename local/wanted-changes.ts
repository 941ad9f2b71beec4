import { ALERT } from '../shared/alerts.ts';
import { pkOf, type StreamRecord } from '../shared/events/stream.ts';
import { EVENT_PHASES } from '../shared/events/transitions.ts';
import { ACCOUNT } from '../shared/recharge/dynamo-accounts.ts';
import { RECHARGE } from '../shared/recharge/dynamo-recharges.ts';

/** As the stack filters the stream: claims, grants under way and messages are no events. */
export function mayBeEvent(record: StreamRecord): boolean {
  const pk = pkOf(record);
  if (!pk.startsWith(RECHARGE)) return pk.startsWith(ACCOUNT) || pk.startsWith(ALERT);
  const phase = record.dynamodb?.NewImage?.phase?.S;
  return EVENT_PHASES.some((one) => one === phase);
}

const quoted = (text: string) => `'${text}'`;
const beginsWith = (prefix: string) =>
  `substr(NEW.keys_json ->> '$.pk.S', 1, ${prefix.length}) = ${quoted(prefix)}`;

/** The same in SQL, of the row `NEW` that the embedded engine makes of a change. */
export const MAY_BE_EVENT_SQL = `(${beginsWith(ACCOUNT)} OR ${beginsWith(ALERT)} OR (${beginsWith(RECHARGE)}
  AND coalesce(NEW.new_image ->> '$.phase.S', '') IN (${EVENT_PHASES.map(quoted).join(', ')})))`;
