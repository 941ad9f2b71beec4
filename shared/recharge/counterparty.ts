import { createHash } from 'node:crypto';

/**
 * Who the other side is: the payment endpoint, or the platform. A recharge belongs to those it began with; only they
 * know what became of it, and another one's "not found" says nothing.
 */
export interface Counterparty {
  /** The name that the configuration gives; it stays when the address moves. */
  name?: string;
  /** `~` and the beginning of the address's SHA-256: what stands for a party without a name. */
  fingerprint: string;
}

export interface Counterparties {
  payment: Counterparty;
  platform: Counterparty;
}

export function counterpartyOf({ name, url }: { name?: string | undefined; url: string }): Counterparty {
  const { host, pathname } = new URL(url);
  const hash = createHash('sha256')
    .update(`${host}${pathname.replace(/\/+$/, '')}`)
    .digest('hex');
  return { ...(name === undefined ? {} : { name }), fingerprint: `~${hash.slice(0, 8)}` };
}

/** What a row and a reservation keep of a party. */
export const idOf = ({ name, fingerprint }: Counterparty) => name ?? fingerprint;

/**
 * Whether the party that is configured is the one a recharge began with. A name that was given later is taken for the
 * address it was given at, so a party can be named first, and moved then.
 *
 * @param began undefined where an earlier version of the relay wrote it, or nothing has begun.
 */
export const isSameParty = (began: string | undefined, { name, fingerprint }: Counterparty) =>
  began === undefined || began === name || began === fingerprint;
