import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ALERTS, createLogger, describeError, maskEmails } from '../../shared/logger.ts';

const NOW = Date.UTC(2026, 0, 5, 9, 30, 0, 123);

function aLogger(stage?: string) {
  const lines: string[] = [];
  const now = () => NOW;
  const logger = createLogger((line) => lines.push(line), stage === undefined ? { now } : { now, stage });
  return { lines, logger, last: () => JSON.parse(lines.at(-1) ?? '') };
}

describe('a line', () => {
  it('is one JSON object, without a line end', () => {
    const { logger, lines } = aLogger();
    logger.info('decided', { key: 'a\nb', credits: 500, isNew: true, phase: undefined });
    expect(lines).toEqual([
      '{"time":"2026-01-05T09:30:00.123Z","level":"info","message":"decided","key":"a\\nb","credits":500,"isNew":true}',
    ]);
  });

  it('needs no fields', () => {
    const { logger, lines } = aLogger();
    logger.info('started');
    expect(lines).toEqual(['{"time":"2026-01-05T09:30:00.123Z","level":"info","message":"started"}']);
  });

  it('masks the email, whatever its level', () => {
    const { logger, lines } = aLogger();
    const fields = { email: 'jane.doe@example.com' };
    logger.info('decided', fields);
    logger.error('failed', new Error('no answer'), fields);
    logger.alert('grant_unknown', fields);
    for (const line of lines) expect(JSON.parse(line).email).toBe('j***@example.com');
    expect(lines.join()).not.toContain('jane');
    // The caller's object is the caller's.
    expect(fields).toEqual({ email: 'jane.doe@example.com' });
  });

  it('may carry metrics', () => {
    const { logger, last } = aLogger('prod');
    logger.info('swept', { queued: 3 }, { oldest_review_seconds: 60 });
    expect(last()).toEqual({
      time: '2026-01-05T09:30:00.123Z',
      level: 'info',
      message: 'swept',
      queued: 3,
      stage: 'prod',
      oldest_review_seconds: 60,
      _aws: {
        Timestamp: NOW,
        CloudWatchMetrics: [
          {
            Namespace: 'RechargeRelay',
            Dimensions: [['stage']],
            Metrics: [{ Name: 'oldest_review_seconds' }],
          },
        ],
      },
    });
  });
});

describe('an alert', () => {
  it('is a line of its own level, and counts one under its own name', () => {
    const { logger, last } = aLogger('prod');
    logger.alert('grant_unknown', { key: 'key-1', email: 'jane@example.com' });
    expect(last()).toEqual({
      time: '2026-01-05T09:30:00.123Z',
      level: 'alert',
      message: 'grant_unknown',
      key: 'key-1',
      email: 'j***@example.com',
      stage: 'prod',
      grant_unknown: 1,
      _aws: {
        Timestamp: NOW,
        CloudWatchMetrics: [
          { Namespace: 'RechargeRelay', Dimensions: [['stage']], Metrics: [{ Name: 'grant_unknown' }] },
        ],
      },
    });
  });

  it('has a section in the runbook, whichever it is', () => {
    const runbook = readFileSync(new URL('../../RUNBOOK.md', import.meta.url), 'utf8');
    const headings = runbook.split('\n').filter((line) => /^#+ /.test(line));
    const withSection = (word: string) =>
      headings.some(
        (heading) => heading.includes(`\`${word}\``) || heading.replace(/^#+ +/, '').trim() === word,
      );
    expect(ALERTS.filter((word) => !withSection(word))).toEqual([]);
  });

  it('has a section of the runbook that says what it means, where to look and what to do', () => {
    const runbook = readFileSync(new URL('../../RUNBOOK.md', import.meta.url), 'utf8');
    const sections = runbook
      .split(/^#+ /m)
      .filter((section) => ALERTS.some((word) => section.startsWith(`\`${word}\``)));
    expect(sections).toHaveLength(ALERTS.length);
    for (const section of sections) {
      expect(section).toMatch(/\*\*Description\.\*\*.+\*\*Investigation\.\*\*.+\*\*Resolution\.\*\*/s);
    }
  });
});

describe('an error', () => {
  it('is told with its name, its words and its causes, without its stack', () => {
    const { logger, last } = aLogger();
    const cause = new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') });
    logger.error('not stored', new Error('the table did not answer', { cause }), { key: 'key-1' });
    expect(last()).toEqual({
      time: '2026-01-05T09:30:00.123Z',
      level: 'error',
      message: 'not stored',
      key: 'key-1',
      error: 'Error: the table did not answer, because TypeError: fetch failed, because Error: ECONNREFUSED',
    });
  });

  it('may be anything that was thrown', () => {
    expect(describeError('a text')).toBe('a text');
    expect(describeError(undefined)).toBe('undefined');
    expect(describeError({ a: 1 })).toBe('[object Object]');
    expect(describeError(new Error('one', { cause: 'another' }))).toBe('Error: one, because another');
  });

  it('of all addresses of a name is told by the first of them', () => {
    const refused = (address: string) => new Error(`connect ECONNREFUSED ${address}`);
    expect(describeError(new AggregateError([refused('::1:80'), refused('127.0.0.1:80')]))).toBe(
      'AggregateError: , because Error: connect ECONNREFUSED ::1:80',
    );
  });

  it('is cut where it is long, or leads back to itself', () => {
    expect(describeError(new Error('x'.repeat(1_000)))).toHaveLength(300);
    expect(describeError('x'.repeat(1_000))).toHaveLength(300);
    const circular = new Error('round');
    circular.cause = circular;
    expect(describeError(circular)).toBe(
      'Error: round, because Error: round, because Error: round, because Error: round, because Error: round, because Error: round',
    );
  });
});

describe('an email address, wherever it stands', () => {
  it.each([
    ['jane.doe@example.com', 'j***@example.com'],
    ['j@example.com', 'j***@example.com'],
    ['k-jane@example.com-2026', 'k***@example.com-2026'],
    ['refused <jane@example.com>: no account', 'refused <j***@example.com>: no account'],
    ['{"email":"jane@example.com"}', '{"email":"j***@example.com"}'],
    ['email=jane@example.com&x=1', 'email=j***@example.com&x=1'],
    ['no address', 'no address'],
    ['', ''],
  ])('in %j is masked: %j', (text, masked) => {
    expect(maskEmails(text)).toBe(masked);
  });

  it('is masked in every field of a line: a platform may put it into its key', () => {
    const lines: string[] = [];
    createLogger((line) => lines.push(line)).info('decided', {
      key: 'top-up-jane@example.com-7',
      email: 'jane@example.com',
    });
    expect(lines[0]).not.toContain('jane@');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      key: 't***@example.com-7',
      email: 'j***@example.com',
    });
  });
});
