import { readRuntime } from '../local/state.ts';
import { type Config, parseConfig, readConfig } from '../shared/settings/config.ts';
import { OperateError } from './error.ts';
import { configFileOf, notStarted, stageOf, type Target } from './target.ts';

/**
 * The whole configuration by which a relay acts: of the relay here, that of its last `npm start`; of a stack, that of
 * the file from which it is deployed, which may be newer than what is deployed (`digestOf` tells).
 *
 * @throws an OperateError, `not_ready`, where there is none here; ConfigError for its faults.
 */
export function configInForce(target: Target): Config {
  const { stack, env } = target;
  if (stack === undefined) {
    const runtime = readRuntime(env);
    if (runtime === undefined) throw notStarted(env);
    return parseConfig(runtime.config, 'What npm start wrote');
  }
  const file = configFileOf(target);
  if (file !== undefined) return readConfig(file);
  throw new OperateError(
    'not_ready',
    `There is no relay.config.${stageOf(stack)}.json and no relay.config.json here, so the settings of ${stack} are not ` +
      'known. Run this where it is deployed from, or name the file in RELAY_CONFIG.',
  );
}
