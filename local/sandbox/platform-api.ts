import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import {
  afterwards,
  type FaultTable,
  hangAfter,
  hangBefore,
  instead,
  late,
  rateLimitedBy,
  slow,
} from './faults.ts';
import type { SandboxProfile } from './platform-profile.ts';
import { type Answer, type Handler, json, parseJson, type SandboxRequest, text } from './server.ts';

type Group = keyof SandboxProfile['keyPlacement'];

/** What all operations have in common: the key, the rate limit, the headers, the shape of an error. */
export interface PlatformApi {
  profile: SandboxProfile;
  /** An error in the profile's shape. */
  refuse(status: number, code: string, message: string, headers?: Record<string, string>): Answer;
  /** Status 429 that asks to wait so long, in the profile's headers. */
  tooMany(waitMs: number): Answer;
  /** Puts key, rate limit and headers around an operation. It sees only requests with the right key. */
  operation(group: Group, handle: Handler): Handler;
}

/** As web frameworks answer for an address that they do not know. */
export const PLAIN_404 = json(404, { statusCode: 404, error: 'Not Found', message: 'Not Found' });

const WINDOW_MS = 60_000;

/** More than a caller should be ready to read. */
const HUGE = json(200, { success: true, padding: 'x'.repeat(1024 * 1024) });

export function createPlatformApi(
  profile: SandboxProfile,
  apiKey: string,
  ratePerMinute: number,
): PlatformApi {
  const { keyPlacement, keyHeader, keyPrefix, keyQuery, requestIdHeader } = profile;
  const refuse: PlatformApi['refuse'] = (status, code, message, headers) =>
    json(status, errorBody(profile.errorShape, code, message), headers);
  const tooMany = (waitMs: number) =>
    refuse(429, 'RATE_LIMITED', 'Too many requests.', waitHeaders(profile, waitMs));
  const hasKey = (group: Group, { headers, query }: SandboxRequest) => {
    const placement = keyPlacement[group];
    return (
      (placement !== 'query' && headers[keyHeader] === keyPrefix + apiKey) ||
      (placement !== 'header' && query.get(keyQuery) === apiKey)
    );
  };
  // Each key has its limit. A caller without a key must not use up the owner's.
  const owner = rateWindow(ratePerMinute);
  const strangers = rateWindow(ratePerMinute);

  return {
    profile,
    refuse,
    tooMany,
    operation: (group, handle) => async (request) => {
      const known = hasKey(group, request);
      const { left, waitMs } = (known ? owner : strangers)();
      const work = async () => (known ? handle(request) : unauthorized(refuse));
      const answer = left < 0 ? tooMany(waitMs) : await work();
      if (answer.kind !== 'answer') return answer;
      const headers = {
        [requestIdHeader]: randomUUID(),
        ...rateHeaders(profile, ratePerMinute, left, waitMs),
        ...answer.headers,
      };
      return { ...answer, headers };
    },
  };
}

const unauthorized = (refuse: PlatformApi['refuse']) =>
  refuse(401, 'INVALID_API_KEY', 'Invalid or missing API key.');

function errorBody(shape: SandboxProfile['errorShape'], code: string, message: string): unknown {
  switch (shape) {
    case 'envelope':
      return { error: { code, message } };
    case 'flat':
      return { error: message };
    case 'message':
      return { message };
  }
}

/** Counts requests in windows of a minute. `left` is below 0 for those over the limit. */
function rateWindow(perMinute: number): () => { left: number; waitMs: number } {
  let endsAt = 0;
  let used = 0;
  return () => {
    const now = Date.now();
    if (now >= endsAt) {
      endsAt = now + WINDOW_MS;
      used = 0;
    }
    used += 1;
    return { left: perMinute - used, waitMs: endsAt - now };
  };
}

function rateHeaders(
  profile: SandboxProfile,
  perMinute: number,
  left: number,
  waitMs: number,
): Record<string, string> {
  const { limit, remaining } = profile.rateHeaders;
  return {
    ...(limit === null ? {} : { [limit]: String(perMinute) }),
    ...(remaining === null ? {} : { [remaining]: String(Math.max(0, left)) }),
    ...resetHeader(profile, waitMs),
  };
}

/** Rounded up to whole seconds, so that a caller who keeps to it does not come too early. */
function waitHeaders(profile: SandboxProfile, waitMs: number): Record<string, string> {
  const seconds = Math.ceil(waitMs / 1000);
  const date = new Date(Math.ceil((Date.now() + waitMs) / 1000) * 1000).toUTCString();
  const retryAfter = { seconds: String(seconds), date, none: undefined }[profile.rateHeaders.retryAfter];
  return {
    ...resetHeader(profile, waitMs),
    ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
  };
}

function resetHeader({ rateHeaders }: SandboxProfile, waitMs: number): Record<string, string> {
  const { reset, resetAs } = rateHeaders;
  if (reset === null) return {};
  const at = Date.now() + waitMs;
  const value = { seconds: Math.ceil(waitMs / 1000), unix: Math.ceil(at / 1000), unixMs: at }[resetAs];
  return { [reset]: String(value) };
}

const redirectTo = (status: number): Answer => ({
  kind: 'answer',
  status,
  headers: { location: '/v1/moved' },
  body: '',
});

/** The faults that every operation has. `before` does nothing. `after` does the work and answers otherwise. */
export function operationFaults<Variant>(
  { refuse, tooMany }: PlatformApi,
  notFound: Answer,
): FaultTable<Variant> {
  const serverError = refuse(500, 'INTERNAL', 'Something went wrong.');
  return {
    rate_limited: rateLimitedBy(tooMany),
    unauthorized: instead(unauthorized(refuse)),
    forbidden: instead(refuse(403, 'FORBIDDEN', 'This key may not do that.')),
    redirect: instead(redirectTo(302)),
    see_other: afterwards(redirectTo(303)),
    not_found_plain: instead(PLAIN_404),
    not_found: instead(notFound),
    invalid: instead(refuse(400, 'INVALID_REQUEST', 'The request cannot be processed.')),
    request_timeout: instead(refuse(408, 'REQUEST_TIMEOUT', 'The request took too long.')),
    conflict: instead(refuse(409, 'CONFLICT', 'Another change is under way.')),
    error_before: instead(serverError),
    error_after: afterwards(serverError),
    hang_before: hangBefore,
    hang_after: hangAfter,
    late,
    reset_before: instead({ kind: 'reset' }),
    reset_after: afterwards({ kind: 'reset' }),
    garbage: afterwards(text(200, '<html>OK</html>')),
    huge: afterwards(HUGE),
    slow,
  };
}

/** The body by the schema, or the refusal that names the members that do not fit. */
export function readBody<Body>(
  schema: z.ZodType<Body>,
  { body }: SandboxRequest,
  { refuse }: PlatformApi,
): { ok: true; value: Body } | { ok: false; fields: string[]; refusal: Answer } {
  const parsed = schema.safeParse(parseJson(body));
  if (parsed.success) return { ok: true, value: parsed.data };
  const fields = parsed.error.issues.map(({ path }) => path.join('.')).filter((field) => field !== '');
  const what = fields.length === 0 ? 'A JSON body is needed.' : `Missing or malformed: ${fields.join(', ')}.`;
  return { ok: false, fields, refusal: refuse(400, 'INVALID_REQUEST', what) };
}
