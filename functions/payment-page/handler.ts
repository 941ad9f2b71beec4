import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { Logger } from '../../shared/logger.ts';
import { ANSWERED_WITHIN_MS, type PayPage, type PayPages, SAVED } from '../../shared/payments/pay-pages.ts';
import type { Ledger } from '../../shared/recharge/ledger.ts';
import { chargeIdOf, type Recharge } from '../../shared/recharge/recharge.ts';
import * as views from './views.ts';

export interface PaymentPageDeps {
  pages: Pick<PayPages, 'find' | 'ask' | 'comeBack'>;
  recharges: Pick<Ledger, 'read'>;
  /** Has the row looked at now. */
  wake(key: string): Promise<unknown>;
  /** Who charges, in words for clients. */
  payee: string | undefined;
  logger: Pick<Logger, 'info' | 'error'>;
  now: () => number;
}

/** The parts of an event of API Gateway, payload format 2.0, that are read. */
export interface PageEvent {
  requestContext: { http: { method: string } };
  pathParameters?: Record<string, string | undefined>;
  queryStringParameters?: Record<string, string | undefined>;
}

type Answer = APIGatewayProxyStructuredResultV2;

/** The bank's page is used again for this long; after that, the client gets a new one. */
const BANK_FRESH_MS = 10 * 60_000;
/** A payment that its client has confirmed is known within a second or two. */
const CHECKED_WITHIN_MS = 20_000;

/**
 * `GET /pay/{token}` shows who charges what, and does nothing. `POST` writes down that the client is there, and wakes the
 * recharge: the worker, which alone holds the key, has the payment confirmed and names the bank's page. `?at=bank` waits
 * for that and leads there, and the bank leads back to `?at=back`.
 *
 * `GET /pay/saved` thanks a client who comes from Stripe's page for saving a card. It knows nothing of them.
 *
 * A token that is not known and one whose time is over are answered alike.
 */
export function createPaymentPageHandler(deps: PaymentPageDeps) {
  return async (event: PageEvent): Promise<Answer> => {
    const { method } = event.requestContext.http;
    const at = event.queryStringParameters?.at ?? '';
    // The token opens the page, and no line holds it.
    const about = { method, at: at.slice(0, 10) };
    try {
      const { answer, key } = await answerTo(event, at, deps);
      deps.logger.info('payment page answered', { ...about, status: answer.statusCode, key });
      return answer;
    } catch (error) {
      deps.logger.error('a payment page could not be shown', error, about);
      return views.failure();
    }
  };
}

async function answerTo(
  { requestContext, pathParameters }: PageEvent,
  at: string,
  deps: PaymentPageDeps,
): Promise<{ answer: Answer; key?: string }> {
  const { pages, recharges, wake, payee, now } = deps;
  const token = pathParameters?.token ?? '';
  if (token === SAVED) return { answer: views.saved(payee) };
  const page = await pages.find(token);
  const row = page && (await recharges.read(page.rechargeKey));
  if (!page || !row || !isOf(page, row)) return { answer: views.gone() };
  const { key } = row;
  const waits = row.phase === 'charge_pending' && row.actionUrl !== undefined;
  if (requestContext.http.method === 'POST') {
    const isNew = waits && !isTooLate(row, now()) && bankOf(page, now()) === undefined;
    if (isNew && (await pages.ask(token))) await wake(key);
    return { answer: views.seeOther('?at=bank'), key };
  }
  if (at === 'back') {
    if (waits && (await pages.comeBack(token))) await wake(key);
    // The provider's own words leave the address bar.
    return { answer: views.seeOther('?at=result'), key };
  }
  return { answer: waits ? waitingPage(row, page, at, { payee, now }) : views.outcome(row, payee), key };
}

const isTooLate = ({ actBy = Number.POSITIVE_INFINITY }: Recharge, now: number) => now >= actBy;

/** Whether the page is of the payment that the row is about. */
const isOf = ({ chargeId, paymentIntent }: PayPage, row: Recharge) =>
  chargeId === chargeIdOf(row) && (row.paymentRef === undefined || row.paymentRef === paymentIntent);

/** The bank's page, where the client was told one a moment ago. */
const bankOf = ({ askedAt, answer }: PayPage, now: number): string | undefined =>
  askedAt !== undefined && askedAt === answer?.askedAt && now < askedAt + BANK_FRESH_MS
    ? answer.url
    : undefined;

/** The payment waits for its client, or for being cancelled. */
function waitingPage(
  row: Recharge,
  page: PayPage,
  at: string,
  { payee, now }: Pick<PaymentPageDeps, 'payee' | 'now'>,
): Answer {
  const { askedAt = 0, returnedAt = 0, answer } = page;
  const bank = bankOf(page, now());
  const isBack = at === 'result';
  if (isBack && now() < returnedAt + CHECKED_WITHIN_MS) return views.waiting('result');
  if (isTooLate(row, now())) return views.tooLate();
  if (isBack) return views.form(row, payee, 'not_confirmed');
  if (at !== 'bank') return views.form(row, payee);
  if (bank !== undefined) return views.toBank(bank);
  const isAsked = askedAt !== answer?.askedAt && now() < askedAt + ANSWERED_WITHIN_MS;
  return isAsked ? views.waiting('bank') : views.form(row, payee, 'no_bank_page');
}
