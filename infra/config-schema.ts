import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { conditionSchema, pointersSchema } from '../shared/channels/pointer-settings.ts';
import { verifierSchema } from '../shared/incoming/verifier-settings.ts';
import { configSchema } from '../shared/settings/config.ts';

/** A schema, as far as it is walked through here. */
interface Node {
  [keyword: string]: unknown;
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;

/** Draft 7 is what editors know best. */
const toJsonSchema = (schema: z.core.$ZodType): Node => {
  const { $schema: _, ...node } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
  return node;
};

/**
 * JSON Schema of relay.config.json, for editors: names, types, defaults, and what docs/configuration.md says of each
 * setting. It knows fewer rules than the relay: `relay config check` has the last word.
 */
export function configSchemaDocument(): Node {
  const definitions = {
    verifier: toJsonSchema(verifierSchema),
    pointers: toJsonSchema(pointersSchema),
    condition: toJsonSchema(conditionSchema),
  };
  // For npm start a file may be a part of a configuration, so no section is needed.
  const { properties, required: _, definitions: own, ...rest } = toJsonSchema(configSchema);
  const document = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'relay.config.json of Recharge Relay',
    ...rest,
    properties: withReferences(properties, definitions),
    definitions: {
      // Zod's own: JSON in JSON, which is defined by itself.
      ...(isNode(own) ? own : {}),
      ...definitions,
      condition: withReferences(definitions.condition, definitions, 'condition'),
    },
  };
  const page = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8');
  for (const setting of settingsOf(page)) describeSetting(document, setting);
  return document;
}

/** What stands at many places stands once, under its name. */
function withReferences(value: unknown, definitions: Record<string, Node>, within?: string): unknown {
  if (!isNode(value)) return value;
  const [name] =
    Object.entries(definitions).find(([own, node]) => own !== within && isSame(value, node)) ?? [];
  const { default: given, ...node } = value;
  const withDefault = given === undefined ? {} : { default: given };
  if (name !== undefined) return { ...withDefault, $ref: `#/definitions/${name}` };
  if (Array.isArray(value)) return value.map((element) => withReferences(element, definitions, within));
  const members = Object.entries(node).map(([key, member]) => [
    key,
    withReferences(member, definitions, within),
  ]);
  return { ...withDefault, ...Object.fromEntries(members) };
}

const isSame = ({ default: _, ...value }: Node, { default: __, ...node }: Node) =>
  isDeepStrictEqual(value, node);

/** Where a table of the page has its settings. */
type Scope =
  | { of: 'file' }
  | { of: 'channel'; adapter?: string }
  | { of: 'verifier'; type: string }
  | { of: 'nothing' };

interface Setting {
  scope: Scope;
  path: string[];
  meaning: string;
}

/** Each row of the page's tables of settings. */
function settingsOf(page: string): Setting[] {
  let scope: Scope = { of: 'nothing' };
  return page.split('\n').flatMap((line) => {
    scope = scopeOf(line) ?? scope;
    const [, names = '', meaning = ''] = /^\| (`[^|]*) \|[^|]*\| (.*) \|$/.exec(line) ?? [];
    if (scope.of === 'nothing' || names === '') return [];
    const at = scope;
    return [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => ({
      scope: at,
      path: name.split('.'),
      meaning: plain(meaning),
    }));
  });
}

/** Undefined for a line that changes nothing. */
function scopeOf(line: string): Scope | undefined {
  if (/^### (`|The rest)/.test(line)) return { of: 'file' };
  if (/^##/.test(line)) return { of: 'nothing' };
  if (line === 'For every channel:') return { of: 'channel' };
  const [, adapter] = /^With `"adapter": "(\w+)"`/.exec(line) ?? [];
  if (adapter !== undefined) return { of: 'channel', adapter };
  const [, type] = /^\*\*`([\w-]+)`\*\*/.exec(line) ?? [];
  return type === undefined ? undefined : { of: 'verifier', type };
}

/** An editor shows it as it is. */
const plain = (markdown: string) => markdown.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '');

/** @throws an Error for a setting that the page names, and the configuration does not have. */
function describeSetting(document: Node, { scope, path, meaning }: Setting): void {
  const found = path.reduce<Node[]>(
    (nodes, name) => nodes.flatMap((node) => membersOf(node, name)),
    rootsOf(document, scope),
  );
  if (found.length === 0)
    throw new Error(`docs/configuration.md names ${path.join('.')}, which is no setting.`);
  for (const node of found) node.description = meaning;
}

function rootsOf(document: Node, scope: Scope): Node[] {
  if (scope.of === 'nothing') return [];
  if (scope.of === 'file') return [document];
  if (scope.of === 'verifier')
    return optionsOf(memberAt(document, 'definitions', 'verifier'), 'type', scope.type);
  const channel = memberAt(document, 'properties', 'channels', 'additionalProperties');
  return optionsOf(channel, 'adapter', scope.adapter);
}

const optionsOf = (union: Node, tag: string, wanted: string | undefined): Node[] =>
  alternativesOf(union).filter(
    (option) => wanted === undefined || memberAt(option, 'properties', tag).const === wanted,
  );

const alternativesOf = ({ oneOf, anyOf, allOf }: Node): Node[] =>
  [oneOf, anyOf, allOf].flatMap((list) => (Array.isArray(list) ? list.filter(isNode) : []));

/** The schemas of a member, in whichever of the alternatives has it. */
function membersOf(node: Node, name: string): Node[] {
  const { properties } = node;
  const own = isNode(properties) ? properties[name] : undefined;
  return [
    ...(isNode(own) ? [own] : []),
    ...alternativesOf(node).flatMap((option) => membersOf(option, name)),
  ];
}

function memberAt(node: Node, ...path: string[]): Node {
  return path.reduce((member, name) => {
    const next = member[name];
    if (isNode(next)) return next;
    throw new Error(`Bug! The schema has no ${path.join('.')}.`);
  }, node);
}
