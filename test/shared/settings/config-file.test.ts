import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configSchema, readConfig } from '../../../shared/settings/config.ts';
import { bundledConfig, ConfigError } from '../../../shared/settings/config-file.ts';
import { SMALLEST } from './configurations.ts';

const withRecharge = (recharge: Record<string, unknown>) => ({ ...SMALLEST, recharge });

describe('the file of a configuration', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const written = (text: string) => {
    const path = join(folder, 'relay.config.json');
    writeFileSync(path, text);
    return path;
  };

  it('is read by its path, and beside the code of a function', () => {
    const path = written(JSON.stringify(SMALLEST));
    expect(readConfig(path).recharge.mode).toBe('observe');
    const moduleUrl = pathToFileURL(join(folder, 'index.mjs')).href;
    expect(bundledConfig(moduleUrl, configSchema).payment.type).toBe('http');
  });

  it('with a fault stops a function, which names its place and no value', () => {
    const path = written(JSON.stringify(withRecharge({ mode: 'sk_live_51Habc' })));
    const moduleUrl = pathToFileURL(join(path, '..', 'index.mjs')).href;
    expect(() => bundledConfig(moduleUrl, configSchema)).toThrow(
      new ConfigError('relay.config.json', [
        'recharge.mode: Invalid option: expected one of "observe"|"live"',
      ]),
    );
  });

  it('that is missing is said to be', () => {
    expect(() => readConfig(join(folder, 'relay.config.json'))).toThrow(
      new ConfigError('relay.config.json', ['it cannot be read (ENOENT)']),
    );
  });

  it('that is no JSON is said to be, without a word of it', () => {
    expect(() => readConfig(written('{"platform": sk_live_51Habc}'))).toThrow(
      new ConfigError('relay.config.json', ['it is not JSON']),
    );
  });

  it('is named in its faults, without its folder', () => {
    expect(() => readConfig(written('{}'))).toThrow(/^relay\.config\.json cannot be used:\n {2}- platform: /);
  });
});
