import { describeError } from '../../shared/logger.ts';
import { ConfigError } from '../../shared/settings/config-file.ts';
import { OperateError } from '../error.ts';
import type { Target } from '../target.ts';
import { ALARM_CHECKS } from './alarm-checks.ts';
import { type Found, fail, type HealthFinding, NotKnownError, skipped } from './finding.ts';
import { PARTY_CHECKS } from './party-checks.ts';
import { type Check, createPatient, type Patient } from './patient.ts';
import { GROUND_CHECKS, WORK_CHECKS } from './relay-checks.ts';
import { SECRET_CHECKS } from './secret-checks.ts';
import { SETTINGS_CHECKS } from './settings-checks.ts';

/** Longer than the slowest look has for its requests; a person waits for no more than this in all. */
const BOUND_MS = 15_000;

const CHECKS = [
  ...GROUND_CHECKS,
  ...SETTINGS_CHECKS,
  ...SECRET_CHECKS,
  ...PARTY_CHECKS,
  ...WORK_CHECKS,
  ...ALARM_CHECKS,
];

/**
 * Looks at all that a relay needs in order to work. All looks begin at once, and none waits for another.
 *
 * @param options.boundMs for each look: what hangs longer is a finding itself.
 * @returns the findings in a fixed order, each as soon as those before it are known.
 */
export async function* examine(
  target: Target,
  { now, boundMs = BOUND_MS }: { now: () => number; boundMs?: number },
): AsyncGenerator<HealthFinding> {
  const patient = createPatient(target, now);
  const looks = CHECKS.map((check) => lookAt(check, patient, boundMs));
  for (const look of looks) yield* await look;
}

/** Whether something must be mended. Warnings do not count. */
export const mustBeMended = (findings: readonly HealthFinding[]) =>
  findings.some(({ state }) => state === 'fail');

async function lookAt({ id, run }: Check, patient: Patient, boundMs: number): Promise<HealthFinding[]> {
  const late = Promise.withResolvers<Found>();
  const timer = setTimeout(() => {
    const found = `There was no answer within ${boundMs / 1_000} s.`;
    late.resolve(fail(found, 'Find out what hangs: the network from here, or the other side.'));
  }, boundMs);
  try {
    const found = await Promise.race([run(patient), late.promise]);
    return [found].flat().map(({ id: own = id, ...one }) => ({ id: own, ...one }));
  } catch (error) {
    return [{ id, ...foundIn(error) }];
  } finally {
    clearTimeout(timer);
  }
}

function foundIn(error: unknown): Found {
  if (error instanceof NotKnownError) return skipped(error.message);
  if (error instanceof OperateError || error instanceof ConfigError)
    return { state: 'fail', found: error.message };
  return fail(describeError(error), 'Mend what this names, then look again.');
}
