import type { Routes } from '../server.ts';
import { failed } from './requests.ts';

/** The objects that a right is about, by how the address begins; the first that fits counts. */
const OBJECTS: [path: RegExp, object: string][] = [
  [/^\/v1\/payment_intents/, 'payment_intent'],
  [/^\/v1\/refunds/, 'refund'],
  [/^\/v1\/charges/, 'charge'],
  [/payment_methods/, 'payment_method'],
  [/^\/v1\/customers/, 'customer'],
  [/^\/v1\/checkout\/sessions/, 'checkout_session'],
  [/^\/v1\/setup_intents/, 'setup_intent'],
  [/^\/v1\/disputes/, 'dispute'],
];

/**
 * The routes as a restricted key finds them. Stripe looks at its rights first, and names the one that is missing.
 * Source: github.com/stripe/stripe-node/issues/2246.
 *
 * @param rights such as `rak_customer_write`.
 */
export function restrictedTo(rights: readonly string[], routes: Routes): Routes {
  const may = (right: string) => rights.includes(right);
  return Object.fromEntries(
    Object.entries(routes).map(([route, handle]) => {
      const [method = '', path = ''] = route.split(' ');
      const object = OBJECTS.find(([begins]) => begins.test(path))?.[1];
      const write = `rak_${object}_write`;
      const read = `rak_${object}_read`;
      if (object === undefined || may(write) || (method === 'GET' && may(read))) return [route, handle];
      const right = method === 'GET' ? read : write;
      const refused = failed(403, {
        type: 'invalid_request_error',
        message: `The provided key 'rk_test_***' does not have the required permissions for this endpoint on account 'acct_sandbox'. Having the '${right}' permission would allow this request to continue.`,
      });
      return [route, () => refused];
    }),
  );
}
