import { refused, sameText, type Verdict } from './signature.ts';

/** Where a secret may stand as it is. */
interface TokenPlaces {
  header: string;
  /** What stands before it in the header; HTTP reads `bearer` as it reads `Bearer`. */
  prefix: string;
  /** The name of a parameter of the address. */
  query: string;
}

interface Sent {
  /** Lower-case names. */
  headers: Record<string, string>;
  query: Record<string, string>;
  rawQuery?: string;
}

/** How many tokens are read from a header or an address. One that came twice holds two. */
const MAX_TOKENS = 8;

/** One token that is one of the secrets is enough. */
export function judgeToken(
  verifier: TokenPlaces,
  { headers, query, rawQuery = '', secrets }: Sent & { secrets: string[] },
): Verdict {
  const value = headers[verifier.header];
  const prefix = verifier.prefix.toLowerCase();
  const inHeader = value === undefined ? [] : [value, ...value.split(',', MAX_TOKENS)];
  const tokens = [
    ...inHeader
      .map((part) => part.trim())
      .filter((part) => part.toLowerCase().startsWith(prefix))
      .map((part) => part.slice(prefix.length)),
    ...[query[verifier.query] ?? '', ...inRawQuery(rawQuery, verifier.query)].flatMap(inAddress),
  ];
  const given = new Set(tokens.map((token) => token.trim()).filter((token) => token !== ''));
  if (given.size === 0) return refused('no token in the request');
  const known = [...given].some((token) => secrets.some((secret) => sameText(token, secret)));
  return known ? { ok: true } : refused('the token is not known');
}

/** The values of a parameter as they were sent. */
function inRawQuery(rawQuery: string, name: string): string[] {
  const pairs = rawQuery.split('&').map((pair) => pair.split(/=(.*)/s, 2));
  return pairs
    .flatMap(([key = '', value = '']) => (decoded(key) === name ? [value] : []))
    .slice(0, MAX_TOKENS);
}

/**
 * The tokens that a value in an address may stand for. A gateway may have joined several with commas. Somebody may have
 * pasted a secret unescaped: then a plus arrives as a blank, and what looks like an escape as another character.
 */
const inAddress = (value: string) =>
  [value, ...value.split(',', MAX_TOKENS)]
    .flatMap((text) => [text, decoded(text)])
    .flatMap((text) => [text, text.replaceAll(' ', '+')]);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
