import { setTimeout as sleepFor } from 'node:timers/promises';
import { REFUSED_STATUSES } from '../../shared/payments/contract.ts';
import type { Asker, Heard, Proof } from './asker.ts';
import type { TestPayment } from './report.ts';

export interface PaidCharge {
  chargeId: string;
  paymentRef: string;
}

/** What the checks share: the way to ask, and the books of what may have been taken. */
export interface Trial {
  ask: Asker;
  newId(): string;
  /** Of a charge, in the smallest unit of the currency. */
  amount: number;
  /** Asks for a charge, and notes what may have been taken. */
  charge(chargeId: string, options?: { amount?: number; proof?: Proof }): ReturnType<Asker['charge']>;
  /** Asks what became of a charge that should not have been taken, and notes it where it was. */
  lookup(chargeId: string): ReturnType<Asker['lookup']>;
  /** Asks for the money of a charge back, and notes it. */
  refund(refundId: string, charge: PaidCharge, proof?: Proof): ReturnType<Asker['refund']>;
  /** The charge that most checks are about, once it is paid. */
  first?: PaidCharge;
  /** The one that several requests asked for at the same moment. */
  together?: PaidCharge;
  /** Gives back whatever was taken, and names every payment. */
  giveBack(): Promise<TestPayment[]>;
}

/**
 * @param options.prefix of the ids: two tests at the same endpoint have nothing in common.
 * @param options.amount of a charge that is not told another.
 */
export function createTrial(
  ask: Asker,
  { prefix, amount: usual }: { prefix: string; amount: number },
): Trial {
  /** By `payment_ref`: an endpoint that takes twice has two for one charge. */
  const taken = new Map<string, TestPayment & PaidCharge>();
  /** Charges that may have been taken, by id, with their amount. */
  const open = new Map<string, number>();
  let ids = 0;

  const noteTaken = (chargeId: string, paymentRef: string, amount: number) => {
    open.delete(chargeId);
    if (!taken.has(paymentRef)) taken.set(paymentRef, { chargeId, paymentRef, amount, state: 'kept' });
  };
  const isTaken = (chargeId: string) => [...taken.values()].some((payment) => payment.chargeId === chargeId);

  const trial: Trial = {
    ask,
    amount: usual,
    newId() {
      ids += 1;
      return `${prefix}_${ids}`;
    },
    async charge(chargeId, { amount = usual, ...options } = {}) {
      const heard = await ask.charge(chargeId, { ...options, amount });
      if (heard.outcome?.kind === 'paid') noteTaken(chargeId, heard.outcome.paymentRef, amount);
      else if (mayHaveTaken(heard) && !isTaken(chargeId)) open.set(chargeId, amount);
      return heard;
    },
    async lookup(chargeId) {
      const heard = await ask.lookup(chargeId);
      if (heard.outcome?.kind === 'paid') noteTaken(chargeId, heard.outcome.paymentRef, usual);
      return heard;
    },
    async refund(refundId, charge, proof) {
      const payment = taken.get(charge.paymentRef);
      const heard = await ask.refund(refundId, { ...charge, amount: payment?.amount ?? usual }, proof);
      const kind = heard.outcome?.kind;
      if (payment && kind === 'refunded') payment.state = 'refunded';
      if (payment && kind === 'pending') payment.state = 'refund_pending';
      return heard;
    },
    async giveBack() {
      const others: TestPayment[] = [];
      for (const [chargeId, amount] of [...open]) {
        const { outcome, exchange } = await whatBecameOf(ask, chargeId);
        if (outcome?.kind === 'paid') noteTaken(chargeId, outcome.paymentRef, amount);
        else if (outcome?.kind === 'refunded') others.push({ chargeId, amount, state: 'refunded' });
        else if (outcome?.kind === 'declined') others.push({ chargeId, amount, state: 'cancelled' });
        else if (outcome?.kind !== 'not_found') {
          others.push({ chargeId, amount, state: 'unknown', came: exchange.came });
        }
      }
      for (const payment of [...taken.values()].filter(({ state }) => state === 'kept')) {
        const { exchange } = await trial.refund(`${trial.newId()}_refund`, payment);
        if (payment.state === 'kept') payment.came = exchange.came;
      }
      return [...taken.values(), ...others];
    },
  };
  return trial;
}

/** A decline, and a refusal of the request as such, took nothing; a request that was not sent neither. */
const mayHaveTaken = ({ outcome, exchange }: Heard<{ kind: string }>) =>
  outcome?.kind !== 'declined' && exchange.wasSent && !REFUSED_STATUSES.includes(exchange.status);

/** What is still pending is withdrawn. */
async function whatBecameOf(ask: Asker, chargeId: string) {
  const found = await untilSettled(() => ask.lookup(chargeId));
  return found.outcome?.kind === 'pending' ? ask.cancel(chargeId) : found;
}

/** Some 20 s in all: as long as the endpoint may take for a charge. */
const WAITS_MS = [100, 200, 500, 1_000, 2_000, 4_000, 6_000, 6_000];

/** Asks again while the endpoint says that it is not done, or not able to. */
export async function untilSettled<Outcome>(ask: () => Promise<Heard<Outcome>>): Promise<Heard<Outcome>> {
  for (const waitMs of WAITS_MS) {
    const heard = await ask();
    const { status } = heard.exchange;
    if (status !== 409 && status !== 429 && status < 500) return heard;
    await sleepFor(waitMs);
  }
  return ask();
}
