import { type Account, dayOf, type Limits } from '../shared/recharge/account.ts';
import { judge, limitsOf } from '../shared/recharge/guard.ts';
import { newRecharge, type Recharge, type Refusal } from '../shared/recharge/recharge.ts';
import type { Config } from '../shared/settings/config.ts';
import { guardSettings } from '../shared/settings/config-in-use.ts';

/** What the guard would say of a client now, and what it counted. */
export interface AccountState {
  /** Absent: nobody has set this client up. */
  status?: NonNullable<Account['status']>;
  /** Why a webhook that came now would be refused, whatever it asks for; absent where it would not, as far as is known. */
  refusal?: Refusal;
  /** Unix milliseconds: until when the client cools down; absent where it does not. */
  coolsUntil?: number;
  limits: Limits;
  /** Of what the client is charged, and of its monthly limit; absent where no price list is known. */
  currency?: string;
  /** Whether the limits of all clients are known here: without the configuration only the client's own are. */
  limitsAreKnown: boolean;
  recharged: { today: number; spent: { amount: number; currency: string }[] };
}

/** @param config of the relay; without it, what holds for all clients is not known. */
export function accountStateOf(
  account: Account,
  rows: Recharge[],
  config: Config | undefined,
  now: number,
): AccountState {
  const month = dayOf(now).slice(0, 7);
  const limits = config === undefined ? account.limits : limitsOf(account, guardSettings(config));
  const { last, status } = account;
  const coolsUntil = (last?.at ?? 0) + (limits.cooldownSeconds ?? 0) * 1_000;
  const currency = (account.pricing ?? config?.pricing)?.currency;
  const refusal = refusalOf(account, rows, config, now);
  return {
    ...(status === undefined ? {} : { status }),
    ...(refusal === undefined ? {} : { refusal }),
    ...(coolsUntil > now ? { coolsUntil } : {}),
    limits,
    ...(currency === undefined ? {} : { currency }),
    limitsAreKnown: config !== undefined,
    recharged: {
      today: account.counts[dayOf(now)] ?? 0,
      spent: Object.entries(account.spent)
        .filter(([name]) => name.startsWith(month))
        .map(([name, amount]) => ({ amount, currency: name.slice(month.length + 1) })),
    },
  };
}

/** The guard's own verdict on a webhook like the last one, if it came now. */
function refusalOf(
  account: Account,
  rows: Recharge[],
  config: Config | undefined,
  now: number,
): Refusal | undefined {
  if (config === undefined) {
    if (account.status === undefined) return 'account_unknown';
    return account.status === 'active' ? undefined : `account_${account.status}`;
  }
  const settings = guardSettings(config);
  const credits = rows[0]?.credits ?? config.recharge.credits ?? settings.credits.min;
  const like = newRecharge({ key: 'like-the-last-one', email: account.email, credits }, now, now);
  const last = rows.find(({ key }) => key === account.last?.key);
  const verdict = judge(like, account, last, settings, now);
  return verdict.kind === 'refuse' ? verdict.word : undefined;
}
