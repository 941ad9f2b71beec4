/** Secret and restricted keys, of test mode and of live mode. */
const KEY = /^(sk|rk)_(test|live)_[A-Za-z0-9_]{8,}$/;

/**
 * Why a key is not used. Its mode decides whether real money moves, so it must be that of the stage.
 *
 * @returns a sentence that quotes nothing of the key.
 */
export function faultOfKey(key: string, live: boolean): string | undefined {
  if (key === '') return 'no key of Stripe is set: set the secret payments';
  const [, , mode] = KEY.exec(key) ?? [];
  if (mode === undefined) return 'the key is none of Stripe (rk_test_…, rk_live_…)';
  if (live && mode === 'test') return 'a test key takes no money in production: set a live one';
  return !live && mode === 'live' ? 'a live key takes real money, and this is not production' : undefined;
}
