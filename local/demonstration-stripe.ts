import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as z from 'zod';
import { sentenceOfDecline } from '../shared/payments/declines.ts';
import { meansText, type PaymentMethod } from '../shared/payments/payment-method.ts';
import { unknownAccount } from '../shared/recharge/account.ts';
import type { Recharge } from '../shared/recharge/recharge.ts';
import { shellQuoted } from '../shared/shell.ts';
import {
  ask,
  demonstrate,
  freeClient,
  LOOK_EVERY_MS,
  PATIENCE_MS,
  restOf,
  SANDBOX_CLIENTS,
  type Stage,
  spendBelow,
} from './demonstration.ts';
import { relayCommand } from './state.ts';

/** Saves a card while it is shown. The other clients have one from the beginning, most of them one that pays. */
const [INVITED = '', ...OTHERS] = SANDBOX_CLIENTS;
/** Stripe's test cards: docs.stripe.com/testing. */
const PAYS = '4242424242424242';
const ASKS_CLIENT = '4000002760003184';
const IS_DECLINED = '4000000000000341';
const ASKING = OTHERS.slice(-10, -5);
const DECLINED = OTHERS.at(-1) ?? '';

const savedSchema = z.object({
  customer: z.string(),
  paymentMethod: z.object({
    id: z.string(),
    type: z.string(),
    brand: z.string().exactOptional(),
    last4: z.string(),
    expMonth: z.int(),
    expYear: z.int(),
    fingerprint: z.string(),
  }),
});

/** Clients of the sandbox, each with a saved card, but for the one that is to be invited. */
export async function setUpStripeClients(
  stripeUrl: string,
  { accounts }: Pick<Stage, 'accounts'>,
  missing: readonly string[],
): Promise<void> {
  const numberOf = (email: string) =>
    ASKING.includes(email) ? ASKS_CLIENT : email === DECLINED ? IS_DECLINED : PAYS;
  const saving = missing.filter((email) => email !== INVITED);
  const asked = { clients: saving.map((email) => ({ email, number: numberOf(email) })) };
  const { clients } = z
    .object({ clients: z.array(savedSchema) })
    .parse(await ask(`${stripeUrl}/sandbox/clients`, asked));
  if (missing.includes(INVITED)) await accounts.set(INVITED, {});
  await Promise.all(
    saving.map((email, index) => {
      const saved = clients[index];
      const settings = saved ? { customer: saved.customer, paymentMethod: meansOf(saved) } : {};
      return accounts.set(email, settings, { read: unknownAccount(email) });
    }),
  );
}

function meansOf({ paymentMethod }: z.infer<typeof savedSchema>): PaymentMethod {
  const { expMonth, expYear, ...means } = paymentMethod;
  return { ...means, expires: `${expYear}-${String(expMonth).padStart(2, '0')}` };
}

/**
 * What an agency does and meets with Stripe: it invites a client, charges the card that they save, meets a card that is
 * declined and a bank that wants to see its client, and gives money back.
 *
 * @returns the first recharge, which was granted.
 * @throws an Error that says what did not happen in time.
 */
export async function demonstrateStripe(stage: Stage): Promise<Recharge> {
  await demonstrateInvitation(stage);
  const row = await demonstrate(stage, await freeClient(stage, SANDBOX_CLIENTS.slice(0, -10)));
  await demonstrateDecline(stage);
  await demonstrateConfirmation(stage);
  await demonstrateRefund(row.key, stage);
  return row;
}

async function demonstrateInvitation({ accounts, say }: Stage): Promise<void> {
  const saved = async () => (await accounts.show(INVITED))?.paymentMethod;
  const before = await saved();
  if (before) {
    say(`\n${INVITED} has saved a card already: ${meansText(before)}.`);
    return;
  }
  say(`\n${INVITED} has no card yet, so they are invited to save one:`);
  const { url } = z
    .object({ url: z.url() })
    .parse(JSON.parse(await relay(['accounts', 'invite', INVITED, '--json'], say)));
  say(`  ${url}`);
  say(`… they open it and save ${PAYS} …`);
  await post(url, { number: PAYS });
  const means = await until(saved, `${INVITED} was not linked to what they saved`);
  say(`… and Stripe tells the relay: ${INVITED} pays with ${meansText(means)}.`);
}

/** Its webhook is ours: the sandbox's platform sends no second one to a client who did not get credits for the first. */
async function demonstrateDecline(stage: Stage): Promise<void> {
  const { accounts, say } = stage;
  const key = randomUUID();
  // Earlier starts may have had it declined three times in a row, which suspends a client.
  await accounts.set(DECLINED, { status: 'active' });
  say(`${DECLINED} has a card that is declined (${IS_DECLINED}), and needs credits:`);
  await relay(['webhook', 'send', '--email', DECLINED, '--key', key, '--yes'], say);
  const { phase, reason } = await restOf(key, stage);
  say(`… the recharge is ${phase} (${reason}). For the client: "${sentenceOfDecline(reason)}"`);
}

async function demonstrateConfirmation(stage: Stage): Promise<void> {
  const { say } = stage;
  const key = await spendBelow(await freeClient(stage, ASKING), stage);
  const { actionUrl = '' } = await restOf(key, stage, ({ actionUrl }) => actionUrl !== undefined);
  say('The bank wants to see the client first (3-D Secure). The relay has a page for them:');
  say(`  ${actionUrl}`);
  say('… they open it, press the button, and confirm on their bank’s page …');
  await post(actionUrl);
  const bank = await until(async () => linkIn(await get(`${actionUrl}?at=bank`)), 'The bank has no page');
  await post(bank, { answer: 'confirm' });
  const { phase, paymentRef } = await restOf(key, stage);
  say(`… the same payment is paid (${paymentRef}), and the recharge is ${phase}.`);
}

async function demonstrateRefund(key: string, stage: Stage): Promise<void> {
  stage.say('\nThe first client wants their money back:');
  await relay(['recharges', 'refund', key, '--note', 'they asked for it', '--yes'], stage.say);
  const row = await restOf(key, stage, ({ refundedAt }) => refundedAt !== undefined);
  stage.say(`… Stripe gives it back (${row.refundRef}).\n`);
}

/** Runs a command as a person would in another terminal. @returns what it says. */
async function relay(words: string[], say: (line: string) => void): Promise<string> {
  say(`  ${relayCommand(process.env)} ${words.map(shellQuoted).join(' ')}`);
  const program = fileURLToPath(new URL('../bin/relay.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, '--local', ...words]);
  return stdout;
}

/** As a browser does with a form. */
async function post(url: string, fields: Record<string, string> = {}): Promise<void> {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(fields) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
}

const get = async (url: string) => (await fetch(url)).text();

/** Where a page leads by itself, other than to itself. */
const linkIn = (text: string): string | undefined =>
  /<meta http-equiv="refresh" content="0; url=([^"]+)">/.exec(text)?.[1];

async function until<Value>(look: () => Promise<Value | undefined>, otherwise: string): Promise<Value> {
  const endsAt = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (Date.now() > endsAt) throw new Error(`${otherwise} within ${PATIENCE_MS} ms: see the log.`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
