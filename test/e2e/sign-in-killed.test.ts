/**
 * A kept sign-in that is renewed by a process which is killed, or interrupted, at every step of that: the spent token is never
 * shown again, nothing stays alive at the provider that is not the one that is kept, and afterwards the sign-in works or
 * the person signs in once (P2, P3).
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { PersonName } from '../sandbox/people.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { type KeptFile, keepSignIns } from '../support/kept-sign-in.ts';
import { type Death, type KilledRun, type Killing, seat } from '../support/killing.ts';
import { type BuiltCopy, copyOfBuild } from './build.ts';

/** Who is killed side by side: one process each on a machine with two cores. */
const lanes: readonly PersonName[] = ['ada', 'grace'];

let built: BuiltCopy;
let sandbox: Sandbox;
let kept: KeptFile;
let machines: readonly Lane[];
type Lane = readonly [PersonName, Killing];

beforeAll(async () => {
  built = await copyOfBuild();
  sandbox = await startSandbox();
  kept = await keepSignIns({
    sandbox,
    async configure(path, change) {
      const file = join(sandbox.configFolder, path);
      const content: unknown = parse(await readFile(file, 'utf8'));
      await writeFile(file, stringify(change(content) ?? content));
    },
  });
  machines = await Promise.all(
    lanes.map(async (person) => [person, await seat(sandbox, built.locate, person)] as const),
  );
}, 240_000);
afterAll(async () => {
  for (const [, machine] of machines) machine.close();
  await sandbox.close();
  await built.remove();
});

const argv = ['whoami', '--json'];
/** Longer than anything in it may take: an answer that is waited for after Ctrl-C, and giving back. */
const longestMs = 30_000;

/** The refresh tokens of a person that the provider would take, by its own list. */
const alive = (person: PersonName) =>
  sandbox.identityProvider.liveGrantsOf(sandbox.people[person].subject).flatMap(({ refreshTokens }) => refreshTokens);

/** Has the person signed in, with an ID token that has expired. */
async function outdated([person, machine]: Lane): Promise<void> {
  if ((await kept.read(machine.folder))?.refresh_token === undefined) {
    expect(await machine.run(['login'])).toMatchObject({ exit: 0 });
  }
  const now = Math.floor(Date.now() / 1000);
  await kept.forge(machine.folder, (token) =>
    sandbox.identityProvider.control.forge(token, { iat: now - 7200, exp: now - 3600 }),
  );
  expect(alive(person)).toEqual([(await kept.read(machine.folder))?.refresh_token]);
}

/** What is wrong with where a death has led to, and which of the two good ends it was. */
async function judge([person, machine]: Lane): Promise<{
  end: 'works' | 'signs in once' | 'neither';
  faults: string[];
}> {
  const faults: string[] = [];
  const known = async (when: string) => {
    const { refresh_token: token } = (await kept.read(machine.folder)) ?? {};
    const unknown = alive(person).filter((each) => each !== token);
    if (unknown.length > 0) faults.push(`${unknown.length} tokens are alive that nobody knows, ${when}`);
    if (token !== undefined && !alive(person).includes(token)) faults.push(`what is kept is dead, ${when}`);
  };
  const next = await machine.run(argv);
  await known('after the next run');
  if (next.exit === 0) return { end: 'works', faults };
  if (next.exit !== 4) return { end: 'neither', faults: [...faults, `${next.exit}: ${next.stderr}`] };
  const signedIn = await machine.run(['login']);
  await known('after signing in');
  const again = await machine.run(argv);
  if (signedIn.exit !== 0 || again.exit !== 0)
    faults.push(`to sign in was not enough: ${signedIn.stderr}${again.stderr}`);
  return { end: 'signs in once', faults };
}

/** What one death led to. */
interface Row {
  step: string;
  end: string;
  faults: string[];
}

async function once(lane: Lane, killAt: number, by: Required<Death>['by']): Promise<Row | undefined> {
  const [, machine] = lane;
  await outdated(lane);
  const { reuses } = sandbox.identityProvider.counters;
  const began = Date.now();
  const killed = await machine.kill(argv, killAt, { by, of: counted });
  const faults: string[] = [];
  const took = Date.now() - began;
  if (killed.steps.filter((step) => counted.test(step)).length < killAt) return undefined;
  if (took > longestMs) faults.push(`it took ${took} ms`);
  if (by === 'SIGKILL' && killed.exit !== undefined) faults.push(`it was not killed: ${killed.stderr}`);
  // What was done already when Ctrl-C came may be the result.
  if (by === 'SIGINT' && ![130, 0].includes(killed.exit ?? -1)) faults.push(`Ctrl-C: ${killed.exit}: ${killed.stderr}`);
  const judged = await judge(lane);
  if (sandbox.identityProvider.counters.reuses > reuses) faults.push('a spent token was shown again');
  const exit = by === 'SIGINT' ? `${killed.exit}, ` : '';
  return { step: stepOf(killed, killAt), end: `${exit}${judged.end}`, faults: [...faults, ...judged.faults] };
}

/** What is done with the sign-in. Before it nothing can be lost, and the record is killed elsewhere. */
const counted = /[\\/]sign-in[\\/]|\/token: /;

function stepOf({ steps }: KilledRun, killAt: number): string {
  return (steps.filter((step) => counted.test(step))[killAt - 1] ?? 'before anything')
    .replace(sandbox.identityProvider.issuer, 'identity provider ')
    .replace(/\/\S*\/(cache|state)\/managed-agents-interface\//, '$1: ')
    .replace(/[0-9a-f]{64}/, '…')
    .replace(/\.[0-9a-f-]{36}/g, '.…');
}

describe.runIf(process.platform === 'linux').each(['SIGKILL', 'SIGINT'] as const)('a renewal, and %s', (by) => {
  test('at every step: it works afterwards, or the person signs in once [P2] [P3]', { timeout: 400_000 }, async () => {
    const [first] = machines;
    if (first === undefined) throw new Error('nobody is seated');
    await outdated(first);
    const { steps, exit, stderr } = await first[1].kill(argv, 0, { by, of: counted });
    expect([exit, stderr]).toEqual([0, expect.not.stringContaining('error')]);
    const wanted = steps.filter((step) => counted.test(step)).map((_, index) => index + 1);
    expect(wanted.length).toBeGreaterThan(12);
    const rows = new Map<number, Row>();
    await Promise.all(
      machines.map(async (lane) => {
        for (let at = wanted.shift(); at !== undefined; at = wanted.shift()) {
          const row = await once(lane, at, by);
          if (row !== undefined) rows.set(at, row);
        }
      }),
    );
    const inOrder = [...rows].sort(([a], [b]) => a - b).map(([, row]) => row);
    print(by, inOrder);
    expect(inOrder.filter(({ faults }) => faults.length > 0)).toEqual([]);
    if (by === 'SIGKILL') {
      // From the note that it is shown to the successor in its place nobody can say whether it is spent: there alone.
      const [noted, kept] = [/rename to .*person\.json: done$/, /rename to .*\.age: done$/].map((moment) =>
        inOrder.findIndex(({ step }) => moment.test(step)),
      );
      const expected = inOrder.map((_, at) => (at >= (noted ?? 0) && at < (kept ?? 0) ? 'signs in once' : 'works'));
      expect([noted, kept]).not.toContain(-1);
      expect(inOrder.map(({ end }) => end)).toEqual(expected);
    }
  });
});

/** One line for each thing that was done, with what each of its steps led to. */
function print(by: string, rows: readonly Row[]): void {
  const lines = new Map<string, string[]>();
  for (const { step, end, faults } of rows) {
    const [, what = step, when = ''] = /^(.*?): (\w+)$/.exec(step) ?? [];
    lines.set(what, [...(lines.get(what) ?? []), `${when} ${end}${faults.length > 0 ? ' WRONG' : ''}`]);
  }
  const width = Math.max(...[...lines.keys()].map((what) => what.length));
  const table = [...lines].map(([what, ends]) => `  ${what.padEnd(width)}  ${ends.join('; ')}`);
  process.stdout.write([`a renewal, ${by} at ${rows.length} steps:`, ...table, ''].join('\n'));
}

const six = [1, 2, 3, 4, 5, 6];

test.runIf(process.platform === 'linux')(
  'six processes renew it once, whatever becomes of one of them [P2]',
  {
    timeout: 300_000,
  },
  async () => {
    const [lane] = machines;
    if (lane === undefined) throw new Error('nobody is seated');
    const [person, machine] = lane;
    const { counters } = sandbox.identityProvider;
    await outdated(lane);
    const { refreshes, reuses } = counters;
    const all = await Promise.all(six.map(() => machine.kill(argv, 0)));
    expect(all.map(({ exit }) => exit)).toEqual(six.map(() => 0));
    const by = all.map(({ stdout }) => (JSON.parse(stdout) as { proven_by: string }).proven_by);
    expect(by.toSorted()).toEqual(['kept', 'kept', 'kept', 'kept', 'kept', 'renewed']);
    expect([counters.refreshes - refreshes, counters.reuses - reuses]).toEqual([1, 0]);

    for (const moment of [/\/token: before$/, /\/token: sent$/, /\.age: before$/]) {
      await outdated(lane);
      const [dead, ...others] = await Promise.all(
        six.map((each) => machine.kill(argv, each === 1 ? 1 : 0, { of: moment })),
      );
      // The one that is to die comes to it where it is the first to hold the lock; else it finds everything renewed.
      expect(dead?.exit === undefined || dead.exit === 0).toBe(true);
      const exits = [...new Set(others.map(({ exit }) => exit))];
      // One that came first is done, and those behind the dead one ask for a sign-in, all alike.
      expect(exits.filter((exit) => exit !== 0 && exit !== 4)).toEqual([]);
      expect(counters.reuses).toBe(reuses);
      expect(await judge(lane)).toMatchObject({ faults: [] });
      expect(alive(person)).toHaveLength(1);
    }
  },
);
