import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cliWith } from './main.ts';
import { outputSchemaDocument } from './output-schema.ts';
import { commandReference, MADE_BELOW } from './reference.ts';

const { stdin, stdout, stderr } = process;
const { program } = await cliWith('all', {
  stdin,
  stdout,
  stderr,
  env: {},
  now: Date.now,
  sleep: async () => {},
});
const document = (name: string) => fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
const file = document('commands.md');
const [introduction = ''] = readFileSync(file, 'utf8').split(MADE_BELOW);
writeFileSync(file, `${introduction}${MADE_BELOW}${commandReference(program)}`);
writeFileSync(document('cli.schema.json'), `${JSON.stringify(outputSchemaDocument(), null, 2)}\n`);
