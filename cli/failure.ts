import { CommanderError } from 'commander';
import { OperateError, type OperateErrorKind } from '../operate/error.ts';

/** What the exit code of a command says; docs/commands.md and the help list them. */
export const EXIT = { done: 0, failed: 1, usage: 2, notFound: 3, refused: 4, unreachable: 5 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODES = `
Exit codes:
  0  done
  1  failed, or what was asked for did not come about
  2  the command line was not understood
  3  there is no such thing
  4  it changed meanwhile, or was refused; nothing was done
  5  the relay, or what it needs, cannot be reached or is not set up
`;

/** What was given does not go together, or is missing. The message says what to write. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** The words for programs, beside the exit code: those of an OperateError, and three more. */
export const FAILURE_CODES = [
  'failed',
  'usage',
  'not_found',
  'changed',
  'refused',
  'not_ready',
  'unreachable',
] as const;
type FailureCode = (typeof FAILURE_CODES)[number];

const EXIT_OF: Record<FailureCode | OperateErrorKind, ExitCode> = {
  failed: EXIT.failed,
  usage: EXIT.usage,
  not_found: EXIT.notFound,
  changed: EXIT.refused,
  refused: EXIT.refused,
  not_ready: EXIT.unreachable,
  unreachable: EXIT.unreachable,
};

/** What Node and `fetch` say of a connection that did not come about. */
const NO_CONNECTION =
  /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE|UND_ERR_(CONNECT|HEADERS)_TIMEOUT)$/;
/** What AWS's SDK says where nobody is logged in, or no answer comes. */
const NO_ANSWER = /^(CredentialsProviderError|ExpiredToken(Exception)?|TimeoutError)$/;

/** Why a command failed, for a program. Causes count, because `fetch` and the SDK hide them there. */
export function failureOf(error: unknown): { code: FailureCode; exit: ExitCode } {
  const code = codeOf(error);
  return { code, exit: EXIT_OF[code] };
}

function codeOf(error: unknown): FailureCode {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof OperateError) return cause.kind;
    if (cause instanceof UsageError || cause instanceof CommanderError) return 'usage';
    if (NO_ANSWER.test(cause.name)) return 'unreachable';
    if ('code' in cause && NO_CONNECTION.test(String(cause.code))) return 'unreachable';
  }
  return 'failed';
}
