import { useEffect, useState } from 'preact/hooks';
import { durationText } from '../../shared/ages.ts';
import { currencyDecimals, type Money } from '../../shared/money.ts';
import { type Data, read, useLive } from './live.ts';
import {
  Ago,
  Bars,
  ClientLink,
  Deed,
  Empty,
  Loaded,
  Page,
  RechargeLink,
  shownMoney,
  Word,
} from './parts.tsx';
import { linkTo } from './route.ts';

const DAY_MS = 86_400_000;
const RANGES = { today: 1, '7 days': 7, '30 days': 30 };
type Range = keyof typeof RANGES;
const RANGE_NAMES: Range[] = ['today', '7 days', '30 days'];
type Day = Data<'day'>;

export function Overview({ readOnly }: { readOnly: boolean }) {
  const status = useLive('status');
  const [range, setRange] = useState<Range>('today');
  const days = useDays(RANGES[range]);
  return (
    <Page title="Overview">
      <Loaded live={status}>
        {(now) => (
          <>
            <Answers status={now} readOnly={readOnly} />
            <Alerts alerts={now.alerts} />
          </>
        )}
      </Loaded>
      <section aria-labelledby="numbers">
        <div class="head">
          <h2 id="numbers">What came in and went out</h2>
          <fieldset class="choices" aria-label="Over how long">
            {RANGE_NAMES.map((one) => (
              <button type="button" key={one} aria-pressed={one === range} onClick={() => setRange(one)}>
                {one}
              </button>
            ))}
          </fieldset>
        </div>
        <Numbers {...days} of={RANGES[range]} />
      </section>
      <Loaded live={status}>{(now) => <Works status={now} />}</Loaded>
    </Page>
  );
}

type Status = Data<'status'>;

/** A part that could not be read says why. */
const isReadable = <Part,>(part: Part): part is Exclude<Part, { unreadable: string }> =>
  typeof part !== 'object' || part === null || !('unreadable' in part);

const Unreadable = ({ part }: { part: unknown }) => (
  <p class="failure">{`This could not be read: ${Object(part).unreadable}`}</p>
);

function Answers({ status, readOnly }: { status: Status; readOnly: boolean }) {
  const { charging, waiting } = status;
  return (
    <div class="answers">
      <section aria-labelledby="moving">
        <h2 id="moving">Is money moving?</h2>
        {isReadable(charging) ? (
          <Charging charging={charging} readOnly={readOnly} />
        ) : (
          <Unreadable part={charging} />
        )}
      </section>
      <section aria-labelledby="stuck">
        <h2 id="stuck">Is anything stuck?</h2>
        {isReadable(waiting) ? <Waiting waiting={waiting} /> : <Unreadable part={waiting} />}
      </section>
    </div>
  );
}

function Charging({
  charging,
  readOnly,
}: {
  charging: Exclude<Status['charging'], { unreadable: string }>;
  readOnly: boolean;
}) {
  if (!charging?.paused) {
    return (
      <>
        <p class="big good">Yes. Charging is on.</p>
        {readOnly ? null : (
          <Deed
            label="Pause charging"
            deed="pause"
            note
            question="Stop charging all clients?"
            follows="No new charge begins. Webhooks are still accepted, and wait. What is paid is granted."
          />
        )}
      </>
    );
  }
  return (
    <>
      <p class="big bad">No. Charging is paused.</p>
      <p>
        {charging.reason}
        <br />
        <span class="quiet">
          {charging.by === undefined ? 'by the relay itself' : `by ${charging.by}`},{' '}
          <Ago at={charging.since} />
          {charging.until === undefined ? ', until somebody resumes it' : ', goes on by itself '}
          <Ago at={charging.until} />
        </span>
      </p>
      {readOnly ? null : (
        <Deed
          label="Resume charging"
          deed="resume"
          question="Let charges begin again?"
          follows="Recharges that wait come back by themselves within 15 minutes."
        />
      )}
    </>
  );
}

function Waiting({ waiting }: { waiting: Exclude<Status['waiting'], { unreadable: string }> }) {
  if (waiting === null) return null;
  const { reviews, oldest_review: oldest, groups, more } = waiting;
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  return (
    <>
      {reviews === 0 ? (
        <p class="big good">{total === 0 ? 'No. Nothing waits.' : 'No. Nobody needs to act.'}</p>
      ) : (
        <p class="big bad">
          <a href="/reviews">{`Yes. ${reviews}${more ? ' or more' : ''} ${reviews === 1 ? 'waits' : 'wait'} for a person.`}</a>
        </p>
      )}
      {oldest === undefined ? null : (
        <p>
          The oldest, since <Ago at={oldest.since} />: <RechargeLink id={oldest.key} />
        </p>
      )}
      {groups.length === 0 ? null : (
        <ul class="plain">
          {groups.map(({ phase, reason, count, oldest_at: at }) => (
            <li key={phase + reason}>
              <a href={linkTo('/recharges', { phase, ...(phase === 'needs_review' ? { reason } : {}) })}>
                {count}
              </a>{' '}
              <Word word={phase} more={reason} />{' '}
              <span class="quiet">
                oldest <Ago at={at} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Alerts({ alerts }: { alerts: Status['alerts'] }) {
  if (!isReadable(alerts)) return <Unreadable part={alerts} />;
  if (alerts === null || alerts.length === 0) return null;
  const rest = alerts.slice(MOST_ALERTS);
  return (
    <section aria-labelledby="alerts">
      <h2 id="alerts">Open alerts</h2>
      <AlertRows alerts={alerts.slice(0, MOST_ALERTS)} />
      {rest.length === 0 ? null : (
        <details>
          <summary>{`and ${rest.length} more`}</summary>
          <AlertRows alerts={rest} />
        </details>
      )}
    </section>
  );
}

const MOST_ALERTS = 8;

const AlertRows = ({ alerts }: { alerts: Exclude<Status['alerts'], { unreadable: string } | null> }) => (
  <ul class="plain rows">
    {alerts.map(({ id, word, meaning, key, email, last_at: at, times }) => (
      <li key={id}>
        <strong>{word.replaceAll('_', ' ')}</strong> {meaning}{' '}
        {email === undefined ? null : <ClientLink email={email} />}{' '}
        {key === undefined ? null : <RechargeLink id={key} />}{' '}
        <span class="quiet">
          {times > 1 ? `${times} times, last ` : ''}
          <Ago at={at} />
        </span>
      </li>
    ))}
  </ul>
);

/** The days that were asked for, the newest first: each is read on its own, so that the first ones stand at once. */
function useDays(count: number): { days: Day[]; failure?: string } {
  const [known, setKnown] = useState<ReadonlyMap<string, Day>>(new Map());
  const [failure, setFailure] = useState<string>();
  const today = new Date().toISOString().slice(0, 10);
  const wanted = Array.from({ length: count }, (_, back) =>
    new Date(Date.parse(today) - back * DAY_MS).toISOString().slice(0, 10),
  );
  useEffect(() => {
    let isOver = false;
    const readAll = async () => {
      for (const day of wanted) {
        if (isOver || document.hidden) return;
        const { data, failure: why } = await read('day', { day });
        if (isOver) return;
        setFailure(why);
        if (data) setKnown((before) => new Map(before).set(day, data));
      }
    };
    readAll();
    const timer = setInterval(readAll, 30_000);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [count, today]);
  const days = wanted.flatMap((day) => known.get(day) ?? []);
  return failure === undefined ? { days } : { days, failure };
}

function Numbers({ days, failure, of }: { days: Day[]; failure?: string; of: number }) {
  if (days.length === 0)
    return failure === undefined ? <p class="quiet">Reading…</p> : <p class="failure">{failure}</p>;
  const received = sum(days, (day) => day.received);
  const completed = sum(days, (day) => day.phases.completed ?? 0);
  const ended = sum(
    days,
    ({ phases }) =>
      (phases.completed ?? 0) + (phases.declined ?? 0) + (phases.blocked ?? 0) + (phases.refunded ?? 0),
  );
  const times = days.flatMap((day) => day.toCredits).sort(([a], [b]) => a - b);
  const charged = byCurrency(days.flatMap((day) => day.charged));
  const givenBack = byCurrency(days.flatMap((day) => day.givenBack));
  const phases = phasesOf(days);
  return (
    <>
      {failure === undefined ? null : <p class="failure">{failure}</p>}
      {days.length < of ? <p class="quiet">{`Reading… ${days.length} of ${of} days`}</p> : null}
      {received === 0 ? (
        <Empty>
          Nothing came in. A webhook of your own:{' '}
          <code>npx relay webhook send --email client@example.com --credits 500</code>
        </Empty>
      ) : null}
      <dl class="numbers">
        <Figure name="Charged" value={charged.map(shownMoney).join(' · ') || '0'} />
        {givenBack.length === 0 ? null : (
          <Figure name="Given back" value={givenBack.map(shownMoney).join(' · ')} />
        )}
        <Figure name="Credits granted" value={sum(days, (day) => day.creditsGranted).toLocaleString('en')} />
        <Figure name="Recharges" value={received.toLocaleString('en')} />
        <Figure
          name="Completed, of those that ended"
          value={ended === 0 ? '–' : `${Math.round((completed / ended) * 1_000) / 10} %`}
        />
        <Figure name="Webhook to credits, half of them within" value={quantile(times, 0.5)} />
        <Figure name="95 of 100 within" value={quantile(times, 0.95)} />
      </dl>
      {of === 1 ? null : (
        <div class="charts">
          {charged.map(({ currency }) => (
            <Bars
              key={currency}
              title={`Charged a day, ${currency}`}
              bars={perDay(
                days,
                (day) => day.charged.find((one) => one.currency === currency)?.amount ?? 0,
                (value) => shownMoney({ amount: value, currency }),
                currency,
              )}
            />
          ))}
          <Bars title="Recharges a day" bars={perDay(days, (day) => day.received, String)} />
          <Bars
            title="Credits granted a day"
            bars={perDay(
              days,
              (day) => day.creditsGranted,
              (value) => value.toLocaleString('en'),
            )}
          />
        </div>
      )}
      <ul class="plain phases">
        {phases.map(([phase, count]) => (
          <li key={phase}>
            <a href={linkTo('/recharges', { phase, from: days.at(-1)?.day })}>{count.toLocaleString('en')}</a>{' '}
            <Word word={phase} />
          </li>
        ))}
      </ul>
    </>
  );
}

function phasesOf(days: Day[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const day of days) {
    for (const [phase, count] of Object.entries(day.phases))
      counts.set(phase, (counts.get(phase) ?? 0) + count);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}

const sum = <Each,>(all: Each[], of: (one: Each) => number): number =>
  all.reduce((total, one) => total + of(one), 0);

function byCurrency(all: Money[]): Money[] {
  const amounts = new Map<string, number>();
  for (const { amount, currency } of all) amounts.set(currency, (amounts.get(currency) ?? 0) + amount);
  return [...amounts].map(([currency, amount]) => ({ amount, currency }));
}

function quantile(times: [ms: number, count: number][], share: number): string {
  const total = sum(times, ([, count]) => count);
  let seen = 0;
  for (const [ms, count] of times) {
    seen += count;
    if (seen >= total * share) return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : durationText(ms);
  }
  return '–';
}

const perDay = (days: Day[], of: (day: Day) => number, text: (value: number) => string, currency?: string) =>
  days.toReversed().map((day) => ({
    label: day.day,
    value: of(day) / 10 ** (currency === undefined ? 0 : currencyDecimals(currency)),
    text: text(of(day)),
  }));

const Figure = ({ name, value }: { name: string; value: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);

/** What is behind the scenes. */
function Works({ status }: { status: Status }) {
  const { queues, quarantined, webhooks, last_sweep: sweep } = status;
  return (
    <section aria-labelledby="works">
      <h2 id="works">Behind it</h2>
      <dl class="facts">
        <div>
          <dt>Webhooks, last hour</dt>
          <dd>
            {isReadable(webhooks) && webhooks
              ? `${webhooks.accepted} accepted, ${webhooks.kept_aside} kept aside, ${sum(webhooks.refused, ({ count }) => count)} refused`
              : 'not readable'}
          </dd>
        </div>
        <div>
          <dt>Kept aside</dt>
          <dd>
            {isReadable(quarantined) && quarantined ? (
              <a href="/deliveries">{`${quarantined.count}${quarantined.more ? ' or more' : ''}`}</a>
            ) : (
              'not readable'
            )}
          </dd>
        </div>
        {isReadable(queues) && queues
          ? queues.map(({ queue: name, waiting, dead_letters: dead }) => (
              <div key={name}>
                <dt>{`Queue of ${name}`}</dt>
                <dd>{`${waiting} wait, ${dead} dead letters`}</dd>
              </div>
            ))
          : null}
        <div>
          <dt>Last sweep</dt>
          <dd>{isReadable(sweep) && sweep ? <Ago at={sweep.at} /> : 'none yet'}</dd>
        </div>
      </dl>
    </section>
  );
}
