import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { sendWebhook } from '../../operate/webhook.ts';
import { type Cli, wholeNumber } from '../program.ts';

export function addWebhookCommands({ program, target, io, say, fail }: Cli): void {
  program
    .command('webhook')
    .description('auto-recharge webhooks')
    .command('send')
    .description('sends a signed webhook, as the platform would')
    .option('--key <key>', 'the idempotency key; a new one each time unless given')
    .option('--email <email>', 'the client', 'demo@example.com')
    .option('--credits <n>', 'whole credits', wholeNumber, 500)
    .option('--body <file>', 'the whole payload instead, where yours has other fields')
    .option('--url <url>', "where to; the relay's own address unless given")
    .action(
      async ({
        key = randomUUID(),
        email: client,
        credits,
        body: file,
        url,
      }: {
        key?: string;
        email: string;
        credits: number;
        body?: string;
        url?: string;
      }) => {
        const payload = { idempotency_key: key, email: client, credits };
        const body = file === undefined ? Buffer.from(JSON.stringify(payload)) : readFileSync(file);
        const answer = await sendWebhook(target(), { body, url, now: io.now() });
        say(`${answer.status} ${answer.body}`);
        if (!answer.ok) fail();
      },
    );
}
