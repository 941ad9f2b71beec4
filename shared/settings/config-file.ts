import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as z from 'zod';
import { faultsOf, ruleInWords } from './config-faults.ts';

/** Every fault of a configuration at once. Names places and rules, never values: a secret may have been pasted. */
export class ConfigError extends Error {
  constructor(source: string, faults: string[]) {
    super(`${source} cannot be used:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * @param value parsed JSON.
 * @param source the file's name, for the error.
 * @throws ConfigError with all faults.
 */
export function parseWith<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  source: string,
): z.infer<Schema> {
  const parsed = schema.safeParse(value, { error: ruleInWords });
  if (parsed.success) return parsed.data;
  throw new ConfigError(source, faultsOf(parsed.error.issues, value).map(inOneLine));
}

const inOneLine = ({ path, message }: { path: PropertyKey[]; message: string }) =>
  `${path.join('.') || 'the whole file'}: ${message}`;

export const fileName = (path: string | URL) => String(path).replace(/^.*\//, '');

/**
 * @returns what the file says, unchecked.
 * @throws ConfigError where the file is missing or not JSON.
 */
export function readConfigFile(path: string | URL): unknown {
  const source = fileName(path);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(source, [
      `it cannot be read (${error instanceof Error && 'code' in error ? error.code : 'unknown error'})`,
    ]);
  }
  try {
    return JSON.parse(text);
  } catch {
    // JSON.parse quotes the text around the fault: not into a log.
    throw new ConfigError(source, ['it is not JSON']);
  }
}

/**
 * The agency's configuration for a stage: `RELAY_CONFIG`, else `relay.config.<stage>.json`, else
 * `relay.config.json`, in the root of the repository. Undefined where there is none yet.
 */
export function ownConfigFile(stage: string, env: NodeJS.ProcessEnv): string | undefined {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const own = [`relay.config.${stage}.json`, 'relay.config.json'].map((name) => join(root, name));
  return env.RELAY_CONFIG ?? own.find(existsSync);
}
