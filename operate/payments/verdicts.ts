import type { Heard } from './asker.ts';
import type { Verdict } from './report.ts';
import type { PaidCharge, Trial } from './trial.ts';

export interface CheckStep {
  name: string;
  /** What the contract wants, in a sentence. */
  wants: string;
  run(trial: Trial): Promise<Verdict>;
}

type AnyHeard = Heard<{ kind: string; paymentRef?: string }>;

export const PASS = { result: 'pass' } satisfies Verdict;
export const skipped = (found: string): Verdict => ({ result: 'skipped', found });
export const fail = (found: string, field: string | undefined, todo: string): Verdict => ({
  result: 'fail',
  found,
  ...(field === undefined ? {} : { field }),
  todo,
});

/** Runs a check that needs a paid charge. */
export const onPaid = async (
  charge: PaidCharge | undefined,
  run: (charge: PaidCharge) => Promise<Verdict>,
): Promise<Verdict> => (charge === undefined ? skipped('No charge was paid.') : run(charge));

/** In one sentence, as the relay reads it. */
export function inWords({ outcome, fault, exchange }: AnyHeard): string {
  if (outcome === undefined) return fault === undefined ? exchange.came : `${fault}, which is not agreed`;
  return outcome.paymentRef === undefined ? outcome.kind : `${outcome.kind}, ${outcome.paymentRef}`;
}

/** @param agreed what should have been answered. */
export function notAgreed(heard: AnyHeard, agreed: string): Verdict {
  const { status } = heard.exchange;
  return fail(`It answered: ${inWords(heard)}.`, heard.field ?? 'status', todoFor(status, agreed));
}

function todoFor(status: number, agreed: string): string {
  if (status === 0) return 'Let it answer within 20 s. Is it running, and reachable from here?';
  if (status === 401 || status === 403) {
    return (
      'It refuses our signature. Is its secret the one that is set here? npx relay secrets set paymentHook sets ours. Verify the raw body with the secret ' +
      'paymentHook, as Standard Webhooks does; a GET and a cancellation sign the empty body.'
    );
  }
  if (status === 429)
    return 'It had too many requests. Let it take some forty within a minute, and try again.';
  if (status >= 500) return `Look into its log: it failed. Agreed is ${agreed}.`;
  return `Answer ${agreed}.`;
}

/** Passes where the answer is `paid` with this reference. */
export function expectPaid(heard: AnyHeard, { paymentRef }: PaidCharge, todo: string): Verdict {
  if (heard.outcome?.kind !== 'paid') {
    return heard.outcome === undefined
      ? notAgreed(heard, '200 {"status":"paid","payment_ref":"…"}')
      : fail(`It says ${heard.outcome.kind} of a charge that was paid.`, 'status', todo);
  }
  const said = heard.outcome.paymentRef;
  return said === paymentRef
    ? PASS
    : fail(`The payment was ${paymentRef}, and now it is ${said}.`, 'payment_ref', todo);
}
