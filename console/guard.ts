import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';

/** What a change must bear: a form of another site cannot send a header of its own. */
export const CHANGE_HEADER = 'x-relay-console';

/**
 * A page of another site that this browser shows must learn nothing and change nothing here. It can send requests to
 * this address, also under a name of its own that it lets point to this machine.
 */
export interface Guard {
  /** Is exchanged for the cookie by whoever opens the address that has it. */
  token: string;
  middleware: MiddlewareHandler;
}

const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': CSP,
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** By their bytes: so many characters may be more bytes, and those cannot be compared. */
function isSame(given: string | undefined, wanted: string): boolean {
  const [ours, theirs] = [Buffer.from(wanted), Buffer.from(given ?? '')];
  return theirs.length === ours.length && timingSafeEqual(theirs, ours);
}

/**
 * @param host `127.0.0.1:4001`, known once it listens; every request must name it, and no other.
 * @param readOnly refuses every change.
 */
export function createGuard({ host, readOnly }: { host: () => string; readOnly: boolean }): Guard {
  const token = randomBytes(24).toString('hex');
  const session = randomBytes(24).toString('hex');
  // A browser sends a cookie to every port of this machine, so its name has ours.
  const cookie = () => `relay_console_${host().split(':').at(-1)}`;

  function refusalOf(context: Context): string | undefined {
    const { req } = context;
    if (req.header('host') !== host()) return 'This is not the address that the console was started at.';
    const origin = req.header('origin');
    const isChange = req.method !== 'GET' && req.method !== 'HEAD';
    if (isChange ? origin !== `http://${host()}` : ![undefined, `http://${host()}`].includes(origin))
      return 'Another site asks.';
    // Another port of this machine is the same site to a browser, and gets the cookie. Only a link may lead here from there.
    const asks = req.header('sec-fetch-site');
    if (req.path !== '/' && ![undefined, 'none', 'same-origin'].includes(asks)) return 'Another site asks.';
    if (isChange && req.header(CHANGE_HEADER) === undefined)
      return `A change needs the header ${CHANGE_HEADER}.`;
    return undefined;
  }

  return {
    token,
    async middleware(context, next) {
      for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
      const refusal = refusalOf(context);
      if (refusal !== undefined) return context.json({ error: { code: 'forbidden', message: refusal } }, 403);
      if (context.req.path === '/' && isSame(context.req.query('token'), token)) {
        setCookie(context, cookie(), session, { httpOnly: true, sameSite: 'Strict', path: '/' });
        return context.redirect('/', 303);
      }
      if (!isSame(getCookie(context, cookie()), session)) {
        const message = 'Open the whole address that the console printed when it was started.';
        return context.req.path.startsWith('/api/')
          ? context.json({ error: { code: 'unauthorized', message } }, 401)
          : context.text(message, 401);
      }
      if (readOnly && context.req.method !== 'GET')
        return context.json(
          { error: { code: 'read_only', message: 'This console only shows (--read-only).' } },
          403,
        );
      await next();
      return undefined;
    },
  };
}
