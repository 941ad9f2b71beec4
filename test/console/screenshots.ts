import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, it } from 'vitest';
import { type RunningConsole, startConsole } from '../../console/server.ts';
import { type DemoLife, liveDemoLife } from '../../local/demo-life.ts';
import { connect } from '../../operate/connection.ts';
import { createLogger } from '../../shared/logger.ts';
import { useBrowser } from '../support/browser.ts';
import { ROOT } from '../support/command.ts';

const { page: newPage } = useBrowser();
const FOLDER = join(ROOT, 'docs', 'images');
let life: DemoLife;
let running: RunningConsole;

beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true });
  life = await liveDemoLife(Date.now());
  const target = { stack: undefined, env: life.env };
  const connection = await connect(target, { logger: createLogger(() => {}), now: Date.now });
  running = await startConsole({
    connection,
    target,
    readOnly: false,
    isDemonstration: true,
    who: 'jane@desk',
  });
}, 90_000);
afterAll(async () => {
  await running?.close();
  await life?.stop();
});

it.each([
  ['overview', '/?range=30d', 'Webhook to credits a day'],
  ['recharge', '/recharge?key=demo-client-017', 'The client has the credits'],
])('%s.png', async (name, path, shows) => {
  const origin = `http://127.0.0.1:${running.port}`;
  const page = await newPage(origin, { width: 1_100, height: 720 });
  await page.goto(running.url);
  await page.goto(origin + path);
  await page.getByText(shows).first().waitFor();
  await page.getByText('Reading…').first().waitFor({ state: 'detached' });
  await page.screenshot({ path: join(FOLDER, `${name}.png`), fullPage: true });
});
