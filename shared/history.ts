/** Something that happened to a row; the same in a row is one entry with a count. */
export interface HistoryEntry {
  /** Unix milliseconds of the (first) event. */
  at: number;
  event: string;
  detail?: string;
  /** How often the same thing happened in a row, where more than once. */
  times?: number;
}

/** Longer histories lose their middle: with the rest of the row they stay under 4 KB, one read unit. */
const HISTORY_MAX_BYTES = 1_600;
const DETAIL_MAX_BYTES = 160;

/** Appends an event; the same event with the same detail in a row is one entry with a count. */
export function record(
  { history }: { history: readonly HistoryEntry[] },
  { now }: { now: number },
  event: string,
  detail?: string,
): HistoryEntry[] {
  const cut = detail === undefined ? {} : { detail: cutToBytes(detail, DETAIL_MAX_BYTES) };
  const last = history.at(-1);
  if (last && last.event === event && last.detail === cut.detail) {
    return [...history.slice(0, -1), { ...last, times: (last.times ?? 1) + 1 }];
  }
  const longer = [...history, { at: now, event, ...cut }];
  // The beginning (what was asked, what was paid) and the latest entries are what a person needs.
  while (Buffer.byteLength(JSON.stringify(longer)) > HISTORY_MAX_BYTES && longer.length > 7) {
    const dropped = longer.splice(4, 2);
    const times = dropped.reduce((sum, entry) => sum + (entry.times ?? 1), 0);
    longer.splice(4, 0, { at: dropped[0]?.at ?? now, event: 'left_out', times });
  }
  return longer;
}

/**
 * The longest beginning that fits in UTF-8; no character is cut in two. Half characters of the text are replaced, as
 * storage would: a row that is read is the one that was written.
 */
function cutToBytes(text: string, bytes: number): string {
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(bytes)).read).toWellFormed();
}
