import { describe, expect, it } from 'vitest';
import { EMAIL, error, hasKey, KEY, run, usePlatforms } from './support.ts';

const { newPlatform, newSandbox } = usePlatforms();

describe.concurrent('one credit', () => {
  const ofDemo = { email: EMAIL, waitMs: 120_000 };

  it('is granted once, and a mark found in the usage export proves that grants stand there', async () => {
    const sandbox = await newSandbox();
    const { section, grant, finding } = await run(sandbox, { grant: ofDemo });
    expect(sandbox.books).toEqual([
      {
        kind: 'grant',
        at: expect.any(String),
        email: EMAIL,
        amount: 1,
        description: `${grant?.mark} A probe's one credit`,
        newBalance: 501,
      },
    ]);
    expect(grant).toEqual({ outcome: 'granted', mark: expect.stringMatching(/^probe-[0-9a-f]{12}$/) });
    expect(section.usageExport).toEqual({ listsGrants: true });
    expect(finding('for that mark')).toMatchObject({
      came: 'found after 0 s, with the credit and the email',
      means: 'usageExport.listsGrants is true',
    });
  });

  it('that is not found within the wait proves nothing', async () => {
    const sandbox = await newSandbox({ profile: { exportListsGrants: false } });
    const { section, waits, finding } = await run(sandbox, { grant: ofDemo });
    expect(section).not.toHaveProperty('usageExport');
    expect(waits).toEqual([7_500, 7_500, 15_000, 30_000, 60_000]);
    expect(finding('for that mark')).toMatchObject({
      came: 'not found in 120 s',
      means: 'That proves nothing: usageExport.listsGrants stays false',
      known: false,
    });
  });

  it('that is found as something else proves nothing', async () => {
    const sandbox = await newSandbox();
    sandbox.fault({ operation: 'grant', fault: 'fewer' });
    const { section, grant, finding } = await run(sandbox, { grant: ofDemo });
    expect(grant?.outcome).toBe('differs');
    expect(section).not.toHaveProperty('usageExport');
    expect(finding('for that mark')?.came).toMatch(/^found, but the export does not say 1 credits/);
  });

  const OUTCOMES = [
    ['error_after', 'unknown', 1],
    ['error_before', 'unknown', 0],
    ['reset_after', 'unknown', 1],
    ['rate_limited', 'not_applied', 0],
    ['empty_pool', 'not_applied', 0],
    ['invalid', 'refused', 0],
  ] as const;
  it.each(OUTCOMES)('is never tried again: %s is %s', async (fault, outcome, granted) => {
    const sandbox = await newSandbox();
    sandbox.fault({ operation: 'grant', fault });
    const { grant, section, finding } = await run(sandbox, { grant: { email: EMAIL, waitMs: 0 } });
    expect(grant?.outcome).toBe(outcome);
    expect(sandbox.books.map(({ kind }) => kind)).toEqual(Array.from({ length: granted }, () => 'grant'));
    expect(finding('of one credit')?.known).toBe(false);
    // It was there after all: the export is the better witness.
    expect(section.usageExport).toEqual(granted === 1 ? { listsGrants: true } : undefined);
  });

  it('that was granted shows where its key goes, also where nothing else did', async () => {
    const platform = await newPlatform((heard) => {
      if (heard.path !== '/v1/subaccounts/credits') {
        return hasKey(heard) ? error(404, 'NOT_FOUND') : error(401, 'UNAUTHORIZED');
      }
      if (heard.body === '{}') return error(400, 'INVALID');
      return { status: 200, body: { success: true, credits_added: 1, new_balance: 2 } };
    });
    const section = { keyPlacement: { credits: 'query' } };
    const { section: after, finding } = await run(platform, { section, grant: { email: EMAIL, waitMs: 0 } });
    expect(finding('POST /subaccounts/credits with')?.means).toMatch(
      /UNKNOWN \(a wrong key is answered the same\)/,
    );
    expect(after.keyPlacement).toMatchObject({ credits: 'query' });
    const grants = platform.heard.filter(({ body }) => body.includes('amount'));
    expect(grants).toHaveLength(1);
    expect(grants[0]?.query.get('apiKey')).toBe(KEY);
  });
});
