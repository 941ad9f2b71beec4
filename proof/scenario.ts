import type { Account } from '../shared/recharge/account.ts';
import type { Deed, Order, Setup } from './programs.ts';
import { ACCOUNT, EMAIL, SETUP, STARTS_AT } from './setups.ts';
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

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * A worker's: within its run; past the end of that; past the grant's deadline; past a person's answer; past the charge's window.
 * A webhook and a sweeper only write what is due next: what matters is what others have done by the time they wake.
 */
const SLEEPS_MS = {
  workers: [50 * SECOND, 115 * SECOND, 200 * SECOND, 20 * MINUTE, 23.5 * HOUR, 25 * HOUR],
  others: [50 * SECOND, 20 * MINUTE, 25 * HOUR],
};

export const NO_SLEEP = { workers: [], others: [] };

const NO_CHANCES: Chances = {
  faults: 0,
  resends: 0,
  redeliveries: 0,
  delays: 0,
  answers: 0,
  deeds: 0,
  wakes: 0,
  deployments: 0,
  accountChanges: 0,
};

export const DUPLICATES = { resends: 1, redeliveries: 1, delays: 1 };

type Given = Partial<Omit<Scenario, 'name' | 'says' | 'chances'>>;

/** One recharge of 500 credits for USD 50.00, unless something else is given. */
export const scenario = (
  name: string,
  says: string,
  chances: Partial<Chances>,
  given: Given = {},
): Scenario => ({
  startsAt: STARTS_AT,
  orders: [{ key: 'key-1', email: EMAIL, credits: 500 }],
  account: ACCOUNT,
  setups: [SETUP],
  ways: {},
  mayFail: () => true,
  sleepsMs: SLEEPS_MS,
  deeds: [],
  hesitates: false,
  mostDays: 20,
  workers: 2,
  ...given,
  name,
  says,
  chances: { ...NO_CHANCES, ...chances },
});

/** One thing alone may go wrong, and the place is known. */
export const narrow = (
  name: string,
  says: string,
  chances: Partial<Chances>,
  port: string,
  fault: string,
  sleepMs = 0,
) =>
  scenario(
    name,
    says,
    { faults: 1, ...chances },
    {
      sleepsMs: sleepMs === 0 ? NO_SLEEP : { workers: [sleepMs], others: [sleepMs] },
      mayFail: (failing, what) => failing === port && what === fault,
    },
  );

export const isOutside = (port: string) => port.startsWith('payments.') || port.startsWith('platform.');

/**
 * One odd answer of these parties; and whoever has an answer falls asleep before they can write it, for a day, and others go on.
 *
 * @param answers how often a person answers.
 */
export const answersLate = (
  name: string,
  of: readonly string[],
  answers: number,
  given: Partial<Scenario>,
): Scenario => ({
  ...scenario(name, `an odd answer to ${of.join(', ')}, and somebody sleeps with an answer`, {
    faults: 2,
    answers,
  }),
  sleepsMs: { workers: [25 * HOUR], others: [] },
  mayFail: (port, what) =>
    what === 'sleeps' ? port === 'ledger.write' : of.includes(port) && what !== 'dies',
  ...given,
});
