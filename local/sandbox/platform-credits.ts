import * as z from 'zod';
import { type FaultSwitch, type FaultTable, hangBefore, instead, rateLimitedBy, worked } from './faults.ts';
import type { Accounts } from './platform-accounts.ts';
import { operationFaults, PLAIN_404, type PlatformApi, readBody } from './platform-api.ts';
import type { RecordEvents } from './platform-events.ts';
import { type Answer, type Handler, json } from './server.ts';

const grantSchema = z.object({
  email: z.email(),
  amount: z.number().positive(),
  description: z.string().optional(),
});

interface GrantVariant {
  share?: number;
  subAccountId?: string;
}

export const unknownAccount = ({ refuse }: PlatformApi): Answer =>
  refuse(404, 'SUBACCOUNT_NOT_FOUND', 'No sub-account has this email.');

/** The work can be told which share of the credits to grant, and to name another sub-account than it was. */
export function grantFaults(api: PlatformApi): FaultTable<GrantVariant> {
  return {
    ...operationFaults(api, unknownAccount(api)),
    empty_pool: instead(api.refuse(400, 'INSUFFICIENT_CREDITS', 'Insufficient credits in agency account')),
    invalid: instead(api.refuse(422, 'INVALID_REQUEST', 'The request cannot be processed.')),
    success_false: instead(json(200, { success: false })),
    fewer: worked({ share: 0.5 }),
    other_client: worked({ subAccountId: 'sub-of-somebody-else' }),
  };
}

export function lookupFaults(api: PlatformApi): FaultTable<never> {
  return {
    error: instead(api.refuse(500, 'INTERNAL', 'Something went wrong.')),
    hang: hangBefore,
    not_found: instead(unknownAccount(api)),
    not_found_plain: instead(PLAIN_404),
    unauthorized: instead(api.refuse(401, 'INVALID_API_KEY', 'Invalid or missing API key.')),
    rate_limited: rateLimitedBy(api.tooMany),
  };
}

/** `POST /v1/subaccounts/credits`. Each request adds credits, because the platform has no idempotency key. */
export function grantHandler(
  api: PlatformApi,
  accounts: Accounts,
  record: RecordEvents,
  faults: FaultSwitch,
): Handler {
  const table = grantFaults(api);
  return (request) => {
    const read = readBody(grantSchema, request, api);
    if (!read.ok) return read.refusal;
    const { email, amount, description } = read.value;
    return faults.run('grant', table, email, ({ share = 1, subAccountId }: GrantVariant = {}) => {
      const account = accounts.find(email);
      if (!account) return unknownAccount(api);
      const granted = amount * share;
      const newBalance = account.balance + granted;
      record({
        kind: 'grant',
        at: new Date().toISOString(),
        email,
        amount: granted,
        description,
        newBalance,
      });
      return json(200, {
        success: true,
        sub_account_id: subAccountId ?? account.subAccountId,
        credits_added: granted,
        new_balance: account.balance,
      });
    });
  };
}

/** `GET /v1/subaccounts?email=`, which the platform's API page does not list. */
export function lookupHandler(api: PlatformApi, accounts: Accounts, faults: FaultSwitch): Handler {
  const table = lookupFaults(api);
  return ({ query }) => {
    const email = query.get('email');
    if (!email) return api.refuse(400, 'INVALID_REQUEST', 'An email is needed.');
    return faults.run('lookup', table, email, () => {
      const account = accounts.find(email);
      if (!account) return unknownAccount(api);
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
