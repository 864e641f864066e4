/**
 * What the runner of GitHub Actions reads in the words and files of a step, by the rules of its source: ActionCommand.cs
 * (commands in what was said) and FileCommandManager.cs (outputs) of github.com/actions/runner.
 */

/** A command that the runner would carry out. */
export interface RunnerCommand {
  command: string;
  properties: Record<string, string>;
  data: string;
}

const known =
  /^(error|warning|notice|debug|group|endgroup|echo|add-mask|add-path|add-matcher|remove-matcher|set-env|set-output|save-state|stop-commands)$/i;

/** Every command in what a step said, on either stream. */
export function commandsIn(said: string): RunnerCommand[] {
  return said.split(/\r\n|\r|\n/).flatMap((line) => readNew(line) ?? readOld(line) ?? []);
}

/** `::command key=value,key=value::data` after blanks. */
function readNew(line: string): RunnerCommand | undefined {
  const text = line.trimStart();
  const end = text.indexOf('::', 2);
  if (!text.startsWith('::') || end < 0) return undefined;
  return read(text.slice(2, end), ',', text.slice(end + 2), (value) =>
    value.replace(/%3A/g, ':').replace(/%2C/g, ',').replace(/%0D/g, '\r').replace(/%0A/g, '\n').replace(/%25/g, '%'),
  );
}

/** `##[command key=value;key=value]data` anywhere. */
function readOld(line: string): RunnerCommand | undefined {
  const start = line.indexOf('##[');
  const end = line.indexOf(']', start);
  if (start < 0 || end < 0) return undefined;
  return read(line.slice(start + 3, end), ';', line.slice(end + 1), (value) => value);
}

function read(
  words: string,
  separator: string,
  data: string,
  decode: (value: string) => string,
): RunnerCommand | undefined {
  const [command = '', ...rest] = words.split(' ');
  if (!known.test(command)) return undefined;
  const pairs = rest
    .join(' ')
    .trim()
    .split(separator)
    .map((pair) => pair.split(/=(.*)/s));
  return {
    command,
    properties: Object.fromEntries(
      pairs.flatMap(([key, value]) => (key && value ? [[key, decode(value)] as const] : [])),
    ),
    data: data.replace(/%0D/g, '\r').replace(/%0A/g, '\n').replace(/%25/g, '%'),
  };
}

/** The outputs in the file that GITHUB_OUTPUT names. Throws for what the runner refuses. */
export function outputsIn(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split('\n');
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    if (line === '') continue;
    const [, name = '', sign, rest = ''] = /^(.*?)(=|<<)(.*)$/s.exec(line) ?? [];
    if (sign === undefined || name === '') throw new Error(`invalid format ${JSON.stringify(line)}`);
    if (sign === '=') {
      outputs[name] = rest;
      continue;
    }
    const end = lines.indexOf(rest);
    if (end < 0) throw new Error(`no delimiter ${JSON.stringify(rest)}`);
    outputs[name] = lines
      .splice(0, end + 1)
      .slice(0, -1)
      .join('\n');
  }
  return outputs;
}
