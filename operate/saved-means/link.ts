import type Stripe from 'stripe';
import { atMost } from '../../shared/at-most.ts';
import { meansText, type PaymentMethod } from '../../shared/payments/payment-method.ts';
import type { StripeClient } from '../../shared/payments/stripe/client.ts';
import { savedMeansOf } from '../../shared/payments/stripe/saved-means.ts';
import type { Account } from '../../shared/recharge/account.ts';
import { type Kept, keepMeans } from '../../shared/recharge/saved-means.ts';
import { shellQuoted } from '../../shared/shell.ts';
import { changedMeanwhile, stillKnown, unknownClient } from '../accounts.ts';
import type { Connection } from '../connection.ts';
import { OperateError } from '../error.ts';
import { askStripe } from '../stripe.ts';
import { nameClient, readCustomer } from './customer.ts';

/** A client has saved several, and Stripe names none as the one to use. */
export class SeveralMeansError extends OperateError {
  readonly means: PaymentMethod[];

  constructor(email: string, customer: string, means: PaymentMethod[]) {
    super(
      'refused',
      [
        `The customer has saved ${means.length} means of payment. Nothing was changed. Name one:`,
        ...means.map(
          (one) =>
            `  npx relay accounts link ${shellQuoted(email)} --customer ${customer} --payment-method ${one.id}   ${meansText(one)}`,
        ),
      ].join('\n'),
    );
    this.name = 'SeveralMeansError';
    this.means = means;
  }
}

/**
 * Links a client to the means of payment that they have saved at Stripe: the one that is named, else the customer's
 * default, else their only one. From then on it is charged.
 *
 * @param wanted.customer default: the account's.
 * @returns the account, and what became of a suspension for declines.
 * @throws an OperateError: `not_found`, if nobody set this client up, or Stripe has no such customer or means; `refused`,
 *   if no customer is known, nothing is saved, or several are (a SeveralMeansError).
 */
export async function linkClient(
  connection: Pick<Connection, 'accounts' | 'ledger' | 'now' | 'storageNow'>,
  stripe: StripeClient,
  email: string,
  wanted: { customer?: string; paymentMethod?: string } = {},
): Promise<Kept> {
  const { ledger, now, storageNow } = connection;
  const { status, customer = '' } = await ledger.readAccount(email);
  if (status === undefined) throw await unknownClient(connection, email, 'link');
  const id = wanted.customer ?? customer;
  if (id === '') {
    throw new OperateError(
      'refused',
      `No customer of Stripe is known for ${email}. Name it: npx relay accounts link ${shellQuoted(email)} --customer cus_… ` +
        `Or let the client save a card: npx relay accounts invite ${shellQuoted(email)}`,
    );
  }
  const found = await readCustomer(stripe, id);
  const method = await meansOf(stripe, email, found, wanted.paymentMethod);
  await nameClient(stripe, found, email);
  return keepMeans(
    ledger,
    email,
    { customer: id, paymentMethod: savedMeansOf(method) },
    {
      judge(account) {
        stillKnown(account);
        if (wanted.customer === undefined && account.customer !== customer) throw changedMeanwhile(email);
      },
      // Compared with Stripe's time. This computer's clock may be minutes ahead, and would outdo what a client saves next.
      chosenAt: storageNow() ?? now(),
      now: now(),
    },
  );
}

/** What is to be said where the link has ended a suspension, or brought one back. */
export function suspensionText({ account: { email }, suspension }: Kept): string | undefined {
  if (suspension === undefined) return undefined;
  return suspension === 'ends'
    ? 'This is another card than the declined one, so the client is active again.'
    : 'The client was suspended for declines of this card, and nothing was paid since: the client is suspended again. To ' +
        `charge it all the same: npx relay accounts enable ${shellQuoted(email)} --note "why"`;
}

/** What became of one client of many. */
export interface LinkedClient {
  email: string;
  /** What is charged from now on; absent where the client was not linked. */
  paymentMethod?: PaymentMethod;
  /** Why not, in a sentence. */
  problem?: string;
}

/** In test mode Stripe takes 25 requests a second: docs.stripe.com/rate-limits. Each client needs three. */
const LINKED_AT_ONCE = 4;

/**
 * Links every client whose customer is known, and of whom no means of payment is.
 *
 * @param onProgress is told how many are done.
 * @returns in alphabetical order.
 * @throws an OperateError, `not_ready`, where Stripe cannot be asked; who was linked by then stays so.
 */
export async function linkClients(
  connection: Pick<Connection, 'accounts' | 'ledger' | 'rows' | 'now' | 'storageNow'>,
  stripe: StripeClient,
  onProgress: (done: number, of: number) => void = () => {},
): Promise<LinkedClient[]> {
  const known = (await clientsWithoutMeans(connection)).filter(({ customer }) => customer !== undefined);
  const linked = new Map<string, LinkedClient>();
  await atMost(LINKED_AT_ONCE, known, async ({ email }) => {
    linked.set(email, await tryToLink(connection, stripe, email));
    onProgress(linked.size, known.length);
  });
  return known.flatMap(({ email }) => linked.get(email) ?? []);
}

async function tryToLink(
  connection: Parameters<typeof linkClient>[0],
  stripe: StripeClient,
  email: string,
): Promise<LinkedClient> {
  try {
    const { paymentMethod } = (await linkClient(connection, stripe, email)).account;
    return { email, ...(paymentMethod === undefined ? {} : { paymentMethod }) };
  } catch (error) {
    if (!(error instanceof OperateError) || error.kind === 'not_ready') throw error;
    return { email, problem: error.message };
  }
}

/** Those whom no recharge can charge, where Stripe takes the money. In alphabetical order. */
export async function clientsWithoutMeans({
  accounts,
  rows,
}: Pick<Connection, 'accounts' | 'rows'>): Promise<Account[]> {
  const emails = await accounts.list();
  const read = await rows.accounts(emails);
  return emails.flatMap((email) => {
    const account = read.get(email);
    return account && account.paymentMethod === undefined ? [account] : [];
  });
}

async function meansOf(
  stripe: StripeClient,
  email: string,
  customer: Stripe.Customer,
  wanted: string | undefined,
): Promise<Stripe.PaymentMethod> {
  const { default_payment_method: standard } = customer.invoice_settings;
  const named = wanted ?? (typeof standard === 'string' ? standard : standard?.id);
  if (named !== undefined) {
    const method = await askStripe(stripe, ({ paymentMethods }) => paymentMethods.retrieve(named));
    const owner = typeof method.customer === 'string' ? method.customer : method.customer?.id;
    if (owner === customer.id) return method;
    throw new OperateError('refused', `${named} is not saved for the customer ${customer.id}.`);
  }
  const { data } = await askStripe(stripe, ({ customers }) =>
    customers.listPaymentMethods(customer.id, { limit: 100 }),
  );
  const [only, ...others] = data;
  if (!only) {
    throw new OperateError(
      'refused',
      `The customer ${customer.id} has saved nothing yet: npx relay accounts invite ${shellQuoted(email)}`,
    );
  }
  if (others.length > 0) throw new SeveralMeansError(email, customer.id, data.map(savedMeansOf));
  return only;
}
