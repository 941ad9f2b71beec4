import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import { CHANNEL_BUGS } from '../support/channel-bugs.ts';
import { aCourse, live } from '../support/chat-courses.ts';
import { ChatSimulation } from '../support/chat-simulation.ts';
import { holds } from '../support/fuzz.ts';

describe('messages through the real handlers, over a queue that keeps order, with many faults at once', () => {
  holds(
    'are none of them lost, none twice, none overtaken; and a person hears of every bad end',
    aCourse,
    (course) => live(course, ChatSimulation),
    { runs: 120 },
  );
});

const BROKEN =
  /^Error: (stored|answered|ended|in the queue|arrived|t\d failed|part \d|once|parked|order of|told of|dead letters)/;

describe('a bug that is planted into the channels is found:', () => {
  const found = new Map<string, { courses: number; what: string }>();
  beforeAll(async () => {
    const worker = new Worker(new URL('../support/channel-bugs-worker.ts', import.meta.url));
    worker.on('message', ([name, first]) => found.set(name, first));
    await once(worker, 'exit');
  }, 120_000);

  it.each(CHANNEL_BUGS.map(({ name }) => name))('%s', (name) => {
    // A promise that is broken, and no accident of the planting.
    expect(found.get(name)?.what).toMatch(BROKEN);
  });
});
