import type { SQSRecord } from 'aws-lambda';

interface Queued {
  seq: number;
  messageId: string;
  group: string;
  body: string;
  visibleAt: number;
  receives: number;
}

/** Longer than a process lives. Only after this does another process receive the messages that it held. */
const VISIBILITY_MS = 360_000;
/** A second message of the same deduplication id is dropped for so long. */
const DEDUPE_MS = 300_000;

/** SQS FIFO by its documentation: several messages of a group at once, and none while an earlier one is hidden. */
export function createFifo(now: () => number) {
  let seq = 0;
  let waiting: Queued[] = [];
  const sentAt = new Map<string, number>();
  const handleOf = ({ messageId, receives }: Queued) => `${messageId}/${receives}`;
  const find = (receiptHandle: string) => waiting.find((queued) => handleOf(queued) === receiptHandle);
  return {
    send(group: string, deduplicationId: string, body: string) {
      const before = sentAt.get(deduplicationId);
      if (before !== undefined && now() - before < DEDUPE_MS) return;
      sentAt.set(deduplicationId, now());
      seq += 1;
      waiting.push({ seq, messageId: `m-${seq}`, group, body, visibleAt: 0, receives: 0 });
    },
    receive(most = 10): SQSRecord[] {
      const hidden = new Set(waiting.filter(({ visibleAt }) => visibleAt > now()).map(({ group }) => group));
      const batch = waiting.filter(({ group }) => !hidden.has(group)).slice(0, most);
      return batch.map((queued) => {
        queued.visibleAt = now() + VISIBILITY_MS;
        queued.receives += 1;
        const { messageId, body, group, receives } = queued;
        return {
          messageId,
          receiptHandle: handleOf(queued),
          body,
          attributes: { ApproximateReceiveCount: String(receives), MessageGroupId: group },
        } as unknown as SQSRecord;
      });
    },
    hide(receiptHandle: string, ms: number) {
      const queued = find(receiptHandle);
      if (queued) queued.visibleAt = now() + ms;
    },
    /** A handle of an earlier receive deletes nothing. */
    delete(receiptHandle: string) {
      const queued = find(receiptHandle);
      waiting = waiting.filter((other) => other !== queued);
    },
    /** Whether an earlier message of its group is still there. */
    isBehindAnother(receiptHandle: string): boolean {
      const queued = find(receiptHandle);
      return waiting.some(({ group, seq }) => queued?.group === group && seq < queued.seq);
    },
    get length() {
      return waiting.length;
    },
    /** When something can be received next: of a group nothing, while any of it is hidden. */
    nextAt() {
      const groups = [...Map.groupBy(waiting, ({ group }) => group).values()];
      const free = groups.map((group) => Math.max(...group.map(({ visibleAt }) => visibleAt)));
      return Math.max(now(), Math.min(...free));
    },
    bodies: () => waiting.map(({ body }) => body),
  };
}
