/**
 * Where the CPU goes: the relay in a flood of recharges, or the cold start of `recharge-webhook`. Prints what each package and
 * each of our files took of it, and leaves the profiles, which Chrome's developer tools open.
 *
 *     npm run bench -- --profile relay
 *     npm run bench -- --profile cold
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { engineAt } from '../local/aws.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import { createDocumentClient } from '../shared/storage/clients.ts';
import { startCold } from './cold-start.ts';
import { rechargesOneAfterTheOther } from './recharges.ts';
import { startRelay } from './relay.ts';

const ROWS = 25;

/** https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
const profileSchema = z.object({
  nodes: z.array(
    z.object({ id: z.number(), callFrame: z.object({ functionName: z.string(), url: z.string() }) }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

export const PROFILED = { relay: profileRelay, cold: profileColdStart };

/** @returns the text to print. */
async function profileRelay(): Promise<string> {
  const folder = newFolder('relay');
  const relay = await startRelay(['--cpu-prof', `--cpu-prof-dir=${folder}`]);
  const client = createDocumentClient(engineAt(relay.dynamodbEndpoint));
  try {
    await rechargesOneAfterTheOther(relay, createDynamoLedger(client, relay.table), 1_000);
  } finally {
    client.destroy();
    await relay.stop();
  }
  return toldOf(folder);
}

async function profileColdStart(): Promise<string> {
  const folder = newFolder('cold');
  await startCold(['--cpu-prof', '--cpu-prof-interval=100', `--cpu-prof-dir=${folder}`]);
  return toldOf(folder);
}

function newFolder(name: string): string {
  const folder = join(process.cwd(), `bench-profiles/${name}-${Date.now()}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Of each thread that was busy for longer than a moment, the busiest first. */
function toldOf(folder: string): string {
  const threads = readdirSync(folder)
    .map((file) => ({ file, spent: spentIn(join(folder, file)) }))
    .map(({ file, spent }) => ({ file, spent, busyMs: [...spent.values()].reduce((sum, ms) => sum + ms, 0) }))
    .filter(({ busyMs }) => busyMs >= 20)
    .sort((a, b) => b.busyMs - a.busyMs);
  const parts = threads.map(({ file, spent, busyMs }) => {
    const rows = [...spent].sort(([, a], [, b]) => b - a).slice(0, ROWS);
    const lines = rows.map(([where, ms]) => `  ${((100 * ms) / busyMs).toFixed(1).padStart(5)} %  ${where}`);
    return `${file}: busy for ${busyMs.toFixed(0)} ms\n${lines.join('\n')}\n`;
  });
  return `${parts.join('\n')}\nThe profiles are in ${folder}.\n`;
}

/** Milliseconds by package, or file of ours, or part of Node. */
function spentIn(file: string): Map<string, number> {
  const { nodes, samples, timeDeltas } = profileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const spent = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const place = places.get(id) ?? 'unknown';
    if (place === '(idle)') continue;
    spent.set(place, (spent.get(place) ?? 0) + (timeDeltas[index] ?? 0) / 1_000);
  }
  return spent;
}

function placeOf({ functionName, url }: { functionName: string; url: string }): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)';
  const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  return name ?? url.replace(new URL('..', import.meta.url).href, '');
}
