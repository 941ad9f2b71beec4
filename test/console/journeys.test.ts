import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RunningConsole, startConsole } from '../../console/server.ts';
import { localSecrets, readRuntime } from '../../local/state.ts';
import { type Connection, connect } from '../../operate/connection.ts';
import { createLogger } from '../../shared/logger.ts';
import { useBrowser } from '../support/browser.ts';
import { type RunningRelay, useRelays } from '../support/relay-process.ts';

const { start } = useRelays();
const { page: newPage } = useBrowser();
let relay: RunningRelay;
let connection: Connection;
let running: RunningConsole;
const log: string[] = [];

beforeAll(async () => {
  relay = await start();
  await openConsole();
});

async function openConsole(): Promise<void> {
  const target = { stack: undefined, env: { RELAY_LOCAL_DIR: relay.folder } };
  connection = await connect(target, { logger: createLogger((line) => log.push(line)), now: Date.now });
  running = await startConsole({ connection, target, readOnly: false, who: 'jane@desk' });
}
afterAll(() => running?.close());
beforeEach(() => connection.charging.resume());

const origin = () => `http://127.0.0.1:${running.port}`;

/** The console as somebody sees it who has opened the printed address, which has left them a cookie. */
async function opened(path: string, look: Parameters<typeof newPage>[1] = {}) {
  const page = await newPage(origin(), look);
  await page.context().request.get(running.url);
  await page.goto(origin() + path);
  await page.getByRole('heading', { level: 1 }).waitFor();
  return page;
}

const ask = async (path: string, body: object) =>
  expect((await fetch(relay.url + path, { method: 'POST', body: JSON.stringify(body) })).ok).toBe(true);

let keys = 0;
/** A recharge of a client; with a fault its grant is answered so. */
async function recharge(client: string, fault?: string): Promise<string> {
  keys += 1;
  const key = `journey-${keys}`;
  if (fault !== undefined)
    await ask('/sandbox/platform/faults', { operation: 'grant', fault, email: client });
  await relay.cli('webhook', 'send', '--email', client, '--credits', '500', '--key', key);
  await relay.reaches(key, 'completed', 'needs_review', 'blocked');
  return key;
}

describe('somebody at three in the morning', () => {
  it('opens the printed address, which then holds no token, and sees whether money moves', async () => {
    const page = await newPage(origin());
    await page.goto(running.url);
    await page.getByText('Yes. Charging is on.').waitFor();
    expect(page.url()).toBe(`${origin()}/`);
  });

  it('pauses charging with a note, and resumes it', async () => {
    const page = await opened('/');
    await page.getByRole('button', { name: 'Pause charging' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Why').fill('long '.repeat(30));
    await dialog.getByRole('button', { name: 'Pause charging' }).click();
    await dialog.getByText('40 characters too many').waitFor();
    expect(await connection.charging.paused()).toBeUndefined();
    await dialog.getByLabel('Why').fill('the platform is down');
    await dialog.getByRole('button', { name: 'Pause charging' }).click();
    await page.getByText('Charging is paused: the platform is down').waitFor({ timeout: 12_000 });
    expect(await connection.charging.paused()).toMatchObject({
      reason: 'the platform is down',
      by: 'jane@desk',
    });
    await page.getByRole('button', { name: 'Resume charging' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Resume charging' }).click();
    await expect.poll(() => connection.charging.paused()).toBeUndefined();
  });

  it('finds a recharge by its key, its payment or its client', async () => {
    const key = await recharge('client-011@example.com');
    const { payment_ref: payment = '' } = await relay.reaches(key, 'completed');
    const page = await opened('/recharges');
    for (const wanted of [key, payment]) {
      await page.getByRole('link', { name: 'Recharges' }).click();
      await page.getByLabel('Key, client').fill(wanted);
      await page.getByRole('button', { name: 'Show' }).click();
      await page.getByRole('heading', { level: 1, name: `Recharge ${key}` }).waitFor();
      await page.getByText('Paid and granted.').waitFor();
    }
    // How its price came about, and what each event proves.
    await page.getByText('exactly: 500 × 0.10 = 50 USD').waitFor();
    await page.getByText('let through by the guard', { exact: true }).waitFor();
    await page.getByText('The platform said that it granted the credits.').waitFor();
    await page.getByRole('link', { name: 'Recharges' }).click();
    await page.getByLabel('Key, client').fill('Client-011@example.com');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByRole('cell', { name: key }).waitFor();
    expect(new URL(page.url()).search).toBe('?email=client-011%40example.com');
  });

  it('finds a client, and what became of the recharge, by a part of the email that somebody told on the phone', async () => {
    await relay.cli('accounts', 'add', 'client-019@example.com');
    const key = await recharge('client-019@example.com');
    const page = await opened('/recharges');
    await page.getByLabel('Key, client').fill('Client-019');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByRole('cell', { name: key }).waitFor();
    await page.goto(`${origin()}/clients`);
    await page.getByLabel('A client, by the email').fill('client-019');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByRole('heading', { level: 1, name: 'client-019@example.com' }).waitFor();
  });

  it('answers for a grant of which nobody knows, beside what the runbook says, and sees it completed', async () => {
    const key = await recharge('client-012@example.com', 'error_after');
    const page = await opened('/reviews');
    const card = page.getByRole('article').filter({ hasText: key });
    await page.getByText("Open the client's credit history").first().waitFor();
    // The runbook names the buttons that stand here, and no commands.
    await page.getByText('The mark is there: The client has the credits.').waitFor();
    await card
      .getByText('A client has paid, and it is not known whether the credits were granted.')
      .waitFor();
    const { grant_mark: mark = '' } = await relay.reaches(key, 'needs_review');
    await card.getByRole('region', { name: 'What happens next' }).getByText(mark, { exact: true }).waitFor();
    await card.getByRole('button', { name: 'The client has the credits' }).click();
    await page.getByRole('dialog').getByLabel('Why').fill('the mark is in the history');
    await page.getByRole('dialog').getByRole('button', { name: 'The client has the credits' }).click();
    await card.waitFor({ state: 'detached' });
    const row = await relay.reaches(key, 'completed');
    expect(row.history.find(({ event }) => event === 'confirm-granted')?.detail).toBe(
      'the mark is in the history (jane@desk)',
    );
    await page.goto(`${origin()}/recharge?key=${key}`);
    await page.getByText('a person answered: The client has the credits', { exact: true }).waitFor();
  });

  it('is refused an answer that may still become wrong, and told from when on it is taken', async () => {
    const key = await recharge('client-013@example.com', 'error_before');
    const page = await opened(`/recharge?key=${key}`);
    await expect
      .poll(() => page.getByRole('button', { name: 'Nothing was granted' }).isDisabled())
      .toBe(true);
    expect(
      await page.getByText('the grant may still arrive. Look again after that.').count(),
    ).toBeGreaterThan(0);
  });

  it('looks for the sub-account, and not for a grant, where the platform has refused it', async () => {
    const key = await recharge('client-018@example.com', 'invalid');
    const page = await opened(`/recharge?key=${key}`);
    const next = page.getByRole('region', { name: 'What happens next' });
    await next.getByText('Look on the platform whether the sub-account is there').waitFor();
    expect(await next.getByText('Grant mark').count()).toBe(0);
    await page.getByText('Does the sub-account exist, under exactly this email?').waitFor();
  });

  it('does not overwrite what has changed since it was shown: it is told, and sees what it is now', async () => {
    const key = await recharge('client-014@example.com', 'error_after');
    const page = await opened(`/recharge?key=${key}`);
    await page.getByRole('button', { name: 'The client has the credits' }).click();
    await page.getByRole('dialog').getByLabel('Why').fill('seen');
    // The page learns nothing while somebody else answers.
    await page.route('**/api/recharge?*', (route) => route.abort());
    const { version } = await relay.reaches(key, 'needs_review');
    await relay.cli(
      'recharges',
      'resolve',
      key,
      'confirm-granted',
      '--version',
      String(version),
      '--note',
      'first',
    );
    await page.getByRole('dialog').getByRole('button', { name: 'The client has the credits' }).click();
    await page.getByText(/is completed: nobody needs to answer|has changed since version/).waitFor();
    const { history } = await relay.reaches(key, 'completed');
    expect(history.filter(({ event }) => event === 'confirm-granted')).toHaveLength(1);
  });

  it('sees a new recharge by itself', async () => {
    const page = await opened('/recharges');
    const key = await recharge('client-015@example.com');
    await page.getByRole('cell', { name: key }).waitFor();
  });

  it('gives the money of a completed recharge back, once asked with client and amount', async () => {
    const key = await recharge('client-016@example.com');
    const page = await opened(`/recharge?key=${key}`);
    await page.getByRole('button', { name: 'Give the money back' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.textContent()).toMatch(/client-016@example\.com, 500 credits, 50\.00 USD/);
    await dialog.getByLabel('Why').fill('goodwill');
    await dialog.getByRole('button', { name: 'Give the money back' }).click();
    await page.getByText('Paid and granted, and the money given back. The credits stay.').waitFor();
  });
});

describe('somebody on Monday morning', () => {
  it('sees today by the hour and a week by the day, and can send what they see to a colleague', async () => {
    const page = await opened('/');
    await page.getByText('Charged an hour (UTC), USD').waitFor();
    await page.getByRole('link', { name: '7 days' }).click();
    await page.getByText('Charged a day, USD').waitFor();
    const colleague = await opened(new URL(page.url()).search.replace(/^/, '/'));
    await colleague.getByText('Charged a day, USD').waitFor();
    expect(await colleague.getByRole('link', { name: '7 days' }).getAttribute('aria-current')).toBe('true');
  });

  it('suspends a client, who is not charged then, and enables them', async () => {
    const page = await opened('/client?email=client-021%40example.com');
    await page.getByRole('button', { name: 'Suspend' }).click();
    await page.getByRole('dialog').getByLabel('Why').fill('did not pay us');
    await page.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click();
    await page.getByText('suspended (did not pay us)').waitFor({ timeout: 15_000 });
    const key = await recharge('client-021@example.com');
    expect((await relay.reaches(key, 'blocked')).reason).toBe('account_suspended');
    // Nobody was asked for money, so there is nothing of it to look for.
    const refused = await opened(`/recharge?key=${key}`);
    await refused.getByText('none was asked for').waitFor();
    expect(await refused.getByText('Charge id').count()).toBe(0);
    await page.getByRole('button', { name: 'Enable' }).click();
    await page.getByRole('dialog').getByLabel('Why').fill('has paid');
    await page.getByRole('dialog').getByRole('button', { name: 'Enable' }).click();
    await expect
      .poll(async () => (await connection.ledger.readAccount('client-021@example.com')).status)
      .toBe('active');
    // Each change is a line of the log, with who did it, and without the client's whole email.
    await expect
      .poll(() => log.filter((line) => line.includes('done in the console')).at(-1))
      .toMatch(/"deed":"enable","by":"j\*\*\*@desk","email":"c\*\*\*@example\.com","note":"has paid"/);
  });

  it('sees what is wrong with a file of clients before anything is written, and imports it once it is mended', async () => {
    const page = await opened('/clients');
    await page.getByText('Import clients from a file').click();
    const file = (cap: string) => ({
      name: 'clients.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from(`email,monthly_cap\nimported@example.com,${cap}\n`),
    });
    await page.getByLabel('A CSV file').setInputFiles(file('many'));
    await page.getByText('Nothing can be imported: 1 fault.').waitFor();
    await page.getByText(/line 2: monthly_cap/).waitFor();
    expect((await connection.ledger.readAccount('imported@example.com')).status).toBeUndefined();
    await page.getByLabel('A CSV file').setInputFiles(file('200.00 USD'));
    await page.getByText('imported@example.com: new').waitFor();
    await page.getByRole('button', { name: 'Import' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Import' }).click();
    await expect
      .poll(async () => (await connection.ledger.readAccount('imported@example.com')).limits.monthlyAmount)
      .toBe(20_000);
  });

  it('starts a recharge by hand, once', async () => {
    const page = await opened('/client?email=client-022%40example.com');
    await page.getByRole('button', { name: 'Start a recharge' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Credits').fill('700');
    await dialog.getByText('client-022@example.com pays 70.00 USD').waitFor();
    await dialog.getByLabel('Why').fill('Jane asked for it');
    await dialog.getByRole('button', { name: 'Start a recharge' }).click();
    await page.getByRole('heading', { level: 1, name: /^Recharge / }).waitFor();
    await page.getByText('Paid and granted.').waitFor();
    expect(await page.getByText('700 credits for').count()).toBe(1);
  });

  it('changes a setting of a client, and is told of a value that cannot be meant', async () => {
    const page = await opened('/client?email=client-023%40example.com');
    await page.getByRole('button', { name: 'Change settings' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Monthly cap').fill('a lot');
    await dialog.getByRole('button', { name: 'Change settings' }).click();
    await dialog.getByRole('alert').waitFor();
    await dialog.getByLabel('Monthly cap').fill('150.00 USD');
    await dialog.getByRole('button', { name: 'Change settings' }).click();
    await expect
      .poll(async () => (await connection.ledger.readAccount('client-023@example.com')).limits.monthlyAmount)
      .toBe(15_000);
  });

  it('reads a conversation, both ways', async () => {
    await ask('/sandbox/chat/say', { contact: 'joe', text: 'Is it open on Sunday?' });
    const page = await opened('/messages');
    const conversation = page.getByRole('region', { name: 'demo · joe' });
    await conversation.getByText('Is it open on Sunday?', { exact: true }).waitFor();
    await conversation.getByText('You said: Is it open on Sunday?').waitFor();
  });
});

describe('somebody on the first day', () => {
  it('sees what the doctor finds', async () => {
    const page = await opened('/health');
    await page.getByText('Charging is on.').waitFor();
  });
});

describe('without a mouse', () => {
  it('the way leads from the menu to an answer, and nothing is done by Escape', async () => {
    const key = await recharge('client-041@example.com', 'error_after');
    const page = await opened(`/recharge?key=${key}`);
    await page.getByRole('button', { name: 'The client has the credits' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    expect((await relay.reaches(key, 'needs_review')).phase).toBe('needs_review');
    await page.keyboard.press('Enter');
    await page.keyboard.type('seen with the keyboard');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByText('Paid and granted.').waitFor();
  });
});

describe('somebody whose mapping does not fit', () => {
  const QUARANTINED = { id: 'k-1', contact_email: 'client-031@example.com', amount: 700 };

  /** Sends the newest delivery to the relay again, by hand. */
  async function sentAgain(shows: RegExp) {
    const page = await opened('/deliveries');
    await page.getByRole('link', { name: 'show' }).first().click();
    await page.getByRole('heading', { level: 1, name: 'Delivery' }).waitFor();
    await page.getByText(shows).first().waitFor();
    await page.getByRole('button', { name: 'Send it to the relay again' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send it to the relay again' }).click();
    return page;
  }

  it('sees what was kept aside, why, and what would fit; and once that is in the configuration, sends it again', async () => {
    const env = { RELAY_LOCAL_DIR: relay.folder };
    const [secret = ''] = localSecrets(env).inbound.webhook;
    const odd = await fetch(`${relay.url}/webhooks/auto-recharge?token=${secret}`, {
      method: 'POST',
      body: JSON.stringify(QUARANTINED),
    });
    expect(odd.status).toBe(400);
    const page = await sentAgain(/the idempotency key \(/);
    await page.getByText(/The relay answers 400/).waitFor();
    await page.getByText('"contact_email": "client-031@example.com"').waitFor();
    const proposed = JSON.parse((await page.locator('pre').first().textContent()) ?? '');
    expect(proposed.recharge).toMatchObject({ keyFields: ['id'], emailFields: ['contact_email'] });

    // Its relay ends with it.
    await page.close();
    // Only a person knows that this amount is credits.
    const { config } = readRuntime(env) ?? {};
    const mended = {
      ...Object(config),
      recharge: { ...Object(config).recharge, ...proposed.recharge, creditsField: 'amount' },
    };
    await restarted(mended);
    const again = await sentAgain(/client-031@example\.com/);
    await again.getByText(/The relay answers 202/).waitFor();
    expect(await relay.reaches('k-1', 'completed')).toMatchObject({ credits: 700 });
  });
});

/** The relay and its console, started anew in the same folder with another configuration. */
async function restarted(config: object): Promise<void> {
  await running.close();
  await relay.end();
  const file = join(relay.folder, 'relay.config.json');
  writeFileSync(file, JSON.stringify(config));
  relay = await start({ folder: relay.folder, env: { RELAY_CONFIG: file } });
  await openConsole();
}
