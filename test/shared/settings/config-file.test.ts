import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig, readConfig } from '../../../shared/settings/config.ts';
import { ConfigError } from '../../../shared/settings/config-file.ts';
import { bundledConfig } from '../../../shared/settings/config-in-use.ts';
import { SMALLEST } from './configurations.ts';

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

  it('is read by its path', () => {
    expect(readConfig(written(JSON.stringify(SMALLEST))).recharge.mode).toBe('observe');
  });

  it('is read beside the code of a function as the build wrote it: checked, with its defaults', () => {
    const config = parseConfig(SMALLEST, 'relay.config.json');
    written(JSON.stringify(config));
    expect(bundledConfig(pathToFileURL(join(folder, 'index.mjs')).href)).toEqual(config);
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
