import { randomBytes } from 'node:crypto';
import type { PlatformProfile } from '../../shared/platform/profile.ts';
import type { Question } from './asker.ts';
import type { Group } from './key.ts';

/** An address that nobody has. */
export const nobody = () => `nobody-${randomBytes(8).toString('hex')}@example.com`;

/**
 * One question for each group of addresses, in the order in which they are asked. None changes anything: the first
 * three only read, and the others leave out all that is required.
 *
 * @param now Unix time in milliseconds.
 */
export function questionsOf(
  { sendPath }: PlatformProfile,
  unknownEmail: string,
  now: number,
): [Group, Question][] {
  const today = new Date(now).toISOString().slice(0, 10);
  const query = { email: unknownEmail };
  return [
    ['contacts', { method: 'GET', path: '/contacts', query }],
    ['subAccounts', { method: 'GET', path: '/subaccounts', query }],
    ['usageExport', { method: 'GET', path: '/agencies/usage/export', query: { from: today, to: today } }],
    ['credits', empty('/subaccounts/credits')],
    ['lists', empty('/lists/no-such-list/contacts')],
    ['messages', empty(sendPath)],
  ];
}

/** A request that lacks all that it needs. It is refused, but not before the key was looked at. */
export const empty = (path: string): Question => ({ method: 'POST', path, body: {} });

export const onlyReads = ({ method }: Question) => method === 'GET';

/** The same address in the other spelling the platform is known to have. */
export function otherSpelling(path: string): string {
  return path.includes('_') ? path.replaceAll('_', '-') : path.replaceAll('-', '_');
}
