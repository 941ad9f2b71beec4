import * as z from 'zod';
import { openBooks } from './books.ts';
import {
  afterwards,
  createFaultSwitch,
  type FaultOrder,
  type FaultSwitch,
  type FaultTable,
  hangAfter,
  hangBefore,
  instead,
  late,
  REFUSE_CONNECTIONS,
  rateLimited,
  slow,
  worked,
} from './faults.ts';
import {
  type Account,
  type Accounts,
  clientSchema,
  createAccounts,
  type PlatformEvent,
  platformEventSchema,
} from './platform-accounts.ts';
import { type AutoRecharge, createAutoRecharge, WEBHOOK_FAULTS } from './platform-webhooks.ts';
import {
  type Answer,
  createTimers,
  type Handler,
  json,
  parseJson,
  type Routes,
  startServer,
  text,
} from './server.ts';

/** 500 credits and a threshold of 100: spending 450 starts a recharge. */
const demoEmails = ['demo@example.com'].concat(
  Array.from({ length: 100 }, (_, index) => `client-${String(index + 1).padStart(3, '0')}@example.com`),
);

export const platformOptionsSchema = z.strictObject({
  /** 0 for any free port. */
  port: z.int().nonnegative().default(0),
  apiKey: z.string().min(1),
  clients: z.array(clientSchema).default(demoEmails.map((email) => clientSchema.parse({ email }))),
  /** Without it no webhook is sent until `setWebhook`. */
  webhookUrl: z.url().optional(),
  webhookSecret: z.string().min(1),
  webhookRetryMs: z.array(z.int().nonnegative()).default([500, 1_000, 2_000, 5_000, 10_000]),
  ratePerMinute: z.int().positive().default(60_000),
  booksFile: z.string().optional(),
});

export type SandboxPlatformOptions = z.input<typeof platformOptionsSchema>;

export interface SandboxPlatform {
  url: string;
  port: number;
  books: readonly PlatformEvent[];
  /** @throws Error with the valid names. */
  fault(order: FaultOrder): void;
  /** @throws Error for an unknown client or more credits than there are. */
  spend(email: string, credits: number): Spent;
  setWebhook(url: string): void;
  /** @throws Error for an unknown client. */
  balance(email: string): number;
  close(): Promise<void>;
}

export interface Spent {
  email: string;
  balance: number;
  /** The webhook this spending started, delivered or not. */
  webhook: { idempotency_key: string } | null;
}

const envelope = (status: number, code: string, message: string): Answer =>
  json(status, { error: { code, message } });
const PLAIN_404 = text(404, 'Not Found');
const UNAUTHORIZED = envelope(401, 'INVALID_API_KEY', 'Invalid or missing API key.');
const UNKNOWN_ACCOUNT = envelope(404, 'SUBACCOUNT_NOT_FOUND', 'No sub-account has this email.');
const SERVER_ERROR = envelope(500, 'INTERNAL', 'Something went wrong.');
const RATE_LIMITED = { error: { code: 'RATE_LIMITED', message: 'Too many requests.' } };

/** The work can be told which share of the credits to grant. */
const grantFaults: FaultTable<{ share: number }> = {
  rate_limited: rateLimited(RATE_LIMITED),
  unauthorized: instead(UNAUTHORIZED),
  forbidden: instead(envelope(403, 'FORBIDDEN', 'This key may not grant credits.')),
  redirect: instead({ kind: 'answer', status: 302, headers: { location: '/v1/moved' }, body: '' }),
  empty_pool: instead(envelope(400, 'INSUFFICIENT_CREDITS', 'Insufficient credits in agency account')),
  not_found_plain: instead(PLAIN_404),
  not_found: instead(UNKNOWN_ACCOUNT),
  invalid: instead(envelope(422, 'INVALID_REQUEST', 'The request cannot be processed.')),
  request_timeout: instead(envelope(408, 'REQUEST_TIMEOUT', 'The request took too long.')),
  conflict: instead(envelope(409, 'CONFLICT', 'Another change is under way.')),
  error_before: instead(SERVER_ERROR),
  error_after: afterwards(SERVER_ERROR),
  hang_before: hangBefore,
  hang_after: hangAfter,
  late,
  reset_before: instead({ kind: 'reset' }),
  reset_after: afterwards({ kind: 'reset' }),
  garbage: afterwards(text(200, '<html>OK</html>')),
  success_false: instead(json(200, { success: false })),
  fewer: worked({ share: 0.5 }),
  huge: afterwards(json(200, { success: true, padding: 'x'.repeat(1024 * 1024) })),
  slow,
};

const lookupFaults: FaultTable<never> = {
  error: instead(SERVER_ERROR),
  hang: hangBefore,
  not_found: instead(UNKNOWN_ACCOUNT),
  not_found_plain: instead(PLAIN_404),
  unauthorized: instead(UNAUTHORIZED),
  rate_limited: rateLimited(RATE_LIMITED),
};

const grantSchema = z.object({
  email: z.email(),
  amount: z.number().positive(),
  description: z.string().optional(),
});
const spendSchema = z.strictObject({ email: z.string(), credits: z.number().positive() });
const webhookSchema = z.strictObject({ url: z.url() });

/**
 * A platform to try and test the relay against: it keeps balances, grants credits as the platform's API
 * page says, asks for a recharge when a balance runs low, and fails in every way it is told to.
 *
 * Emails are compared exactly: whether the real platform ignores case is not known.
 */
export async function createSandboxPlatform(options: SandboxPlatformOptions): Promise<SandboxPlatform> {
  const { port, apiKey, clients, webhookUrl, webhookSecret, webhookRetryMs, ratePerMinute, booksFile } =
    platformOptionsSchema.parse(options);
  const timers = createTimers();
  const books = openBooks(platformEventSchema, booksFile);
  const accounts = createAccounts(clients, books);
  const faults = createFaultSwitch(
    {
      grant: [...Object.keys(grantFaults), REFUSE_CONNECTIONS],
      lookup: Object.keys(lookupFaults),
      webhook: WEBHOOK_FAULTS,
    },
    timers,
    (ms) => server.refuseConnections(ms),
  );
  const recharge = createAutoRecharge({
    url: webhookUrl,
    secret: webhookSecret,
    retryMs: webhookRetryMs,
    record: accounts.record,
    faults,
    timers,
  });
  const limited = rateLimit(ratePerMinute);
  const server = await startServer(
    {
      'POST /v1/subaccounts/credits': limited(grantHandler(apiKey, accounts, faults)),
      'GET /v1/subaccounts': limited(lookupHandler(apiKey, accounts, faults)),
      ...controlRoutes(accounts, recharge, books.events),
      ...faults.routes,
    },
    port,
    timers,
  );
  recharge.resume(books.events);

  const known = (email: string): Account => {
    const account = accounts.find(email);
    if (!account) throw new Error(`no client ${email}`);
    return account;
  };
  return {
    url: server.url,
    port: server.port,
    books: books.events,
    fault: faults.add,
    spend(email, credits) {
      const spent = spend(known(email), credits, accounts, recharge);
      if (spent === undefined) throw new Error(tooMuch(known(email), credits));
      return spent;
    },
    setWebhook: recharge.setUrl,
    balance: (email) => known(email).balance,
    async close() {
      await server.close();
      books.close();
    },
  };
}

/** The header alone counts: the API page rules out the key as a query parameter for this endpoint. */
function grantHandler(apiKey: string, accounts: Accounts, faults: FaultSwitch): Handler {
  return ({ headers, body }) => {
    if (headers['x-api-key'] !== apiKey) return UNAUTHORIZED;
    const parsed = grantSchema.safeParse(parseJson(body));
    if (!parsed.success) {
      return envelope(400, 'INVALID_REQUEST', 'A JSON body with an email and a positive amount is needed.');
    }
    const { email, amount, description } = parsed.data;
    return faults.run('grant', grantFaults, email, ({ share }: { share: number } = { share: 1 }) => {
      const account = accounts.find(email);
      if (!account) return UNKNOWN_ACCOUNT;
      const granted = amount * share;
      accounts.record({
        kind: 'grant',
        at: new Date().toISOString(),
        email,
        amount: granted,
        description,
        newBalance: account.balance + granted,
      });
      return json(200, {
        success: true,
        sub_account_id: account.subAccountId,
        credits_added: granted,
        new_balance: account.balance,
      });
    });
  };
}

function lookupHandler(apiKey: string, accounts: Accounts, faults: FaultSwitch): Handler {
  return ({ headers, query }) => {
    if (headers['x-api-key'] !== apiKey && query.get('apiKey') !== apiKey) return UNAUTHORIZED;
    const email = query.get('email');
    if (!email) return envelope(400, 'INVALID_REQUEST', 'An email is needed.');
    return faults.run('lookup', lookupFaults, email, () => {
      const account = accounts.find(email);
      if (!account) return UNKNOWN_ACCOUNT;
      return json(200, {
        success: true,
        data: {
          uid: account.subAccountId,
          email,
          role: 'Sub Account',
          is_agency_sub_account: true,
          usage_limits: {
            monthly_credits: 0,
            monthly_credits_used: 0,
            credits: account.balance,
            roll_over_to_next_month: true,
          },
        },
      });
    });
  };
}

/** Requests of one key in a window of one minute; every answer says how many are left. */
function rateLimit(perMinute: number): (handle: Handler) => Handler {
  let windowEnd = 0;
  let used = 0;
  return (handle) => async (request) => {
    const now = Date.now();
    if (now >= windowEnd) {
      windowEnd = now + 60_000;
      used = 0;
    }
    used += 1;
    const resetSeconds = Math.ceil((windowEnd - now) / 1000);
    const headers = {
      'x-ratelimit-limit': String(perMinute),
      'x-ratelimit-remaining': String(Math.max(0, perMinute - used)),
      'x-ratelimit-reset': String(resetSeconds),
    };
    const answer =
      used > perMinute
        ? json(429, RATE_LIMITED, { 'retry-after': String(resetSeconds) })
        : await handle(request);
    return answer.kind === 'answer' ? { ...answer, headers: { ...headers, ...answer.headers } } : answer;
  };
}

/** @returns undefined where the client has fewer credits. */
function spend(account: Account, credits: number, accounts: Accounts, recharge: AutoRecharge) {
  const newBalance = account.balance - credits;
  if (newBalance < 0) return undefined;
  const { email } = account;
  accounts.record({ kind: 'spend', at: new Date().toISOString(), email, amount: credits, newBalance });
  return { email, balance: newBalance, webhook: recharge.check(account) };
}

const tooMuch = ({ email, balance }: Account, credits: number) =>
  `${email} has ${balance} credits, so ${credits} cannot be spent.`;

function controlRoutes(accounts: Accounts, recharge: AutoRecharge, events: readonly PlatformEvent[]): Routes {
  const view = ({ email, subAccountId, balance, threshold, grants }: Account) => ({
    email,
    subAccountId,
    balance,
    threshold,
    grants: grants.map(({ at, amount, description, newBalance }) => ({
      at,
      amount,
      description,
      newBalance,
    })),
  });
  return {
    'GET /health': () => json(200, { status: 'ok' }),
    'GET /sandbox/books': () => json(200, { events }),
    'GET /sandbox/accounts': () => json(200, { accounts: accounts.all().map(view) }),
    'GET /sandbox/accounts/{email}': ({ param }) => {
      const account = accounts.find(param);
      return account ? json(200, view(account)) : json(404, { error: `No client ${param}.` });
    },
    'POST /sandbox/webhook': ({ body }) => {
      const parsed = webhookSchema.safeParse(parseJson(body));
      if (!parsed.success) return json(400, { error: 'A JSON body {url} is needed.' });
      recharge.setUrl(parsed.data.url);
      return json(200, parsed.data);
    },
    'POST /sandbox/spend': ({ body }) => {
      const parsed = spendSchema.safeParse(parseJson(body));
      if (!parsed.success) return json(400, { error: 'A JSON body {email, credits} is needed.' });
      const account = accounts.find(parsed.data.email);
      if (!account) return json(404, { error: `No client ${parsed.data.email}.` });
      const spent = spend(account, parsed.data.credits, accounts, recharge);
      return spent ? json(200, spent) : json(409, { error: tooMuch(account, parsed.data.credits) });
    },
  };
}
