import { useState } from 'preact/hooks';
import type { Money } from '../../shared/money.ts';
import { meansText } from '../../shared/payments/payment-method.ts';
import { CLIENT_DEEDS } from '../words.ts';
import { act, type Data, read, useLive } from './live.ts';
import {
  Ago,
  Bars,
  ClientLink,
  Deed,
  Empty,
  Facts,
  Loaded,
  Page,
  RechargeLink,
  shownMoney,
  Table,
  Word,
} from './parts.tsx';
import { WHO } from './recharge.tsx';
import { RechargeTable } from './recharges.tsx';
import { go, linkTo } from './route.ts';

export function Clients({ query, readOnly }: { query: Record<string, string>; readOnly: boolean }) {
  const live = useLive('clients', query);
  return (
    <Page title="Clients">
      <form
        class="filter"
        onSubmit={(event) => {
          event.preventDefault();
          if (!(event.target instanceof HTMLFormElement)) return;
          goToClient(String(new FormData(event.target).get('search') ?? '').trim());
        }}
      >
        <label class="wide">
          A client, by the email or a part of it
          <input name="search" type="search" required defaultValue={query.search ?? ''} autoComplete="off" />
        </label>
        <button type="submit" class="primary">
          Show
        </button>
        {query.search === undefined ? null : <a href="/clients">Show all</a>}
        <a
          href={linkTo('/clients', {
            ...query,
            after: undefined,
            status: query.status === 'suspended' ? undefined : 'suspended',
          })}
        >
          {query.status === 'suspended' ? 'Also the active' : 'Only the suspended'}
        </a>
      </form>
      <Loaded live={live}>
        {({ clients, more }) =>
          clients.length === 0 ? (
            <Empty>
              {query.search !== undefined ? (
                `No client's email has "${query.search}" in it.`
              ) : query.status === undefined ? (
                <>
                  No client is set up yet. One: <code>npx relay accounts add client@example.com</code>. Many:
                  import a file below.
                </>
              ) : (
                'No client is suspended.'
              )}
            </Empty>
          ) : (
            <>
              <Table
                folds
                label="List of clients"
                heads={[
                  'Client',
                  'Status',
                  ['This month', 'right'],
                  'Of the cap',
                  ['Recharges today', 'right'],
                  'A credit',
                  'Pays with',
                  'Last one let through',
                  'When',
                ]}
              >
                {clients.map((client) => (
                  <tr key={client.email}>
                    <td class="cut">
                      <ClientLink email={client.email} />
                    </td>
                    <td>
                      <Word word={client.status ?? 'unknown'} />
                    </td>
                    <td class="right" data-unit="this month">
                      {client.spent_this_month ? shownMoney(client.spent_this_month) : ''}
                    </td>
                    <td>
                      <Cap spent={client.spent_this_month} cap={client.monthly_cap} />
                    </td>
                    <td class="right" data-unit="today">
                      {client.daily_limit === undefined
                        ? client.recharges_today
                        : `${client.recharges_today} of ${client.daily_limit}`}
                    </td>
                    <td class="cut" data-unit="a credit">
                      {priceText(client.pricing)}
                    </td>
                    <td>{client.payment_method && meansText(client.payment_method)}</td>
                    <td>
                      {client.last === undefined ? (
                        <span class="quiet">none</span>
                      ) : (
                        <a href={linkTo('/recharge', { key: client.last.key })}>
                          <Word word={client.last.phase} more={client.last.reason} />
                        </a>
                      )}
                    </td>
                    <td>
                      <Ago at={client.last?.reserved_at} />
                    </td>
                  </tr>
                ))}
              </Table>
              <p class="pages">
                {query.after === undefined ? null : (
                  <a href={linkTo('/clients', { ...query, after: undefined })}>First</a>
                )}{' '}
                {more ? (
                  <a href={linkTo('/clients', { ...query, after: clients.at(-1)?.email })}>More</a>
                ) : null}
              </p>
            </>
          )
        }
      </Loaded>
      {readOnly ? null : <Import />}
    </Page>
  );
}

/** To the one whom a part of the email names, or to all whom it may mean. */
async function goToClient(search: string): Promise<void> {
  const { data } = await read('clients', { search });
  const [first, ...others] = data?.clients ?? [];
  const isClear = first !== undefined && others.length === 0;
  go(isClear ? linkTo('/client', { email: first.email }) : linkTo('/clients', { search }));
}

/** For a credit; what a list asks for is on the client's own page. */
const priceText = (pricing: ListedClient['pricing']): string => {
  if (pricing === undefined) return '';
  return 'perCredit' in pricing ? `${pricing.perCredit} ${pricing.currency}` : `by list, ${pricing.currency}`;
};

type ListedClient = Data<'clients'>['clients'][number];

function Cap({ spent, cap }: { spent: Money | undefined; cap: Money | undefined }) {
  if (cap === undefined) return <span class="quiet">no cap</span>;
  const share = Math.round(((spent?.amount ?? 0) / Math.max(1, cap.amount)) * 100);
  return (
    <span class="cap">
      <progress max={100} value={Math.min(100, share)} aria-label={`${share} % of ${shownMoney(cap)}`} />
      <span class="quiet">{`${share}\u00a0%`}</span>
    </span>
  );
}

type Client = Data<'client'>;

export function OneClient({
  email,
  readOnly,
  stripe,
}: {
  email: string;
  readOnly: boolean;
  stripe: boolean;
}) {
  const live = useLive('client', { email });
  return (
    <Page title={email}>
      <Loaded live={live}>
        {(client) => (
          <>
            <section class={`next ${client.next_step.who}`} aria-label="What happens next">
              <p>
                <Word word={client.status ?? 'not set up'} more={client.status_change?.note} />
              </p>
              <p>
                <strong>{WHO[client.next_step.who]}.</strong> {client.next_step.what}{' '}
                {client.unfinished === undefined ? null : (
                  <RechargeLink id={client.unfinished}>Look at it, and answer</RechargeLink>
                )}
              </p>
              {readOnly ? null : <ClientDeeds client={client} stripe={stripe} />}
            </section>
            <section aria-labelledby="recharges">
              <h2 id="recharges">Recharges</h2>
              {client.recharges.length === 0 ? (
                <Empty>None in the last 31 days.</Empty>
              ) : (
                <RechargeTable rows={client.recharges} withClient={false} />
              )}
              <p>
                <a href={linkTo('/recharges', { email: client.email, from: '365d' })}>All of the last year</a>
              </p>
            </section>
            <Balances client={client} />
            <section aria-labelledby="settings">
              <h2 id="settings">Settings</h2>
              <Facts facts={factsOf(client)} />
            </section>
          </>
        )}
      </Loaded>
    </Page>
  );
}

const SETTINGS: [name: string, label: string, hint: string][] = [
  ['monthlyCap', 'Monthly cap', '200.00 EUR'],
  ['dailyCount', 'Recharges a day, at most', '3'],
  ['cooldownSeconds', 'Seconds between two recharges, at least', '600'],
  ['pricePerCredit', 'Price of a credit', '0.10 EUR'],
  ['minimumCharge', 'Smallest charge', '5.00 EUR'],
  ['pricing', 'Packs or tiers instead, as in the configuration', '{"currency":"EUR","packs":[…]}'],
  ['platformId', 'Id of the sub-account on the platform', ''],
  ['grantEmail', 'Email on the platform, where it is another', ''],
  ['customer', 'Customer at the payment provider', ''],
];

function ClientDeeds({ client, stripe }: { client: Client; stripe: boolean }) {
  return (
    <div class="deeds">
      <Deed
        label={CLIENT_DEEDS.start}
        deed="start"
        body={{ client: client.email }}
        note
        fields={[{ name: 'credits', label: 'Credits', required: true, hint: '500' }]}
        toBody={({ credits }) => ({ credits: Number(credits) })}
        question={`Charge ${client.email} for credits?`}
        follows="Charged and granted once, at the client's price, however often it is asked for in the same words."
        tell={async ({ credits = '' }) => {
          if (!/^[1-9]\d*$/.test(credits)) return undefined;
          const { data, failure } = await read('price', { email: client.email, credits });
          if (data?.money === undefined) return failure ?? 'So many credits have no price.';
          const steps = data.steps.map(([name, what]) => `${name}: ${what}`).join('; ');
          return `${client.email} pays ${shownMoney(data.money)} (${steps}).`;
        }}
        onDone={({ key }) => {
          if (key !== undefined) go(linkTo('/recharge', { key }));
        }}
      />
      <Deed
        label={CLIENT_DEEDS.set}
        deed="set"
        body={{ email: client.email }}
        fields={SETTINGS.map(([name, label, hint]) => ({ name, label, hint }))}
        toBody={(settings) => ({ settings })}
        question={`Change the settings of ${client.email}`}
        follows={'What is left empty stays as it is. "none" takes a setting away.'}
      />
      {stripe && client.status !== undefined ? (
        <>
          <Deed
            label={CLIENT_DEEDS.invite}
            deed="invite"
            body={{ email: client.email }}
            question={`Make a page of Stripe's on which ${client.email} saves a card?`}
            follows="Nothing is charged there. You send the client the link."
          />
          <Deed
            label={CLIENT_DEEDS.link}
            deed="link"
            body={{ email: client.email }}
            fields={[
              { name: 'customer', label: 'Customer, unless it is known', hint: 'cus_…' },
              { name: 'payment_method', label: 'Means of payment, where there are several', hint: 'pm_…' },
            ]}
            question={`Charge ${client.email} by what is saved at Stripe already?`}
            follows="Nothing is charged now."
          />
        </>
      ) : null}
      {client.status === 'active' ? (
        <Deed
          label={CLIENT_DEEDS.suspend}
          deed="suspend"
          body={{ email: client.email }}
          note
          question={`Suspend ${client.email}?`}
          follows="What is not charged yet is not charged any more. What is paid is granted."
        />
      ) : null}
      {client.status !== undefined && client.status !== 'active' ? (
        <Deed
          label={CLIENT_DEEDS.enable}
          deed="enable"
          body={{ email: client.email }}
          note
          question={`Enable ${client.email}?`}
          follows="Webhooks of the client are charged again."
        />
      ) : null}
    </div>
  );
}

/** What is known of the balance: as each recharge left it. */
function Balances({ client }: { client: Client }) {
  const known = client.recharges.filter((row) => row.new_balance !== undefined).reverse();
  if (known.length < 2) return null;
  return (
    <Bars
      title="Balance after each recharge, in credits"
      bars={known.map((row) => ({
        label: row.received_at.slice(0, 10),
        value: row.new_balance ?? 0,
        text: `${(row.new_balance ?? 0).toLocaleString('en')} credits`,
      }))}
    />
  );
}

function factsOf(client: Client): Parameters<typeof Facts>[0]['facts'] {
  const { pricing, limits, status_change: change } = client;
  const cap = client.monthly_cap;
  return [
    ['This month', client.spent_this_month && shownMoney(client.spent_this_month)],
    ['Monthly cap', cap && <Cap spent={client.spent_this_month} cap={cap} />],
    ['Recharges a day', limits.daily_count === undefined ? undefined : `at most ${limits.daily_count}`],
    ['Cooldown', limits.cooldown_seconds === undefined ? undefined : `${limits.cooldown_seconds} s`],
    [
      'Price list',
      pricing && (
        <PriceList pricing={pricing} from={client.own_pricing ? "the client's own" : "all clients'"} />
      ),
    ],
    ['Charged', client.payment_method && meansText(client.payment_method)],
    ['Platform id', client.platform_id && <code>{client.platform_id}</code>],
    ['On the platform', client.grant_email],
    ['Customer', client.customer && <code>{client.customer}</code>],
    ['Status changed', change && <Ago at={change.at} />],
    ['by', change?.by],
  ];
}

type Pricing = NonNullable<Client['pricing']>;

function PriceList({ pricing, from }: { pricing: Pricing; from: string }) {
  const { currency } = pricing;
  const minimum = 'minimumCharge' in pricing ? pricing.minimumCharge : undefined;
  return (
    <>
      <p class="detail">{`${from}, in ${currency}${minimum === undefined ? '' : `, at least ${minimum} ${currency} a recharge`}`}</p>
      <Table label="Price list" heads={['packs' in pricing ? 'A pack of' : 'Credits', ['Price', 'right']]}>
        {linesOf(pricing).map(([credits, price]) => (
          <tr key={credits}>
            <td>{credits}</td>
            <td class="right">{`${price} ${currency}`}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}

function linesOf(pricing: Pricing): [credits: string, price: string][] {
  if ('packs' in pricing)
    return pricing.packs.map(({ credits, price }) => [credits.toLocaleString('en'), price]);
  if (!('tiers' in pricing)) return [['any number, each', pricing.perCredit]];
  return pricing.tiers.map(({ upTo, perCredit }) => [
    upTo === undefined ? 'more, each' : `up to ${upTo.toLocaleString('en')}, each`,
    perCredit,
  ]);
}

interface Plan {
  clients: {
    line: number;
    email: string;
    kind: string;
    changes: { column: string; from?: string; to?: string }[];
  }[];
  faults: { line: number; column?: string; message: string }[];
}

/** A file of clients: first what it would change, then the change. */
function Import() {
  const [csv, setCsv] = useState<string>();
  const [plan, setPlan] = useState<Plan>();
  const [failure, setFailure] = useState<string>();
  async function choose(event: Event) {
    const file = event.target instanceof HTMLInputElement ? event.target.files?.[0] : undefined;
    setPlan(undefined);
    setFailure(undefined);
    if (!file) return;
    const text = await file.text();
    setCsv(text);
    try {
      setPlan(await act<Plan>('plan_import', { csv: text }));
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  }
  const changing = plan?.clients.filter(({ kind }) => kind !== 'unchanged') ?? [];
  const faults = plan?.faults ?? [];
  return (
    <details class="import">
      <summary>Import clients from a file</summary>
      <p>
        The columns are those of <code>npx relay accounts export</code>. Nothing is written before you say so.
      </p>
      <label>
        A CSV file
        <input type="file" accept=".csv,text/csv" onChange={choose} />
      </label>
      {failure === undefined ? null : (
        <p class="failure" role="alert">
          {failure}
        </p>
      )}
      {faults.length === 0 ? null : (
        <div role="alert">
          <p class="failure">{`Nothing can be imported: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}.`}</p>
          <ul class="plain rows">
            {faults.slice(0, 50).map(({ line, column, message }) => (
              <li key={`${line} ${column}`}>{`line ${line}: ${column ?? ''} ${message}`}</li>
            ))}
          </ul>
        </div>
      )}
      {plan !== undefined && faults.length === 0 ? (
        <>
          <p>{`${changing.length} of ${plan.clients.length} clients change.`}</p>
          <ul class="plain rows">
            {changing.slice(0, 50).map(({ line, email, kind, changes }) => (
              <li key={line}>
                {`${email}: ${kind}. ${changes.map(({ column, from, to }) => `${column} ${from ?? 'nothing'} → ${to ?? 'nothing'}`).join(', ')}`}
              </li>
            ))}
          </ul>
          {changing.length === 0 ? null : (
            <Deed
              label="Import"
              deed="import"
              body={{ csv }}
              question={`Write the settings of ${changing.length} clients?`}
              follows="What the relay counts, and what is under way, stays as it is."
              onDone={() => setPlan(undefined)}
            />
          )}
        </>
      ) : null}
    </details>
  );
}
