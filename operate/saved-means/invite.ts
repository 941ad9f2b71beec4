import type Stripe from 'stripe';
import { SAVED } from '../../shared/payments/pay-pages.ts';
import type { StripeClient } from '../../shared/payments/stripe/client.ts';
import { CLIENT } from '../../shared/payments/stripe/saved-means.ts';
import type { Account } from '../../shared/recharge/account.ts';
import { shellQuoted } from '../../shared/shell.ts';
import { changedMeanwhile, stillKnown, unknownClient } from '../accounts.ts';
import { pricingOf } from '../client-settings.ts';
import type { Connection } from '../connection.ts';
import { OperateError } from '../error.ts';
import { askStripe } from '../stripe.ts';
import { nameClient, readCustomer } from './customer.ts';

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
