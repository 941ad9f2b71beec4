import { isOnThisMachine } from '../shared/http.ts';
import { type Config, readConfig } from '../shared/settings/config.ts';
import { ConfigError, fileName } from '../shared/settings/config-file.ts';

/**
 * The configuration of a stage. What is right for `npm start` may be wrong on AWS: there an address of this machine
 * is another machine's, without the encryption that is not asked of it here.
 *
 * @throws ConfigError if the file is missing, not JSON, or has faults.
 */
export function readStageConfig(file: string): Config {
  const config = readConfig(file);
  const faults = addressesOfThisMachine(config, []).map(
    (path) => `${path}: names this machine, which a function on AWS does not reach: give an https address`,
  );
  if (faults.length > 0) throw new ConfigError(fileName(file), faults);
  return config;
}

function addressesOfThisMachine(value: unknown, path: string[]): string[] {
  if (typeof value === 'string') return isOnThisMachine(value) ? [path.join('.')] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => addressesOfThisMachine(member, [...path, name]));
}
