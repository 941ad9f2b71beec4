import { formatMoney } from '../shared/money.ts';
import type { Account } from '../shared/recharge/account.ts';

/** An account for programs: settings and what the guard counted, times as ISO 8601, amounts in minor units. */
export function accountJson(account: Account) {
  const { last, reservations, revision: _, ...rest } = account;
  return {
    ...rest,
    known: account.status !== undefined,
    last: last && { key: last.key, at: new Date(last.at).toISOString() },
    reservations: Object.values(reservations).map(({ at, ...entry }) => ({
      at: new Date(at).toISOString(),
      ...entry,
    })),
  };
}

export function accountText(account: Account): string {
  const { limits, pricing, last } = account;
  const facts: [string, string | undefined][] = [
    ['status', account.status ?? 'not known: set it up with accounts set'],
    ['grant email', account.grantEmail],
    ['platform id', account.platformId],
    ['customer', account.customer],
    ['pricing', pricing && JSON.stringify(pricing)],
    ['limits', Object.keys(limits).length === 0 ? "the configuration's" : JSON.stringify(limits)],
    ['last', last && `${last.key} at ${new Date(last.at).toISOString()}`],
    ...Object.entries(account.counts).map(([day, count]): [string, string] => [day, `${count} recharges`]),
    ...Object.entries(account.spent).map(([name, amount]): [string, string] => {
      const [month = '', currency = ''] = name.split('_');
      return [month, `${formatMoney({ amount, currency })} reserved`];
    }),
  ];
  return [
    `Account ${account.email}`,
    ...facts.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name.padEnd(12)}${value}`])),
  ].join('\n');
}
