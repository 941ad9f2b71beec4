import { durationText } from '../../shared/ages.ts';
import { type Data, useLive } from './live.ts';
import { ClientLink, Deed, Facts, Loaded, moneyText, Page, When, Word } from './parts.tsx';
import { go, linkTo } from './route.ts';
import { Runbook } from './runbook.tsx';

export type Whole = Data<'recharge'>;

export function Recharge({ id, readOnly }: { id: string; readOnly: boolean }) {
  const live = useLive('recharge', { key: id });
  return (
    <Page title={`Recharge ${id}`}>
      <Loaded live={live}>
        {(row) => {
          const asks = row.phase === 'needs_review' && row.reason !== undefined;
          return (
            <>
              <Summary row={row} />
              <div class="beside">
                <div>
                  <NextStep row={row} readOnly={readOnly} />
                  <Timeline row={row} />
                  {asks ? <TheFacts row={row} /> : null}
                </div>
                {asks ? <Runbook word={row.reason ?? ''} /> : <TheFacts row={row} />}
              </div>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

function TheFacts({ row }: { row: Whole }) {
  return (
    <section aria-labelledby="facts">
      <h2 id="facts">Facts</h2>
      <Facts facts={factsOf(row)} />
    </section>
  );
}

export function Summary({ row }: { row: Whole }) {
  return (
    <p class="summary">
      <Word word={row.phase} more={row.reason} />{' '}
      <span>
        {row.credits.toLocaleString('en')} credits for <ClientLink email={row.email} />
        {row.amount === undefined ? '' : `, ${moneyText(row.amount, row.currency)}`}
      </span>
      <br />
      <strong>{row.meaning}</strong>
    </p>
  );
}

export const WHO = {
  you: 'You must act',
  client: 'The client must act',
  provider: 'The payment provider must act',
  nobody: 'Nobody needs to act',
};

export function NextStep({ row, readOnly }: { row: Whole; readOnly: boolean }) {
  const { who, what } = row.next_step;
  return (
    <section class={`next ${who}`} aria-label="What happens next">
      <p>
        <strong>{WHO[who]}.</strong> {what}
      </p>
      {row.action_url === undefined ? null : (
        <p class="link">
          <code>{row.action_url}</code>
        </p>
      )}
      {row.phase === 'needs_review' ? <LookFor row={row} /> : null}
      {readOnly ? null : <Deeds row={row} />}
    </section>
  );
}

/** Under what it stands at the provider and on the platform, beside the answers that depend on it. */
function LookFor({ row }: { row: Whole }) {
  const isOfGrant = row.reason?.startsWith('grant') ?? false;
  return (
    <>
      <p>
        {isOfGrant ? "Look in the client's credit history on the platform for:" : 'Look at the provider for:'}
      </p>
      <Facts
        facts={
          isOfGrant
            ? [
                ['Grant mark', row.grant_mark && <code>{row.grant_mark}</code>],
                ['Credits', row.credits.toLocaleString('en')],
              ]
            : [
                ['Charge id', <code key="charge">{row.charge_id}</code>],
                ['Payment', row.payment_ref && <Reference value={row.payment_ref} />],
                ['Refund', row.refund_ref && <Reference value={row.refund_ref} />],
              ]
        }
      />
    </>
  );
}

function Deeds({ row }: { row: Whole }) {
  return (
    <div class="deeds">
      {row.deeds.map(({ deed, answer, label, follows, not_before: notBefore, needsPaymentRef }) => (
        <Deed
          key={deed + answer}
          label={label}
          deed={deed === 'start_again' ? 'start' : deed}
          body={bodyOf(row, deed, answer)}
          question={`${label}? ${row.email}, ${row.credits.toLocaleString('en')} credits${row.amount === undefined ? '' : `, ${moneyText(row.amount, row.currency)}`}`}
          follows={
            <>
              {follows} {answer === undefined ? null : <code class="quiet answer">{answer}</code>}
            </>
          }
          note
          fields={
            needsPaymentRef
              ? [{ name: 'payment_ref', label: 'The payment you found at the provider', required: true }]
              : []
          }
          danger={deed === 'refund' || answer === 'refund'}
          disabled={
            notBefore === undefined
              ? undefined
              : `Until ${notBefore.slice(0, 19).replace('T', ' ')} UTC the ${row.phase === 'needs_review' ? 'grant' : 'charge'} may still arrive. Look again after that.`
          }
          onDone={({ key }) => {
            if (key !== undefined) go(linkTo('/recharge', { key }));
          }}
        />
      ))}
    </div>
  );
}

function bodyOf(row: Whole, deed: Whole['deeds'][number]['deed'], answer: string | undefined): object {
  if (deed === 'start_again') return { client: row.email, instead_of: row.key };
  return deed === 'resolve' ? { key: row.key, answer, version: row.version } : { key: row.key };
}

/** What happened when: first to scale, then in words, with how long after the webhook. */
export function Timeline({ row }: { row: Whole }) {
  const from = Date.parse(row.received_at);
  const times = row.timeline.map(({ at }) => Date.parse(at));
  const span = Math.max(1, Math.max(...times, from) - from);
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">Timeline</h2>
      <svg
        class="scale"
        viewBox="0 0 1000 28"
        preserveAspectRatio="none"
        role="img"
        aria-label={`From the webhook to the last event: ${tookText(span)}`}
      >
        <line x1="0" y1="14" x2="1000" y2="14" />
        {times.map((at, index) => (
          <rect key={index} x={Math.max(0, ((at - from) / span) * 994)} y="4" width="6" height="20">
            <title>{`${row.timeline[index]?.words ?? ''} ${tookText(at - from)}`}</title>
          </rect>
        ))}
      </svg>
      <div class="ends quiet" aria-hidden="true">
        <span>webhook</span>
        <span>{tookText(span)}</span>
      </div>
      <ol class="timeline">
        {row.timeline.map(({ at, words, detail, times: many }, index) => (
          <li key={index}>
            <span class="since">{tookText(Date.parse(at) - from)}</span>
            <div>
              <strong>{words}</strong>
              {many === undefined ? null : <span class="quiet">{` ${many} times`}</span>}
              {detail === undefined ? null : <p class="detail">{detail}</p>}
              <div class="quiet">
                <When at={at} />
              </div>
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

const tookText = (ms: number): string =>
  ms < 10_000 ? `+${(ms / 1_000).toFixed(2)} s` : `+${durationText(ms)}`;

function factsOf(row: Whole): Parameters<typeof Facts>[0]['facts'] {
  const id = (value: string | undefined) => (value === undefined ? undefined : <code>{value}</code>);
  return [
    ['Key', id(row.key)],
    [
      'Price',
      row.prepaid ? 'not charged, as the person said who started it' : moneyText(row.amount, row.currency),
    ],
    ['Payment', <Reference key="payment" value={row.payment_ref} />],
    ['Paid', row.paid_at === undefined ? undefined : <When at={row.paid_at} />],
    ['Charge id', id(row.charge_id)],
    ['Grant mark', id(row.grant_mark)],
    [
      'Balance',
      row.balance_before === undefined && row.new_balance === undefined
        ? undefined
        : balanceText(row.balance_before, row.new_balance),
    ],
    ['Refund', <Reference key="refund" value={row.refund_ref} />],
    ['Given back', row.refunded_at === undefined ? undefined : <When at={row.refunded_at} />],
    [
      row.phase === 'needs_review' ? 'Next look or reminder' : 'Next step',
      row.next_attempt_at === undefined ? undefined : <When at={row.next_attempt_at} />,
    ],
    ['Attempt', String(row.attempt)],
    ['Version', String(row.version)],
  ];
}

function balanceText(before: number | undefined, after: number | undefined): string {
  const credits = (count: number) => `${count.toLocaleString('en')} credits`;
  if (before === undefined) return `${credits(after ?? 0)} after the grant`;
  return after === undefined
    ? `${credits(before)} before the charge`
    : `${credits(before)} → ${credits(after)}`;
}

/** Stripe's own references lead to its dashboard. */
function Reference({ value }: { value: string | undefined }) {
  if (value === undefined) return <span class="quiet">none</span>;
  if (!/^(pi|re|ch)_[A-Za-z0-9_]+$/.test(value)) return <code>{value}</code>;
  return (
    <a
      href={`https://dashboard.stripe.com/${value.startsWith('re_') ? 'refunds' : 'payments'}/${value}`}
      target="_blank"
      rel="noreferrer"
    >
      {value}
    </a>
  );
}
