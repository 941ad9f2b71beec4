import { NO_SLEEP, narrow, type Scenario, scenario } from './scenario.ts';
import { REFUNDING, RETRYING } from './setups.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

import { SCENARIOS } from './scenarios.ts';

const fewer = ({ chances, ...given }: Scenario, faults: number): Scenario => ({
  ...given,
  chances: { ...chances, faults, answers: 0, deeds: Math.min(chances.deeds, 1) },
});

/** Something happens at the calls to other parties alone. */
const outsideOnly = (given: Scenario): Scenario => ({
  ...given,
  sleepsMs: NO_SLEEP,
  mayFail: (port) => port === 'platform.grant' || port === 'payments.charge',
});

/** A grant that nobody answers for is made later. */
const lateGrantOnly = (given: Scenario): Scenario => ({
  ...given,
  sleepsMs: NO_SLEEP,
  mayFail: (port, fault) => port === 'platform.grant' && fault === 'unknown, made later',
});

const short = (shorten: (given: Scenario) => Scenario, ...names: string[]) =>
  SCENARIOS.filter(({ name }) => names.includes(name)).map(shorten);

/** Some seconds of it, for the suite. */
export const SHORT: readonly Scenario[] = [
  narrow(
    'sleeps before a grant',
    'a worker sleeps, and a person answers',
    { answers: 1 },
    'platform.prepareGrant',
    'sleeps',
    20 * MINUTE,
  ),
  {
    ...narrow('dies', 'a worker dies before it reserves', {}, 'ledger.readAccount', 'dies'),
    mostDays: 1,
  },
  narrow(
    'two workers',
    'a worker sleeps once the money is taken, and others go on',
    { delays: 1 },
    'payments.charge',
    'sleeps',
    200 * SECOND,
  ),
  narrow(
    'late charge',
    'a charge that nobody answers for is made later',
    { answers: 1 },
    'payments.charge',
    'unknown, made later',
  ),
  {
    ...narrow(
      'declined twice',
      'two workers learn of one decline',
      { redeliveries: 1 },
      'ledger.writeAccount',
      'sleeps',
      50 * SECOND,
    ),
    ways: { 'payments.charge': ['declined', 'retryable'] },
    setups: [RETRYING],
  },
  narrow(
    'sleeps before a charge',
    'a worker sleeps for a day before it charges, and others go on',
    {},
    'payments.prepareCharge',
    'sleeps',
    25 * HOUR,
  ),
  {
    ...narrow(
      'answers late',
      'a person looks, and answers once another grant has got no answer',
      { answers: 1, faults: 2 },
      'platform.grant',
      'unknown, made',
      20 * MINUTE,
    ),
    mayFail: (port, what) =>
      port === 'platform.grant'
        ? what === 'unknown, made'
        : port === 'platform.prepareGrant' && what === 'sleeps',
  },
  {
    ...narrow(
      'forgotten',
      'nobody hears of a charge, the client is suspended, and the endpoint has lost its books',
      { accountChanges: 1 },
      'payments.charge',
      'unknown, made',
    ),
    ways: { 'payments.lookup': ['not found'] },
  },
  narrow(
    'suspended meanwhile',
    'a charge is not made, and the client is suspended',
    { accountChanges: 1 },
    'payments.charge',
    'unknown, not made',
  ),
  scenario(
    'refund under way',
    'a refund takes its time, and a person answers',
    { answers: 1 },
    {
      setups: [REFUNDING],
      ways: { 'platform.grant': ['refused', 'granted'], 'payments.refund': ['pending'] },
    },
  ),
  scenario(
    'silent endpoint',
    'the endpoint takes the money, and never says so',
    {},
    { ways: { 'payments.charge': ['unknown, made'], 'payments.lookup': ['unknown'] } },
  ),
  {
    ...narrow(
      'declined long ago',
      'a worker sleeps with a decline until the next attempt, and longer',
      {},
      'payments.charge',
      'sleeps',
      25 * HOUR,
    ),
    sleepsMs: { workers: [50 * SECOND, 25 * HOUR], others: [] },
    ways: { 'payments.charge': ['paid', 'retryable'] },
    setups: [RETRYING],
  },
  ...short((given) => given, 'duplicates', 'one fault'),
  ...short(
    (given) => fewer(given, 0),
    'outcomes',
    'refunds',
    'cap',
    'cooldown',
    'suspended',
    'reused key',
    'deeds',
  ),
  ...short(lateGrantOnly, 'person'),
  ...short((given) => outsideOnly(fewer(given, 1)), 'evidence', 'new endpoint', 'new platform', 'observe'),
];
