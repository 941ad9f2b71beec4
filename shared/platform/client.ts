import { type Prepared, readJson, saysNumber } from '../http.ts';
import { type CallOptions, type Exchange, prepareCall, withRequestId } from './call.ts';
import { type AgencyFault, outcomeOf } from './outcome.ts';
import type { PlatformProfile } from './profile.ts';
import { grantAnswerSchema, grantRequestSchema, readError, subAccountAnswerSchema } from './schemas.ts';
import { readUsageExport, type UsageLine } from './usage-export.ts';

export type GrantResult =
  | { kind: 'granted'; newBalance?: number }
  /** The platform says, in its own words, that something else was done than what was asked, or nothing. */
  | { kind: 'differs'; detail: string }
  /**
   * Nothing was granted: the same grant may be tried again. `unsent` where no byte of it left this machine, which is
   * certain; else it is the platform's word.
   */
  | {
      kind: 'not_applied';
      detail: string;
      retryAfterMs?: number;
      agencyFault?: AgencyFault;
      unsent?: boolean;
    }
  /** Nothing was granted, and trying again will not help. */
  | { kind: 'refused'; detail: string }
  /** It may have been granted. Never to be repeated on our own judgement. */
  | { kind: 'unknown'; detail: string; agencyFault?: AgencyFault };

export type SubAccountResult =
  | { kind: 'found'; balance?: number; platformId?: string }
  | { kind: 'not_found' }
  | { kind: 'no_answer'; detail: string };

export interface Grant {
  email: string;
  /** The platform's id of the sub-account, where it is known: an answer that names another one is `differs`. */
  platformId?: string;
  /** Whole credits, at least 1. */
  credits: number;
  /** Cut at its end to the profile's `maxDescriptionLength`: what must survive stands first. */
  description: string;
}

/** Which part of the usage export is asked for. */
interface ExportRange {
  /** Unix milliseconds; nothing that is looked for was sent before. */
  since: number;
  /** The platform's id of the sub-account: narrows the export. */
  platformId?: string;
}

export interface GrantToFind extends ExportRange {
  /** The one word of the description that no other grant has. */
  mark: string;
  /** What the marks of all grants of this recharge begin with; digits follow. Absent: there is but this one. */
  markPrefix?: string;
  email: string;
  /** Whole credits. */
  credits: number;
}

export interface GrantsToList extends ExportRange {
  /** What the marks of these grants, and no others, begin with; digits follow. */
  markPrefix: string;
}

export type GrantEvidence =
  /** One line, and it says what was asked for. */
  | { kind: 'found' }
  /**
   * The mark is there more than once, or with other credits or another client. Or the mark of an earlier grant is
   * there.
   */
  | { kind: 'differs'; detail: string }
  | { kind: 'not_found' }
  | { kind: 'no_answer'; detail: string };

export type GrantsListed =
  /**
   * The mark of each line that gives credits, in the order of the export. A mark that stands there twice is listed
   * twice.
   */
  { kind: 'listed'; marks: string[] } | { kind: 'no_answer'; detail: string };

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
  /**
   * Looks for a grant in the agency's usage export. Only worth asking where the profile's
   * `usageExport.listsGrants` says that grants stand there. `not_found` alone proves nothing: how soon a grant
   * appears is not known.
   *
   * @throws where the API key cannot be read.
   */
  findGrant(grant: GrantToFind): Promise<GrantEvidence>;
  /**
   * All grants in the agency's usage export whose marks begin alike, whatever their credits and client. Worth asking
   * where `findGrant` is.
   *
   * @throws where the API key cannot be read.
   */
  listGrants(grants: GrantsToList): Promise<GrantsListed>;
}

/**
 * The longest usage export that is read: 100,000 actions of the platform, at 165 bytes each. A laptop takes 0.75 s
 * and 100 MB for them, so the worker, with 1 GB and half as fast, has time and room. A longer one is no answer.
 */
const MAX_EXPORT_BYTES = 16 * 1024 * 1024;

const DAY_MS = 24 * 3_600_000;

/** What money needs of the platform's API, as one agency sees it. The API key appears in no result. */
export function createPlatformClient(options: CallOptions): PlatformClient {
  const { profile } = options;
  const usageExport = async ({ since, platformId }: ExportRange, keep: (line: UsageLine) => boolean) => {
    const get = await prepareCall(options, {
      method: 'GET',
      path: '/agencies/usage/export',
      keyIn: profile.keyPlacement.usageExport,
      query: {
        from: utcDay(since - DAY_MS),
        to: utcDay(options.now() + DAY_MS),
        ...(platformId === undefined ? {} : { subAccountId: platformId }),
      },
      accept: 'text/csv, application/json',
      maxAnswerBytes: MAX_EXPORT_BYTES,
    });
    return linesOf(await get(), keep);
  };
  return {
    async prepareGrant(grant) {
      const body = grantRequestSchema.parse({
        email: grant.email,
        amount: grant.credits,
        description: grant.description.slice(0, profile.maxDescriptionLength),
      });
      const post = await prepareCall(options, {
        method: 'POST',
        path: '/subaccounts/credits',
        keyIn: profile.keyPlacement.credits,
        body,
      });
      return {
        async send() {
          return grantResult(await post(), grant, profile);
        },
      };
    },
    async subAccount(email) {
      const get = await prepareCall(options, {
        method: 'GET',
        path: '/subaccounts',
        keyIn: profile.keyPlacement.subAccounts,
        query: { email },
      });
      return subAccountResult(await get(), email);
    },
    async findGrant(grant) {
      const { mark, markPrefix } = grant;
      const bears = (line: UsageLine) => wordsOf(line.description).includes(mark);
      const isOfThese = (line: UsageLine) => markPrefix !== undefined && gives(line, markPrefix);
      const read = await usageExport(grant, (line) => bears(line) || isOfThese(line));
      if (read.kind === 'no_answer') return read;
      const own = grantEvidence(read.lines.filter(bears), grant);
      if (own.kind !== 'not_found' || markPrefix === undefined || read.lines.length === 0) return own;
      const earlier = read.lines.flatMap((line) => marksOf(line, markPrefix));
      return { kind: 'differs', detail: `an earlier grant stands in the export: ${earlier.join(', ')}` };
    },
    async listGrants({ markPrefix, ...range }) {
      const read = await usageExport(range, (line) => gives(line, markPrefix));
      if (read.kind === 'no_answer') return read;
      return { kind: 'listed', marks: read.lines.flatMap((line) => marksOf(line, markPrefix)) };
    },
  };
}

/** The marks that begin so, and go on with digits alone. */
const marksOf = ({ description }: UsageLine, prefix: string) =>
  wordsOf(description).filter((word) => word.startsWith(prefix) && /^\d+$/.test(word.slice(prefix.length)));

/** Credits that someone took back under the same mark are no second grant. */
const gives = (line: UsageLine, prefix: string) =>
  !line.amount.trim().startsWith('-') && marksOf(line, prefix).length > 0;

/** What an answer to a grant means. */
function grantResult(exchange: Exchange, asked: Grant, profile: PlatformProfile): GrantResult {
  const result = readResult(exchange, asked, profile);
  if (result.kind === 'granted') return result;
  if (result.kind === 'not_applied') {
    const unsent = exchange.answer.kind !== 'response' && exchange.answer.kind !== 'no_answer';
    return unsent ? { ...result, unsent } : result;
  }
  return { ...result, detail: withRequestId(result.detail, exchange) };
}

function readResult(exchange: Exchange, asked: Grant, profile: PlatformProfile): GrantResult {
  const { answer, detail } = exchange;
  if (answer.kind === 'response' && answer.status === 400 && saysPoolIsEmpty(answer.body, profile)) {
    return { kind: 'not_applied', detail, agencyFault: 'pool_empty' };
  }
  const outcome = outcomeOf(exchange, profile);
  if (outcome.kind === 'answered') return readGrant(outcome.body, asked, detail);
  // Frameworks report errors as well: a grant is refused by the platform's own word alone.
  const isOwnWord = answer.kind === 'response' && readError(answer.body).shape === 'envelope';
  if (outcome.kind === 'refused' && !isOwnWord) return { kind: 'unknown', detail };
  return { ...outcome, detail };
}

/** Of a code and of a message that the profile's pattern is tried on, whatever that pattern costs. */
const MAX_TRIED_CHARACTERS = 1_000;

function saysPoolIsEmpty(body: string, { emptyPoolPattern }: PlatformProfile): boolean {
  const pattern = new RegExp(emptyPoolPattern, 'i');
  const { code = '', message = '' } = readError(body);
  return [code, message].some((text) => pattern.test(text.slice(0, MAX_TRIED_CHARACTERS)));
}

/**
 * An answer that cannot be read, or says less than was promised, is `unknown`: the grant may well have been made.
 * `differs` needs a contradiction in the platform's own words. Such a contradiction needs a person, and a look at the
 * platform's books cannot replace that person.
 */
function readGrant(body: string, asked: Grant, status: string): GrantResult {
  const differs = (what: string): GrantResult => ({ kind: 'differs', detail: `${status}: ${what}` });
  const unreadable: GrantResult = { kind: 'unknown', detail: `${status}: not the documented answer` };
  const read = grantAnswerSchema.safeParse(readJson(body));
  if (!read.success) return unreadable;
  const { success, credits_added, new_balance, sub_account_id, ...named } = read.data;
  const { platformId = sub_account_id } = asked;
  const isOther = sub_account_id !== undefined && sub_account_id !== platformId;
  if (isOther || !isAbout(asked.email, [named.email, named.sub_account_email, named.sub_account?.email]))
    return differs('another sub-account');
  if (success === false) return differs('success is false');
  if (readError(body).shape === 'envelope') return differs('an error');
  if (success === undefined || credits_added === undefined) return unreadable;
  if (!saysNumber(credits_added, asked.credits))
    return differs(`${credits_added} credits added, not ${asked.credits}`);
  return { kind: 'granted', ...(new_balance === undefined ? {} : { newBalance: new_balance }) };
}

function subAccountResult({ answer, detail }: Exchange, email: string): SubAccountResult {
  if (answer.kind !== 'response') return { kind: 'no_answer', detail };
  if (answer.status === 404 && readError(answer.body).shape === 'envelope') return { kind: 'not_found' };
  if (answer.status !== 200) return { kind: 'no_answer', detail };

  const read = subAccountAnswerSchema.safeParse(readJson(answer.body));
  if (!read.success) return { kind: 'no_answer', detail: `${detail}: not the documented answer` };
  if (!read.data.success) return { kind: 'not_found' };
  const { email: reported, uid, usage_limits: { credits: balance } = {} } = read.data.data;
  if (!isAbout(email, [reported])) return { kind: 'no_answer', detail: `${detail}: another sub-account` };
  return {
    kind: 'found',
    ...(balance === undefined ? {} : { balance }),
    ...(uid === undefined ? {} : { platformId: uid }),
  };
}

async function linesOf(
  { answer, detail }: Exchange,
  keep: (line: UsageLine) => boolean,
): Promise<{ kind: 'read'; lines: UsageLine[] } | { kind: 'no_answer'; detail: string }> {
  if (answer.kind !== 'response' || answer.status !== 200) return { kind: 'no_answer', detail };
  const lines = await readUsageExport(answer.body, keep);
  if (lines === undefined) return { kind: 'no_answer', detail: `${detail}: not the documented CSV` };
  return { kind: 'read', lines };
}

function grantEvidence(lines: UsageLine[], asked: GrantToFind): GrantEvidence {
  const [line, ...others] = lines;
  if (line === undefined) return { kind: 'not_found' };
  const fault =
    others.length > 0 ? `${lines.length} lines of the export bear the mark` : faultOf(line, asked);
  return fault === undefined ? { kind: 'found' } : { kind: 'differs', detail: fault };
}

function faultOf({ amount, email }: UsageLine, asked: GrantToFind): string | undefined {
  if (!isAbout(asked.email, [email])) return 'the export names another sub-account';
  if (saysNumber(amount, asked.credits)) return undefined;
  // Foreign text is not quoted, but for what is plainly a number.
  const whole = /^\+?(\d{1,15})(\.0{1,15})?$/.exec(amount.trim())?.[1];
  return `the export does not say ${asked.credits} credits${whole === undefined ? '' : `, but ${Number(whole)}`}`;
}

/** A mark is a word of its own: `rr-1` is not in `rr-12`, nor in `rr-1-1`. */
function wordsOf(description: string): readonly string[] {
  return description.match(/[\w-]+/g) ?? [];
}

/** `2026-01-05` */
function utcDay(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 10);
}

/** True unless an address is reported that is not the one asked for. The platform may fold the case. */
function isAbout(email: string, reported: (string | undefined)[]): boolean {
  const folded = (text: string) => text.trim().toLowerCase();
  return reported.every((other) => other === undefined || folded(other) === folded(email));
}
