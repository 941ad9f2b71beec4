/** Secret and restricted keys, of test mode and of live mode. */
const KEY = /^(sk|rk)_(test|live)_[A-Za-z0-9_]{8,}$/;

/**
 * Why a key is not used. Its mode decides whether real money moves, so it must be that of the stage.
 *
 * @param live whether the relay is in production.
 * @returns the end of a sentence that begins with the name of the secret; it quotes nothing of the key.
 */
export function faultOfKey(key: string, live: boolean): string | undefined {
  if (key === '') return 'is not set';
  if (/^pk_/.test(key)) return 'is the publishable key: give the restricted one, rk_…';
  const [, , mode] = KEY.exec(key) ?? [];
  if (mode === undefined) return 'is no key of Stripe, such as rk_test_… or rk_live_…';
  if (live && mode === 'test') return 'is a test key, which takes no money in production: give a live one';
  return !live && mode === 'live'
    ? 'is a live key, which takes real money, and this is not production: give a test one'
    : undefined;
}

/** A key that may do everything in its account. */
export const isUnrestricted = (key: string) => key.startsWith('sk_');
