import { parseArgs } from 'node:util';
import { stageSettings } from './stages.ts';

const COMMANDS = ['synth', 'diff', 'deploy', 'destroy'] as const;
type Command = (typeof COMMANDS)[number];

/** Which options a command takes, beside `--stage`. Nothing is dropped that somebody relies on. */
const OPTIONS = {
  profile: ['diff', 'deploy', 'destroy'],
  'require-approval': ['deploy'],
  'beside-old-table': ['deploy'],
  strict: ['synth'],
  yes: ['destroy'],
  force: ['destroy'],
} satisfies Record<string, Command[]>;

/**
 * Nothing is guessed, and nothing is dropped, because a misspelt stage or profile must not reach another one.
 *
 * @throws an Error that says what to write instead.
 */
export function readArguments(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    options: {
      stage: { type: 'string' },
      profile: { type: 'string' },
      'require-approval': { type: 'string' },
      'beside-old-table': { type: 'boolean' },
      strict: { type: 'boolean' },
      yes: { type: 'boolean', short: 'y' },
      force: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  const [name, ...further] = positionals;
  const command = COMMANDS.find((known) => known === name);
  if (!command) throw new Error(`Say what to do: ${COMMANDS.join(', ')}.`);
  if (further.length > 0) {
    throw new Error(
      `Not understood: ${further.join(' ')}. Write: npm run ${command} -- --stage dev (mind the --)`,
    );
  }
  if (values.stage === undefined && command !== 'synth') {
    throw new Error(`Say which stage: npm run ${command} -- --stage dev (mind the -- in the middle)`);
  }
  for (const [option, commands] of Object.entries<Command[]>(OPTIONS)) {
    if (Object.hasOwn(values, option) && !commands.includes(command)) {
      throw new Error(`${command} takes no --${option}.`);
    }
  }
  return { command, stage: stageSettings(values.stage ?? 'dev'), values };
}
