import { createHash } from 'node:crypto';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { isSafeUrl } from '../../shared/http.ts';
import { formatMoney } from '../../shared/money.ts';
import { sentenceOfDecline } from '../../shared/payments/declines.ts';
import { moneyOf, type Recharge } from '../../shared/recharge/recharge.ts';

type Answer = APIGatewayProxyStructuredResultV2;

/** What may stand in a page: everything else is escaped. */
class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const escaped = (text: string) => text.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);

/** A piece of a page. Whatever is put in is text, unless it is a piece itself. */
const html = (texts: TemplateStringsArray, ...parts: (string | number | Html)[]): Html =>
  new Html(
    texts
      .map((text, index) => {
        const part = parts[index] ?? '';
        return text + (part instanceof Html ? part.text : escaped(String(part)));
      })
      .join(''),
  );

/** The system's own colours, in both of its themes; wide enough for one line, narrow enough for any screen. */
const STYLE = `:root{color-scheme:light dark;font:1.125rem/1.5 system-ui,sans-serif}
body{max-width:32rem;margin:0 auto;padding:1.5rem 1rem;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25}
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;padding:1rem 0;border-block:1px solid}
dd{margin:0;text-align:end;font-variant-numeric:tabular-nums}
button{font:inherit;width:100%;padding:.75rem 1rem;cursor:pointer}`;

/** No script, no picture, no frame, nothing from elsewhere, and forms only back to us. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The address opens the page: no cache keeps it, and no other site is told of it. */
const HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex, nofollow',
};

function page(title: string, body: Html, more: { status?: number; refresh?: string } = {}): Answer {
  const { status = 200, refresh } = more;
  const again = refresh === undefined ? '' : html`<meta http-equiv="refresh" content="${refresh}">`;
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${again}
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;
  const headers = {
    ...HEADERS,
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': POLICY,
  };
  return { statusCode: status, headers, body: text };
}

/** @param to relative to the page's own address. */
export const seeOther = (to: string): Answer => ({
  statusCode: 303,
  headers: { ...HEADERS, location: to },
  body: '',
});

export const gone = (): Answer =>
  page(
    'This link is not valid',
    html`<p>It may have been copied incompletely, or its time is over. Nothing was charged by opening it.</p>
<p>Whoever sent it to you can tell you whether a payment is still open.</p>`,
    { status: 404 },
  );

export const failure = (): Answer =>
  page(
    'Please try again',
    html`<p>This page could not be shown just now. Nothing is charged twice if you try again.</p>
<p><a href="?">Try again</a></p>`,
    { status: 500 },
  );

const priceOf = (row: Recharge): string => {
  const money = moneyOf(row);
  return money === undefined ? '' : formatMoney(money);
};
const creditsOf = ({ credits }: Recharge) => `${credits} credits`;
const minute = (time: number) => `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

const NOTICES = {
  no_bank_page: 'Your bank could not be reached. Please try again in a minute: you are not charged twice.',
  not_confirmed: 'Your bank has not confirmed the payment so far.',
} as const;

export function form(row: Recharge, payee: string | undefined, notice?: keyof typeof NOTICES): Answer {
  const { actBy } = row;
  const price = priceOf(row);
  return page(
    'Confirm your payment',
    html`${notice === undefined ? '' : html`<p role="status"><strong>${NOTICES[notice]}</strong></p>`}
<p>${payee ?? 'Your provider'} charges your saved means of payment:</p>
<dl>
<dt>Amount</dt><dd><strong>${price}</strong></dd>
<dt>For</dt><dd>${creditsOf(row)}</dd>
${actBy === undefined ? '' : html`<dt>Open until</dt><dd>${minute(actBy)}</dd>`}
</dl>
<p>Your bank asks you to confirm it. The button takes you to your bank's page, and then back here.</p>
<form method="post" action="?"><button>Confirm ${price}</button></form>
<p>If you did not expect this, do nothing: without you, nothing is charged.</p>`,
  );
}

/** Looks again by itself, every second. */
export function waiting(at: 'bank' | 'result'): Answer {
  const [title, text] =
    at === 'bank'
      ? ['Connecting to your bank', 'You are taken to its page in a moment.']
      : ['Checking your payment', 'This takes a few seconds.'];
  const again = `?at=${at}`;
  return page(
    title,
    html`<p role="status">${text}</p>
<p><a href="${again}">Look again now</a></p>`,
    { refresh: `1; url=${again}` },
  );
}

/** A page of its own, and no redirect: browsers let a form lead to no other site than its page allows. */
export function toBank(url: string): Answer {
  if (!isSafeUrl(url)) throw new Error('Bug! That is no address of a bank.');
  const { href } = new URL(url);
  return page('On to your bank', html`<p><a href="${href}">Go to your bank's page</a></p>`, {
    refresh: `0; url=${href}`,
  });
}

export const tooLate = (): Answer =>
  said(
    'Too late',
    'The time to confirm this payment is over. What your bank has not confirmed is not charged.',
  );

/** Anybody may open it, so it says no more than that nothing happened here. */
export const saved = (payee: string | undefined): Answer =>
  said(
    'Thank you',
    `What you have saved reaches ${payee ?? 'your provider'} within a minute. Nothing was charged. You can close this page.`,
  );

/** What became of the payment, once nothing is to be done here any more. */
export function outcome(row: Recharge, payee: string | undefined): Answer {
  const price = priceOf(row);
  const credits = creditsOf(row);
  const whom = payee ?? 'your provider';
  if (row.goodwillRefund !== undefined || row.phase === 'refunding' || row.phase === 'refunded')
    return said('Given back', `The payment of ${price} is given back to you.`);
  switch (row.phase) {
    case 'completed':
      return said('Paid', `Thank you. You have paid ${price}, and your ${credits} were added.`);
    case 'granting':
    case 'charged':
      return said('Paid', `Thank you. You have paid ${price}. Your ${credits} are being added.`);
    case 'declined':
    case 'blocked':
      return row.reason === 'refunded_at_provider'
        ? said('Given back', `The payment of ${price} was given back to you.`)
        : said('Not paid', `${sentenceOfDecline(row.reason)} Nothing was charged.`);
    case 'needs_review':
      return row.review === 'charge_unknown'
        ? said('Being checked', `What became of the payment is being checked. Please ask ${whom}.`)
        : said('Paid', `Thank you. You have paid ${price}. Please ask ${whom} about your ${credits}.`);
    default:
      return said('In progress', `The payment of ${price} is with your bank. You have nothing to do here.`);
  }
}

const said = (title: string, text: string): Answer => page(title, html`<p role="status">${text}</p>`);
