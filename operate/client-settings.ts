import * as z from 'zod';
import { spelledEmailSchema } from '../shared/email.ts';
import { readAmount, readMoney } from '../shared/money.ts';
import type { Account } from '../shared/recharge/account.ts';
import type { AccountSettings } from '../shared/recharge/accounts.ts';
import { type Pricing, priceSchema, pricingSchema } from '../shared/recharge/pricing.ts';
import { platformIdSchema } from '../shared/recharge/webhook.ts';
import { OperateError } from './error.ts';
import type { Terms } from './terms.ts';

/** The settings of a client that a person gives, in the order in which they are shown. */
export const SETTINGS = [
  'platformId',
  'grantEmail',
  'customer',
  'pricePerCredit',
  'minimumCharge',
  'pricing',
  'dailyCount',
  'monthlyCap',
  'cooldownSeconds',
] as const;
export type Setting = (typeof SETTINGS)[number];

/**
 * Settings as they are written in a command, a cell or a form. What is absent stays as it is; `none` takes a setting
 * away, so that the configuration's counts again. Money is in major units, such as `200.00 EUR`.
 */
export type WrittenSettings = { [Name in Setting]?: string | undefined };

/** Takes a setting away. */
export const isNone = (text: string | undefined) => text?.trim().toLowerCase() === 'none';

export interface SettingFault {
  setting: Setting;
  /** Ends a sentence that begins with the setting's name. */
  message: string;
}

/** What is written cannot be meant; nothing was changed. */
export class SettingFaults extends OperateError {
  readonly faults: SettingFault[];

  constructor(faults: SettingFault[]) {
    super('refused', faults.map(({ setting, message }) => `${setting} ${message}`).join('\n'));
    this.name = 'SettingFaults';
    this.faults = faults;
  }
}

type Priced = Pick<Account, 'pricing'>;
type Default = Pick<Terms, 'pricing'> | undefined;

/** What a client pays by: their own price list, else the configuration's; undefined where that is not known here. */
export const pricingOf = ({ pricing }: Priced, terms: Default): Pricing | undefined =>
  pricing ?? terms?.pricing;

/**
 * Understands what is written, for this account.
 *
 * @returns the settings that change.
 * @throws SettingFaults with all faults.
 */
export function readSettings(
  written: WrittenSettings,
  account: Pick<Account, 'pricing' | 'limits'>,
  terms: Default,
): AccountSettings {
  const reading = new Reading(written);
  const pricing = reading.pricing(account, terms);
  const settings = {
    platformId: reading.by('platformId', platformIdSchema),
    grantEmail: reading.by('grantEmail', spelledEmailSchema),
    customer: reading.by('customer', customerSchema),
    pricing,
    limits: {
      dailyCount: reading.by('dailyCount', wholeNumberSchema),
      monthlyAmount: reading.cap(pricing, account, terms),
      cooldownSeconds: reading.by('cooldownSeconds', wholeNumberSchema),
    },
  };
  if (reading.faults.length > 0) throw new SettingFaults(reading.faults);
  return settings;
}

/** It travels in requests to the payment endpoint, and stands on every reservation. */
const customerSchema = z.string().regex(/^[^\p{C}]{1,255}$/u, 'must be 1 to 255 printable characters');

/** Digits alone: `5`, and neither `5.0` nor `1e3`. */
const wholeNumberSchema = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a whole number')
  .transform(Number);

const pricingJsonSchema = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue('must be JSON such as {"currency":"EUR","packs":[{"credits":500,"price":"45.00"}]}');
      return z.NEVER;
    }
  })
  .pipe(pricingSchema);

class Reading {
  readonly faults: SettingFault[] = [];
  readonly #written: WrittenSettings;

  constructor(written: WrittenSettings) {
    this.#written = written;
  }

  /** Undefined: it stays. Null: it is taken away. */
  by<Value>(setting: Setting, schema: z.core.$ZodType<Value>): Value | null | undefined {
    const text = this.#text(setting);
    if (typeof text !== 'string') return text;
    const { data, error } = z.safeParse(schema, text);
    return error ? this.#fault(setting, error.issues[0]?.message ?? 'is not understood') : data;
  }

  /** A price list of its own, as JSON, or a price per credit and perhaps a minimum. */
  pricing(account: Priced, terms: Default): Pricing | null | undefined {
    const list = this.by('pricing', pricingJsonSchema);
    const price = this.#pricePerCredit(pricingOf(account, terms)?.currency);
    if (list && price) return this.#fault('pricePerCredit', 'cannot stand beside a price list (pricing)');
    const own = account.pricing && 'perCredit' in account.pricing ? account.pricing : undefined;
    const base = list === undefined ? (price ?? own) : undefined;
    const minimum = this.#minimumCharge(base?.currency);
    if (list !== undefined) return list;
    if (price === null) return null;
    if (!base || (price === undefined && minimum === undefined)) return undefined;
    // A minimum stands as it is, unless the currency is another one now.
    const stands = own?.currency === base.currency ? own.minimumCharge : undefined;
    const minimumCharge = minimum === undefined ? stands : (minimum ?? undefined);
    const { currency, perCredit } = base;
    return { currency, perCredit, ...(minimumCharge === undefined ? {} : { minimumCharge }) };
  }

  /** A limit in money is kept as a number of minor units, in the currency that the client pays in. */
  cap(
    pricing: Pricing | null | undefined,
    account: Pick<Account, 'pricing' | 'limits'>,
    terms: Default,
  ): number | null | undefined {
    const before = pricingOf(account, terms)?.currency;
    const after = pricing === undefined ? before : (pricing ?? terms?.pricing)?.currency;
    const text = this.#text('monthlyCap');
    if (text === undefined && account.limits.monthlyAmount !== undefined && before !== after)
      return this.#fault('monthlyCap', `must be given anew: it is in ${before}, and the price no longer is`);
    if (typeof text !== 'string') return text;
    const money = readMoney(text, after);
    if ('fault' in money) return this.#fault('monthlyCap', money.fault);
    if (after === undefined || money.currency === after) return money.amount;
    return this.#fault('monthlyCap', `is in ${money.currency}, and this client pays in ${after}`);
  }

  #pricePerCredit(currency: string | undefined) {
    const text = this.#text('pricePerCredit');
    if (typeof text !== 'string') return text;
    const amount = readAmount(text);
    if ('fault' in amount) return this.#fault('pricePerCredit', amount.fault);
    const perCredit = priceSchema.safeParse(amount.decimal).data;
    if (perCredit === undefined) return this.#fault('pricePerCredit', 'has too many digits');
    const named = amount.currency ?? currency;
    if (named !== undefined) return { currency: named, perCredit };
    return this.#fault(
      'pricePerCredit',
      'names no currency, and none is configured here: write it as in "0.08 EUR"',
    );
  }

  #minimumCharge(currency: string | undefined): string | null | undefined {
    const text = this.#text('minimumCharge');
    if (typeof text !== 'string') return text;
    if (currency === undefined)
      return this.#fault('minimumCharge', "goes with a price per credit of the client's own");
    const amount = readAmount(text);
    if ('fault' in amount) return this.#fault('minimumCharge', amount.fault);
    if ((amount.currency ?? currency) !== currency)
      return this.#fault('minimumCharge', `is in ${amount.currency}, and the price in ${currency}`);
    const minimum = priceSchema.safeParse(amount.decimal).data;
    return minimum === undefined ? this.#fault('minimumCharge', 'has too many digits') : minimum;
  }

  #text(setting: Setting): string | null | undefined {
    const text = this.#written[setting]?.trim();
    if (text === '') return this.#fault(setting, 'is blank');
    return isNone(text) ? null : text;
  }

  #fault(setting: Setting, message: string): undefined {
    this.faults.push({ setting, message });
    return undefined;
  }
}
