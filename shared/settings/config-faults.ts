import * as z from 'zod';

type Issue = z.core.$ZodIssue;

/**
 * What a setting must be, in place of zod's own words: for `safeParse(value, { error })`. A schema's own sentence
 * counts before this one. Only rules and names of settings are in it, never a value: a secret may have been pasted.
 *
 * @returns undefined for what has no words here; zod's own say it then.
 */
export const ruleInWords: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'unrecognized_keys') return unknownInWords(issue.keys, issue.inst);
  const rule = ruleOf(issue);
  if (rule === undefined) return undefined;
  return issue.input === undefined ? `is missing: it must ${rule}` : `must ${rule}`;
};

function ruleOf(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `be ${typeInWords(issue.expected)}`;
    case 'invalid_value':
      return `be ${oneOf(issue.values)}`;
    case 'too_small':
      if (issue.origin === 'number')
        return `be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
      return issue.minimum === 1 ? 'not be empty' : undefined;
    case 'too_big':
      if (issue.origin === 'number')
        return `be ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
      return issue.origin === 'string' ? `have at most ${issue.maximum} characters` : undefined;
    case 'invalid_format':
      return FORMATS[issue.format];
    case 'invalid_union':
      if ('options' in issue && Array.isArray(issue.options)) return `be ${oneOf(issue.options)}`;
      return typesOf(issue.errors ?? []);
    default:
      return undefined;
  }
}

const FORMATS: Partial<Record<string, string>> = { email: 'be an email address', url: 'be a web address' };

const TYPES: Partial<Record<string, string>> = {
  string: 'text in quotes',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
};
const typeInWords = (type: string) => TYPES[type] ?? type;

const oneOf = (values: readonly unknown[]) =>
  `${values.length > 1 ? 'one of ' : ''}${values.map((value) => JSON.stringify(value)).join(', ')}`;

/** Of a union whose options are nothing but types. */
function typesOf(options: readonly (readonly Issue[])[]): string | undefined {
  const types = options.flat().map((issue) => (issue.code === 'invalid_type' ? issue.expected : undefined));
  if (types.length === 0 || types.includes(undefined)) return undefined;
  return `be ${types.map((type) => typeInWords(type ?? '')).join(', or ')}`;
}

function unknownInWords(keys: readonly string[], schema: unknown): string {
  const unknown = keys.map((key) => JSON.stringify(key)).join(', ');
  const known = schema instanceof z.core.$ZodObject ? Object.keys(schema._zod.def.shape).join(', ') : '';
  return `has no setting ${unknown}${known === '' ? '' : `; there are ${known}`}`;
}

/** Where a fault is, in the whole of what was parsed. */
export interface Fault {
  path: PropertyKey[];
  message: string;
  /** Of the members at this place: those that are no settings. */
  keys?: string[];
}

/**
 * A union has one fault for all of its options. Where the value is plainly meant to be one of them, that one's faults
 * are told instead, each at its own place.
 *
 * @param value what was parsed.
 */
export function faultsOf(issues: readonly Issue[], value: unknown): Fault[] {
  return issues.flatMap((issue) => {
    const inner =
      issue.code === 'invalid_union' ? meantOption(issue.errors, memberAt(value, issue.path)) : [];
    if (inner.length === 0) return [faultOf(issue)];
    return faultsOf(inner, memberAt(value, issue.path)).map(({ path, ...fault }) => ({
      ...fault,
      path: [...issue.path, ...path],
    }));
  });
}

const faultOf = (issue: Issue): Fault => ({
  path: issue.path,
  message: issue.message,
  ...(issue.code === 'unrecognized_keys' ? { keys: issue.keys } : {}),
});

/** The faults of the option that lacks the fewest settings. Empty where two options tie, or where no option fits. */
function meantOption(options: readonly Issue[][], value: unknown): Issue[] {
  const [first, second] = options
    .map((issues) => ({ issues, missing: missingFor(issues, value) }))
    .sort((a, b) => a.missing - b.missing);
  if (first === undefined || first.missing === (second?.missing ?? Number.POSITIVE_INFINITY)) return [];
  // Of the value as a whole, the union's own sentence says more.
  return first.issues.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys')
    ? first.issues
    : [];
}

/** How many settings that the option needs are missing. Infinite if the value has another type than the option. */
function missingFor(issues: readonly Issue[], value: unknown): number {
  if (issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0)) {
    return Number.POSITIVE_INFINITY;
  }
  return issues.filter(({ path }) => path.length === 1 && memberAt(value, path) === undefined).length;
}

function memberAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (member, name) => (typeof member === 'object' && member !== null ? Reflect.get(member, name) : undefined),
    value,
  );
}
