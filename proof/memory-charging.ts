import type { Charging, Pause } from '../shared/recharge/charging.ts';
import type { AtOnce } from './memory-ledger.ts';

/** The switch at one moment, a value: the pause with its reason, and the clients whose grants did not go through. */
export interface Switch {
  pause?: Pause;
  failedClients: readonly string[];
}

export const SWITCHED_ON: Switch = { failedClients: [] };

/** It counts no further. */
const MOST_FAILED = 10;

/**
 * The charging switch in memory: as the one on DynamoDB, without the seconds for which that remembers what it has read.
 * The contract suite holds the two equal.
 */
export function createMemoryCharging(holder: { switch: Switch }, now: () => number): Charging {
  const verbs = chargingVerbs(holder, now);
  return {
    paused: async () => verbs.paused(),
    pause: async (pause) => verbs.pause(pause),
    resume: async () => verbs.resume(),
    grantFailed: async (email) => verbs.grantFailed(email),
    grantWentThrough: async () => verbs.grantWentThrough(),
  };
}

/** @param holder has the switch as it is now, and gets the next one. */
export function chargingVerbs(holder: { switch: Switch }, now: () => number): AtOnce<Charging> {
  const endsAt = ({ until = Number.POSITIVE_INFINITY }: Pause) => until;
  return {
    paused() {
      const { pause } = holder.switch;
      return pause && now() < endsAt(pause) ? pause : undefined;
    },

    pause({ reason, until, by }) {
      const { pause: known, failedClients } = holder.switch;
      // No pause is shortened, and a person's has no end.
      if (until !== undefined && known && endsAt(known) >= until) return;
      const since = until === undefined ? now() : (known?.since ?? now());
      const pause = {
        reason,
        since,
        ...(until === undefined ? {} : { until }),
        ...(by === undefined ? {} : { by }),
      };
      holder.switch = { pause, failedClients };
    },

    resume() {
      holder.switch = SWITCHED_ON;
    },

    grantFailed(email) {
      const { failedClients } = holder.switch;
      if (failedClients.length >= MOST_FAILED) return MOST_FAILED;
      const known = new Set(failedClients).add(email);
      holder.switch = { ...holder.switch, failedClients: [...known].sort() };
      return known.size;
    },

    grantWentThrough() {
      const { pause } = holder.switch;
      if (pause && pause.until === undefined) {
        holder.switch = { pause, failedClients: [] };
        return false;
      }
      const wasPaused = pause !== undefined && now() < endsAt(pause);
      holder.switch = SWITCHED_ON;
      return wasPaused;
    },
  };
}
