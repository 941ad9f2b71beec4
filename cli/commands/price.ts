import { readAccount } from '../../operate/accounts.ts';
import { type Quote, quoteJson, quotePrice, quoteSteps } from '../../operate/price.ts';
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
  const { credits, email: client, pricing, calculation, allowed, refused } = quote;
  const facts = quoteSteps(quote);
  if (allowed) facts.push(['allowed', `${allowed.min} to ${allowed.max} credits a recharge`]);
  const paid = calculation && formatMoney(calculation.money);
  const why = calculation === undefined ? '' : 'A recharge may not have this number of credits. ';
  return [
    `${credits} credits for ${client ?? `any client who pays in ${pricing.currency}`}: ${paid ?? 'no price'}`,
    ...facts.map(([name, value]) => `  ${name.padEnd(12)}${value}`),
    ...(refused === undefined ? [] : [`${why}It would end as blocked (${refused}).`]),
  ].join('\n');
}
