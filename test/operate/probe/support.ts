import { createServer, type IncomingMessage } from 'node:http';
import { afterAll, expect } from 'vitest';
import { createSandboxPlatform, type SandboxPlatformOptions } from '../../../local/sandbox/platform.ts';
import { findingLine } from '../../../operate/probe/finding.ts';
import { type ProbeOptions, probe } from '../../../operate/probe/probe.ts';
import { platformProfileSchema } from '../../../shared/platform/profile.ts';

export const KEY = 'key_Qx71mZ';
export const EMAIL = 'demo@example.com';

export interface Answering {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}
export interface Heard {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
}

/** Platforms for the tests of one file. */
export function usePlatforms() {
  const closing: { close(): unknown }[] = [];
  afterAll(async () => {
    for (const one of closing) await one.close();
  });

  async function newSandbox(options: Partial<SandboxPlatformOptions> = {}) {
    const sandbox = await createSandboxPlatform({ apiKey: KEY, webhookSecret: 'webhook-secret', ...options });
    closing.push(sandbox);
    return { ...sandbox, baseUrl: `${sandbox.url}/v1` };
  }

  /** A platform that is no sandbox: it answers as the test says, and remembers what it heard. */
  async function newPlatform(answer: (heard: Heard) => Answering) {
    const heard: Heard[] = [];
    const server = createServer(async (incoming, outgoing) => {
      let body = '';
      for await (const chunk of incoming) body += chunk;
      const url = new URL(incoming.url ?? '', 'http://127.0.0.1');
      const { method = '', headers } = incoming;
      const one = { method, path: url.pathname, query: url.searchParams, headers, body };
      heard.push(one);
      const { status, body: answered = '', headers: more = {} } = answer(one);
      const text = typeof answered === 'string' ? answered : JSON.stringify(answered);
      outgoing.writeHead(status, more).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(server);
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    return { heard, baseUrl: `http://127.0.0.1:${port}/v1` };
  }

  return { newSandbox, newPlatform };
}

export const error = (status: number, code: string): Answering => ({
  status,
  body: { error: { code, message: 'What went wrong.' } },
});
/** Where the platform documents it. */
export const hasKey = ({ query, headers }: Heard) =>
  query.get('apiKey') === KEY || headers['x-api-key'] === KEY;

/** A whole minute takes no time; what is waited for is remembered. */
export async function run(
  { baseUrl }: { baseUrl: string },
  { section = {}, ...options }: Partial<ProbeOptions> = {},
) {
  const waits: number[] = [];
  let clock = Date.now();
  const told: string[] = [];
  const report = await probe({
    profile: platformProfileSchema.parse({ ...section, baseUrl }),
    section: { ...section, baseUrl },
    apiKey: KEY,
    tell: (finding) => told.push(findingLine(finding)),
    tellWait: () => {},
    now: () => clock,
    sleep: async (ms) => {
      // The spacing between two questions is none of a test's business.
      if (ms > 100) waits.push(ms);
      clock += ms;
    },
    ...options,
  });
  expect(told).toEqual(report.findings.map(findingLine));
  const lines = told.join('\n');
  const finding = (asked: string | RegExp) => report.findings.find((one) => one.asked.match(asked));
  return { ...report, lines, finding, waits, profile: platformProfileSchema.parse(report.section) };
}

/** All that a platform may do otherwise, so to say it in one. */
export const DEVIATING = {
  keyPlacement: {
    credits: 'query',
    subAccounts: 'header',
    contacts: 'header',
    lists: 'header',
    messages: 'header',
    usageExport: 'query',
  },
  keyHeader: 'api-key',
  keyQuery: 'key',
  errorShape: 'flat',
  rateHeaders: {
    retryAfter: 'none',
    limit: 'ratelimit-limit',
    remaining: 'ratelimit-remaining',
    reset: 'ratelimit-reset',
    resetAs: 'unix',
  },
  requestIdHeader: 'x-correlation-id',
  subAccountLookup: false,
  exportListsGrants: false,
} as const;
