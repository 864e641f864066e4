/**
 * The runner of a CI job reads commands out of what a program says. GitHub's takes a line that begins with `::` after
 * blanks, and `##[` anywhere in a line, on stdout and on stderr (actions/runner, ActionCommand.cs); Azure's `##vso[` and
 * TeamCity's `##teamcity[` are alike. Text from outside must never be one of them (P9).
 */

/** Where a command begins that may stand anywhere in a line. */
export const commandAnywhere: RegExp = /##(?=\w*\[)/g;

/** Where a command begins that stands at the beginning of a line. */
const commandAtStart = /^(\s*):(?=:)/gm;

/** Text of several lines with every command of a runner made visible, and nothing else changed. */
export function withoutCommands(text: string): string {
  return text.replace(commandAnywhere, '#\\u{23}').replace(commandAtStart, '$1\\u{3a}');
}
