import { engineBinary } from '../../local/engine-package.ts';

/** Before all tests: where the engine is missing, one sentence says so, instead of each of them. */
export function setup(): void {
  try {
    engineBinary();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exit(1);
  }
}
