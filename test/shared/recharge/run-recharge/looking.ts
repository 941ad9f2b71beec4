import { expect } from 'vitest';
import { type RunDeps, runRecharge } from '../../../../shared/recharge/run-recharge.ts';
import { useQuickWorlds } from '../../../support/course.ts';
import type { Around } from '../../../support/ports.ts';
import { EMAIL, KEY, type World, type WorldOptions } from '../../../support/world.ts';

export const GRANTED_TWICE = { captures: 1, refunds: 0, grants: 2 };
export const LOST_BOTH = { captures: 1, refunds: 1, grants: 1 };

export type GrantToFind = Parameters<RunDeps['platform']['findGrant']>[0];

/** Worlds in which grants stand in the usage export, with one claimed recharge each. */
export function useUnknownGrants() {
  const worlds = useQuickWorlds({ listsGrants: true });
  return {
    ...worlds,
    /** The grant was sent and met a fault: it is made or not, and nobody heard. */
    async unknownGrant(fault: string, options: WorldOptions = {}): Promise<World> {
      const world = await worlds.worldWith(options);
      world.platform.fault({ operation: 'grant', fault });
      expect(await world.start().run()).toMatchObject({ phase: 'needs_review', review: 'grant_unknown' });
      return world;
    },
  };
}

/** The export does not list the grant yet, for the first so many looks of a process. */
export function listedLate(looks = Number.POSITIVE_INFINITY): Around {
  let left = looks;
  return async <T>(port: string, work: () => Promise<T>) => {
    if (port !== 'platform.findGrant' || left === 0) return work();
    left -= 1;
    return { kind: 'not_found' } as T;
  };
}

/**
 * Two processes look when the row is due. Both have their answer before either writes; the second one writes once
 * the first has.
 */
export async function twoAtOnce(world: World, look: string): Promise<void> {
  world.moveTo((await world.row()).nextAttemptAt ?? 0);
  await world.start().sweeper();
  const bothAsked = Promise.withResolvers<void>();
  const firstWrote = Promise.withResolvers<void>();
  let arrived = 0;
  const together: Around = async (port, work) => {
    const result = await work();
    if (port === 'ledger.write') firstWrote.resolve();
    if (port !== look) return result;
    arrived += 1;
    if (arrived < 2) {
      await bothAsked.promise;
      return result;
    }
    bothAsked.resolve();
    await firstWrote.promise;
    // What two processes write in one millisecond would be equal to the letter.
    world.advance(1);
    return result;
  };
  await Promise.all([world.start(together).run(), world.start(together).run()]);
}

/** Grants some credits by hand, under the mark of the recharge's own grant. */
export async function grantByHand(world: World, mark: string, credits: number): Promise<void> {
  const { platform } = world.start().deps;
  const call = await platform.prepareGrant({ email: EMAIL, credits, description: `${mark} by hand` });
  expect(await call.send()).toMatchObject({ kind: 'granted' });
}

/** One look by a process whose export answers as given. */
export async function lookWith(world: World, findGrant: RunDeps['platform']['findGrant']): Promise<void> {
  world.moveTo((await world.row()).nextAttemptAt ?? 0);
  const { deps, sweeper } = world.start();
  await sweeper();
  const looking = { ...deps, platform: { ...deps.platform, findGrant } };
  await runRecharge(KEY, world.now() + world.policy.runMs, looking);
}
