import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { configSchema, readConfig } from '../../../shared/settings/config.ts';
import { inboundSecretsSchema, outboundSecretsSchema } from '../../../shared/settings/secrets.ts';
import { faultsOf, SMALLEST } from './configurations.ts';

describe('what is written about the configuration', () => {
  const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
  const page = read('docs/configuration.md');
  const blocks = [...page.matchAll(/^```json([^\n]*)\n(.*?)^```$/gms)].map(([, title = '', text = '']) => ({
    title: title.trim(),
    value: JSON.parse(text),
  }));
  const titled = (title: string) => blocks.filter((block) => block.title === title).map(({ value }) => value);

  it('includes an example that can be used', () => {
    const example = readConfig(new URL('../../../relay.config.example.json', import.meta.url));
    expect(example.recharge.mode).toBe('observe');
  });

  it('shows whole configurations that can be used', () => {
    const examples = titled('relay.config.json');
    expect(examples.length).toBeGreaterThanOrEqual(2);
    for (const example of examples) expect(faultsOf(example)).toEqual([]);
  });

  it('shows sections that can be used', () => {
    const sections = titled('section');
    expect(sections.length).toBeGreaterThanOrEqual(6);
    for (const section of sections) expect(faultsOf({ ...SMALLEST, ...section })).toEqual([]);
  });

  it('shows secrets that can be used', () => {
    const [inbound] = titled('inbound');
    const [outbound] = titled('outbound');
    expect(z.strictObject(inboundSecretsSchema.shape).parse(inbound).webhook).toHaveLength(2);
    expect(z.strictObject(outboundSecretsSchema.shape).required().parse(outbound)).toBeDefined();
  });

  it('names every setting', () => {
    const names = new Set<string>();
    const collect = (schema: unknown): void => {
      if (typeof schema !== 'object' || schema === null) return;
      if ('properties' in schema) for (const name of Object.keys(Object(schema.properties))) names.add(name);
      for (const part of Object.values(schema)) collect(part);
    };
    collect(z.toJSONSchema(configSchema, { io: 'input' }));
    expect(names.size).toBeGreaterThan(40);
    const around = ['`', '.', '"'];
    const told = (name: string) =>
      around.some((before) => around.some((after) => page.includes(before + name + after)));
    expect([...names].filter((name) => !told(name))).toEqual([]);
  });
});
