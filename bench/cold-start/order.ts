import { createHmac, timingSafeEqual } from 'node:crypto';

/** What the peers share, so that they differ only in the libraries: the signature and the row. */

/** HMAC-SHA256 of the body in hex, behind `sha256=`. */
export function isSigned(body: string, header: string | undefined, secrets: readonly string[]): boolean {
  const given = Buffer.from(header ?? '');
  return secrets.some((secret) => {
    const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
    return expected.length === given.length && timingSafeEqual(expected, given);
  });
}

/** The row of a recharge that was just accepted: as many attributes and index entries as the relay's own. */
export function rowOf({ key, email, credits }: { key: string; email: string; credits: number }) {
  const receivedAt = Date.now();
  return {
    pk: `PEER#${key}`,
    v: 2,
    email,
    credits,
    receivedAt,
    nextAttemptAt: receivedAt + 60_000,
    open: 'time',
    list: `PEER#${new Date(receivedAt).toISOString().slice(0, 10)}`,
    listKey: `${receivedAt}#${key}`,
  };
}

export const answer = (statusCode: number, body: object) => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
