/**
 * The same tests once more, through a console: with `MAI_TEST_THROUGH=console` each sandbox has one on loopback, the
 * configuration names it, and a command has no key. `npm run test:console` does so and prints what was left out, and why.
 */
import type { Sandbox } from '../sandbox/start.ts';
import { everybodysRoles, withoutKey } from './console.ts';

/** Whether tests run so. */
// biome-ignore lint/style/noProcessEnv: a switch of the whole run
export const throughConsole: boolean = process.env['MAI_TEST_THROUGH'] === 'console';

/** What stays where the files are, with a key. */
const withKey = new Set(['agents', 'environments', 'tools', 'doctor', 'init', 'add', 'ownership']);

/** What a command finds in its environment. */
export function environmentFor(sandbox: Sandbox, argv: readonly string[]): Readonly<Record<string, string>> {
  return !throughConsole || withKey.has(argv[0] ?? '') ? sandbox.environment : withoutKey(sandbox);
}

/** The roles of a configuration whose people a test has replaced: that is not what it is about. */
export function keepRoles(path: string, content: unknown): unknown {
  if (path !== 'interface.yaml' || typeof content !== 'object' || content === null || !('people' in content))
    return content;
  return { ...content, people: { roles: everybodysRoles, ...(content.people as object) } };
}

/** A test, as vitest calls it. */
interface TestNamed {
  name: string;
  suite?: { name: string } | undefined;
}

/** Why a test is not one of a console; undefined for one that is. */
export function reasonAgainst({ name, suite }: TestNamed): string | undefined {
  const whole = suite === undefined ? name : `${suite.name} ${name}`;
  return left.find(([pattern]) => pattern.test(name) || pattern.test(whole))?.[1];
}

/** What is left out. */
const left: readonly (readonly [name: RegExp, why: string])[] = [
  // A mistake that the console finds, it finds for somebody.
  ...[
    /there is no key: nobody is sent to a browser/,
    /names no such service: the nearest is offered/,
    /before anybody signs in/,
    /^empty ends at once with the command to run$/,
    /^a terminal at which nobody sits ends at once$/,
    /a lock that was damaged is refused/,
    /is asked of the platform for an agent that does not exist/,
    /who edited the pin by hand: that is refused before anything is asked/,
    /of a service that is not configured is a mistake/,
    /^is asked nothing where .* is typed/,
    /: it ends at once and asks nobody anything/,
    /^that passes for another is refused before anything is asked/,
  ].map((name) => [name, 'the person signs in first: the console judges for somebody alone'] as const),
  ...[/^it is not there$/, /^it refuses the key$/].map(
    (name) =>
      [name, 'key and address of the platform are the console’s, and the test changes those of the machine'] as const,
  ),
  ...[
    /^passes: here by the record of this machine, elsewhere by what it says itself$/,
    /^has a record of 0600 in 0700, without a secret$/,
    /^a record of this machine that cannot be read is said and not used$/,
    /a remembered vault of somebody else is not used/,
  ].map((name) => [name, 'what was started is remembered by the console, for every machine'] as const),
  ...[
    /where there are ownership keys a session is signed/,
    /where there are ownership keys the signature of another session/,
    /what a key has signed that is retired counts as not signed/,
    /a session whose signer does not work is started/,
  ].map((name) => [name, 'an operator signs at a console, and nobody here is one'] as const),
  [
    /^Slack-, Linear-, Notion-, GitHub- and Google-shaped services all connect/,
    'what another program hands over (--client-secret-fd) is not read for a console',
  ],
  [
    /^on two machines: one connection, which works/,
    'two machines are one to a console: the second run is told that another one is under way',
  ],
  [
    /the mark is signed, and a refusal says with which key$/,
    'the console refuses at its door who was let go, before any vault and its mark is looked at',
  ],
  [
    /^whoever watches is shown nothing more once they were off-boarded$/,
    'an off-boarding ends the run at once, as Ctrl-C does: it looks no more, and there is nothing to be shown',
  ],
  [
    /made with another agent under the name of yours/,
    'the console remembers what it started, and refuses in other words',
  ],
];
