import { render } from 'preact';
import { Clients, OneClient } from './clients.tsx';
import { Deliveries, Delivery } from './deliveries.tsx';
import { Health } from './health.tsx';
import { usePolled } from './live.ts';
import { Messages } from './messages.tsx';
import { Overview } from './overview.tsx';
import { Page } from './parts.tsx';
import { Recharge } from './recharge.tsx';
import { Recharges } from './recharges.tsx';
import { Reviews } from './reviews.tsx';
import { type Place, usePlace } from './route.ts';
import { RunbookPage } from './runbook.tsx';

const PAGES = [
  ['/', 'Overview'],
  ['/recharges', 'Recharges'],
  ['/reviews', 'Needs review'],
  ['/clients', 'Clients'],
  ['/messages', 'Messages'],
  ['/deliveries', 'Deliveries'],
  ['/health', 'Health'],
] as const;

/** The page whose entry of the menu stands for this one, too. */
const WITHIN: Record<string, string> = {
  '/recharge': '/recharges',
  '/client': '/clients',
  '/delivery': '/deliveries',
  '/runbook': '/',
};

function App() {
  const place = usePlace();
  const { data: bar } = usePolled('bar', 10_000);
  const readOnly = bar?.read_only ?? true;
  const reviews = bar?.reviews?.count ?? 0;
  const at = WITHIN[place.path] ?? place.path;
  return (
    <div class="frame">
      <a class="skip" href="#main">
        To the page
      </a>
      <header>
        <p class="relay">
          <strong>Recharge Relay</strong>{' '}
          <span class={bar?.relay.stage === 'prod' ? 'stage prod' : 'stage'}>{bar?.relay.stage ?? ''}</span>
        </p>
        <nav aria-label="Pages">
          {PAGES.map(([path, name]) => (
            <a key={path} href={path} aria-current={path === at ? 'page' : undefined}>
              {name}
              {path === '/reviews' && reviews > 0 ? (
                <span class="count">{`${reviews}${bar?.reviews?.more ? '+' : ''}`}</span>
              ) : null}
            </a>
          ))}
        </nav>
      </header>
      {bar?.charging.paused ? (
        <p class="banner" role="status">
          {`Charging is paused: ${bar.charging.reason ?? ''}`} <a href="/">Overview</a>
        </p>
      ) : null}
      {bar?.demonstration ? (
        <p class="banner calm">
          This is a demonstration: no client, charge or message in it is real. Nothing runs behind it: what
          you answer is written, and goes no further.
        </p>
      ) : null}
      {bar?.read_only ? <p class="banner calm">This console only shows (--read-only).</p> : null}
      <Current
        place={place}
        readOnly={readOnly}
        stripe={bar?.stripe ?? false}
        isDemonstration={bar?.demonstration ?? false}
      />
    </div>
  );
}

function Current({
  place: { path, query },
  readOnly,
  stripe,
  isDemonstration,
}: {
  place: Place;
  readOnly: boolean;
  stripe: boolean;
  isDemonstration: boolean;
}) {
  switch (path) {
    case '/':
      return <Overview query={query} readOnly={readOnly} />;
    case '/recharges':
      return <Recharges query={query} />;
    case '/recharge':
      return <Recharge id={query.key ?? ''} readOnly={readOnly} />;
    case '/reviews':
      return <Reviews readOnly={readOnly} />;
    case '/clients':
      return <Clients query={query} readOnly={readOnly} />;
    case '/client':
      return <OneClient email={query.email ?? ''} readOnly={readOnly} stripe={stripe} />;
    case '/messages':
      return <Messages query={query} readOnly={readOnly} />;
    case '/deliveries':
      return <Deliveries query={query} />;
    case '/delivery':
      return <Delivery id={query.id ?? ''} readOnly={readOnly} />;
    case '/runbook':
      return <RunbookPage word={query.word ?? ''} />;
    case '/health':
      return <Health isDemonstration={isDemonstration} />;
    default:
      return (
        <Page title="Nothing is here">
          <p>
            There is no such page. <a href="/">Overview</a>
          </p>
        </Page>
      );
  }
}

const root = document.getElementById('app');
if (root) render(<App />, root);
