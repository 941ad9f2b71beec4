import type { Account } from '../shared/recharge/account.ts';
import { isChargeable } from '../shared/recharge/guard.ts';
import { type Calculation, calculatePrice, type Pricing } from '../shared/recharge/pricing.ts';
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
