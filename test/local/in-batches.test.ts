import { expect, it } from 'vitest';
import { inBatches } from '../../local/in-batches.ts';

/** Sends that end when the test says so. */
function sending(most: number, gatherMs?: number) {
  const batches: { items: number[]; end: () => void; fail: (error: Error) => void }[] = [];
  const add = inBatches(
    (items: number[]) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      batches.push({ items, end: resolve, fail: reject });
      return promise;
    },
    most,
    gatherMs,
  );
  const sent = () => batches.map(({ items }) => items);
  return { add, batches, sent };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('what is asked for while a batch is on its way goes together, in its order, at most so many at a time', async () => {
  const { add, batches, sent } = sending(3);
  const all = [add(0)];
  await turn();
  expect(sent()).toEqual([[0]]);
  all.push(...[1, 2, 3, 4].map(add));
  await turn();
  expect(sent()).toEqual([[0]]);
  for (const done of [1, 2, 3]) {
    batches[done - 1]?.end();
    await turn();
  }
  expect(sent()).toEqual([[0], [1, 2, 3], [4]]);
  await Promise.all(all);
});

it('what fails, fails for those of its batch alone', async () => {
  const { add, batches, sent } = sending(2);
  const all = Promise.allSettled([1, 2, 3].map(add));
  await turn();
  batches[0]?.fail(new Error('not taken'));
  await turn();
  batches[1]?.end();
  expect((await all).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  const late = add(4);
  await turn();
  batches[2]?.end();
  await late;
  expect(sent()).toEqual([[1, 2], [3], [4]]);
});

it('what need not hurry gathers first: what is asked for meanwhile goes with it', async () => {
  const { add, batches, sent } = sending(3, 50);
  const all = [add(1)];
  await turn();
  all.push(...[2, 3, 4].map(add));
  await turn();
  expect(sent()).toEqual([]);
  await expect.poll(sent).toEqual([[1, 2, 3]]);
  batches[0]?.end();
  await expect.poll(sent).toEqual([[1, 2, 3], [4]]);
  batches[1]?.end();
  await Promise.all(all);
});
