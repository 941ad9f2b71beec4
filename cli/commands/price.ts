import { readAccount } from '../../operate/accounts.ts';
import { type Quote, quoteJson, quotePrice } from '../../operate/price.ts';
import { formatMoney } from '../../shared/money.ts';
import { type Cli, email, examples, wholeNumber } from '../program.ts';

export function addPriceCommand({ program, connected, target, say, sayJson }: Cli): void {
  program
    .command('price')
    .description('what a recharge costs a client, and how that is calculated')
    .argument('<credits>', 'whole credits', wholeNumber)
    .option('--email <email>', 'this client, who may have prices of their own', email)
    .option('--json', 'as a JSON object')
    .addHelpText('after', examples('price 500', 'price 500 --email client@example.com'))
    .action(async (credits: number, options: { email?: string; json?: boolean }) => {
      const client =
        options.email === undefined ? undefined : await readAccount(await connected(), options.email);
      const quote = quotePrice(target(), credits, client?.account);
      if (options.json) return sayJson(quoteJson(quote));
      say(quoteText(quote));
    });
}

/** Step by step, as it is calculated. */
function quoteText(quote: Quote): string {
  const { credits, email: client, pricing, from, source, calculation, allowed, refused } = quote;
  const { currency } = pricing;
  const facts: [string, string][] = [
    ['price list', from === 'client' ? "the client's own" : `the configuration's (${source})`],
    ...(calculation ? steps(quote, calculation) : []),
  ];
  if (allowed) facts.push(['allowed', `${allowed.min} to ${allowed.max} credits a recharge`]);
  const paid = calculation && formatMoney(calculation.money);
  const why =
    calculation === undefined ? noPrice(pricing) : 'A recharge may not have this number of credits.';
  return [
    `${credits} credits for ${client ?? `any client who pays in ${currency}`}: ${paid ?? 'no price'}`,
    ...facts.map(([name, value]) => `  ${name.padEnd(12)}${value}`),
    ...(refused === undefined ? [] : [`${why} It would end as blocked (${refused}).`]),
  ].join('\n');
}

function steps(
  { credits, pricing: { currency } }: Quote,
  { basis, exact, rounded, minimum, money }: NonNullable<Quote['calculation']>,
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

function noPrice(pricing: Quote['pricing']): string {
  if ('packs' in pricing)
    return `Only these numbers are sold: ${pricing.packs.map((pack) => pack.credits).join(', ')}.`;
  return 'No tier reaches this number.';
}
