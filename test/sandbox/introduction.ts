import type { Sandbox } from './start.ts';

/** What a person reads who has just started the sandbox: what to set, who is there, what to try. */
export function introduce(sandbox: Sandbox, built: boolean): string {
  const exports = Object.entries(sandbox.environment).map(([name, value]) => `export ${name}=${shellWord(value)}`);
  const people = Object.values(sandbox.people).map(
    ({ person, name, groups }) => `${person.padEnd(9)}${name.padEnd(15)}${groups.join(', ') || 'no groups'}`,
  );
  const commands = [
    ...(built ? [] : ['npm run build']),
    'npx service-connection notion',
    'npx setup-session --agent support --message "What is on the roadmap?"',
    'npx service-connection list',
  ];
  return `The sandbox is up, on this machine only. Ctrl-C ends it.

In another terminal, in this folder:

${indent(exports)}

These people can sign in; there are no passwords, press a name:

${indent(people)}

Then try, with your browser:

${indent(commands)}
`;
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join('\n');
}

/** Quotes a value for a POSIX shell, where it needs to be. */
function shellWord(value: string): string {
  return /^[\w:/.@-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
