import type Stripe from 'stripe';
import type { Logger } from '../logger.ts';
import { formatMoney } from '../money.ts';
import { meansText } from '../payments/payment-method.ts';
import { moneyOf } from '../payments/stripe/amounts.ts';
import { createStripeClient, type StripeClient } from '../payments/stripe/client.ts';
import { CHARGE_ID, RECHARGE_KEY, REFUND_ID } from '../payments/stripe/intents.ts';
import { faultOfKey } from '../payments/stripe/key.ts';
import type { StripeLook } from '../payments/stripe/looks.ts';
import { CLIENT, clientOf, savedMeansOf } from '../payments/stripe/saved-means.ts';
import type { Account } from './account.ts';
import { withSettings } from './accounts.ts';
import type { Heard } from './heard.ts';
import type { Ledger } from './ledger.ts';
import { chargeIdPrefixOf, type Recharge } from './recharge.ts';
import { keepMeans, type SavedMeans } from './saved-means.ts';

export interface StripeLooksOptions {
  ledger: Pick<Ledger, 'read' | 'readAccount' | 'writeAccount'>;
  heard: Heard;
  /** Read before every look. What is not set is absent. */
  secrets: { get(): Promise<{ stripeKey?: string }> };
  /** Whether real money may be taken: a key of the other mode is refused. */
  live: boolean;
  /** For one request. A look makes four at most, and a page of refunds more for each hundred. */
  timeoutMs: number;
  /** Default: Stripe's own. */
  apiUrl?: string;
  logger: Logger;
  now: () => number;
}

interface LookDeps extends Pick<StripeLooksOptions, 'ledger' | 'heard' | 'logger' | 'now'> {
  stripe: StripeClient;
}

/**
 * Looks at what an event was about, and does what follows from what Stripe says now. So an event that comes twice, late or
 * out of order changes nothing that is not so. What is no client's or recharge's of ours is left alone: the account at
 * Stripe may serve other businesses, and another relay.
 *
 * @returns looks; throws what Stripe or storage throws, or where no key can be used: the message then comes again.
 */
export function createStripeLooks(options: StripeLooksOptions): (look: StripeLook) => Promise<void> {
  return async (look) => {
    const key = (await options.secrets.get()).stripeKey?.trim() ?? '';
    const fault = faultOfKey(key, options.live);
    if (fault !== undefined) throw new Error(`An event of Stripe cannot be looked at: stripeKey ${fault}`);
    const deps = { ...options, stripe: await createStripeClient(key, options) };
    while ((await lookAt(look, deps)) === 'changed_meanwhile');
  };
}

/** Something else was saved between the look and the write: what is to be kept, only another look says. */
type Looked = 'changed_meanwhile' | undefined;

function lookAt(look: StripeLook, deps: LookDeps): Promise<Looked> {
  switch (look.at) {
    case 'saved':
      return lookAtSaved(look.setupIntent, deps);
    case 'means':
      return lookAtMeans(look, deps);
    case 'payment':
      return lookAtPayment(look, deps);
  }
}

const idOf = (object: string | { id: string } | null | undefined): string | undefined =>
  typeof object === 'string' ? object : object?.id;

// ── Means of payment ─────────────────────────────────────────────────────────────────────────────────

/** A client has followed an invitation: what they have saved is charged from now on. */
async function lookAtSaved(setupIntent: string, deps: LookDeps): Promise<Looked> {
  const { stripe } = deps.stripe;
  const { status, metadata, payment_method, customer } = await stripe.setupIntents.retrieve(setupIntent);
  const email = metadata?.[CLIENT];
  const [owner, id] = [idOf(customer), idOf(payment_method)];
  if (status !== 'succeeded' || email === undefined || owner === undefined || id === undefined)
    return undefined;
  const method = await readMethod(id, deps.stripe);
  const account = await deps.ledger.readAccount(email);
  if (idOf(method?.customer) !== owner || method === undefined || !isTheirs(account, owner)) {
    deps.logger.info('what a client has saved is not theirs any more', { email, customer: owner });
    return undefined;
  }
  // Two invitations may be heard in either order, and an event may be late or resent: what was chosen last is charged,
  // by the client or by a person. Stripe's times are whole seconds.
  const { paymentMethod, meansChosenAt = 0 } = account;
  const isOther = paymentMethod !== undefined && paymentMethod.id !== id;
  if (isOther && Math.floor(meansChosenAt / 1_000) > method.created) {
    deps.logger.info('what a client has saved gives way to what was chosen since', { email, setupIntent });
    return undefined;
  }
  const saved = { customer: owner, paymentMethod: savedMeansOf(method) };
  return keep(account, saved, deps, method.created * 1_000);
}

const isTheirs = ({ status, customer }: Account, owner: string) => status !== undefined && customer === owner;

/** A card was renewed by its bank, changed at Stripe, or taken away. */
async function lookAtMeans(
  { customer, paymentMethod: id }: Extract<StripeLook, { at: 'means' }>,
  deps: LookDeps,
): Promise<Looked> {
  const owner = await deps.stripe.stripe.customers.retrieve(customer);
  if (owner.deleted) return undefined;
  const email = clientOf(owner);
  if (email === undefined) return undefined;
  const account = await deps.ledger.readAccount(email);
  if (!isTheirs(account, customer) || account.paymentMethod?.id !== id) return undefined;
  const method = await readMethod(id, deps.stripe);
  if (method && idOf(method.customer) === customer)
    return keep(account, { customer, paymentMethod: savedMeansOf(method) }, deps);
  return takeAway(account, id, deps);
}

/** Undefined where Stripe has deleted it. */
async function readMethod(
  id: string,
  { stripe, errorOf }: StripeClient,
): Promise<Stripe.PaymentMethod | undefined> {
  try {
    return await stripe.paymentMethods.retrieve(id);
  } catch (error) {
    if (errorOf(error)?.code === 'resource_missing') return undefined;
    throw error;
  }
}

class ChangedMeanwhileError extends Error {}

/** Keeps it in the place of what the look has met there, and of nothing that was saved since. */
async function keep(
  known: Account,
  saved: SavedMeans,
  { ledger, logger, now }: LookDeps,
  chosenAt?: number,
): Promise<Looked> {
  const { email } = known;
  const judge = (account: Account) => {
    const isSame = account.paymentMethod?.id === known.paymentMethod?.id;
    if (!isTheirs(account, saved.customer) || !isSame) throw new ChangedMeanwhileError();
  };
  try {
    const given = { judge, now: now(), ...(chosenAt === undefined ? {} : { chosenAt }) };
    const { account, suspension } = await keepMeans(ledger, email, saved, given);
    if (account.revision === known.revision) return undefined;
    logger.info('means of payment kept', { email, means: meansText(saved.paymentMethod), suspension });
    if (suspension === 'comes_back')
      logger.alert('client_suspended', { email, detail: account.statusChange?.note });
    return undefined;
  } catch (error) {
    if (!(error instanceof ChangedMeanwhileError)) throw error;
    return 'changed_meanwhile';
  }
}

async function takeAway(known: Account, id: string, { ledger, logger }: LookDeps): Promise<undefined> {
  let account = known;
  while (account.paymentMethod?.id === id) {
    const { email, paymentMethod } = account;
    const written = await ledger.writeAccount(account, withSettings(account, { paymentMethod: null }));
    if (written.kind === 'written')
      logger.info('means of payment taken away', { email, means: meansText(paymentMethod) });
    account = written.row;
  }
}

// ── Payments ─────────────────────────────────────────────────────────────────────────────────────────

/** What became of a payment behind our back. The credits may have been granted, so a person decides what follows. */
async function lookAtPayment(
  { paymentIntent, dispute }: Extract<StripeLook, { at: 'payment' }>,
  deps: LookDeps,
): Promise<undefined> {
  const { stripe } = deps.stripe;
  const intent = await stripe.paymentIntents.retrieve(paymentIntent, { expand: ['latest_charge'] });
  const row = await rowOf(intent, deps);
  if (row === undefined) return;
  if (dispute) await onDispute(row, intent, dispute, deps);
  for await (const refund of stripe.refunds.list({ payment_intent: paymentIntent, limit: 100 })) {
    const isGone = refund.status === 'failed' || refund.status === 'canceled';
    const isOurs = refund.metadata?.[REFUND_ID] !== undefined;
    if (isOurs && isGone && row.refundedAt !== undefined)
      await once(`refund ${refund.id} failed`, deps, () => onRefundSentBack(row, refund, deps));
    if (!isOurs && !isGone) await once(`refund ${refund.id}`, deps, () => onForeignRefund(row, refund, deps));
  }
}

/** Undefined where the payment is no recharge's of this relay. */
async function rowOf(
  { metadata }: Stripe.PaymentIntent,
  { ledger }: LookDeps,
): Promise<Recharge | undefined> {
  const key = metadata[RECHARGE_KEY];
  const row = key === undefined ? undefined : await ledger.read(key);
  return row && metadata[CHARGE_ID]?.startsWith(chargeIdPrefixOf(row)) ? row : undefined;
}

/** It was told, and perhaps undone by a person since: what is heard again is not done again. */
async function once(what: string, { heard }: LookDeps, tell: () => Promise<void>): Promise<void> {
  if (await heard.before(what)) return;
  await tell();
  await heard.done(what);
}

/**
 * Who takes their money back must not be charged again, until a person has spoken with them. An inquiry of a bank, of
 * which the charge itself does not say that it is disputed, is only told. It may become a dispute later, under the same
 * id: then that is news.
 */
async function onDispute(
  row: Recharge,
  { id, latest_charge: charge }: Stripe.PaymentIntent,
  dispute: { id: string; reason: string },
  deps: LookDeps,
): Promise<void> {
  const { key, email } = row;
  const said = `${dispute.id} (${dispute.reason}) of payment ${id}`;
  const isTaken = typeof charge === 'object' && charge?.disputed === true;
  await once(`${isTaken ? 'dispute' : 'inquiry'} ${dispute.id}`, deps, async () => {
    if (isTaken) await suspend(email, `Dispute ${said}, recharge ${key}`.slice(0, 300), deps);
    deps.logger.alert('payment_disputed', { key, email, detail: `${said}; ${grantedTo(row)}` });
  });
}

async function suspend(email: string, note: string, { ledger, now }: LookDeps): Promise<void> {
  let account = await ledger.readAccount(email);
  // What another card ends is not enough: this one ends by a person's word.
  while (
    account.status === 'active' ||
    (account.status === 'suspended' && account.statusChange?.forDeclines)
  ) {
    const statusChange = { at: now(), note };
    const next = withSettings(account, { status: 'suspended', statusChange });
    const written = await ledger.writeAccount(account, next);
    account = written.row;
    if (written.kind === 'written') return;
  }
}

/** A refund that Stripe had called done may come back for a month: docs.stripe.com/refunds, "Failed refunds". */
async function onRefundSentBack(row: Recharge, refund: Stripe.Refund, { logger }: LookDeps): Promise<void> {
  const { key, email } = row;
  const { id, failure_reason: reason, status } = refund;
  const detail = `${id}: ${formatMoney(moneyOf(refund))} came back after it was done: ${reason ?? status}`;
  logger.alert('refund_failed', { key, email, detail });
}

async function onForeignRefund(row: Recharge, refund: Stripe.Refund, { logger }: LookDeps): Promise<void> {
  const { key, email } = row;
  const money = formatMoney(moneyOf(refund));
  logger.alert('refunded_elsewhere', { key, email, detail: `${refund.id}: ${money}; ${grantedTo(row)}` });
}

const grantedTo = ({ phase, credits }: Recharge) =>
  phase === 'completed' ? `${credits} credits were granted` : `the recharge is ${phase}`;
