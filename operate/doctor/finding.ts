/** `warn`: it works, and somebody should know. `fail`: it must be mended. `skipped`: it could not be looked at. */
export type HealthState = 'ok' | 'warn' | 'fail' | 'skipped';

/** What one look at the relay found. No secret, key or full email is in it. */
export interface HealthFinding {
  /** Of the check, stable for programs: `payment_endpoint`. A check of several things adds which: `channel:support`. */
  id: string;
  state: HealthState;
  /** In a sentence; of what was skipped, why. */
  found: string;
  /** What to do about it, in a sentence; absent where there is nothing to do. */
  todo?: string;
}

/** A finding, before it bears the id of its check. */
export type Found = Omit<HealthFinding, 'id'> & { id?: string };

export const ok = (found: string): Found => ({ state: 'ok', found });
export const warn = (found: string, todo: string): Found => ({ state: 'warn', found, todo });
export const fail = (found: string, todo: string): Found => ({ state: 'fail', found, todo });
export const skipped = (found: string): Found => ({ state: 'skipped', found });

/** What a check throws where it lacks what it needs: what is wrong with that, another check says. */
export class NotKnownError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NotKnownError';
  }
}
