import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { sendWebhook } from '../../operate/webhook.ts';
import { confirmChange, YES } from '../confirm.ts';
import { type Cli, examples, wholeNumber } from '../program.ts';

interface SendOptions {
  key?: string;
  email: string;
  credits: number;
  body?: string;
  url?: string;
  yes?: boolean;
  json?: boolean;
}

export function addWebhookCommands(cli: Cli): void {
  cli.program
    .command('webhook')
    .description('auto-recharge webhooks')
    .command('send')
    .description('sends a signed webhook, as the platform would')
    .option('--key <key>', 'the idempotency key; a new one each time unless given')
    .option('--email <email>', 'the client', 'demo@example.com')
    .option('--credits <n>', 'whole credits', wholeNumber, 500)
    .option('--body <file>', 'the whole payload instead, where yours has other fields')
    .option('--url <url>', "where to; the relay's own address unless given")
    .option(...YES)
    .option('--json', 'the answer, as a JSON object')
    .addHelpText(
      'after',
      examples('webhook send', 'webhook send --key try-1 --email client-001@example.com --credits 500'),
    )
    .action((options: SendOptions) => send(cli, options));
}

async function send(
  cli: Cli,
  { key = randomUUID(), email, credits, body: file, url, yes, json }: SendOptions,
): Promise<void> {
  const { target, io, say, sayJson, fail } = cli;
  const payload = { idempotency_key: key, email, credits };
  const body = file === undefined ? Buffer.from(JSON.stringify(payload)) : readFileSync(file);
  const whom = file === undefined ? `for ${credits} credits to ${email}` : `of ${file}`;
  await confirmChange(cli, { question: `Send a webhook ${whom}, which charges the client?`, yes });
  const answer = await sendWebhook(target(), { body, url, now: io.now() });
  if (json) sayJson({ status: answer.status, body: read(answer.body) });
  else say(`${answer.status} ${answer.body}`);
  if (!answer.ok) fail();
}

/** The relay answers in JSON; what stands between may not. */
function read(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
