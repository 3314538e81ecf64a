import type { CommandWords, OptionWords, Surface } from './surface.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** A script that completes commands, options and their values in a shell. Where any value is allowed, it completes files. */
export const completionScript = (shell: Shell, surface: Surface): string => scripts[shell](surface);

const namesOf = ({ long, short }: OptionWords): readonly string[] =>
  [short, long].filter((name) => name !== null);

/** A text in single quotes, as bash and zsh read it. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const quotedWords = (words: readonly string[]): string => quoted(words.join(' '));

const firstWords = ({ options, commands }: Surface): readonly string[] => [
  ...commands.map(({ name }) => name),
  ...options.flatMap(namesOf),
];

/** The branches of a `case` over `command option` for options that take a value. */
const valueCases = ({ commands }: Surface): string =>
  commands
    .flatMap(({ name, options }) =>
      options
        .filter(({ takesValue }) => takesValue)
        .map((one) => {
          const patterns = namesOf(one).map((option) => `${name}\\ ${option}`);
          return `    ${patterns.join('|')}) values=${quotedWords(one.values)}; any=${one.values.length === 0 ? 1 : 0} ;;`;
        }),
    )
    .join('\n');

const wordCases = ({ commands }: Surface): string =>
  commands
    .map(
      ({ name, options, words }) =>
        `    ${name}) words=${quotedWords([...words, ...options.flatMap(namesOf)])} ;;`,
    )
    .join('\n');

const bash = (surface: Surface): string => `# bash completion of decnet-fleet
_decnet_fleet() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} values='' any=-1 words=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W ${quotedWords(firstWords(surface))} -- "$current")
    return
  fi
  # bash splits --option=value at the sign.
  if [ "$current" = '=' ]; then current=''
  elif [ "$before" = '=' ]; then before=\${COMP_WORDS[COMP_CWORD-2]}; fi
  case "\${COMP_WORDS[1]} $before" in
${valueCases(surface)}
  esac
  if [ "$any" -eq 1 ]; then
    compopt -o default
    return
  fi
  if [ "$any" -eq 0 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
    return
  fi
  case "\${COMP_WORDS[1]}" in
${wordCases(surface)}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  if [ "\${#COMPREPLY[@]}" -eq 0 ]; then compopt -o default; fi
}
complete -F _decnet_fleet decnet-fleet
`;

/** A word and its description, as \`_describe\` of zsh takes it. */
const described = (word: string, description: string): string =>
  quoted(`${word.replaceAll(':', '\\:')}:${description}`);

const zshOptions = (options: readonly OptionWords[]): string =>
  options.flatMap((one) => namesOf(one).map((name) => described(name, one.description))).join(' ');

const zsh = (surface: Surface): string => `#compdef decnet-fleet
# zsh completion of decnet-fleet
_decnet_fleet() {
  local -a words_of options_of
  local any=-1 values='' before=$words[CURRENT-1]
  if (( CURRENT == 2 )); then
    words_of=(${surface.commands.map(({ name, description }) => described(name, description)).join(' ')})
    options_of=(${zshOptions(surface.options)})
    _describe command words_of
    _describe option options_of
    return
  fi
  case "$words[2] $before" in
${valueCases(surface)}
  esac
  if (( any == 1 )); then _files; return; fi
  if (( any == 0 )); then compadd -- \${=values}; return; fi
  case "$words[2]" in
${surface.commands
  .map(
    ({ name, options, words }) =>
      `    ${name}) words_of=(${words.map(quoted).join(' ')}); options_of=(${zshOptions(options)}) ;;`,
  )
  .join('\n')}
  esac
  if (( $#words_of )); then compadd -- $words_of; fi
  if [[ $words[CURRENT] == -* ]]; then _describe option options_of; elif (( ! $#words_of )); then _files; fi
}
if [ "$funcstack[1]" = _decnet_fleet ]; then _decnet_fleet "$@"; else compdef _decnet_fleet decnet-fleet; fi
`;

/** A text in single quotes, as fish reads it. */
const fishQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function fishOption(condition: string, one: OptionWords): string {
  const parts = [
    `complete -c decnet-fleet -n ${fishQuoted(condition)}`,
    ...(one.short === null ? [] : [`-s ${one.short.slice(1)}`]),
    ...(one.long === null ? [] : [`-l ${one.long.slice(2)}`]),
    ...(one.takesValue ? ['-r'] : []),
    ...(one.values.length > 0 ? [`-f -a ${fishQuoted(one.values.join(' '))}`] : []),
    `-d ${fishQuoted(one.description)}`,
  ];
  return parts.join(' ');
}

function fishCommand({ name, description, options, words }: CommandWords): readonly string[] {
  const within = `__fish_seen_subcommand_from ${name}`;
  return [
    `complete -c decnet-fleet -n __fish_use_subcommand -f -a ${name} -d ${fishQuoted(description)}`,
    ...words.map((word) => `complete -c decnet-fleet -n ${fishQuoted(within)} -f -a ${fishQuoted(word)}`),
    ...options.map((one) => fishOption(within, one)),
  ];
}

const fish = ({ options, commands }: Surface): string =>
  `${[
    '# fish completion of decnet-fleet',
    ...options.map((one) => fishOption('__fish_use_subcommand', one)),
    ...commands.flatMap(fishCommand),
  ].join('\n')}\n`;

const scripts: Readonly<Record<Shell, (surface: Surface) => string>> = { bash, zsh, fish };
