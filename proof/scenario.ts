import type { Account } from '../shared/recharge/account.ts';
import type { Deed, Order, Setup } from './programs.ts';
import type { Chances } from './world.ts';

/** What is explored: who there is, what may happen, and how often. */
export interface Scenario {
  name: string;
  /** In a sentence. */
  says: string;
  startsAt: number;
  orders: readonly Order[];
  account: Account;
  /** The configuration, and the ones that may be deployed after it. */
  setups: readonly [Setup, ...Setup[]];
  chances: Chances;
  /** By port: what may become of a call where nobody is at fault, instead of the ordinary. */
  ways: Readonly<Record<string, readonly string[]>>;
  /** Whether this fault may happen at this port. */
  mayFail(port: string, fault: string): boolean;
  /** After these times a process that slept may wake: a worker, and a webhook or a sweeper. */
  sleepsMs: Readonly<Record<'workers' | 'others', readonly number[]>>;
  deeds: readonly Deed[];
  /** Between what a person's command reads and what it writes others may go on. */
  hesitates: boolean;
  /** Whoever answers says what is not so: what is lost by that is told, and is no failure. */
  lies?: boolean;
  /** It has come to rest by then: longer than all its deadlines one after the other. */
  mostDays: number;
  /** Workers at a time. */
  workers: number;
}
