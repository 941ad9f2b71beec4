import { useState } from 'preact/hooks';
import { durationText } from '../../shared/ages.ts';
import { type Data, read, useLive } from './live.ts';
import {
  Ago,
  ClientLink,
  Empty,
  Loaded,
  moneyText,
  Page,
  PHASES,
  RechargeLink,
  Table,
  Word,
} from './parts.tsx';
import { go, linkTo } from './route.ts';

const FIELDS = ['reference', 'phase', 'reason', 'email', 'from', 'to', 'min', 'max'] as const;

/** What the address says is what is shown, so a view can be sent to a colleague. */
export function Recharges({ query }: { query: Record<string, string> }) {
  const live = useLive('recharges', query);
  return (
    <Page title="Recharges" aside={<CsvLink rows={live.data?.rows ?? []} />}>
      <Filter key={JSON.stringify(query)} query={query} />
      <Loaded live={live}>
        {({ rows, cursor, looked_back_to: back, newer }) => (
          <>
            {rows.length === 0 ? (
              <Empty>
                {`No recharge since ${back} is such a one. `}
                {Object.keys(query).length === 0 ? (
                  <>
                    A webhook of your own:{' '}
                    <code>npx relay webhook send --email client@example.com --credits 500</code>
                  </>
                ) : (
                  <a href="/recharges">Show all</a>
                )}
              </Empty>
            ) : (
              <RechargeTable rows={rows} />
            )}
            {newer.map(({ key, v }) => (
              <p
                key={key}
                class="failure"
              >{`Recharge ${key} was written by a newer version (${v}) and is not read here.`}</p>
            ))}
            <p class="pages">
              {query.cursor === undefined ? null : (
                <a href={linkTo('/recharges', { ...query, cursor: undefined })}>Newest</a>
              )}{' '}
              {cursor === undefined ? (
                <span class="quiet">{`That is all since ${back}.`}</span>
              ) : (
                <a href={linkTo('/recharges', { ...query, cursor })}>Older</a>
              )}
            </p>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Filter({ query }: { query: Record<string, string> }) {
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);
  const given = (form: HTMLFormElement) =>
    Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
  async function submit(event: SubmitEvent) {
    event.preventDefault();
    if (!(event.target instanceof HTMLFormElement)) return;
    const { search = '', ...filter } = given(event.target);
    setFailure(undefined);
    if (search === '') return go(linkTo('/recharges', filter));
    if (search.includes('@')) return go(linkTo('/recharges', { ...filter, email: search.toLowerCase() }));
    // A whole reference leads to the one that it names.
    setBusy(true);
    const { data, failure: why } = await read('find', { reference: search });
    if (data) return go(linkTo('/recharge', { key: data.key }));
    // What somebody was told on the phone is as likely a part of an email.
    const { data: known } = await read('clients', { search });
    setBusy(false);
    const emails = known?.clients.map(({ email }) => email) ?? [];
    if (emails.length === 1) return go(linkTo('/recharges', { ...filter, email: emails[0] }));
    if (emails.length > 1) return go(linkTo('/clients', { search }));
    setFailure(why);
  }
  return (
    <form class="filter" onSubmit={submit}>
      <label class="wide">
        Key, client, payment, charge id or mark
        <input
          name="search"
          type="search"
          defaultValue={query.reference ?? query.email ?? ''}
          autoComplete="off"
        />
      </label>
      <label>
        Phase
        <select name="phase" defaultValue={query.phase ?? ''}>
          <option value="">any</option>
          {PHASES.map((phase) => (
            <option key={phase} value={phase} selected={phase === query.phase}>
              {phase.replaceAll('_', ' ')}
            </option>
          ))}
        </select>
      </label>
      <label>
        Reason
        <input name="reason" defaultValue={query.reason ?? ''} autoComplete="off" size={14} />
      </label>
      <label>
        From (UTC)
        <input name="from" type="date" defaultValue={query.from ?? ''} />
      </label>
      <label>
        To (UTC)
        <input name="to" type="date" defaultValue={query.to ?? ''} />
      </label>
      <label>
        At least
        <input name="min" inputMode="decimal" pattern="\d+(\.\d+)?" size={7} defaultValue={query.min ?? ''} />
      </label>
      <label>
        At most
        <input name="max" inputMode="decimal" pattern="\d+(\.\d+)?" size={7} defaultValue={query.max ?? ''} />
      </label>
      <button type="submit" class="primary" disabled={busy}>
        {busy ? 'Looking…' : 'Show'}
      </button>
      {FIELDS.some((name) => query[name] !== undefined) ? <a href="/recharges">Show all</a> : null}
      {failure === undefined ? null : (
        <p class="failure wide" role="alert">
          {failure}
        </p>
      )}
    </form>
  );
}

export type Listed = Data<'recharges'>['rows'][number];

export function RechargeTable({ rows, withClient = true }: { rows: Listed[]; withClient?: boolean }) {
  const now = Date.now();
  return (
    <Table
      folds
      label="List of recharges"
      heads={[
        'Received',
        ...(withClient ? ['Client'] : []),
        'Phase',
        ['Credits', 'right'],
        ['Price', 'right'],
        ['To credits', 'right'],
        'Key',
      ]}
    >
      {rows.map((row) => (
        <tr key={row.key}>
          <td>
            <Ago at={row.received_at} now={now} />
          </td>
          {withClient ? (
            <td class="cut">
              <ClientLink email={row.email} />
            </td>
          ) : null}
          <td>
            <Word word={row.phase} more={row.reason} />
          </td>
          <td class="right" data-unit="credits">
            {row.credits.toLocaleString('en')}
          </td>
          <td class="right">{row.prepaid ? 'not charged' : moneyText(row.amount, row.currency)}</td>
          <td class="right" data-unit="to credits">
            {tookText(row)}
          </td>
          <td>
            <RechargeLink id={row.key} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function tookText({ received_at: from, granted_at: to }: Listed): string {
  if (to === undefined) return '';
  const ms = Date.parse(to) - Date.parse(from);
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : durationText(ms);
}

const COLUMNS = [
  'received_at',
  'email',
  'phase',
  'reason',
  'credits',
  'amount',
  'currency',
  'payment_ref',
  'charge_id',
  'grant_mark',
  'key',
] as const;

/** What is shown, for a spreadsheet: amounts in minor units. */
function CsvLink({ rows }: { rows: Listed[] }) {
  if (rows.length === 0) return null;
  // A spreadsheet takes what begins so for a formula.
  const cell = (value: unknown) =>
    `"${String(value ?? '')
      .replace(/^[=+\-@\t\r]/, "'$&")
      .replaceAll('"', '""')}"`;
  const lines = rows.map((row) => COLUMNS.map((name) => cell(row[name])).join(','));
  const save = () => {
    const url = URL.createObjectURL(
      new Blob([`${COLUMNS.join(',')}\r\n${lines.join('\r\n')}\r\n`], { type: 'text/csv' }),
    );
    Object.assign(document.createElement('a'), { href: url, download: 'recharges.csv' }).click();
    URL.revokeObjectURL(url);
  };
  return (
    <button type="button" onClick={save}>
      Save as CSV
    </button>
  );
}
