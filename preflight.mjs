/**
 * Runs before every script of package.json. It is plain JavaScript, and imports nothing but Node's own: where `npm ci`
 * has not been run, packages are missing, and the machine's own Node may not read TypeScript.
 */
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const missing = Object.keys(dependencies).filter((name) => !existsSync(join(root, 'node_modules', name)));

/** One sentence, and undefined where all is well. */
function fault() {
  if (missing.length > 0) {
    const what = existsSync(join(root, 'node_modules')) ? missing.join(', ') : 'What this needs';
    return `${what} is not installed: run npm ci in ${root} first.`;
  }
  if (!process.features.typescript) {
    return `Node ${process.versions.node} does not read TypeScript: run npm ci (without --ignore-scripts), which brings the Node that does, and then this by npm or npx.`;
  }
  return undefined;
}

const sentence = fault();
if (sentence !== undefined) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

// What is loaded from here on is compiled only at the first start, and its types are taken out only then.
module.enableCompileCache();

/**
 * zod has its errors in 64 languages, each a file, and loads all of them: 19 ms of CPU for each process and each thread. All but
 * English, which it takes by default, are left out of what is loaded from here on.
 */
module.registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier === '../locales/index.js' ? '../locales/en.js' : specifier, context),
});
