import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { WEBHOOK_ROUTE } from '../capture.ts';
import { findReceiver } from '../connection.ts';
import { program, say, stack, wholeNumber } from '../program.ts';
import { configuredVerifiers, proofsFor } from '../proofs.ts';

export function addWebhookCommands(): void {
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
        const { url: base, secret } = await findReceiver(process.env, stack(), url);
        const payload = { idempotency_key: key, email: client, credits };
        const body = file === undefined ? Buffer.from(JSON.stringify(payload)) : readFileSync(file);
        const target = new URL(base).pathname === '/' ? new URL(WEBHOOK_ROUTE, base) : new URL(base);
        const now = Date.now();
        // The secret itself is told to nobody but the relay.
        const verifiers = url === undefined ? configuredVerifiers(WEBHOOK_ROUTE, process.env, stack()) : [];
        const response = await fetch(target, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(url === undefined ? { 'x-webhook-token': secret } : {}),
            ...proofsFor(verifiers, { secret, body, now }),
          },
          body,
        });
        say(`${response.status} ${await response.text()}`);
        if (!response.ok) process.exitCode = 1;
      },
    );
}
