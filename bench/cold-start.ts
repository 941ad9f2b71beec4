/**
 * The cold start of `recharge-webhook` beside what one would write otherwise, and the CPU of a warm webhook. Each start
 * is a process of its own that loads a built bundle and answers one webhook: the secret is read, the signature verified,
 * the row put on condition, the message queued, all over https on this machine. The variants take turns in one run, so
 * that the ratios hold on any machine.
 *
 *     npm run bench:cold-start -- 30       so many rounds instead of 15
 */
import { execFileSync, fork } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import * as z from 'zod';
import { engineAt } from '../local/aws.ts';
import { createTable, startDynamo } from '../local/engines.ts';
import { createDocumentClient } from '../shared/storage/clients.ts';
import { startAws } from './cold-start/aws.ts';
import { type Figure, type Measured, printed, quick } from './figures.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PEERS = ['usual', 'powertools', 'bare'] as const;
type Variant = 'relay' | (typeof PEERS)[number];
const VARIANTS: readonly Variant[] = ['relay', ...PEERS];
const TABLE = 'bench-cold-start';
const SECRET = 'webhook-secret';
const ROUNDS = 15;
/** A start is measured alone. The CPU of a warm webhook is a mean of many, and needs fewer rounds; of 3, one run had 0.8, the next 1.3. */
const WARM_ROUNDS = 7;
const WARM_WEBHOOKS = 400;
/** What a function may load at its start, in KB. The build holds it to a budget near what it reaches. */
const GOALS_KB: Record<string, number> = {
  'recharge-webhook': 260,
  'recharge-worker': 300,
  'recharge-sweeper': 260,
  'channel-webhook': 330,
  'channel-worker': 340,
};

const startSchema = z.object({
  statusCode: z.int(),
  initMs: z.number(),
  firstMs: z.number(),
  cpuMs: z.number(),
  warmCpuMs: z.number().optional(),
});
type Start = z.infer<typeof startSchema>;

interface Given {
  variants?: readonly Variant[];
  warmRounds?: number;
  /** Of each process that starts. */
  nodeArgs?: string[];
}

/** One cold start of the relay's function, with these arguments of Node. */
export const startCold = (nodeArgs: string[]) =>
  measureColdStart(1, { variants: ['relay'], warmRounds: 0, nodeArgs });

export async function measureColdStart(
  rounds = ROUNDS,
  { variants = VARIANTS, warmRounds = WARM_ROUNDS, nodeArgs = [] }: Given = {},
): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'relay-bench-'));
  const engine = await startDynamo();
  const client = createDocumentClient(engineAt(engine.endpoint));
  await createTable(client, TABLE);
  const aws = await startAws(folder, { dynamodbEndpoint: engine.endpoint, secret: SECRET });
  try {
    const sizes = buildRelay(join(folder, 'dist'));
    await Promise.all(PEERS.map((peer) => buildPeer(peer, folder)));
    const run = (variant: Variant, warm: number) =>
      start(bundleOf(variant, folder), { environment: aws.environment, nodeArgs }, warm);
    const cold = await inTurns(rounds, variants, (variant) => run(variant, 0));
    const warm = await inTurns(warmRounds, variants, (variant) => run(variant, WARM_WEBHOOKS));
    return {
      title: 'Cold start',
      how:
        'Each start is a process that loads a bundle (init) and answers one webhook (first): a secret is read, a ' +
        'signature verified, a row put on condition, a message queued, over https on 127.0.0.1. The variants take ' +
        `turns; lower quartiles of ${rounds} rounds; the start of Node itself is left out. The usual bundle is the SDK's ` +
        'three clients, lib-dynamodb and zod, in one file, as `NodejsFunction` of the CDK makes it; beside it ' +
        'Powertools for AWS (idempotency, logger and parser), and a bare handler: the three clients alone, so that nothing ' +
        'with the SDK comes far below it.',
      figures: [...ratios(cold, warm), ...sizes],
    };
  } finally {
    aws.stop();
    client.destroy();
    await engine.stop();
    rmSync(folder, { recursive: true });
  }
}

function ratios(cold: Map<Variant, Start[]>, warm: Map<Variant, Start[]>): Figure[] {
  const of = (starts: Map<Variant, Start[]>, variant: Variant, pick: (start: Start) => number) =>
    quick((starts.get(variant) ?? []).map(pick));
  const whole = (variant: Variant) => of(cold, variant, ({ initMs, firstMs }) => initMs + firstMs);
  const cpu = (variant: Variant) => of(cold, variant, ({ cpuMs }) => cpuMs);
  const first = (variant: Variant) => of(cold, variant, ({ firstMs }) => firstMs);
  const warmCpu = (variant: Variant) => of(warm, variant, ({ warmCpuMs = Number.NaN }) => warmCpuMs);
  const ratio = (what: string, value: number, atMost?: number): Figure => ({
    what,
    value,
    unit: '×',
    ...(atMost === undefined ? {} : { goal: { atMost } }),
  });
  return [
    ratio('load and first webhook, of the usual bundle', whole('relay') / whole('usual'), 0.75),
    ratio('load and first webhook, of Powertools', whole('relay') / whole('powertools'), 0.6),
    ratio('the same in CPU, of the usual bundle', cpu('relay') / cpu('usual')),
    ratio('the same in CPU, of Powertools', cpu('relay') / cpu('powertools')),
    ratio('the same in CPU, of the bare handler', cpu('relay') / cpu('bare')),
    ratio('CPU of the bare handler, of the usual bundle', cpu('bare') / cpu('usual')),
    ratio('CPU of the bare handler, of Powertools', cpu('bare') / cpu('powertools')),
    ratio('the first webhook alone, of the usual bundle', first('relay') / first('usual')),
    ratio('CPU of a warm webhook, of the bare handler', warmCpu('relay') / warmCpu('bare'), 1.1),
    ratio('CPU of a warm webhook, of Powertools', warmCpu('relay') / warmCpu('powertools'), 0.45),
    ratio(
      'CPU of a warm webhook of the bare handler, of Powertools',
      warmCpu('bare') / warmCpu('powertools'),
    ),
    ...VARIANTS.map((variant) => ({
      what: `load and first webhook: ${variant}`,
      value: whole(variant),
      unit: 'ms',
    })),
  ];
}

async function inTurns(
  rounds: number,
  variants: readonly Variant[],
  run: (variant: Variant) => Promise<Start>,
): Promise<Map<Variant, Start[]>> {
  const starts = new Map<Variant, Start[]>(VARIANTS.map((variant) => [variant, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const variant of shuffled(variants)) starts.get(variant)?.push(await run(variant));
  }
  return starts;
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** By the relay's own build, with the example's configuration. @returns what each function loads at its start. */
function buildRelay(dist: string): Figure[] {
  const said = execFileSync(process.execPath, ['infra/build.ts'], {
    cwd: ROOT,
    env: { ...process.env, RELAY_DIST: dist, RELAY_CONFIG: join(ROOT, 'relay.config.example.json') },
    encoding: 'utf8',
  });
  return [...said.matchAll(/^([a-z-]+) +(\d+) KB/gm)].map(([, name = '', kilobytes]) => {
    const atMost = GOALS_KB[name];
    return {
      what: `loaded at its start: ${name}`,
      value: Number(kilobytes),
      unit: 'KB',
      ...(atMost === undefined ? {} : { goal: { atMost } }),
    };
  });
}

const bundleOf = (variant: Variant, folder: string) =>
  variant === 'relay' ? join(folder, 'dist/recharge-webhook/index.mjs') : join(folder, `${variant}.cjs`);

/** One minified CommonJS file, which is what CDK's NodejsFunction makes. */
async function buildPeer(peer: (typeof PEERS)[number], folder: string): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: [`bench/cold-start/${peer}.ts`],
    outfile: bundleOf(peer, folder),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    minify: true,
    logLevel: 'warning',
  });
}

async function start(
  bundle: string,
  { environment, nodeArgs }: { environment: NodeJS.ProcessEnv; nodeArgs: string[] },
  warm: number,
): Promise<Start> {
  const child = fork(join(ROOT, 'bench/cold-start/invoke.mjs'), [bundle], {
    env: {
      PATH: process.env.PATH,
      ...environment,
      STAGE: 'prod',
      TABLE_NAME: TABLE,
      RECHARGE_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/123456789012/recharges',
      INBOUND_SECRET: 'inbound',
    },
    execArgv: nodeArgs,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  child.send(Array.from({ length: 1 + warm }, webhook));
  const [said] = await Promise.race([
    once(child, 'message'),
    ended.then(() => Promise.reject(new Error(`${bundle} ended without an answer.`))),
  ]);
  const measured = startSchema.parse(said);
  if (measured.statusCode !== 202) throw new Error(`${bundle} answered ${measured.statusCode}.`);
  await ended;
  return measured;
}

/** A whole event of API Gateway, as its payload format 2.0 has it: Powertools wants every member. */
function webhook() {
  const body = JSON.stringify({ idempotency_key: randomUUID(), email: 'jane@example.com', credits: 500 });
  const path = '/webhooks/auto-recharge';
  const http = { method: 'POST', path, protocol: 'HTTP/1.1', sourceIp: '203.0.113.1', userAgent: 'bench' };
  const signature = `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`;
  return {
    version: '2.0',
    routeKey: `POST ${path}`,
    rawPath: path,
    rawQueryString: '',
    headers: { 'content-type': 'application/json', 'x-webhook-signature': signature },
    requestContext: {
      accountId: '123456789012',
      apiId: 'api',
      domainName: 'api.execute-api.us-east-1.amazonaws.com',
      domainPrefix: 'api',
      http,
      requestId: randomUUID(),
      routeKey: `POST ${path}`,
      stage: '$default',
      time: '28/Nov/2026:12:00:00 +0000',
      timeEpoch: 1_795_867_200_000,
    },
    body,
    isBase64Encoded: false,
  };
}

if (import.meta.main) {
  const rounds = process.argv[2] === undefined ? ROUNDS : Number(process.argv[2]);
  process.stdout.write(printed(await measureColdStart(rounds)));
}
