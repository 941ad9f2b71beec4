import type { Reply } from '../../shared/http.ts';
import type { PlatformProfile } from '../../shared/platform/profile.ts';
import {
  type Asker,
  inWords,
  nameInWords,
  type Place,
  placeInWords,
  type Question,
  questionInWords,
} from './asker.ts';
import type { Finding } from './finding.ts';

export type Group = keyof PlatformProfile['keyPlacement'];

const inHeader = (name: string, prefix = ''): Place => ({ in: 'header', name, prefix });
const inQuery = (name: string): Place => ({ in: 'query', name, prefix: '' });

/** Seen in public code that speaks to the platform, and usual elsewhere. */
const HEADERS = [
  ...['x-api-key', 'api-key', 'apikey'].map((name) => inHeader(name)),
  inHeader('authorization', 'Bearer '),
];
const QUERIES = ['apiKey', 'api_key', 'apikey', 'key'].map(inQuery);

interface Try {
  place: Place;
  right: Reply;
  /** Asked only if the right key was not refused. */
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

/** The places to try, most likely first: what other addresses were found to take, then what is configured. */
export interface Places {
  header: Place[];
  query: Place[];
}

export const placesToTry = ({ keyHeader, keyPrefix, keyQuery }: PlatformProfile): Places => ({
  header: withoutRepeats([inHeader(keyHeader.toLowerCase(), keyPrefix), ...HEADERS]),
  query: withoutRepeats([inQuery(keyQuery), ...QUERIES]),
});

const isSame = (a: Place, b: Place) => a.in === b.in && a.name === b.name && a.prefix === b.prefix;
const withoutRepeats = (places: Place[]) =>
  places.filter((place, index) => places.findIndex((one) => isSame(one, place)) === index);

/**
 * Looks for the place of the key at one address. It tries the likeliest header and the likeliest query parameter.
 * If neither is right, it tries the others until one is.
 *
 * @param places what was found is moved to the front, for the next address.
 */
export async function findKey(
  asker: Asker,
  group: Group,
  question: Question,
  places: Places,
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
      toFront(places[place.in], place);
    }
    return verdict;
  };
  const [header, ...headers] = places.header;
  const [query, ...queries] = places.query;
  const first = [];
  for (const place of [header, query]) if (place !== undefined) first.push(await attempt(place));
  // An address that answers before it looks at the key would give the same answer for every name.
  if (search.proven.length > 0 || !first.includes('refused')) return search;
  for (const place of [...headers, ...queries]) {
    await attempt(place);
    if (search.proven.length > 0) break;
  }
  return search;
}

function toFront(places: Place[], place: Place): void {
  places.splice(places.indexOf(place), 1);
  places.unshift(place);
}

/** Whether the right key was no better than none, wherever it was put. */
export const isRefusedEverywhere = ({ tries }: KeySearch) =>
  tries.every((one) => verdictOf(one) === 'refused');

/** What the profile can say of the key: one header, one query parameter, and which of the two for each group. */
export interface KeySettings {
  keyHeader?: string;
  keyPrefix?: string;
  keyQuery?: string;
  keyPlacement: Partial<PlatformProfile['keyPlacement']>;
}

const worksIn = ({ proven }: KeySearch, place: Place | undefined) =>
  place !== undefined && proven.some((one) => isSame(one, place));

/**
 * The names that serve most groups; that of the credits comes first. Then the configured placement, if it works.
 */
export function chooseKeySettings(
  searches: KeySearch[],
  { keyHeader, keyPrefix, keyQuery, keyPlacement }: PlatformProfile,
): KeySettings {
  const proven = searches.flatMap((search) => search.proven);
  const placesOf = (configured: Place) =>
    withoutRepeats([configured, ...proven.filter((place) => place.in === configured.in)]);
  let best: { header: Place; query: Place; score: number } | undefined;
  for (const header of placesOf(inHeader(keyHeader.toLowerCase(), keyPrefix))) {
    for (const query of placesOf(inQuery(keyQuery))) {
      const served = searches.filter((search) => worksIn(search, header) || worksIn(search, query));
      const score = served.length + (served.some(({ group }) => group === 'credits') ? searches.length : 0);
      if (best === undefined || score > best.score) best = { header, query, score };
    }
  }
  const placements = searches.flatMap((search): [Group, 'header' | 'query'][] => {
    const works = { header: worksIn(search, best?.header), query: worksIn(search, best?.query) };
    const configured = keyPlacement[search.group];
    if (works[configured]) return [[search.group, configured]];
    const other = configured === 'header' ? 'query' : 'header';
    return works[other] ? [[search.group, other]] : [];
  });
  const used = placements.map(([, way]) => way);
  const { header, query } = best ?? {};
  // The case of a header's name means nothing. If it is the configured name, it stays as it is written there.
  const asWritten = header?.name === keyHeader.toLowerCase() ? keyHeader : header?.name;
  return {
    ...(header !== undefined && asWritten !== undefined && used.includes('header')
      ? { keyHeader: asWritten, keyPrefix: header.prefix }
      : {}),
    ...(query !== undefined && used.includes('query') ? { keyQuery: query.name } : {}),
    keyPlacement: Object.fromEntries(placements),
  };
}

/** One line for a group: what came in the chosen place, or why there is none. */
export function keyFinding(search: KeySearch, chosen: KeySettings, before: PlatformProfile): Finding {
  const { group, question, tries, proven } = search;
  const setting = `keyPlacement.${group}`;
  const way = chosen.keyPlacement[group];
  const asked = `${questionInWords(question)}, key in `;
  const { keyHeader = '', keyPrefix = '', keyQuery = '' } = chosen;
  const chosenPlace = way === 'header' ? inHeader(keyHeader.toLowerCase(), keyPrefix) : inQuery(keyQuery);
  const right = tries.find(({ place }) => proven.includes(place) && isSame(place, chosenPlace));
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
    tries.flatMap(({ place }) => (place.in === way ? [nameInWords(place)] : [])).join(', ');
  return `the header ${namesIn('header')}, the query as ${namesIn('query')}`;
}

function cameInWords({ right, wrong }: Try): string {
  return wrong === undefined ? inWords(right) : `${inWords(right)}, for a wrong key ${inWords(wrong)}`;
}

function reasonOf(search: KeySearch): string {
  const { tries, proven } = search;
  const [place] = proven;
  if (place !== undefined) return `it works in ${placeInWords(place)}, and the profile has one name for all`;
  if (isRefusedEverywhere(search)) return 'refused in every place';
  const same = tries.some((one) => verdictOf(one) === 'no_difference');
  return same ? 'a wrong key is answered the same' : 'no clear answer';
}

/** An empty object asks for nothing. If a platform says that it did it, a person must look. */
function wasDone({ method }: Question, answer: Reply): string {
  const done = method === 'POST' && answer.kind === 'response' && answer.status < 300;
  return done ? '. It took an empty object for a request: look there for what it made of it' : '';
}
