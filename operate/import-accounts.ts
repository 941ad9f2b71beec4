import { isDeepStrictEqual } from 'node:util';
import { atMost } from '../shared/at-most.ts';
import { emailSchema } from '../shared/email.ts';
import { ACCOUNT_STATUSES, type Account, unknownAccount } from '../shared/recharge/account.ts';
import { type AccountSettings, withSettings } from '../shared/recharge/accounts.ts';
import { faultOfNote } from '../shared/recharge/answers.ts';
import { shellQuoted } from '../shared/shell.ts';
import { writeSettings } from './accounts.ts';
import {
  type Cells,
  COLUMNS,
  type CsvLine,
  cellsOf,
  columnOf,
  csvOfClients,
  type LineFault,
  MINOR_UNITS,
  readCsv,
} from './accounts-csv.ts';
import { isNone, readSettings, SETTINGS, SettingFaults } from './client-settings.ts';
import type { Connection } from './connection.ts';
import { OperateError } from './error.ts';

/** What becomes of one line. */
export interface PlannedClient {
  line: number;
  email: string;
  kind: 'new' | 'changed' | 'unchanged';
  /** By column; `from` is absent where there was nothing, `to` where nothing is left. */
  changes: { column: string; from?: string; to?: string }[];
}

export interface ImportPlan {
  clients: PlannedClient[];
  /** By line. With any of them nothing is written. */
  faults: LineFault[];
}

type Importing = Pick<Connection, 'accounts' | 'rows' | 'terms' | 'now'>;

/** What a line comes to, before it is written. */
interface Planned extends PlannedClient {
  before: Account;
  settings: AccountSettings;
}

/** Reads a file of clients (`readCsv`) and says what it would change. Writes nothing. */
export async function planImport(connection: Importing, file: Uint8Array): Promise<ImportPlan> {
  const { planned, faults } = await plan(connection, file);
  return { clients: planned.map(({ before: _b, settings: _s, ...client }) => client), faults };
}

/** Clients that are written at a time. */
const AT_ONCE = 16;

/**
 * Writes what `planImport` says, or nothing where a line has a fault. What the guard counts, the last recharge and its
 * reservations stay as they are. A run that ended in the middle is done again: what it wrote is unchanged then.
 *
 * @param onProgress is told how many of those that change are written.
 * @throws an OperateError, `refused`, with nothing written, where the file has a fault; and where a client was changed
 *   by somebody else since the file was judged, once all others are written.
 */
export async function importAccounts(
  connection: Importing,
  file: Uint8Array,
  onProgress: (done: number, of: number) => void = () => {},
): Promise<ImportPlan> {
  const { planned, faults } = await plan(connection, file);
  const [fault] = faults;
  if (fault) {
    const many = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
    throw new OperateError(
      'refused',
      `Nothing was imported: the file has ${many}, the first on line ${fault.line}.`,
    );
  }
  const changing = planned.filter(({ kind }) => kind !== 'unchanged');
  let done = 0;
  await atMost(AT_ONCE, changing, async ({ email, settings, before }) => {
    await writeSettings(connection.accounts, email, settings, { read: before, judge: sameSettings(before) });
    done += 1;
    onProgress(done, changing.length);
  });
  return { clients: planned.map(({ before: _b, settings: _s, ...client }) => client), faults };
}

/** Counters and reservations may have changed meanwhile. */
const sameSettings = (before: Account) => (account: Account) => {
  if (isDeepStrictEqual(cellsOf(account, undefined), cellsOf(before, undefined))) return;
  throw new OperateError(
    'changed',
    `The client ${account.email} was changed by somebody else meanwhile. Run the import again: what is written is then unchanged.`,
  );
};

async function plan(
  { rows, terms, now }: Importing,
  file: Uint8Array,
): Promise<{ planned: Planned[]; faults: LineFault[] }> {
  const { lines, faults } = readCsv(file);
  const named = lines.flatMap((line) => {
    const { data: email, error } = emailSchema.safeParse(line.cells.email ?? '');
    if (email !== undefined) return [{ ...line, email }];
    faults.push({ line: line.line, column: 'email', message: error?.issues[0]?.message ?? '' });
    return [];
  });
  faults.push(...repeated(named, ({ email }) => email, 'email'));
  faults.push(...repeated(named, platformIdOf, 'platform_id'));
  const accounts = await rows.accounts(named.map(({ email }) => email));
  const links = await rows.linkedEmails(named.flatMap((line) => platformIdOf(line) ?? []));
  const planned = named.flatMap((line): Planned[] => {
    const before = accounts.get(line.email) ?? unknownAccount(line.email);
    const platformId = platformIdOf(line);
    const owner = platformId && links.get(platformId);
    if (owner && owner !== line.email) {
      const message = `is linked to ${owner}: npx relay accounts unlink ${shellQuoted(platformId)}`;
      faults.push({ line: line.line, column: 'platform_id', message });
    }
    const understood = settingsOf(line, before, { terms: terms(), now: now() });
    if ('faults' in understood) {
      faults.push(...understood.faults);
      return [];
    }
    const { settings } = understood;
    const changes = differences(cellsOf(before, terms()), cellsOf(withSettings(before, settings), terms()));
    const kind = before.status === undefined ? 'new' : changes.length === 0 ? 'unchanged' : 'changed';
    return [{ line: line.line, email: line.email, kind, changes, before, settings }];
  });
  return { planned, faults: faults.sort((a, b) => a.line - b.line) };
}

/** The id that a line links, if it does. */
const platformIdOf = ({ cells: { platform_id } }: CsvLine) => (isNone(platform_id) ? undefined : platform_id);

/** The second and every further line that names what another one has named. */
function repeated<Line extends CsvLine>(
  lines: Line[],
  nameOf: (line: Line) => string | undefined,
  column: string,
): LineFault[] {
  const first = new Map<string, number>();
  return lines.flatMap((line) => {
    const name = nameOf(line);
    const earlier = name === undefined ? undefined : first.get(name);
    if (earlier !== undefined)
      return [{ line: line.line, column, message: `${name} is on line ${earlier}, too` }];
    if (name !== undefined) first.set(name, line.line);
    return [];
  });
}

function settingsOf(
  { line, cells }: CsvLine,
  before: Account,
  { terms, now }: { terms: ReturnType<Connection['terms']>; now: number },
): { settings: AccountSettings } | { faults: LineFault[] } {
  const faults: LineFault[] = [];
  const status = readStatus(cells, before, now);
  if ('message' in status) faults.push({ line, ...status });
  const written = Object.fromEntries(SETTINGS.map((setting) => [setting, cells[columnOf(setting)]]));
  try {
    const settings = readSettings(written, before, terms);
    if ('message' in status) return { faults };
    return { settings: { ...settings, ...status } };
  } catch (error) {
    if (!(error instanceof SettingFaults)) throw error;
    faults.push(
      ...error.faults.map(({ setting, message }) => ({ line, column: columnOf(setting), message })),
    );
    return { faults };
  }
}

/** A status that changes needs a note, as `suspend` and `enable` do. Of a new client nothing changes. */
function readStatus(
  { status: given, note }: Cells,
  before: Account,
  now: number,
): Pick<AccountSettings, 'status' | 'statusChange'> | { column: string; message: string } {
  if (given === undefined)
    return note === undefined || note === before.statusChange?.note
      ? {}
      : { column: 'note', message: 'goes with a status' };
  const status = ACCOUNT_STATUSES.find((one) => one === given.toLowerCase());
  if (status === undefined) return { column: 'status', message: 'must be active or suspended' };
  const isChange = before.status !== undefined && status !== before.status;
  if (note === undefined)
    return isChange ? { column: 'note', message: `must say why the client is ${status}` } : { status };
  const fault = faultOfNote(note, '');
  if (fault !== undefined) return { column: 'note', message: `is too long. ${fault}` };
  if (!isChange && note === before.statusChange?.note) return { status };
  return { status, statusChange: { at: now, note } };
}

function differences(before: Cells, after: Cells): PlannedClient['changes'] {
  return COLUMNS.slice(1).flatMap((column) => {
    const from = before[column];
    const to = after[column];
    if (from === to) return [];
    return [{ column, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }];
  });
}

/**
 * All clients that are set up, as a file that `importAccounts` reads back as the same clients.
 *
 * @throws an OperateError, `not_ready`, where a limit is in a currency that nothing here says.
 */
export async function exportAccounts({
  accounts,
  rows,
  terms,
}: Pick<Connection, 'accounts' | 'rows' | 'terms'>): Promise<{ csv: string; clients: number }> {
  const emails = await accounts.list();
  const found = await rows.accounts(emails);
  const clients = emails.flatMap((email) => {
    const account = found.get(email);
    return account ? [cellsOf(account, terms())] : [];
  });
  const unclear = clients.find(({ monthly_cap }) => monthly_cap?.endsWith(MINOR_UNITS));
  if (unclear === undefined) return { csv: csvOfClients(clients), clients: clients.length };
  throw new OperateError(
    'not_ready',
    `In which currency the monthly cap of ${unclear.email} is, is not known here. Name the configuration in RELAY_CONFIG.`,
  );
}
