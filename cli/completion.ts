import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What may follow the words before: a command, or an option with the values it takes. */
interface Word {
  word: string;
  description: string;
  /** Of an option that takes a value: those to choose from; none if it may be anything. */
  values?: readonly string[];
}

/** A command, or a group of them, by the words that lead to it: ` recharges list`. */
interface Place {
  path: string;
  words: Word[];
}

/** The script that a shell reads once. It holds all commands, so that no process is started for a Tab. */
export function completionScript(shell: Shell, program: Command): string {
  return SCRIPTS[shell](placesOf(program));
}

function placesOf(program: Command): Place[] {
  const own = optionWords(program);
  // "recharges resolve" has a --version of its own, with a value.
  const everywhere = own.filter(({ word }) => word !== '--version');
  const below = (command: Command, path: string): Place[] => [
    {
      path,
      words: [
        ...command.commands.map((next) => ({ word: next.name(), description: next.description() })),
        ...command.registeredArguments.flatMap(({ argChoices = [], description }) =>
          argChoices.map((word) => ({ word, description })),
        ),
        ...(command === program ? own : [...optionWords(command), ...everywhere]),
        { word: '--help', description: 'explains the command' },
      ],
    },
    ...command.commands.flatMap((next) => below(next, `${path} ${next.name()}`)),
  ];
  return below(program, '');
}

const optionWords = ({ options }: Command): Word[] =>
  options.flatMap((option) => (option.long ? [optionWord(option, option.long)] : []));

const optionWord = ({ description, argChoices, required, optional }: Option, word: string): Word => ({
  word,
  description,
  ...(required || optional ? { values: argChoices ?? [] } : {}),
});

/** In single quotes a POSIX shell reads everything as it is, but for the quote itself. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

const joined = (words: readonly string[]) => quoted(words.join(' '));

/** One pattern for each place but the first, which is where every command line begins. */
const pathPatterns = (places: Place[]) => places.slice(1).map(({ path }) => quoted(path));

/** A value is asked for behind its option, wherever that stands. */
const valueCases = (places: Place[], line: (pattern: string, values: readonly string[]) => string) =>
  places.flatMap(({ path, words }) =>
    words.flatMap(({ word, values }) =>
      values === undefined ? [] : [line(quoted(`${path} ${word}`), values)],
    ),
  );

const bash = (
  places: Place[],
) => `# The completion of relay for bash. In ~/.bashrc: source <(npx relay completion bash)
_relay() {
  local path='' words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
      ${pathPatterns(places).join('|')}) path="$path $word" ;;
    esac
  done
  case "$path" in
${places.map(({ path, words }) => `    ${quoted(path)}) words=${joined(words.map(({ word }) => word))} ;;`).join('\n')}
  esac
  case "$path \${COMP_WORDS[COMP_CWORD-1]}" in
${valueCases(places, (pattern, values) => `    ${pattern}) words=${joined(values)} ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _relay relay
`;

/** \`_describe\` parts a word from its description at the first colon. */
const described = ({ word, description }: Word) => quoted(`${word}:${description.replaceAll(':', '\\:')}`);

const zsh = (places: Place[]) => `#compdef relay
# The completion of relay for zsh. In ~/.zshrc, behind compinit: source <(npx relay completion zsh)
_relay() {
  local line='' word
  local -a candidates
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$line $word" in
      ${pathPatterns(places).join('|')}) line="$line $word" ;;
    esac
  done
  case "$line \${words[CURRENT-1]}" in
${valueCases(
  places,
  (pattern, values) =>
    `    ${pattern}) ${values.length === 0 ? '_files' : `compadd -- ${values.map(quoted).join(' ')}`}; return ;;`,
).join('\n')}
  esac
  case "$line" in
${places.map(({ path, words }) => `    ${quoted(path)}) candidates=(${words.map(described).join(' ')}) ;;`).join('\n')}
  esac
  _describe relay candidates
}
compdef _relay relay
`;

/** In single quotes fish knows two escapes. */
const fishQuoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const fish = (
  places: Place[],
) => `# The completion of relay for fish: npx relay completion fish > ~/.config/fish/completions/relay.fish
function __relay_at
    set -l line ''
    for word in (commandline -opc)[2..]
        switch "$line $word"
            case ${places
              .slice(1)
              .map(({ path }) => fishQuoted(path))
              .join(' ')}
                set line "$line $word"
        end
    end
    test "$line" = "$argv[1]"
end
complete -c relay -f
${places
  .flatMap(({ path, words }) =>
    words.map(({ word, description, values }) => {
      const at = `complete -c relay -n ${fishQuoted(`__relay_at ${fishQuoted(path)}`)}`;
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`;
      const choices =
        values === undefined ? '' : values.length === 0 ? ' -r -F' : ` -x -a ${fishQuoted(values.join(' '))}`;
      return `${at} ${what}${choices} -d ${fishQuoted(description)}`;
    }),
  )
  .join('\n')}
`;

const SCRIPTS: Record<Shell, (places: Place[]) => string> = { bash, zsh, fish };
