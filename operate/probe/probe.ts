import { randomBytes } from 'node:crypto';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { type PlatformProfile, platformProfileSchema } from '../../shared/platform/profile.ts';
import { createPatience, type Platform, type Section } from '../platform.ts';
import { findAddress } from './address.ts';
import { type Asker, createAsker, inWords, type Place, type Question, questionInWords } from './asker.ts';
import type { Finding } from './finding.ts';
import { type GrantPorts, grantFindings, type TestGrant } from './grant.ts';
import { errorFindings, rateFindings, requestIdFinding } from './headers.ts';
import {
  chooseKeySettings,
  findKey,
  isRefusedEverywhere,
  type KeySearch,
  keyFinding,
  placesToTry,
} from './key.ts';
import { empty, nobody, onlyReads, otherSpelling, questionsOf } from './questions.ts';
import { exportFinding, lookupFindings, phoneFinding, type Reading } from './reads.ts';

export interface ProbeOptions extends Platform {
  /** The email of a sub-account that exists. */
  email?: string;
  /** The phone number of a contact that exists, in E.164. */
  phone?: string;
  /** Leaves out the requests with an empty object to addresses that write. */
  readsOnly?: boolean;
  grant?: TestGrant;
  /** Gets each finding as soon as it is known. */
  tell: (finding: Finding) => void;
  /** Gets a sentence before each wait. */
  tellWait: (sentence: string) => void;
  now?: () => number;
  sleep?: (ms: number) => Promise<unknown>;
}

export interface ProbeReport {
  findings: Finding[];
  /** False if the base URL leads nowhere, or elsewhere. */
  reached: boolean;
  /** Whether the key opened at least one address. */
  keyWorks: boolean;
  /** The section `platform` with what was found out; all else as it was. */
  section: Section;
  /** The outcome in the client's word. */
  grant?: { outcome: string; mark: string };
}

/** What was learnt, as the profile says it. */
type Settings = Partial<Omit<PlatformProfile, 'keyPlacement' | 'usageExport'>> & {
  keyPlacement?: Partial<PlatformProfile['keyPlacement']>;
  usageExport?: Partial<PlatformProfile['usageExport']>;
};

/** What was learnt so far, and whom to tell. */
interface Notes {
  findings: Finding[];
  section: Section;
  learn(findings: Finding[], settings?: Settings): void;
  /** With what was learnt. */
  profile(): PlatformProfile;
}

/**
 * Asks the platform what its profile should say. It changes nothing there, except for the one credit of `grant`.
 *
 * @throws if the API key is empty or malformed; nothing was sent then.
 */
export async function probe(options: ProbeOptions): Promise<ProbeReport> {
  const { tellWait, now = Date.now, sleep = sleepFor } = options;
  const apiKey = options.apiKey.trim();
  if (!/^[!-~]+$/.test(apiKey)) throw new Error('The API key is empty or malformed: nothing was sent.');
  const notes = createNotes(options.section, options.tell);
  const report = (state: Pick<ProbeReport, 'reached' | 'keyWorks' | 'grant'>): ProbeReport => ({
    findings: notes.findings,
    section: notes.section,
    ...state,
  });
  const wrongKey = randomBytes(16).toString('hex');
  const asker = createAsker({ apiKey, wrongKey, tell: tellWait, now, sleep });

  const { profile } = options;
  const unknownEmail = nobody();
  const questions = questionsOf(profile, unknownEmail, now());
  const reading = { method: 'GET' as const, path: '/contacts', query: { email: unknownEmail } };
  const address = await findAddress(asker, reading, profile.baseUrl);
  const { baseUrl } = address;
  notes.learn(address.findings, baseUrl === undefined ? {} : { baseUrl });
  if (baseUrl === undefined) return report({ reached: false, keyWorks: false });

  const searches = await findKeys(asker, questions, options, notes);
  const keyWorks = searches.some(({ proven, forbidden }) => proven.length > 0 && !forbidden);

  const patience = createPatience(tellWait, sleep);
  const reader = (): Reading => ({ profile: notes.profile(), apiKey, patience });
  const searchOf = (wanted: string) => searches.find(({ group }) => group === wanted);
  await learnByReading(options, reader, searchOf, unknownEmail, notes);
  const id = requestIdFinding(asker.seen, profile);
  const rate = rateFindings(asker.seen, profile, now());
  notes.learn(errorFindings(asker.seen));
  notes.learn(id.findings, id.settings);
  notes.learn(rate.findings, rate.settings);
  const grant = await learnByGranting(
    options,
    reader(),
    searchOf('credits'),
    { now, sleep, tell: tellWait },
    notes,
  );
  return report({ reached: true, keyWorks, ...(grant === undefined ? {} : { grant }) });
}

function createNotes(before: Section, tell: (finding: Finding) => void): Notes {
  const notes: Notes = {
    findings: [],
    section: before,
    learn(findings, { keyPlacement = {}, usageExport = {}, ...settings } = {}) {
      const placement = { ...notes.section.keyPlacement, ...keyPlacement };
      const export_ = { ...notes.section.usageExport, ...usageExport };
      notes.section = {
        ...notes.section,
        ...settings,
        ...(Object.keys(placement).length === 0 ? {} : { keyPlacement: placement }),
        ...(Object.keys(export_).length === 0 ? {} : { usageExport: export_ }),
      };
      notes.findings.push(...findings);
      findings.forEach(tell);
    },
    profile: () => platformProfileSchema.parse(notes.section),
  };
  return notes;
}

/** Where the key goes, and by which address messages do. */
async function findKeys(
  asker: Asker,
  questions: ReturnType<typeof questionsOf>,
  { profile, readsOnly = false }: ProbeOptions,
  notes: Notes,
): Promise<KeySearch[]> {
  const places = placesToTry(profile);
  const searches: KeySearch[] = [];
  const unasked: Finding[] = [];
  let sendPath: string | undefined;
  for (const [group, question] of questions) {
    // A key that opens nothing is not tried any further, because a platform may take that for an attack.
    const useless = searches.length > 0 && searches.every(isRefusedEverywhere);
    if (!onlyReads(question) && (readsOnly || useless)) {
      unasked.push(
        unaskedFinding(group, question, readsOnly ? '--reads-only' : 'the key opens nothing', profile),
      );
      continue;
    }
    let search = await findKey(asker, group, question, places);
    if (group === 'messages' && isAbsent(search)) {
      const other = await findKey(asker, group, empty(otherSpelling(question.path)), places);
      if (other.proven.length > 0) search = other;
    }
    if (group === 'messages' && search.proven.length > 0) sendPath = search.question.path;
    searches.push(search);
  }
  const chosen = chooseKeySettings(searches, profile);
  notes.learn([...searches.map((search) => keyFinding(search, chosen, profile)), ...unasked], {
    ...chosen,
    ...(sendPath === undefined ? {} : { sendPath }),
  });
  const [place] = searches.find(({ group }) => group === 'messages')?.proven ?? [];
  if (place !== undefined) await findIncomingPath(asker, place, profile, notes);
  return searches;
}

/** So that nobody takes silence for an answer. */
const unaskedFinding = (
  group: KeySearch['group'],
  question: Question,
  why: string,
  { keyPlacement }: PlatformProfile,
): Finding => ({
  asked: questionInWords(question),
  came: `not asked (${why})`,
  means: `keyPlacement.${group} is UNKNOWN and stays ${keyPlacement[group]}`,
  known: false,
});

const isAbsent = ({ tries }: KeySearch) =>
  tries.every(({ right }) => right.kind === 'response' && right.status === 404);

async function findIncomingPath(
  asker: Asker,
  place: Place,
  { incomingPath }: PlatformProfile,
  notes: Notes,
): Promise<void> {
  for (const path of [incomingPath, otherSpelling(incomingPath)]) {
    const question = empty(path);
    const answer = await asker.ask(question, place, 'right');
    if (answer.kind === 'response' && [400, 422].includes(answer.status)) {
      const finding = { asked: questionInWords(question), came: inWords(answer), known: true };
      return notes.learn([{ ...finding, means: `incomingPath is ${path}` }], { incomingPath: path });
    }
    if (answer.kind === 'response' && answer.status === 404) continue;
    const means = `incomingPath is UNKNOWN and stays ${incomingPath}`;
    return notes.learn([{ asked: questionInWords(question), came: inWords(answer), means, known: false }]);
  }
  const asked = `${questionInWords(empty(incomingPath))}, also in its other spelling`;
  const means = `incomingPath is UNKNOWN and stays ${incomingPath}`;
  notes.learn([{ asked, came: '404', means, known: false }]);
}

type SearchOf = (group: 'subAccounts' | 'contacts' | 'usageExport') => KeySearch | undefined;

async function learnByReading(
  { email, phone }: ProbeOptions,
  reader: () => Reading,
  searchOf: SearchOf,
  unknownEmail: string,
  notes: Notes,
): Promise<void> {
  const subAccounts = searchOf('subAccounts');
  if (subAccounts !== undefined) {
    const lookup = await lookupFindings(reader(), subAccounts, unknownEmail, email);
    notes.learn(lookup.findings, lookup.settings);
  }
  if (phone !== undefined) notes.learn([await phoneFinding(reader(), phone)]);
  notes.learn([await exportFinding(searchOf('usageExport')?.answer)]);
}

/** @param search undefined if the key opens nothing. */
async function learnByGranting(
  { grant }: ProbeOptions,
  reading: Reading,
  search: KeySearch | undefined,
  ports: GrantPorts,
  notes: Notes,
): Promise<ProbeReport['grant']> {
  const { credits } = reading.profile.keyPlacement;
  const { listsGrants } = reading.profile.usageExport;
  if (grant === undefined) {
    const means = `usageExport.listsGrants is UNKNOWN and stays ${listsGrants}: only a grant can show it (--grant-one-credit)`;
    notes.learn([
      { asked: 'Whether grants stand in the usage export', came: 'not asked', means, known: false },
    ]);
    return undefined;
  }
  if (search === undefined || isRefusedEverywhere(search)) {
    const means = 'Nothing was granted: no place of the key is known';
    notes.learn([
      { asked: 'POST /subaccounts/credits of one credit', came: 'not sent', means, known: false },
    ]);
    return undefined;
  }
  const { findings, settings, outcome, mark } = await grantFindings(reading, grant, ports);
  notes.learn(findings, {
    // It was made with the key in this place.
    ...(outcome === 'granted' ? { keyPlacement: { credits } } : {}),
    ...(settings.listsGrants ? { usageExport: { listsGrants: true } } : {}),
  });
  return { outcome, mark };
}
