import { useLive } from './live.ts';
import { Loaded, Page, Word } from './parts.tsx';

const ORDER = ['fail', 'warn', 'skipped', 'ok'];

export function Health() {
  const live = useLive('health');
  return (
    <Page title="Health">
      <p class="quiet">What the doctor finds now. It changes nothing and charges nobody.</p>
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
