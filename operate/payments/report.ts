import type { Exchange } from './asker.ts';

/** What a check came to. `field`: the member, header or status of the answer that is wrong. */
export type Verdict =
  | { result: 'pass'; found?: string; todo?: string }
  | { result: 'fail'; found: string; field?: string; todo: string }
  | { result: 'skipped'; found: string };

export type Check = Verdict & {
  name: string;
  /** What the contract wants, in a sentence. */
  wants: string;
  exchanges: Exchange[];
};

/** A payment that the test made, or may have made, and what became of it. */
export interface TestPayment {
  chargeId: string;
  paymentRef?: string;
  /** In the currency's smallest unit. */
  amount: number;
  /**
   * `refunded`, `refund_pending`, `cancelled`: it went back, or nothing was taken; `kept`: the money is still with the
   * agency; `unknown`: the endpoint did not say what became of the charge.
   */
  state: 'refunded' | 'refund_pending' | 'cancelled' | 'kept' | 'unknown';
  /** In the endpoint's own words, where it did not go back. */
  came?: string;
}

export interface PaymentsReport {
  url: string;
  /** Every charge of the test bears it. */
  rechargeKey: string;
  currency: string;
  /** True where every check was tried and passed, and all money went back. */
  passed: boolean;
  checks: Check[];
  payments: TestPayment[];
}

/** For programs: the names of the contract. */
export function reportJson({ rechargeKey, checks, payments, ...report }: PaymentsReport) {
  return {
    ...report,
    recharge_key: rechargeKey,
    checks: checks.map(({ exchanges, ...check }) => ({
      ...check,
      exchanges: exchanges.map(({ sent, body, signature, came, ms }) => ({
        sent,
        body,
        signature,
        came,
        ms,
      })),
    })),
    payments: payments.map(({ chargeId, paymentRef, ...payment }) => ({
      charge_id: chargeId,
      payment_ref: paymentRef,
      ...payment,
    })),
  };
}
