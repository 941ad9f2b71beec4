import type { Reply } from '../../shared/http.ts';
import { readError } from '../../shared/platform/schemas.ts';
import { type Asker, inWords, type Question, questionInWords } from './asker.ts';
import type { Finding } from './finding.ts';

interface AddressFindings {
  findings: Finding[];
  /** Where the API answers; absent if it was not reached, and no key should be sent. */
  baseUrl?: string;
}

/**
 * Asks without a key whether the platform's API answers at the base URL. If there is no such address, it tries the
 * same one with a version at its end, or without. The asker stays at the address that is returned.
 */
export async function findAddress(
  asker: Asker,
  question: Question,
  baseUrl: string,
): Promise<AddressFindings> {
  asker.moveTo(baseUrl);
  const asked = `${questionInWords(question)} at ${baseUrl} without a key`;
  const answer = await asker.askWithoutKey(question);
  if (answer.kind !== 'response') {
    const means =
      answer.kind === 'not_sent' ? NOT_SENT[causeOf(answer.detail)] : 'The platform cannot be asked';
    return { findings: [{ asked, came: inWords(answer), means, known: false }] };
  }
  if (answer.status >= 300 && answer.status < 400) {
    const target = whereTo(answer.headers.location, baseUrl);
    const came = `${answer.status}, a redirect${target === undefined ? '' : ` to ${target}`}`;
    const means = 'Redirects are never followed, so no key was sent: set baseUrl to where the API is';
    return { findings: [{ asked, came, means, known: false }] };
  }
  const secure = baseUrl.startsWith('https:') ? ', over TLS' : ', without TLS, on this machine';
  const found: Finding = {
    asked,
    came: inWords(answer) + secure,
    means: `baseUrl is ${baseUrl}`,
    known: isApi(answer),
  };
  if (isApi(answer)) return { findings: [found], baseUrl };
  if (answer.status === 404) {
    const other = withOtherVersion(baseUrl);
    asker.moveTo(other);
    const means = `baseUrl is ${other}, where the API answers`;
    if (isApi(await asker.askWithoutKey(question))) {
      return { findings: [{ ...found, means, known: true }], baseUrl: other };
    }
    asker.moveTo(baseUrl);
  }
  const means = `Whether the API is there is UNKNOWN: baseUrl stays ${baseUrl}`;
  return { findings: [{ ...found, means }], baseUrl };
}

/** An answer that asks for a key, or reports an error as the platform does, comes from its API. */
function isApi(answer: Reply): boolean {
  if (answer.kind !== 'response') return false;
  if (answer.status === 401 || answer.status === 403) return true;
  const { shape } = readError(answer.body);
  // For a wrong address, frameworks answer 404 in shapes of their own.
  if (answer.status === 404) return shape === 'envelope';
  return answer.status >= 400 && answer.status < 500 && shape !== 'message' && shape !== 'none';
}

const withOtherVersion = (baseUrl: string) =>
  /\/v\d+$/.test(baseUrl) ? baseUrl.replace(/\/v\d+$/, '') : `${baseUrl}/v1`;

type Cause = 'name' | 'tls' | 'connection';

const NOT_SENT: Record<Cause, string> = {
  name: 'The platform cannot be reached: no machine has this name',
  tls: 'The platform cannot be reached: it does not speak TLS, or its certificate is not accepted',
  connection: 'The platform cannot be reached',
};

function causeOf(detail: string): Cause {
  if (/ENOTFOUND|EAI_AGAIN/.test(detail)) return 'name';
  return /CERT|TLS|SSL|EPROTO/i.test(detail) ? 'tls' : 'connection';
}

/** Without the query string, which may hold what was asked. */
function whereTo(location: string | undefined, baseUrl: string): string | undefined {
  if (location === undefined || !URL.canParse(location, baseUrl)) return undefined;
  const { origin, pathname } = new URL(location, baseUrl);
  return /@|%40/.test(pathname) ? origin : origin + pathname;
}
