import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { BUDGET_BYTES, bundlePage, sizeOf } from '../../console/bundle.ts';
import { type RunningConsole, startConsole } from '../../console/server.ts';
import { newMessage } from '../../shared/channels/message.ts';
import { createDynamoQuarantine } from '../../shared/incoming/quarantine.ts';
import { useBrowser } from '../support/browser.ts';
import { aRecharge } from '../support/builders.ts';
import { useFoundRelay } from '../support/found-relay.ts';

const found = useFoundRelay();
const { page: newPage } = useBrowser();

/** What whoever sends a webhook, writes in a chat or answers a request can put into our rows. */
const SCRIPT = '<script>window.broken = 1</script><img src=x onerror="window.broken = 1">';
const HOSTILE = `${SCRIPT} \u202Egnp.exe\u2066 "'\`{{7*7}} javascript:window.broken=1 ${'w'.repeat(120)}`;
const KEY = `key ${HOSTILE}`.slice(0, 200);
const EMAIL = 'client-001@example.com';

let running: RunningConsole;
let delivery = '';
beforeEach(async () => {
  const { connection, target, client, table, logger } = found();
  const now = connection.now();
  await connection.accounts.set(EMAIL, { customer: HOSTILE.slice(0, 100), status: 'suspended' });
  await connection.ledger.claim(
    aRecharge({
      key: KEY,
      email: EMAIL,
      receivedAt: now,
      phase: 'needs_review',
      review: 'grant_unknown',
      paymentRef: HOSTILE,
      platformId: HOSTILE,
      grantDeadline: now,
      history: [
        { at: now, event: 'received' },
        { at: now, event: 'grant_unknown', detail: HOSTILE },
      ],
    }),
  );
  await connection.ledger.claim(
    aRecharge({ key: 'completed', email: EMAIL, receivedAt: now, phase: 'completed' }),
  );
  for (const direction of ['incoming', 'outgoing'] as const) {
    const content = {
      id: `id ${direction} ${HOSTILE}`,
      contact: HOSTILE.slice(0, 100),
      type: 'text' as const,
      text: `${HOSTILE} ${'long '.repeat(13_000)}`,
      attachments: [],
    };
    await connection.messages.mark(newMessage({ channel: 'demo', direction, content }, now));
  }
  delivery = await createDynamoQuarantine(client, table).keep({
    route: '/webhooks/auto-recharge',
    headers: { 'x-hostile': HOSTILE },
    body: Buffer.from(`${HOSTILE}${' body'.repeat(13_000)}`),
    reason: HOSTILE,
    receivedAt: now,
  });
  logger.alert('grant_unknown', { key: KEY, email: EMAIL, detail: HOSTILE });
  await logger.kept();
  await connection.charging.pause({ reason: HOSTILE, by: HOSTILE });
  running = await startConsole({ connection, target, readOnly: false, who: 'jane@desk' });
  onTestFinished(running.close);
});

const pages = () => [
  '/',
  '/recharges',
  `/recharge?${new URLSearchParams({ key: KEY })}`,
  '/reviews',
  '/clients',
  `/client?${new URLSearchParams({ email: EMAIL })}`,
  '/messages',
  '/deliveries',
  `/delivery?id=${delivery}`,
  '/health',
  '/nowhere',
];

/** As the browser's own buttons do, within the page that was loaded: a page of its own for each would load all rules anew. */
const moveTo = (page: Page, path: string) =>
  page.evaluate(
    `history.pushState(null, '', ${JSON.stringify(path)}); dispatchEvent(new Event('popstate'));
     new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))`,
  );

/** What of axe's rules another theme can break, or another width: the rest was asked in the first. */
const OF_COLOUR = ['color-contrast'];
const OF_WIDTH = [...OF_COLOUR, 'scrollable-region-focusable', 'target-size'];

/** @param rules all of them, unless given. */
async function faultsOf(page: Page, rules?: string[]): Promise<unknown> {
  const asked = { resultTypes: ['violations'], ...(rules ? { runOnly: rules } : {}) };
  return page.evaluate(
    `axe.run(${JSON.stringify(asked)}).then(({ violations }) => violations.map(({ id, nodes }) => ({ id, where: nodes.map(({ html }) => html.slice(0, 160)).slice(0, 3) })))`,
  );
}

it.each([
  [1_200, ['light', 'dark']],
  [320, ['light']],
] as const)(
  'with hostile content in every field, every page is read by everybody, %i wide and %j, and runs nothing',
  async (width, themes) => {
    const page = await newPage(`http://127.0.0.1:${running.port}`, { width });
    await page.goto(running.url);
    await page.evaluate(axe.source);
    const faults: object[] = [];
    const headings = new Set<string | null>();
    for (const path of pages()) {
      await page.emulateMedia({ colorScheme: 'light' });
      await moveTo(page, path);
      headings.add(await page.getByRole('heading', { level: 1 }).textContent());
      await page.getByText('Reading…').first().waitFor({ state: 'detached' });
      const [needed, broken] = await page.evaluate<[number, boolean]>(
        `[document.documentElement.scrollWidth, Object.hasOwn(window, 'broken')]`,
      );
      if (needed > width || broken) faults.push({ path, needed, broken });
      for (const colorScheme of themes) {
        await page.emulateMedia({ colorScheme });
        const violations = await faultsOf(
          page,
          colorScheme === 'dark' ? OF_COLOUR : width === 320 ? OF_WIDTH : undefined,
        );
        if (!Array.isArray(violations) || violations.length > 0)
          faults.push({ path, colorScheme, violations });
      }
    }
    expect(faults).toEqual([]);
    expect(headings.size).toBe(pages().length);
  },
);

it('what a browser loads is no more than 90 KB compressed', async () => {
  expect(sizeOf(await bundlePage())).toBeLessThanOrEqual(BUDGET_BYTES);
});
