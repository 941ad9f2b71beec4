import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { createPlatformClient } from '../../../shared/platform/client.ts';
import { platformProfileSchema } from '../../../shared/platform/profile.ts';
import { readUsageExport } from '../../../shared/platform/usage-export.ts';
import { AnsweringPlatform, KEY } from './answering.ts';

const platform = new AnsweringPlatform();

const EMAIL = 'jane+1@example.com';
const PREFIX = 'rr-30d658b5b34e-';
const MARK = `${PREFIX}1`;
const HEADER =
  'Sub Account ID,Sub Account Email,Sub Account Name,Date,Amount,Reason,Campaign Name,Contact Name,Credit Type,Custom Keys Used,Description,AI Model';
const line = ({ description = `${MARK} Auto-recharge of 500 credits`, amount = '500', email = EMAIL } = {}) =>
  `abc123xyz,${email},"Jane, Inc.",2023-11-14T22:13:20Z,${amount},grant,,,credits,false,${description},`;
const usage = `abc123xyz,${EMAIL},"Jane, Inc.",2023-11-14T20:00:00Z,0.5,AI message,Welcome,"John ""J"" Doe",economy,false,AI reply,mini`;
const csv = (...lines: string[]) => [HEADER, ...lines, ''].join('\n');

type Settings = Partial<z.input<typeof platformProfileSchema>>;

function find(
  asked: { platformId?: string; mark?: string; markPrefix?: string } = {},
  settings: Settings = {},
  timeoutMs = 2_000,
) {
  const client = createPlatformClient({
    profile: platformProfileSchema.parse({ baseUrl: platform.baseUrl, ...settings }),
    ...platform.callOptions({ timeoutMs }),
  });
  // 23:59 of the 10th; the clock says the 14th, 22:13.
  return client.findGrant({
    mark: MARK,
    email: EMAIL,
    credits: 500,
    since: Date.UTC(2023, 10, 10, 23, 59),
    ...asked,
  });
}

function list(asked: { platformId?: string } = {}) {
  const profile = platformProfileSchema.parse({ baseUrl: platform.baseUrl });
  const client = createPlatformClient({ profile, ...platform.callOptions({ timeoutMs: 2_000 }) });
  return client.listGrants({ markPrefix: PREFIX, since: Date.UTC(2023, 10, 10, 23, 59), ...asked });
}

const silent = (detail: string) => ({ kind: 'no_answer', detail });
const differs = (detail: string) => ({ kind: 'differs', detail });

describe('all grants of a recharge in the usage export', () => {
  it('are asked for as one is', async () => {
    platform.answers(200, csv());
    await list({ platformId: 'abc/1' });
    expect(platform.seen.map(({ url }) => url)).toEqual([
      `/v1/agencies/usage/export?from=2023-11-09&to=2023-11-15&subAccountId=abc%2F1&apiKey=${KEY}`,
    ]);
  });

  it('are listed line by line, whatever their credits and client', async () => {
    const others = line({ description: `${PREFIX}12 by hand`, amount: '7', email: 'joe@example.com' });
    platform.answers(200, csv(usage, line(), others, usage, line({ description: MARK })));
    expect(await list()).toEqual({ kind: 'listed', marks: [MARK, `${PREFIX}12`, MARK] });
  });

  it.each<[string, string]>([
    ['another recharge', line({ description: 'rr-30d658b5b34f-1' })],
    ['a longer mark', line({ description: `${MARK}-1` })],
    ['no number', line({ description: `${PREFIX}x` })],
    ['the beginning of a mark alone', line({ description: PREFIX })],
    ['another word', line({ description: `x${MARK}` })],
    ['credits that were taken back', line({ amount: ' -500' })],
  ])('do not hold %s', async (_name, its) => {
    platform.answers(200, csv(usage, its, usage));
    expect(await list()).toEqual({ kind: 'listed', marks: [] });
  });

  it.each<[string, number, string]>([
    ['a refusal', 403, '{"error":{"code":"FORBIDDEN","message":"no"}}'],
    ['no CSV', 200, '{"success":true}'],
    ['a file that breaks off', 200, `${csv(line())}"abc`],
  ])('are not known after %s', async (_name, status, body) => {
    platform.answers(status, body);
    expect(await list()).toMatchObject({ kind: 'no_answer' });
  });
});

describe('a grant in the usage export', () => {
  it('is asked for from the day before it to tomorrow, the key in the query', async () => {
    platform.answers(200, csv());
    await find();
    await find({ platformId: 'abc/1' }, { keyPlacement: { usageExport: 'header' } });
    expect(platform.seen.map(({ method, url, headers }) => [method, url, headers['x-api-key']])).toEqual([
      ['GET', `/v1/agencies/usage/export?from=2023-11-09&to=2023-11-15&apiKey=${KEY}`, undefined],
      ['GET', '/v1/agencies/usage/export?from=2023-11-09&to=2023-11-15&subAccountId=abc%2F1', KEY],
    ]);
    expect(platform.seen[0]?.headers.accept).toContain('text/csv');
  });

  it.each<[string, string]>([
    ['as it was asked for', line()],
    ['with decimals', line({ amount: '500.00' })],
    ['with zeros and a plus before it', line({ amount: ' +0500.0' })],
    ['with the email in capitals', line({ email: ' Jane+1@Example.COM ' })],
    ['with the mark alone', line({ description: MARK })],
    ['with the mark in brackets', line({ description: `"Note (${MARK}), from us"` })],
    ['with lines in its description', line({ description: `"Note\n${MARK}\nfrom us"` })],
  ])('is found %s', async (_name, its) => {
    platform.answers(200, csv(usage, its, usage));
    expect(await find()).toEqual({ kind: 'found' });
  });

  it.each<[string, string]>([
    ['in a longer number', `${MARK}2`],
    ['in a longer mark', `${MARK}-1`],
    ['in another word', `x${MARK}`],
    ['after a dash', `-${MARK}`],
    ['in capitals', 'RR-30D658B5B34E-1'],
    ['in no way', 'rr-30d658b5b34e-2'],
  ])('is not found where the mark stands %s', async (_name, description) => {
    platform.answers(200, csv(usage, line({ description })));
    expect(await find()).toEqual({ kind: 'not_found' });
  });

  it('is not found by no mark at all', async () => {
    platform.answers(200, csv(line()));
    expect(await find({ mark: '' })).toEqual({ kind: 'not_found' });
  });

  it('is not found where the export has no lines', async () => {
    platform.answers(200, csv());
    expect(await find()).toEqual({ kind: 'not_found' });
  });

  describe('and an earlier one of the same recharge', () => {
    const second = { mark: `${PREFIX}2`, markPrefix: PREFIX };
    const own = line({ description: `${PREFIX}2 again` });

    it('that stands there instead is a contradiction, and names it', async () => {
      platform.answers(200, csv(line(), usage, line({ description: `${PREFIX}12 by hand` })));
      expect(await find(second)).toEqual(
        differs(`an earlier grant stands in the export: ${MARK}, ${PREFIX}12`),
      );
    });

    it.each<[string, string[], string]>([
      ['is found where it stands there too', [line(), own], 'found'],
      ['is not found where the earlier one was taken back', [line({ amount: ' -500' })], 'not_found'],
      [
        'is not found where only other recharges stand there',
        [line({ description: 'rr-7f3a-1' })],
        'not_found',
      ],
      ['is not found where nothing stands there', [], 'not_found'],
    ])('%s', async (_name, lines, kind) => {
      platform.answers(200, csv(...lines));
      expect(await find(second)).toEqual({ kind });
    });

    it('with other credits differs by its own words, whatever else stands there', async () => {
      platform.answers(200, csv(line(), line({ description: `${PREFIX}2 again`, amount: '250' })));
      expect(await find(second)).toEqual(differs('the export does not say 500 credits, but 250'));
    });
  });

  it('is not found where the mark stands in another column', async () => {
    platform.answers(200, csv(line({ description: 'none' }).replace('Jane, Inc.', MARK)));
    expect(await find()).toEqual({ kind: 'not_found' });
  });

  it.each<[string, string[], string]>([
    ['twice', [line(), line()], '2 lines of the export bear the mark'],
    ['with other credits', [line({ amount: '250' })], 'the export does not say 500 credits, but 250'],
    [
      'with other credits, as a decimal',
      [line({ amount: ' +250.00 ' })],
      'the export does not say 500 credits, but 250',
    ],
    [
      'with ten times the credits',
      [line({ amount: '5000' })],
      'the export does not say 500 credits, but 5000',
    ],
    [
      'with a fraction more',
      [line({ amount: '500.0000000000000000001' })],
      'the export does not say 500 credits',
    ],
    ['with the credits taken', [line({ amount: '-500' })], 'the export does not say 500 credits'],
    ['with the credits written oddly', [line({ amount: '5e2' })], 'the export does not say 500 credits'],
    ['with a thousands separator', [line({ amount: '"500,000"' })], 'the export does not say 500 credits'],
    ['without the credits', [line({ amount: '' })], 'the export does not say 500 credits'],
    ['to another client', [line({ email: 'john@example.com' })], 'the export names another sub-account'],
    ['to nobody', [line({ email: '' })], 'the export names another sub-account'],
  ])('differs where it stands there %s', async (_name, lines, detail) => {
    platform.answers(200, csv(usage, ...lines));
    expect(await find()).toEqual(differs(detail));
  });

  it.each<[string, number, string, string]>([
    ['HTML', 200, '<html>', 'status 200: not the documented CSV'],
    ['nothing', 200, '', 'status 200: not the documented CSV'],
    ['JSON', 200, '{"success":true}', 'status 200: not the documented CSV'],
    ['another table', 200, 'Date,Amount\n1,2\n', 'status 200: not the documented CSV'],
    ['a line that breaks off', 200, `${csv(line())}abc,"Jane`, 'status 200: not the documented CSV'],
    ['a line with too few columns', 200, csv(line(), 'abc,Jane'), 'status 200: not the documented CSV'],
    ['a part of it', 206, csv(line()), 'status 206'],
    ['a redirect', 302, csv(line()), 'status 302'],
    ['400', 400, '{"error":"not an agency"}', 'status 400 not an agency'],
    ['401', 401, '', 'status 401'],
    ['404 of the platform', 404, '{"error":"no usage"}', 'status 404 no usage'],
    ['429', 429, '', 'status 429'],
    ['500', 500, csv(line()), 'status 500'],
  ])('has no answer in %s (%i)', async (_name, status, body, detail) => {
    platform.answers(status, body, { location: '/v1/elsewhere' });
    expect(await find()).toEqual(silent(detail));
    expect(platform.seen).toHaveLength(1);
    expect(platform.unauthorized).toBe(status === 401 ? 1 : 0);
  });

  it('has no answer where the platform cannot be reached, or is silent', async () => {
    expect(await find({}, {}, 100)).toEqual(silent('no answer: no answer in time'));
    platform.close();
    expect(await find()).toEqual(silent(expect.stringMatching(/^not sent: ECONNREFUSED/)));
  });

  it('is found in an export of 16 MB, and not looked for in a longer one', async () => {
    const room = 16 * 1024 * 1024 - csv(line()).length;
    const filler = `${usage}\n`.repeat(Math.floor(room / (usage.length + 1)));
    platform.answers(200, csv(filler + line()));
    expect(await find({}, {}, 20_000)).toEqual({ kind: 'found' });
    platform.answers(200, csv(filler + line(), usage, usage));
    expect(await find({}, {}, 20_000)).toEqual(silent('no answer: the answer is longer than 16777216 bytes'));
  }, 30_000);
});

describe('readUsageExport', () => {
  it('gives each line its names, wherever the columns stand and whatever others there are', async () => {
    const text = [
      '\uFEFF"Description", AMOUNT ,Credit Type,Reason,date,Sub Account Email,Sub Account ID,Colour',
      'a note,0.5,economy,AI message,2023-11-14,jane@example.com,abc123xyz,red',
      '',
      '',
    ].join('\r\n');
    expect(await readUsageExport(text)).toEqual([
      {
        subAccountId: 'abc123xyz',
        email: 'jane@example.com',
        date: '2023-11-14',
        amount: '0.5',
        reason: 'AI message',
        creditType: 'economy',
        description: 'a note',
      },
    ]);
  });

  it('gives the documented lines as they are', async () => {
    expect(await readUsageExport(csv(usage, line()))).toMatchObject([
      { amount: '0.5', description: 'AI reply', email: EMAIL },
      { amount: '500', description: `${MARK} Auto-recharge of 500 credits`, reason: 'grant' },
    ]);
  });

  it.each(['', '\n\n', 'null', '{"error":"no"}', HEADER.replace('Description', 'Note'), `${HEADER}\n"`])(
    'gives nothing for %j',
    async (text) => {
      expect(await readUsageExport(text)).toBeUndefined();
    },
  );
});
