import { randomBytes } from 'node:crypto';
import { createPlatformClient, type GrantEvidence, type GrantResult } from '../../shared/platform/client.ts';
import { callOptions } from '../platform.ts';
import type { Finding } from './finding.ts';
import type { Reading } from './reads.ts';

export interface TestGrant {
  email: string;
  /** How long to look for it in the usage export, at most. */
  waitMs: number;
}

export interface GrantPorts {
  now: () => number;
  sleep: (ms: number) => Promise<unknown>;
  tell: (sentence: string) => void;
}

interface GrantFindings {
  findings: Finding[];
  settings: { listsGrants?: true };
  /** `granted`, `differs`, `not_applied`, `refused` or `unknown`. */
  outcome: GrantResult['kind'];
  mark: string;
}

const CREDITS = 1;

/** How much of the wait has passed at each look. The platform may take a moment, or a minute. */
const LOOKS = [0, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1];

/**
 * Grants one credit, once, whatever the answer. Then looks for it in the usage export.
 *
 * @param now Unix time in milliseconds.
 * @param tell is told of the grant, and of the mark by which to find it, before it is sent. If the command then
 *   ends without another word, its user knows what to look for.
 */
export async function grantFindings(
  { profile, apiKey, patience }: Reading,
  { email, waitMs }: TestGrant,
  { now, sleep, tell }: GrantPorts,
): Promise<GrantFindings> {
  const client = createPlatformClient(callOptions({ profile, apiKey }, patience.pace));
  const mark = `probe-${randomBytes(6).toString('hex')}`;
  const since = now();
  const grant = await client.prepareGrant({
    email,
    credits: CREDITS,
    description: `${mark} A probe's one credit`,
  });
  tell(
    `One credit is being granted, marked ${mark}: should this end without a word on it, look for the mark first.`,
  );
  const result = await grant.send();
  const made: Finding = {
    asked: `POST /subaccounts/credits of one credit, marked ${mark}`,
    came: grantInWords(result),
    means: GRANT_MEANINGS[result.kind],
    known: result.kind === 'granted',
  };
  if (result.kind === 'not_applied' || result.kind === 'refused') {
    return { findings: [made], settings: {}, outcome: result.kind, mark };
  }
  let evidence: GrantEvidence = { kind: 'not_found' };
  for (const share of LOOKS) {
    await sleep(Math.max(0, since + share * waitMs - now()));
    evidence = await patience.patiently(() => client.findGrant({ mark, email, credits: CREDITS, since }));
    if (evidence.kind === 'found' || evidence.kind === 'differs') break;
  }
  return {
    findings: [
      made,
      evidenceFinding(evidence, profile.usageExport.listsGrants, Math.round((now() - since) / 1000)),
    ],
    settings: evidence.kind === 'found' ? { listsGrants: true } : {},
    outcome: result.kind,
    mark,
  };
}

function grantInWords(result: GrantResult): string {
  if (result.kind !== 'granted') return `${result.kind} (${result.detail})`;
  return result.newBalance === undefined ? 'granted' : `granted, the new balance is ${result.newBalance}`;
}

const GRANT_MEANINGS: Record<GrantResult['kind'], string> = {
  granted: 'Grants work as documented',
  differs: "Something was done, but the answer is not the documented one: look at the client's balance",
  not_applied: 'Nothing was granted, and it was not tried again',
  refused: 'Nothing was granted: the platform refused it',
  unknown: "It may have been granted, and was not tried again: look for the mark in the client's history",
};

function evidenceFinding(evidence: GrantEvidence, before: boolean, seconds: number): Finding {
  const asked = 'GET /agencies/usage/export for that mark';
  const stays = `usageExport.listsGrants stays ${before}`;
  switch (evidence.kind) {
    case 'found':
      return {
        asked,
        came: `found after ${seconds} s, with the credit and the email`,
        means: 'usageExport.listsGrants is true',
        known: true,
      };
    case 'differs':
      return { asked, came: `found, but ${evidence.detail}`, means: stays, known: false };
    case 'not_found':
      return {
        asked,
        came: `not found in ${seconds} s`,
        means: `That proves nothing: ${stays}`,
        known: false,
      };
    case 'no_answer':
      return { asked, came: `no answer that can be read (${evidence.detail})`, means: stays, known: false };
  }
}
