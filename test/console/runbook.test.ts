import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inConsoleWords, runbookSection } from '../../console/runbook.ts';
import { runbookWordOf } from '../../operate/runbook.ts';
import { ALERTS } from '../../shared/logger.ts';
import { ANSWERS } from '../../shared/recharge/answers.ts';
import { aRecharge } from '../support/builders.ts';

describe('the runbook beside a recharge', () => {
  it.each(ALERTS)('says of %s what to look at, what to do and what it is', (word) => {
    const section = runbookSection(word);
    expect(section && Object.values(section).every((text) => text.length > 0)).toBe(true);
  });

  it.each(ALERTS)('names for %s no command that is a button here', (word) => {
    const text = Object.values(runbookSection(word) ?? {}).join('\n');
    const spans = [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
    expect(spans.filter((span) => ANSWERS.some((answer) => span.split(' ').includes(answer)))).toEqual([]);
    expect(text).not.toMatch(/`(npx\s+relay |accounts |recharges )[^`]*`(?! \(on the command line\))/);
    expect(text).not.toMatch(/`(show|pause|resume|alerts)`/);
  });

  it('says the buttons as they are called', () => {
    expect(runbookSection('grant_unknown')?.resolution).toContain(
      '- The mark is there: **The client has the credits**. If it has other credits, put the balance right first.',
    );
    expect(inConsoleWords('`show` says it, and then `npx relay logs KEY`.')).toBe(
      'This page says it, and then `npx relay logs KEY` (on the command line).',
    );
    expect(
      inConsoleWords('Find out what happened (RUNBOOK.md, grant_unknown): "confirm-not-granted" later.'),
    ).toBe('Find out what happened: "Nothing was granted" later.');
  });

  it('is of what the recharge waits for', () => {
    expect(runbookWordOf(aRecharge({ phase: 'needs_review', review: 'refund_failed' }))).toBe(
      'refund_failed',
    );
    expect(runbookWordOf(aRecharge({ phase: 'blocked', reason: 'cooldown' }))).toBe('recharge_blocked');
    expect(runbookWordOf(aRecharge({ phase: 'declined', reason: 'expired' }))).toBe('recharge_expired');
    expect(runbookWordOf(aRecharge({ phase: 'charge_pending', actionUrl: 'https://pay.example.com' }))).toBe(
      'client_must_act',
    );
    expect(runbookWordOf(aRecharge({ phase: 'completed' }))).toBeUndefined();
  });

  it('has a section of every word that leads there', () => {
    const headings = readFileSync('RUNBOOK.md', 'utf8').match(/^## .*$/gm) ?? [];
    for (const word of ['recharge_blocked', 'recharge_expired', 'client_must_act', 'other_counterparty'])
      expect(headings).toContain(`## \`${word}\``);
  });
});
