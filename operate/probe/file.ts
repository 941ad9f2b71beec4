import { existsSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import { ConfigError, fileName, parseWith, readConfigFile } from '../../shared/settings/config-file.ts';
import { type Section, sectionSchema } from '../platform.ts';

/** Keeps the members in their order. */
const objectSchema = z.record(z.string(), z.unknown());

const fileSchema = z.looseObject({ platform: sectionSchema.exactOptional() });

/** A configuration whose section `platform` can be replaced. */
export interface ConfigFile {
  /** As it stands there; undefined if there is no file, or no section. */
  section: Section | undefined;
  /**
   * Writes the section, and leaves all else as it is.
   *
   * @returns one line for each setting that has changed; none if nothing was written.
   * @throws an Error if the file was changed by somebody else meanwhile.
   */
  write(section: Section): string[];
}

/** @throws ConfigError if there is a file that is no JSON object. The file is left alone. */
export function openConfigFile(path: string): ConfigFile {
  const file = existsSync(path) ? realpathSync(path) : path;
  const text = () => (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
  const before = text();
  const whole = parseWith(objectSchema, before === undefined ? {} : readConfigFile(file), fileName(file));
  const { platform } = parseWith(fileSchema, whole, fileName(file));
  return {
    section: platform,
    write(section) {
      if (text() !== before) {
        throw new ConfigError(fileName(file), ['it was changed meanwhile: nothing was written']);
      }
      const changes = differences(platform ?? {}, section, 'platform');
      if (changes.length === 0) return [];
      const there = objectSchema.safeParse(whole.platform).data;
      const content = { ...whole, platform: { ...there, ...section } };
      // Written beside it and renamed, because half a configuration is of no use.
      writeFileSync(`${file}.new`, `${JSON.stringify(content, null, 2)}\n`);
      renameSync(`${file}.new`, file);
      return changes;
    },
  };
}

/** `platform.keyPlacement.credits: "header" -> "query"`, for each setting at its own place. */
function differences(before: unknown, after: unknown, path: string): string[] {
  const [old, new_] = [objectSchema.safeParse(before), objectSchema.safeParse(after)];
  if (new_.success && (old.success || before === undefined)) {
    const members = old.data ?? {};
    return [...new Set([...Object.keys(members), ...Object.keys(new_.data)])].flatMap((name) =>
      differences(members[name], new_.data[name], `${path}.${name}`),
    );
  }
  const [from, to] = [JSON.stringify(before), JSON.stringify(after)];
  return from === to ? [] : [`${path}: ${from ?? 'not said'} -> ${to}`];
}
