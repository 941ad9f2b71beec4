import type { Argument, Command, Option } from 'commander';
import { printsOf } from './output-schema.ts';

/** A command with its whole name: `recharges list`. */
export interface Named {
  name: string;
  command: Command;
}

/** All commands that do something, in the order of the help. The program itself is none. */
export function commandsOf(group: Command, path: string[] = []): Named[] {
  return group.commands.flatMap((command) => {
    const name = [...path, command.name()];
    return command.commands.length === 0 ? [{ name: name.join(' '), command }] : commandsOf(command, name);
  });
}

/** The lines under "Examples" in its help, each from `npx relay` on. */
export function examplesOf(command: Command): string[] {
  let help = '';
  const output = command.configureOutput();
  command.configureOutput({ writeOut: (said) => (help += said) });
  command.outputHelp();
  command.configureOutput(output);
  return [...help.matchAll(/^ {2}(npx relay .+)$/gm)].map(([, line = '']) => line);
}

/** What stands above is written by hand. */
export const MADE_BELOW = '<!-- What follows is made of the commands themselves: npm run generate -->\n\n';

/** docs/commands.md, below its introduction. */
export function commandReference(program: Command): string {
  const groups = program.commands.map((group) => {
    const inside = commandsOf(group);
    const [own] = inside.length === 0 ? [{ name: group.name(), command: group }] : [];
    if (own !== undefined) return [`## ${own.name}`, ...described(own)];
    return [
      `## ${group.name()}`,
      sentence(group.description()),
      ...inside.flatMap(({ name, command }) => {
        const whole = { name: `${group.name()} ${name}`, command };
        return [`### ${whole.name}`, ...described(whole)];
      }),
    ];
  });
  return `${groups.flat().join('\n\n')}\n`;
}

function described({ name, command }: Named): string[] {
  const { options, registeredArguments } = command;
  const rows = [
    ...registeredArguments.map((argument) => [argumentUsage(argument), argument.description]),
    ...options.map((option) => [option.flags, optionText(option)]),
  ];
  const usage = [
    name,
    ...registeredArguments.map(argumentUsage),
    ...options.filter(isNeeded).map(flagsOf),
  ].join(' ');
  const examples = examplesOf(command);
  return [
    sentence(command.description()),
    `\`npx relay ${usage}\``,
    ...(examples.length === 0 ? [] : [['```sh', ...examples, '```'].join('\n')]),
    ...(rows.length === 0 ? [] : [table(rows)]),
    ...printsText(name),
  ];
}

function printsText(name: string): string[] {
  const prints = printsOf(name).map((print) =>
    print.endsWith('[]') ? `an array of \`${print.slice(0, -2)}\`` : `\`${print}\``,
  );
  return prints.length === 0 ? [] : [`With \`--json\`: ${prints.join(', or ')}.`];
}

const isNeeded = ({ mandatory, defaultValue }: Option) => mandatory && defaultValue === undefined;
const flagsOf = ({ flags }: Option) => flags;

const argumentUsage = (argument: Argument) => {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
};

function optionText(option: Option): string {
  const { description, argChoices, defaultValue } = option;
  const facts = [
    ...(argChoices === undefined ? [] : [`one of ${argChoices.map((choice) => `\`${choice}\``).join(', ')}`]),
    ...(isNeeded(option) ? ['must be given'] : []),
    ...(defaultValue === undefined || typeof defaultValue === 'boolean'
      ? []
      : [`default ${String(defaultValue)}`]),
  ];
  return facts.length === 0 ? description : `${description} (${facts.join('; ')})`;
}

const table = (rows: string[][]) =>
  [
    '| argument | |',
    '|---|---|',
    ...rows.map(
      ([flags = '', text = '']) => `| \`${cell(flags)}\` | ${cell(text.replaceAll('<', '&lt;'))} |`,
    ),
  ].join('\n');

/** A bar would end the cell. Outside of code, `<` begins a tag. */
const cell = (text: string) => text.replaceAll('|', '\\|');

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
