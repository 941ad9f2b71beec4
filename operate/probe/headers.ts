import { retryAfterMs } from '../../shared/http.ts';
import type { PlatformProfile } from '../../shared/platform/profile.ts';
import { type ReportedError, readError } from '../../shared/platform/schemas.ts';
import { inWords, type Seen, waitHeaders } from './asker.ts';
import type { Finding } from './finding.ts';

type Response = Seen['answer'] & { kind: 'response' };

interface Learnt<Settings> {
  findings: Finding[];
  settings: Settings;
}

const responses = (seen: readonly Seen[]): Response[] =>
  seen.flatMap(({ answer }) => (answer.kind === 'response' ? [answer] : []));

type ErrorShape = ReportedError['shape'];

const SHAPES: Record<ErrorShape, string> = {
  envelope: '{"error":{"code","message"}}',
  partial: 'a part of {"error":{"code","message"}}',
  flat: '{"error":"text"}',
  message: '{"message":"text"}',
  none: 'no error that can be read',
};

/** How errors look. The client reads all shapes, so the profile need not say which. */
export function errorFindings(seen: readonly Seen[]): Finding[] {
  const byShape = new Map<ErrorShape, Set<string>>();
  for (const answer of responses(seen)) {
    if (answer.status < 400) continue;
    const { shape } = readError(answer.body);
    byShape.set(shape, (byShape.get(shape) ?? new Set()).add(inWords(answer)));
  }
  return [...byShape].map(([shape, words]) => ({
    asked: 'Errors',
    came: `${[...words].sort().join(', ')} as ${SHAPES[shape]}`,
    means: ERROR_MEANINGS[shape],
    known: shape !== 'none',
  }));
}

const NOT_DOCUMENTED =
  'In another shape than the documented one, a 404 counts as a wrong address, and a 400 or 422 to a grant as unknown';
const ERROR_MEANINGS: Record<ErrorShape, string> = {
  envelope: 'They are read as they are',
  partial: NOT_DOCUMENTED,
  flat: NOT_DOCUMENTED,
  message: NOT_DOCUMENTED,
  none: NOT_DOCUMENTED,
};

/** `x-amzn-requestid` too. */
const REQUEST_ID = /(^|-)(request|req|correlation|trace|transaction)-?id$/;

/** The header whose value differs in every answer. */
export function requestIdFinding(
  seen: readonly Seen[],
  before: PlatformProfile,
): Learnt<{ requestIdHeader?: string }> {
  const answers = responses(seen);
  const names = new Set(
    answers.flatMap(({ headers }) => Object.keys(headers).filter((name) => REQUEST_ID.test(name))),
  );
  const found = [before.requestIdHeader, 'x-request-id', 'request-id', ...names].find((name) => {
    const values = answers.flatMap(({ headers }) => headers[name] ?? []);
    return values.length > 1 && new Set(values).size === values.length;
  });
  const asked = 'The name of a request, in all answers';
  if (found === undefined) {
    const means = `requestIdHeader is UNKNOWN and stays ${before.requestIdHeader}`;
    return {
      findings: [{ asked, came: 'no header with another value each time', means, known: false }],
      settings: {},
    };
  }
  return {
    findings: [{ asked, came: `the header ${found}`, means: `requestIdHeader is ${found}`, known: true }],
    settings: { requestIdHeader: found },
  };
}

/** The platform's limit is for a minute. A little more is for clocks that do not agree. */
const WINDOW_MS = 65_000;
const LIMIT = /rate-?limit|quota|throttle|(^|-)limit(-|$)/;
/** Not the limit itself, or not one of a minute. */
const OTHER = /remain|left|reset|used|policy|window|retry|second|hour|day|daily|month|burst|cost/;

/** How many requests a minute are allowed, and where an answer says when the next minute begins. */
export function rateFindings(
  seen: readonly Seen[],
  before: PlatformProfile,
  now: number,
): Learnt<{ requestsPerMinute?: number; waitHeaders?: string[] }> {
  // Each key has its limit. That of a wrong key may be another.
  const own = responses(seen.filter(({ key }) => key === 'right'));
  const resets = readResets(own, now);
  const short = [...resets.values()].filter(({ waitMs }) => waitMs <= WINDOW_MS);
  const tooLong = short.length < resets.size;
  const limit = readLimit(own);

  const settings = {
    ...(limit === undefined || tooLong
      ? {}
      : { requestsPerMinute: Math.max(1, Math.floor(limit.value / 2)) }),
    ...(short.length === 0
      ? {}
      : { waitHeaders: [...new Set(['retry-after', ...short.map(({ name }) => name)])] }),
  };
  return {
    settings,
    findings: [
      {
        asked: 'The limit of requests, in all answers',
        came: limit === undefined ? 'no header says it' : `the header ${limit.name}: ${limit.value}`,
        means:
          settings.requestsPerMinute === undefined
            ? `requestsPerMinute is UNKNOWN${tooLong ? ' (the limit is not one of a minute)' : ''} and stays ${before.requestsPerMinute}`
            : `requestsPerMinute is ${settings.requestsPerMinute}, half of it, for other tools have the same key`,
        known: settings.requestsPerMinute !== undefined,
      },
      {
        asked: 'When the limit is reset, in all answers',
        came:
          resets.size === 0
            ? 'no header says it'
            : [...resets.values()].map(({ name, form }) => `the header ${name} as ${form}`).join(', '),
        means:
          settings.waitHeaders === undefined
            ? `waitHeaders is UNKNOWN${tooLong ? ' (more than a minute away)' : ''} and stays ${before.waitHeaders.join(', ')}`
            : `waitHeaders is ${settings.waitHeaders.join(', ')}`,
        known: settings.waitHeaders !== undefined,
      },
    ],
  };
}

/** The smallest limit that a header holds. */
function readLimit(answers: Response[]): { name: string; value: number } | undefined {
  const limits = answers.flatMap(({ headers }) =>
    Object.entries(headers).flatMap(([name, text]) => {
      const value = LIMIT.test(name) && !OTHER.test(name) && /^\d{1,9}$/.test(text) ? Number(text) : 0;
      return value > 0 ? [{ name, value }] : [];
    }),
  );
  return limits.sort((a, b) => a.value - b.value)[0];
}

interface Reset {
  name: string;
  form: string;
  /** The longest that was asked for. */
  waitMs: number;
}

function readResets(answers: Response[], now: number): Map<string, Reset> {
  const resets = new Map<string, Reset>();
  for (const { headers } of answers) {
    for (const name of waitHeaders(headers)) {
      const text = headers[name];
      const waitMs = retryAfterMs(headers, now, [name]);
      if (text === undefined || waitMs === undefined) continue;
      const longest = Math.max(waitMs, resets.get(name)?.waitMs ?? 0);
      resets.set(name, { name, form: formOf(text), waitMs: longest });
    }
  }
  return resets;
}

/** As `retryAfterMs` takes it. */
function formOf(text: string): string {
  if (text.includes(':')) return 'a date';
  const value = Number(text);
  if (value > 1e12) return 'a Unix time in milliseconds';
  return value > 1e9 ? 'a Unix time' : 'seconds to wait';
}
