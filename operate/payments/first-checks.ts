import type { Proof } from './asker.ts';
import { untilSettled } from './trial.ts';
import { type CheckStep, fail, notAgreed, PASS, skipped } from './verdicts.ts';

const NOT_FOUND = '404 {"status":"not_found"} to what you have never heard of, and nothing else';

const unknownThings: CheckStep[] = [
  {
    name: 'unknown_charge',
    wants: 'The lookup of a charge that nobody asked for is 404 {"status":"not_found"}.',
    async run({ ask, newId }) {
      const heard = await ask.lookup(newId());
      return heard.outcome?.kind === 'not_found' ? PASS : notAgreed(heard, NOT_FOUND);
    },
  },
  {
    name: 'unknown_cancel',
    wants: 'The cancellation of such a charge is 404 {"status":"not_found"}, too.',
    async run({ ask, newId }) {
      const heard = await ask.cancel(newId());
      return heard.outcome?.kind === 'not_found' ? PASS : notAgreed(heard, NOT_FOUND);
    },
  },
  {
    name: 'unknown_refund',
    wants: 'The refund of such a charge is 402 {"status":"refused","reason":"…"}.',
    async run({ ask, newId }) {
      const heard = await ask.refund(`${newId()}_refund`, { chargeId: newId(), paymentRef: 'unknown' });
      return heard.outcome?.kind === 'refused'
        ? PASS
        : notAgreed(heard, '402 {"status":"refused","reason":"…"} where there is nothing to refund');
    },
  },
];

/** 404 and 422 do no harm either, but an endpoint that has not read the signature says them, too. */
const REFUSALS = [400, 401, 403];

const signature = (proof: Proof, wants: string, field: string, todo: string): CheckStep => ({
  name: `signature_${proof}`,
  wants,
  async run(trial) {
    const chargeId = trial.newId();
    const { exchange } = await trial.charge(chargeId, { proof });
    if (!REFUSALS.includes(exchange.status)) return fail(`It answered: ${exchange.came}`, field, todo);
    const { outcome } = await trial.lookup(chargeId);
    return outcome?.kind === 'paid'
      ? fail('It answered with a refusal, and the charge is paid all the same.', field, todo)
      : PASS;
  },
});

const signatures = [
  signature(
    'missing',
    'A charge without a signature is refused.',
    'webhook-signature',
    'Verify every request with a library of Standard Webhooks, and answer 401 where it throws.',
  ),
  signature(
    'other_secret',
    'A charge that is signed with another secret is refused.',
    'webhook-signature',
    'Compare the signature with the one that your secret makes, and answer 401 where it differs.',
  ),
  signature(
    'other_body',
    'A charge whose signature is that of another body is refused.',
    'webhook-signature',
    'Let the signature be over the raw bytes of the body, and answer 401 where it differs.',
  ),
  signature(
    'old',
    'A charge whose signature is ten minutes old is refused.',
    'webhook-timestamp',
    'Refuse a webhook-timestamp that is more than five minutes away from your clock, with 401.',
  ),
];

const charge: CheckStep = {
  name: 'charge',
  wants: 'A charge is answered 200 {"status":"paid","payment_ref":"…"}.',
  async run(trial) {
    const chargeId = trial.newId();
    const heard = await untilSettled(() => trial.charge(chargeId));
    switch (heard.outcome?.kind) {
      case 'paid':
        trial.first = { chargeId, paymentRef: heard.outcome.paymentRef };
        return PASS;
      case 'declined':
        return skipped(
          `The client was declined (${heard.outcome.reason}). Name one that can pay: --email, --customer, --platform-id.`,
        );
      case 'pending':
        return skipped(
          'The payment is pending. Name a client that pays without acting: --email, --customer.',
        );
      default:
        return notAgreed(heard, '200 {"status":"paid","payment_ref":"…"}');
    }
  },
};

/** Nothing of value is there yet: an address, a signature or a form that is wrong shows here first. */
export const FIRST_CHECKS: CheckStep[] = [...unknownThings, ...signatures, charge];
