import { type Config, readConfig } from '../shared/settings/config.ts';
import { ConfigError, fileName } from '../shared/settings/config-file.ts';
import { faultsOnAws } from '../shared/settings/stage-faults.ts';

/**
 * The configuration of a stage.
 *
 * @throws ConfigError if the file is missing, not JSON, or has faults, also those that `npm start` does not mind.
 */
export function readStageConfig(file: string): Config {
  const config = readConfig(file);
  const faults = faultsOnAws(config).map(({ path, message }) => `${path.join('.')}: ${message}`);
  if (faults.length > 0) throw new ConfigError(fileName(file), faults);
  return config;
}
