/** A body, by the paths of the configuration: names of members, joined by dots. */
export interface Payload {
  /** What stands at the paths, in their order, without those that lead to nothing. */
  find(paths: readonly string[]): unknown[];
  /** The same for keys and ids: a number that is written as digits alone is these digits. */
  findTexts(paths: readonly string[]): unknown[];
}

/** Strict UTF-8, a leading byte order mark allowed. A list of one object counts as that object. */
export function openPayload(body: Buffer): Payload | { fault: string } {
  const text = readUtf8(body);
  const parsed = text === undefined ? undefined : readJson(text);
  if (text === undefined || parsed === undefined) return NOT_JSON;
  if (Array.isArray(parsed) && parsed.length > 1)
    return { fault: `the body is a list of ${parsed.length}, and one webhook is one recharge` };
  const payload = objectIn(parsed);
  if (payload === undefined) return NOT_JSON;
  const find = (paths: readonly string[]) => findAll(payload, paths);
  return {
    find,
    findTexts(paths) {
      const values = find(paths);
      if (values.every((value) => typeof value !== 'number')) return values;
      const inDigits = objectIn(readJson(text, digitsAsText));
      return inDigits === undefined ? values : findAll(inDigits, paths);
    },
  };
}

function readUtf8(body: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}

/** Undefined, too, for what is nested deeper than a reviver can follow. */
function readJson(text: string, reviver?: typeof digitsAsText): unknown {
  try {
    return JSON.parse(text, reviver);
  } catch {
    return undefined;
  }
}

/**
 * As numbers, two keys beyond 2^53 would be one, and so would `1` and `1.0`. The text in the body tells them apart
 * (https://tc39.es/proposal-json-parse-with-source, which TypeScript's library does not know yet).
 */
function digitsAsText(_name: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' && /^\d+$/.test(context?.source ?? '') ? context?.source : value;
}

function objectIn(parsed: unknown): object | undefined {
  const value: unknown = Array.isArray(parsed) && parsed.length === 1 ? parsed[0] : parsed;
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

const NOT_JSON = { fault: 'the body is not a JSON object in UTF-8' };

/** Own members only: `constructor` is no field of a payload. */
function findAll(payload: object, paths: readonly string[]): unknown[] {
  return paths
    .map((path) => {
      let value: unknown = payload;
      for (const name of path.split('.')) {
        const members = typeof value === 'object' && value !== null ? Object.entries(value) : [];
        value = members.find(([member]) => member === name)?.[1];
      }
      return value;
    })
    .filter((value) => value !== undefined && value !== null);
}
