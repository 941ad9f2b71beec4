import * as z from 'zod/mini';

/** One line of `GET /agencies/usage/export`. */
export interface UsageLine {
  subAccountId: string;
  email: string;
  date: string;
  /** Credits as the platform wrote them: a decimal number as text. */
  amount: string;
  reason: string;
  creditType: string;
  description: string;
}

/** Names of columns without capitals. The export has more; the reader needs these, in any order. */
const lineSchema = z.pipe(
  z.object({
    'sub account id': z.string(),
    'sub account email': z.string(),
    date: z.string(),
    amount: z.string(),
    reason: z.string(),
    'credit type': z.string(),
    description: z.string(),
  }),
  z.transform(
    (line): UsageLine => ({
      subAccountId: line['sub account id'],
      email: line['sub account email'],
      date: line.date,
      amount: line.amount,
      reason: line.reason,
      creditType: line['credit type'],
      description: line.description,
    }),
  ),
);
const COLUMNS = Object.keys(lineSchema.def.in.shape);

/**
 * Reads the whole export, so that a file that breaks off is not taken for one without the line.
 *
 * @param keep says which lines are wanted; the others cost no memory.
 * @returns undefined where the text is not that CSV.
 */
export async function readUsageExport(
  csv: string,
  keep: (line: UsageLine) => boolean = () => true,
): Promise<UsageLine[] | undefined> {
  // Loaded with the first export, which most processes never ask for.
  const { parse } = await import('csv-parse/sync');
  const lines: UsageLine[] = [];
  let hasHeader = false;
  const readHeader = (names: string[]) => {
    const header = names.map((name) => name.trim().toLowerCase());
    hasHeader = COLUMNS.every((name) => header.includes(name));
    if (!hasHeader) throw new Error('not the usage export');
    return header;
  };
  try {
    parse(csv, {
      bom: true,
      skip_empty_lines: true,
      columns: readHeader,
      on_record: (record: unknown) => {
        const line = lineSchema.parse(record);
        if (keep(line)) lines.push(line);
        return null;
      },
    });
  } catch {
    return undefined;
  }
  return hasHeader ? lines : undefined;
}
