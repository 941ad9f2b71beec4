import { createMemoryCharging, SWITCHED_ON } from '../../proof/memory-charging.ts';
import { createMemoryLedger } from '../../proof/memory-ledger.ts';
import { createLogger } from '../../shared/logger.ts';
import type { ChargeOutcome, LookupOutcome, RefundOutcome } from '../../shared/payments/payment-hook.ts';
import type {
  GrantEvidence,
  GrantResult,
  GrantsListed,
  SubAccountResult,
} from '../../shared/platform/client.ts';
import type { Account } from '../../shared/recharge/account.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import type { Recharge } from '../../shared/recharge/recharge.ts';
import type { RunDeps } from '../../shared/recharge/run-recharge.ts';
import { aMoment, guardSettings, utc } from './builders.ts';

/** What the other sides do when they are asked. Whatever throws has failed. */
interface Answers {
  prepareCharge: () => void;
  charge: () => ChargeOutcome;
  lookup: () => LookupOutcome;
  cancel: () => LookupOutcome;
  refund: () => RefundOutcome;
  prepareGrant: () => void;
  grant: () => GrantResult;
  subAccount: () => SubAccountResult;
  findGrant: () => GrantEvidence;
  listGrants: () => GrantsListed;
}

const ANSWERS: Answers = {
  prepareCharge: () => {},
  charge: () => ({ kind: 'paid', paymentRef: 'pay_1' }),
  lookup: () => ({ kind: 'not_found' }),
  cancel: () => ({ kind: 'not_found' }),
  refund: () => ({ kind: 'refunded' }),
  prepareGrant: () => {},
  grant: () => ({ kind: 'granted' }),
  subAccount: () => ({ kind: 'found' }),
  findGrant: () => ({ kind: 'not_found' }),
  listGrants: () => ({ kind: 'listed', marks: [] }),
};

interface Kept {
  recharges?: Recharge[];
  accounts?: Account[];
}

/**
 * What the loop runs on, all of it in memory: 2026-01-05 12:00:10 UTC, and other sides that answer as they are told.
 */
export function aLoop(kept: Kept = {}, given: Partial<Answers> = {}) {
  const answers = { ...ANSWERS, ...given };
  const holder = {
    table: {
      recharges: new Map((kept.recharges ?? []).map((row) => [row.key, { row, unanswered: 0 }])),
      accounts: new Map((kept.accounts ?? []).map((account) => [account.email, account])),
      accountsBefore: new Map(),
    },
    switch: SWITCHED_ON,
  };
  const clock = { now: utc('2026-01-05 12:00:10') };
  const now = () => clock.now;
  const lines: Record<string, unknown>[] = [];
  /** In their order: who was asked what, where it was sent. */
  const asked: [string, unknown][] = [];
  /** Sent, and answered or not. */
  const ask = <Answer>(verb: keyof Answers, question: unknown, answer: () => Answer): Promise<Answer> => {
    asked.push([verb, question]);
    return Promise.resolve().then(answer);
  };
  const { parties } = aMoment();
  const deps: RunDeps = {
    ledger: createMemoryLedger(holder),
    charging: createMemoryCharging(holder, now),
    payments: {
      prepareCharge: async (request) => {
        answers.prepareCharge();
        return { send: () => ask('charge', request, answers.charge) };
      },
      lookup: (question) => ask('lookup', question, answers.lookup),
      cancel: (question) => ask('cancel', question, answers.cancel),
      refund: (question) => ask('refund', question, answers.refund),
    },
    platform: {
      prepareGrant: async (grant) => {
        answers.prepareGrant();
        return { send: () => ask('grant', grant, answers.grant) };
      },
      subAccount: (question) => ask('subAccount', question, answers.subAccount),
      findGrant: (question) => ask('findGrant', question, answers.findGrant),
      listGrants: (question) => ask('listGrants', question, answers.listGrants),
    },
    guard: guardSettings(),
    preflight: false,
    parties,
    policy: productionPolicy,
    logger: createLogger((line) => lines.push(JSON.parse(line)), { now }),
    now,
    draw: () => ({ token: 'token-new', jitter: 0 }),
    sleep: async (ms) => {
      clock.now += ms;
    },
  };
  return { deps, clock, asked, lines, ledger: deps.ledger };
}
