import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { configSchemaDocument } from '../../infra/config-schema.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const document: any = JSON.parse(read('docs/relay.config.schema.json'));
const validate = new Ajv({ strict: false, formats: { uri: true, email: true } }).compile(document);
const faults = (config: unknown) =>
  validate(config) ? [] : validate.errors?.map(({ instancePath }) => instancePath);

describe('the schema of relay.config.json, for editors', () => {
  it('is what the generator makes: npm run generate', () => {
    expect(document).toEqual(JSON.parse(JSON.stringify(configSchemaDocument())));
  });

  it('is named by the example, and agrees with every configuration of the page', () => {
    const example = JSON.parse(read('relay.config.example.json'));
    expect(example.$schema).toBe('./docs/relay.config.schema.json');
    expect(faults(example)).toEqual([]);
    const page = read('docs/configuration.md');
    const shown = [...page.matchAll(/^```json (?:relay\.config\.json|section)\n(.*?)^```$/gms)];
    expect(shown.length).toBeGreaterThan(8);
    for (const [, text = ''] of shown) expect(faults(JSON.parse(text))).toEqual([]);
  });

  it('marks a setting that there is none of, and a value that cannot be', () => {
    expect(faults({ recharge: { minCredtis: 5 } })).toEqual(['/recharge']);
    expect(faults({ recharge: { mode: 'alive' } })).toEqual(['/recharge/mode']);
    expect(faults({ recharge: { verifiers: [{ type: 'token', headr: 'x' }] } })).toContain(
      '/recharge/verifiers/0',
    );
  });

  it('tells of each setting what the page says of it', () => {
    const { recharge, channels, payment } = document.properties;
    expect(recharge.properties.creditsField.description).toBe(
      'or the one field in which the webhook says them',
    );
    const slack = channels.additionalProperties.oneOf.find(
      ({ properties }: any) => properties.adapter.const === 'slack',
    );
    expect(slack.properties.threads.description).toMatch(/^where replies go\./);
    const [channel] = channels.additionalProperties.oneOf;
    const payments = payment.oneOf.flatMap(({ properties }: any) => untoldOf(properties, 'payment.'));
    expect(untoldOf({ ...document.properties, ...channel.properties })).toEqual([]);
    expect(payments).toEqual([]);
  });
});

/** Settings without a word, by their paths. Sections have a table instead. */
function untoldOf(properties: Record<string, any>, path = ''): string[] {
  return Object.entries(properties).flatMap(([name, node]) => {
    const at = path + name;
    if (node.properties) return untoldOf(node.properties, `${at}.`);
    return node.description === undefined && !SECTIONS.includes(at) ? [at] : [];
  });
}

/** What is told under their members' names. */
const SECTIONS = ['pricing', 'payment', 'channels'];
