import type { Reply } from '../../shared/http/request.ts';
import type { PlatformProfile } from '../../shared/platform/profile.ts';
import { type Asker, inWords, type Place, placeInWords, type Question, questionInWords } from './asker.ts';
import type { Finding } from './finding.ts';

export type Group = keyof PlatformProfile['keyPlacement'];

/** Seen in public code that speaks to the platform, and usual elsewhere. */
const HEADERS = ['x-api-key', 'api-key', 'apikey'];
const QUERIES = ['apiKey', 'api_key', 'apikey', 'key'];

interface Try {
  place: Place;
  right: Reply;
  /** Asked only where the right key was not refused. */
  wrong?: Reply;
}

export interface KeySearch {
  group: Group;
  question: Question;
  tries: Try[];
  /** The places where the right key is known, and a wrong one is not. */
  proven: Place[];
  /** The right key is known there, but may not do this: 403. */
  forbidden: boolean;
  /** What the right key was answered in the first proven place. */
  answer?: Reply;
}

/** What the difference between the right key and a wrong one in the same place says of that place. */
type Verdict = 'proven' | 'forbidden' | 'refused' | 'no_difference' | 'unclear';

/** Answers that are given after the key was looked at. */
const KNOWN_STATUSES = [400, 404, 409, 422];

function verdictOf({ right, wrong }: Try): Verdict {
  if (right.kind !== 'response') return 'unclear';
  if (right.status === 401) return 'refused';
  if (wrong?.kind !== 'response') return right.status === 403 ? 'refused' : 'unclear';
  if (right.status === wrong.status) return right.status === 403 ? 'refused' : 'no_difference';
  if (wrong.status !== 401 && wrong.status !== 403) return 'unclear';
  if (right.status === 403) return 'forbidden';
  const known = (right.status >= 200 && right.status < 300) || KNOWN_STATUSES.includes(right.status);
  return known ? 'proven' : 'unclear';
}

/** The names to try, most likely first: what other addresses were found to take, then what is configured. */
export interface Names {
  header: string[];
  query: string[];
}

export const namesToTry = ({ keyHeader, keyQuery }: PlatformProfile): Names => ({
  header: [...new Set([keyHeader.toLowerCase(), ...HEADERS])],
  query: [...new Set([keyQuery, ...QUERIES])],
});

/**
 * Looks for the place of the key at one address: the likeliest header and the likeliest query parameter, and
 * where neither is right, the others until one is.
 *
 * @param names what was found is moved to the front, for the next address.
 */
export async function findKey(
  asker: Asker,
  group: Group,
  question: Question,
  names: Names,
): Promise<KeySearch> {
  const search: KeySearch = { group, question, tries: [], proven: [], forbidden: false };
  const attempt = async (place: Place) => {
    const right = await asker.ask(question, place, 'right');
    const refused = right.kind !== 'response' || right.status === 401;
    const wrong = refused ? undefined : await asker.ask(question, place, 'wrong');
    const one = { place, right, ...(wrong === undefined ? {} : { wrong }) };
    search.tries.push(one);
    const verdict = verdictOf(one);
    if (verdict === 'proven' || verdict === 'forbidden') {
      search.proven.push(place);
      search.answer ??= right;
      search.forbidden = verdict === 'forbidden';
      if (place.in !== 'bearer') toFront(names[place.in], place.name);
    }
    return verdict;
  };
  const [header = 'x-api-key', ...headers] = names.header;
  const [query = 'apiKey', ...queries] = names.query;
  const first = [await attempt({ in: 'header', name: header }), await attempt({ in: 'query', name: query })];
  // An address that answers before it looks at the key would answer so for every name.
  if (search.proven.length > 0 || !first.includes('refused')) return search;
  const others: Place[] = [
    ...headers.map((name): Place => ({ in: 'header', name })),
    ...queries.map((name): Place => ({ in: 'query', name })),
    { in: 'bearer' },
  ];
  for (const place of others) {
    await attempt(place);
    if (search.proven.length > 0) break;
  }
  return search;
}

function toFront(names: string[], name: string): void {
  names.splice(names.indexOf(name), 1);
  names.unshift(name);
}

/** Whether the right key was no better than none, wherever it was put. */
export const isRefusedEverywhere = ({ tries }: KeySearch) =>
  tries.every((one) => verdictOf(one) === 'refused');

/** What the profile can say of the key: one header, one query parameter, and which of the two for each group. */
export interface KeySettings {
  keyHeader?: string;
  keyQuery?: string;
  keyPlacement: Partial<PlatformProfile['keyPlacement']>;
}

const placeOf = ({ proven }: KeySearch, way: 'header' | 'query', name: string | undefined) =>
  proven.some((place) => place.in === way && place.name === name);

/** The names that serve most groups, that of the credits before all; then the configured placement where it works. */
export function chooseKeySettings(
  searches: KeySearch[],
  { keyHeader, keyQuery, keyPlacement }: PlatformProfile,
): KeySettings {
  const proven = searches.flatMap((search) => search.proven);
  const namesOf = (way: 'header' | 'query', configured: string) => {
    const found = proven.flatMap((place) => (place.in === way ? [place.name] : []));
    return [...new Set([configured, ...found])];
  };
  let best: { header: string; query: string; score: number } | undefined;
  for (const header of namesOf('header', keyHeader.toLowerCase())) {
    for (const query of namesOf('query', keyQuery)) {
      const served = searches.filter(
        (search) => placeOf(search, 'header', header) || placeOf(search, 'query', query),
      );
      const score = served.length + (served.some(({ group }) => group === 'credits') ? searches.length : 0);
      if (best === undefined || score > best.score) best = { header, query, score };
    }
  }
  const placements = searches.flatMap((search): [Group, 'header' | 'query'][] => {
    const works = {
      header: placeOf(search, 'header', best?.header),
      query: placeOf(search, 'query', best?.query),
    };
    const configured = keyPlacement[search.group];
    if (works[configured]) return [[search.group, configured]];
    const other = configured === 'header' ? 'query' : 'header';
    return works[other] ? [[search.group, other]] : [];
  });
  const used = placements.map(([, way]) => way);
  // The case of a header's name means nothing: as it is written, where it is that one.
  const header = best?.header === keyHeader.toLowerCase() ? keyHeader : best?.header;
  return {
    ...(header !== undefined && used.includes('header') ? { keyHeader: header } : {}),
    ...(best !== undefined && used.includes('query') ? { keyQuery: best.query } : {}),
    keyPlacement: Object.fromEntries(placements),
  };
}

/** One line for a group: what came in the chosen place, or why there is none. */
export function keyFinding(search: KeySearch, chosen: KeySettings, before: PlatformProfile): Finding {
  const { group, question, tries, proven } = search;
  const setting = `keyPlacement.${group}`;
  const way = chosen.keyPlacement[group];
  const asked = `${questionInWords(question)}, key in `;
  const name = way === 'header' ? chosen.keyHeader?.toLowerCase() : chosen.keyQuery;
  const right = tries.find(({ place }) => place.in === way && place.name === name && proven.includes(place));
  if (way !== undefined && right?.wrong !== undefined) {
    const also = proven.length > 1 ? '; the other place works too' : '';
    const means = search.forbidden
      ? `${setting} is ${way}, but this key may not do it`
      : `${setting} is ${way}`;
    return {
      asked: asked + placeInWords(right.place),
      came: `${inWords(right.right)}, for a wrong key ${inWords(right.wrong)}${also}`,
      means: means + wasDone(question, right.right),
      known: true,
    };
  }
  return {
    asked: asked + placesInWords(tries),
    came: [...new Set(tries.map(cameInWords))].join('; '),
    means: `${setting} is UNKNOWN (${reasonOf(search)}) and stays ${before.keyPlacement[group]}`,
    known: false,
  };
}

function placesInWords(tries: Try[]): string {
  const namesIn = (way: 'header' | 'query') =>
    tries.flatMap(({ place }) => (place.in === way ? [place.name] : [])).join(', ');
  const bearer = tries.some(({ place }) => place.in === 'bearer') ? ', authorization: Bearer' : '';
  return `the header ${namesIn('header')}${bearer}, the query as ${namesIn('query')}`;
}

function cameInWords({ right, wrong }: Try): string {
  return wrong === undefined ? inWords(right) : `${inWords(right)}, for a wrong key ${inWords(wrong)}`;
}

function reasonOf(search: KeySearch): string {
  const { tries, proven } = search;
  const [place] = proven;
  if (place !== undefined) {
    const but =
      place.in === 'bearer' ? 'which the profile cannot say' : 'and the profile has one name for all';
    return `it works in ${placeInWords(place)}, ${but}`;
  }
  if (isRefusedEverywhere(search)) return 'refused in every place';
  const same = tries.some((one) => verdictOf(one) === 'no_difference');
  return same ? 'a wrong key is answered the same' : 'no clear answer';
}

/** An empty object asks for nothing: a platform that says it did it must be looked at. */
function wasDone({ method }: Question, answer: Reply): string {
  const done = method === 'POST' && answer.kind === 'response' && answer.status < 300;
  return done ? '. It took an empty object for a request: look there for what it made of it' : '';
}
