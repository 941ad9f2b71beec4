import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, vi } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { type Engine, startDynamo } from '../../local/engines.ts';
import { startSqs } from '../../local/sqs.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { rechargeJson } from '../../shared/recharge/present.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { type Ended, NODE_COMPILE_CACHE, ROOT, runCommand } from './command.ts';

/** What the relay reads: a test's processes get those the test gives, and none from outside. */
const OURS = /^(RELAY|PLATFORM|PAYMENT_HOOK|WEBHOOK|STRIPE|EVENTS|DYNAMODB|SQS)_/;

/** Half a second where nothing else runs; several suites on two cores take their share. */
const READY_WITHIN_MS = 30_000;
const ENDS_WITHIN_MS = 15_000;

export type Env = Record<string, string>;

/** A recharge as `--json` prints it. */
export interface Row {
  key: string;
  phase: string;
  reason?: string;
  email: string;
  credits: number;
  amount?: number;
  currency?: string;
  payment_ref?: string;
  grant_mark?: string;
  new_balance?: number;
  version: number;
  history: { at: string; event: string; detail?: string; times?: number }[];
}

export interface RunningRelay {
  url: string;
  folder: string;
  pid: number;
  /** Everything it said so far, on both channels. */
  output(): string;
  /** `npx relay …` in the relay's folder, in the test's own process. */
  cli(...args: string[]): Promise<Ended>;
  /** The same with `--json`. @throws what it said where it failed. */
  json<Value = Row>(...args: string[]): Promise<Value>;
  /** Resolves once the row of this key is in one of the phases; it is as `recharges show --json` prints it. */
  reaches(key: string, ...phases: string[]): Promise<Row>;
  /** Sends the signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<Ended>;
}

export interface RelayOptions {
  /** Default: a new one. */
  folder?: string;
  env?: Env;
  args?: string[];
  /** It takes a second of a core to load: left out, unless it is looked at. */
  console?: boolean;
  /**
   * Table and queue as it starts them by itself: the queue as a process, which takes a third of a second of a core. Left
   * out, they are the test's own, one pair a folder, unless `env` names others.
   */
  ownEngines?: boolean;
  /** Its workers in a thread of their own, as they are by themselves: a third of a second of a core more to load. */
  threads?: boolean;
  /** What its parties need before the first webhook. */
  ready?: (folder: string) => Promise<void>;
}

const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

const notOurs = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.test(name)));

/** Runs `node …` at the root of the repository. */
export function runNode(args: string[], env: Env) {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...notOurs(), NODE_COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  living.add(child);
  const said = { stdout: '', stderr: '' };
  for (const channel of ['stdout', 'stderr'] as const) {
    child[channel].setEncoding('utf8').on('data', (text: string) => {
      said[channel] += text;
    });
  }
  const ended = once(child, 'close').then(([code]): Ended => {
    living.delete(child);
    return { code, ...said };
  });
  return { child, said, ended };
}

/**
 * Relays as processes of their own, for the tests of one file: whatever a test does, none of them, and
 * none of their folders, is there after it.
 */
export function useRelays() {
  const folders: string[] = [];
  const running: ReturnType<typeof runNode>[] = [];
  const newEngines = useEngines();
  const known = new Map<string, ReturnType<typeof newEngines>>();
  /** Those of the starts before in this folder. */
  const enginesOf = async (folder: string, env: Env = {}): Promise<{ env?: Env }> => {
    if (env.DYNAMODB_ENDPOINT !== undefined && env.SQS_ENDPOINT !== undefined) return {};
    const engines = known.get(folder) ?? newEngines();
    known.set(folder, engines);
    return engines;
  };

  // Ends before the engines do: the last one that is registered goes first.
  afterAll(async () => {
    for (const { child } of running) child.kill('SIGKILL');
    await Promise.all(running.map(({ ended }) => ended));
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const newFolder = () => {
    const folder = mkdtempSync(join(tmpdir(), 'relay-'));
    folders.push(folder);
    return folder;
  };
  /** `npm start -- --port 0 …`; resolves when it has ended. */
  const run = (options: RelayOptions) => {
    const { folder = newFolder(), env = {}, args = [], console = false, threads = false } = options;
    const own = ['--port', '0', ...(console ? [] : ['--no-console'])];
    const process_ = runNode(['local/process.ts', ...own, ...args], {
      ...(threads ? {} : { RELAY_ONE_THREAD: '1' }),
      ...env,
      RELAY_LOCAL_DIR: folder,
    });
    running.push(process_);
    return { ...process_, folder };
  };

  return {
    newFolder,
    run: (options: RelayOptions) => run(options).ended,
    /** @throws what it said, where it ends instead of listening. */
    async start(options: RelayOptions = {}): Promise<RunningRelay> {
      const folder = options.folder ?? newFolder();
      const engines: { env?: Env } = options.ownEngines ? {} : await enginesOf(folder, options.env);
      const { child, said, ended } = run({ ...options, folder, env: { ...engines.env, ...options.env } });
      const output = () => said.stdout + said.stderr;
      const url = await listens(output, ended);
      await options.ready?.(folder);
      const cliEnv = { ...notOurs(), ...options.env, RELAY_LOCAL_DIR: folder };
      const cli = (...args: string[]) => runCommand(args, { env: cliEnv });
      const json = async <Value>(...args: string[]): Promise<Value> => {
        const { code, stdout, stderr } = await cli(...args, '--json');
        if (code !== 0) throw new Error(`relay ${args.join(' ')} ended with ${code}: ${stderr}`);
        return JSON.parse(stdout);
      };
      const ledger = ledgerOf(folder);
      const look = async (key: string): Promise<Row | undefined> => {
        const row = await ledger.read(key);
        return row && JSON.parse(JSON.stringify(rechargeJson(row)));
      };
      return {
        url,
        folder,
        pid: child.pid ?? 0,
        output,
        cli,
        json,
        reaches: (key, ...phases) =>
          eventually(async () => {
            const row = await look(key);
            if (row && phases.includes(row.phase)) return row;
            throw new Error(`${key} is ${JSON.stringify(row)}, not yet ${phases.join(' or ')}`);
          }),
        async end(signal = 'SIGINT') {
          child.kill(signal);
          const impatient = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS);
          return ended.finally(() => clearTimeout(impatient));
        },
      };
    },
  };
}

/** Where the relay of a folder keeps its recharges. A look by the command line would cost a process each time. */
function ledgerOf(folder: string) {
  const { dynamodbEndpoint, table } = JSON.parse(readFileSync(join(folder, 'runtime.json'), 'utf8'));
  return createDynamoLedger(createDocumentClient(engineAt(dynamodbEndpoint)), table);
}

/** Looks until nothing is thrown, ever less often. */
export async function eventually<Value>(look: () => Promise<Value>): Promise<Value> {
  const endsAt = Date.now() + 40_000;
  for (let waitMs = 50; ; waitMs = Math.min(800, waitMs * 1.5)) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > endsAt) throw error;
    }
    await sleep(waitMs);
  }
}

/** Engines that outlive a relay, as table and queue do on AWS. Gone after the last test of the file. */
export function useEngines(): () => Promise<{ env: Env }> {
  const engines: Engine[] = [];
  afterAll(async () => {
    await Promise.all(engines.map((engine) => engine.stop()));
  });
  return async () => {
    const [dynamo, sqs] = await Promise.all([startDynamo(), startSqs()]);
    engines.push(dynamo, sqs);
    return { env: { DYNAMODB_ENDPOINT: dynamo.endpoint, SQS_ENDPOINT: sqs.endpoint } };
  };
}

/** From its own words to a healthy answer. A relay that has ended is not looked for any longer. */
async function listens(output: () => string, ended: Promise<Ended>): Promise<string> {
  let end: Ended | undefined;
  void ended.then((its) => {
    end = its;
  });
  const url = await vi.waitFor(
    async () => {
      if (end !== undefined) return undefined;
      const [, url] = /listens on (http:\/\/127\.0\.0\.1:\d+)/.exec(output()) ?? [];
      if (url === undefined) throw new Error(`The relay is not ready: ${output()}`);
      const { status } = await fetch(`${url}/health`);
      if (status !== 200) throw new Error(`GET /health answered ${status}`);
      return url;
    },
    { timeout: READY_WITHIN_MS, interval: 20 },
  );
  if (url === undefined)
    throw new Error(`The relay ended with ${end?.code} before it was ready: ${output()}`);
  return url;
}

/** A process that has ended, but was not yet asked for its exit code, is not alive. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\S+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** The numbers of the relay and of all it started, from its own record. */
export function recordedPids(folder: string): number[] {
  const { relay, engines } = JSON.parse(readFileSync(join(folder, 'processes.json'), 'utf8'));
  return [relay, ...engines].map(({ pid }: { pid: number }) => pid);
}
