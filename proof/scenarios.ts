import { type Account, unknownAccount } from '../shared/recharge/account.ts';
import { type Policy, productionPolicy } from '../shared/recharge/policy.ts';
import { rechargeSchema } from '../shared/recharge/settings.ts';
import type { Setup } from './programs.ts';
import type { Scenario } from './scenario.ts';
import type { Chances } from './world.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const EMAIL = 'jane@example.com';
export const STARTS_AT = Date.UTC(2026, 0, 5, 12);

export const SETUP: Setup = {
  recharge: rechargeSchema.parse({
    mode: 'live',
    verifiers: [{ type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' }],
    creditsField: 'credits',
  }),
  guard: {
    mode: 'live',
    unknownAccounts: 'refuse',
    credits: { min: 1, max: 10_000 },
    limits: {},
    suspendAfterDeclines: 3,
    pricing: { currency: 'USD', perCredit: '0.10' },
  },
  parties: { payment: { fingerprint: '~payments' }, platform: { fingerprint: '~platform' } },
  preflight: false,
  // Waits grow faster than production's, to as long: a row that waits for days is looked at ten times, and not hundreds.
  policy: { ...productionPolicy, backoff: { firstMs: 2 * SECOND, maxMs: 12 * HOUR, growth: 20 } },
};

/**
 * A worker's: within its run; past the end of that; past the grant's deadline; past a person's answer; past the charge's window.
 * A webhook and a sweeper only write what is due next: what matters is what others have done by the time they wake.
 */
const SLEEPS_MS = {
  workers: [50 * SECOND, 115 * SECOND, 200 * SECOND, 20 * MINUTE, 23.5 * HOUR, 25 * HOUR],
  others: [50 * SECOND, 20 * MINUTE, 25 * HOUR],
};
const NO_SLEEP = { workers: [], others: [] };

/** Something was spent before: an amount that is given back twice would not show otherwise. */
const ACCOUNT: Account = {
  ...unknownAccount(EMAIL),
  revision: 1,
  status: 'active',
  spent: { '2026-01_USD': 7_000 },
};

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
const DUPLICATES = { resends: 1, redeliveries: 1, delays: 1 };

type Given = Partial<Omit<Scenario, 'name' | 'says' | 'chances'>>;

/** One recharge of 500 credits for USD 50.00, unless something else is given. */
const scenario = (name: string, says: string, chances: Partial<Chances>, given: Given = {}): Scenario => ({
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

const withPolicy = (policy: Partial<Policy>, given: Partial<Setup> = {}): Setup => ({
  ...SETUP,
  ...given,
  policy: { ...SETUP.policy, ...policy },
});

const LISTED = withPolicy({ evidence: { ...productionPolicy.evidence, lookUp: true, againMs: 12 * HOUR } });
const REFUNDING = withPolicy({ refundAutomatically: true });
const RETRYING = withPolicy({
  declineRetries: 1,
  pending: { ...productionPolicy.pending, askMs: 12 * HOUR, clientActsMs: 24 * HOUR, giveUpMs: 48 * HOUR },
});
const ELSEWHERE: Setup = { ...SETUP, parties: { ...SETUP.parties, payment: { fingerprint: '~another' } } };
const OTHER_PLATFORM: Setup = {
  ...SETUP,
  parties: { ...SETUP.parties, platform: { fingerprint: '~another' } },
};
const DEARER: Setup = {
  ...SETUP,
  guard: { ...SETUP.guard, pricing: { currency: 'USD', perCredit: '0.20' } },
};
const OBSERVING: Setup = { ...SETUP, guard: { ...SETUP.guard, mode: 'observe' } };

const OUTCOMES = { 'payments.charge': ['paid', 'declined', 'retryable', 'processing', 'acting'] };
const REFUSALS = {
  'platform.grant': ['granted', 'refused'],
  'payments.refund': ['made', 'pending', 'refused'],
};
const GRANTS = [
  'granted',
  'refused',
  'not applied',
  'unknown, not made',
  'differs, made',
  'differs, not made',
];
const REFUNDS = ['made', 'refused', 'pending', 'unknown, not made', 'not attempted'];
const CHARGES = ['paid', 'retryable', 'processing', 'acting', 'unknown, not made', 'not attempted'];
const SILENT_BOOKS = {
  'platform.findGrant': ['made', 'no answer'],
  'platform.listGrants': ['made', 'no answer'],
};
const TWO = [
  { key: 'key-1', email: EMAIL, credits: 500 },
  { key: 'key-2', email: EMAIL, credits: 500 },
];

/** One thing alone may go wrong, and the place is known. */
const narrow = (
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

const isOutside = (port: string) => port.startsWith('payments.') || port.startsWith('platform.');

/** Whoever asks another party falls asleep before they can write its answer, for minutes or for days, and others go on. */
const answersLate = (
  name: string,
  of: readonly string[],
  chances: Partial<Chances>,
  given: Partial<Scenario>,
): Scenario => ({
  ...scenario(name, `whoever asks (${of.join(', ')}) sleeps with the answer`, { faults: 1, ...chances }),
  sleepsMs: { workers: [200 * SECOND, 25 * HOUR, 8 * 24 * HOUR], others: [] },
  mayFail: (port, what) => of.includes(port) && what === 'sleeps',
  ...given,
});

export const SCENARIOS: readonly Scenario[] = [
  scenario('plain', 'one recharge, and nothing goes wrong', {}),
  scenario('duplicates', 'webhook and message come twice, and late', DUPLICATES),
  scenario('one fault', 'one fault, anywhere', { faults: 1 }),
  scenario('one fault, duplicates', 'one fault, and webhook and message come twice', {
    faults: 1,
    ...DUPLICATES,
  }),
  scenario('two faults', 'two faults, anywhere', { faults: 2 }),
  scenario('two faults, two workers', 'two faults, and the message comes twice', {
    faults: 2,
    redeliveries: 1,
  }),
  scenario(
    'person',
    'one fault, and a person who answers at any moment, and hesitates',
    { faults: 1, answers: 1 },
    { hesitates: true },
  ),
  scenario(
    'wrong person',
    'one fault, and a person who says what is not so',
    { faults: 1, answers: 1 },
    { lies: true },
  ),
  scenario('person twice', 'one fault, and two answers', { faults: 1, answers: 2 }),
  scenario(
    'evidence',
    'one fault; the platform lists its grants',
    { faults: 1, answers: 1 },
    { setups: [LISTED] },
  ),
  scenario(
    'outcomes',
    'one fault; payments end in every way',
    { faults: 1 },
    { ways: OUTCOMES, setups: [RETRYING] },
  ),
  scenario(
    'woken',
    'payments end in every way, and somebody says at any moment that they have changed',
    { wakes: 2 },
    { ways: OUTCOMES, setups: [RETRYING] },
  ),
  scenario(
    'woken, one fault',
    'the same, with one fault at the calls to other parties',
    { wakes: 1, faults: 1 },
    { ways: OUTCOMES, setups: [RETRYING], sleepsMs: NO_SLEEP, mayFail: isOutside },
  ),
  scenario(
    'refunds',
    'one fault; grants are refused, and money goes back by itself',
    { faults: 1 },
    { ways: REFUSALS, setups: [REFUNDING] },
  ),
  scenario(
    'refunds, a person',
    'grants are refused, and a person says what then',
    { answers: 2 },
    { ways: REFUSALS },
  ),
  scenario(
    'cap',
    'two recharges of a client who may pay for one',
    { faults: 1 },
    { orders: TWO, account: { ...ACCOUNT, limits: { monthlyAmount: 12_000 } } },
  ),
  scenario(
    'cooldown',
    'two recharges at once',
    { faults: 1 },
    { orders: TWO, account: { ...ACCOUNT, limits: { cooldownSeconds: 600 } } },
  ),
  scenario(
    'new endpoint',
    'another payment endpoint is deployed at any moment',
    { faults: 1, deployments: 1 },
    { setups: [SETUP, ELSEWHERE] },
  ),
  scenario(
    'new platform',
    'another platform is deployed at any moment',
    { faults: 1, deployments: 1 },
    { setups: [SETUP, OTHER_PLATFORM] },
  ),
  scenario(
    'new price',
    'another price is deployed at any moment',
    { faults: 1, deployments: 1 },
    { setups: [SETUP, DEARER] },
  ),
  scenario(
    'observe',
    'charging is switched off at any moment',
    { faults: 1, deployments: 1 },
    { setups: [SETUP, OBSERVING] },
  ),
  scenario('suspended', 'the client is suspended and enabled at any moment', {
    faults: 1,
    redeliveries: 1,
    accountChanges: 2,
  }),
  scenario(
    'reused key',
    'the key comes again with other credits, and forged',
    { resends: 2 },
    {
      orders: [
        { key: 'key-1', email: EMAIL, credits: 500 },
        { key: 'key-1', email: EMAIL, credits: 900 },
        { key: 'key-2', email: EMAIL, credits: 500, forged: true },
      ],
    },
  ),
  scenario(
    'deeds',
    'one fault (whoever sleeps is a worker, for 200 s), and a person who stops, hurries or gives back, twice, at any moment',
    { faults: 1, deeds: 2 },
    { deeds: ['stop', 'retry', 'give back'], sleepsMs: { workers: [200 * SECOND], others: [] } },
  ),
  scenario(
    'deeds, hesitating',
    'the same without a fault; and others go on between what a person reads and what they write',
    { deeds: 2, redeliveries: 1 },
    { deeds: ['stop', 'retry', 'give back'], hesitates: true },
  ),
  scenario(
    'preflight',
    'one fault; the platform is asked first',
    { faults: 1 },
    { setups: [{ ...SETUP, preflight: true }] },
  ),
  {
    ...narrow(
      'late charge, new endpoint',
      'a charge is made later, and who was asked is not configured any more',
      { answers: 1, deployments: 1 },
      'payments.charge',
      'unknown, made later',
    ),
    setups: [SETUP, ELSEWHERE],
  },
  scenario(
    'evidence, two faults',
    'two faults at calls to other parties, and a person; the platform lists its grants',
    { faults: 2, answers: 1 },
    { setups: [LISTED], sleepsMs: NO_SLEEP, mayFail: isOutside },
  ),
  answersLate(
    'answers to grants come late',
    ['platform.grant'],
    { answers: 2 },
    {
      ways: { 'platform.grant': GRANTS, 'payments.refund': ['made', 'refused'] },
      setups: [SETUP],
    },
  ),
  answersLate(
    'answers to grants come late, refunds',
    ['platform.grant'],
    { answers: 1 },
    {
      ways: { 'platform.grant': GRANTS, 'payments.refund': ['made', 'refused', 'pending'] },
      setups: [REFUNDING],
    },
  ),
  answersLate(
    'evidence comes late',
    ['platform.grant', 'platform.findGrant', 'platform.listGrants'],
    { answers: 2 },
    {
      ways: {
        'platform.grant': ['unknown, not made', 'unknown, made', 'granted', 'refused'],
        ...SILENT_BOOKS,
      },
      setups: [LISTED],
    },
  ),
  answersLate(
    'answers to refunds come late',
    ['payments.refund', 'payments.lookup'],
    { answers: 1 },
    {
      ways: {
        'platform.grant': ['refused'],
        'payments.refund': REFUNDS,
        'payments.lookup': ['made', 'unknown'],
      },
      setups: [REFUNDING],
    },
  ),
  answersLate(
    'answers to charges come late',
    ['payments.charge', 'payments.lookup', 'payments.cancel'],
    { answers: 1 },
    {
      ways: { 'payments.charge': CHARGES, 'payments.lookup': ['made', 'unknown'] },
      setups: [RETRYING],
    },
  ),
];

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
