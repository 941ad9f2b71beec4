import { DatabaseSync } from 'node:sqlite';

/** About 40 MB, and what some 3,000 recharges leave. AWS keeps a change for a day. */
const KEPT_RECORDS = 20_000;
/** The oldest are forgotten once in so many changes. */
const FORGETS_EVERY = 100;
/** The engine writes in between. */
const WAITS_MS = 5_000;

export interface StreamUpkeep {
  wanted?: string;
  kept?: number;
}

/**
 * The embedded engine never forgets a change of a stream, and looks through all of them at each write and each read:
 * after 10,000 changes a write took three times as long. So its file gets an index in the order in which the engine asks,
 * and a trigger that forgets the oldest. Another keeps out what nobody reads, before it is stored: three of the five changes
 * of a recharge, and all of a message. The engine carries all of it out itself.
 *
 * @param dbFile of an engine that runs: it has made its own tables.
 * @param options.wanted which changes are stored: a condition in SQL on the row `NEW`. Default: all.
 * @param options.kept changes, at least.
 */
export function keepStreamsShort(
  dbFile: string,
  { wanted = 'TRUE', kept = KEPT_RECORDS }: StreamUpkeep = {},
): void {
  const database = new DatabaseSync(dbFile, { timeout: WAITS_MS });
  try {
    database.exec(`
      CREATE INDEX IF NOT EXISTS relay_stream_order
        ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
      DROP TRIGGER IF EXISTS relay_stream_length;
      CREATE TRIGGER relay_stream_length AFTER INSERT ON _stream_records WHEN NEW.id % ${FORGETS_EVERY} = 0
        BEGIN DELETE FROM _stream_records WHERE id <= NEW.id - ${kept}; END;
      DROP TRIGGER IF EXISTS relay_stream_wanted;
      CREATE TRIGGER relay_stream_wanted BEFORE INSERT ON _stream_records WHEN NOT ${wanted}
        BEGIN SELECT RAISE(IGNORE); END;`);
  } finally {
    database.close();
  }
}
