import { readFileSync } from 'node:fs';
import { type ObjectNode, parse, type ValueNode } from '@humanwhocodes/momoa';
import { configSchema } from '../shared/settings/config.ts';
import { type Fault, faultsOf, ruleInWords } from '../shared/settings/config-faults.ts';
import { ownConfigFile } from '../shared/settings/config-file.ts';
import { faultsOnAws } from '../shared/settings/stage-faults.ts';
import { OperateError } from './error.ts';
import { configFileOf, type Target } from './target.ts';

/** One fault of a configuration. No value of the file is in it: a secret may have been pasted. */
export interface ConfigFault {
  /** From 1; of what is missing, the line where it should stand within. Absent: the file cannot be read. */
  line?: number;
  /** Such as `guard.limits.dailyCount`; empty: the whole file. */
  setting: string;
  message: string;
}

export interface ConfigReport {
  file: string;
  /** All at once, by line. */
  faults: ConfigFault[];
  /** Sections that `npm start` fills in, and a deployment does not: empty where the file is a whole. */
  lacks: string[];
}

/** What `npm start` brings itself where the file has none of it. */
const FILLED_IN = ['platform', 'pricing', 'payment'];

/**
 * Reads a configuration as the build does, and finds the line of each fault.
 *
 * @param file default: as a command finds it; with `stack`, the one it is deployed from.
 * @throws an OperateError, `not_ready`, where there is no file to check.
 */
export function checkConfig(target: Target, file = usualFile(target)): ConfigReport {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : 'unknown error';
    return { file, faults: [{ setting: '', message: `cannot be read (${code})` }], lacks: [] };
  }
  let root: ValueNode;
  try {
    root = parse(text).body;
  } catch (error) {
    return { file, faults: [syntaxFault(error)], lacks: [] };
  }
  const value: unknown = JSON.parse(text);
  const lacks = FILLED_IN.filter((section) => childOf(root, section) === undefined);
  const faults = allFaults(value, target.stack !== undefined)
    .filter(({ path: [section = ''] }) => !lacks.includes(String(section)))
    .map((fault) => placed(root, fault))
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return { file, faults, lacks };
}

function usualFile(target: Target): string {
  const file = configFileOf(target) ?? ownConfigFile('dev', target.env);
  if (file !== undefined) return file;
  throw new OperateError(
    'not_ready',
    'There is no relay.config.json yet. Begin with: cp relay.config.example.json relay.config.json. Or name the file.',
  );
}

/** @param forAws also what is right on one machine alone. */
function allFaults(value: unknown, forAws: boolean): Fault[] {
  const parsed = configSchema.safeParse(value, { error: ruleInWords });
  if (!parsed.success) return faultsOf(parsed.error.issues, value);
  return forAws ? faultsOnAws(parsed.data) : [];
}

/** The parser's own sentence quotes the text around the fault. */
function syntaxFault(error: unknown): ConfigFault {
  const line = error instanceof Error && 'line' in error && typeof error.line === 'number' ? error.line : 1;
  return { line, setting: '', message: 'is no longer JSON here' };
}

/** A setting that there is not has a line of its own: that of its name. */
function placed(root: ValueNode, { path, message, keys: [key] = [] }: Fault): ConfigFault {
  return {
    line: lineOf(root, key === undefined ? path : [...path, key]),
    setting: path.join('.'),
    message,
  };
}

function lineOf(root: ValueNode, path: readonly PropertyKey[]): number {
  let node = root;
  let line = root.loc.start.line;
  for (const name of path) {
    const child = childOf(node, name);
    if (child === undefined) return line;
    node = child.value;
    line = child.line;
  }
  return line;
}

function childOf(node: ValueNode, name: PropertyKey): { value: ValueNode; line: number } | undefined {
  if (node.type === 'Array') {
    const value = node.elements[Number(name)]?.value;
    return value && { value, line: value.loc.start.line };
  }
  if (node.type !== 'Object') return undefined;
  const member = memberOf(node, String(name));
  return member && { value: member.value, line: member.loc.start.line };
}

/** Of two members of one name the last one counts, as in `JSON.parse`. */
const memberOf = ({ members }: ObjectNode, wanted: string) =>
  members.findLast(({ name }) => (name.type === 'String' ? name.value : name.name) === wanted);
