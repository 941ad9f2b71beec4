import { readdirSync, readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { loadWorkers } from '../../local/workers.ts';
import type { WorkersOptions } from '../../local/workers-parts.ts';

it('workers that end before their time are told of, and can still be stopped', async () => {
  const { promise: death, resolve: onDeath } = Promise.withResolvers<unknown>();
  const workers = loadWorkers({ write: () => {}, onDeath }, {});
  // What they work with is wrong, which nothing in them expects.
  void workers.start({} as WorkersOptions);
  expect(String(await death)).toMatch(/^TypeError/);
  await workers.stop();
});

/** How much each thread of this process gives way, by its number. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, 19 */
function nicenessOfThreads(): Map<string, number> {
  const threads = readdirSync('/proc/self/task').flatMap((id): [string, number][] => {
    try {
      const [, ...fields] = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(/\) (?=\S \d)/);
      return [[id, Number(fields.join().split(' ')[16])]];
    } catch {
      // It has just ended.
      return [];
    }
  });
  return new Map(threads);
}

it.runIf(process.platform === 'linux')(
  'the thread of the workers gives way to webhooks, and no other thread of the process does',
  async () => {
    const before = nicenessOfThreads();
    const workers = loadWorkers({ write: () => {}, onDeath: () => {} }, {});
    onTestFinished(() => workers.stop());
    const givingWay = () => [...nicenessOfThreads()].filter(([, niceness]) => niceness > 0);
    await expect.poll(givingWay).toHaveLength(1);
    const [[id = ''] = []] = givingWay();
    expect(before.has(id)).toBe(false);
    expect(new Set(before.values())).toEqual(new Set([0]));
  },
);
