import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { shellQuoted } from '../../shared/shell.ts';
import { createSandboxPlatform, platformOptionsSchema } from './platform.ts';
import { parseJson } from './server.ts';

type Options = z.output<typeof platformOptionsSchema>;

/** Beside the relay's own, which is 3000. */
const DEFAULT_PORT = 4000;

const say = (line: string) => {
  process.stdout.write(`${line}\n`);
};

for (const end of ['SIGINT', 'SIGTERM']) process.once(end, () => process.exit(0));

try {
  const flags = readFlags();
  // Also without an address for what it sends, because one can be set while it runs.
  const webhookSecret = flags['webhook-secret'] ?? generated();
  const options = readOptions({ ...flags, 'webhook-secret': webhookSecret });
  const { url } = await createSandboxPlatform(options);
  say(`The sandbox platform listens on ${url}/v1 (API key: ${options.apiKey})`);
  if (flags['webhook-secret'] === undefined) say(`The secret of what it sends: ${webhookSecret}`);
  for (const line of whatToTry(url, options)) say(line);
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
}

function readFlags() {
  const text = { type: 'string' } as const;
  return parseArgs({
    options: {
      port: text,
      'api-key': text,
      profile: text,
      'webhook-url': text,
      'webhook-secret': text,
      'reply-url': text,
      'reply-secret': text,
      rate: text,
      data: text,
    },
  }).values;
}

function readOptions(flags: ReturnType<typeof readFlags>): Options {
  return platformOptionsSchema.parse({
    port: Number(flags.port ?? DEFAULT_PORT),
    apiKey: flags['api-key'] ?? generated(),
    profile: flags.profile === undefined ? undefined : readProfile(flags.profile),
    webhookUrl: flags['webhook-url'],
    webhookSecret: flags['webhook-secret'],
    replyUrl: flags['reply-url'],
    replySecret: flags['reply-secret'],
    ratePerMinute: flags.rate === undefined ? undefined : Number(flags.rate),
    booksFile: flags.data,
  });
}

function generated(): string {
  return randomBytes(16).toString('hex');
}

function readProfile(file: string): unknown {
  const profile = parseJson(readFileSync(file, 'utf8'));
  if (profile === undefined) throw new Error(`${file} is not JSON.`);
  return profile;
}

/** What was wrong with the flags, by the names of the options. No value is shown. */
function explain(error: unknown): string {
  if (error instanceof z.ZodError) return z.prettifyError(error);
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'EADDRINUSE') {
    return 'Another process listens on this port: choose one with --port (0 for any free one).';
  }
  return error.message;
}

/** Every indented line works when it is pasted into another terminal. */
function whatToTry(url: string, { apiKey, profile, clients }: Options): string[] {
  const { keyPlacement, keyHeader, keyPrefix, keyQuery } = profile;
  const call = (group: keyof typeof keyPlacement, path: string, body?: unknown) => {
    const target = new URL(url + path);
    const inQuery = keyPlacement[group] === 'query';
    if (inQuery) target.searchParams.set(keyQuery, apiKey);
    const key = inQuery ? [] : ['-H', `${keyHeader}: ${keyPrefix}${apiKey}`];
    return curl(target.href, ...key, ...(body === undefined ? [] : ['-d', JSON.stringify(body)]));
  };
  const customData = { messageSid: 'try-1', fromId: 'visitor-1', toId: 'me', body: 'Hello', channel: 'chat' };
  const fault = { operation: 'incoming', fault: 'rate_limited' };
  return [
    'Try in another terminal:',
    '',
    'Create a contact:',
    call('contacts', '/v1/contacts', { firstName: 'Jane', phone: '+15551234567' }),
    'Receive a message; the same once more is answered with the same messageId:',
    call('messages', '/v1/incoming_custom_channel_message', { customData, messageType: 'text' }),
    'Grant credits:',
    call('credits', '/v1/subaccounts/credits', { email: clients[0]?.email, amount: 500 }),
    'Export what was granted and spent:',
    call('usageExport', '/v1/agencies/usage/export'),
    'The next message is answered with 429; a wrong name tells all faults:',
    curl(`${url}/sandbox/faults`, '-d', JSON.stringify(fault)),
    'What really happened:',
    curl(`${url}/sandbox/books`),
    '',
    'Ctrl-C ends it. All operations and faults: docs/sandbox.md.',
  ];
}

function curl(...words: string[]): string {
  return `  curl -s -w '\\n' ${words.map(shellQuoted).join(' ')}`;
}
