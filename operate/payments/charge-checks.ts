import type { Verdict } from './report.ts';
import { type PaidCharge, type Trial, untilSettled } from './trial.ts';
import { type CheckStep, expectPaid, fail, inWords, notAgreed, onPaid, PASS } from './verdicts.ts';

/** As many as a crash, a queue and a sweeper can bring together, and some more: a gap of a moment must show. */
const AT_ONCE = 5;
const atOnce = <Result>(ask: () => Promise<Result>) => Promise.all(Array.from({ length: AT_ONCE }, ask));

const RESERVE =
  'Reserve the charge_id first, where only one request can have it (a primary key). Then take the money. Answer 409 ' +
  'to whoever comes meanwhile.';
const TRUTH = 'Let the lookup read the row that the charge wrote, by its charge_id.';

/** One for a charge, for ever, as the relay has it. */
const refundIdOf = ({ chargeId }: PaidCharge) => `${chargeId}_refund`;

const lookup: CheckStep = {
  name: 'lookup',
  wants: 'The lookup of a paid charge is 200, paid, with the same payment_ref.',
  run: ({ ask, first }) =>
    onPaid(first, async (paid) => expectPaid(await ask.lookup(paid.chargeId), paid, TRUTH)),
};

const repeat: CheckStep = {
  name: 'repeat',
  wants: 'The same charge_id again is answered as before, and takes nothing.',
  run: (trial) =>
    onPaid(trial.first, async (paid) => expectPaid(await trial.charge(paid.chargeId), paid, RESERVE)),
};

const ANOTHER = [400, 409, 422];

const otherAmount: CheckStep = {
  name: 'other_amount',
  wants: 'The same charge_id with another amount is refused with 422, and takes nothing.',
  run: (trial) =>
    onPaid(trial.first, async ({ chargeId }) => {
      const heard = await trial.charge(chargeId, { amount: trial.amount + 1 });
      return ANOTHER.includes(heard.exchange.status)
        ? PASS
        : fail(
            `It answered: ${inWords(heard)}.`,
            'amount',
            'Compare amount, currency and client with those of the first request. Where they differ, answer 422.',
          );
    }),
};

const cancelPaid: CheckStep = {
  name: 'cancel_paid',
  wants: 'A cancellation that comes too late is 200, paid, and gives nothing back.',
  run: ({ ask, first }) =>
    onPaid(first, async (paid) =>
      expectPaid(
        await ask.cancel(paid.chargeId),
        paid,
        'Withdraw nothing but what is still pending, and answer as to the lookup.',
      ),
    ),
};

const signatureElsewhere: CheckStep = {
  name: 'signature_elsewhere',
  wants: 'A lookup, a cancellation and a refund without a signature are refused, too.',
  run: (trial) =>
    onPaid(trial.first, async (paid) => {
      const unsigned = [
        await trial.ask.lookup(paid.chargeId, 'missing'),
        await trial.ask.cancel(paid.chargeId, 'missing'),
        await trial.refund(refundIdOf(paid), paid, 'missing'),
      ];
      const done = unsigned.find(({ exchange }) => exchange.status < 400 || exchange.status >= 500);
      if (done === undefined) return PASS;
      const { sent, came } = done.exchange;
      const todo =
        'Verify the signature before anything else, at every address. What is empty is signed as empty.';
      return fail(`It answered to ${sent}: ${came}`, 'webhook-signature', todo);
    }),
};

const together: CheckStep = {
  name: 'at_once',
  wants: `${AT_ONCE} requests with one charge_id at the same moment take the money once.`,
  run: (trial) =>
    onPaid(trial.first, async () => {
      const chargeId = trial.newId();
      const answers = await atOnce(() => trial.charge(chargeId));
      const last = await untilSettled(() => trial.charge(chargeId));
      const paid =
        last.outcome?.kind === 'paid' ? { chargeId, paymentRef: last.outcome.paymentRef } : undefined;
      if (paid) trial.together = paid;
      return verdictOf(trial, answers, last, paid);
    }),
};

type Answers = Awaited<ReturnType<Trial['charge']>>[];

async function verdictOf(
  { ask }: Trial,
  answers: Answers,
  last: Answers[number],
  paid: PaidCharge | undefined,
): Promise<Verdict> {
  const references = new Set(
    [...answers, last].flatMap(({ outcome }) => (outcome?.kind === 'paid' ? [outcome.paymentRef] : [])),
  );
  if (references.size > 1) {
    const found = `The money was taken ${references.size} times: ${[...references].join(', ')}.`;
    return fail(found, 'payment_ref', RESERVE);
  }
  const odd = answers.find(
    ({ outcome, exchange }) => outcome?.kind !== 'paid' && !BUSY.includes(exchange.status),
  );
  if (odd) return notAgreed(odd, '409 while the charge_id is still being processed, and then as before');
  if (!paid) return notAgreed(last, '200 {"status":"paid","payment_ref":"…"}');
  return expectPaid(await ask.lookup(paid.chargeId), paid, TRUTH);
}

const BUSY = [409, 429];

const refund: CheckStep = {
  name: 'refund',
  wants: 'A refund is 200 {"status":"refunded"}, and the same refund_id again gives back nothing more.',
  run: (trial) =>
    onPaid(trial.first, async (paid) => {
      const refundId = refundIdOf(paid);
      const first = await untilSettled(() => trial.refund(refundId, paid));
      return onceBack([first, await trial.refund(refundId, paid)]);
    }),
};

const refundTogether: CheckStep = {
  name: 'refund_at_once',
  wants: `${AT_ONCE} requests with one refund_id at the same moment give the money back once.`,
  run: (trial) =>
    onPaid(trial.together, async (paid) => {
      const refundId = refundIdOf(paid);
      const answers = await atOnce(() => trial.refund(refundId, paid));
      const settled = answers.filter(({ exchange }) => !BUSY.includes(exchange.status));
      return onceBack([...settled, await untilSettled(() => trial.refund(refundId, paid))]);
    }),
};

/** @param answers of one refund_id: all of them must be the same refund. */
function onceBack(answers: Awaited<ReturnType<Trial['refund']>>[]): Verdict {
  const odd = answers.find(({ outcome }) => outcome?.kind !== 'refunded' && outcome?.kind !== 'pending');
  if (odd) return notAgreed(odd, '200 {"status":"refunded","refund_ref":"…"}');
  const references = new Set(
    answers.flatMap(({ outcome }) => (outcome?.kind === 'refunded' ? [outcome.refundRef ?? ''] : [])),
  );
  if (references.size > 1) {
    const found = `The money went back ${references.size} times: ${[...references].join(', ')}.`;
    return fail(
      found,
      'refund_ref',
      'Reserve the refund_id first, where only one request can have it. Then give back.',
    );
  }
  return references.has('')
    ? {
        ...PASS,
        found: 'It names no refund_ref.',
        todo: 'Name it: else nobody sees that money went back twice.',
      }
    : PASS;
}

const lookupRefunded: CheckStep = {
  name: 'lookup_refunded',
  wants: 'The lookup of a refunded charge is 200, refunded.',
  run: ({ ask, first }) =>
    onPaid(first, async ({ chargeId }) => {
      const heard = await ask.lookup(chargeId);
      return heard.outcome?.kind === 'refunded' ? PASS : notAgreed(heard, '200 {"status":"refunded"}');
    }),
};

const afterRefund: CheckStep = {
  name: 'charge_after_refund',
  wants: 'A charge_id that was refunded takes no money again.',
  run: (trial) =>
    onPaid(trial.first, async ({ chargeId, paymentRef }) => {
      const { outcome } = await trial.charge(chargeId);
      return outcome?.kind === 'paid' && outcome.paymentRef !== paymentRef
        ? fail(`It took the money again: ${outcome.paymentRef}.`, 'payment_ref', RESERVE)
        : PASS;
    }),
};

/** Money has moved: what is asked again, otherwise, too late or at the same moment moves none. */
export const MONEY_CHECKS: CheckStep[] = [
  lookup,
  repeat,
  otherAmount,
  cancelPaid,
  signatureElsewhere,
  together,
  refund,
  refundTogether,
  lookupRefunded,
  afterRefund,
];
