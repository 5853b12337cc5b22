/**
 * `completion SHELL`: a script for bash, zsh or fish, made from the description of the command
 * line. Stored names are asked for when they are completed, and no shell ever evaluates them.
 */
import { isName } from '../credential-name.ts';
import { commands, optionsOf, type completion } from './catalog.ts';
import { name, type CommandSpec, type Run } from './command.ts';

export const run: Run<typeof completion> = async ({ args }, context) => {
  const wanted = name(args);
  if (wanted === 'names') {
    const stored = await (await context.vault()).list();
    // What stands in the index may be somebody else's: only what is a name reaches a shell.
    for (const one of stored) if (isName(one.name)) context.output.data(`${one.name}\n`);
  } else {
    context.output.data(scripts[wanted as keyof typeof scripts]());
  }
  return 0;
};

const scripts = { bash, zsh, fish };

/** A command's words as the scripts need them. */
interface Words {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly { readonly flag: string; readonly takesValue: boolean; readonly choices: readonly string[]; readonly help: string }[];
  /** Whether its arguments are names of stored credentials. */
  readonly names: boolean;
}

const words: readonly Words[] = commands.map((spec) => ({
  name: spec.name, summary: spec.summary,
  options: optionsOf(spec).filter(({ flags }) => flags !== '').map(({ flags, choices = [], help }) => ({ flag: flags.split(' ')[0] ?? '', takesValue: flags.includes('<'), choices, help })),
  names: takesNames(spec),
}));

function takesNames({ arguments: given = '' }: CommandSpec): boolean {
  return /name|<old>/.test(given);
}

/** A word between single quotes, as sh reads it (POSIX.1-2024 2.2.2); fish reads the backslash too. */
function quoted(text: string): string {
  return `'${text.replaceAll('\'', String.raw`'\''`)}'`;
}

function list(all: readonly string[]): string {
  return all.map(quoted).join(' ');
}

/** The cases of a shell's `case` over the commands: what each may be followed by. */
function cases(array: string): string {
  return words.map(({ name: command, options, names }) => [
    `    ${quoted(command)})`,
    `      case "$previous" in`,
    ...options.filter(({ choices }) => choices.length > 0).map(({ flag, choices }) => `        ${flag}) ${array}=(${list(choices)}); return;;`),
    ...options.filter(({ takesValue, choices }) => takesValue && choices.length === 0).map(({ flag }) => `        ${flag}) return 1;;`),
    '      esac',
    `      ${array}=(${list(options.map(({ flag }) => flag))})`,
    ...(names ? [`      if [[ "$current" != -* ]]; then ${array}=(); while IFS= read -r line; do ${array}+=("$line"); done < <(command credsetup completion names 2>/dev/null); fi`] : []),
    '      ;;',
  ].join('\n')).join('\n');
}

/** What bash and zsh read alike: fills `candidates`, or fails where a file or anything else belongs. */
function candidates(): string {
  return `_credsetup_words() {
  candidates=()
  case "$command" in
    '') candidates=(${list(words.map(({ name: command }) => command))}) ;;
${cases('candidates')}
  esac
}`;
}

/** Finds the command among the words before the one that is completed. Behind `--` nothing of ours stands. */
const findsCommand = `    [[ "$word" == -- ]] && return
    [[ -z "$command" && "$word" != -* ]] && command="$word"
  done`;

/** Compared and not expanded: `compgen -W` would run what stands in a word. */
function bash(): string {
  return `# credsetup completion for bash. In ~/.bashrc: source <(credsetup completion bash)
${candidates()}
_credsetup() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command='' word line at
  local -a candidates
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="\${COMP_WORDS[at]}"
${findsCommand}
  _credsetup_words || { compopt -o default; return; }
  for word in "\${candidates[@]}"; do
    [[ "$word" == "$current"* ]] && COMPREPLY+=("$word")
  done
}
complete -F _credsetup credsetup
`;
}

function zsh(): string {
  return `#compdef credsetup
# credsetup completion for zsh. In ~/.zshrc, behind compinit: source <(credsetup completion zsh)
${candidates()}
_credsetup() {
  local current="\${words[CURRENT]}" previous="\${words[CURRENT-1]}" command='' word line
  local -a candidates
  for word in "\${(@)words[2,CURRENT-1]}"; do
${findsCommand}
  _credsetup_words || { _files; return; }
  compadd -- "\${candidates[@]}"
}
compdef _credsetup credsetup
`;
}

function fish(): string {
  const text = (one: string): string => `'${one.replaceAll('\\', '\\\\').replaceAll('\'', String.raw`\'`)}'`;
  const lines = words.flatMap(({ name: command, summary, options, names }) => [
    `complete -c credsetup -n __fish_use_subcommand -f -a ${text(command)} -d ${text(summary)}`,
    ...options.map(({ flag, takesValue, choices, help }) => [
      `complete -c credsetup -n '__fish_seen_subcommand_from ${command}' -l ${text(flag.replace(/^--/, ''))} -d ${text(help)}`,
      takesValue ? ' -r' : '', choices.length === 0 ? '' : ` -f -a ${text(choices.join(' '))}`,
    ].join('')),
    // The lines of a command substitution are words as they are.
    ...(names ? [`complete -c credsetup -n '__fish_seen_subcommand_from ${command}' -f -a '(command credsetup completion names 2>/dev/null)'`] : []),
  ]);
  return `# credsetup completion for fish: credsetup completion fish > ~/.config/fish/completions/credsetup.fish\n${lines.join('\n')}\n`;
}
