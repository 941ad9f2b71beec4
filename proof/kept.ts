import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Where the results of long runs are kept. Git ignores it. */
const FOLDER = join(ROOT, '.proof');
/** All that a run runs… */
const CODE = ['proof', 'shared', 'functions', 'operate'];
/** …but what only reads its results: which runs are made, and the pairs that were reached. */
const READERS = ['explore.ts', 'transitions.ts', 'simulator/simulate.ts', 'simulator/coverage.ts'];

let hash: string | undefined;

/** Of the code as it is now. */
function codeHash(): string {
  if (hash !== undefined) return hash;
  const sum = createHash('sha256');
  for (const folder of CODE) {
    const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).sort();
    const runs = (name: string) => name.endsWith('.ts') && !(folder === 'proof' && READERS.includes(name));
    for (const file of files.filter(runs))
      sum.update(`${folder}/${file}\n`).update(readFileSync(join(ROOT, folder, file)));
  }
  hash = sum.update(readFileSync(join(ROOT, 'package-lock.json'))).digest('hex');
  return hash;
}

/**
 * Results of parts of a long run, by their names. A run that was stopped goes on where it stopped; once any code has changed,
 * nothing is kept any more.
 */
export class Kept<Result> {
  readonly #file: string;
  readonly #results: Map<string, Result>;

  /** @param name of the file. */
  constructor(name: string, schema: z.ZodType<Result>) {
    this.#file = join(FOLDER, `${name}.json`);
    const written = z.object({ code: z.string(), results: z.record(z.string(), z.unknown()) });
    const { code, results } = existsSync(this.#file)
      ? written.parse(JSON.parse(readFileSync(this.#file, 'utf8')))
      : { code: '', results: {} };
    const entries = code === codeHash() ? Object.entries(results) : [];
    this.#results = new Map(entries.map(([of, result]) => [of, schema.parse(result)]));
  }

  get(name: string): Result | undefined {
    return this.#results.get(name);
  }

  set(name: string, result: Result): void {
    this.#results.set(name, result);
    mkdirSync(dirname(this.#file), { recursive: true });
    writeFileSync(
      this.#file,
      JSON.stringify({ code: codeHash(), results: Object.fromEntries(this.#results) }),
    );
  }
}
