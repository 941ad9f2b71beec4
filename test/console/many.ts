import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { type RunningConsole, startConsole } from '../../console/server.ts';
import { useBrowser } from '../support/browser.ts';
import { aRecharge } from '../support/builders.ts';
import { useFoundRelay } from '../support/found-relay.ts';

const found = useFoundRelay();
const { page: newPage } = useBrowser();
const RECHARGES = 10_000;
const AT_ONCE = 100;
const DAYS_MS = 30 * 86_400_000;
const READY_MS = 1_000;
let running: RunningConsole;

/** Of thirty days: one of thirty waits for a person, the others are paid and granted. */
function recharge(index: number, now: number) {
  const receivedAt = now - Math.floor((index * DAYS_MS) / RECHARGES);
  const known = { key: `key-${index}`, email: `client-${index % 500}@example.com`, receivedAt };
  if (index % 30 === 1)
    return aRecharge({ ...known, phase: 'needs_review', review: 'grant_unknown', grantDeadline: receivedAt });
  const history = [{ at: receivedAt + 2_000, event: 'granted' }];
  return aRecharge({
    ...known,
    phase: 'completed',
    amount: 5_000,
    currency: 'USD',
    paymentRef: 'p',
    history,
  });
}

beforeEach(async () => {
  const { connection, target } = found();
  const now = connection.now();
  for (let from = 0; from < RECHARGES; from += AT_ONCE) {
    const rows = Array.from({ length: AT_ONCE }, (_, index) => recharge(from + index, now));
    await Promise.all(rows.map((row) => connection.ledger.claim(row)));
  }
  running = await startConsole({ connection, target, readOnly: false, who: 'jane@desk' });
  onTestFinished(running.close);
}, 120_000);

it(`with ${RECHARGES} recharges the first page is ready within a second, and so is the list`, async () => {
  const origin = `http://127.0.0.1:${running.port}`;
  const page = await newPage(origin);
  const readyAfter = async (address: string, text: string) => {
    const startedAt = performance.now();
    await page.goto(address);
    await page.getByText(text).first().waitFor();
    return Math.round(performance.now() - startedAt);
  };
  const first = await readyAfter(running.url, 'Charging is on.');
  const list = await readyAfter(`${origin}/recharges`, 'key-0');
  const reviews = await readyAfter(`${origin}/reviews`, 'There are more than 200.');
  process.stdout.write(`first page ${first} ms, list ${list} ms, 200 reviews ${reviews} ms\n`);
  expect(Math.max(first, list)).toBeLessThanOrEqual(READY_MS);
  // Older ones are behind a link, and none is shown twice.
  await page.goto(`${origin}/recharges`);
  await page.getByRole('link', { name: 'Older' }).click();
  await page.getByText('key-50').waitFor();
  expect(await page.getByText('key-49').count()).toBe(0);
});
