import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import * as z from 'zod';
import type { Accounts } from '../shared/recharge/accounts.ts';
import type { Ledger } from '../shared/recharge/ledger.ts';
import { timeline } from '../shared/recharge/present.ts';
import { isFinished, type Recharge } from '../shared/recharge/recharge.ts';
import { shellQuoted } from '../shared/shell.ts';
import type { Chat } from './config.ts';
import type { PaymentsKind } from './payments-kind.ts';
import { DIALECTS } from './sandbox/dialects/index.ts';
import { DEMO_CHANNEL, folderOf, localFile, relayCommand, withFolder } from './state.ts';

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

const booksSchema = z.object({
  events: z.array(
    z.object({ kind: z.string(), idempotency_key: z.string().optional(), status: z.unknown().optional() }),
  ),
});

/** A recharge takes a tenth of a second. One that a killed start left behind comes back within 12 s. */
export const PATIENCE_MS = 20_000;
export const LOOK_EVERY_MS = 20;

export interface Stage {
  platformUrl: string;
  ledger: Ledger;
  accounts: Accounts;
  say: (line: string) => void;
}

/**
 * Lets a sandbox client spend below its threshold, and tells what follows.
 *
 * @param client default: the first that has no unfinished recharge.
 * @returns the recharge as it was left.
 * @throws an Error if no webhook came, or if the recharge did not come to rest in time.
 */
export async function demonstrate(stage: Stage, client?: string): Promise<Recharge> {
  const { platformUrl, say } = stage;
  const email = client ?? (await freeClient(stage));
  const key = await spendBelow(email, stage);
  const row = await restOf(key, stage);
  const after = clientSchema.parse(await ask(`${platformUrl}/sandbox/accounts/${email}`));
  say(`Recharge ${key}`);
  for (const line of timeline(row)) say(line);
  say(`\n${email} now has ${after.balance} credits. The recharge is ${row.phase}.\n`);
  return row;
}

/** @returns the key of the webhook that the platform sends for it. */
export async function spendBelow(email: string, { platformUrl, say }: Stage): Promise<string> {
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
  return key;
}

const saidSchema = z.object({ id: z.string() });
const chatSchema = z.object({
  messages: z.array(z.object({ kind: z.string(), id: z.string(), text: z.string() })),
});

/**
 * Lets a customer of the sandbox's chat system write, and tells what the platform's bot answers.
 *
 * @throws an Error if no answer came back in time.
 */
export async function demonstrateMessage({ chat, say }: { chat: Chat; say: Stage['say'] }) {
  const contact = 'jane';
  const text = 'Is my order on its way?';
  const { id } = saidSchema.parse(await ask(`${chat.url}/sandbox/say`, { contact, name: 'Jane', text }));
  say(`${contact} writes in ${DIALECTS[chat.dialect].name} (channel ${DEMO_CHANNEL}): "${text}"`);
  const endsAt = Date.now() + PATIENCE_MS;
  for (;;) {
    const { messages } = chatSchema.parse(await ask(`${chat.url}/sandbox/messages?contact=${contact}`));
    const answer = messages.slice(messages.findIndex((message) => message.id === id) + 1).at(0);
    if (answer) {
      say(`… into the platform, whose bot answers, and back to the chat: "${answer.text}"\n`);
      return;
    }
    if (Date.now() > endsAt) {
      throw new Error(
        `No answer came to the chat within ${PATIENCE_MS} ms: ${relayCommand(process.env)} messages list`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** A client without an unfinished recharge. An interrupted start may have left `demo` with one. */
export async function freeClient(
  { ledger, accounts }: Pick<Stage, 'ledger' | 'accounts'>,
  clients = SANDBOX_CLIENTS,
): Promise<string> {
  for (const email of clients) {
    const last = (await accounts.show(email))?.last;
    const row = last && (await ledger.read(last.key));
    if (!row || isFinished(row)) return email;
  }
  throw new Error(
    `Every sandbox client has an unfinished recharge: ${relayCommand(process.env)} recharges list, or start with --fresh.`,
  );
}

/** @param rests whether the recharge is where it is waited for; default: at its end, or with a person. */
export async function restOf(
  key: string,
  { ledger, platformUrl }: Pick<Stage, 'ledger' | 'platformUrl'>,
  rests = (row: Recharge) => isFinished(row) || row.phase === 'needs_review',
): Promise<Recharge> {
  const endsAt = Date.now() + PATIENCE_MS;
  for (;;) {
    const row = await ledger.read(key);
    if (row && rests(row)) return row;
    const { events } = booksSchema.parse(await ask(`${platformUrl}/sandbox/books`));
    if (
      events.some(
        (event) => event.kind === 'delivery' && event.idempotency_key === key && event.status === 400,
      )
    ) {
      throw new Error(
        "The relay does not understand the sandbox's webhook ({idempotency_key, email, credits}): RELAY_CONFIG names other fields.",
      );
    }
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

/** What can be done next: every indented line works when it is pasted into another terminal. */
export function whatToTry(
  url: string,
  { demo, talks, payments = 'endpoint' }: { demo: boolean; talks: boolean; payments?: PaymentsKind },
  env: NodeJS.ProcessEnv,
): string {
  const relay = `  ${relayCommand(env)}`;
  const sandbox = `${url}/sandbox`;
  const own = env.WEBHOOK_SECRET !== undefined;
  const secrets = shellQuoted(
    `require(${JSON.stringify(resolve(localFile(env, 'secrets.json')))}).inbound.webhook[0]`,
  );
  const token = own ? '$WEBHOOK_SECRET' : `$(node -p ${secrets})`;
  const webhook = `{"idempotency_key":"${randomUUID()}","email":"client-002@example.com","credits":500}`;
  const lines = demo
    ? [
        `Try in another terminal${own ? ', with the same WEBHOOK_SECRET' : ''}:`,
        '',
        'What happened so far:',
        `${relay} recharges list`,
        'A client spends below its threshold, and the sandbox platform sends its webhook:',
        `  curl -X POST ${sandbox}/platform/spend -d '{"email":"client-099@example.com","credits":450}'`,
        'A webhook of your own; the same once more is answered with what became of the first:',
        `${relay} webhook send --email client-002@example.com --key ${randomUUID()}`,
        'The same without our command line:',
        `  curl -X POST "${url}/webhooks/auto-recharge?token=${token}" -d '${webhook}'`,
        'The next grant is made, but answered with 500: that recharge will need a person.',
        `  curl -X POST ${sandbox}/platform/faults -d '{"operation":"grant","fault":"error_after"}'`,
        ...(payments === 'stripe'
          ? [
              'A link on which a client saves another card; the page offers test cards:',
              `${relay} accounts invite client-002@example.com --yes`,
              'The bank of this one wants to see them: the alert that follows has the link for them.',
              `  curl -X POST ${sandbox}/platform/spend -d '{"email":"client-095@example.com","credits":450}'`,
            ]
          : []),
        'What is wrong now, and what to do:',
        `${relay} alerts`,
        'What was really charged:',
        `  curl ${sandbox}/payments/books`,
        'A customer writes in the chat system; what became of it, and of the answer:',
        `  curl -X POST ${sandbox}/chat/say -d '{"contact":"joe","text":"Hello?"}'`,
        `${relay} messages list`,
      ]
    : [
        `Send webhooks to ${url}/webhooks/auto-recharge. In another terminal, with the same variables:`,
        '',
        'What became of them:',
        `${relay} recharges list`,
        ...(env.PLATFORM_BASE_URL === undefined
          ? []
          : ['What your platform answers, and how to set that up:', `${relay} probe`]),
        ...(payments === 'stripe'
          ? [
              'Stripe tells of payments through its own command line:',
              `  stripe listen --forward-to ${url}/webhooks/stripe`,
            ]
          : []),
        ...(env.PAYMENT_HOOK_URL === undefined
          ? []
          : [
              'Whether your payment endpoint keeps the contract (it is charged for real, and asked to give it back):',
              `${relay} payments test --email a-client-of-yours@example.com`,
            ]),
      ];
  return [
    ...lines,
    '',
    ...(talks
      ? [
          'Each webhook, charge, grant, message and alert is a line here, with its time in UTC (--quiet leaves them out).',
        ]
      : []),
    `Ctrl-C stops everything. The data stays in ${folderOf(env)} (${withFolder(env)}npm start -- --fresh forgets it).`,
  ].join('\n');
}
