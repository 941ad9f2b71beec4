import type Stripe from 'stripe';
import { atMost } from '../shared/at-most.ts';
import { SAVED } from '../shared/payments/pay-pages.ts';
import { meansText, type PaymentMethod } from '../shared/payments/payment-method.ts';
import type { StripeClient } from '../shared/payments/stripe/client.ts';
import { CLIENT, savedMeansOf } from '../shared/payments/stripe/saved-means.ts';
import type { Account } from '../shared/recharge/account.ts';
import { keepMeans } from '../shared/recharge/saved-means.ts';
import { shellQuoted } from '../shared/shell.ts';
import { changedMeanwhile, stillKnown, unknownClient } from './accounts.ts';
import { pricingOf } from './client-settings.ts';
import type { Connection } from './connection.ts';
import { OperateError } from './error.ts';
import { askStripe } from './stripe.ts';

type Inviting = Pick<Connection, 'accounts' | 'ledger' | 'terms' | 'relay'>;

/** A page of Stripe's on which a client saves a card or bank account. */
export interface Invitation {
  email: string;
  customer: string;
  /** `kept`: the account named the customer already, or the person did. `found`: Stripe had one with this email. */
  customerWas: 'made' | 'found' | 'kept';
  url: string;
  /** Unix milliseconds. */
  expiresAt: number;
}

/**
 * Makes the page on which a client saves a means of payment, and the client's customer at Stripe where there is none. The
 * account names the customer at once. Nothing is charged there, and the page can be used once.
 *
 * @param wanted.customer instead of the one that would be found.
 * @throws an OperateError: `not_found`, if nobody set this client up, or Stripe has no such customer; `refused`, if it has
 *   several with this email.
 */
export async function inviteClient(
  connection: Inviting,
  stripe: StripeClient,
  email: string,
  wanted: { customer?: string } = {},
): Promise<Invitation> {
  const { accounts, ledger, terms, relay } = connection;
  const account = await ledger.readAccount(email);
  if (account.status === undefined) throw await unknownClient(connection, email, 'invite');
  const currency = pricingOf(account, terms())?.currency;
  if (currency === undefined || relay.webhookUrl === undefined) {
    throw new OperateError(
      'not_ready',
      `What ${email} pays in, or where the relay is reached, is not known here. Run this where the relay is deployed from.`,
    );
  }
  const { customer: found, was: customerWas } = await customerFor(stripe, account, wanted.customer);
  const customer = found.id;
  await nameClient(stripe, found, email);
  await accounts.set(
    email,
    { customer },
    {
      read: account,
      judge(now) {
        stillKnown(now);
        if (now.customer !== account.customer) throw changedMeanwhile(email);
      },
    },
  );
  const metadata = { [CLIENT]: email };
  const session = await askStripe(stripe, ({ checkout }) =>
    checkout.sessions.create({
      mode: 'setup',
      customer,
      // Only what can be charged in it is offered.
      currency: currency.toLowerCase(),
      success_url: new URL(`/pay/${SAVED}`, relay.webhookUrl).href,
      metadata,
      setup_intent_data: { metadata },
    }),
  );
  if (session.url === null) throw new Error('Stripe has made a page without an address.');
  return { email, customer, customerWas, url: session.url, expiresAt: session.expires_at * 1_000 };
}

/** The customer's own events are matched by this name, for Stripe's email may be spelt otherwise, or be another. */
async function nameClient(stripe: StripeClient, customer: Stripe.Customer, email: string): Promise<void> {
  if (customer.metadata[CLIENT] === email) return;
  await askStripe(stripe, ({ customers }) =>
    customers.update(customer.id, { metadata: { [CLIENT]: email } }),
  );
}

async function customerFor(
  stripe: StripeClient,
  account: Account,
  wanted: string | undefined,
): Promise<{ customer: Stripe.Customer; was: Invitation['customerWas'] }> {
  const known = wanted ?? account.customer;
  if (known !== undefined) return { customer: await readCustomer(stripe, known), was: 'kept' };
  const [first, ...others] = await customersOf(stripe, account);
  if (others.length > 0) {
    const ids = [first, ...others].map((one) => one?.id).join(', ');
    throw new OperateError(
      'refused',
      `Stripe has several customers with the email ${account.email}: ${ids}. Nothing was changed. Name the right one: ` +
        `npx relay accounts invite ${shellQuoted(account.email)} --customer cus_…`,
    );
  }
  if (first) return { customer: first, was: 'found' };
  const made = await askStripe(stripe, ({ customers }) =>
    customers.create({ email: account.email, metadata: { [CLIENT]: account.email } }),
  );
  return { customer: made, was: 'made' };
}

/** Several are all that must be told apart from one. */
const ENOUGH = 10;

/** Stripe compares an email to the letter: docs.stripe.com/api/customers/list. */
async function customersOf(stripe: StripeClient, { email, grantEmail }: Account): Promise<Stripe.Customer[]> {
  const spellings = [...new Set([email, grantEmail ?? email])];
  const pages = await Promise.all(
    spellings.map((spelled) =>
      askStripe(stripe, ({ customers }) => customers.list({ email: spelled, limit: ENOUGH })),
    ),
  );
  return pages.flatMap(({ data }) => data);
}

async function readCustomer(stripe: StripeClient, id: string): Promise<Stripe.Customer> {
  const customer = await askStripe(stripe, ({ customers }) => customers.retrieve(id));
  if (!customer.deleted) return customer;
  throw new OperateError('not_found', `The customer ${id} was deleted at Stripe.`);
}

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
 * @returns the account, and whether a suspension for declines ended, because it is another card than the declined one.
 * @throws an OperateError: `not_found`, if nobody set this client up, or Stripe has no such customer or means; `refused`,
 *   if no customer is known, nothing is saved, or several are (a SeveralMeansError).
 */
export async function linkClient(
  connection: Pick<Connection, 'accounts' | 'ledger' | 'now'>,
  stripe: StripeClient,
  email: string,
  wanted: { customer?: string; paymentMethod?: string } = {},
): Promise<{ account: Account; lifted: boolean }> {
  const { ledger, now } = connection;
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
      now: now(),
    },
  );
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
  connection: Pick<Connection, 'accounts' | 'ledger' | 'rows' | 'now'>,
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
