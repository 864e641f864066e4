/**
 * Completion scripts, written from a commander program: each script finds the subcommand that the words before the
 * cursor name, and offers its subcommands, choices and options, or the choices or files an option takes. The scripts
 * are static, so that pressing tab does not start Node, but for the names of what is configured: there the executable is
 * asked, which says nothing where it cannot tell. PowerShell gets no names.
 */
import type { Command, Option } from 'commander';
import type { NameKind } from '../config/names.ts';
import { kindNamed } from './command.ts';
import type { Shell } from './shells.ts';

export function completionScript(program: Command, shell: Shell): string {
  const tool = program.name();
  const levels = levelsOf(program, '');
  switch (shell) {
    case 'bash':
      return bashScript(tool, levels);
    case 'zsh':
      return zshScript(tool, levels);
    case 'fish':
      return fishScript(tool, levels);
    case 'pwsh':
      return pwshScript(tool, levels);
  }
}

/** A command and what can stand after it. */
interface Level {
  /** The subcommands that lead to it, joined by spaces; empty for the program itself. */
  path: string;
  commands: Word[];
  /** What its own arguments may be, where that is a closed list. */
  choices: readonly string[];
  /** What its own argument is the name of. */
  names: NameKind | undefined;
  flags: Flag[];
}

interface Word {
  word: string;
  description: string;
}

interface Flag {
  /** As typed: `-q` and `--quiet`. */
  spellings: string[];
  description: string;
  /** Undefined for a switch; an empty list for a value of any kind, completed as a file. */
  values: readonly string[] | undefined;
  /** What the value is the name of. */
  names: NameKind | undefined;
}

function levelsOf(command: Command, path: string): Level[] {
  const help = command.createHelp();
  help.showGlobalOptions = true;
  const commands = help.visibleCommands(command);
  const options: Option[] = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
  const level: Level = {
    path,
    commands: commands.map((each) => ({ word: each.name(), description: each.description() })),
    choices: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
    names: command.registeredArguments.map(kindNamed).find((kind) => kind !== undefined),
    flags: options.map((option) => ({
      spellings: [option.short, option.long].filter((spelling) => spelling !== undefined),
      description: option.description,
      values: option.required || option.optional ? (option.argChoices ?? []) : undefined,
      names: kindNamed(option),
    })),
  };
  return [level, ...commands.flatMap((each) => levelsOf(each, `${path} ${each.name()}`.trim()))];
}

function wordsOf(level: Level): Word[] {
  return [
    ...level.commands,
    ...level.choices.map((word) => ({ word, description: '' })),
    ...level.flags.flatMap(({ spellings, description }) => spellings.map((word) => ({ word, description }))),
  ];
}

function functionName(tool: string): string {
  return `_${tool.replaceAll(/\W/g, '_')}`;
}

/** `case` branches that walk from one level to the next, and those that complete the value of an option. */
function posixBranches(
  levels: Level[],
  offerFiles: string,
  offer: (words: readonly string[], names?: NameKind) => string,
) {
  const steps = levels.flatMap(({ path, commands }) =>
    commands.map(({ word }) => `      ${quoted(`${path}:${word}`)}) at=${quoted(`${path} ${word}`.trim())} ;;`),
  );
  const values = levels.flatMap(({ path, flags }) =>
    flags.flatMap(({ spellings, values, names }) => {
      if (values === undefined) return [];
      const patterns = spellings.map((spelling) => quoted(`${path}:${spelling}`)).join('|');
      return [
        `    ${patterns}) ${values.length === 0 && names === undefined ? offerFiles : offer(values, names)}; return ;;`,
      ];
    }),
  );
  return { steps: steps.join('\n'), values: values.join('\n') };
}

function bashScript(tool: string, levels: Level[]): string {
  const name = functionName(tool);
  const offer = (words: readonly string[], names?: NameKind) => {
    const known = quoted(words.join(' '));
    const list = names === undefined ? known : `${known}" $(${name}_names ${names})"`;
    return `COMPREPLY=($(compgen -W ${list} -- "$current"))`;
  };
  const { steps, values } = posixBranches(levels, 'COMPREPLY=($(compgen -f -- "$current"))', offer);
  const words = levels.map(
    (level) =>
      `    ${quoted(level.path)}) ${offer(
        wordsOf(level)
          .map(({ word }) => word)
          .sort(),
        level.names,
      )} ;;`,
  );
  return `# bash completion for ${tool}; load it with: source <(${tool} completion bash)
${name}_names() {
  local i config=''
  case "$current" in -*) return ;; esac
  for ((i = 2; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i - 1]}:\${COMP_WORDS[i]}" in
      --config:=) [ $((i + 1)) -lt "$COMP_CWORD" ] && config="\${COMP_WORDS[i + 1]}" ;;
      --config:*) config="\${COMP_WORDS[i]}" ;;
    esac
  done
  command ${tool} completion bash --names "$1" \${config:+--config "\${config/#\\~\\//$HOME/}"} 2>/dev/null </dev/null
}
${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" at='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at:\${COMP_WORDS[i]}" in
${steps}
    esac
  done
  case "$at:$previous" in
${values}
  esac
  case "$at" in
${words.join('\n')}
  esac
}
complete -o default -F ${name} ${tool}
`;
}

function zshScript(tool: string, levels: Level[]): string {
  const name = functionName(tool);
  const asked = (names: NameKind) => `\${(f)"$(${name}_names ${names})"}`;
  const { steps, values } = posixBranches(
    levels,
    '_files',
    (words, names) => `compadd -- ${[...words.map(quoted), ...(names === undefined ? [] : [asked(names)])].join(' ')}`,
  );
  const items = levels.map((level) => {
    const entries = wordsOf(level).map(({ word, description }) => quoted(`${zshPart(word)}:${zshPart(description)}`));
    if (level.names !== undefined) entries.push(asked(level.names));
    return `    ${quoted(level.path)}) items=(${entries.join(' ')}) ;;`;
  });
  return `#compdef ${tool}
# zsh completion for ${tool}; load it with: source <(${tool} completion zsh)
${name}_names() {
  local i folder=''
  local -a config
  [[ "\${words[CURRENT]}" == -* ]] && return
  for ((i = 2; i < CURRENT; i++)); do
    case "\${words[i]}" in
      --config) ((i + 1 < CURRENT)) && folder="\${(Q)words[i+1]}" ;;
      --config=*) folder="\${(Q)words[i]#--config=}" ;;
    esac
  done
  [[ -n "$folder" ]] && config=(--config "\${folder/#\\~\\//$HOME/}")
  command ${tool} completion zsh --names "$1" $config 2>/dev/null </dev/null
}
${name}() {
  local at='' word
  local -a items
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at:$word" in
${steps}
    esac
  done
  case "$at:\${words[CURRENT-1]}" in
${values}
  esac
  case "$at" in
${items.join('\n')}
  esac
  _describe '${tool}' items
  _files
}
if [[ "\${funcstack[1]}" == ${name} ]]; then
  ${name} "$@"
else
  compdef ${name} ${tool}
fi
`;
}

function fishScript(tool: string, levels: Level[]): string {
  const name = `_${functionName(tool)}_names`;
  const asked = (names: NameKind) => fishQuoted(`(${name} ${names})`);
  const lines = levels.flatMap(({ path, commands, choices, names: own, flags }) => {
    const seen = path.split(' ').filter((word) => word !== '');
    const inside = seen.map((word) => `__fish_seen_subcommand_from ${word}`);
    const notBelow = commands.map(({ word }) => `not __fish_seen_subcommand_from ${word}`);
    const conditions = [...inside, ...notBelow].join('; and ');
    const start = `complete -c ${tool}${conditions === '' ? '' : ` -n ${fishQuoted(conditions)}`}`;
    return [
      ...commands.map(({ word, description }) => `${start} -a ${word} -d ${fishQuoted(description)}`),
      ...choices.map((word) => `${start} -f -a ${fishQuoted(word)}`),
      ...(own === undefined ? [] : [`${start} -f -a ${asked(own)}`]),
      ...flags.map(({ spellings, description, values, names: kind }) => {
        const spelled = spellings.map((each) =>
          each.startsWith('--') ? `-l ${each.slice(2)}` : `-s ${each.slice(1)}`,
        );
        const value =
          values === undefined
            ? ''
            : kind !== undefined
              ? ` -x -a ${asked(kind)}`
              : values.length === 0
                ? ' -r -F'
                : ` -x -a ${fishQuoted(values.join(' '))}`;
        return `${start} ${spelled.join(' ')}${value} -d ${fishQuoted(description)}`;
      }),
    ];
  });
  return `# fish completion for ${tool}; load it with: ${tool} completion fish | source
function ${name}
  command -q ${tool}; and not string match -q -- '-*' (commandline -ct); or return
  set -l config
  set -l before (commandline -opc)
  for i in (seq 2 (count $before))
    if test "$before[$i]" = --config; and set -q before[(math $i + 1)]
      set config $before[(math $i + 1)]
    else if string match -q -- '--config=*' "$before[$i]"
      set config (string replace -- '--config=' '' "$before[$i]")
    end
  end
  if set -q config[1]
    set config --config (string replace -r -- '^~/' "$HOME/" "$config")
  end
  command ${tool} completion fish --names $argv[1] $config 2>/dev/null </dev/null
end
${lines.join('\n')}
`;
}

function pwshScript(tool: string, levels: Level[]): string {
  const list = (words: readonly string[]) => `@(${words.map(pwshQuoted).join(', ')})`;
  const steps = levels.flatMap(({ path, commands }) =>
    commands.map(
      ({ word }) => `      ${pwshQuoted(`${path}:${word}`)} { $at = ${pwshQuoted(`${path} ${word}`.trim())} }`,
    ),
  );
  const values = levels.flatMap(({ path, flags }) =>
    flags.flatMap(({ spellings, values }) =>
      values === undefined
        ? []
        : spellings.map((each) => `    ${pwshQuoted(`${path}:${each}`)} { $words = ${list(values)}; $value = $true }`),
    ),
  );
  const words = levels.map(
    (level) => `      ${pwshQuoted(level.path)} { $words = ${list(wordsOf(level).map(({ word }) => word))} }`,
  );
  return `# PowerShell completion for ${tool}; load it with: ${tool} completion pwsh | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName '${tool}' -ScriptBlock {
  param($current, $ast, $position)
  $before = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { $_.ToString() })
  $at = ''
  $words = @()
  $value = $false
  foreach ($word in ($before | Select-Object -Skip 1)) {
    switch -CaseSensitive ("\${at}:$word") {
${steps.join('\n')}
    }
  }
  switch -CaseSensitive ("\${at}:$($before[-1])") {
${values.join('\n')}
  }
  if (-not $value) {
    switch -CaseSensitive ($at) {
${words.join('\n')}
    }
  }
  $words | Where-Object { $_ -like "$current*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`;
}

/** A word in single quotes for bash and zsh. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** In zsh's `_describe` a colon ends the word, unless escaped. */
function zshPart(text: string): string {
  return text.replaceAll(/[\\:]/g, '\\$&');
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}

function pwshQuoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
