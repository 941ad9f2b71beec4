import { parse } from 'csv-parse/sync';
import type { Reply } from '../../shared/http.ts';
import { createPlatformClient, type SubAccountResult } from '../../shared/platform/client.ts';
import { createPlatformOperations, PlatformError } from '../../shared/platform/operations.ts';
import type { PlatformProfile } from '../../shared/platform/profile.ts';
import { readUsageExport } from '../../shared/platform/usage-export.ts';
import { callOptions, type Patience } from '../platform.ts';
import { inWords } from './asker.ts';
import type { Finding } from './finding.ts';
import type { KeySearch } from './key.ts';

export interface Reading {
  /** As far as it is known: where the key goes. */
  profile: PlatformProfile;
  apiKey: string;
  patience: Patience;
}

interface LookupFindings {
  findings: Finding[];
  settings: { subAccountLookup?: boolean };
}

/**
 * Whether the lookup of sub-accounts can be relied on. It must find one that exists, and must not find one that
 * does not.
 *
 * @param email of a sub-account that exists.
 */
export async function lookupFindings(
  reading: Reading,
  search: KeySearch,
  unknownEmail: string,
  email: string | undefined,
): Promise<LookupFindings> {
  const { profile, patience } = reading;
  const stays = `subAccountLookup is UNKNOWN and stays ${profile.subAccountLookup}`;
  const off = { subAccountLookup: false };
  const asked = 'GET /subaccounts';
  const finding = (what: string, came: string, means: string, known = true): Finding => ({
    asked: `${asked} of ${what}`,
    came,
    means,
    known,
  });
  const first = search.tries[0]?.right;
  if (search.forbidden) {
    const means = 'subAccountLookup is false: this key may not look sub-accounts up';
    return { findings: [finding('an unknown email', '403', means)], settings: off };
  }
  if (search.proven.length === 0) {
    const absent = search.tries.every(({ right }) => right.kind === 'response' && right.status === 404);
    const came = first === undefined ? 'not asked' : inWords(first);
    return absent
      ? {
          findings: [
            finding('an unknown email', came, 'subAccountLookup is false: there is no such address'),
          ],
          settings: off,
        }
      : { findings: [finding('an unknown email', came, stays, false)], settings: {} };
  }
  const client = createPlatformClient(callOptions(reading, patience.pace));
  const look = (address: string) => patience.patiently(() => client.subAccount(address));
  const unknown = await look(unknownEmail);
  if (email === undefined) {
    const means = `${stays}: only a sub-account that is there can show it (--email)`;
    return { findings: [finding('an unknown email', lookupInWords(unknown), means, false)], settings: {} };
  }
  const known = await look(email);
  const came = `${lookupInWords(known)}, and an unknown one ${lookupInWords(unknown)}`;
  if (known.kind !== 'found' || unknown.kind !== 'not_found') {
    return { findings: [finding('the email given', came, stays, false)], settings: {} };
  }
  const works = finding('the email given', came, 'subAccountLookup is true');
  return {
    findings: [works, caseFinding(await look(otherCase(email)))],
    settings: { subAccountLookup: true },
  };
}

const otherCase = (email: string) =>
  email === email.toUpperCase() ? email.toLowerCase() : email.toUpperCase();

function caseFinding(answer: SubAccountResult): Finding {
  const asked = 'GET /subaccounts of the email given in other letters (capital or small)';
  const came = lookupInWords(answer);
  switch (answer.kind) {
    case 'found':
      return { asked, came, means: 'The case of an email does not matter', known: true };
    case 'not_found':
      return {
        asked,
        came,
        means: 'The case of an email matters: where it is not all small, set accounts set --grant-email',
        known: true,
      };
    case 'no_answer':
      return { asked, came, means: 'Whether the case of an email matters is UNKNOWN', known: false };
  }
}

function lookupInWords(answer: SubAccountResult): string {
  switch (answer.kind) {
    case 'found': {
      const told = [answer.balance === undefined || 'a balance', answer.platformId === undefined || 'an id'];
      const with_ = told.filter((what) => typeof what === 'string').join(' and ');
      return `found${with_ && `, with ${with_}`}`;
    }
    case 'not_found':
      return 'not found';
    case 'no_answer':
      return `not answered as expected (${answer.detail})`;
  }
}

/** @param phone in E.164. */
export async function phoneFinding({ patience, ...reading }: Reading, phone: string): Promise<Finding> {
  const operations = createPlatformOperations(callOptions(reading, patience.pace));
  const asked = 'GET /contacts of the phone number given';
  try {
    const contact = await patience.patiently(() => operations.findContact({ phoneNumber: phone }));
    if (contact !== undefined) {
      return { asked, came: 'found', means: 'Contacts are found by phone number', known: true };
    }
    const means = 'There is no such contact, or numbers are written in another way there: UNKNOWN';
    return { asked, came: 'not found', means, known: false };
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    const came = error.status === undefined ? 'no answer' : `${error.status} ${error.code ?? ''}`.trim();
    return { asked, came, means: 'Whether contacts are found by phone number is UNKNOWN', known: false };
  }
}

/** Names of columns are shown as they came, if they are plain words. */
const COLUMN = /^[\w ()/-]{1,40}$/;
const MAX_COLUMNS = 30;

/** @param answer to the question for one day. */
export async function exportFinding(answer: Reply | undefined): Promise<Finding> {
  const asked = 'GET /agencies/usage/export of today';
  const unknown = (came: string): Finding => ({
    asked,
    came,
    means: 'Whether the usage export works is UNKNOWN',
    known: false,
  });
  if (answer?.kind !== 'response')
    return unknown(answer === undefined ? 'no place of the key' : inWords(answer));
  if (answer.status !== 200) return unknown(inWords(answer));
  const lines = await readUsageExport(answer.body, () => false);
  const columns = readColumns(answer.body);
  const came = `${inWords(answer)} with the columns ${columns.join(', ')}`;
  if (lines === undefined) {
    return {
      asked,
      // A first line that is no heading may hold a client's name.
      came: `${inWords(answer)} with ${columns.length} columns that are not those of the export`,
      means: 'The usage export cannot be read: a grant cannot be found there',
      known: false,
    };
  }
  return { asked, came, means: 'The usage export works', known: true };
}

function readColumns(csv: string): string[] {
  try {
    const [header = []]: string[][] = parse(csv, { to_line: 1, bom: true });
    return header.slice(0, MAX_COLUMNS).map((name) => (COLUMN.test(name.trim()) ? name.trim() : '[…]'));
  } catch {
    return [];
  }
}
