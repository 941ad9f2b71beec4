import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { platformOptionsSchema } from './platform.ts';
import { parseJson } from './server.ts';

export type Options = z.output<typeof platformOptionsSchema>;

/** Beside the relay's own, which is 3000. */
const DEFAULT_PORT = 4000;

/**
 * What the flags of `npm run sandbox` ask for.
 *
 * @returns with `madeSecret`, where what it sends has a secret that nobody gave.
 * @throws what `explain` puts into words.
 */
export function optionsOf(args: string[]): { options: Options; madeSecret?: string } {
  const flags = readFlags(args);
  const given = flags['webhook-secret'];
  // Also without an address for what it sends, because one can be set while it runs.
  const secret = given ?? generated();
  const options = readOptions({ ...flags, 'webhook-secret': secret });
  return { options, ...(given === undefined ? { madeSecret: secret } : {}) };
}

function readFlags(args: string[]) {
  const text = { type: 'string' } as const;
  return parseArgs({
    args,
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
export function explain(error: unknown): string {
  if (error instanceof z.ZodError) return z.prettifyError(error);
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'EADDRINUSE') {
    return 'Another process listens on this port: choose one with --port (0 for any free one).';
  }
  return error.message;
}
