import { useLive } from './live.ts';
import { Loaded, Page, Word } from './parts.tsx';

const ORDER = ['fail', 'warn', 'skipped', 'ok'];

export function Health({ isDemonstration }: { isDemonstration: boolean }) {
  const live = useLive('health');
  return (
    <Page title="Health">
      <p class="quiet">What the doctor finds now. It changes nothing and charges nobody.</p>
      {isDemonstration ? (
        <p>
          Behind a demonstration there is no relay, no platform and no payment endpoint: the doctor misses
          them here, and rightly. What is red below says what it would say of a relay that is not running.
        </p>
      ) : null}
      <Loaded live={live}>
        {({ findings }) => (
          <ul class="plain rows">
            {findings
              .toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))
              .map(({ id, state, found, todo }) => (
                <li key={id + found}>
                  <Word word={state} /> <strong>{id.replaceAll('_', ' ')}</strong> {found}
                  {todo === undefined ? null : <p class="todo">{todo}</p>}
                </li>
              ))}
          </ul>
        )}
      </Loaded>
    </Page>
  );
}
