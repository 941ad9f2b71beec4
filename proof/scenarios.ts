import { answersLate, DUPLICATES, isOutside, NO_SLEEP, narrow, type Scenario, scenario } from './scenario.ts';
import {
  ACCOUNT,
  DEARER,
  ELSEWHERE,
  EMAIL,
  LISTED,
  OBSERVING,
  OTHER_PLATFORM,
  REFUNDING,
  RETRYING,
  SETUP,
} from './setups.ts';

const SECOND = 1_000;

const OUTCOMES = { 'payments.charge': ['paid', 'declined', 'retryable', 'processing', 'acting'] };
const REFUSALS = {
  'platform.grant': ['granted', 'refused'],
  'payments.refund': ['made', 'pending', 'refused'],
};
const TWO = [
  { key: 'key-1', email: EMAIL, credits: 500 },
  { key: 'key-2', email: EMAIL, credits: 500 },
];

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
  answersLate('answers to grants come late', ['platform.grant'], 1, {
    ways: { 'platform.grant': ['granted', 'refused'] },
  }),
  answersLate('answers to grants come late, refunds', ['platform.grant', 'payments.refund'], 1, {
    ways: { 'platform.grant': ['granted', 'refused'] },
    setups: [REFUNDING],
  }),
  answersLate('evidence comes late', ['platform.grant', 'platform.findGrant', 'platform.listGrants'], 1, {
    setups: [LISTED],
  }),
  answersLate('answers to refunds come late', ['payments.refund'], 0, {
    ways: { 'platform.grant': ['refused'], 'payments.refund': ['made', 'refused', 'pending'] },
    setups: [REFUNDING],
  }),
  answersLate('answers to charges come late', ['payments.charge'], 0, {
    ways: { 'payments.charge': ['paid', 'retryable', 'processing', 'acting'] },
    setups: [RETRYING],
  }),
];
