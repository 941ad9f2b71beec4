import { useLive } from './live.ts';
import { Ago, Deed, Empty, Facts, Loaded, Page, Table, When } from './parts.tsx';
import { linkTo } from './route.ts';

export function Deliveries({ query }: { query: Record<string, string> }) {
  const live = useLive('deliveries', query);
  return (
    <Page title="Deliveries">
      <Loaded live={live}>
        {({ rows, captured, more }) => (
          <>
            <h2>Kept aside: genuine, and not understood</h2>
            {rows.length === 0 ? (
              <Empty>None. Every webhook that proved its sender was understood.</Empty>
            ) : (
              <Kept label="Kept aside" rows={rows} />
            )}
            {more ? <a href={linkTo('/deliveries', { after: rows.at(-1)?.id })}>Older</a> : null}
            <h2>Captured: not verified, kept to be looked at</h2>
            {captured.on.map(({ route, until }) => (
              <p key={route}>
                A capture of {route} is on, and ends <Ago at={until} />.
              </p>
            ))}
            {captured.rows.length === 0 ? (
              <Empty>
                Nothing was captured. To find out what a webhook sends: <code>npx relay capture start</code>
              </Empty>
            ) : (
              <Kept label="Captured" rows={captured.rows} />
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
}

const Kept = ({
  label,
  rows,
}: {
  label: string;
  rows: { id: string; received_at: string; route: string; reason: string }[];
}) => (
  <Table label={label} heads={['Received', 'Came to', 'Why it is kept', 'Look']}>
    {rows.map(({ id, received_at: at, route, reason }) => (
      <tr key={id}>
        <td>
          <Ago at={at} />
        </td>
        <td>{route}</td>
        <td>{reason}</td>
        <td>
          <a href={linkTo('/delivery', { id })}>show</a>
        </td>
      </tr>
    ))}
  </Table>
);

export function Delivery({ id, readOnly }: { id: string; readOnly: boolean }) {
  const live = useLive('delivery', { id });
  return (
    <Page title="Delivery">
      <Loaded live={live}>
        {(kept) => (
          <>
            <Facts
              facts={[
                ['Received', <When key="at" at={kept.received_at} />],
                ['Came to', kept.route],
                ['Why it is kept', kept.reason],
                ['Id', <code key="id">{kept.id}</code>],
              ]}
            />
            {readOnly ? null : (
              <Deed
                label="Send it to the relay again"
                deed="replay_delivery"
                body={{ id }}
                question={`Send this delivery to ${kept.route} again?`}
                follows="It is signed anew, and counts once, however often it is sent. Mend the mapping first."
              />
            )}
            <section aria-labelledby="reading">
              <h2 id="reading">What is read from it, by the configuration of now</h2>
              {'fault' in kept.reading ? (
                <p class="failure">{kept.reading.fault}</p>
              ) : (
                <Facts facts={kept.reading.facts} />
              )}
            </section>
            <section aria-labelledby="proposal">
              <h2 id="proposal">What would fit, for the configuration</h2>
              <Code text={JSON.stringify(kept.report.config, null, 2)} />
              {kept.report.notes.length === 0 ? null : (
                <ul>
                  {kept.report.notes.map((note) => (
                    <li key={note}>{note}</li>
                  ))}
                </ul>
              )}
              <details>
                <summary>How its sender proves itself: what was tried</summary>
                <ul>
                  {[...kept.report.nearest, ...kept.report.lookedAt].map((said) => (
                    <li key={said}>{said}</li>
                  ))}
                </ul>
              </details>
            </section>
            <section aria-labelledby="headers">
              <h2 id="headers">Headers</h2>
              <Facts facts={Object.entries(kept.headers)} />
            </section>
            <section aria-labelledby="body">
              <h2 id="body">Body</h2>
              <Code
                text={
                  'body' in kept && kept.body !== undefined
                    ? pretty(kept.body)
                    : `base64: ${'body_base64' in kept ? kept.body_base64 : ''}`
                }
              />
            </section>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Code({ text }: { text: string }) {
  return (
    <div class="code">
      <button type="button" onClick={() => navigator.clipboard.writeText(text)}>
        Copy
      </button>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard. */}
      <pre tabIndex={0}>{text}</pre>
    </div>
  );
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
