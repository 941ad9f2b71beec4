import { useEffect, useState } from 'preact/hooks';
import { durationText } from '../../shared/ages.ts';
import { currencyDecimals, type Money } from '../../shared/money.ts';
import { type Data, read } from './live.ts';
import { type Bar, Bars, Empty, shownMoney, Word } from './parts.tsx';
import { linkTo } from './route.ts';

const DAY_MS = 86_400_000;
type Day = Data<'day'>;
/** Of a day or an hour. */
type Period = Omit<Day, 'day' | 'hours'> & { label: string };

/** As the address names them. */
const RANGES = { today: ['today', 1], '7d': ['7 days', 7], '30d': ['30 days', 30] } as const;
const RANGE_NAMES = ['today', '7d', '30d'] as const;

/** @param range what the address says; today, where it says nothing that is known. */
export function Numbers({ range }: { range: string | undefined }) {
  const chosen = RANGE_NAMES.find((name) => name === range) ?? 'today';
  const [, count] = RANGES[chosen];
  return (
    <section aria-labelledby="numbers">
      <div class="head">
        <h2 id="numbers">What came in and went out</h2>
        <nav class="choices" aria-label="Over how long">
          {RANGE_NAMES.map((name) => (
            <a
              key={name}
              href={linkTo('/', name === 'today' ? {} : { range: name })}
              aria-current={name === chosen ? 'true' : undefined}
            >
              {RANGES[name][0]}
            </a>
          ))}
        </nav>
      </div>
      <Figures key={chosen} count={count} />
    </section>
  );
}

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
    const readDays = async (days: string[]) => {
      for (const day of days) {
        if (isOver || document.hidden) return;
        const by = count === 1 ? { by: 'hour' } : {};
        const { data, failure: why } = await read('day', { day, ...by });
        if (isOver) return;
        setFailure(why);
        if (data) setKnown((before) => new Map(before).set(day, data));
      }
    };
    readDays(wanted);
    // Of the days before, little changes any more.
    const timer = setInterval(() => readDays(wanted.slice(0, 1)), 30_000);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [count, today]);
  const days = wanted.flatMap((day) => known.get(day) ?? []);
  return failure === undefined ? { days } : { days, failure };
}

function Figures({ count }: { count: number }) {
  const { days, failure } = useDays(count);
  const [newest] = days;
  if (newest === undefined)
    return failure === undefined ? <p class="quiet">Reading…</p> : <p class="failure">{failure}</p>;
  const received = sum(days, (day) => day.received);
  const charged = byCurrency(days.flatMap((day) => day.charged));
  const givenBack = byCurrency(days.flatMap((day) => day.givenBack));
  const times = timesOf(days);
  return (
    <>
      {failure === undefined ? null : <p class="failure">{failure}</p>}
      {days.length < count ? <p class="quiet">{`Reading… ${days.length} of ${count} days`}</p> : null}
      {received === 0 ? <NothingCame /> : null}
      <dl class="numbers">
        <Figure name="Charged" value={charged.map(shownMoney).join(' · ') || '0'} />
        {givenBack.length === 0 ? null : (
          <Figure name="Given back" value={givenBack.map(shownMoney).join(' · ')} />
        )}
        <Figure name="Credits granted" value={counted(sum(days, (day) => day.creditsGranted))} />
        <Figure name="Recharges" value={counted(received)} />
        <Figure name="Completed, of the ended" value={shareText(completedShare(days))} />
        <Figure name="To credits: half within" value={tookText(quantile(times, 0.5))} />
        <Figure name="95 of 100 within" value={tookText(quantile(times, 0.95))} />
      </dl>
      <Phases days={days} />
      {received === 0 ? null : (
        <Charts
          periods={
            count === 1 ? hoursOf(newest) : days.toReversed().map((day) => ({ ...day, label: day.day }))
          }
          each={count === 1 ? 'an hour (UTC)' : 'a day'}
          currencies={charged.map(({ currency }) => currency)}
        />
      )}
    </>
  );
}

const NothingCame = () => (
  <Empty>
    Nothing came in. <a href="/health">Health</a> says what is missing, <a href="/deliveries">Deliveries</a>{' '}
    shows what came and was not understood. A webhook of your own:{' '}
    <code>npx relay webhook send --email client@example.com --credits 500</code>
  </Empty>
);

function Phases({ days }: { days: Day[] }) {
  const counts = new Map<string, number>();
  for (const [phase, count] of days.flatMap((day) => Object.entries(day.phases)))
    counts.set(phase, (counts.get(phase) ?? 0) + count);
  return (
    <ul class="plain phases">
      {[...counts]
        .sort(([, a], [, b]) => b - a)
        .map(([phase, count]) => (
          <li key={phase}>
            <a href={linkTo('/recharges', { phase, from: days.at(-1)?.day })}>{counted(count)}</a>{' '}
            <Word word={phase} />
          </li>
        ))}
    </ul>
  );
}

function Charts({ periods, each, currencies }: { periods: Period[]; each: string; currencies: string[] }) {
  const barsOf = (bar: (period: Period) => Omit<Bar, 'label'>): Bar[] =>
    periods.map((period) => ({ label: period.label, ...bar(period) }));
  return (
    <div class="charts">
      {currencies.map((currency) => (
        <Bars
          key={currency}
          title={`Charged ${each}, ${currency}`}
          bars={barsOf(({ charged }) => {
            const amount = charged.find((one) => one.currency === currency)?.amount ?? 0;
            return {
              value: amount / 10 ** currencyDecimals(currency),
              text: shownMoney({ amount, currency }),
            };
          })}
        />
      ))}
      <Bars
        title={`Credits granted ${each}`}
        bars={barsOf(({ creditsGranted }) => ({ value: creditsGranted, text: counted(creditsGranted) }))}
      />
      <Bars
        title={`Recharges ${each}: completed (full), ended otherwise (faint), open (on top)`}
        bars={barsOf(recharges)}
      />
      <Bars title={`Completed ${each}, of 100 that ended`} bars={barsOf(completed)} most={100} />
      <Bars
        title={`Webhook to credits ${each}: half of them (full) and 95 of 100 (faint) within; each tenfold is as high`}
        bars={barsOf(toCredits)}
      />
    </div>
  );
}

function recharges({ received, ended, phases }: Period): Omit<Bar, 'label'> {
  const done = phases.completed ?? 0;
  const open = received - ended;
  return {
    value: received,
    text: `${counted(received)}: ${done} completed, ${ended - done} ended otherwise, ${open} open`,
    parts: [
      [done, 'strong'],
      [ended - done, 'faint'],
      [open, 'warm'],
    ],
  };
}

function completed(period: Period): Omit<Bar, 'label'> {
  const share = completedShare([period]);
  return { value: (share ?? 0) * 100, text: shareText(share) };
}

/** The shortest that is drawn. A grant takes a second, or days where a person must answer. */
const FLOOR_MS = 100;

function toCredits(period: Period): Omit<Bar, 'label'> {
  const times = timesOf([period]);
  const [half, most] = [quantile(times, 0.5), quantile(times, 0.95)];
  const height = (ms = 0) => Math.log10(Math.max(1, ms / FLOOR_MS));
  return {
    value: height(most),
    text: `${tookText(half)}, ${tookText(most)}`,
    parts: [
      [height(half), 'strong'],
      [height(most) - height(half), 'faint'],
    ],
  };
}

/** All hours of a day, also those in which nothing came. */
function hoursOf({ hours = [] }: Day): Period[] {
  return Array.from({ length: 24 }, (_, hour) => ({
    ...(hours.find((one) => one.hour === hour) ?? NONE),
    label: `${String(hour).padStart(2, '0')}:00`,
  }));
}

const NONE = {
  received: 0,
  ended: 0,
  phases: {},
  charged: [],
  givenBack: [],
  creditsGranted: 0,
  toCredits: [],
};

const counted = (count: number) => count.toLocaleString('en');

const sum = <Each,>(all: Each[], of: (one: Each) => number): number =>
  all.reduce((total, one) => total + of(one), 0);

type Ended = Pick<Period, 'ended' | 'phases'>;

function completedShare(all: Ended[]): number | undefined {
  const ended = sum(all, (one) => one.ended);
  return ended === 0 ? undefined : sum(all, ({ phases }) => phases.completed ?? 0) / ended;
}

const shareText = (share: number | undefined) =>
  share === undefined ? '–' : `${Math.round(share * 1_000) / 10} %`;

function byCurrency(all: Money[]): Money[] {
  const amounts = new Map<string, number>();
  for (const { amount, currency } of all) amounts.set(currency, (amounts.get(currency) ?? 0) + amount);
  return [...amounts].map(([currency, amount]) => ({ amount, currency }));
}

type Times = Period['toCredits'];

const timesOf = (all: Pick<Period, 'toCredits'>[]): Times =>
  all.flatMap(({ toCredits: times }) => times).sort(([a], [b]) => a - b);

/** @returns milliseconds. */
function quantile(times: Times, share: number): number | undefined {
  const total = sum(times, ([, count]) => count);
  let seen = 0;
  for (const [ms, count] of times) {
    seen += count;
    if (seen >= total * share) return ms;
  }
  return undefined;
}

function tookText(ms: number | undefined): string {
  if (ms === undefined) return '–';
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : durationText(ms);
}

const Figure = ({ name, value }: { name: string; value: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);
