import type { ClientOverview } from '../operate/accounts.ts';
import { formatMoney } from '../shared/money.ts';
import { meansText } from '../shared/payments/payment-method.ts';
import { printableLine } from '../shared/printable.ts';
import { type Account, dayOf } from '../shared/recharge/account.ts';
import type { Pricing } from '../shared/recharge/pricing.ts';
import { moneyOf, type Recharge } from '../shared/recharge/recharge.ts';
import { shellQuoted } from '../shared/shell.ts';
import { type Colour, type Column, timeColumns } from './output.ts';

/** Of the list of clients. @param now Unix milliseconds */
export function clientColumns(now: number): Column<ClientOverview>[] {
  return [
    { title: 'client', value: ({ account }) => account.email },
    {
      title: 'status',
      value: ({ account }) => account.status,
      colour: ({ account }) => (account.status === 'active' ? undefined : 'yellow'),
    },
    {
      title: 'pays with',
      value: ({ account }) => account.paymentMethod && meansText(account.paymentMethod),
      colour: ({ account }) => colourOfExpiry(account.paymentMethod?.expires, now),
    },
    { title: 'spent this month', value: ({ spent }) => spent && formatMoney(spent), align: 'right' },
    { title: 'of cap', value: ({ cap }) => cap && formatMoney(cap), align: 'right' },
    ...timeColumns<ClientOverview>('last recharge', ({ account }) => account.last?.at, now),
    { title: 'outcome', value: ({ last }) => last && outcomeText(last) },
    { title: 'price', value: priceText },
  ];
}

/** @param expires the card's last month, `2027-03`. */
function colourOfExpiry(expires: string | undefined, now: number): Colour | undefined {
  if (expires === undefined) return undefined;
  const month = dayOf(now).slice(0, 7);
  if (expires < month) return 'red';
  return expires === month ? 'yellow' : undefined;
}

function outcomeText(last: Recharge): string {
  const word = last.review ?? last.reason;
  const money = moneyOf(last);
  const phase = word === undefined ? last.phase : `${last.phase} (${word})`;
  return money === undefined ? phase : `${phase}, ${formatMoney(money)}`;
}

/** The configuration's price is every client's but for those with their own. */
const priceText = ({ account, pricing }: ClientOverview) =>
  pricing && `${pricingText(pricing)}${account.pricing === undefined ? '' : ' (own)'}`;

function pricingText(pricing: Pricing): string {
  const { currency } = pricing;
  if ('packs' in pricing)
    return pricing.packs.map(({ credits, price }) => `${credits} for ${price} ${currency}`).join(', ');
  const least = pricing.minimumCharge === undefined ? '' : `, at least ${pricing.minimumCharge} ${currency}`;
  if (!('tiers' in pricing)) return `${pricing.perCredit} ${currency} a credit${least}`;
  const tiers = pricing.tiers.map(
    ({ upTo, perCredit }) => `${upTo === undefined ? 'beyond' : `up to ${upTo}`}: ${perCredit} ${currency}`,
  );
  return `${tiers.join(', ')} a credit${least}`;
}

/** One client for people: what is set, what the guard counted, and the last recharge. */
export function clientText(client: ClientOverview): string {
  const { account, spent, cap, last } = client;
  const facts: [string, string | undefined][] = [
    ['status', statusText(account)],
    ...changeFacts(account),
    ['platform id', account.platformId],
    ['grant email', account.grantEmail],
    ['customer', account.customer],
    ['pays with', account.paymentMethod && meansText(account.paymentMethod)],
    ['price', priceText(client)],
    ...limitFacts(client),
    ['this month', spent && `${formatMoney(spent)}${cap ? ` of ${formatMoney(cap)}` : ''} reserved`],
    ['last', last && account.last && `${last.key}, ${outcomeText(last)}, at ${iso(account.last.at)}`],
    ...Object.entries(account.counts).map(([day, count]): [string, string] => [
      day,
      `${count} ${count === 1 ? 'recharge' : 'recharges'} reserved`,
    ]),
    ...Object.entries(account.spent).map(([name, amount]): [string, string] => {
      const [month = '', currency = ''] = name.split('_');
      return [month, `${formatMoney({ amount, currency })} reserved`];
    }),
  ];
  return [
    `Client ${account.email}`,
    ...facts.flatMap(([name, value]) =>
      value === undefined ? [] : [`  ${name.padEnd(13)}${printableLine(value)}`],
    ),
  ].join('\n');
}

const iso = (time: number) => new Date(time).toISOString();

function statusText({ email: address, status, statusChange, paymentMethod }: Account): string {
  if (status === undefined) return `not set up: npx relay accounts add ${shellQuoted(address)}`;
  if (status === 'active') return status;
  const invite =
    statusChange?.forDeclines && paymentMethod
      ? `another card is saved (npx relay accounts invite ${shellQuoted(address)}), or `
      : '';
  return `${status}: nothing is charged until ${invite}npx relay accounts enable ${shellQuoted(address)} --note "why"`;
}

function changeFacts({ statusChange }: Account): [string, string][] {
  if (!statusChange) return [];
  const { at, note, by = statusChange.forDeclines && 'the relay' } = statusChange;
  return [['since', `${iso(at)}${by === undefined ? '' : ` by ${by}`}: ${note}`]];
}

/** Only those of their own: the configuration's are everybody's. */
function limitFacts({ account: { limits }, cap }: ClientOverview): [string, string | undefined][] {
  const { dailyCount, monthlyAmount, cooldownSeconds } = limits;
  const amount = cap ? formatMoney(cap) : `${monthlyAmount} in the currency's smallest unit`;
  return [
    ['daily count', dailyCount === undefined ? undefined : `${dailyCount} recharges a UTC day`],
    ['monthly cap', monthlyAmount === undefined ? undefined : amount],
    ['cooldown', cooldownSeconds === undefined ? undefined : `${cooldownSeconds} seconds`],
  ];
}
