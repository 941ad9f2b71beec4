import { type Reply, readJson, retryAfterMs, sendOnce } from '../http/request.ts';
import type { Prepared } from '../payments/payment-hook.ts';
import type { PlatformProfile } from './profile.ts';
import { grantAnswerSchema, grantRequestSchema, readError, subAccountAnswerSchema } from './schemas.ts';

/** What concerns every client of the agency, not only the one whose grant met it. */
export type AgencyFault = 'unauthorized' | 'forbidden' | 'redirected' | 'wrong_address' | 'pool_empty';

export type GrantResult =
  | { kind: 'granted'; newBalance?: number }
  /** Something was done, but not what was asked, or the answer does not say so. */
  | { kind: 'differs'; detail: string }
  /** Proof that nothing was granted: the same grant may be tried again. */
  | { kind: 'not_applied'; detail: string; retryAfterMs?: number; agencyFault?: AgencyFault }
  /** Nothing was granted, and trying again will not help. */
  | { kind: 'refused'; detail: string }
  /** It may have been granted. Never to be repeated on our own judgement. */
  | { kind: 'unknown'; detail: string };

export type SubAccountResult =
  | { kind: 'found'; balance?: number; platformId?: string }
  | { kind: 'not_found' }
  | { kind: 'no_answer'; detail: string };

export interface Grant {
  email: string;
  /** Whole credits, at least 1. */
  credits: number;
  /** Cut at its end to the profile's `maxDescriptionLength`: what must survive stands first. */
  description: string;
}

export interface PlatformClient {
  /**
   * `send` makes exactly one request, its bytes on the wire in the same turn; the platform has no key
   * against a second one. Settles with an outcome, whatever the network does.
   *
   * @throws where the API key cannot be read, or the grant itself is malformed; nothing was sent then.
   */
  prepareGrant(grant: Grant): Promise<Prepared<GrantResult>>;
  /**
   * Whether the platform knows this sub-account. Only worth asking where the profile's `subAccountLookup`
   * says that the lookup works.
   *
   * @throws where the API key cannot be read.
   */
  subAccount(email: string): Promise<SubAccountResult>;
}

export interface PlatformClientOptions {
  profile: PlatformProfile;
  apiKey: () => Promise<string>;
  /** Called on every 401, and for an empty or malformed key: whoever caches the key should read it again. */
  onUnauthorized: () => void;
  /** For one whole call; nothing is repeated here. */
  timeoutMs: number;
  /** Unix time in milliseconds. */
  now: () => number;
}

/** A detail goes into the row's history, and a row ends at 4 KB. */
const MAX_DETAIL_CHARACTERS = 200;

/** The platform's API, as one agency sees it. The API key appears in no result. */
export function createPlatformClient(options: PlatformClientOptions): PlatformClient {
  const { profile } = options;
  return {
    async prepareGrant(grant) {
      const body = grantRequestSchema.parse({
        email: grant.email,
        amount: grant.credits,
        description: grant.description.slice(0, profile.maxDescriptionLength),
      });
      const post = await prepare(options, {
        method: 'POST',
        path: '/subaccounts/credits',
        keyIn: profile.keyPlacement.credits,
        body,
      });
      return {
        async send() {
          return grantResult(await post(), grant, profile, options.now());
        },
      };
    },
    async subAccount(email) {
      const get = await prepare(options, {
        method: 'GET',
        path: '/subaccounts',
        keyIn: profile.keyPlacement.subAccounts,
        query: { email },
      });
      return subAccountResult(await get(), email);
    },
  };
}

interface Call {
  method: 'GET' | 'POST';
  path: string;
  keyIn: 'header' | 'query';
  query?: Record<string, string>;
  body?: Record<string, unknown>;
}

interface Exchange {
  answer: Reply | { kind: 'no_key' };
  /** One line for a person, without the key, query strings and email addresses. */
  detail: string;
}

/** Everything that has to be awaited, so that the returned call is nothing but the request. */
async function prepare(
  { profile, apiKey, onUnauthorized, timeoutMs }: PlatformClientOptions,
  { method, path, keyIn, query = {}, body }: Call,
): Promise<() => Promise<Exchange>> {
  // A key pasted into a secret store often ends in a line feed, and a header may not.
  const key = (await apiKey()).trim();
  if (!/^[!-~]+$/.test(key)) {
    return async () => {
      onUnauthorized();
      return { answer: { kind: 'no_key' }, detail: 'not sent: the API key is empty or malformed' };
    };
  }
  const url = new URL(profile.baseUrl + path);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  if (keyIn === 'query') url.searchParams.set(profile.keyQuery, key);
  const headers = {
    accept: 'application/json',
    ...(keyIn === 'header' ? { [profile.keyHeader]: key } : {}),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const payload = body === undefined ? {} : { body: JSON.stringify(body) };

  return async () => {
    const answer = await sendOnce({ method, url: url.href, headers, timeoutMs, ...payload });
    if (answer.kind === 'response' && answer.status === 401) onUnauthorized();
    return { answer, detail: redact(describe(answer), key) };
  };
}

/** What an answer to a grant means. Whatever is in no line here may have granted, and is `unknown`. */
function grantResult(
  { answer, detail }: Exchange,
  asked: Grant,
  profile: PlatformProfile,
  now: number,
): GrantResult {
  const unknown: GrantResult = { kind: 'unknown', detail };
  const refused: GrantResult = { kind: 'refused', detail };
  const notApplied = (agencyFault: AgencyFault): GrantResult => ({
    kind: 'not_applied',
    detail,
    agencyFault,
  });

  if (answer.kind === 'no_key') return notApplied('unauthorized');
  if (answer.kind === 'not_sent') return { kind: 'not_applied', detail };
  if (answer.kind === 'no_answer') return unknown;

  const { status } = answer;
  if (status >= 200 && status < 300) return readGrant(answer.body, asked, detail);
  if (status >= 300 && status < 400) return notApplied('redirected');

  const proves = profile.notAppliedStatuses.some((listed) => listed === status);
  const { envelope, code = '', message = '' } = readError(answer.body);
  switch (status) {
    case 401:
      return proves ? notApplied('unauthorized') : unknown;
    case 403:
      return proves ? notApplied('forbidden') : unknown;
    case 429: {
      const wait = retryAfterMs(answer.headers, now);
      const result: GrantResult = {
        kind: 'not_applied',
        detail,
        ...(wait === undefined ? {} : { retryAfterMs: wait }),
      };
      return proves ? result : unknown;
    }
    case 400: {
      const emptyPool = new RegExp(profile.emptyPoolPattern, 'i');
      if (emptyPool.test(code) || emptyPool.test(message)) return notApplied('pool_empty');
      return envelope ? refused : unknown;
    }
    case 404:
      // Without the envelope it was not the platform's API that answered.
      return envelope ? refused : notApplied('wrong_address');
    case 422:
      return envelope ? refused : unknown;
    default:
      return unknown;
  }
}

function readGrant(body: string, asked: Grant, status: string): GrantResult {
  const differs = (what: string): GrantResult => ({ kind: 'differs', detail: `${status}: ${what}` });
  const read = grantAnswerSchema.safeParse(readJson(body));
  if (!read.success) return differs('not the documented answer');
  const { success, credits_added, new_balance, email, sub_account_email, sub_account } = read.data;
  if (!success) return differs('success is false');
  if (credits_added !== asked.credits) return differs(`${credits_added} credits added, not ${asked.credits}`);
  if (!isAbout(asked.email, [email, sub_account_email, sub_account?.email]))
    return differs('another sub-account');
  return { kind: 'granted', ...(new_balance === undefined ? {} : { newBalance: new_balance }) };
}

function subAccountResult({ answer, detail }: Exchange, email: string): SubAccountResult {
  if (answer.kind !== 'response') return { kind: 'no_answer', detail };
  if (answer.status === 404 && readError(answer.body).envelope) return { kind: 'not_found' };
  if (answer.status !== 200) return { kind: 'no_answer', detail };

  const read = subAccountAnswerSchema.safeParse(readJson(answer.body));
  if (!read.success) return { kind: 'no_answer', detail: `${detail}: not the documented answer` };
  if (!read.data.success) return { kind: 'not_found' };
  const { email: reported, uid, usage_limits } = read.data.data;
  if (!isAbout(email, [reported])) return { kind: 'no_answer', detail: `${detail}: another sub-account` };
  return {
    kind: 'found',
    ...(usage_limits === undefined ? {} : { balance: usage_limits.credits }),
    ...(uid === undefined ? {} : { platformId: uid }),
  };
}

/** True unless an address is reported that is not the one asked for. The platform may fold the case. */
function isAbout(email: string, reported: (string | undefined)[]): boolean {
  const folded = (text: string) => text.trim().toLowerCase();
  return reported.every((other) => other === undefined || folded(other) === folded(email));
}

function describe(answer: Reply): string {
  if (answer.kind === 'not_sent') return `not sent: ${answer.detail}`;
  if (answer.kind === 'no_answer') return `no answer: ${answer.detail}`;
  const { code, message } = readError(answer.body);
  return [`status ${answer.status}`, code, message].filter((part) => part !== undefined).join(' ');
}

/** An error text may quote the request back at us. Cut last, for half a key would not be recognised. */
function redact(text: string, key: string): string {
  const hidden = redactUrl(text.replaceAll(key, '[key]')).replace(/[^\s"'<>@]+@[^\s"'<>@]+/g, '[email]');
  return hidden.slice(0, MAX_DETAIL_CHARACTERS);
}

/** Hides every query string in a URL or in a text that holds one: the API key may travel there. */
export function redactUrl(text: string): string {
  return text.replace(/\?[^\s"'<>]+/g, '?[redacted]');
}
