import { isOnThisMachine } from '../http.ts';
import type { Fault } from './config-faults.ts';

/**
 * What is right for `npm start` and wrong on AWS: there an address of this machine is another machine's, without the
 * encryption that is not asked of it here.
 */
export const faultsOnAws = (config: object): Fault[] =>
  addressesOfThisMachine(config, []).map((path) => ({
    path,
    message: 'names this machine, which a function on AWS does not reach: give an https address',
  }));

function addressesOfThisMachine(value: unknown, path: string[]): string[][] {
  if (typeof value === 'string') return isOnThisMachine(value) ? [path] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => addressesOfThisMachine(member, [...path, name]));
}
