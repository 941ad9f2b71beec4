import { expect, it } from 'vitest';
import { explore } from '../../proof/explorer.ts';
import { SHORT } from '../../proof/scenarios.ts';

/**
 * The short scenarios of the proof, in the test's own thread, where a mutant lives. `npm test` explores them in a thread of
 * their own.
 */
it.each(SHORT.map((scenario) => ({ scenario, name: scenario.name })))('$name', async ({ scenario }) => {
  const { violation, complete } = await explore(scenario);
  expect(violation).toBeUndefined();
  expect(complete).toBe(true);
});
