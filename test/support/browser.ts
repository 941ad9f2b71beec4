import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';

/** Where Chrome is, on systems for which no package brings one. */
const INSTALLED = [
  process.env.CHROME_PATH,
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  '/usr/bin/google-chrome',
  '/usr/bin/chromium',
];

/** As one process it ends with the first of its pages; and here it is tried what a browser keeps other sites from. */
const LEFT_OUT = [
  '--single-process',
  '--disable-web-security',
  '--allow-running-insecure-content',
  '--disable-site-isolation-trials',
  // Drawing by a graphics processor that the CPU plays took a third of the tests' time.
  '--ignore-gpu-blocklist',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  // Lambda allows no process to fork renderers from. Where there is one, a page costs half.
  '--no-zygote',
];

/** No graphics processor, and no renderer in reserve for a next page, which belongs to another context here. */
const ADDED = ['--disable-gpu', '--disable-software-rasterizer', '--renderer-process-limit=1'];

/** @throws an Error that says what to install. */
async function executable(): Promise<{ executablePath: string; args: string[] }> {
  if (process.platform === 'linux' && process.arch === 'x64') {
    const args = sparticuz.args.filter((argument) => !LEFT_OUT.includes(argument));
    return { executablePath: await sparticuz.executablePath(), args };
  }
  const executablePath = INSTALLED.find((path) => path !== undefined && existsSync(path));
  if (executablePath !== undefined) return { executablePath, args: [] };
  throw new Error('These tests need a browser: install Chrome, or say in CHROME_PATH where it is.');
}

export interface Look {
  width?: number;
  height?: number;
  theme?: 'light' | 'dark';
}

/**
 * Thrice at most: the package unpacks Chromium where all find it, and the tests of another file may be at that just now; and its
 * start crashed once in some hundred on a busy machine, before any page.
 */
async function launch(tries = 3): Promise<Browser> {
  const { executablePath, args } = await executable();
  // Nothing that a page asks for leaves this machine.
  const inside = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1';
  try {
    return await chromium.launch({ executablePath, args: [...args, ...ADDED, inside], headless: true });
  } catch (error) {
    if (tries === 1) throw error;
    await sleep(1_000);
    return await launch(tries - 1);
  }
}

/** A page, and what went wrong in it since a test has it. */
interface Opened {
  page: Page;
  origin: string;
  faults: string[];
}

/** A deed that is refused, and a search that finds nothing, are no faults of the page. */
const isAnswer = (text: string, url: string) =>
  /status of (409|422) /.test(text) || (/status of 404 /.test(text) && url.includes('/api/find?'));

async function openIn(browser: Browser): Promise<Opened> {
  const context = await browser.newContext({ acceptDownloads: true });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const opened: Opened = { page, origin: '', faults: [] };
  page.on('request', (request) => {
    if (!request.url().startsWith(`${opened.origin}/`) && !request.url().startsWith('blob:'))
      opened.faults.push(`asked ${request.url()}`);
  });
  page.on('pageerror', (error) => opened.faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !isAnswer(message.text(), message.location().url))
      opened.faults.push(`${message.text()} ${message.location().url}`);
  });
  return opened;
}

/** A real browser for the tests of one file. */
export function useBrowser() {
  let browser: Browser | undefined;
  /** Those that a test has left. A page with a process of its own for each test takes twice as much of a core. */
  const left: Opened[] = [];
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());
  return {
    /**
     * A page that shows nothing, and knows nothing of what was shown before. What goes wrong in it, or is asked for elsewhere,
     * fails the test.
     */
    async page(origin: string, { width = 1200, height = 800, theme = 'light' }: Look = {}): Promise<Page> {
      if (!browser) throw new Error('Bug! There is a browser within tests only.');
      const opened = left.pop() ?? (await openIn(browser));
      const { page } = opened;
      opened.origin = origin;
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: theme });
      onTestFinished(async () => {
        const { faults } = opened;
        if (!page.isClosed()) {
          await page.unrouteAll();
          await page.goto('about:blank');
          await page.context().clearCookies();
          opened.faults = [];
          left.push(opened);
        }
        expect(faults).toEqual([]);
      });
      return page;
    },
  };
}
