import type { Answer } from '../server.ts';
import { TEST_MEANS } from './cards.ts';
import type { Intent, Session } from './state.ts';

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const page = (title: string, body: string): Answer => ({
  kind: 'answer',
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><h1>${title}</h1>${body}`,
});

/** In the place of Stripe's page on which a client saves a card. */
export function checkoutPage({ status }: Session, email: string): Answer {
  if (status !== 'open') return page('Saved', '<p>The card is saved.</p>');
  const options = Object.entries(TEST_MEANS).map(
    ([number, { type, brand = '', behaviour }]) =>
      `<option value="${number}">${type} ${brand} ${number}: ${behaviour.kind}</option>`,
  );
  return page(
    'Save a card (sandbox)',
    `<p>${escaped(email)}</p><form method="post"><select name="number">${options.join('')}</select> <button>Save</button></form>`,
  );
}

/** In the place of the bank's page. */
export function bankPage({ amount, currency }: Intent): Answer {
  return page(
    'Your bank (sandbox)',
    `<p>${amount} ${escaped(currency)}</p><form method="post"><button name="answer" value="confirm">Confirm</button> <button name="answer" value="refuse">Refuse</button></form>`,
  );
}
