import { isOnThisMachine } from '../http.ts';
import type { Fault } from './config-faults.ts';

/**
 * Settings that are right for `npm start` and wrong on AWS. On AWS an address of this machine means another machine,
 * and it need not be encrypted, because no encryption is asked of an address of this machine.
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
