/**
 * Runs every benchmark, prints each figure with its goal, and writes docs/performance.md with its chart, and a JSON file.
 * It fails no test run: a figure that misses its goal is said to.
 *
 *     npm run bench
 *     npm run bench -- --profile relay     where the CPU goes; or: cold
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureChannels } from './channels.ts';
import { measureClients } from './clients.ts';
import { measureColdStart } from './cold-start.ts';
import { goalText, type Measured, printed, valueText } from './figures.ts';
import { measureGrowth } from './growth.ts';
import { measureLists } from './lists.ts';
import { PROFILED } from './profile.ts';
import { measureRecharges } from './recharges.ts';
import { measureStarts } from './starts.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Takes turns with nothing: two at once would spoil each other. */
const BENCHMARKS: (() => Promise<Measured>)[] = [
  measureColdStart,
  measureRecharges,
  measureChannels,
  measureGrowth,
  measureLists,
  measureClients,
  measureStarts,
];

const { profile } = parseArgs({ options: { profile: { type: 'string' } } }).values;
if (profile === undefined) await benchAll();
else if (profile === 'relay' || profile === 'cold') process.stdout.write(await PROFILED[profile]());
else throw new Error('--profile takes relay or cold.');

async function benchAll(): Promise<void> {
  const all: Measured[] = [];
  for (const measure of BENCHMARKS) {
    const measured = await measure();
    process.stdout.write(printed(measured));
    all.push(measured);
  }
  const at = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.version}`;
  const file = 'bench-figures.json';
  writeFileSync(file, `${JSON.stringify({ at, machine, measured: all }, null, 2)}\n`);
  writeFileSync(join(ROOT, 'docs/performance.svg'), chart(all));
  writeFileSync(join(ROOT, 'docs/performance.md'), page(all, { at, machine }));
  process.stdout.write(`\nwritten to ${file}, docs/performance.md and docs/performance.svg\n`);
}

function page(measured: Measured[], { at, machine }: { at: string; machine: string }): string {
  const parts = measured.map(({ title, how, figures }) => {
    const rows = figures.map((figure) => `| ${figure.what} | ${valueText(figure)} | ${goalText(figure)} |`);
    return `## ${title}\n\n${how}\n\n| what | measured | goal |\n|---|--:|---|\n${rows.join('\n')}\n`;
  });
  return `# How fast it is

\`npm run bench\` wrote this page on ${at}, on a machine with ${machine}. Milliseconds are of that machine,
and of what else it did meanwhile. Ratios (×) are to something that ran beside it in the same run, and hold elsewhere too; those in
CPU hold on a busy machine as well.

![Load and first webhook of the relay, the usual bundle, Powertools and a bare handler](performance.svg)

${parts.join('\n')}`;
}

/** Bars of the figures that name a variant, the shortest is the fastest. */
function chart(measured: Measured[]): string {
  const prefix = 'load and first webhook: ';
  const bars = measured
    .flatMap(({ figures }) => figures)
    .filter(({ what }) => what.startsWith(prefix))
    .map(({ what, value }) => ({ name: what.slice(prefix.length), value }));
  const longest = Math.max(...bars.map(({ value }) => value));
  const rows = bars.map(({ name, value }, index) => {
    const y = 34 + index * 30;
    const width = Math.round((value / longest) * 400);
    const fill = name === 'relay' ? '#1a7f5a' : '#9aa5b1';
    return `  <text x="92" y="${y + 15}" text-anchor="end">${name}</text>
  <rect x="100" y="${y}" width="${width}" height="20" fill="${fill}"/>
  <text x="${106 + width}" y="${y + 15}">${value.toFixed(0)} ms</text>`;
  });
  const height = 44 + bars.length * 30;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 580 ${height}" font-family="sans-serif" font-size="13">
  <title>Cold start: load and first webhook</title>
  <rect width="580" height="${height}" fill="#ffffff"/>
  <text x="16" y="20" font-weight="bold">Cold start: load and first webhook (shorter is better)</text>
${rows.join('\n')}
</svg>
`;
}
