import { isDeepStrictEqual } from 'node:util';
import { formatMoney, type Money } from '../shared/money.ts';
import type { Account } from '../shared/recharge/account.ts';
import { isChargeable } from '../shared/recharge/guard.ts';
import { type Calculation, calculatePrice, type Pricing } from '../shared/recharge/pricing.ts';
import { isErased, moneyOf, type Recharge } from '../shared/recharge/recharge.ts';
import { ConfigError } from '../shared/settings/config-file.ts';
import { OperateError } from './error.ts';
import type { Target } from './target.ts';
import { readableTerms, readTerms, type Terms } from './terms.ts';

/** What a recharge of so many credits costs a client, and how that comes about. */
export interface Quote {
  credits: number;
  /** Absent: any client without prices of their own. */
  email?: string;
  pricing: Pricing;
  /** Whose price list it is. */
  from: 'client' | 'configuration';
  /** Where the configuration stands, for people; undefined where it is not known here. */
  source: string | undefined;
  /** Undefined: the price list has no price for this number of credits. */
  calculation: Calculation | undefined;
  /** How many credits a recharge may have; undefined where that is not known here. */
  allowed: Terms['credits'] | undefined;
  /** The guard's word, where it refuses this number of credits whatever else holds. */
  refused?: 'amount_out_of_range';
}

/**
 * Calculates a price as the worker does, by the same function, from the configuration that the relay has.
 *
 * @throws an OperateError, `not_ready`, where no price list is known here; a ConfigError where it has a fault.
 */
export function quotePrice(
  target: Target,
  credits: number,
  account?: Pick<Account, 'email' | 'pricing'>,
): Quote {
  const pricing = account?.pricing ?? readTerms(target).pricing;
  const terms = readableTerms(target);
  const calculation = calculatePrice(credits, pricing);
  const allowed = terms?.credits;
  const isAllowed = allowed === undefined || (allowed.min <= credits && credits <= allowed.max);
  const isRefused = !isAllowed || calculation === undefined || !isChargeable(calculation.money);
  return {
    credits,
    ...(account === undefined ? {} : { email: account.email }),
    pricing,
    from: account?.pricing === undefined ? 'configuration' : 'client',
    source: terms?.source,
    calculation,
    allowed,
    ...(isRefused ? { refused: 'amount_out_of_range' } : {}),
  };
}

/** What the price list of now says of a recharge that has its price. */
export interface PriceOfRecharge {
  steps: [string, string][];
  /** What it would cost now; absent where the list has no price for it. */
  now: Money | undefined;
  /** Whether prices have changed since it was let through: the row keeps its amount, and no price list. */
  differs: boolean;
}

/**
 * How the price of a recharge is calculated.
 *
 * @returns undefined where nothing is charged for it, its client was erased, or no price list is known here.
 */
export function priceOfRecharge(
  target: Target,
  row: Recharge,
  account: Account,
): PriceOfRecharge | undefined {
  if (row.prepaid || isErased(row)) return undefined;
  try {
    const quote = quotePrice(target, row.credits, account);
    const money = moneyOf(row);
    const now = quote.calculation?.money;
    return {
      steps: quoteSteps(quote),
      now,
      differs: money !== undefined && !isDeepStrictEqual(money, now),
    };
  } catch (error) {
    if (error instanceof ConfigError || error instanceof OperateError) return undefined;
    throw error;
  }
}

/** How the price comes about, step by step, for people: each a name and what is there. */
export function quoteSteps({ credits, pricing, from, source, calculation }: Quote): [string, string][] {
  const { currency } = pricing;
  const list =
    from === 'client'
      ? "the client's own"
      : `the configuration's${source === undefined ? '' : ` (${source})`}`;
  if (calculation === undefined)
    return [
      ['price list', list],
      ['no price', whyNoPrice(pricing)],
    ];
  return [['price list', list], ...stepsOf(credits, currency, calculation)];
}

function stepsOf(
  credits: number,
  currency: string,
  { basis, exact, rounded, minimum, money }: Calculation,
): [string, string][] {
  if (basis.kind === 'pack') return [['pack', `${credits} credits for ${basis.price} ${currency}`]];
  const reach = basis.kind === 'tier' ? tierText(basis.upTo) : '';
  const facts: [string, string][] = [
    ['per credit', `${basis.perCredit} ${currency}${reach}`],
    ['exactly', `${credits} × ${basis.perCredit} = ${exact} ${currency}`],
    ['rounded', `${formatMoney(rounded)}, half up`],
  ];
  if (minimum === undefined) return facts;
  const raises = money.amount > rounded.amount ? 'raises it' : 'is less';
  return [...facts, ['minimum', `${formatMoney(minimum)} ${raises}`]];
}

const tierText = (upTo: number | undefined) =>
  upTo === undefined ? ', the last tier' : `, the tier up to ${upTo} credits`;

const whyNoPrice = (pricing: Pricing): string =>
  'packs' in pricing
    ? `Only these numbers are sold: ${pricing.packs.map((pack) => pack.credits).join(', ')}.`
    : 'No tier reaches this number.';

/** A quote for programs: amounts in minor units, prices as decimals in major units. */
export function quoteJson({ credits, email, pricing, from, calculation, allowed, refused }: Quote) {
  const { basis, exact, rounded, minimum, money } = calculation ?? {};
  return {
    credits,
    email,
    price_list: from,
    pricing,
    ...money,
    basis: basis && {
      kind: basis.kind,
      ...(basis.kind === 'pack' ? { price: basis.price } : { per_credit: basis.perCredit }),
      ...(basis.kind === 'tier' ? { up_to: basis.upTo } : {}),
    },
    exact,
    rounded_amount: rounded?.amount,
    minimum_amount: minimum?.amount,
    min_credits: allowed?.min,
    max_credits: allowed?.max,
    refused,
  };
}
