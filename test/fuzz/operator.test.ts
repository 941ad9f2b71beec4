import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { parse } from 'csv-parse/sync';
import * as fc from 'fast-check';
import { afterAll, describe, expect } from 'vitest';
import { cliWith } from '../../cli/main.ts';
import { commandsOf } from '../../cli/reference.ts';
import { DEEDS } from '../../console/deeds.ts';
import { startConsole } from '../../console/server.ts';
import { VIEWS } from '../../console/views.ts';
import { localSecrets } from '../../local/state.ts';
import { checkConfig } from '../../operate/config-check.ts';
import { csvOf, withoutGuard } from '../../operate/csv.ts';
import { monthOf, rangeOf } from '../../operate/days.ts';
import { OperateError } from '../../operate/error.ts';
import { findVerifiers } from '../../operate/find-verifiers.ts';
import { planImport } from '../../operate/import-accounts.ts';
import { proposeChannel } from '../../operate/map-channel.ts';
import { proposeRecharge } from '../../operate/map-recharge.ts';
import { checkFilter } from '../../operate/recharge-filter.ts';
import { rechargeSchema } from '../../shared/recharge/settings.ts';
import { readOrder } from '../../shared/recharge/webhook.ts';
import { parseConfig } from '../../shared/settings/config.ts';
import { utc } from '../support/builders.ts';
import { aTerms } from '../support/clients.ts';
import { ioOf, runCommand } from '../support/command.ts';
import { useFoundRelay } from '../support/found-relay.ts';
import { holds } from '../support/fuzz.ts';
import { hostileHeaders, hostileText, hostileValue, mutated, written } from '../support/hostile.ts';

const NOW = utc('2026-01-05 12:00:00');
const CANARY = 'sk_canary_4711';
const folder = mkdtempSync(join(tmpdir(), 'relay-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const EXAMPLE = JSON.parse(readFileSync(new URL('../../relay.config.example.json', import.meta.url), 'utf8'));
const CHANNEL = {
  adapter: 'webhook',
  toId: 'agency',
  incoming: {
    verifiers: [{ type: 'token' }],
    id: '/id',
    contact: '/from',
    text: '/text',
    phone: { written: 'e164' },
  },
  delivery: {
    url: 'https://chat.example.com',
    body: { to: '{{to}}', text: '{{text}}' },
    headers: { a: '{{token}}' },
  },
  outgoing: {
    verifiers: [{ type: 'hmac', header: 'x-s', signs: '{id}.{body}', idHeader: 'x-id' }],
    id: '/id',
  },
};

/** One text of a value becomes the canary. */
function planted(value: unknown, at: number): unknown {
  let left = at;
  return JSON.parse(
    JSON.stringify(value, (_name, one) => {
      left -= typeof one === 'string' ? 1 : 0;
      return typeof one === 'string' && left === 0 ? CANARY : one;
    }) ?? 'null',
  );
}

describe('whatever stands in a configuration', () => {
  holds(
    'is in force, or its faults are told by their lines, without a value of the file',
    fc.record({
      config: mutated(
        [{ ...EXAMPLE, channels: { support: CHANNEL } }, EXAMPLE],
        ['channels', 'credits', 'events'],
      ),
      at: fc.nat(60),
    }),
    ({ config, at }) => {
      const file = join(folder, 'relay.config.json');
      const text = JSON.stringify(planted(config, at)) ?? '';
      writeFileSync(file, text);
      const { faults, lacks } = checkConfig({ stack: undefined, env: {} }, file);
      for (const { line, message, setting } of faults) {
        expect(message).not.toContain(CANARY);
        expect(setting).not.toContain(CANARY);
        expect(message).toMatch(/^[^\n]{3,}$/);
        expect(line ?? 1).toBeGreaterThan(0);
      }
      if (faults.length > 0 || lacks.length > 0) return;
      parseConfig(JSON.parse(text), 'the file');
    },
    { runs: 60 },
  );
});

const PAYLOADS = [
  { idempotency_key: 'key-1', email: 'jane@example.com', credits: 500, sub_account: { id: 'sub-7' } },
  { data: { event_id: 7, client_email: 'jane@example.com', top_up_amount: '500', price: 50 } },
  {
    message: {
      id: 'm-1',
      from: { id: '+15551234567', name: 'Jane' },
      text: 'Hello',
      files: [{ url: 'https://a.example' }],
    },
  },
];

describe('whatever was captured', () => {
  holds(
    'is proposed a mapping that can be used, or none; and nothing is found that does not verify',
    fc.record({
      body: written(mutated(PAYLOADS, ['id', 'text', 'thread', 'status', 'amount', 'uid'])),
      headers: hostileHeaders(['x-signature', 'x-timestamp', 'idempotency-key', 'authorization']).map(
        (headers) =>
          Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
      ),
      direction: fc.constantFrom('incoming' as const, 'outgoing' as const),
    }),
    ({ body, headers, direction }) => {
      const { fields } = proposeRecharge({ body, headers });
      const settings = rechargeSchema.safeParse({ ...fields, verifiers: [{ type: 'token' }] });
      if (settings.success) readOrder(body, settings.data, { headers });
      else expect(fields).toHaveProperty('keyHeader');
      proposeChannel({ body, headers }, direction);
      const delivery = {
        route: '/webhooks/auto-recharge',
        body,
        headers,
        reason: 'captured',
        receivedAt: NOW,
      };
      expect(findVerifiers(delivery, [CANARY], 'https://relay.example.com').matches).toEqual([]);
    },
    { runs: 60 },
  );
});

const CLIENTS = [
  'email,status,note,platform_id,customer,daily_count,monthly_cap,price_per_credit,cooldown_seconds',
  'anna@example.com,active,,sub-1,cus_1,3,200.00 USD,0.08 EUR,600',
  'bob@example.com;suspended;"asked, twice";;;;;;',
];
const nobody = {
  accounts: async () => new Map(),
  linkedEmails: async () => new Map(),
};

describe('whatever stands in a file', () => {
  holds(
    'of clients, is planned as it is written, or its faults are told by their lines',
    fc.array(fc.tuple(fc.nat(2), fc.nat(120), hostileText, fc.boolean()), { maxLength: 4 }),
    async (edits) => {
      const lines = [...CLIENTS];
      for (const [line, at, text, isCell] of edits) {
        const before = lines[line] ?? '';
        lines[line] = isCell
          ? before
              .split(',')
              .with(at % before.split(',').length, text)
              .join(',')
          : `${before.slice(0, at)}${text}${before.slice(at)}`;
      }
      const text = lines.join('\r\n');
      const connection = { rows: nobody, terms: aTerms, now: () => NOW } as never;
      const { clients, faults } = await planImport(connection, Buffer.from(text));
      for (const { line, message } of faults) {
        expect(line).toBeGreaterThan(0);
        expect(message.length).toBeGreaterThan(2);
      }
      for (const { email, changes } of clients) {
        expect(text.toLowerCase()).toContain(email);
        for (const { column, to } of changes)
          if (column === 'customer')
            expect(text.replaceAll(/\r\n?/g, '\n')).toContain(to?.replaceAll('"', '""'));
      }
    },
    { runs: 80 },
  );

  holds(
    'that is exported, is read back as it was, and no spreadsheet runs a cell of it',
    fc.array(fc.array(hostileText, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
    (cells) => {
      const csv = csvOf(cells);
      const read: string[][] = parse(csv, { relax_column_count: true });
      expect(read.map((line) => line.map(withoutGuard))).toEqual(
        cells.map((line) => line.map((cell) => cell.toWellFormed())),
      );
      for (const cell of read.flat()) expect(cell).not.toMatch(/^\s*[=+\-@]/);
    },
    { runs: 80 },
  );
});

const aDay = fc.oneof(
  fc.constantFrom(
    '2026-01-01',
    '7d',
    '0d',
    '9999d',
    '9999-12-31',
    '0001-01-01',
    '2026-02-30',
    '2026-1-1',
    ' 7d',
  ),
  fc.integer({ min: -100_000, max: 100_000 }).map((days) => `${days}d`),
  hostileText,
);
/** Only what tells a person what to do. */
const refusedBy = <Result>(work: () => Result): Result | undefined => {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof OperateError)) throw error;
    expect(error.message).toMatch(/\.$/);
    return undefined;
  }
};

describe('whatever range or filter is asked for', () => {
  holds(
    'it is of days on which something may have come, or is refused with a sentence',
    fc.record({
      from: fc.option(aDay, { nil: undefined }),
      to: fc.option(aDay, { nil: undefined }),
      month: fc.oneof(hostileText, fc.constantFrom('2026-01', '2025-12', '2026-13', '2099-01')),
      min: fc.option(fc.oneof(hostileText, fc.constantFrom('1', '1e3', '0.00001')), { nil: undefined }),
      reference: fc.option(hostileText, { nil: undefined }),
    }),
    ({ from, to, month, ...filter }) => {
      const days = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
      const range = refusedBy(() => rangeOf(days, NOW));
      if (range) {
        expect(range.days.length).toBeGreaterThan(0);
        // No relay ran before 2025, and nothing comes from tomorrow on.
        expect(range.days.length).toBeLessThan(380);
      }
      const books = refusedBy(() => monthOf(month, NOW));
      if (books) expect(books.to - books.from).toBeGreaterThan(27 * 86_400_000);
      refusedBy(() => checkFilter(filter as never));
    },
    { runs: 120 },
  );
});

/** Nobody listens there: whoever asks another party is told at once that there is no answer. */
const NOBODY = 'http://127.0.0.1:9';
const found = useFoundRelay({
  now: () => Date.now(),
  others: { platform: NOBODY, payments: NOBODY },
});

const { io } = ioOf({ env: {} });
const COMMANDS: { name: string; command: Command }[] = commandsOf((await cliWith('all', io)).program);

/** What a person types or an address holds; the table knows no key of as many bytes as the last. */
const typed = fc.oneof(
  { arbitrary: hostileText, weight: 12 },
  { arbitrary: fc.constant('é'.repeat(1_500)), weight: 1 },
);
const anArgument = fc.oneof(
  typed,
  fc.constantFrom('key-1', 'jane@example.com', '500', '-1', '2026-01', '7d', '{}', '-'),
);
/** They would write a file, go on for ever, or ask somebody out there. */
const SPARED = ['--file', '--watch', '--url', '--base-url'];
const aCommandLine = fc.constantFrom(...COMMANDS).chain(({ name, command }) => {
  const options = command.options.flatMap(({ long, flags }) =>
    long === undefined || SPARED.includes(long) ? [] : [{ long, takes: flags.includes('<') }],
  );
  const option =
    options.length === 0
      ? fc.constant<string[]>([])
      : fc
          .tuple(fc.constantFrom(...options), anArgument)
          .map(([{ long, takes }, value]) => (takes ? [long, value] : [long]));
  const count = command.registeredArguments.length;
  return fc
    .tuple(
      fc.array(anArgument, { minLength: Math.max(0, count - 1), maxLength: count + 1 }),
      fc.array(option, { maxLength: 3 }),
      fc.boolean(),
    )
    .map(([args, given, json]) => [
      ...name.split(' '),
      ...args,
      ...given.flat(),
      ...(json && options.some(({ long }) => long === '--json') ? ['--json'] : []),
    ]);
});

describe('whatever a person types or a page asks', () => {
  holds(
    'a command is done, or says in a sentence what is wrong, controls no terminal, and says no secret',
    fc.record({ args: aCommandLine, input: fc.oneof(fc.constant(''), hostileText) }),
    async ({ args, input }) => {
      const { env } = found();
      // As they were: a secret that is typed is another one afterwards.
      const secrets = Object.values(localSecrets(env).outbound).filter((value) => typeof value === 'string');
      const given = { env, cwd: folder, input, sleep: async () => {} };
      const { code, stdout, stderr } = await runCommand(args, given);
      expect([0, 1, 2, 3, 4, 5]).toContain(code);
      const said = stdout + stderr;
      expect(
        said
          .replace(/^\ufeff/, '')
          .replaceAll('\r\u001b[2K', '')
          .replaceAll(/\r\n|[\n\t]/g, ''),
      ).not.toMatch(/\p{C}/u);
      // So Node says that nobody answers.
      expect(said).not.toMatch(
        /TypeError(?!: fetch failed)|RangeError|ZodError|ValidationException|Bug!|Cannot read|is not a function|\n {4}at /,
      );
      if (code !== 0) expect(said).toMatch(/\S/);
      for (const secret of secrets) if (secret.length > 8) expect(said).not.toContain(secret);
      if (args.includes('--json') && stdout !== '') JSON.parse(stdout);
    },
    { runs: 40 },
  );

  const aQuery = fc.record({
    path: fc.oneof(fc.constantFrom(...Object.keys(VIEWS).filter((name) => name !== 'health')), typed),
    query: fc.array(
      fc.tuple(
        fc.constantFrom(
          'key',
          'from',
          'to',
          'email',
          'cursor',
          'after',
          'reference',
          'word',
          'id',
          'day',
          'phase',
          'min',
          'contact',
          '__proto__',
        ),
        fc.oneof(typed, fc.constantFrom('key-1', 'jane@example.com', '9999-12-31', '7d')),
      ),
      { maxLength: 3 },
    ),
  });
  const BODIES = [
    { note: 'why' },
    { key: 'key-1', note: 'why', answer: 'refund', version: 1, payment_ref: 'pay_1' },
    { client: 'jane@example.com', note: 'why', credits: 500, charge: false, instead_of: 'key-1' },
    { email: 'jane@example.com', settings: { dailyCount: '3', monthlyCap: '200.00 USD' } },
    { csv: CLIENTS.join('\n') },
    { id: 'rrm-0123456789abcdef01234567', unverified: true },
  ];
  const aDeed = fc.record({
    path: fc.oneof(
      { arbitrary: fc.constantFrom(...Object.keys(DEEDS)), weight: 9 },
      { arbitrary: typed, weight: 1 },
    ),
    body: written(fc.oneof(mutated(BODIES, ['note', 'email', 'key', 'id']), hostileValue)),
  });
  holds(
    'the console answers, and never with a fault of its own',
    fc.oneof(aQuery, aDeed),
    async (asked) => {
      const { connection, target } = found();
      const running = await startConsole({
        connection,
        target,
        readOnly: false,
        who: 'jane@desk',
        assets: new Map(),
      });
      try {
        const origin = `http://127.0.0.1:${running.port}`;
        const { headers } = await fetch(running.url, { redirect: 'manual' });
        const cookie = headers.get('set-cookie')?.split(';')[0] ?? '';
        const path = `${origin}/api/${encodeURIComponent(asked.path.toWellFormed())}`;
        const answer =
          'query' in asked
            ? await fetch(`${path}?${new URLSearchParams(asked.query)}`, { headers: { cookie } })
            : await fetch(path, {
                method: 'POST',
                headers: { cookie, origin, 'x-relay-console': '1', 'content-type': 'application/json' },
                body: asked.body,
              });
        const said = await answer.text();
        expect([200, 400, 404, 409, 422, 431, 503], said).toContain(answer.status);
      } finally {
        await running.close();
      }
    },
    { runs: 60 },
  );
});
