import { createHash } from 'node:crypto';
import { withoutProofs } from '../shared/incoming/request.ts';
import type { Verifier } from '../shared/incoming/verifier-settings.ts';

/** What looks like a signature or a key: 32 letters and digits in a row, or more. The id of a delivery does not. */
const LOOKS_SECRET = /[A-Za-z0-9+/]{32,}|[\w-]{32,}/;
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

/**
 * Headers, or names of the address, for the eyes of a person. Of what may prove a sender it shows only the length
 * and the beginning of the hash, which tells two values apart.
 */
export function masked(
  values: Record<string, string>,
  { verifiers, secrets }: { verifiers: Verifier[]; secrets: string[] },
): Record<string, string> {
  const plain = withoutProofs(values, verifiers);
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const isSecret =
        plain[name] === undefined ||
        LOOKS_SECRET.test(value.replaceAll(UUID, '')) ||
        secrets.some((secret) => value.includes(secret));
      const hash = createHash('sha256').update(value).digest('hex').slice(0, 8);
      return [name, isSecret ? `(${value.length} characters, sha256 ${hash}…)` : value];
    }),
  );
}
