import { formatMoney } from '../money.ts';
import { isOfPlatform } from './difference.ts';
import type { BookTotal } from './month-books.ts';
import type { Reconciliation } from './reconciliation.ts';

const counted = (count: number, one: string, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** What an accountant wants to know of a month, in one line. */
export function conclusionOf(found: Omit<Reconciliation, 'conclusion'>): string {
  const { books, isWhole } = found;
  const parts = [ledgerText(books.sums), providerText(found), platformText(found)];
  const notWhole = isWhole ? '' : ' NOT WHOLE: something could not be compared, see above.';
  const open = books.isOver ? '' : ' The month is not over.';
  return `${books.month}: ${parts.join('; ')}.${notWhole}${open}`;
}

function ledgerText(sums: BookTotal[]): string {
  const texts = sums.flatMap(({ currency, charges, charged, refunds, refunded, net }) => {
    if (currency === undefined) return [];
    const text = (amount: number) => formatMoney({ amount, currency });
    const given = refunds === 0 ? '' : ` and ${counted(refunds, 'refund')} of ${text(refunded)}`;
    return [`${counted(charges, 'payment')} of ${text(charged)}${given}, net ${text(net)}`];
  });
  return texts.length === 0 ? 'the ledger has no payment' : `the ledger has ${texts.join(', and ')}`;
}

function providerText({ provider, differences }: Omit<Reconciliation, 'conclusion'>): string {
  const own = differences.filter((difference) => !isOfPlatform(difference));
  const what = provider.listed
    ? provider.name
    : `${provider.name}, asked about ${provider.compared} of them,`;
  if (own.length === 0) return `${what} has the same`;
  const sums = new Map<string, number>();
  for (const { more } of own) if (more) sums.set(more.currency, (sums.get(more.currency) ?? 0) + more.amount);
  const amounts = [...sums].flatMap(([currency, amount]) =>
    amount === 0
      ? []
      : [`${formatMoney({ amount: Math.abs(amount), currency })} ${amount > 0 ? 'more' : 'less'}`],
  );
  const text = amounts.length === 0 ? 'the same sum' : `${amounts.join(' and ')} than the ledger`;
  return `${what} has ${text}, with ${counted(own.length, 'difference')}`;
}

function platformText({ platform, differences }: Omit<Reconciliation, 'conclusion'>): string {
  if (platform.kind !== 'compared') return 'grants were not compared with the platform';
  const own = differences.filter(isOfPlatform);
  return own.length === 0
    ? `the platform lists the same ${counted(platform.same, 'grant')} of ${counted(platform.credits, 'credit')}`
    : `grants on the platform have ${counted(own.length, 'difference')}`;
}
