import * as z from 'zod';
import type { Accounts } from '../shared/recharge/accounts.ts';
import type { Ledger } from '../shared/recharge/ledger.ts';
import { timeline } from '../shared/recharge/present.ts';
import { isFinished, type Recharge } from '../shared/recharge/recharge.ts';

/** The clients of the sandbox, each with 500 credits at first and a threshold of 100. */
export const SANDBOX_CLIENTS = [
  'demo@example.com',
  ...Array.from({ length: 100 }, (_, index) => `client-${String(index + 1).padStart(3, '0')}@example.com`),
];

const clientSchema = z.object({ email: z.string(), balance: z.number(), threshold: z.number() });
const spentSchema = z.object({
  balance: z.number(),
  webhook: z.object({ idempotency_key: z.string() }).nullable(),
});

/** A recharge takes a tenth of a second; one that a killed start left behind comes back within 12 s. */
const PATIENCE_MS = 20_000;
const LOOK_EVERY_MS = 20;

export interface Stage {
  platformUrl: string;
  ledger: Ledger;
  accounts: Accounts;
  say: (line: string) => void;
}

/**
 * Lets a sandbox client spend below its threshold, and tells what comes of it.
 *
 * @returns the recharge as it was left.
 * @throws an Error where no webhook came, or the recharge did not come to rest in time.
 */
export async function demonstrate(stage: Stage): Promise<Recharge> {
  const { platformUrl, say } = stage;
  const email = await freeClient(stage);
  const before = clientSchema.parse(await ask(`${platformUrl}/sandbox/accounts/${email}`));
  const credits = Math.max(1, before.balance - before.threshold / 2);
  say(`\n${email} has ${before.balance} credits and spends ${credits} …`);
  const spent = spentSchema.parse(await ask(`${platformUrl}/sandbox/spend`, { email, credits }));
  const key = spent.webhook?.idempotency_key;
  if (key === undefined)
    throw new Error(`The sandbox sent no webhook for ${email}: its balance is ${spent.balance}.`);
  say(
    `… ${spent.balance} are left, below the threshold of ${before.threshold}: the platform sends its webhook.\n`,
  );

  const row = await restOf(key, stage);
  const after = clientSchema.parse(await ask(`${platformUrl}/sandbox/accounts/${email}`));
  say(`Recharge ${key}`);
  for (const line of timeline(row)) say(line);
  say(`\n${email} now has ${after.balance} credits. The recharge is ${row.phase}.\n`);
  return row;
}

/** A client without an unfinished recharge: an interrupted start may have left one to `demo`. */
async function freeClient({ ledger, accounts }: Stage): Promise<string> {
  for (const email of SANDBOX_CLIENTS) {
    const last = (await accounts.show(email))?.last;
    const row = last && (await ledger.read(last.key));
    if (!row || isFinished(row)) return email;
  }
  throw new Error(
    'Every sandbox client has an unfinished recharge: npm run relay -- recharges list, or start with --fresh.',
  );
}

async function restOf(key: string, { ledger }: Stage): Promise<Recharge> {
  const endsAt = Date.now() + PATIENCE_MS;
  for (;;) {
    const row = await ledger.read(key);
    if (row && (isFinished(row) || row.phase === 'needs_review')) return row;
    if (Date.now() > endsAt) {
      throw new Error(
        `Recharge ${key} ${row ? `is still ${row.phase}` : 'was never received'} after ${PATIENCE_MS} ms: see the log.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** @param body makes it a POST. */
export async function ask(url: string, body?: unknown): Promise<unknown> {
  const response = await fetch(
    url,
    body === undefined
      ? {}
      : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } },
  );
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** What a newcomer can do next, each line as it can be pasted. */
export function whatToTry(url: string, sandboxed: boolean): string {
  const lines = sandboxed
    ? [
        'Try:',
        '  npm run relay -- recharges list                        what happened so far',
        '  npm run relay -- webhook send --email demo@example.com a webhook of your own; send it again with --key',
        `  curl -X POST ${url}/sandbox/platform/spend -d '{"email":"client-001@example.com","credits":450}'`,
        `  curl -X POST ${url}/sandbox/platform/faults -d '{"operation":"grant","fault":"error_after"}'`,
        '                                                         the next grant is made, and answered with 500',
        `  curl ${url}/sandbox/payments/books                     what was really charged`,
      ]
    : ['Send webhooks to POST /webhooks/auto-recharge, or:  npm run relay -- webhook send --email EMAIL'];
  return [
    ...lines,
    '',
    'Ctrl-C stops everything. The data stays in .local/ (npm start -- --fresh forgets it).',
  ].join('\n');
}
