import { type Account, unknownAccount } from '../../shared/recharge/account.ts';
import { type Policy, productionPolicy } from '../../shared/recharge/policy.ts';
import { type Order, SECRET, type Setup } from '../programs.ts';
import { SETUP } from '../setups.ts';
import type { Random } from './random.ts';
import { type Spell, TROUBLES, type TroubleName } from './troubles.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** In the middle of the troubled weeks a month ends. */
const STARTS_AT = Date.UTC(2026, 0, 24, 12);
const TROUBLED_MS = 14 * DAY;
const CLIENTS = 50;
const RECHARGES = 50;

/** Something was spent before: an amount that is given back twice would not show otherwise. */
export const SPENT_BEFORE = 7_000;
export const MONTH = '2026-01_USD';

/** Nobody may see to these before Monday. */
const LONG: readonly TroubleName[] = ['empty_pool', 'other_key', 'storm'];

/** Stands in the email of every client, and nowhere else. */
export const LOCAL_PART = 'mailbox';
export const NEXT_SECRET = 'webhook-secret-77ac';

/** A webhook that is sent at a time. */
export interface Sending {
  at: number;
  order: Order;
  /** `first`: it is sent again until it is accepted. */
  kind: 'first' | 'duplicate' | 'changed' | 'forged';
}

/** All that is drawn before the first step. What becomes of each call is drawn where it is made. */
export interface Plan {
  startsAt: number;
  /** From then on nothing goes wrong any more, and nobody deploys anything. */
  quietAt: number;
  /** Whether a runtime ends processes in time. On one machine nothing does. */
  isLambda: boolean;
  /** How far a clock may be from ours. */
  skewMs: number;
  accounts: readonly Account[];
  sendings: readonly Sending[];
  setups: readonly [Setup, ...Setup[]];
  /** Which of the setups begins when. */
  deployments: readonly { at: number; setup: number }[];
  spells: readonly Spell[];
  /** A later version of the program is deployed, writes some rows, and is taken back; they are read when it comes again. */
  laterVersions: readonly { from: number; to: number }[];
  /** When this version is deployed, where the weeks begin with the one before it. */
  upgradedAt?: number;
  /** When an operator wants something of a recharge that asks nobody, or of a client. */
  deeds: readonly number[];
  /** When somebody says that a payment has changed, of whom nobody knows whether it is so. */
  wakes: readonly number[];
}

export function planOf(random: Random): Plan {
  const startsAt = STARTS_AT;
  const quietAt = startsAt + TROUBLED_MS;
  const spells = drawSpells(random, startsAt, quietAt);
  const isOlder = random.chance(0.2);
  const setups = drawSetups(random);
  return {
    startsAt,
    quietAt,
    isLambda: random.chance(0.5),
    skewMs: random.chance(0.5) ? 20 * SECOND : 0,
    accounts: Array.from({ length: CLIENTS }, (_, number) => drawAccount(random, number)),
    sendings: drawSendings(random, spells, startsAt, quietAt),
    setups,
    // Who knows no counterparty cannot keep to it: the version before wrote none.
    deployments: isOlder ? [] : drawDeployments(random, setups.length, startsAt, quietAt),
    spells,
    laterVersions: some(random, 2, () => within(random, startsAt, quietAt, 10 * MINUTE, 2 * DAY)),
    ...(isOlder ? { upgradedAt: random.between(startsAt + DAY, quietAt) } : {}),
    deeds: some(random, 6, () => random.between(startsAt, quietAt)),
    wakes: some(random, 10, () => random.between(startsAt, quietAt)),
  };
}

const some = <Value>(random: Random, most: number, draw: () => Value): Value[] =>
  Array.from({ length: random.below(most + 1) }, draw);

function within(random: Random, startsAt: number, endsAt: number, leastMs: number, mostMs: number) {
  const from = random.between(startsAt, endsAt - HOUR);
  return { from, to: Math.min(from + random.spread(leastMs, mostMs), endsAt) };
}

function drawSpells(random: Random, startsAt: number, quietAt: number): Spell[] {
  const names = Object.keys(TROUBLES).filter((name): name is TroubleName => name in TROUBLES);
  return Array.from({ length: random.between(5, 10) }, () => {
    const trouble = random.pick(names);
    const mostMs = LONG.includes(trouble) || random.chance(0.1) ? 60 * HOUR : 8 * HOUR;
    return { trouble, ...within(random, startsAt, quietAt, 10 * MINUTE, mostMs) };
  });
}

const emailOf = (number: number) => `${LOCAL_PART}${number}@example.com`;

function drawAccount(random: Random, number: number): Account {
  const email = emailOf(number);
  if (number === 0) return unknownAccount(email);
  const limits = {
    ...(random.chance(0.5) ? { monthlyAmount: random.pick([15_000, 22_000, 47_000]) } : {}),
    ...(random.chance(0.3) ? { cooldownSeconds: 600 } : {}),
    ...(random.chance(0.3) ? { dailyCount: 2 } : {}),
  };
  const status = number === 1 ? 'disabled' : 'active';
  return { ...unknownAccount(email), revision: 1, status, limits, spent: { [MONTH]: SPENT_BEFORE } };
}

function drawSendings(
  random: Random,
  spells: readonly Spell[],
  startsAt: number,
  quietAt: number,
): Sending[] {
  const sendings: Sending[] = [];
  let latest: { at: number; email: string } | undefined;
  for (let number = 1; number <= RECHARGES; number += 1) {
    const key = `key-${number}`;
    // A balance that is low fires again, with a key of its own, before the first recharge has come.
    const again = random.chance(0.25) ? latest : undefined;
    const spell = random.pick(spells);
    const inTrouble = random.between(spell.from - 10 * MINUTE, Math.min(spell.to, spell.from + 6 * HOUR));
    const fresh = random.chance(0.7) ? inTrouble : random.between(startsAt, quietAt);
    const at = again ? again.at + random.spread(SECOND, DAY) : fresh;
    const email = again?.email ?? emailOf(random.below(CLIENTS));
    const order: Order = { key, email, credits: random.pick([100, 500, 500, 900]) };
    latest = { at, email };
    sendings.push({ at, order, kind: 'first' }, ...drawRepetitions(random, at, order));
  }
  return sendings;
}

/** The same again, the same key with something else, and what nobody who knows the secret sends. */
function drawRepetitions(random: Random, at: number, order: Order): Sending[] {
  const later = () => at + random.spread(SECOND, 20 * DAY);
  const duplicates = random.chance(0.35)
    ? some(random, 3, (): Sending => ({ at: later(), order, kind: 'duplicate' }))
    : [];
  const changed = random.pick([{ credits: order.credits + 100 }, { email: emailOf(random.below(CLIENTS)) }]);
  return [
    ...duplicates,
    ...(random.chance(0.06)
      ? [{ at: later(), order: { ...order, ...changed }, kind: 'changed' as const }]
      : []),
    ...(random.chance(0.04)
      ? [
          {
            at: later(),
            order: { ...order, key: `forged-${order.key}`, forged: true },
            kind: 'forged' as const,
          },
        ]
      : []),
  ];
}

/** The first is the one that is deployed in the end. */
function drawSetups(random: Random): [Setup, ...Setup[]] {
  const waits: Partial<Policy> = random.chance(0.25) ? {} : SETUP.policy;
  const { evidence, pending } = productionPolicy;
  const policy: Policy = {
    ...productionPolicy,
    ...waits,
    // Of days of waiting, hundreds of looks are not more than ten.
    pending: random.chance(0.2) ? pending : { ...pending, askMs: 12 * HOUR },
    evidence: {
      ...evidence,
      lookUp: random.chance(0.5),
      ...(random.chance(0.2) ? {} : { againMs: 8 * HOUR }),
    },
    refundAutomatically: random.chance(0.3),
    declineRetries: random.chance(0.4) ? 1 : 0,
  };
  const first: Setup = {
    ...SETUP,
    preflight: random.chance(0.3),
    policy,
    webhookSecrets: [SECRET, NEXT_SECRET],
  };
  return [
    first,
    { ...first, parties: { ...first.parties, payment: { fingerprint: '~another' } } },
    { ...first, parties: { ...first.parties, platform: { fingerprint: '~another' } } },
    { ...first, guard: { ...first.guard, pricing: { currency: 'USD', perCredit: '0.20' } } },
    { ...first, guard: { ...first.guard, mode: 'observe' } },
    {
      ...first,
      preflight: !first.preflight,
      policy: {
        ...policy,
        evidence: { ...policy.evidence, lookUp: !policy.evidence.lookUp },
        refundAutomatically: !policy.refundAutomatically,
      },
    },
  ];
}

/** Another setup for a while, and back. */
function drawDeployments(random: Random, setups: number, startsAt: number, quietAt: number) {
  return some(random, 3, () => within(random, startsAt, quietAt, HOUR, 4 * DAY)).flatMap(({ from, to }) => [
    { at: from, setup: random.between(1, setups - 1) },
    { at: to, setup: 0 },
  ]);
}
