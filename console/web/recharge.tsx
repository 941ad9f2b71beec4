import { durationText } from '../../shared/ages.ts';
import type { ReviewReason } from '../../shared/recharge/recharge.ts';
import { type Data, useLive } from './live.ts';
import { ClientLink, Deed, Facts, Loaded, moneyText, Page, shownMoney, When, Word } from './parts.tsx';
import { go, linkTo } from './route.ts';
import { Runbook } from './runbook.tsx';

export type Whole = Data<'recharge'>;

export function Recharge({ id, readOnly }: { id: string; readOnly: boolean }) {
  const live = useLive('recharge', { key: id });
  return (
    <Page title={`Recharge ${id}`}>
      <Loaded live={live}>
        {(row) => (
          <>
            <Summary row={row} />
            <div class="beside">
              <div class="first">
                <NextStep row={row} readOnly={readOnly} />
              </div>
              {row.runbook === undefined ? <TheFacts row={row} /> : <Runbook word={row.runbook} />}
              <div class="main">
                <Timeline row={row} />
                {row.runbook === undefined ? null : <TheFacts row={row} />}
              </div>
            </div>
          </>
        )}
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

/** Where to look for each reason, and for what. */
const LOOK_FOR: Record<ReviewReason, { where: string; facts: (keyof typeof LOOKED_FOR)[] }> = {
  charge_unknown: { where: 'Look at the provider for:', facts: ['charge', 'payment', 'price'] },
  grant_unknown: {
    where: "Look in the client's credit history on the platform for:",
    facts: ['mark', 'credits'],
  },
  grant_differs: {
    where: "Look in the client's credit history on the platform for:",
    facts: ['mark', 'credits'],
  },
  grant_refused: {
    where:
      'Nothing was granted by this. Look on the platform whether the sub-account is there, under exactly this name:',
    facts: ['email', 'platformId'],
  },
  grant_expired: {
    where: 'The timeline says why each try failed. The grant is for:',
    facts: ['email', 'credits'],
  },
  refund_unknown: { where: 'Look at the provider for:', facts: ['payment', 'charge', 'refund', 'price'] },
  refund_failed: {
    where: 'The timeline says why. Look at the provider for:',
    facts: ['payment', 'refund', 'price'],
  },
};

const LOOKED_FOR = {
  charge: (row: Whole): Fact => ['Charge id', id(row.charge_id)],
  payment: (row: Whole): Fact => ['Payment', row.payment_ref && <Reference value={row.payment_ref} />],
  refund: (row: Whole): Fact => ['Refund', row.refund_ref && <Reference value={row.refund_ref} />],
  price: (row: Whole): Fact => ['Price', moneyText(row.amount, row.currency)],
  mark: (row: Whole): Fact => ['Grant mark', id(row.grant_mark)],
  credits: (row: Whole): Fact => ['Credits', row.credits.toLocaleString('en')],
  email: (row: Whole): Fact => ['Client', row.grant_email ?? row.email],
  platformId: (row: Whole): Fact => ['Platform id', id(row.platform_id)],
};

const isReason = (word: string | undefined): word is ReviewReason =>
  word !== undefined && Object.hasOwn(LOOK_FOR, word);

/** Beside the answers that depend on it. */
function LookFor({ row }: { row: Whole }) {
  if (!isReason(row.reason)) return null;
  const { where, facts } = LOOK_FOR[row.reason];
  return (
    <>
      <p>{where}</p>
      <Facts facts={facts.map((name) => LOOKED_FOR[name](row))} />
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
          question={`${label}? ${row.email}, ${row.credits.toLocaleString('en')} credits${priceText(row, deed)}`}
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

/** What was or would be paid: one that is started again has the price of now. */
function priceText(row: Whole, deed: Whole['deeds'][number]['deed']): string {
  if (deed === 'start_again')
    return row.price?.now === undefined ? '' : `, ${shownMoney(row.price.now)} as prices are now`;
  return row.amount === undefined ? '' : `, ${moneyText(row.amount, row.currency)}`;
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
        {row.timeline.map(({ at, words, detail, proves, times: many }, index) => (
          <li key={index}>
            <span class="since">{tookText(Date.parse(at) - from)}</span>
            <div>
              <strong>{words}</strong>
              {many === undefined ? null : <span class="quiet">{` ${many} times`}</span>}
              {detail === undefined ? null : <p class="detail">{detail}</p>}
              {proves === undefined ? null : <p class="detail quiet">{proves}</p>}
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

type Fact = Parameters<typeof Facts>[0]['facts'][number];

const id = (value: string | undefined) => (value === undefined ? undefined : <code>{value}</code>);

function factsOf(row: Whole): Fact[] {
  return [
    ['Key', id(row.key)],
    ['Price', <Price key="price" row={row} />],
    ['Payment', row.payment_ref && <Reference value={row.payment_ref} />],
    ['Paid', row.paid_at === undefined ? undefined : <When at={row.paid_at} />],
    ['Charge id', id(row.charge_id)],
    ['Grant mark', id(row.grant_mark)],
    ['On the platform', row.grant_email],
    ['Platform id', id(row.platform_id)],
    [
      'Balance',
      row.balance_before === undefined && row.new_balance === undefined
        ? undefined
        : balanceText(row.balance_before, row.new_balance),
    ],
    ['Usage export', row.usage_export],
    ['Refund', row.refund_ref && <Reference value={row.refund_ref} />],
    ['Given back', row.refunded_at === undefined ? undefined : <When at={row.refunded_at} />],
    [
      row.next.charAt(0).toUpperCase() + row.next.slice(1),
      row.next_attempt_at === undefined ? undefined : <When at={row.next_attempt_at} />,
    ],
    ['Attempt', String(row.attempt)],
    ['Version', String(row.version)],
  ];
}

/** What is paid, and how that is calculated by the price list of now, which the row does not keep. */
function Price({ row }: { row: Whole }) {
  if (row.prepaid) return <>not charged, as the person said who started it</>;
  const { price } = row;
  const isKnown = row.amount !== undefined;
  return (
    <>
      {isKnown ? moneyText(row.amount, row.currency) : 'none was asked for'}
      {price === undefined ? null : (
        <div class="quiet">
          {price.differs && price.now !== undefined
            ? `Prices have changed since. Now it would be ${shownMoney(price.now)}:`
            : null}
          {isKnown || price.now === undefined ? null : `Now it would be ${shownMoney(price.now)}:`}
          <ul class="plain">
            {price.steps.map(([name, what]) => (
              <li key={name}>{`${name}: ${what}`}</li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
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
