import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { rememberedStack } from '../local/state.ts';
import { connect } from '../operate/connection.ts';
import type { Target } from '../operate/target.ts';
import { whoActs } from '../operate/who.ts';
import { createLogger } from '../shared/logger.ts';
import { printable } from '../shared/printable.ts';
import { startConsole } from './server.ts';

const HELP = `npm run console -- [--stack recharge-relay-prod | --demo] [--read-only] [--no-open] [--port 4001]

Shows a relay in the browser: what came in, what was charged, what is stuck, and what to do about it.
Without --stack it is the relay that npm start runs here.

  --stack NAME   the relay on AWS, with your shell's AWS credentials
  --local        the relay that npm start runs here, whatever RELAY_STACK says and "relay use" remembers
  --read-only    only shows
  --no-open      opens no browser
  --demo         a relay that lived for six weeks and is not real, to look at
  --port N       the port on 127.0.0.1; any that is free unless given
`;

function say(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${printable(error instanceof Error ? error.message : String(error))}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      stack: { type: 'string' },
      local: { type: 'boolean', default: false },
      'read-only': { type: 'boolean', default: false },
      'no-open': { type: 'boolean', default: false },
      port: { type: 'string', default: '0' },
      demo: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(HELP);
  const { target, stop } = values.demo
    ? await demonstration()
    : { target: targetOf(values), stop: undefined };
  const logger = createLogger((line) => process.stderr.write(`${printable(line)}\n`));
  const connection = await connect(target, { logger, now: Date.now });
  const { url, close } = await startConsole({
    connection,
    target,
    readOnly: values['read-only'],
    isDemonstration: values.demo,
    port: Number(values.port),
    who: await whoActs(target),
  });
  say(`The console of ${values.demo ? 'a relay that is not real' : connection.relay.name}: ${url}`);
  say('Whoever opens this address may do everything there. It ends with Ctrl-C.');
  const end = async () => {
    await close();
    await stop?.();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void end());
  }
  if (!values['no-open'] && process.stdout.isTTY) openBrowser(url);
}

function targetOf({ stack, local }: { stack?: string; local: boolean }): Target {
  const { env } = process;
  return { stack: local ? undefined : (stack ?? env.RELAY_STACK ?? rememberedStack(env)), env };
}

async function demonstration() {
  say('Six weeks are lived. It takes some seconds.');
  const { liveDemoLife } = await import('../local/demo-life.ts');
  const { env, stop } = await liveDemoLife(Date.now());
  return { target: { stack: undefined, env }, stop };
}

const OPENERS: Partial<Record<NodeJS.Platform, [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};

/** Where there is none, the address has been printed. */
function openBrowser(url: string): void {
  const [command, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  spawn(command, [...args, url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}
