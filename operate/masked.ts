import { createHash } from 'node:crypto';
import { withoutProofs } from '../shared/incoming/request.ts';
import type { Verifier } from '../shared/incoming/verifiers.ts';

/** A signature or a key by its look: 32 letters and digits, or more, in a row. An id of a delivery is none. */
const LOOKS_SECRET = /[A-Za-z0-9+/]{32,}|[\w-]{32,}/;
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

/**
 * Headers, or names of the address, for the eyes of a person: of what may prove a sender only how long it is,
 * and the beginning of its hash, which tells two of them apart.
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
