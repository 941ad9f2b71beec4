import { useLive } from './live.ts';
import { Ago, Empty, Loaded, Page, RechargeLink } from './parts.tsx';
import { NextStep, Summary, Timeline, type Whole } from './recharge.tsx';
import { Runbook } from './runbook.tsx';

/** The inbox: one card a recharge, grouped by reason, the oldest first. */
export function Reviews({ readOnly }: { readOnly: boolean }) {
  const live = useLive('reviews');
  return (
    <Page title="Needs review">
      <Loaded live={live}>
        {({ rows, more }) => (
          <>
            {rows.length === 0 ? (
              <Empty>
                Nothing waits for a person. When it cannot be known what happened to somebody's money, it
                stands here, and an alert says so.
              </Empty>
            ) : null}
            {[...byReason(rows)].map(([reason, cards]) => (
              <section key={reason} aria-labelledby={reason}>
                <h2 id={reason}>{`${reason.replaceAll('_', ' ')} (${cards.length})`}</h2>
                <div class="beside">
                  <Runbook word={reason} isFolded={!matchMedia('(min-width: 900px)').matches} />
                  <div class="main">
                    {cards.map((row) => (
                      <article key={row.key} class="card">
                        <h3>
                          <RechargeLink id={row.key} />{' '}
                          <span class="quiet">
                            received <Ago at={row.received_at} />
                          </span>
                        </h3>
                        <Summary row={row} />
                        <NextStep row={row} readOnly={readOnly} />
                        <details>
                          <summary>What happened when</summary>
                          <Timeline row={row} />
                        </details>
                      </article>
                    ))}
                  </div>
                </div>
              </section>
            ))}
            {more ? <p class="quiet">There are more than 200. Settle these first.</p> : null}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function byReason(rows: Whole[]): Map<string, Whole[]> {
  const groups = new Map<string, Whole[]>();
  for (const row of rows) {
    const reason = row.reason ?? row.phase;
    groups.set(reason, [...(groups.get(reason) ?? []), row]);
  }
  return groups;
}
