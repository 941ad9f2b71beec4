import { rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile, type Plugin } from 'esbuild';
import { type Config, readConfig } from '../shared/settings/config.ts';
import { ConfigError, ownConfigFile } from '../shared/settings/config-file.ts';
import { BUNDLED_CONFIG } from '../shared/settings/config-in-use.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const FUNCTIONS = [
  'recharge-webhook',
  'recharge-worker',
  'recharge-sweeper',
  'recharge-events',
  'channel-webhook',
  'channel-worker',
  'payment-webhook',
  'payment-page',
  'books-reconciler',
] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** Stands in the bundles for parts of the SDK that are never used. */
const NEVER_USED = join(ROOT, 'infra/never-used.ts');

/** Each function's asset: its bundle, source maps, and the configuration; in `dist`, or where `RELAY_DIST` says. */
export const assetOf = (name: FunctionName) => join(process.env.RELAY_DIST ?? join(ROOT, 'dist'), name);

/**
 * Kilobytes that a cold start loads before its first answer, which somebody may wait for: a little more than it is now.
 * Whoever needs more loads it with the first use, or raises the number and says why.
 */
export const BUDGETS_KB: Record<FunctionName, number> = {
  'recharge-webhook': 245,
  'recharge-worker': 300,
  'recharge-sweeper': 240,
  'recharge-events': 250,
  'channel-webhook': 270,
  'channel-worker': 275,
  'payment-webhook': 235,
  'payment-page': 235,
  'books-reconciler': 355,
};

/**
 * Bundles every function into `dist/<function>` as ESM. The bundles are split, so that what is loaded lazily
 * (credential providers) costs nothing at the start. The SDK is inside, because the runtime's own is newer or older
 * than the one that was tested.
 *
 * @param configFile checked here. What its schemas made of it is written beside the code: a function takes it as it is.
 * @returns the bytes each function loads at its start.
 */
export async function buildFunctions(configFile: string): Promise<Map<FunctionName, number>> {
  const config = readConfig(configFile);
  // esbuild, which is written in Go, then collects its garbage less often: a quarter of its CPU less, for 140 MB more.
  process.env.GOGC ??= '400';
  const sizes = await Promise.all(FUNCTIONS.map((name) => buildFunction(name, config)));
  return new Map(FUNCTIONS.map((name, index) => [name, sizes[index] ?? 0]));
}

/**
 * An `import` of a module of Node's reads each of its exports, and some of those load others: of `node:fs` readline, of `node:util`
 * worker threads. So the module is asked for instead, and only what is used of it is read. What is loaded later stays as it is.
 */
const onlyWhatIsUsedOfNode: Plugin = {
  name: 'only-what-is-used-of-node',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z_:/]+$/ }, ({ path, kind }) =>
      kind === 'import-statement' && isBuiltin(path)
        ? { path, namespace: 'node', sideEffects: false }
        : undefined,
    );
    onLoad({ filter: /./, namespace: 'node' }, ({ path }) => {
      const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter((name) => /^\w+$/.test(name));
      // esbuild leaves out a call that it is told to be pure, where nobody uses what it gives.
      const used = names.map((name) => `export const ${name} = /* @__PURE__ */ (() => all.${name})();`);
      const all = `const all = process.getBuiltinModule(${JSON.stringify(path)});`;
      return { contents: [all, 'export default all;', ...used].join('\n') };
    });
  },
};

/** Files of the SDK that no alias can name, since it imports them by their path. */
const filesOfTheSdk: Plugin = {
  name: 'files-of-the-sdk',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /\/fromSharedConfigFiles$/ }, () => ({ path: NEVER_USED }));
    // Node's way loads the streams of files, to measure one: 2 ms. The browsers' way knows texts and bytes, which are all we send.
    onResolve({ filter: /\/calculateBodyLength$/ }, ({ path, resolveDir, kind }) =>
      resolve(`${path}.browser`, { resolveDir, kind }),
    );
  },
};

/** @returns the bytes it loads at its start. */
export async function buildFunction(name: FunctionName, config: Config): Promise<number> {
  const outdir = assetOf(name);
  rmSync(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [{ in: join('functions', name, 'index.ts'), out: 'index' }],
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    alias: {
      // Lambda gives credentials in the environment, always. The other ways to find some would be loaded for nothing.
      '@aws-sdk/credential-provider-node': join(ROOT, 'shared/storage/lambda-credentials.ts'),
      '@aws-sdk/middleware-endpoint-discovery': NEVER_USED,
    },
    // The SDK asks of each answer whether it is one of these, and Node would load them to be asked: 1 ms. What comes is a stream of Node's.
    define: { ReadableStream: 'undefined', Blob: 'undefined' },
    // No operation of DynamoDB is a stream of events, which the SDK would load with the first one: zlib is half of it.
    external: ['@smithy/core/event-streams'],
    // The default puts main first, and takes the CommonJS half of the SDK, which is 1.5 times as large.
    mainFields: ['module', 'main'],
    minify: true,
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    plugins: [onlyWhatIsUsedOfNode, filesOfTheSdk],
    logLevel: 'warning',
  });
  writeFileSync(join(outdir, BUNDLED_CONFIG), JSON.stringify(config));
  return staticBytes(metafile, relative(ROOT, join(outdir, 'index.mjs')));
}

/** The entry and every chunk it imports statically, however deep. */
function staticBytes({ outputs }: Metafile, entry: string): number {
  const loaded = new Set<string>();
  const load = (path: string) => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const { path: next, kind, external } of outputs[path]?.imports ?? []) {
      if (kind === 'import-statement' && !external) load(next);
    }
  };
  load(entry);
  return [...loaded].reduce((sum, path) => sum + (outputs[path]?.bytes ?? 0), 0);
}

/** The agency's configuration, or the example, so that a fresh clone can be built and checked. */
export const configFile = (stage: string) =>
  ownConfigFile(stage, process.env) ?? join(ROOT, 'relay.config.example.json');

async function report(): Promise<void> {
  const sizes = await buildFunctions(configFile(process.env.RELAY_STAGE ?? 'dev'));
  for (const [name, bytes] of sizes) {
    process.stdout.write(`${name.padEnd(20)}${(bytes / 1024).toFixed(0).padStart(5)} KB loaded at start\n`);
  }
  for (const name of FUNCTIONS.filter((one) => (sizes.get(one) ?? 0) > BUDGETS_KB[one] * 1024)) {
    process.stderr.write(`${name} is over its budget of ${BUDGETS_KB[name]} KB.\n`);
    process.exitCode = 1;
  }
}

/** Prints the faults of a configuration, and only them, because a stack trace would hide them. */
export async function sayingFaults(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

if (import.meta.main) await sayingFaults(report);
