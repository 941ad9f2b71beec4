import { describe, expect, it } from 'vitest';
import { MINUTE, SECOND } from '../../support/course.ts';
import { atEveryCall, expectToAgree, type Life, PATHS, type PathName, useLives } from '../../support/life.ts';

const inALife = useLives();

interface Sleep {
  name: PathName;
  mishap: 'before' | 'after';
  n: number;
  sleepsMs: number;
  /** The message comes to a second process at once, not only with the sweep. */
  redelivered?: boolean;
}

/** A process falls asleep at a call; others go on; it wakes and does not know that it slept. */
function zombie({ sleepsMs, redelivered, ...given }: Sleep, expectAtTheEnd: (life: Life) => Promise<void>) {
  return inALife(given, async (life, first) => {
    await life.goOn({ untilStopped: true });
    expect(first.calls.length).toBe(given.n);
    const wakesAt = life.world.now() + sleepsMs;
    if (redelivered) await life.redeliver();
    await life.goOn({ until: wakesAt });
    await life.wake();
    await life.goOn();
    await expectAtTheEnd(life);
  });
}

interface EveryCall extends Pick<Sleep, 'sleepsMs' | 'redelivered'> {
  /** A call before which it may not sleep. */
  except?: string;
  expectAtTheEnd?: (life: Life) => Promise<void>;
}

async function everyZombie(name: PathName, { except, expectAtTheEnd = expectToAgree, ...sleep }: EveryCall) {
  await atEveryCall(name, (n) => zombie({ name, mishap: 'after', n, ...sleep }, expectAtTheEnd));
  const awake = (port: string) => port !== except;
  await atEveryCall(name, (n) => zombie({ name, mishap: 'before', n, ...sleep }, expectAtTheEnd), awake);
}

async function expectNoQuestion(life: Life): Promise<void> {
  await expectToAgree(life);
  expect(life.asked).not.toContain('grant_unknown');
}

describe('while the runtime lets it live, a process that slept at any call changes no outcome, and nobody is asked:', () => {
  it.each<PathName>([
    'granted',
    'unknown, and found in the usage export',
    'declined, and paid by the second attempt',
    'pending, then paid',
    'refused, and refunded as a person says',
  ])('%s, by another process while it slept for 10 s', (name) =>
    everyZombie(name, { sleepsMs: 10 * SECOND, redelivered: true, expectAtTheEnd: expectNoQuestion }),
  );

  it('granted, with little time left to it when it wakes', () =>
    everyZombie('granted', { sleepsMs: 50 * SECOND, redelivered: true, expectAtTheEnd: expectNoQuestion }));
});

// On AWS the runtime has ended it by now. On one machine nothing does: its own looks at the clock defend the money.
describe('where no runtime ends it, a process that slept too long at any call changes no outcome:', () => {
  it('granted, awake before the deadline of its grant', () =>
    everyZombie('granted', { sleepsMs: 115 * SECOND }));

  it.each<PathName>(['granted', 'unknown, and found in the usage export'])(
    '%s, awake after its grant was called lost',
    (name) => everyZombie(name, { sleepsMs: 200 * SECOND }),
  );

  it.each<PathName>([
    'granted',
    'unknown, and found in the usage export',
    'refused, and refunded as a person says',
  ])('%s, awake after a person has answered', (name) =>
    everyZombie(name, { sleepsMs: 20 * MINUTE, except: 'platform.grant' }),
  );

  it('that it slept between its last look at the clock and the bytes cannot be known: the loss is said', async () => {
    const n = PATHS.granted.calls.indexOf('platform.grant') + 1;
    await zombie(
      { name: 'granted', mishap: 'before', n, sleepsMs: 20 * MINUTE },
      async ({ world, asked }) => {
        expect(asked).toEqual(['grant_unknown']);
        expect(world.books()).toEqual({ captures: 1, refunds: 0, grants: 2 });
        // Said again a day later: a process may end between the write and the word.
        expect(world.alerts()).toEqual(['grant_unknown', 'granted_twice', 'granted_twice']);
      },
    );
  });
});
