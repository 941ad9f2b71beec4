import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cliWith } from './main.ts';
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
const file = fileURLToPath(new URL('../docs/commands.md', import.meta.url));
const [introduction = ''] = readFileSync(file, 'utf8').split(MADE_BELOW);
writeFileSync(file, `${introduction}${MADE_BELOW}${commandReference(program)}`);
