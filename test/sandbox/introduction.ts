import type { Sandbox } from './start.ts';

/** What a person reads who has just started the sandbox: what to set, who is there, what to try. */
export function introduce(sandbox: Sandbox, built: boolean, platform: NodeJS.Platform = process.platform): string {
  const exports = Object.entries(sandbox.environment).map(([name, value]) =>
    // In PowerShell's words, or in those of every other shell.
    platform === 'win32' ? `$env:${name} = '${value.replaceAll("'", "''")}'` : `export ${name}=${shellWord(value)}`,
  );
  const people = Object.values(sandbox.people).map(
    ({ person, name, groups }) => `${person.padEnd(9)}${name.padEnd(15)}${groups.join(', ') || 'no groups'}`,
  );
  const services = Object.values(sandbox.services).map(
    ({ name, registration }) => `${name.padEnd(9)}${howKnown[registration.kind]}`,
  );
  const secrets = Object.values(sandbox.services).flatMap(({ name, registration }) =>
    registration.kind === 'pre-registered' && registration.clientSecret !== undefined
      ? [`echo ${shellWord(registration.clientSecret)} | node dist/service-connection.js ${name} --client-secret-fd 0`]
      : [],
  );
  const commands = [
    ...(built ? [] : ['npm run build']),
    'node dist/setup-session.js agents apply',
    'node dist/service-connection.js notion',
    'node dist/setup-session.js --agent support --message "What is on the roadmap?"',
    'node dist/service-connection.js list',
  ];
  return `The sandbox is up, on this machine only. Ctrl-C ends it.

In another terminal, in this folder:

${indent(exports)}

These people can sign in; there are no passwords, press a name:

${indent(people)}

They may connect these services:

${indent(services)}

Then try, with your browser:

${indent(commands)}

The clients of some have a secret. It is asked for unseen, or read from stdin:

${indent(secrets)}

GitHub is also connected by a code that is entered there: add --device.
`;
}

const howKnown = {
  dynamic: 'registers clients by itself',
  'client-metadata': 'fetches what the client says of itself',
  'pre-registered': 'knows the client that was registered there',
} as const;

function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join('\n');
}

/** Quotes a value for a POSIX shell, where it needs to be. */
function shellWord(value: string): string {
  return /^[\w:/.@-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
